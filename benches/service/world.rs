//! An engine with everything that is asked for in it. What a run has made stays for the next one of the same size.
//!
//! | database | what |
//! | --- | --- |
//! | `month` | 28 days of calls of 2,000 accounts |
//! | `tenth` | three of those accounts whole, a tenth of the others' calls |
//! | `year` | a fifth as many calls, of four accounts, over a year |
//! | `bench` | the baseline: the calls of `month` and of `year` ordered by time |

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use cdrscope::demo;
use cdrscope::embedded::{EmbeddedEngine, EngineOptions};
use cdrscope::migrate::migrate;
use cdrscope::report::audience::Rights;
use cdrscope::sql::schema::Schema;
use cdrscope::store;
use cdrscope::tables;
use cdrscope::token::{Issue, Keys};
use clickhouse::Client;
use time::OffsetDateTime;

use crate::ask::encode;
use crate::process::Process;
use crate::report::{Fact, count};
use crate::{Result, say, wanted};

/// First second of the month: a Monday of January 2026.
pub const FROM: i64 = 1_767_571_200;
/// A day, in seconds.
pub const DAY: i64 = 86_400;
/// Last second of the month, and of the year.
pub const TO: i64 = FROM + 28 * DAY - 1;
/// First second of the year.
pub const YEAR_FROM: i64 = TO + 1 - 365 * DAY;
/// Accounts of the month.
pub const ACCOUNTS: u32 = 2000;
/// Accounts that `tenth` holds whole.
pub const WHOLE: [u32; 3] = [10, 50, 1500];

/// Steps that one measurement alone asks, and which: they are made for that one.
const ONLY_FOR: [(&str, &str); 3] = [("tenth", "growth"), ("year", "cold"), ("bench.year", "cold")];

/// Longest wait for the engine's merges.
const SETTLING: Duration = Duration::from_secs(1200);

/// An account and a token for it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub id: u32,
    /// Its customer.
    pub customer_id: u32,
    /// What callers name it by.
    pub uuid: String,
    /// For a day.
    pub token: String,
}

/// The engine and what is known of it.
pub struct World {
    engine: EmbeddedEngine,
    /// An administrator without a database.
    pub admin: Client,
    /// The tables of `month`, as the service sees them.
    pub schema: Schema,
    /// Calls in the month.
    pub calls: u64,
    /// Where the run's files lie.
    pub dir: PathBuf,
    /// The secret of tokens.
    pub secret: String,
    keys: Keys,
    reused: bool,
}

/// The folder that cargo builds in.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

impl World {
    /// Starts the engine and makes what is missing in it.
    pub async fn open(calls: u64) -> Result<Self> {
        let base = std::env::var_os("BENCH_DATA").map_or_else(|| target().join("bench-data"), PathBuf::from);
        let dir = base.join(format!("{calls}-calls"));
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let engine = EmbeddedEngine::start(EngineOptions {
            data_dir: dir.join("engine"),
            program: variable("CDRSCOPE_ENGINE_PROGRAM"),
            cache: variable("CDRSCOPE_ENGINE_CACHE"),
            launcher: env!("CARGO_BIN_EXE_cdrscope").into(),
            timezone: None,
        })
        .await?;
        let login = engine.admin();
        // No time limit: what is made may take minutes.
        let admin = store::client(engine.url(), &login.user, &login.password).with_setting("wait_end_of_query", "1");
        let mut config = Config::default();
        let secret = uuid::Uuid::new_v4().simple().to_string();
        config.auth.secret = Secret::new(&secret);
        config.clickhouse.database = "month".to_owned();
        let keys = Keys::new(&config.auth)?;
        let reused = make(&admin, calls).await?;
        say(if reused { "calls of an earlier run are used again" } else { "calls are made" });
        let schema = tables::inspect(&admin.clone().with_database("month"), &config).await?;
        Ok(Self { engine, admin, schema, calls, dir, secret, keys, reused })
    }

    /// Stops the engine.
    pub async fn close(self) {
        self.engine.stop().await;
    }

    /// `host:port` of the engine.
    pub fn authority(&self) -> &str {
        self.engine.url().trim_start_matches("http://")
    }

    /// A client of the administrator's in a database.
    pub fn database(&self, name: &str) -> Client {
        self.admin.clone().with_database(name)
    }

    /// An account of a world of `count` accounts.
    pub fn account_of(&self, count: u32, id: u32) -> Result<Account> {
        self.granted(&demo::accounts(count), id)
    }

    /// A vendor's account.
    pub fn vendor(&self, id: u32) -> Result<Account> {
        self.granted(&demo::vendor_accounts(), id)
    }

    fn granted(&self, all: &[demo::DemoAccount], id: u32) -> Result<Account> {
        let one = all.iter().find(|account| account.id == id).ok_or("no such account")?;
        // With the claim `debug`, since the warm measurement looks at `x-cache`.
        let issue =
            Issue::Grant { customer_id: one.customer_id, account_ids: vec![], allowed_ips: vec![], debug: true };
        let token = self.keys.sign(&issue, OffsetDateTime::now_utc(), 86_400)?;
        Ok(Account { id, customer_id: one.customer_id, uuid: one.uuid.to_string(), token })
    }

