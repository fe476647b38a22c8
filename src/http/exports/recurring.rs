//! Recurring exports: files of whole days, weeks or months, by the settings. Which were made is known by the records of their
//! jobs; what was due while the service was away is made up for, the last one of each.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::params::BadParam;
use super::super::state::State;
use super::maker::{Maker, Nobody, kept};
use super::question::{self, Exported, REPORT};
use crate::config::Config;
use crate::config::recurring::{Every, ExportPlace, RecurringExport, RecurringFor};
use crate::jobs::schedule::{DueFile, FileSpan, Schedule};
use crate::jobs::{ExportJob, JobAsk, JobState, JobTarget, Jobs, NewJob, RECURRING, now};
use crate::query::scope::OPERATOR;
use crate::query::zone::Calendar;
use crate::report::OPERATORS_BREAKDOWNS;
use crate::report::audience::Rights;
use crate::report::form::FORMATS;
use crate::report::param::Role;
use crate::s3::{BucketClient, S3Error};
use crate::token::{Grant, KeptToken, OperatorGrant, Sides, Subject};

/// Seconds after which a file that failed is tried again; twice as many after each failure, up to [`LONGEST_WAIT`].
const WAIT: i64 = 300;

/// Six hours.
const LONGEST_WAIT: i64 = 6 * 3600;

/// Asks for the files that are due.
pub(super) fn look(state: &Arc<State>, jobs: &Arc<Jobs>, now: i64) {
    let faults = state.config.exports.recurring.0.iter().filter_map(|one| ask(state, jobs, one, now).err());
    state.notices.round("recurring exports", faults);
}

fn ask(state: &State, jobs: &Arc<Jobs>, one: &RecurringExport, now: i64) -> Result<(), String> {
    let owner = format!("{RECURRING}{}", one.name);
    let due = schedule(one, &state.config).last_due(now);
    if !is_wanted(&jobs.list(&owner), &due, now) {
        return Ok(());
    }
    let fault = |why: String| format!("exports.recurring: {}: {why}", one.name);
    let asked = asked(one, &due, &state.config);
    let name = file_name(one, &due);
    directory(&one.to).map_err(&fault)?;
    // A link to nothing is something too. A store is asked by the job, before it asks ClickHouse.
    if let ExportPlace::Directory { dir } = &one.to
        && dir.join(&name).symlink_metadata().is_ok()
    {
        return Err(fault(format!("{name} is there already and is left as it is")));
    }
    let target = Some(JobTarget { to: one.to.clone(), name, period: due.period });
    let tenant = match one.made_for {
        RecurringFor::Customer(customer) => customer,
        RecurringFor::Operator => OPERATOR,
    };
    let added = jobs.add(NewJob { owner, tenant, asked, maker: maker_of(one), target }, now);
    added.map(|job| log::info!("export {}: {} is due", job.id, one.name)).map_err(|refused| fault(refused.to_string()))
}

/// True if a file has not been made, nobody is at it, and its last failure was a while ago.
fn is_wanted(known: &[ExportJob], due: &DueFile, now: i64) -> bool {
    let of_it = |job: &&ExportJob| job.target.as_ref().is_some_and(|target| target.period == due.period);
    let is_made = |job: &ExportJob| {
        let is_it = |target: &JobTarget| target.period == due.period || target.is_later_than(&due.period);
        job.state == JobState::Done && job.target.as_ref().is_some_and(is_it)
    };
    if known.iter().any(|job| job.state.is_live() || is_made(job)) {
        return false;
    }
    let failed: Vec<&ExportJob> = known.iter().filter(of_it).filter(|job| job.state == JobState::Failed).collect();
    let last = failed.iter().filter_map(|job| job.finished).max();
    let wait = WAIT.saturating_mul(1 << failed.len().saturating_sub(1).min(10)).min(LONGEST_WAIT);
    last.is_none_or(|last| last + wait <= now)
}

fn schedule(one: &RecurringExport, config: &Config) -> Schedule {
    let zone = one.time_zone.clone().unwrap_or_else(|| config.reports.time_zone.clone());
    let monday_first = config.reports.week_start == crate::config::WeekStart::Monday;
    let span = match one.every {
        Every::Day => FileSpan::Day,
        Every::Week => FileSpan::Week,
        Every::Month => FileSpan::Month,
    };
    Schedule { span, calendar: Calendar { monday_first, ..Calendar::of(zone) }, at: one.at }
}

fn file_name(one: &RecurringExport, due: &DueFile) -> String {
    let row = FORMATS.iter().find(|row| row.name == one.format);
    format!("{}_{}.{}", one.name, due.period, row.map_or("", |row| row.extension))
}

