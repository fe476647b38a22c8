//! `cdrscope thin`: old months without the details.

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::tables;
use crate::thin::{self, Month, Purpose};

/// Arguments of `thin`.
#[derive(clap::Args)]
pub struct Thin {
    /// The first month that keeps its details: months before it lose them
    #[arg(long, value_name = "YYYY-MM")]
    before: String,
    /// Do it; without this flag it only says what it would do. There is no way back but a backup
    #[arg(long)]
    yes: bool,
    /// Empty what bills are made or explained with as well: profit, ends, rates, fees, intervals, invoices. Without it they stay
    #[arg(long)]
    with_billing: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Thin {
    /// Says which months, and what each frees.
    pub fn run(self) -> Result<(), CliError> {
        let before = month(&self.before)?;
        let config = configure(&self.settings)?;
        block_on(async {
            let connection = ClickHouseConnection::open(&config).await?;
            let run = async |connection: &ClickHouseConnection| {
                let client = connection.admin(&config);
                let schema = tables::inspect(&client, &config).await?;
                if !schema.cdrs.is_ours {
                    let what = "the table of tables.cdrs is not cdrscope's own, so what of it is needed is not known";
                    return Err(CliError::Usage(what.into()));
                }
                let details = thin::details(self.with_billing);
                let months = thin::months(&client, before, &details).await?;
                for month in &months {
                    if self.yes {
                        thin::clear(&client, month, &details).await?;
                    }
                    say(line(month, self.yes));
                }
                if months.is_empty() {
                    say(format_args!("no month before {} has details", self.before));
                } else if !self.yes {
                    Purpose::ALL.into_iter().for_each(|purpose| say(self.fate(purpose)));
                    say("nothing was changed: repeat it with --yes");
                }
                Ok(())
            };
            connection.closing(run).await
        })
    }
}

impl Thin {
    /// The columns of a purpose, and what becomes of them.
    fn fate(&self, purpose: Purpose) -> String {
        let columns: Vec<&str> = purpose.columns().collect();
        let (word, count, columns) = (purpose.word(), columns.len(), columns.join(", "));
        match purpose == Purpose::Billing && !self.with_billing {
            true => format!("keeps {word} ({count} columns, which --with-billing empties too): {columns}"),
            false => format!("empties {word} ({count} columns): {columns}"),
        }
    }
}

fn line(month: &Month, done: bool) -> String {
    let Month { partition, rows, bytes, details } = month;
    let (year, number) = partition.split_at_checked(4).unwrap_or((partition, ""));
    let word = if done { "freed" } else { "would free" };
    let [all, freed] = [bytes, details].map(|bytes| *bytes as f64 / 1e6);
    format!("{year}-{number}: {rows} rows, {all:.1} MB; {word} {freed:.1} MB of details")
}

/// `2025-01` as 202501.
fn month(text: &str) -> Result<u32, CliError> {
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let number =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
    parts
        .and_then(|(year, month)| Some((number(year)?, number(month)?)))
        .filter(|(_, month)| (1..=12).contains(month))
        .map(|(year, month)| year * 100 + month)
        .ok_or_else(|| CliError::Usage(format!("--before: {text:?} is no month, which looks like 2025-01")))
}

#[cfg(test)]
mod tests {
    use super::month;

    #[test]
    fn a_month_is_a_year_and_a_number() {
        assert_eq!(month("2025-01").ok(), Some(202_501));
        for text in ["", "2025", "2025-13", "2025-00", "2025-1", "25-01", "2025-01-01", "202501", "+025-01", "2025-+1"]
        {
            assert!(month(text).is_err(), "{text}");
        }
    }
}
