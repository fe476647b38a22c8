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

/// The statement that takes them off.
pub fn remove(rules: &Rules) -> String {
    let each = decided(rules).map(|rule| format!("DROP CONSTRAINT IF EXISTS {PREFIX}{}", rule.kind.name));
    format!("ALTER TABLE {} {}", rules.table, each.collect::<Vec<_>>().join(", "))
}

/// Runs one of them.
///
/// # Errors
/// ClickHouse refused the statement; then nothing is changed.
pub async fn run(client: &Client, sql: &str) -> clickhouse::error::Result<()> {
    client.query_raw(sql).with_setting("alter_sync", "1").with_setting("wait_end_of_query", "1").execute().await
}