/// The question about a span.
fn asked(one: &RecurringExport, due: &DueFile, config: &Config) -> JobAsk {
    let zone = one.time_zone.as_ref().unwrap_or(&config.reports.time_zone).iana_name().unwrap_or("UTC");
    let mut question = format!("from-time={}&to-time={}&format={}", due.from, due.to, one.format);
    if has_zone(one) {
        question += &format!("&time-zone={}", utf8_percent_encode(zone, NON_ALPHANUMERIC));
    }
    if !one.parameters.is_empty() {
        question = format!("{question}&{}", one.parameters);
    }
    JobAsk { report: one.report.clone(), question, format: one.format.clone() }
}

/// True if the report takes a zone.
fn has_zone(one: &RecurringExport) -> bool {
    let mut params = match (one.made_for, question::CUSTOMERS_REPORTS.iter().flat_map(|all| all.iter())) {
        (RecurringFor::Customer(_), mut all) => match all.find(|report| report.name == one.report) {
            Some(report) => report.params(),
            None => return false,
        },
        // All of them take one.
        (RecurringFor::Operator, _) => match OPERATORS_BREAKDOWNS.first() {
            Some(report) => report.params(),
            None => return false,
        },
    };
    params.any(|param| param.role == Role::TimeZone)
}

/// The maker that the settings name: it has every right of its kind, since whoever writes the settings has.
fn maker_of(one: &RecurringExport) -> serde_json::Value {
    let subject = match one.made_for {
        RecurringFor::Customer(customer_id) => Subject::Grant(Grant {
            customer_id,
            account_ids: Vec::new(),
            allowed_ips: Vec::new(),
            debug: false,
            sides: Some(Sides::BOTH),
            export: Some(true),
        }),
        RecurringFor::Operator => Subject::OperatorGrant(OperatorGrant {
            customers: Vec::new(),
            vendors: Vec::new(),
            rights: Rights::ALL,
            allowed_ips: Vec::new(),
            debug: false,
        }),
    };
    let token = KeptToken::of_settings(&subject, now());
    let mut kept = kept(&token, matches!(one.made_for, RecurringFor::Operator));
    kept["recurring"] = json!(one.name);
    kept["customer"] = json!(match one.made_for {
        RecurringFor::Customer(customer) => Some(customer),
        RecurringFor::Operator => None,
    });
    kept
}

/// Fails for a directory that is not there.
fn directory(to: &ExportPlace) -> Result<(), String> {
    match to {
        ExportPlace::Directory { dir } if !dir.is_dir() => Err(format!("there is no directory {}", dir.display())),
        ExportPlace::Directory { .. } | ExportPlace::Bucket { .. } => Ok(()),
    }
}

/// Longest time to ask a store whether it would take a file.
const PROBE: Duration = Duration::from_secs(20);

/// The name of a file that is never there.
const PROBED: &str = ".cdrscope-check";

/// Fails, with the next step, if the store of a place would take no file; says nothing of directories.
///
/// # Errors
/// The place, the fault and the next step in a sentence.
async fn probe(config: &Config, to: &ExportPlace) -> Result<(), String> {
    let told = |error: S3Error| format!("{to}: {error}: {}", error.advice());
    let Some(bucket) = BucketClient::open(config, to).map_err(told)? else { return Ok(()) };
    match tokio::time::timeout(PROBE, bucket.probe(PROBED)).await {
        Ok(done) => done.map_err(told),
        Err(_) => Err(told(S3Error::Slow("the store".to_owned(), PROBE.as_secs()))),
    }
}

/// Asks each place once, all at the same time: it takes as long as one. Gives the answer for each recurring export, in order.
pub async fn probe_each(config: &Config) -> Vec<Result<(), String>> {
    let all = &config.exports.recurring.0;
    let mut places = Vec::<&ExportPlace>::new();
    for one in all {
        if !places.contains(&&one.to) {
            places.push(&one.to);
        }
    }
    let probed = join_all(places.iter().map(|to| probe(config, to))).await;
    let of = |to: &ExportPlace| places.iter().zip(&probed).find(|(place, _)| **place == to);
    all.iter().map(|one| of(&one.to).map_or(Ok(()), |(_, found)| found.clone())).collect()
}

/// Logs which stores would take no file, long before the first one is due.
pub(super) async fn probe_all(state: &State) {
    for (one, found) in state.config.exports.recurring.0.iter().zip(probe_each(&state.config).await) {
        if let Err(fault) = found {
            log::error!("exports.recurring: {}: {fault}", one.name);
        }
    }
}

/// Faults of each recurring export: its directory, its report, its parameters.
pub async fn faults(state: &Arc<State>) -> Vec<String> {
    let mut faults = Vec::new();
    for one in &state.config.exports.recurring.0 {
        if let Err(fault) = check(state, one).await {
            faults.push(format!("exports.recurring: {}: {fault}", one.name));
        }
    }
    faults
}

