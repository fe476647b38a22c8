//! Makes the tables: runs the numbered statements of `schema/` in order and records them in `schema_migrations`.
//! Alone sends DDL. ClickHouse has no transactional DDL, so every statement can run twice and is recorded after success.

mod ours;

use clickhouse::{Client, Row};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::store::{in_time, server_code};

/// One numbered statement of `schema/`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order, from 1 without gaps.
    pub number: u32,
    /// The file's name without its number and extension.
    pub name: &'static str,
    /// The statement, one only: ClickHouse takes one a request.
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the statement's text, in hexadecimal: what tells an edited file from the one that ran.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn title(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }
}

/// Reads `schema/NNNN_name.sql`.
macro_rules! step {
    ($number:literal, $name:literal, $file:literal) => {
        Migration { number: $number, name: $name, sql: include_str!(concat!("../schema/", $file)) }
    };
}

/// The schema's statements in order. A landed one is never edited: a change is a new number.
pub const MIGRATIONS: &[Migration] = &[
    step!(1, "cdrs", "0001_cdrs.sql"),
    step!(2, "active_calls", "0002_active_calls.sql"),
    step!(3, "accounts", "0003_accounts.sql"),
    step!(4, "api_access", "0004_api_access.sql"),
    step!(5, "customer_minutes", "0005_customer_minutes.sql"),
    step!(6, "vendor_minutes", "0006_vendor_minutes.sql"),
    step!(7, "by_destination", "0007_by_destination.sql"),
    step!(8, "fill_customer_minutes", "0008_fill_customer_minutes.sql"),
    step!(9, "fill_vendor_minutes", "0009_fill_vendor_minutes.sql"),
    step!(10, "fill_by_destination", "0010_fill_by_destination.sql"),
    step!(11, "countries", "0011_countries.sql"),
    step!(12, "cdrs_deletes", "0012_cdrs_deletes.sql"),
    step!(13, "active_calls_deletes", "0013_active_calls_deletes.sql"),
    step!(14, "customer_hours", "0014_customer_hours.sql"),
    step!(15, "vendor_hours", "0015_vendor_hours.sql"),
    step!(16, "fill_customer_hours", "0016_fill_customer_hours.sql"),
    step!(17, "fill_vendor_hours", "0017_fill_vendor_hours.sql"),
    step!(18, "customer_quarter_hours", "0018_customer_quarter_hours.sql"),
    step!(19, "vendor_quarter_hours", "0019_vendor_quarter_hours.sql"),
    step!(20, "fill_customer_quarter_hours", "0020_fill_customer_quarter_hours.sql"),
    step!(21, "fill_vendor_quarter_hours", "0021_fill_vendor_quarter_hours.sql"),
    step!(22, "token_revocations", "0022_token_revocations.sql"),
    step!(23, "vendor_calls", "0023_vendor_calls.sql"),
    step!(24, "fill_vendor_calls", "0024_fill_vendor_calls.sql"),
    step!(25, "drop_by_vendor", "0025_drop_by_vendor.sql"),
    step!(26, "operator_access", "0026_operator_access.sql"),
    step!(27, "contractors", "0027_contractors.sql"),
    step!(28, "operator_hours", "0028_operator_hours.sql"),
    step!(29, "operator_days", "0029_operator_days.sql"),
    step!(30, "customer_days", "0030_customer_days.sql"),
    step!(31, "fill_operator_hours", "0031_fill_operator_hours.sql"),
    step!(32, "fill_operator_days", "0032_fill_operator_days.sql"),
    step!(33, "fill_customer_days", "0033_fill_customer_days.sql"),
    step!(34, "vendor_causes", "0034_vendor_causes.sql"),
    step!(35, "fill_vendor_causes", "0035_fill_vendor_causes.sql"),
    step!(36, "account_details", "0036_account_details.sql"),
    step!(37, "vendor_days", "0037_vendor_days.sql"),
    step!(38, "fill_vendor_days", "0038_fill_vendor_days.sql"),
    step!(39, "drop_operator_days", "0039_drop_operator_days.sql"),
];

/// A statement that this run of [`migrate`] sent and recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: &'static str,
}

/// The state of a database's schema, compared with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Every statement ran.
    UpToDate,
    /// These, such as `0002_active_calls`, have not run yet.
    Missing(Vec<String>),
    /// A newer program made it: the highest number there, unknown here.
    Newer(u32),
    /// This statement ran with another text than the program's.
    Edited(String),
    /// There is no such database.
    NoDatabase,
}

