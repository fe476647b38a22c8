//! Query string → request. The last place that sees a caller's raw text: no known parameter is ever dropped, an error
//! names its parameter, and what becomes of an unknown one is decided here and nowhere else.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use uuid::Uuid;

use super::spellings::{self, Plus};
use crate::config::UnknownParams;
use crate::query::filter::{Excess, Filter};
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::zone::{self, Calendar, Edge};
use crate::report::param::{Param, Role};
use crate::report::plan::{Form, Request, Scope};
use crate::report::{Report, Shape};
use crate::sql::schema::Schema;

/// What is wrong with the parameters; the first fault in the contract's order.
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
}

/// Parameters in one request, repeated and unknown ones too: each is looked for by name.
const MOST_PARAMS: usize = 500;

/// A name, its value, and the value as it was sent.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>, &'a str);

/// A query string as pairs, in order; names and values percent-decoded, `+` read as a space.
#[derive(Debug)]
pub struct Pairs<'a>(Vec<Pair<'a>>);

impl<'a> Pairs<'a> {
    /// Takes a query string apart.
    pub fn parse(query: &'a str) -> Self {
        let pair = |text: &'a str| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (decode(name), decode(value), value)
        };
        Self(query.split('&').filter(|text| !text.is_empty()).map(pair).collect())
    }

    /// The last value of a name.
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.last(name).map(|(_, value, _)| value.as_ref())
    }

    fn last(&self, name: &str) -> Option<&Pair<'a>> {
        self.0.iter().rev().find(|(key, ..)| **key == *name.as_bytes())
    }

    /// The last value of a parameter. Where one can begin with a plus, a raw plus before digits is that.
    fn value(&self, param: &Param) -> Option<Cow<'_, [u8]>> {
        let (_, value, raw) = self.last(param.name)?;
        Some(match Plus::of(param.role) {
            Some(plus) if raw.contains('+') => decode(&plus.spell_out(raw)).into_owned().into(),
            _ => Cow::Borrowed(value),
        })
    }

    /// True if a name stands with brackets.
    fn has_array(&self, name: &str) -> bool {
        self.0.iter().any(|(key, ..)| without_brackets(key) == Some(name.as_bytes()))
    }

    /// True if any does; hardly ever.
    fn has_arrays(&self) -> bool {
        self.0.iter().any(|(key, ..)| without_brackets(key).is_some())
    }
}

/// Most texts mean themselves.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if text.bytes().any(|b| b == b'%' || b == b'+') {
        percent_decode(text.replace('+', " ").as_bytes()).collect::<Vec<u8>>().into()
    } else {
        text.as_bytes().into()
    }
}

/// `name[]` and `name[x]` → `name`.
fn without_brackets(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&b| b == b'[')?;
    key.ends_with(b"]").then(|| &key[..open])
}

/// What reading parameters depends on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The caller's scope for an account; `None` for every account that is not the caller's.
    pub scope: &'a dyn Fn(Uuid) -> Option<Scope>,
    /// The tables, for filters that they cannot answer.
    pub schema: &'a Schema,
    /// What becomes of unknown parameters.
    pub unknown: UnknownParams,
    /// Calendar buckets, unless the caller says otherwise.
    pub calendar: &'a Calendar,
    /// Longest list that a filter takes.
    pub max_list_values: usize,
    /// True if the caller may ask how an answer was come by.
    pub debug: bool,
}

/// A parameter that only a token which may knows: `debug=plan`. It is none of the report's own, as it changes no answer.
pub const DEBUG: &str = "debug";

/// Its one value.
pub const DEBUG_PLAN: &str = "plan";

/// True if a report can be asked how its answers are come by.
pub fn has_debug(report: &Report) -> bool {
    matches!(report.shape, Shape::Calls { .. })
}

impl Pairs<'_> {
    /// True if a request that was read without fault asks how its answer is come by.
    pub fn ask_for_plan(&self, report: &Report, context: Context<'_>) -> bool {
        context.debug_of(report).is_some_and(|name| self.get(name).is_some())
    }
}

impl Context<'_> {
    /// `debug`, where report and caller have it.
    fn debug_of(&self, report: &Report) -> Option<&'static str> {
        (self.debug && has_debug(report)).then_some(DEBUG)
    }
}

