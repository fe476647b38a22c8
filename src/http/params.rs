//! Query string → request. The last place that sees a caller's raw text: no known parameter is ever dropped, an error
//! names its parameter, and what becomes of an unknown one is decided here and nowhere else.

use uuid::Uuid;

use super::accept;
use super::breakdown_params::{BreakdownDraft, When};
use super::cdr_params::{CdrDraft, CdrTerms};
use super::pairs;
pub use super::pairs::Pairs;
use super::spellings;
use crate::config::UnknownParams;
use crate::query::filter::{Excess, Filter};
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::scope::{OperatorScope, Scope};
use crate::query::zone::{self, Calendar, Edge};
use crate::report::Report;
use crate::report::audience::Audience;
use crate::report::breakdown::{BreakdownAsk, Compare, OwnAccount};
use crate::report::cdrs::CdrQuery;
use crate::report::form::{CsvSeparator, ResultForm, ResultFormat};
use crate::report::measure::Measure;
use crate::report::param::{Param, Role};
use crate::report::plan::{Request, Window};
use crate::sql::schema::Schema;

/// The error in the parameters; the first one in the contract's order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParam {
    /// More of them than anybody needs.
    #[error("more than {MOST_PARAMS} params")]
    Many,
    /// Required ones are absent.
    #[error("missing required param(s) {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// `name[]=` or `name[x]=`.
    #[error("param {0} can't be an array")]
    Array(&'static str),
    /// A value that is malformed, out of range, or not allowed.
    #[error("invalid value {0}")]
    Invalid(&'static str),
    /// A value that holds more than a filter may.
    #[error("invalid value {0}: {1}")]
    Excessive(&'static str, Excess),
    /// A sampling that the report does not offer.
    #[error("invalid sampling")]
    Sampling,
    /// A parameter that the report does not know.
    #[error("unknown param {0}")]
    Unknown(String),
    /// to-time lies before from-time.
    #[error("to-time is before from-time")]
    ToBeforeFrom,
    /// More buckets than limits.max_buckets.
    #[error("too many buckets: limits.max_buckets is {0}, ask for a shorter range or a longer sampling")]
    TooManyBuckets(u64),
    /// A parameter that the value of another makes necessary.
    #[error("{0} is required by {1} {2}")]
    Needed(&'static str, &'static str, &'static str),
    /// More buckets of time than a breakdown has.
    #[error("too many buckets: with compare or group-by t {0} at most, ask for a shorter range or a longer sampling")]
    ManyBounds(u64),
    /// A format that `Accept` takes is not among those that there are.
    #[error("none of the formats in Accept can be had: {0}")]
    Unacceptable(String),
    /// A parameter that says nothing about the format of the answer.
    #[error("{0} says nothing about format {1}")]
    OtherFormat(&'static str, &'static str),
    /// A format of an export that is an answer and no file.
    #[error("format {0} is no file: ask for {files}, as the report has them", files = ResultFormat::names_of_files())]
    NoFile(&'static str),
    /// A workbook that could take more than all temporary files may.
    #[error("too many rows for format xlsx within http.temp_mb: ask for a shorter range, a longer sampling or csv")]
    LargeWorkbook,
    /// A text that no cell of a workbook holds.
    #[error("format xlsx cannot hold a text of column {0}, which is too long: ask for csv")]
    LongCell(String),
    /// Columns that there are none of, or that the caller may not see.
    #[error("invalid value columns: {}", .0.join(", "))]
    Columns(Vec<String>),
    /// A cursor of a question with other calls or columns.
    #[error("the cursor is of another question")]
    OtherCursor,
    /// A workbook of CDRs that could take more than all temporary files may.
    #[error("too many CDRs for format xlsx within http.temp_mb: ask for a shorter range, fewer columns or csv")]
    ManyCells,
    /// More CDRs than exports.max_rows in one file.
    #[error("too many CDRs: exports.max_rows is {0}, ask for a shorter range")]
    TooManyCdrs(u64),
    /// More groups than are shown beside counts of different numbers.
    #[error("invalid value limit: with distinct_src_numbers or distinct_dst_numbers it is {0} at most")]
    LimitOfNumbers(usize),
    /// More groups than limits.max_groups.
    #[error("too many groups: limits.max_groups is {0}")]
    TooManyGroups(usize),
    /// Prices of several currencies would be added up.
    #[error("total_price needs accounts of one currency")]
    Currencies,
}

/// Parameters in one request, repeated and unknown ones too: each is looked for by name.
const MOST_PARAMS: usize = 500;

/// The caller, tables and settings that the parameters are read against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The caller's scope for an account; `None` for every account that is not the caller's.
    pub scope: &'a dyn Fn(Uuid) -> Option<Scope>,
    /// Those whom the caller is one of.
    pub audience: Audience,
    /// The calls that an operator's caller sees; `None` for a customer.
    pub operator: Option<&'a OperatorScope>,
    /// The tables, for filters that they cannot answer.
    pub schema: &'a Schema,
    /// The handling of unknown parameters: rejected or ignored.
    pub unknown: UnknownParams,
    /// Calendar buckets, unless the caller says otherwise.
    pub calendar: &'a Calendar,
    /// Longest list that a filter takes.
    pub max_list_values: usize,
    /// True if the caller may ask for the trace of a result.
    pub debug: bool,
    /// The format unless the caller names one; `None` where the header `Accept` takes none.
    pub accepted: Option<ResultFormat>,
}

/// `debug=plan`: a parameter that only tokens with the right to it know. It changes no result.
pub const DEBUG: &str = "debug";

/// Its one value.
pub const DEBUG_PLAN: &str = "plan";

/// True if a report has a trace that a caller can ask for.
pub fn has_debug(report: &Report) -> bool {
    report.records.add_up()
}

impl Pairs<'_> {
    /// True if a valid request asks for the trace of its result.
    pub fn ask_for_plan(&self, report: &Report, context: Context<'_>) -> bool {
        context.debug_of(report).is_some_and(|name| self.get(name).is_some())
    }
}

impl Context<'_> {
    /// The parameters of a report that the caller may know.
    fn params(&self, report: &'static Report) -> impl Iterator<Item = &'static Param> + use<> {
        let audience = self.audience;
        report.params().filter(move |param| audience.sees_param(param.role))
    }

    /// `debug`, where report and caller have it.
    fn debug_of(&self, report: &Report) -> Option<&'static str> {
        (self.debug && has_debug(report)).then_some(DEBUG)
    }
}

/// A report's request, and what one of its own calls: windows compared with, and for operators measures and accounts.
#[derive(Debug)]
pub struct ReportAsk {
    /// The request.
    pub request: Request,
    /// The window that its buckets are to be compared with.
    pub compare: Option<Compare>,
    /// The measures.
    pub measures: Vec<Measure>,
    /// The accounts that an operator names.
    pub accounts: Vec<OwnAccount>,
}

/// Reads a report's parameters.
///
/// # Errors
/// The first fault, in the contract's order: missing, arrays, values in the order of the parameter table, unknown names.
pub fn read(report: &'static Report, pairs: &Pairs<'_>, context: Context<'_>) -> Result<ReportAsk, BadParam> {
    let mut draft = draft(report, pairs, context)?;
    let (compare, accounts) = (draft.breakdown.compare(), draft.breakdown.take_accounts());
    let measures = draft.breakdown.measures(report)?;
    Ok(ReportAsk { request: draft.finish()?, compare, measures, accounts })
}

/// Reads a breakdown's parameters.
///
/// # Errors
/// As [`read`].
pub fn read_breakdown(
    report: &'static Report,
    pairs: &Pairs<'_>,
    context: Context<'_>,
) -> Result<BreakdownAsk, BadParam> {
    draft(report, pairs, context)?.finish_breakdown()
}

/// Reads the parameters of raw CDRs.
///
/// # Errors
/// As [`read`].
pub fn read_cdrs(report: &'static Report, pairs: &Pairs<'_>, context: Context<'_>) -> Result<CdrQuery, BadParam> {
    draft(report, pairs, context)?.finish_cdrs()
}

/// Finds no name that is unknown.
///
/// # Errors
/// The first that is.
pub(super) fn no_unknown(pairs: &Pairs<'_>, known: impl Fn(&[u8]) -> bool) -> Result<(), BadParam> {
    match pairs.names().find(|key| !known(key)) {
        Some(key) => Err(BadParam::Unknown(String::from_utf8_lossy(key).into_owned())),
        None => Ok(()),
    }
}

fn draft<'a>(report: &'static Report, pairs: &Pairs<'_>, context: Context<'a>) -> Result<Draft<'a>, BadParam> {
    if pairs.len() > MOST_PARAMS {
        return Err(BadParam::Many);
    }
    // Every name is looked for once, since this is a good part of what an answer from the cache costs.
    let mut given = Vec::with_capacity(pairs.len());
    let mut missing = Vec::new();
    for param in context.params(report) {
        match pairs.last(param.name) {
            Some(pair) => given.push((param, pair)),
            None if param.required && !pairs.has_array(param.name) => missing.push(param.name),
            None => {}
        }
    }
    if !missing.is_empty() {
        return Err(BadParam::Missing(missing));
    }
    let debug = context.debug_of(report);
    if pairs.has_arrays()
        && let Some(name) =
            context.params(report).map(|param| param.name).chain(debug).find(|name| pairs.has_array(name))
    {
        return Err(BadParam::Array(name));
    }
    let mut draft = Draft::new(report, context);
    let zone = given.iter().find(|(param, _)| param.role == Role::TimeZone);
    draft.read_times_in(zone.map(|(_, (_, value, _))| value.as_ref()));
    for (param, pair) in &given {
        draft.take(param, &pairs::value(param, pair))?;
    }
    if let Some(name) = debug
        && pairs.get(name).is_some_and(|value| value != DEBUG_PLAN.as_bytes())
    {
        return Err(BadParam::Invalid(name));
    }
    if context.unknown == UnknownParams::Reject {
        let is_given = |key: &[u8]| given.iter().any(|(param, _)| param.name.as_bytes() == key);
        no_unknown(pairs, |key| is_given(key) || debug.is_some_and(|name| name.as_bytes() == key))?;
    }
    Ok(draft)
}

