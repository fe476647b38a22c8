//! Every metric in one table: name, kind, labels, help; and the counters behind them. No I/O.
//!
//! Counters are atomics whose labels are all known beforehand, so that counting takes no lock.

mod text;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::fair::{Fair, FairLoad, SlotRefused};
use crate::report;
use crate::sql::Chosen;

pub use text::{CONTENT_TYPE, Exposition};

/// A metric, as it is described to Prometheus.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Its help text.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $id: Metric =
                Metric { name: $name, kind: stringify!($kind), labels: &[$($label),*], help: $help };
        )+

        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($id),+];
    };
}

metrics! {
    BUILD gauge "cdrscope_build_info" ["version"] "1, with the version that runs.";
    READY gauge "cdrscope_ready" [] "1 while /health/ready is 200, else 0.";
    NAMED gauge "cdrscope_projections_named" [] "1 while sums are read from projections by their names, 0 while that is left to ClickHouse, which is slower, or switched off.";
    REQUESTS counter "cdrscope_requests_total" ["route", "status"] "Requests by pattern of their path (unknown: none) and class of status.";
    REQUEST_SECONDS histogram "cdrscope_request_seconds" ["route"] "Time until the head of the answer was ready.";
    QUERIES counter "cdrscope_queries_total" ["report", "outcome"] "Statements of reports by what became of them; other: those that dashboards alone ask for.";
    REPEATED counter "cdrscope_queries_repeated_total" [] "Statements of reports that were asked again, as a projection could not be read by its name.";
    SOURCES counter "cdrscope_query_sources_total" ["source"] "Statements of reports by what they read, as the planner chose.";
    ROWS_READ counter "cdrscope_query_rows_read_total" [] "Rows that ClickHouse says it read for reports.";
    SLOTS gauge "cdrscope_query_slots" [] "Statements that may run at once: limits.concurrent_queries.";
    SLOTS_USED gauge "cdrscope_query_slots_used" [] "Statements that run.";
    QUERIES_LEFT gauge "cdrscope_queries_left" [] "Statements whose caller left or waits no longer, and that ClickHouse has not ended; each holds its slot.";
    EXPORTS counter "cdrscope_exports_total" ["end"] "Files of raw CDRs by their end: whole, cut (ClickHouse failed), left (its reader went away).";
    JOBS gauge "cdrscope_export_jobs" ["state"] "Exports that are asked for and fetched later, by state.";
    JOBS_ENDED counter "cdrscope_export_jobs_total" ["end"] "Exports by their end: done, failed, cancelled, and expired for files whose time was up.";
    JOBS_BYTES gauge "cdrscope_export_bytes" [] "Bytes of the files of exports, kept or being written.";
    SUPPLY gauge "cdrscope_supply" ["what"] "Units that all customers may use at once: queries, bytes of large responses, and exports (files of raw CDRs).";
    SUPPLY_USED gauge "cdrscope_supply_used" ["what"] "Units in use.";
    SUPPLY_LARGEST gauge "cdrscope_supply_largest_customer" ["what"] "Units in use by the customer that uses most.";
    SUPPLY_WAITING gauge "cdrscope_supply_waiting" ["what"] "Requests that wait for units.";
    SUPPLY_REFUSED counter "cdrscope_supply_refused_total" ["what", "reason"] "Requests without units: late (waited limits.queue_seconds), queue (too many of the customer wait), size (larger than all units).";
    CONNECTIONS gauge "cdrscope_connections" [] "Open connections.";
    CONNECTIONS_MOST gauge "cdrscope_connections_limit" [] "Connections that may be open: http.max_connections, or what the limit of open files allows.";
    CONNECTIONS_CLOSED counter "cdrscope_connections_closed_total" ["reason"] "Connections that the service closed: head (no request in time), idle, stalled (its reader is too slow), full (made room for another), address (too many of one address), flood (sent on while its request was answered), refused (no room).";
    ANSWERS counter "cdrscope_answers_total" ["cache"] "Answers by how much of them was remembered: hit, partial, miss.";
    CACHE_BYTES gauge "cdrscope_cache_bytes" [] "Memory of remembered sums and answers.";
    ACCOUNTS_READ gauge "cdrscope_accounts_read_timestamp_seconds" [] "When accounts and api_access were last read, epoch seconds.";
    LINES_WAITING gauge "cdrscope_log_waiting_bytes" ["log"] "Bytes of the access and the audit log that wait to be written.";
    LINES_LOST counter "cdrscope_log_lines_lost_total" ["log"] "Lines of the access and the audit log that could not be written.";
    ODD_ROWS counter "cdrscope_odd_rows_total" ["kind"] "New rows that cannot be meant, by kind.";
    ROWS_CHECKED counter "cdrscope_rows_checked_total" [] "New rows that were looked at.";
    ROWS_UNCHECKED counter "cdrscope_rows_unchecked_total" [] "New rows that were not looked at and will not be: a part of over 10 million, or one merged with old rows first.";
    ROWS_LOOKED gauge "cdrscope_rows_looked_timestamp_seconds" ["table"] "When new rows of the table were last looked for, epoch seconds.";
    ENGINE_RESTARTS counter "cdrscope_engine_restarts_total" [] "Starts of the embedded engine after it had ended by itself.";
    ACCOUNTS_UP gauge "cdrscope_accounts_up" [] "1 if figures of accounts could be read for this scrape, else 0.";
    ACCOUNTS_OMITTED gauge "cdrscope_accounts_omitted" [] "Accounts without figures, as all together would be more than metrics.max_series.";
    CALLS gauge "cdrscope_account_calls" ["account", "customer", "name", "side"] "Calls (attempts on the side termination) begun in the window.";
    ASR gauge "cdrscope_account_asr_percent" ["account", "customer", "name", "side"] "Answered share of those; none without calls.";
    ACD gauge "cdrscope_account_acd_seconds" ["account", "customer", "name", "side"] "Average duration of the answered; none without one.";
    CPS gauge "cdrscope_account_cps" ["account", "customer", "name", "side"] "Calls a second begun in the window.";
    ACTIVE gauge "cdrscope_account_active_calls" ["account", "customer", "name", "side"] "Calls that were up in the busiest of the last complete minutes that two snapshots of every node lie in.";
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of a histogram's buckets, seconds; one more is without bound.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Times, by buckets.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [Counter; BOUNDS.len() + 1],
    nanoseconds: Counter,
}

