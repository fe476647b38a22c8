//! The payload of a target: accounts, filters, shape. What was to be a variable's value and is not becomes a notice.

use serde_json::{Map, Value};

use super::accounts::{Accounts, One};
use super::bounds;
use super::errors::GrafanaError;
use super::metrics::{PanelMetric, Shows};
use super::spelled::{NoValues, Spelled, values};
use super::step;
use crate::query::filter::{Column, Filter, Test, TextOp};
use crate::query::sampling::Sampling;
use crate::report::Report;
use crate::report::param::Role;
use crate::shown::Shown;

/// The arrangement of a target's accounts in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A series for each.
    Each,
    /// One series of all.
    Together,
    /// One frame, a column for each.
    Wide,
}

/// Commas that the name of a country may hold.
const COUNTRY_MARKS: usize = 4;

/// Longest table there is.
pub const MOST_ROWS: usize = 100;

/// Groups that have a series unless a payload says otherwise.
const GROUPS: usize = 10;

/// A payload, read.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The accounts to read: the named ones, or all of the token's.
    pub accounts: Vec<One>,
    /// The arrangement of the accounts in the result.
    pub shape: Shape,
    /// Length of a bucket; by the panel's width if absent.
    pub sampling: Option<Sampling>,
    /// One value for the whole range.
    pub total: bool,
    /// Longest table, or most series of groups.
    pub limit: usize,
    /// Countries and prefixes.
    pub filters: Vec<Filter>,
    /// True if accounts are named.
    pub names_accounts: bool,
    /// Parameters of a breakdown, by the names that they have in the API.
    pub params: Vec<(&'static str, String)>,
    /// Messages for the user, shown on the panel.
    pub notices: Vec<String>,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// A value that means nothing, or an account that is not the token's.
    pub fn read(
        payload: &Map<String, Value>,
        own: &Accounts,
        metric: Option<PanelMetric>,
    ) -> Result<Self, GrafanaError> {
        let is_table = metric.is_some_and(|metric| metric.shows == Shows::BreakdownTable);
        let breakdown = metric.filter(|metric| metric.shows.is_breakdown());
        let mut fields = PayloadFields { payload, notices: Vec::new() };
        let named = fields.several(&["account", "accounts"], "account", own.marks(), |text| own.find(text))?;
        let mut all = named.clone().unwrap_or_else(|| own.all());
        all.sort_unstable_by_key(|one| (one.scope.account(), one.scope.tenant()));
        all.dedup_by_key(|one| one.scope);
        let shape = fields.one("shape", Shape::named, "is none of each, together, wide")?;
        let shape = shape.unwrap_or(if named.is_some() { Shape::Each } else { Shape::Together });
        let total = fields.one("reduce", reduced, "is neither none nor total")?.unwrap_or(false);
        let (sampling, limit) = if is_table {
            (None, None)
        } else {
            let sampling = fields.one("sampling", step::named, "is no length such as 5minutes or 1h")?.flatten();
            (sampling, fields.one("limit", rows, &format!("is no number from 1 to {MOST_ROWS}"))?)
        };
        let params = match breakdown {
            Some(metric) => fields.params(metric, own)?,
            None => Vec::new(),
        };
        let mut filters = Vec::new();
        let country = |text: &str| own.countries.find(text).map(i64::from);
        if let Some(countries) = fields.several(&["countries", "country"], "country", COUNTRY_MARKS, country)? {
            filters.push(Filter { column: Column::DstCountryId, test: Test::Integers(true, countries) });
        }
        if let Some(prefixes) = fields.several(&["prefixes", "prefix"], "prefix", 0, prefix)? {
            bounds::list("the payload's list of prefix", &prefixes, bounds::LIST_BYTES)?;
            filters.push(Filter { column: Column::DstPrefixRouting, test: Test::Text(TextOp::StartsWith, prefixes) });
        }
        let few = metric.is_some_and(|metric| metric.shows == Shows::BreakdownSeries);
        let (notices, limit) = (fields.notices, limit.unwrap_or(if few { GROUPS } else { MOST_ROWS }));
        Ok(Self {
            accounts: all,
            shape,
            sampling,
            total,
            limit,
            filters,
            names_accounts: named.is_some(),
            params,
            notices,
        })
    }

    /// A parameter of a breakdown.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
    }
}

impl Shape {
    fn named(text: &str) -> Option<Self> {
        match text {
            "each" | "series" | "long" => Some(Self::Each),
            "together" | "sum" => Some(Self::Together),
            "wide" => Some(Self::Wide),
            _ => None,
        }
    }
}

fn reduced(text: &str) -> Option<bool> {
    match text {
        "total" => Some(true),
        "none" | "false" => Some(false),
        _ => None,
    }
}

fn rows(text: &str) -> Option<usize> {
    text.parse().ok().filter(|rows| (1..=MOST_ROWS).contains(rows))
}