struct Draft<'a> {
    report: &'static Report,
    context: Context<'a>,
    scope: Option<Scope>,
    from: Option<Instant>,
    to: Option<Instant>,
    sampling: Sampling,
    calendar: Calendar,
    filters: Vec<Filter>,
    fill: Option<bool>,
    complete: Option<bool>,
    settle: Option<i64>,
    form: ResultForm,
    has_format: bool,
    /// Parameters that are of some formats only.
    of_formats: Vec<&'static Param>,
    has_sampling: bool,
    breakdown: BreakdownDraft,
    cdrs: CdrDraft,
}

impl<'a> Draft<'a> {
    fn new(report: &'static Report, context: Context<'a>) -> Self {
        Self {
            report,
            context,
            scope: None,
            from: None,
            to: None,
            sampling: Sampling::Minute,
            calendar: context.calendar.clone(),
            filters: Vec::new(),
            fill: None,
            complete: None,
            settle: None,
            form: ResultForm::of(context.accepted.unwrap_or_default()),
            has_format: false,
            of_formats: Vec::new(),
            has_sampling: false,
            breakdown: BreakdownDraft::default(),
            cdrs: CdrDraft::default(),
        }
    }

    /// Sets the zone of times without one. They are read before the zone's own turn comes, in which a bad name is refused.
    fn read_times_in(&mut self, zone: Option<&[u8]>) {
        let found = zone.and_then(|raw| zone::find(std::str::from_utf8(raw).ok()?));
        if let Some(zone) = found {
            self.calendar.zone = zone;
        }
    }

