//! The payload of a target: accounts, filters, shape. What was to be a variable's value and is not becomes a notice.

use serde_json::{Map, Value};

use super::accounts::{Accounts, One};
use super::bounds;
use super::errors::GrafanaError;
use super::spelled::{NoValues, Spelled, values};
use super::step;
use crate::query::filter::{Column, Filter, Test, TextOp};
use crate::query::sampling::Sampling;
use crate::shown::Shown;

/// How the accounts of a target stand in its answer.
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

/// A payload, read.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Whose calls: the named accounts, or all of the token's.
    pub accounts: Vec<One>,
    /// How they stand in the answer.
    pub shape: Shape,
    /// Length of a bucket; by the panel's width if absent.
    pub sampling: Option<Sampling>,
    /// One value for the whole range.
    pub total: bool,
    /// Longest table.
    pub limit: usize,
    /// Countries and prefixes.
    pub filters: Vec<Filter>,
    /// What the user should know.
    pub notices: Vec<String>,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// A value that means nothing, or an account that is not the token's.
    pub fn read(payload: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        let mut fields = Fields { payload, notices: Vec::new() };
        let named = fields.several(&["account", "accounts"], "account", own.marks(), |text| own.find(text))?;
        let mut all = named.clone().unwrap_or_else(|| own.all());
        all.sort_unstable_by_key(|one| one.scope.account);
        all.dedup_by_key(|one| one.scope.account);
        let shape = fields.one("shape", Shape::named, "is none of each, together, wide")?;
        let shape = shape.unwrap_or(if named.is_some() { Shape::Each } else { Shape::Together });
        let total = fields.one("reduce", reduced, "is neither none nor total")?.unwrap_or(false);
        let sampling = fields.one("sampling", step::named, "is no length such as 5minutes or 1h")?.flatten();
        let limit = fields.one("limit", rows, &format!("is no number from 1 to {MOST_ROWS}"))?.unwrap_or(MOST_ROWS);
        let mut filters = Vec::new();
        let country = |text: &str| own.countries.find(text).map(i64::from);
        if let Some(countries) = fields.several(&["countries", "country"], "country", COUNTRY_MARKS, country)? {
            filters.push(Filter { column: Column::DstCountryId, test: Test::Integers(true, countries) });
        }
        if let Some(prefixes) = fields.several(&["prefixes", "prefix"], "prefix", 0, prefix)? {
            bounds::list("the payload's list of prefix", &prefixes, bounds::LIST_BYTES)?;
            filters.push(Filter { column: Column::DstPrefixRouting, test: Test::Text(TextOp::StartsWith, prefixes) });
        }
        Ok(Self { accounts: all, shape, sampling, total, limit, filters, notices: fields.notices })
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

struct Fields<'a> {
    payload: &'a Map<String, Value>,
    notices: Vec<String>,
}

impl<'a> Fields<'a> {
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
