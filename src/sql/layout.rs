//! The parts of statements that hold for tables of one server: its parts, its projections by name, and what it says of its
//! tables. Tables of a cluster need others, and a version of their data that is of all servers together.

use super::Statement;
use super::projections::{BY_DESTINATION, Projection};
use super::schema::Schema;

/// Which parts of a table have to have what is read: those with rows that are there, or were a moment ago. ClickHouse makes the
/// list of parts that a statement reads a little before it looks at this, and a part may have been replaced in between.
const PARTS: &str = "rows > 0 AND (active OR remove_time >= now() - 2)";

/// Database and name of a table, which is in `database` unless it names its own. Both are identifiers by the configuration's
/// checks, so they may stand in quotes.
fn place<'a>(database: &'a str, table: &'a str) -> (&'a str, &'a str) {
    table.split_once('.').unwrap_or((database, table))
}

/// A statement for the parts of a table, which tell the version of its data: columns as they are, and the server's clock.
pub fn parts(database: &str, table: &str) -> String {
    let (database, table) = place(database, table);
    format!(
        "SELECT name, partition_id, min_block_number, max_block_number, data_version, min_time, max_time, rows, \
         modification_time, path, now(), uptime() \
         FROM system.parts WHERE database = '{database}' AND table = '{table}' AND active"
    )
}

/// A statement for what [`super::projections::lacked`] takes of the parts of a table.
pub fn projected_parts(database: &str, table: &str) -> String {
    format!(
        "SELECT projections, partition_id, min_time, max_time FROM system.parts \
         WHERE database = '{database}' AND table = '{table}' AND {PARTS}"
    )
}

/// A statement for the engine of a table.
pub fn engine(database: &str, table: &str) -> String {
    let (database, table) = place(database, table);
    format!("SELECT engine FROM system.tables WHERE database = '{database}' AND name = '{table}'")
}

/// A statement for the columns of a projection.
pub fn projection_columns(table: &str, projection: &Projection) -> String {
    format!("DESCRIBE TABLE mergeTreeProjection(currentDatabase(), {table}, {})", projection.name)
}

/// Adds the table that a projection is.
pub(super) fn projection(s: &mut Statement, projection: &'static Projection, schema: &Schema) {
    s.push("mergeTreeProjection(currentDatabase(), ")
        .push(&schema.cdrs.name)
        .push(", ")
        .push(projection.name)
        .push(")");
}

/// Adds the condition that rows are of these parts, if there are any.
pub(super) fn of_parts(s: &mut Statement, parts: &[String]) {
    for (i, part) in parts.iter().enumerate() {
        s.push(if i == 0 { " AND _part IN (" } else { ", " }).bind_text(part);
    }
    if !parts.is_empty() {
        s.push(")");
    }
}

/// Adds a SELECT of no row and these columns. It fails if a part lacks a projection, or is not of the month that its
/// partition says.
pub(super) fn guard(s: &mut Statement, used: &[&'static Projection], columns: &[&str], schema: &Schema) {
    s.push("SELECT ").push(&columns.join(", "));
    s.push(" FROM system.parts WHERE database = currentDatabase() AND table = '").push(&schema.cdrs.name);
    // All of it within throwIf, since ClickHouse may work out conditions in any order.
    s.push("' AND throwIf(").push(PARTS).push(" AND (NOT hasAll(projections, [");
    for (place, projection) in used.iter().enumerate() {
        s.push(if place == 0 { "'" } else { ", '" }).push(projection.name).push("'");
    }
    s.push("])");
    if used.iter().any(|projection| projection.name == BY_DESTINATION.name) {
        for time in ["min_time", "max_time"] {
            s.push(" OR partition_id != toString(toYYYYMM(").push(time).push(", 'UTC'))");
        }
    }
    s.push("), 'a part lacks a projection')");
}
