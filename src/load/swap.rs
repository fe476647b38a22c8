//! Rows that go for those of files. The new rows are collected in a table of the same structure beside the calls. When
//! all are there it is renamed: from then on a run that is killed is finished by the next one.
//!
//! Whole months are swapped by `REPLACE PARTITION`. Other rows are deleted by a mutation, and the new ones attached.
//! Both can be done again from their beginning, as the new rows are among those that go.

use clickhouse::Client;
use clickhouse::error::Error;

use super::column::ColumnType;
use super::door::{Beside, Door, SLACK};
use super::hold::Hold;
use super::plan::TargetTable;
use super::range::{Range, between};
use super::stage;

/// The names of tables that are complete.
const READY: &str = "cdrscope_ready_";

/// The rows that go: kept in the comment of the table of new rows.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct SwapWork {
    /// The table of calls.
    table: String,
    /// All rows of the range.
    range: Option<Range>,
    /// Rows between these seconds whose id or uuid a new row has.
    known: Option<(i64, i64)>,
}

/// Rows and accounts.
pub type Count = (u64, u64);

/// New rows, and those that go for them.
pub struct Swap<'a> {
    door: &'a Door<'a>,
    /// The table of new rows.
    new: TargetTable,
    partition_key: String,
    work: SwapWork,
    replaces_known: bool,
    /// Keeps other loads from dropping the table of new rows.
    _hold: Option<Hold>,
}

impl<'a> Swap<'a> {
    /// A swap without new rows yet. Refuses tables whose rows cannot be swapped.
    pub async fn begin(door: &'a Door<'a>, range: Option<&Range>, replaces_known: bool) -> Result<Self, String> {
        let table = door.table;
        let (engine, partition_key) = engine(door).await?;
        if !engine.ends_with("MergeTree") || engine.starts_with("Replicated") || engine.starts_with("Shared") {
            let name = &table.name;
            return Err(format!("{name} is a {engine}: rows are replaced in tables of one server's MergeTree only"));
        }
        if replaces_known && keys(table).is_empty() {
            return Err(format!("{} has neither a whole number id nor a uuid to know rows by", table.name));
        }
        let of_text =
            table.column(&table.account).is_none_or(|column| !matches!(column.kind, Some(ColumnType::Integer { .. })));
        if of_text && range.is_some_and(|range| !range.accounts.is_empty()) {
            return Err(format!("--replace-account: {} is no column of whole numbers", table.account));
        }
        let (name, hold) = stage::hold_new(door.client).await?;
        door.run(&format!("CREATE TABLE {name} AS {}", table.name)).await.map_err(line)?;
        let work = SwapWork { table: table.name.clone(), range: range.cloned(), known: None };
        let new = TargetTable { name, ..table.clone() };
        Ok(Self { door, new, partition_key, work, replaces_known, _hold: hold })
    }

    /// Where new rows are stored. Of rows that stay, those with the same id or uuid are known.
    pub fn door(&self) -> Door<'_> {
        let beside = self.work.range.as_ref().filter(|_| !self.replaces_known);
        let beside = beside.map(|range| Beside { table: &self.door.table.name, but: range.sql(self.door.table) });
        Door { client: self.door.client, table: &self.new, database: self.door.database, beside }
    }

    /// Adds the times of a file whose known rows go.
    pub fn covers(&mut self, times: (i64, i64)) {
        if self.replaces_known {
            let (from, to) = self.work.known.unwrap_or(times);
            self.work.known = Some((from.min(times.0 - SLACK), to.max(times.1 + SLACK + 1)));
        }
    }

    /// Rows that go, and new rows.
    pub async fn counts(&self) -> Result<(Count, Count), String> {
        let Some(condition) = condition(self.door.table, &self.work, &self.new.name) else {
            return Ok(((0, 0), (0, 0)));
        };
        let account = &self.door.table.account;
        let count = async |from: &str| {
            let sql = format!("SELECT count(), uniqExact(`{account}`) FROM {from}");
            self.door.client.query_raw(&sql).fetch_one::<Count>().await.map_err(line)
        };
        Ok((count(&format!("{} WHERE {condition}", self.door.table.name)).await?, count(&self.new.name).await?))
    }

    /// Leaves everything as it was.
    pub async fn give_up(self) {
        self.door.drop(&self.new.name).await;
    }

    /// Swaps the rows.
    pub async fn apply(mut self) -> Result<(), String> {
        let comment = serde_json::to_string(&self.work).map_err(|error| error.to_string())?;
        let comment = comment.replace('\\', "\\\\").replace('\'', "\\'");
        let ready = format!("{READY}{}", uuid::Uuid::new_v4().simple());
        let marked = async {
            self.door.run(&format!("ALTER TABLE {} MODIFY COMMENT '{comment}'", self.new.name)).await?;
            self.door.run(&format!("RENAME TABLE {} TO {ready}", self.new.name)).await
        };
        if let Err(error) = marked.await {
            let why = line(error);
            self.give_up().await;
            return Err(why);
        }
        self.new.name.clone_from(&ready);
        finish(self.door, &self.partition_key, &self.work, &self.new.name).await
    }
}