    fn take(&mut self, param: &'static Param, raw: &[u8]) -> Result<(), BadParam> {
        let invalid = || if param.role == Role::Sampling { BadParam::Sampling } else { BadParam::Invalid(param.name) };
        let text = std::str::from_utf8(raw).map_err(|_not_utf8| invalid())?;
        let most = self.context.max_list_values;
        if param.role == Role::Accounts && text.split(',').nth(most).is_some() {
            return Err(BadParam::Excessive(param.name, Excess::Values(most)));
        }
        if let Role::Filter(_, kind) = param.role {
            kind.bounded(text, most).map_err(|excess| BadParam::Excessive(param.name, excess))?;
        }
        if param.role == Role::Columns {
            return self.cdrs.set_columns(text, self.report, self.context);
        }
        self.set(param.role, text).ok_or_else(invalid)?;
        if matches!(param.role, Role::TUnit | Role::Totals | Role::Numbers) || is_of_csv(param.role) {
            self.of_formats.push(param);
        }
        Ok(())
    }

    /// Checks that there is a format, and that what was said about one is about this.
    fn check_format(&self) -> Result<(), BadParam> {
        if !self.has_format && self.context.accepted.is_none() {
            return Err(BadParam::Unacceptable(accept::list(self.report.formats())));
        }
        let format = self.form.format;
        let fits = |role| match role {
            Role::TUnit => !format.has_dates(),
            Role::Totals => !format.is_json(),
            Role::Numbers => format.is_of_json(),
            role => !is_of_csv(role) || format.is_csv(),
        };
        match self.of_formats.iter().find(|param| !fits(param.role)) {
            Some(param) => Err(BadParam::OtherFormat(param.name, format.row().name)),
            None => Ok(()),
        }
    }