async fn check(state: &Arc<State>, one: &RecurringExport) -> Result<(), String> {
    directory(&one.to)?;
    let maker = match Maker::again(&maker_of(one), state) {
        Ok(maker) => maker,
        // Not known at the moment, and looked at again before each file.
        Err(Nobody::Yet) => return Ok(()),
        Err(Nobody::Denied(why)) => return Err(why.to_string()),
    };
    Exported::find(&one.report, &maker).ok_or_else(|| BadParam::Invalid(REPORT).to_string())?;
    let due = schedule(one, &state.config).last_due(now());
    let asked = asked(one, &due, &state.config);
    question::check(&asked, &maker, state).await.map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::recurring::RecurringExports;
    use crate::config::value::Value as _;

    fn one(more: &str) -> RecurringExport {
        let text = format!(r#"[{{"name":"calls","customer":5,"every":"month","to":"/srv"{more}}}]"#);
        RecurringExports::parse(&text).unwrap().0.remove(0)
    }

    fn second(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_question_is_about_the_whole_span_in_the_zone() {
        let one = one(
            r#","report":"origination-cdrs","time_zone":"Europe/Berlin","format":"csv.gz","parameters":"account-id=a,b""#,
        );
        let config = Config::default();
        let due = schedule(&one, &config).last_due(second("2026-11-01T01:30:00Z"));
        let asked = asked(&one, &due, &config);
        let (from, to) = (second("2026-09-30T22:00:00Z"), second("2026-10-31T22:59:59Z"));
        assert_eq!(
            asked.question,
            format!("from-time={from}&to-time={to}&format=csv.gz&time-zone=Europe%2FBerlin&account-id=a,b")
        );
        assert_eq!(file_name(&one, &due), "calls_2026-10.csv.gz");
    }

    #[test]
    fn a_report_without_a_zone_gets_none() {
        assert!(!has_zone(&one(r#","report":"origination-active-calls""#)));
        assert!(has_zone(&one(r#","report":"origination-statistics""#)));
        assert!(has_zone(&one(r#","report":"termination-breakdown""#)));
    }

    #[test]
    fn a_file_is_wanted_until_it_is_made_and_later_after_each_failure() {
        let due = DueFile { period: "2026-10".to_owned(), from: 0, to: 1, since: 2 };
        let job = |state: &str, period: &str, finished: i64| -> ExportJob {
            let target = json!({ "dir": "/srv", "name": "x", "period": period });
            let job = json!({
                "owner": "recurring:calls", "tenant": 5, "asked": { "report": "x", "question": "", "format": "csv" },
                "maker": {}, "target": target, "state": state, "created": 0, "finished": finished,
            });
            serde_json::from_value(job).unwrap()
        };
        assert!(is_wanted(&[], &due, 1000));
        assert!(is_wanted(&[job("done", "2026-09", 0)], &due, 1000));
        for state in ["done", "waiting", "running"] {
            assert!(!is_wanted(&[job(state, "2026-10", 0)], &due, 1000), "{state}");
        }
        // One of a later span: the clock was set back.
        assert!(!is_wanted(&[job("done", "2026-11", 0)], &due, 1000));
        // It was made by day before.
        assert!(is_wanted(&[job("done", "2026-10-30", 0), job("done", "2026-11-02", 0)], &due, 1000));
        let failed = |count: i64| (1..=count).map(|at| job("failed", "2026-10", at)).collect::<Vec<_>>();
        for (count, wait) in [(1, 300), (2, 600), (4, 2400), (9, 21_600), (40, 21_600)] {
            assert!(!is_wanted(&failed(count), &due, count + wait - 1), "{count}");
            assert!(is_wanted(&failed(count), &due, count + wait), "{count}");
        }
        assert!(is_wanted(&[job("failed", "2026-09", 900)], &due, 1000));
    }

    #[tokio::test]
    #[cfg(feature = "s3")]
    async fn each_place_is_asked_once_and_all_of_them_at_once() {
        use crate::s3::{FakeStore, Odd};
        let store = FakeStore::start(|asked| asked.path.starts_with("/slow").then_some(Odd::Hang)).await;
        let entry = |name: &str, to: &str| {
            format!(r#"{{"name":"{name}","customer":5,"report":"x","every":"day","to":"{to}"}}"#)
        };
        let all = [
            entry("a", "s3://slow1"),
            entry("b", "s3://good/x"),
            entry("c", "s3://slow2"),
            entry("d", "s3://slow1"),
            entry("e", "/srv"),
            entry("f", "s3://slow3/x"),
            entry("g", "s3://good/x"),
        ];
        let mut config = store.config.clone();
        config.exports.recurring = RecurringExports::parse(&format!("[{}]", all.join(","))).unwrap();
        let begun = std::time::Instant::now();
        let found = probe_each(&config).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let right: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(right, [false, true, false, false, true, false, true], "{found:?}");
        assert!(found[3].as_ref().unwrap_err().starts_with("s3://slow1: "), "{found:?}");
        // Three that hang, and the beginning and the end of one that does not.
        assert_eq!(store.words().len(), 5, "{:?}", store.words());
    }
}
