//! One question in three forms: a request to the service, the same question as Yeti asks it of a table of CDRs, and the
//! service's own statement.

use cdrscope::access;
use cdrscope::config::UnknownParams;
use cdrscope::http::CUSTOMER_API;
use cdrscope::http::params::{self, Context, Pairs, ReportAsk};
use cdrscope::query::zone::Calendar;
use cdrscope::report;
use cdrscope::report::audience::Audience;
use cdrscope::report::form::ResultFormat;
use cdrscope::sql::{self, ReadMode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;

use crate::Result;
use crate::world::{Account, World};

/// A filter, as parameter of the service and as condition of the baseline.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The parameter.
    pub name: &'static str,
    /// The condition on the baseline, over `{filter:String}`.
    pub condition: &'static str,
    /// The value.
    pub value: String,
}

/// A question about an account's calls.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Whose.
    pub account: &'a Account,
    /// Name of the report.
    pub report: &'static str,
    /// First second.
    pub from: i64,
    /// Last second.
    pub to: Option<i64>,
    /// Name and seconds of the sampling.
    pub sampling: (&'static str, u32),
    /// At most one filter.
    pub filter: Option<Filter>,
}

/// By minute.
pub const MINUTE: (&str, u32) = ("minute", 60);
/// By quarter of an hour.
pub const QUARTER: (&str, u32) = ("15minutes", 900);
/// By hour.
pub const HOUR: (&str, u32) = ("hour", 3600);

/// The seed's report.
pub const QUALITY: &str = "origination-statistics-quality";
/// The report with counts and prices.
pub const STATISTICS: &str = "origination-statistics";

impl<'a> Question<'a> {
    /// A question about call quality without a filter.
    pub fn quality(account: &'a Account, from: i64, to: i64, sampling: (&'static str, u32)) -> Self {
        Self { account, report: QUALITY, from, to: Some(to), sampling, filter: None }
    }

    fn query(&self) -> String {
        let mut query =
            format!("account-id={}&from-time={}&sampling={}", self.account.uuid, self.from, self.sampling.0);
        if let Some(to) = self.to {
            query.push_str(&format!("&to-time={to}"));
        }
        if let Some(filter) = &self.filter {
            query.push_str(&format!("&{}={}", filter.name, encode(&filter.value)));
        }
        query
    }

    /// The request to the service; `headers` are more of them, each with its line's end.
    pub fn request(&self, headers: &str) -> Vec<u8> {
        let path = format!("{CUSTOMER_API}/{}?{}", self.report, self.query());
        get(&path, &format!("Authorization: {}\r\n{headers}", self.account.token))
    }

    /// The question to the engine as Yeti asks it: figures and totals computed there, over the calls of `table`.
    pub fn baseline(&self, world: &World, table: &str) -> Vec<u8> {
        let seconds = self.sampling.1;
        let figures = match self.report {
            QUALITY => format!(
                "count() AS total_calls, round(avgIf(duration, duration > 0) / 60, 2) AS acd, \
                 round(100 * countIf(duration > 0) / count(), 2) AS asr, round(count() / {seconds}, 2) AS cps"
            ),
            _ => "count() AS total_calls, countIf(duration > 0) AS successful_calls, \
                  countIf(duration = 0) AS failed_calls, round(sum(duration) / 60, 2) AS total_duration, \
                  round(avgIf(duration, duration > 0) / 60, 2) AS acd, \
                  round(100 * countIf(duration > 0) / count(), 2) AS asr, round(sum(customer_price), 2) AS total_price"
                .to_owned(),
        };
        let mut conditions = String::from(
            "customer_acc_id = {account:UInt32} AND is_last_cdr = 1 AND time_start >= toDateTime({from:UInt32})",
        );
        let mut parameters = vec![("account", self.account.id.to_string()), ("from", self.from.to_string())];
        if let Some(to) = self.to {
            conditions.push_str(" AND time_start <= toDateTime({to:UInt32})");
            parameters.push(("to", to.to_string()));
        }
        if let Some(filter) = &self.filter {
            conditions.push_str(&format!(" AND {}", filter.condition));
            parameters.push(("filter", filter.value.clone()));
        }
        let sql = format!(
            "SELECT toUnixTimestamp(toStartOfInterval(time_start, toIntervalSecond({seconds}))) AS t, {figures} \
             FROM {table} WHERE {conditions} GROUP BY t WITH TOTALS ORDER BY t FORMAT JSONColumnsWithMetadata"
        );
        let parameters: Vec<_> = parameters.into_iter().map(|(name, value)| (format!("param_{name}"), value)).collect();
        world.engine_request(&parameters, &sql)
    }

    /// The service's own statement, sent straight to the engine.
    pub fn straight(&self, world: &World, database: &str) -> Result<Vec<u8>> {
        let report = report::find(self.report).ok_or("no such report")?;
        let (id, customer_id) = (self.account.id, self.account.customer_id);
        let row = access::Account { id, customer_id, name: String::new(), details: access::AccountDetails::default() };
        let accounts = [(uuid::Uuid::nil(), row)].into_iter().collect();
        let snapshot = access::Snapshot { accounts, ..Default::default() };
        let scope = snapshot.every_account().first().map(|(_, _, scope)| *scope).ok_or("no account")?;
        let calendar = Calendar::of(jiff::tz::TimeZone::UTC);
        let context = Context {
            audience: Audience::Customer,
            operator: None,
            scope: &|_| Some(scope),
            schema: &world.schema,
            unknown: UnknownParams::Reject,
            calendar: &calendar,
            max_list_values: 200,
            debug: false,
            accepted: Some(ResultFormat::Columns),
        };
        let ReportAsk { request, .. } = params::read(report, &Pairs::parse(&self.query()), context)?;
        let now = OffsetDateTime::now_utc();
        let plan = request.plan(now, u64::MAX).map_err(|refusal| format!("refused: {refusal:?}"))?;
        let statement = sql::select(&plan, &world.schema, ReadMode::Named);
        let mut parameters = vec![
            ("database".to_owned(), database.to_owned()),
            ("default_format".to_owned(), "TabSeparated".to_owned()),
        ];
        if statement.is_light() {
            parameters.push(("max_threads".to_owned(), "1".to_owned()));
            parameters.push(("output_format_parallel_formatting".to_owned(), "0".to_owned()));
        }
        let values = statement.params().iter().enumerate();
        parameters.extend(values.map(|(place, value)| (format!("param_p{place}"), value.clone())));
        Ok(world.engine_request(&parameters, statement.text()))
    }
}

/// A GET request; `headers` each with its line's end.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n").into_bytes()
}

/// Text in a query string.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