    /// `None` for a value that does not do.
    fn set(&mut self, role: Role, text: &str) -> Option<()> {
        match role {
            Role::Account => self.scope = Some((self.context.scope)(account(text)?)?),
            Role::From => self.from = Some(self.instant(text, Edge::From)?),
            Role::To => self.to = Some(self.instant(text, Edge::To)?),
            Role::Sampling => (self.sampling, self.has_sampling) = (sampling(self.report, text)?, true),
            Role::Filter(column, kind) => {
                let test = kind.read(text)?;
                self.context.schema.can_filter(self.report.records.table(), column).then_some(())?;
                self.filters.push(Filter { column, test });
            }
            Role::Numbers => self.form.plain_numbers = word(text, &[("plain", true)])?,
            Role::TimeZone => self.calendar.zone = zone::find(text)?,
            Role::WeekStart => self.calendar.monday_first = word(text, &[("monday", true), ("sunday", false)])?,
            Role::DayStart => self.calendar.day_start = spellings::time_of_day(text)?,
            Role::Complete => self.complete = Some(word(text, &[("true", true), ("false", false)])?),
            Role::Settle => self.settle = Some(spellings::duration(text)?),
            Role::Fill => self.fill = Some(word(text, &[("true", true), ("false", false)])?),
            Role::Format => {
                (self.form.format, self.has_format) = (ResultFormat::find(text, self.report.formats())?, true)
            }
            Role::Totals => self.form.no_totals = word(text, &[("true", false), ("false", true)])?,
            Role::CsvSeparator => {
                self.form.csv.separator = CsvSeparator::ALL.iter().find(|(name, _)| *name == text)?.1;
            }
            Role::CsvDecimal => self.form.csv.decimal_comma = word(text, &[("comma", true), ("point", false)])?,
            Role::CsvBom => self.form.csv.bom = word(text, &[("true", true), ("false", false)])?,
            Role::CsvHeader => self.form.csv.headless = word(text, &[("true", false), ("false", true)])?,
            // Read before, since it names its culprits.
            Role::Columns => return None,
            Role::Cursor => self.cdrs.set_cursor(text),
            Role::TUnit => self.form.milliseconds = word(text, &[("ms", true), ("s", false)])?,
            // By it the report was chosen.
            Role::Side => (text == self.report.records.side().word()).then_some(())?,
            Role::Accounts
            | Role::GroupBy
            | Role::DstDigits
            | Role::SrcDigits
            | Role::Measures
            | Role::ShortSeconds
            | Role::Compare
            | Role::OrderBy
            | Role::Limit
            | Role::MinCalls
            | Role::Decimals => self.breakdown.set(role, text, self.report, self.context)?,
        }
        Some(())
    }

