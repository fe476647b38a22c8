//! The oracle: a second, independent computation of every answer of the customer API.
//!
//! It takes rows as plain structs and a request as raw text, and gives the status and the body to the byte. It shares no
//! code with the service: it asks no database, has its own arithmetic (integers of 128 bits), its own calendar (chrono)
//! and its own JSON. It goes through every row for every request, which is slow and easy to believe.

pub mod calendar;
mod fixtures;
mod json;
mod number;
mod outgoing;
mod params;
mod report;
pub mod rows;
pub mod time;

mod tests_calendar;
mod tests_errors;
mod tests_params;
mod tests_reports;

pub use params::Endpoint;
pub use rows::{Account, ActiveCall, Cdr};
pub use time::Time;

/// The settings of the service that change an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `reports.acd_unit`.
    pub acd_unit: AcdUnit,
    /// `reports.totals_cps`.
    pub totals_cps: TotalsCps,
    /// `reports.billed_duration`.
    pub billed_duration: bool,
    /// `reports.time_zone`, an IANA name.
    pub time_zone: &'static str,
    /// `reports.week_start`.
    pub week_start: WeekStart,
    /// `active_calls.period_seconds`.
    pub active_calls_period: i64,
    /// `limits.max_buckets`.
    pub max_buckets: i64,
    /// `api.unknown_params = "ignore"`.
    pub ignore_unknown: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            acd_unit: AcdUnit::Minutes,
            totals_cps: TotalsCps::Bucket,
            billed_duration: false,
            time_zone: "UTC",
            week_start: WeekStart::Sunday,
            active_calls_period: 60,
            max_buckets: 1_000_000,
            ignore_unknown: false,
        }
    }
}

/// The unit of the average call duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AcdUnit {
    Minutes,
    Seconds,
}

/// What the totals divide their calls by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TotalsCps {
    /// The length of one bucket.
    Bucket,
    /// The length of all buckets of the answer.
    Range,
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeekStart {
    Sunday,
    Monday,
}

/// All that the tables hold.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub accounts: Vec<Account>,
    pub cdrs: Vec<Cdr>,
    pub active_calls: Vec<ActiveCall>,
}

/// Who asks: the customer of the token and its account ids, where an empty list means all of the customer's.
#[derive(Clone, Debug)]
pub struct Caller {
    pub customer_id: u32,
    pub account_ids: Vec<u32>,
}

/// One request as it arrives: the report and the decoded pairs of the query string, in their order.
#[derive(Clone, Debug)]
pub struct Request {
    pub endpoint: Endpoint,
    pub pairs: Vec<(String, String)>,
}

/// What the service has to answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This status and this body.
    Answer(u16, String),
    /// 400, with a text of the service's own choice that names `limits.max_buckets` and this number.
    TooManyBuckets(i64),
}

impl Expected {
    /// Whether an answer of the service is this one.
    pub fn agrees(&self, status: u16, body: &str) -> bool {
        match self {
            Self::Answer(wanted, text) => status == *wanted && body == text,
            Self::TooManyBuckets(limit) => {
                status == 400
                    && body.starts_with("{\"error\":\"")
                    && body.contains("limits.max_buckets")
                    && body.contains(&limit.to_string())
            }
        }
    }

    fn error(text: &str) -> Self {
        Self::Answer(400, format!("{{\"error\":{}}}", json::text(text)))
    }
}

/// The answer to `request` at the moment `now`.
pub fn answer(world: &World, caller: &Caller, request: &Request, now: &Time, settings: &Settings) -> Expected {
    let mut asked = match params::read(world, caller, request, settings) {
        Ok(asked) => asked,
        Err(message) => return Expected::error(&message),
    };
    if request.endpoint == Endpoint::OutgoingActiveCalls {
        return Expected::Answer(200, outgoing::body(world, caller, &asked, now, settings));
    }
    if asked.to.as_ref().is_some_and(|to| *to < asked.from) {
        return Expected::error("to-time is before from-time");
    }
    if asked.from > *now {
        return Expected::Answer(200, "[]".to_owned()); // such a grid has no bucket, so it is never too long
    }
    let end = asked.to.as_ref().map_or(now, |to| to.min(now));
    let Some(mut grid) = asked.calendar.grid(asked.from.second(), end.second(), settings.max_buckets) else {
        return Expected::TooManyBuckets(settings.max_buckets);
    };
    if let Some(settle) = asked.settle {
        let open = asked.calendar.start(now.second() - settle);
        grid.retain(|start| *start < open);
        let last = Time::at(open - 1);
        asked.to = Some(asked.to.filter(|to| *to < last).unwrap_or(last));
    }
    Expected::Answer(200, report::body(world, caller, request.endpoint, &asked, &grid, settings))
}

/// The rows that the report would count, as text: what a failing comparison prints.
pub fn rows_behind(world: &World, caller: &Caller, request: &Request, settings: &Settings) -> Vec<String> {
    match params::read(world, caller, request, settings) {
        Ok(asked) if request.endpoint == Endpoint::OutgoingActiveCalls => {
            outgoing::tenant_rows(world, caller, &asked).iter().map(|row| format!("{row:?}")).collect()
        }
        Ok(asked) if request.endpoint.is_active_calls() => {
            report::snapshot_rows(world, caller, request.endpoint, &asked)
                .iter()
                .map(|row| format!("{row:?}"))
                .collect()
        }
        Ok(asked) => {
            report::cdr_rows(world, caller, request.endpoint, &asked).iter().map(|row| format!("{row:?}")).collect()
        }
        Err(message) => vec![message],
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    json::text(text)
}