/// Finishes what runs that were killed have left, and says so.
pub async fn finish_left(door: &Door<'_>, dry: bool, say: &mut dyn FnMut(String)) -> Result<(), String> {
    let sql = format!("SHOW TABLES LIKE '{}%'", READY.replace('_', "\\\\_"));
    let names: Vec<String> = door.client.query_raw(&sql).fetch_all().await.map_err(line)?;
    for name in names {
        let sql = "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = {name:String}";
        let comment: Option<String> =
            door.client.query_raw(sql).param("name", &name).fetch_optional().await.map_err(line)?;
        let work: Option<SwapWork> = comment.and_then(|comment| serde_json::from_str(&comment).ok());
        let Some(work) = work.filter(|work| work.table == door.table.name) else { continue };
        if dry {
            say(format!(
                "an earlier load was killed while it replaced rows: the next one without --dry-run ends it ({name})"
            ));
            continue;
        }
        let (_, partition_key) = engine(door).await?;
        // A run that still goes on finds its table gone, and stops.
        let ours = format!("{READY}{}", uuid::Uuid::new_v4().simple());
        door.run(&format!("RENAME TABLE {name} TO {ours}")).await.map_err(line)?;
        finish(door, &partition_key, &work, &ours).await?;
        say("an earlier load was killed while it replaced rows: that is done now".to_owned());
    }
    Ok(())
}

/// Takes the old rows out and the new ones in, from the beginning.
async fn finish(door: &Door<'_>, partition_key: &str, work: &SwapWork, new: &str) -> Result<(), String> {
    let table = &door.table.name;
    let months = work.range.as_ref().filter(|_| work.known.is_none());
    let months = months.and_then(|range| range.partitions(door.table, partition_key));
    // The mutation reads a table that no other run renames, nor drops.
    let (known, hold) = stage::hold_new(door.client).await?;
    let done = async {
        let sql = format!("SELECT DISTINCT _partition_id FROM {new} ORDER BY 1");
        let partitions: Vec<String> = door.client.query_raw(&sql).fetch_all().await?;
        if let Some(months) = months {
            for month in months {
                let sql = match partitions.contains(&month) {
                    true => format!("ALTER TABLE {table} REPLACE PARTITION ID '{month}' FROM {new}"),
                    false => format!("ALTER TABLE {table} DROP PARTITION ID '{month}'"),
                };
                door.run(&sql).await?;
            }
            return Ok(());
        }
        if work.known.is_some() {
            let columns = keys(door.table).into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let sql =
                format!("CREATE TABLE {known} ENGINE = MergeTree ORDER BY tuple() AS SELECT {columns} FROM {new}");
            door.run(&sql).await?;
        }
        if let Some(condition) = condition(door.table, work, &format!("{}.{known}", door.database)) {
            door.run(&format!("ALTER TABLE {table} DELETE WHERE {condition}")).await?;
        }
        for partition in partitions {
            door.run(&format!("ALTER TABLE {table} ATTACH PARTITION ID '{partition}' FROM {new}")).await?;
        }
        door.drop(new).await;
        door.drop(&known).await;
        Ok::<_, Error>(())
    };
    done.await.map_err(|error| {
        let why = line(error);
        format!(
            "{why}; the rows were not replaced, or not all: the next load goes on with it; DROP TABLE {new} gives it up"
        )
    })?;
    door.drop(new).await;
    if let Some(hold) = hold {
        hold.end().await;
    }
    Ok(())
}

/// Rows of the table that go, if any can.
fn condition(table: &TargetTable, work: &SwapWork, new: &str) -> Option<String> {
    let range = work.range.as_ref().map(|range| format!("({})", range.sql(table)));
    let known = work.known.map(|(from, to)| {
        let id = keys(table).first().is_some_and(|key| *key == table.id).then(|| format!("`{}`", table.id));
        let mut any = Vec::new();
        if let Some(id) = &id {
            any.push(format!("{id} IN (SELECT {id} FROM {new} WHERE {id} != 0)"));
        }
        if keys(table).contains(&"uuid") {
            let only = id.map(|id| format!("ifNull({id}, 0) = 0 AND ")).unwrap_or_default();
            any.push(format!("uuid IN (SELECT uuid FROM {new} WHERE {only}uuid != toUUID('{}'))", uuid::Uuid::nil()));
        }
        format!("({} AND ({}))", between(table, from, to), any.join(" OR "))
    });
    let both: Vec<String> = range.into_iter().chain(known).collect();
    (!both.is_empty()).then(|| both.join(" OR "))
}

/// The columns that rows are known by.
fn keys(table: &TargetTable) -> Vec<&str> {
    let kind = |name: &str| table.column(name).and_then(|column| column.kind.as_ref());
    let id = matches!(kind(&table.id), Some(ColumnType::Integer { bytes: ..=8, .. })).then_some(table.id.as_str());
    let uuid = (kind("uuid") == Some(&ColumnType::Uuid)).then_some("uuid");
    id.into_iter().chain(uuid).collect()
}

/// The engine of the table and its key of partitions.
async fn engine(door: &Door<'_>) -> Result<(String, String), String> {
    let sql =
        "SELECT engine, partition_key FROM system.tables WHERE database = {database:String} AND name = {name:String}";
    let (database, name) = door.table.name.split_once('.').unwrap_or((door.database, &door.table.name));
    let query = door.client.query_raw(sql).param("database", database).param("name", name);
    let found: Option<(String, String)> = query.fetch_optional().await.map_err(line)?;
    found.ok_or_else(|| format!("{} is not in system.tables", door.table.name))
}

impl Door<'_> {
    async fn run(&self, sql: &str) -> Result<(), Error> {
        let client: Client = self
            .client
            .clone()
            .with_setting("mutations_sync", "2")
            .with_setting("alter_sync", "2")
            .with_setting("max_execution_time", "0");
        client.query_raw(sql).execute().await
    }

    async fn drop(&self, table: &str) {
        if let Err(error) = self.run(&format!("DROP TABLE IF EXISTS {table} SYNC")).await {
            log::warn!("table {table} stays until a later load: {}", line(error));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn line(error: Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
