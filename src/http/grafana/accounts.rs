//! The accounts of a token as dashboards name them, and countries. Everything a body says is looked up among these and
//! nowhere else.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::holder::Holder;
use super::metrics::PanelMetric;
use crate::access::countries::Countries;
use crate::columns::breakdown::GroupNames;
use crate::query::scope::{OperatorScope, Scope};
use crate::report::audience::Audience;
use crate::report::{OPERATORS_BREAKDOWNS, Report, Side};
use crate::token::Sides;

/// Commas or bars of a name that are looked for in lists.
const MOST_MARKS: usize = 16;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One {
    /// The value of a variable.
    pub uuid: Uuid,
    /// Its name, with the id where the name is not unique.
    pub label: String,
    /// The tenant, account and side that calls are read with.
    pub scope: Scope,
}

/// All accounts of a token, and the names of countries.
#[derive(Debug)]
pub struct Accounts {
    /// Names of countries.
    pub countries: Arc<Countries>,
    /// Sides of calls that the token sees.
    pub sides: Sides,
    /// True if responses may hold the trace of their results.
    pub debug: bool,
    holder: Holder,
    all: Vec<One>,
    by_text: HashMap<String, usize>,
    /// Commas or bars that a name holds, at the most.
    marks: usize,
}

impl Accounts {
    /// The accounts of a caller.
    pub fn of(holder: &Holder) -> Self {
        let own = holder.accounts();
        let mut times: HashMap<&str, u32> = HashMap::new();
        for (_, account, _) in &own {
            *times.entry(account.name.as_str()).or_default() += 1;
        }
        let label = |name: &str, id: u32| match times.get(name) {
            Some(1) if !name.is_empty() => name.to_owned(),
            _ if name.is_empty() => format!("account {id}"),
            _ => format!("{name} ({id})"),
        };
        let one = |(uuid, account, scope): &(Uuid, &crate::access::Account, Scope)| One {
            uuid: *uuid,
            label: label(&account.name, account.id),
            scope: *scope,
        };
        let all: Vec<One> = own.iter().map(one).collect();
        let mut by_text = HashMap::new();
        for (i, one) in all.iter().enumerate() {
            // An id is a number and a uuid has hyphens, so neither hides a label that people would use.
            for text in [one.label.clone(), one.text(), one.scope.account().to_string(), one.uuid.to_string()] {
                by_text.entry(text).or_insert(i);
            }
        }
        let marks = |one: &One| one.label.matches([',', '|']).count();
        let marks = all.iter().map(marks).max().unwrap_or(0).min(MOST_MARKS);
        let (countries, debug) = (Arc::clone(holder.countries()), holder.may_debug());
        Self { countries, sides: holder.sides(), debug, holder: holder.clone(), all, by_text, marks }
    }

    /// Those whom the token's holder is one of.
    pub fn audience(&self) -> Audience {
        self.holder.audience()
    }

    /// The scope of an account for calls of a side.
    pub fn scope(&self, account: Uuid, side: Side) -> Option<Scope> {
        self.holder.scope(account, side)
    }

    /// The names that groups are shown by.
    pub fn names(&self) -> Arc<dyn GroupNames> {
        self.holder.names()
    }

    /// The calls that one of the operator's people sees; `None` for a customer.
    pub fn operator(&self) -> Option<OperatorScope> {
        self.holder.operator()
    }

    /// True if the holder is one of the operator's people.
    pub fn are_operators(&self) -> bool {
        matches!(self.holder, Holder::Operator(_))
    }

    /// The report of a metric, as far as the holder has the metric.
    pub fn report(&self, metric: PanelMetric) -> Option<&'static Report> {
        if self.are_operators() {
            let is_breakdown = metric.shows.is_breakdown();
            OPERATORS_BREAKDOWNS.iter().find(|report| is_breakdown && report.records.side() == metric.side)
        } else {
            metric.report()
        }
    }

    /// Every account in turn.
    pub fn each(&self) -> impl Iterator<Item = &One> {
        self.all.iter()
    }

    /// Commas or bars that a name of an account holds, at the most.
    pub fn marks(&self) -> usize {
        self.marks
    }

    /// Every account.
    pub fn all(&self) -> Vec<One> {
        self.all.clone()
    }

    /// The account that a uuid, an id, a name or a variable's text names.
    pub fn find(&self, text: &str) -> Option<One> {
        let at = self.by_text.get(text).or_else(|| {
            let uuid = Uuid::try_parse(text).ok()?;
            self.by_text.get(&uuid.to_string())
        })?;
        self.all.get(*at).cloned()
    }
}

impl One {
    /// The text of a variable: unique, and it tells the id.
    pub fn text(&self) -> String {
        let id = format!("({})", self.scope.account());
        if self.label.ends_with(&id) { self.label.clone() } else { format!("{} {id}", self.label) }
    }
}