impl Histogram {
    fn note(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.nanoseconds.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// Classes of status, `1xx` to `5xx`.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Debug, Default)]
struct RouteCounts {
    classes: [Counter; CLASSES.len()],
    time: Histogram,
}

/// Requests, by the pattern of their path.
#[derive(Debug)]
pub struct Requests {
    routes: Vec<(String, RouteCounts)>,
    places: HashMap<String, usize>,
    unknown: RouteCounts,
}

impl Requests {
    /// None yet, of paths with these patterns.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let routes: Vec<_> = patterns.into_iter().map(|pattern| (pattern, RouteCounts::default())).collect();
        let places = routes.iter().enumerate().map(|(place, (pattern, _))| (pattern.clone(), place)).collect();
        Self { routes, places, unknown: RouteCounts::default() }
    }

    /// Counts a request: the pattern that its path matched, the status of the answer, and the time it took.
    pub fn note(&self, pattern: Option<&str>, status: u16, time: Duration) {
        let place = pattern.and_then(|pattern| self.places.get(pattern));
        let route = place.and_then(|place| self.routes.get(*place)).map_or(&self.unknown, |(_, route)| route);
        if let Some(class) = route.classes.get(usize::from(status / 100).wrapping_sub(1)) {
            class.add(1);
        }
        route.time.note(time);
    }

    /// Writes what was counted. A path that nobody asked for is left out.
    pub fn write(&self, out: &mut Exposition) {
        let routes = self.routes.iter().map(|(pattern, route)| (pattern.as_str(), route));
        let asked = |(_, route): &(&str, &RouteCounts)| route.classes.iter().any(|class| class.get() > 0);
        let asked: Vec<_> = routes.chain([("unknown", &self.unknown)]).filter(asked).collect();
        out.family(&REQUESTS);
        for (pattern, route) in &asked {
            for (word, class) in CLASSES.iter().zip(&route.classes).filter(|(_, class)| class.get() > 0) {
                out.sample(&REQUESTS, &[pattern, word], class.get());
            }
        }
        out.family(&REQUEST_SECONDS);
        for (pattern, route) in asked {
            out.histogram(&REQUEST_SECONDS, pattern, &route.time);
        }
    }
}

/// The outcome of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryOutcome {
    /// It was answered.
    Ok,
    /// No slot in time, or the server had too many.
    Busy,
    /// Slower than the limit.
    Slow,
    /// The server was away.
    Unreachable,
    /// The server refused or failed.
    Failed,
    /// A pattern that the server does not understand.
    BadPattern,
    /// The caller went away before its end.
    Cancelled,
    /// More rows than one request may hold.
    TooManyRows,
}