    /// An account of the month.
    pub fn account(&self, id: u32) -> Result<Account> {
        self.account_of(ACCOUNTS, id)
    }

    /// A request to the engine with the rights of reports.
    pub fn engine_request(&self, parameters: &[(String, String)], sql: &str) -> Vec<u8> {
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let login = self.engine.reader();
        format!(
            "POST /?{} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-ClickHouse-User: {}\r\nX-ClickHouse-Key: {}\r\n\
             Content-Length: {}\r\n\r\n{sql}",
            query.join("&"),
            login.user,
            login.password,
            sql.len()
        )
        .into_bytes()
    }

    /// A token of the operator's for a service with [`World::operator`]; it sees everything.
    pub fn operators_token(&self) -> Result<String> {
        let mut operator = Config::default().operator;
        operator.secret = Secret::new(self.operators_secret());
        let keys = Keys::of_operator(&operator)?.ok_or("no key of the operator's")?;
        let issue = Issue::OperatorGrant {
            customers: vec![],
            vendors: vec![],
            rights: Rights::ALL,
            allowed_ips: vec![],
            debug: true,
        };
        Ok(keys.sign(&issue, OffsetDateTime::now_utc(), 86_400)?)
    }

    /// The secret of the operator's tokens.
    pub fn operators_secret(&self) -> String {
        format!("{}-operator", self.secret)
    }

    /// The settings of a service over a database; `more` go over them.
    pub fn settings(&self, database: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let login = self.engine.reader();
        let mut settings = vec![
            ("CDRSCOPE_CLICKHOUSE_URL", self.engine.url().to_owned()),
            ("CDRSCOPE_CLICKHOUSE_USER", login.user.clone()),
            ("CDRSCOPE_CLICKHOUSE_PASSWORD", login.password.clone()),
            ("CDRSCOPE_CLICKHOUSE_DATABASE", database.to_owned()),
            ("CDRSCOPE_HTTP_LISTEN", "127.0.0.1:0".to_owned()),
            ("CDRSCOPE_LIMITS_REQUESTS_PER_SECOND", "0".to_owned()),
            ("CDRSCOPE_HTTP_STRANGERS_PER_SECOND", "0".to_owned()),
            ("CDRSCOPE_AUTH_SECRET", self.secret.clone()),
        ];
        settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        settings
    }