impl Status {
    /// The fault, if it is one, with the way out.
    #[must_use]
    pub fn fault(&self, database: &str) -> Option<String> {
        match self {
            Self::UpToDate => None,
            Self::NoDatabase => Some(format!("there is no database {database}: run `cdrscope migrate`")),
            Self::Missing(names) => Some(format!("the schema lacks {}: run `cdrscope migrate`", names.join(", "))),
            Self::Newer(number) => {
                Some(format!("the schema is at number {number}, newer than this program: install the newer cdrscope"))
            }
            Self::Edited(name) => Some(format!(
                "schema step {name} ran with another text than this program's: run the program that made it"
            )),
        }
    }
}

/// Why the schema could not be made or looked at.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A table that somebody else made.
    #[error(
        "database {database} has a table {table} that cdrscope did not make: give cdrscope a database of its own \
         (clickhouse.database) and name that table in {setting}"
    )]
    Foreign {
        /// The database.
        database: String,
        /// The table.
        table: &'static str,
        /// The setting that has it used where it is.
        setting: &'static str,
    },
    /// The name needs more than quoting to be a database of ours.
    #[error("database name {0:?} is not usable: take letters, digits and _, not beginning with a digit, at most 64")]
    Name(String),
    /// A recorded statement has another text now.
    #[error(
        "migration {0} ran in this database with another text than this program's: \
         use the program that made it, or put the change into a new migration"
    )]
    Edited(String),
    /// The records have a hole.
    #[error(
        "migration {0} is not recorded in schema_migrations though later ones are: restore that table from a backup"
    )]
    Gap(String),
    /// The database is ahead of the program.
    #[error("the database's schema is at number {found}, this program knows {known}: install the newer cdrscope")]
    Newer {
        /// The highest number recorded.
        found: u32,
        /// The highest number of this program.
        known: usize,
    },
    /// ClickHouse refused or could not be asked.
    #[error("{doing}: {}", one_line(source))]
    ClickHouse {
        /// The work that failed, such as `reading table schema_migrations`.
        doing: String,
        /// ClickHouse's or the connection's answer.
        source: clickhouse::error::Error,
    },
}

#[derive(Debug, Row, Deserialize)]
struct MigrationRecord {
    number: u32,
    checksum: String,
}

/// Brings `database` up to this program's schema, making it if need be, and returns what had to be run.
///
/// `client` is an administrator's, with or without a database set. Safe to repeat, also after a run that was cut short.
pub async fn migrate(client: &Client, database: &str) -> Result<Vec<Applied>, MigrateError> {
    let quoted = quoted(database)?;
    // The database cannot be the session's while it does not exist.
    let server = client.clone().with_database("default");
    run(&server, &format!("CREATE DATABASE IF NOT EXISTS {quoted}"), || format!("creating database {database}"))
        .await?;
    let client = client.clone().with_database(database);
    run(&client, RECORDS, || "creating table schema_migrations".to_owned()).await?;

    let records = records(&client).await.map_err(reading)?;
    let known = check(&records, MIGRATIONS)?;
    for table in ours::OURS.iter().filter(|table| table.made_by as usize > known) {
        table.refuse_foreign(&client, database).await?;
    }
    let mut applied = Vec::new();
    for migration in &MIGRATIONS[known..] {
        run(&client, migration.sql, || format!("migration {}", migration.title())).await?;
        record(&client, migration).await?;
        applied.push(Applied { number: migration.number, name: migration.name });
    }
    Ok(applied)
}

/// Looks at `database` without changing it; the reader's account is enough. A server that says nothing for five seconds is an
/// error.
pub async fn status(client: &Client, database: &str) -> Result<Status, MigrateError> {
    quoted(database)?;
    let records = match in_time(records(&client.clone().with_database(database))).await {
        Ok(records) => records,
        Err(error) => match server_code(&error) {
            Some(UNKNOWN_DATABASE) => return Ok(Status::NoDatabase),
            Some(UNKNOWN_TABLE) => Vec::new(),
            _ => return Err(reading(error)),
        },
    };
    match check(&records, MIGRATIONS) {
        Ok(known) if known == MIGRATIONS.len() => Ok(Status::UpToDate),
        Ok(known) => Ok(Status::Missing(MIGRATIONS[known..].iter().map(Migration::title).collect())),
        Err(MigrateError::Newer { found, .. }) => Ok(Status::Newer(found)),
        Err(MigrateError::Edited(title)) => Ok(Status::Edited(title)),
        Err(error) => Err(error),
    }
}