    fn instant(&self, text: &str, edge: Edge) -> Option<Instant> {
        Instant::parse_in(text, &self.calendar.zone, edge)
    }

    /// The ends of a window that has to have a beginning.
    fn ends(&self) -> Result<Window, BadParam> {
        // from-time is required where this is asked, so it has been read.
        let from = self.from.as_ref().ok_or_else(|| BadParam::Missing(vec!["from-time"]))?;
        if self.to.as_ref().is_some_and(|to| to < from) {
            return Err(BadParam::ToBeforeFrom);
        }
        Ok(Window { from: from.ceil(), to: self.to.as_ref().map(Instant::floor) })
    }

    fn finish_breakdown(self) -> Result<BreakdownAsk, BadParam> {
        self.check_format()?;
        let Window { from, to } = self.ends()?;
        let sampling = self.has_sampling.then_some(self.sampling);
        let when = When { from, to, sampling, calendar: self.calendar };
        self.breakdown.finish(self.report, when, self.filters, self.form, self.context)
    }

    fn finish_cdrs(mut self) -> Result<CdrQuery, BadParam> {
        self.check_format()?;
        let terms = CdrTerms {
            window: self.ends()?,
            zone: self.calendar.zone,
            accounts: self.breakdown.take_accounts(),
            filters: self.filters,
            limit: self.breakdown.limit(),
            form: self.form,
        };
        self.cdrs.finish(self.report, terms, self.context)
    }

    fn finish(self) -> Result<Request, BadParam> {
        self.check_format()?;
        Ok(Request {
            report: self.report,
            scope: match self.context.operator {
                // It is read as a breakdown of what the operator sees, and not by this scope.
                Some(_) => Scope::NOBODY,
                // account-id is required of every report of a customer's, so it has been read.
                None => self.scope.ok_or_else(|| BadParam::Missing(vec!["account-id"]))?,
            },
            from: self.from,
            to: self.to,
            sampling: self.sampling,
            calendar: self.calendar,
            filters: self.filters,
            fill: self.fill,
            // A time to settle in is one of complete buckets, unless those are not wanted.
            settle: self.complete.unwrap_or(self.settle.is_some()).then(|| self.settle.unwrap_or(0)),
            form: self.form,
        })
    }
}

/// True for a parameter of the dialect of CSV.
fn is_of_csv(role: Role) -> bool {
    matches!(role, Role::CsvSeparator | Role::CsvDecimal | Role::CsvBom | Role::CsvHeader)
}

/// A UUID: upper case, braces and no hyphens are fine; `urn:uuid:` is not, in any case.
pub(super) fn account(text: &str) -> Option<Uuid> {
    let urn = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
    if urn { None } else { Uuid::try_parse(text).ok() }
}

fn sampling(report: &Report, text: &str) -> Option<Sampling> {
    report.samplings.iter().copied().find(|sampling| sampling.name() == text)
}

fn word(text: &str, words: &[(&str, bool)]) -> Option<bool> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}
