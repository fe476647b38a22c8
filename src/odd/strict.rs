//! Constraints of cdrscope's own tables that refuse odd rows, for those who would rather have a batch refused than see it.

use clickhouse::Client;

use super::rules::{Rule, Rules};

/// Beginning of the names of constraints.
const PREFIX: &str = "cdrscope_";

/// The rules that a row alone decides.
fn decided(rules: &Rules) -> impl Iterator<Item = &Rule> {
    rules.simple().map(|(_, rule)| rule).filter(|rule| rule.beside.is_none())
}

/// Names of the kinds that a constraint refuses.
pub fn kinds(rules: &Rules) -> Vec<&'static str> {
    decided(rules).map(|rule| rule.kind.name).collect()
}

/// The statement that puts the constraints on, or exchanges those of an earlier run.
pub fn add(rules: &Rules) -> String {
    let each = decided(rules).map(|rule| {
        let name = format!("{PREFIX}{}", rule.kind.name);
        format!("DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} CHECK NOT {}", rule.condition)
    });
    format!("ALTER TABLE {} {}", rules.table, each.collect::<Vec<_>>().join(", "))
}

/// The constraints that a table has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Names of the kinds that are refused.
    pub kinds: Vec<String>,
    /// Seconds over which a duration is refused, if that is one of them.
    pub max_seconds: Option<i64>,
}

/// Reads the constraints in the statement that makes a table, as the server shows it.
pub fn read(create: &str) -> Constraints {
    let mut found = Constraints::default();
    for part in create.split(&format!("CONSTRAINT {PREFIX}")).skip(1) {
        let (name, condition) = part.split_once(' ').unwrap_or((part, ""));
        if name == "long_duration" {
            let bound = condition.split("> ").nth(1).map(|rest| rest.split(|char: char| !char.is_ascii_digit()));
            found.max_seconds = bound.and_then(|mut digits| digits.next()?.parse().ok());
        }
        found.kinds.push(name.to_owned());
    }
    found
}

/// The statement that takes them off.
pub fn remove(rules: &Rules) -> String {
    let each = decided(rules).map(|rule| format!("DROP CONSTRAINT IF EXISTS {PREFIX}{}", rule.kind.name));
    format!("ALTER TABLE {} {}", rules.table, each.collect::<Vec<_>>().join(", "))
}

/// Asks for the constraints of a table.
///
/// # Errors
/// ClickHouse's.
pub async fn of(client: &Client, database: &str, table: &str) -> clickhouse::error::Result<Constraints> {
    let sql =
        "SELECT create_table_query FROM system.tables WHERE database = {database:String} AND name = {name:String}";
    let create = client.query_raw(sql).param("database", database).param("name", table);
    Ok(create.fetch_optional::<String>().await?.map(|create| read(&create)).unwrap_or_default())
}

/// Runs one of them.
///
/// # Errors
/// ClickHouse refused the statement; then nothing is changed.
pub async fn run(client: &Client, sql: &str) -> clickhouse::error::Result<()> {
    client.query_raw(sql).with_setting("alter_sync", "1").with_setting("wait_end_of_query", "1").execute().await
}