    /// The release binary, serving a database.
    pub fn serve(&self, database: &str, more: &[(&'static str, &str)]) -> Result<Process> {
        Process::start(Path::new(env!("CARGO_BIN_EXE_cdrscope")), &["serve"], &self.settings(database, more))
    }

    /// The login that may change data, for commands.
    pub fn administrator(&self) -> (&str, &str) {
        let login = self.engine.admin();
        (&login.user, &login.password)
    }

    /// The machine and what is in the engine.
    pub async fn facts(&self) -> Result<Vec<Fact>> {
        let first =
            |sql: String| async move { Ok::<String, crate::Error>(self.admin.query_raw(&sql).fetch_one().await?) };
        let mut facts = crate::report::machine()?;
        facts.push(("engine", format!("ClickHouse {}", first("SELECT version()".into()).await?)));
        facts.push((
            "calls",
            format!("{} made{}", count(self.calls), if self.reused { " by an earlier run" } else { "" }),
        ));
        for (what, database, table) in [
            ("CDRs of 28 days", "month", "cdrs"),
            ("the same by time", "bench", "month"),
            ("a tenth", "tenth", "cdrs"),
            ("CDRs of a year", "year", "cdrs"),
            ("the same by time", "bench", "year"),
        ] {
            let of = format!("database = '{database}' AND table = '{table}' AND active");
            let sql = format!(
                "SELECT concat(toString(sum(rows)), ' ', toString(sum(bytes_on_disk)), ' ', toString(count())) \
                 FROM system.parts WHERE {of}"
            );
            let answer = first(sql).await?;
            let numbers: Vec<u64> = answer.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
            let [rows, bytes, parts] = numbers[..] else { return Err("unexpected part figures".into()) };
            if rows == 0 {
                continue;
            }
            let each = bytes as f64 / rows as f64;
            facts.push((what, format!("{} rows, {each:.0} bytes each, in {parts} parts", count(rows))));
        }
        Ok(facts)
    }
}

/// Makes what is not there yet; `true` when all was.
async fn make(admin: &Client, calls: u64) -> Result<bool> {
    let run = |sql: &'static str| async move { admin.query_raw(sql).execute().await };
    run("CREATE DATABASE IF NOT EXISTS bench").await?;
    run("CREATE TABLE IF NOT EXISTS bench.made (what String) ENGINE = MergeTree ORDER BY what").await?;
    let made: Vec<String> = admin.query_raw("SELECT what FROM bench.made").fetch_all().await?;
    for database in ["month", "tenth", "year"] {
        migrate(&admin.clone().with_database(database), database).await?;
    }
    let mut reused = true;
    for step in ["month", "bench.month", "tenth", "year", "bench.year"] {
        let is_needed = ONLY_FOR.iter().all(|(of, measurement)| *of != step || wanted(measurement));
        if !is_needed || made.iter().any(|what| what == step) {
            continue;
        }
        reused = false;
        say(format_args!("making {step}"));
        let begun = Instant::now();
        match step {
            "month" => fill(admin, step, month(calls)).await?,
            "year" => fill(admin, step, year(calls)).await?,
            "tenth" => tenth(admin).await?,
            _ => by_time(admin, step).await?,
        }
        admin.query_raw(&format!("INSERT INTO bench.made VALUES ('{step}')")).execute().await?;
        say(format_args!("made {step} in {:.0} s", begun.elapsed().as_secs_f64()));
    }
    settle(admin).await?;
    // As few parts as there can be, as the baseline has.
    for database in ["month", "tenth", "year"] {
        let sql = format!(
            "OPTIMIZE TABLE {database}.cdrs FINAL SETTINGS optimize_skip_merged_partitions = 1, alter_sync = 2"
        );
        admin.query_raw(&sql).execute().await?;
    }
    settle(admin).await?;
    Ok(reused)
}

fn month(calls: u64) -> demo::Options {
    demo::Options { calls, from: FROM as u32, to: (TO + 1) as u32, seed: 1, accounts: ACCOUNTS }
}

fn year(calls: u64) -> demo::Options {
    demo::Options { calls: calls.div_ceil(5), from: YEAR_FROM as u32, to: (TO + 1) as u32, seed: 1, accounts: 4 }
}

async fn fill(admin: &Client, database: &str, options: demo::Options) -> Result<()> {
    let (mut told, calls) = (Instant::now(), options.calls);
    let progress = |made| {
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            say(format_args!("{made} of {calls} calls"));
        }
    };
    demo::fill(&admin.clone().with_database(database), &options, progress).await?;
    Ok(())
}

/// Some accounts whole and a tenth of the others' calls: a call's attempts have ids that differ in the last two bits.
async fn tenth(admin: &Client) -> Result<()> {
    let whole = WHOLE.map(|id| id.to_string()).join(", ");
    for sql in [
        "TRUNCATE TABLE tenth.cdrs".to_owned(),
        "INSERT INTO tenth.accounts SELECT * FROM month.accounts".to_owned(),
        format!(
            "INSERT INTO tenth.cdrs SELECT * FROM month.cdrs \
             WHERE customer_acc_id IN ({whole}) OR intHash64(bitShiftRight(id, 2)) % 10 = 0"
        ),
    ] {
        admin.query_raw(&sql).execute().await?;
    }
    Ok(())
}

/// The calls ordered by time, prices as floats, merged into as few parts as there can be.
async fn by_time(admin: &Client, table: &str) -> Result<()> {
    let source = table.trim_start_matches("bench.");
    let columns = "id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, time_start, duration, customer_duration, \
                   vendor_duration, customer_price, vendor_price, is_last_cdr, src_country_id, dst_country_id, \
                   src_prefix_routing, dst_prefix_routing, destination_prefix, lega_q850_cause, legb_q850_cause, \
                   customer_price_no_vat, customer_currency_rate, vendor_currency_rate, \
                   destination_reverse_billing, dialpeer_reverse_billing";
    for sql in [
        format!("DROP TABLE IF EXISTS {table} SYNC"),
        format!(
            "CREATE TABLE {table} (id UInt64, customer_id UInt32, vendor_id UInt32, customer_acc_id UInt32, \
             vendor_acc_id UInt32, time_start DateTime('UTC'), duration Int32, customer_duration Int32, \
             vendor_duration Int32, customer_price Float64, vendor_price Float64, is_last_cdr UInt8, \
             src_country_id UInt32, dst_country_id UInt32, src_prefix_routing String, dst_prefix_routing String, \
             destination_prefix LowCardinality(String), lega_q850_cause Nullable(Int16), \
             legb_q850_cause Nullable(Int16), customer_price_no_vat Float64, customer_currency_rate Nullable(Float64), \
             vendor_currency_rate Nullable(Float64), destination_reverse_billing UInt8, dialpeer_reverse_billing UInt8) \
             ENGINE = MergeTree PARTITION BY toYYYYMM(time_start) ORDER BY (time_start, customer_acc_id)"
        ),
        format!("INSERT INTO {table} SELECT {columns} FROM {source}.cdrs"),
        format!("OPTIMIZE TABLE {table} FINAL"),
    ] {
        admin.query_raw(&sql).execute().await?;
    }
    Ok(())
}

/// Waits until the engine has nothing left to merge or to change.
pub async fn settle(admin: &Client) -> Result<()> {
    let begun = Instant::now();
    let sql = "SELECT toUInt64(sum(c)) FROM (SELECT count() AS c FROM system.merges \
               UNION ALL SELECT count() FROM system.mutations WHERE NOT is_done)";
    let mut quiet = 0;
    while quiet < 3 {
        let busy: u64 = admin.query_raw(sql).fetch_one().await?;
        quiet = if busy == 0 { quiet + 1 } else { 0 };
        if begun.elapsed() > SETTLING {
            return Err("the engine still merges after 20 minutes".into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}