const UNKNOWN_TABLE: &str = "60";
const UNKNOWN_DATABASE: &str = "81";

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
    (number UInt32, name String, checksum String, applied_at DateTime('UTC') DEFAULT now()) \
    ENGINE = MergeTree ORDER BY number";

/// The number of `migrations` that ran, if the records fit them.
fn check(records: &[MigrationRecord], migrations: &[Migration]) -> Result<usize, MigrateError> {
    if let Some(last) = records.last().filter(|last| last.number as usize > migrations.len()) {
        return Err(MigrateError::Newer { found: last.number, known: migrations.len() });
    }
    for (record, migration) in records.iter().zip(migrations) {
        if record.number != migration.number {
            return Err(MigrateError::Gap(migration.title()));
        }
        if record.checksum != migration.checksum() {
            return Err(MigrateError::Edited(migration.title()));
        }
    }
    Ok(records.len())
}

/// DISTINCT, because two programs that migrate at once may both record the same statement.
async fn records(client: &Client) -> Result<Vec<MigrationRecord>, clickhouse::error::Error> {
    client.query_raw("SELECT DISTINCT number, checksum FROM schema_migrations ORDER BY number").fetch_all().await
}

async fn record(client: &Client, migration: &Migration) -> Result<(), MigrateError> {
    client
        .query_raw("INSERT INTO schema_migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}")
        .param("number", migration.number)
        .param("name", migration.name)
        .param("checksum", migration.checksum())
        .with_setting("wait_end_of_query", "1")
        .execute()
        .await
        .map_err(|source| MigrateError::ClickHouse { doing: format!("recording migration {}", migration.title()), source })
}

async fn run(client: &Client, sql: &str, doing: impl FnOnce() -> String) -> Result<(), MigrateError> {
    // Without it a 200 may be sent before the statement has failed.
    let query = client.query_raw(sql).with_setting("wait_end_of_query", "1");
    query.execute().await.map_err(|source| MigrateError::ClickHouse { doing: doing(), source })
}

fn reading(source: clickhouse::error::Error) -> MigrateError {
    MigrateError::ClickHouse { doing: "reading table schema_migrations".to_owned(), source }
}

/// The name in backquotes, when it is one that no tool of the operator's has to quote.
fn quoted(database: &str) -> Result<String, MigrateError> {
    let mut characters = database.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && database.len() <= 64 && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(format!("`{database}`"))
    } else {
        Err(MigrateError::Name(database.to_owned()))
    }
}

/// ClickHouse quotes statements in its errors, with their line ends.
pub(crate) fn one_line(error: &clickhouse::error::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(numbers: &[u32]) -> Vec<MigrationRecord> {
        let checksum = |n: u32| MIGRATIONS.get(n as usize - 1).map_or_else(String::new, Migration::checksum);
        numbers.iter().map(|&number| MigrationRecord { number, checksum: checksum(number) }).collect()
    }

    #[test]
    fn numbers_have_no_gaps_and_statements_can_run_twice() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number as usize, place + 1, "{}", migration.name);
            // Filling a projection that is filled already finds nothing to do; a setting is set to what it is.
            let repeatable = ["IF NOT EXISTS", "IF EXISTS", "MATERIALIZE PROJECTION", "MODIFY SETTING"];
            let repeatable = repeatable.iter().any(|words| migration.sql.contains(words));
            assert!(repeatable, "{}", migration.name);
            assert!(!migration.sql.contains(';'), "{} holds more than one statement", migration.name);
        }
    }

    #[test]
    fn every_file_of_the_schema_is_a_step() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schema")).unwrap();
        let mut files: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let steps: Vec<_> = MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.title())).collect();
        assert_eq!(files, steps);
    }

    #[test]
    fn records_that_do_not_fit_are_refused_in_one_line() {
        assert_eq!(check(&[], MIGRATIONS).unwrap(), 0);
        assert_eq!(check(&ran(&[1, 2]), MIGRATIONS).unwrap(), 2);
        let mut edited = ran(&[1, 2]);
        edited[1].checksum = "0".repeat(64);
        for (records, wanted) in
            [(edited, "0002_active_calls"), (ran(&[1, 3]), "0002_active_calls"), (ran(&[1, 2, 3, 99]), "99")]
        {
            let message = check(&records, MIGRATIONS).unwrap_err().to_string();
            assert!(message.contains(wanted) && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_database_name_cannot_carry_sql() {
        assert_eq!(quoted("cdrscope_2").unwrap(), "`cdrscope_2`");
        for bad in ["", "2x", "a-b", "a`b", "a b", "ä", "a.b", &"x".repeat(65)] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }
}
