//! Checks that the projections of cdrscope's own calls can be read by their names.

use std::sync::atomic::{AtomicBool, Ordering};

use clickhouse::error::{Error, Result};
use clickhouse::{Client, Row};
use serde::Deserialize;

use super::{StoreError, in_time};
use crate::shown::Cause;
use crate::sql::ReadMode;
use crate::sql::layout;
use crate::sql::projections::{ALL, lacked};

/// The ways of reading projections that the settings and the table allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionMode {
    /// By their names while that can be done: the calls are in cdrscope's own table of this name.
    Named(&'static str),
    /// As ClickHouse chooses: the table is somebody else's, or has no parts.
    ByEngine,
    /// Not at all.
    Off,
}

/// The way to read projections, and the finding of the latest check.
#[derive(Debug)]
pub(super) struct Projections {
    mode: ProjectionMode,
    found: AtomicBool,
}

impl Projections {
    pub(super) fn new(mode: ProjectionMode) -> Self {
        Self { mode, found: AtomicBool::new(false) }
    }

    /// The mode of the next statement.
    pub(super) fn next_mode(&self) -> ReadMode {
        match self.mode {
            ProjectionMode::Named(_) if self.found.load(Ordering::Relaxed) => ReadMode::Named,
            ProjectionMode::Named(_) | ProjectionMode::ByEngine => ReadMode::Engine,
            ProjectionMode::Off => ReadMode::Calls,
        }
    }

    /// A statement that names one was refused: takes them for gone until the next check.
    pub(super) fn refused(&self, error: &StoreError) {
        // ClickHouse does not find a part's own columns where no part is read. Whether that is as the table is empty, or as
        // every part lacks the projection, the next look will tell.
        if !error.names_no_column() && self.found.swap(false, Ordering::Relaxed) {
            log::warn!("projections are left to ClickHouse for now: {}", Cause(error));
        }
    }

    /// Looks whether they are there.
    pub(super) async fn look(&self, client: &Client) {
        let ProjectionMode::Named(table) = self.mode else { return };
        let found = found(client, table, self.found.load(Ordering::Relaxed)).await;
        let (is_found, why) = match found {
            Ok(None) => (true, String::new()),
            Ok(Some(why)) => (false, why),
            Err(error) => (false, error.to_string()),
        };
        if self.found.swap(is_found, Ordering::Relaxed) != is_found {
            if is_found {
                log::info!("projections are read by their names");
            } else {
                log::warn!("projections are left to ClickHouse: {why}");
            }
        }
    }
}

/// Statements by name ask for it, see [`crate::sql`]; a user who may not has projections left to ClickHouse.
const ANALYSIS: (&str, &str) = ("enable_analyzer", "0");

/// Why they cannot be read by name; `None` when they can.
async fn found(client: &Client, table: &str, before: bool) -> Result<Option<String>> {
    // ClickHouse counts without a look at the rows unless some of them are hidden: by a policy, which is for the table only
    // and would let a projection show every row, or as they were deleted behind a mask.
    let plan = text(client, &format!("EXPLAIN SELECT count() FROM {table}")).await?;
    if !plan.contains("Optimized trivial count") {
        return Ok(Some("rows of the table are hidden, by a policy or by DELETE FROM".into()));
    }
    let lacked = lacked_in(client, table).await?;
    if !lacked.is_empty() {
        return Ok(Some(format!("parts of the table lack {}", lacked.join(", "))));
    }
    if before {
        return Ok(None);
    }
    for projection in ALL {
        let sql = layout::projection_columns(table, projection);
        let described = text(&client.clone().with_setting(ANALYSIS.0, ANALYSIS.1), &sql).await?;
        let has = |column: &&&str| described.lines().any(|line| line.split('\t').next() == Some(**column));
        if let Some(column) = projection.columns.iter().find(|column| !has(column)) {
            return Ok(Some(format!("{} has no {column}", projection.name)));
        }
    }
    Ok(None)
}

#[derive(Row, Deserialize)]
struct ProjectedPart {
    projections: Vec<String>,
    partition_id: String,
    min_time: u32,
    max_time: u32,
}

/// The names of those that some part lacks. Columns as they are, since each function in the statement would cost more than
/// the few parts do here.
async fn lacked_in(client: &Client, table: &str) -> Result<Vec<&'static str>> {
    let database = client.database().unwrap_or("default");
    let parts =
        in_time(client.query_raw(&layout::projected_parts(database, table)).fetch_all::<ProjectedPart>()).await?;
    let of = |part: &ProjectedPart| {
        lacked(&part.projections, &part.partition_id, part.min_time.into(), part.max_time.into())
    };
    let mut all: Vec<_> = parts.iter().flat_map(of).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

async fn text(client: &Client, sql: &str) -> Result<String> {
    let read = async { client.query_raw(sql).fetch_bytes("TabSeparatedRaw")?.collect().await };
    let bytes = in_time(read).await?;
    String::from_utf8(bytes.to_vec()).map_err(|error| Error::Other(error.into()))
}