/// Digits, and what SIP users may hold; no mark that separates values.
fn prefix(text: &str) -> Option<String> {
    let fits = |c: char| c.is_alphanumeric() || "+#*._-@ ".contains(c);
    (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
}

/// Fields of a breakdown's payload that are no parameters of the API.
const OTHERS: &[&str] = &[
    "account",
    "accounts",
    "countries",
    "country",
    "prefixes",
    "prefix",
    "shape",
    "reduce",
    "sampling",
    "limit",
    "measure",
    "target",
];

/// A value of a list; no mark that separates or encloses values.
fn plain(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains([',', '|', '(', ')', '{', '}', '\'', '"', '\\'])).then(|| text.to_owned())
}

/// True for a parameter that the payload of a table, or of a series, has.
fn is_field(role: Role, is_table: bool) -> bool {
    match role {
        Role::Filter(..) | Role::GroupBy | Role::DstDigits | Role::SrcDigits | Role::Measures => true,
        Role::ShortSeconds | Role::Compare | Role::Decimals => true,
        Role::OrderBy | Role::Limit | Role::MinCalls => is_table,
        _ => false,
    }
}

struct PayloadFields<'a> {
    payload: &'a Map<String, Value>,
    notices: Vec<String>,
}

impl<'a> PayloadFields<'a> {
    /// The first of these names that is there.
    fn spelled(&mut self, names: &[&str]) -> Spelled {
        let found = names.iter().find_map(|name| self.payload.get(*name).map(|value| (name, value)));
        let Some((name, value)) = found else { return Spelled::Nothing };
        let spelled = Spelled::read(Some(value));
        if spelled == Spelled::Broken {
            self.notices.push(format!("the payload's {name} holds a variable without a value: it was left out"));
        }
        spelled
    }

    /// The parameters of a breakdown that are there. What is none becomes a notice.
    fn params(&mut self, metric: PanelMetric, own: &Accounts) -> Result<Vec<(&'static str, String)>, GrafanaError> {
        let is_table = metric.shows == Shows::BreakdownTable;
        let report = own.report(metric).map(Report::params).into_iter().flatten();
        let known: Vec<_> =
            report.filter(|param| is_field(param.role, is_table) && own.audience().sees_param(param.role)).collect();
        let mut all = Vec::new();
        for param in &known {
            let is_list = match param.role {
                Role::GroupBy | Role::Measures | Role::OrderBy => true,
                Role::Filter(_, kind) => kind.is_list(),
                _ => false,
            };
            let value = if is_list {
                self.several(&[param.name], param.name, 0, plain)?.map(|values| values.join(","))
            } else {
                self.one(param.name, |text| Some(text.to_owned()), "is not one value")?
            };
            all.extend(value.map(|value| (param.name, value)));
        }
        if is_table {
            let offered = own.report(metric).map_or(&[][..], |report| report.samplings);
            let length = |text: &str| {
                let named = offered.iter().copied().find(|sampling| sampling.name() == text);
                named.map(Some).or_else(|| step::named(text))
            };
            let wanted = self.one("sampling", length, "is no length such as 5minutes, 1h or month")?.flatten();
            all.extend(wanted.map(|wanted| ("sampling", wanted.name().to_owned())));
        } else if let Some(measure) = self.one("measure", plain, "is not one measure")? {
            all.retain(|(name, _)| *name != "measures");
            all.push(("measures", measure));
        }
        let unknown = |key: &&String| !OTHERS.contains(&key.as_str()) && known.iter().all(|param| param.name != *key);
        let unknown = self.payload.keys().filter(unknown).take(bounds::NOTICES);
        let unknown = unknown.map(|key| format!("the payload's {} does not apply here: it was left out", Shown(key)));
        self.notices.extend(unknown);
        Ok(all)
    }

    fn several<T>(
        &mut self,
        names: &[&str],
        what: &str,
        marks: usize,
        known: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, GrafanaError> {
        let Spelled::Texts(texts) = self.spelled(names) else { return Ok(None) };
        let list = || format!("the payload's list of {what}");
        bounds::few(&list(), texts.len())?;
        let mut all = Vec::new();
        for text in texts {
            let mut found = values(&text, marks, &known).map_err(|why| match why {
                NoValues::Unknown(part) => {
                    GrafanaError::refused(format!("{what} {:?} is unknown to this token", Shown(&part)))
                }
                NoValues::Many => bounds::many(&list()),
                NoValues::Long => bounds::long(&list()),
            })?;
            all.append(&mut found);
            bounds::few(&list(), all.len())?;
        }
        Ok(Some(all))
    }

    /// A field that has one value, of ours: `wanted` says what is wrong with any other.
    fn one<T>(
        &mut self,
        name: &str,
        known: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<Option<T>, GrafanaError> {
        let Spelled::Texts(texts) = self.spelled(&[name]) else { return Ok(None) };
        let mut found = match texts.as_slice() {
            [text] => values(text, 0, known).unwrap_or_default(),
            _ => Vec::new(),
        };
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(Some(one)),
            _ => Err(GrafanaError::refused(format!("{name} {:?} {wanted}", Shown(&texts.join(","))))),
        }
    }
}