impl QueryOutcome {
    /// All of them, with their words, in the order of their declaration.
    const WORDS: [&str; 8] =
        ["ok", "busy", "slow", "unreachable", "failed", "bad_pattern", "cancelled", "too_many_rows"];
}

/// Statements of reports.
#[derive(Debug)]
pub struct Queries {
    /// By place in `report::public_names`; the last is for those that dashboards alone ask for.
    outcomes: Vec<[Counter; QueryOutcome::WORDS.len()]>,
    sources: [Counter; Chosen::ALL.len()],
    rows_read: Counter,
    repeated: Counter,
}

impl Default for Queries {
    fn default() -> Self {
        let outcomes = (0..=report::public_names().count()).map(|_| Default::default()).collect();
        Self { outcomes, sources: Default::default(), rows_read: Counter::default(), repeated: Counter::default() }
    }
}

impl Queries {
    /// Counts a statement: its report, what it reads, what became of it and how many rows were read.
    pub fn note(&self, report: &str, chosen: Option<Chosen>, outcome: QueryOutcome, rows_read: u64) {
        let place = report::public_names().position(|known| known == report);
        let place = place.unwrap_or(self.outcomes.len() - 1);
        if let Some(counter) = self.outcomes.get(place).and_then(|outcomes| outcomes.get(outcome as usize)) {
            counter.add(1);
        }
        if let Some(counter) = chosen.and_then(|chosen| self.sources.get(chosen as usize)) {
            counter.add(1);
        }
        self.rows_read.add(rows_read);
    }

    /// Begins a statement of a report. It counts as cancelled unless its end is noted.
    pub fn begin<'a>(&'a self, report: &'a str) -> Begun<'a> {
        Begun { queries: self, report, is_open: true }
    }

    /// Counts a statement that was refused, before it is sent again in another way.
    pub fn note_repeated(&self) {
        self.repeated.add(1);
    }

    /// Writes what was counted.
    pub fn write(&self, out: &mut Exposition) {
        out.single(&REPEATED, self.repeated.get());
        out.family(&QUERIES);
        let reports = report::public_names().chain(["other"]);
        for (report, outcomes) in reports.zip(&self.outcomes) {
            for (word, count) in QueryOutcome::WORDS.iter().zip(outcomes) {
                // Those that went well are there from the start, so that a first failure is seen as an increase of something.
                if count.get() > 0 || (*word == "ok" && report != "other") {
                    out.sample(&QUERIES, &[report, word], count.get());
                }
            }
        }
        out.family(&SOURCES);
        for (chosen, count) in Chosen::ALL.iter().zip(&self.sources) {
            out.sample(&SOURCES, &[chosen.name()], count.get());
        }
        out.single(&ROWS_READ, self.rows_read.get());
    }
}

/// A statement that runs.
#[derive(Debug)]
pub struct Begun<'a> {
    queries: &'a Queries,
    report: &'a str,
    is_open: bool,
}

impl Begun<'_> {
    /// Counts what it read, what became of it and how many rows were read.
    pub fn end(mut self, chosen: Option<Chosen>, outcome: QueryOutcome, rows_read: u64) {
        self.is_open = false;
        self.queries.note(self.report, chosen, outcome, rows_read);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.queries.note(self.report, None, QueryOutcome::Cancelled, 0);
        }
    }
}

/// The end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportEnd {
    /// It was written whole.
    Whole,
    /// ClickHouse failed before its end.
    Cut,
    /// Its reader left before.
    Left,
}

/// Files of raw CDRs, by how they ended.
#[derive(Debug, Default)]
pub struct Exports([Counter; 3]);

