//! `cdrscope migrate`: database and tables.

use clickhouse::Client;

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::config::Config;
use crate::migrate::{migrate, one_line};
use crate::odd::rules::Rules;
use crate::odd::scan::scan;
use crate::odd::strict;
use crate::report::Table;
use crate::tables;

/// Arguments of `migrate`.
#[derive(clap::Args)]
pub struct Migrate {
    /// Have ClickHouse refuse batches with rows that cannot be meant, such as durations below 0
    #[arg(long, conflicts_with = "no_strict_rows")]
    strict_rows: bool,
    /// Take that back
    #[arg(long)]
    no_strict_rows: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    /// Says what it did.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        block_on(async {
            let connection = ClickHouseConnection::open(&config).await?;
            let run = async |connection: &ClickHouseConnection| {
                let client = connection.admin(&config);
                let applied = migrate(&client, &config.clickhouse.database).await?;
                for step in &applied {
                    say(format_args!("applied {:04}_{}", step.number, step.name));
                }
                if applied.is_empty() {
                    say(format_args!("database {} is up to date", config.clickhouse.database));
                }
                match (self.strict_rows, self.no_strict_rows) {
                    (false, false) => Ok(()),
                    (is_strict, _) => constrain(&config, &client, is_strict).await,
                }
            };
            connection.closing(run).await
        })
    }
}

/// Puts constraints on both tables, or takes them off.
async fn constrain(config: &Config, client: &Client, is_strict: bool) -> Result<(), CliError> {
    let schema = tables::inspect(client, config).await?;
    for of in [Table::Cdrs, Table::ActiveCalls] {
        let table = schema.table(of);
        let rules = Rules::new(of, table, config.checks.max_duration_days);
        let sql = if is_strict { strict::add(&rules) } else { strict::remove(&rules) };
        if !table.is_ours {
            say(format_args!(
                "table {} is not cdrscope's own and stays as it is; what would change it:\n{sql}",
                table.name
            ));
            continue;
        }
        if is_strict {
            say_present(client, &rules).await?;
        }
        strict::run(client, &sql).await.map_err(|e| CliError::Failed(format!("{}: {}", table.name, one_line(&e))))?;
        let kinds = strict::kinds(&rules).join(", ");
        match is_strict {
            true => say(format_args!("table {} refuses batches with rows of the kinds {kinds}", table.name)),
            false => say(format_args!("table {} takes all rows", table.name)),
        }
    }
    Ok(())
}

/// Says how many present rows a batch would be refused for. They stay: ClickHouse looks at inserted rows only.
async fn say_present(client: &Client, rules: &Rules) -> Result<(), CliError> {
    let found = scan(client, rules, 0, false, |_, _| ()).await;
    let found = found.map_err(|e| CliError::Failed(format!("{}: {}", rules.table, one_line(&e))))?;
    for count in found.counts.iter().filter(|count| count.rows > 0 && strict::kinds(rules).contains(&count.kind.name)) {
        let (rows, says, name) = (count.rows, count.kind.says, count.kind.name);
        say(format_args!("table {} holds {rows} rows {says} ({name}): they stay", rules.table));
    }
    Ok(())
}