/// Reads a report's parameters.
///
/// # Errors
/// The first fault, in the contract's order: missing, arrays, values in the order of the parameter table, unknown names.
pub fn read(report: &'static Report, pairs: &Pairs<'_>, context: Context<'_>) -> Result<Request, BadParam> {
    if pairs.0.len() > MOST_PARAMS {
        return Err(BadParam::Many);
    }
    let missing: Vec<&str> = required_order(report)
        .filter(|param| pairs.get(param.name).is_none() && !pairs.has_array(param.name))
        .map(|param| param.name)
        .collect();
    if !missing.is_empty() {
        return Err(BadParam::Missing(missing));
    }
    let debug = context.debug_of(report);
    let names = || report.params().map(|param| param.name).chain(debug);
    if pairs.has_arrays()
        && let Some(name) = names().find(|name| pairs.has_array(name))
    {
        return Err(BadParam::Array(name));
    }
    let mut draft = Draft::new(report, context);
    draft.read_times_in(
        report.params().find(|param| param.role == Role::TimeZone).and_then(|param| pairs.get(param.name)),
    );
    for param in report.params() {
        if let Some(value) = pairs.value(param) {
            draft.take(param, &value)?;
        }
    }
    if let Some(name) = debug
        && pairs.get(name).is_some_and(|value| value != DEBUG_PLAN.as_bytes())
    {
        return Err(BadParam::Invalid(name));
    }
    if context.unknown == UnknownParams::Reject {
        let known = |key: &[u8]| names().any(|name| name.as_bytes() == key);
        if let Some((key, ..)) = pairs.0.iter().find(|(key, ..)| !known(key)) {
            return Err(BadParam::Unknown(String::from_utf8_lossy(key).into_owned()));
        }
    }
    draft.finish()
}

/// The message lists account-id, from-time, sampling; values are checked with to-time between the last two.
fn required_order(report: &'static Report) -> impl Iterator<Item = &'static Param> {
    report.params().filter(|param| param.required())
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
    form: Form,
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
            form: Form::default(),
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
        if let Role::Filter(_, kind) = param.role {
            let most = self.context.max_list_values;
            kind.bounded(text, most).map_err(|excess| BadParam::Excessive(param.name, excess))?;
        }
        self.set(param.role, text).ok_or_else(invalid)
    }

    /// `None` for a value that does not do.
    fn set(&mut self, role: Role, text: &str) -> Option<()> {
        match role {
            Role::Account => self.scope = Some((self.context.scope)(account(text)?)?),
            Role::From => self.from = Some(self.instant(text, Edge::From)?),
            Role::To => self.to = Some(self.instant(text, Edge::To)?),
            Role::Sampling => self.sampling = sampling(self.report, text)?,
            Role::Filter(column, kind) => {
                let test = kind.read(text)?;
                self.context.schema.can_filter(self.report.table, column).then_some(())?;
                self.filters.push(Filter { column, test });
            }
            Role::Numbers => self.form.plain_numbers = word(text, &[("plain", true)])?,
            Role::TimeZone => self.calendar.zone = zone::find(text)?,
            Role::WeekStart => self.calendar.monday_first = word(text, &[("monday", true), ("sunday", false)])?,
            Role::DayStart => self.calendar.day_start = spellings::time_of_day(text)?,
            Role::Complete => self.complete = Some(word(text, &[("true", true), ("false", false)])?),
            Role::Settle => self.settle = Some(spellings::duration(text)?),
            Role::Fill => self.fill = Some(word(text, &[("true", true), ("false", false)])?),
            Role::Format => self.form.rows = word(text, &[("rows", true), ("columns", false)])?,
            Role::TUnit => self.form.milliseconds = word(text, &[("ms", true), ("s", false)])?,
        }
        Some(())
    }

    fn instant(&self, text: &str, edge: Edge) -> Option<Instant> {
        Instant::parse_in(text, &self.calendar.zone, edge)
    }

    fn finish(self) -> Result<Request, BadParam> {
        Ok(Request {
            report: self.report,
            // account-id is required of every report, so it has been read.
            scope: self.scope.ok_or_else(|| BadParam::Missing(vec!["account-id"]))?,
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

/// A UUID: upper case, braces and no hyphens are fine; `urn:uuid:` is not, in any case.
fn account(text: &str) -> Option<Uuid> {
    let urn = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
    if urn { None } else { Uuid::try_parse(text).ok() }
}

fn sampling(report: &Report, text: &str) -> Option<Sampling> {
    match report.shape {
        Shape::Calls { samplings, .. } => samplings.iter().copied().find(|sampling| sampling.name() == text),
        Shape::Concurrency | Shape::LiveCalls => None,
    }
}

fn word(text: &str, words: &[(&str, bool)]) -> Option<bool> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}
