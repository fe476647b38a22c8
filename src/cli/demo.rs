//! `cdrscope demo`: made-up CDRs.

use time::OffsetDateTime;

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::demo::{Options, fill};
use crate::migrate::migrate;
use crate::query::instant::Instant;

/// Arguments of `demo`.
#[derive(clap::Args)]
pub struct Demo {
    /// Number of calls
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    /// When they begin, in any form that from-time takes [default: 28 days before --to]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// When they end [default: the last full hour]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The same seed and times give the same calls
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of customers' accounts
    #[arg(long, default_value_t = 60)]
    accounts: u32,
    /// Print the numbers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Length of the made-up time, seconds.
const SPAN: i64 = 28 * 86_400;

impl Demo {
    /// Fills the tables and says with what.
    pub fn run(self) -> Result<(), CliError> {
        let last_hour = OffsetDateTime::now_utc().unix_timestamp() / 3600 * 3600;
        let to = second("--to", self.to.as_deref())?.unwrap_or(last_hour);
        let from = second("--from", self.from.as_deref())?.unwrap_or(to - SPAN);
        let bound =
            |flag: &str, t: i64| u32::try_from(t).map_err(|_before| CliError::Usage(format!("{flag} is before 1970")));
        let options = Options {
            calls: self.calls,
            from: bound("--from", from)?,
            to: bound("--to", to)?,
            seed: self.seed,
            accounts: self.accounts,
        };
        let config = configure(&self.settings)?;
        block_on(async {
            let connection = ClickHouseConnection::open_or_make(&config).await?;
            let filled = async |connection: &ClickHouseConnection| {
                let client = connection.admin(&config);
                migrate(&client, &config.clickhouse.database).await?;
                Ok(fill(&client, &options, |made| log::info!("{made} of {} calls", options.calls)).await?)
            };
            let summary = connection.closing(filled).await?;
            if self.json {
                let (calls, rows) = (summary.calls, summary.rows);
                let (active, accounts) = (summary.active_calls, summary.accounts);
                say(serde_json::json!({ "calls": calls, "rows": rows, "active_calls": active, "accounts": accounts }));
                return Ok(());
            }
            say(format_args!(
                "{} calls in {} rows, {} rows of live calls, {} accounts",
                summary.calls, summary.rows, summary.active_calls, summary.accounts
            ));
            Ok(())
        })
    }
}

fn second(flag: &str, text: Option<&str>) -> Result<Option<i64>, CliError> {
    let Some(text) = text else { return Ok(None) };
    let instant = Instant::parse(text).ok_or_else(|| CliError::Usage(format!("{flag}: {text:?} is no time")))?;
    Ok(Some(instant.floor()))
}