impl Exports {
    /// Counts one.
    pub fn note(&self, end: ExportEnd) {
        if let Some(counter) = self.0.get(end as usize) {
            counter.add(1);
        }
    }

    /// Writes the counts.
    pub fn write(&self, out: &mut Exposition) {
        out.family(&EXPORTS);
        for (word, count) in ["whole", "cut", "left"].into_iter().zip(&self.0) {
            out.sample(&EXPORTS, &[word], count.get());
        }
    }
}

/// A supply that tenants share, as metrics name it, with its use.
pub fn supply(out: &mut Exposition, supplies: &[(&'static str, &Fair)]) {
    let loads: Vec<_> = supplies.iter().map(|(name, fair)| (*name, fair, fair.load())).collect();
    type Value = fn(&Fair, &FairLoad) -> u64;
    let values: [(_, Value); 4] = [
        (&SUPPLY, |fair, _| fair.bounds().total),
        (&SUPPLY_USED, |_, load| load.used),
        (&SUPPLY_LARGEST, |_, load| load.largest),
        (&SUPPLY_WAITING, |_, load| load.waiting as u64),
    ];
    for (metric, value) in values {
        out.family(metric);
        for (name, fair, load) in &loads {
            out.sample(metric, &[name], value(fair, load));
        }
    }
    out.family(&SUPPLY_REFUSED);
    for (name, fair, _) in &loads {
        for reason in SlotRefused::ALL {
            out.sample(&SUPPLY_REFUSED, &[name, reason.word()], fair.refused(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_kind_each_and_end_as_their_kind_does() {
        for (i, metric) in ALL.iter().enumerate() {
            assert!(metric.name.starts_with("cdrscope_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == "counter", "{}", metric.name);
            assert!(!metric.help.contains(['\\', '\n']), "{}", metric.name);
            assert!(ALL[..i].iter().all(|other| other.name != metric.name), "{}", metric.name);
        }
    }

    #[test]
    fn a_histogram_adds_up_its_buckets() {
        let requests = Requests::new(["/a".to_owned()]);
        for (milliseconds, pattern) in
            [(1, Some("/a")), (2, Some("/a")), (60_000, Some("/a")), (1, None), (1, Some("/b"))]
        {
            requests.note(pattern, 200, Duration::from_millis(milliseconds));
        }
        requests.note(Some("/a"), 503, Duration::ZERO);
        requests.note(Some("/a"), 0, Duration::ZERO);
        let mut out = Exposition::default();
        requests.write(&mut out);
        let text = out.into_text();
        for line in [
            "cdrscope_requests_total{route=\"/a\",status=\"2xx\"} 3",
            "cdrscope_requests_total{route=\"/a\",status=\"5xx\"} 1",
            "cdrscope_requests_total{route=\"unknown\",status=\"2xx\"} 2",
            "cdrscope_request_seconds_bucket{route=\"/a\",le=\"0.001\"} 3",
            "cdrscope_request_seconds_bucket{route=\"/a\",le=\"0.0025\"} 4",
            "cdrscope_request_seconds_bucket{route=\"/a\",le=\"30\"} 4",
            "cdrscope_request_seconds_bucket{route=\"/a\",le=\"+Inf\"} 5",
            "cdrscope_request_seconds_sum{route=\"/a\"} 60.003",
            "cdrscope_request_seconds_count{route=\"/a\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
        }
    }

    #[test]
    fn statements_of_unknown_reports_are_counted_too() {
        let queries = Queries::default();
        queries.note("origination-statistics", Some(Chosen::Both), QueryOutcome::Ok, 5);
        queries.note("something else", None, QueryOutcome::BadPattern, 2);
        let mut out = Exposition::default();
        queries.write(&mut out);
        let text = out.into_text();
        for line in [
            "cdrscope_queries_total{report=\"origination-statistics\",outcome=\"ok\"} 1",
            "cdrscope_queries_total{report=\"termination-statistics\",outcome=\"ok\"} 0",
            "cdrscope_queries_total{report=\"other\",outcome=\"bad_pattern\"} 1",
            "cdrscope_query_sources_total{source=\"both\"} 1",
            "cdrscope_query_rows_read_total 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
        }
    }
}
