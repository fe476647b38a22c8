//! The judgement on a ClickHouse: settings of queries, schema, tables. `serve`, `check` and the running service ask the
//! same.

use crate::config::Config;
use crate::http::state::State;
use crate::migrate::{Status, status};
use crate::sql::schema::{Schema, TableSchema};
use crate::store::Store;
use crate::tables;

/// A step of the examination.
#[derive(Debug)]
pub struct Step {
    /// Its name, as `check` prints it.
    pub what: String,
    /// Its state, or its fault with the way out.
    pub found: Result<String, String>,
}

/// The steps in the order in which they ran, up to the first that makes the others pointless.
#[derive(Debug)]
pub struct Examined {
    /// The steps.
    pub steps: Vec<Step>,
    /// Remarks that stand in nobody's way.
    pub notes: Vec<String>,
    schema: Option<Schema>,
}

impl Examined {
    /// The tables, if nothing is wrong.
    ///
    /// # Errors
    /// The first fault.
    pub fn into_schema(self) -> Result<Schema, String> {
        let fault = self.steps.into_iter().find_map(|step| step.found.err());
        fault.map_or_else(|| self.schema.ok_or_else(String::new), Err)
    }
}

/// Looks at everything that reports need, with the client that runs them.
pub async fn examine(store: &Store, config: &Config) -> Examined {
    let mut examined = Examined { steps: Vec::new(), notes: Vec::new(), schema: None };
    let mut step = |what: &str, found| examined.steps.push(Step { what: what.to_owned(), found });
    if let Err(error) = store.probe().await {
        let database = &config.clickhouse.database;
        if error.to_string().contains("(UNKNOWN_DATABASE)") {
            let fault = Status::NoDatabase.fault(database).unwrap_or_default();
            step(&format!("database {database}"), Err(fault));
            return examined;
        }
        let why =
            error.refused_settings(&config.clickhouse.user).unwrap_or_else(|| format!("asking ClickHouse: {error}"));
        step("settings of queries", Err(why));
        return examined;
    }
    step("settings of queries", Ok("accepted".to_owned()));
    let exports = &config.exports;
    let jobs = exports.dir.is_some().then_some(("exports.job_seconds", exports.job_seconds));
    for (setting, seconds) in [("exports.seconds", exports.seconds)].into_iter().chain(jobs) {
        if let Err(error) = store.probe_exports(seconds).await {
            let why = error.refused_settings(&config.clickhouse.user).unwrap_or_else(|| error.to_string());
            examined.notes.push(format!("files of CDRs are refused by ClickHouse, see {setting}: {why}"));
        }
    }
    store.learn_cores().await;
    let (client, database) = (store.client(), &config.clickhouse.database);
    let status = match status(&client, database).await {
        Ok(status) => status,
        Err(error) => {
            step(&format!("database {database}"), Err(error.to_string()));
            return examined;
        }
    };
    step(&format!("database {database}"), status.fault(database).map_or_else(|| Ok("up to date".to_owned()), Err));
    match tables::examine(&client, config, &mut examined.notes).await {
        Ok(schema) => {
            let text = [&schema.cdrs, &schema.active_calls].map(describe).join("\n");
            examined.steps.push(Step { what: "tables".to_owned(), found: Ok(text) });
            examined.schema = Some(schema);
        }
        Err(error) => examined.steps.push(Step { what: "tables".to_owned(), found: Err(error.to_string()) }),
    }
    examined
}

fn describe(table: &TableSchema) -> String {
    let mut wrapped: Vec<_> = table.expressions.iter().map(|(name, sql)| format!("\n{name} read as {sql}")).collect();
    wrapped.sort();
    let missing =
        if table.missing.is_empty() { String::new() } else { format!(", without {}", table.missing.join(", ")) };
    format!("{}{missing}{}", table.name, wrapped.concat())
}

/// The difference that statements made for `then` cannot stand; columns that came later do no harm.
fn change(then: &TableSchema, now: &TableSchema) -> Option<String> {
    let name = &then.name;
    if let Some(column) = now.missing.iter().find(|column| then.has(column)) {
        return Some(format!("{name}: column {column} is missing"));
    }
    let mut columns: Vec<&String> = then.expressions.keys().chain(now.expressions.keys()).collect();
    columns.sort();
    if let Some(column) = columns.into_iter().find(|column| then.has(column) && then.sql(column) != now.sql(column)) {
        return Some(format!(
            "{name}: column {column} has another type than when cdrscope started: change it back, or restart cdrscope"
        ));
    }
    (then.has_parts != now.has_parts)
        .then(|| format!("{name}: the table has another engine than when cdrscope started: restart cdrscope"))
}

/// Reads accounts and access, forgets callers who have been away, and notes if the service can answer. That it cannot is
/// noted at once, since the next question may take its five seconds too.
pub async fn look(state: &State) {
    let fault = match examine(&state.engine.store, &state.config).await.into_schema() {
        Ok(now) => change(&state.engine.schema.cdrs, &now.cdrs)
            .or_else(|| change(&state.engine.schema.active_calls, &now.active_calls)),
        Err(fault) => Some(fault),
    };
    let is_right = fault.is_none();
    if !is_right {
        state.set_ready(false);
    }
    state.notices.round("ClickHouse", fault);
    state.engine.store.look_at_projections().await;
    if let Some(rate) = &state.rate {
        rate.retain_recent();
    }
    let read = state.directory.refresh(&state.engine.store).await;
    state.notices.round("accounts", read.as_ref().err().map(ToString::to_string));
    state.set_ready(is_right && read.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_statements_rely_on_is_a_change() {
        let then = TableSchema {
            missing: vec!["pdd".into()],
            expressions: [("duration".to_owned(), "ifNull(duration, 0)".to_owned())].into(),
            ..TableSchema::plain("cdrs")
        };
        assert_eq!(change(&then, &then), None);
        let more = TableSchema { missing: Vec::new(), ..then.clone() };
        assert_eq!(change(&then, &more), None);
        let typed = [("pdd".to_owned(), "toFloat64(pdd)".to_owned())].into_iter().chain(then.expressions.clone());
        assert_eq!(change(&then, &TableSchema { expressions: typed.collect(), ..more }), None);
        let fewer = TableSchema { missing: vec!["pdd".into(), "duration".into()], ..then.clone() };
        assert_eq!(change(&then, &fewer).unwrap(), "cdrs: column duration is missing");
        let other = TableSchema { expressions: [].into(), ..then.clone() };
        assert!(change(&then, &other).unwrap().starts_with("cdrs: column duration has another type"));
        let view = TableSchema { has_parts: true, ..then.clone() };
        assert!(change(&then, &view).unwrap().starts_with("cdrs: the table has another engine"));
    }
}
