//! The parameters that breakdowns alone have: names of dimensions, measures and columns to what they stand for.

use std::collections::BTreeMap;

use super::params::{BadParam, Context, account};
use crate::query::filter::Filter;
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::audience::Audience;
use crate::report::breakdown::{
    BreakdownAsk, Compare, GroupOrder, MOST_DIMENSIONS, MOST_ORDERS, MOST_ROWS, MOST_ROWS_OF_NUMBERS, OrderColumn,
    OwnAccount, Terms, Whose,
};
use crate::report::cdrs::MOST_FILE_LIMIT;
use crate::report::form::ResultForm;
use crate::report::groups::{DIMENSIONS, Dimension};
use crate::report::measure::{MEASURES, Measure, Merge};
use crate::report::param::Role;
use crate::report::{Report, Side, Table};
use crate::sql::schema::Schema;

/// Groups of an answer unless a caller says otherwise.
const LIMIT: usize = 100;

/// Longest duration of a short call, seconds, unless a caller says otherwise.
pub const SHORT_SECONDS: u8 = 15;

/// When the calls of a breakdown began, and how time is cut.
#[derive(Debug)]
pub struct When {
    /// First second.
    pub from: i64,
    /// Last second; open if absent.
    pub to: Option<i64>,
    /// Length of buckets, if there are any.
    pub sampling: Option<Sampling>,
    /// Where calendar buckets lie.
    pub calendar: Calendar,
}

/// The parameters of a breakdown, as far as they have been read.
#[derive(Debug, Default)]
pub struct BreakdownDraft {
    accounts: Vec<OwnAccount>,
    by: Vec<Dimension>,
    digits: (Option<u8>, Option<u8>),
    measures: Option<Vec<Measure>>,
    short_seconds: Option<u8>,
    compare: Option<Compare>,
    order: Option<String>,
    limit: Option<usize>,
    min_calls: u64,
    decimals: Option<u8>,
}

/// The measures that an audience may ask for of a side, as far as the table has their columns.
pub fn measures(audience: Audience, side: Side, schema: &Schema) -> impl Iterator<Item = Measure> {
    let has = move |measure: &Measure| {
        let mut columns = measure.aggregates().iter().flat_map(|sum| schema.columns(*sum, side));
        columns.all(|column| schema.can_filter(Table::Cdrs, column))
    };
    MEASURES.iter().map(|row| row.measure).filter(move |measure| audience.sees_measure(*measure, side)).filter(has)
}

/// The dimensions that an audience may group the calls of a side by, as far as the table has their columns.
pub fn dimensions(audience: Audience, side: Side, schema: &Schema) -> impl Iterator<Item = Dimension> {
    let has = move |by: &Dimension| (by.row().source)(side).is_none_or(|column| schema.can_filter(Table::Cdrs, column));
    DIMENSIONS.iter().map(|row| row.by).filter(move |by| audience.sees_dimension(*by, side)).filter(has)
}

/// Names with commas, none of them twice; `None` if one is unknown or there are more than `most`.
fn names<T: PartialEq>(text: &str, most: usize, find: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut found = Vec::new();
    for name in text.split(',') {
        let one = find(name)?;
        (found.len() < most && !found.contains(&one)).then_some(())?;
        found.push(one);
    }
    Some(found)
}

/// Digits alone, in a range.
fn number<T: TryFrom<u64>>(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number))?;
    T::try_from(number).ok()
}

impl BreakdownDraft {
    /// Takes a parameter's value; `None` for one that does not do.
    pub fn set(&mut self, role: Role, text: &str, report: &Report, context: Context<'_>) -> Option<()> {
        match role {
            Role::Accounts => {
                // By id, so that the same accounts in another order are the same question.
                let mut all = BTreeMap::new();
                for text in text.split(',') {
                    let uuid = account(text)?;
                    let scope = (context.scope)(uuid)?;
                    all.insert((scope.account(), scope.tenant()), OwnAccount { scope, uuid, name: String::new() });
                }
                self.accounts = all.into_values().collect();
            }
            Role::GroupBy => {
                let side = report.records.side();
                let find =
                    |name: &str| dimensions(context.audience, side, context.schema).find(|by| by.row().name == name);
                self.by = names(text, MOST_DIMENSIONS, find)?;
            }
            Role::DstDigits => self.digits.0 = Some(number(text, 1..=15)?),
            Role::SrcDigits => self.digits.1 = Some(number(text, 1..=15)?),
            Role::Measures => {
                let side = report.records.side();
                let find = |name: &str| {
                    measures(context.audience, side, context.schema).find(|measure| measure.name() == name)
                };
                self.measures = Some(names(text, MEASURES.len(), find)?);
            }
            Role::ShortSeconds => self.short_seconds = Some(number(text, 1..=60)?),
            Role::Compare => self.compare = Some(Compare::ALL.iter().find(|(name, _)| *name == text)?.1),
            Role::OrderBy => self.order = Some(text.to_owned()),
            Role::Limit => {
                let most = if report.lists_cdrs() { MOST_FILE_LIMIT } else { MOST_ROWS };
                self.limit = Some(number(text, 1..=most as u64)?);
            }
            Role::MinCalls => self.min_calls = number(text, 0..=u32::MAX.into())?,
            Role::Decimals => self.decimals = Some(number(text, 2..=6)?),
            _ => return None,
        }
        Some(())
    }

    /// The accounts that are named; they are gone afterwards.
    pub fn take_accounts(&mut self) -> Vec<OwnAccount> {
        std::mem::take(&mut self.accounts)
    }

    /// The measures that are named, or the usual ones.
    ///
    /// # Errors
    /// One of them is a comparison, and there is nothing to compare with.
    pub fn measures(&self, report: &Report) -> Result<Vec<Measure>, BadParam> {
        let measures = self.measures.clone().unwrap_or_else(|| report.measures.to_vec());
        if self.compare.is_none() && measures.contains(&Measure::LostAnswers) {
            return Err(BadParam::Needed("compare", "measures", Measure::LostAnswers.name()));
        }
        Ok(measures)
    }

    /// The limit, if one is named.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The window compared with, if there is one.
    pub fn compare(&self) -> Option<Compare> {
        self.compare
    }

    /// Puts the question together.
    ///
    /// # Errors
    /// Something is missing that another parameter asks for, or a column that the answer does not have.
    pub fn finish(
        self,
        report: &'static Report,
        when: When,
        filters: Vec<Filter>,
        form: ResultForm,
        context: Context<'_>,
    ) -> Result<BreakdownAsk, BadParam> {
        let needs = |by: Dimension, is_there: bool, name| match self.by.contains(&by) && !is_there {
            true => Err(BadParam::Needed(name, "group-by", by.row().name)),
            false => Ok(()),
        };
        needs(Dimension::DstPrefix, self.digits.0.is_some(), "dst-prefix-digits")?;
        needs(Dimension::SrcPrefix, self.digits.1.is_some(), "src-prefix-digits")?;
        needs(Dimension::Time, when.sampling.is_some(), "sampling")?;
        let measures = self.measures(report)?;
        let columns = Columns { by: &self.by, measures: &measures, compared: self.compare.is_some() };
        let order = match &self.order {
            None => Vec::new(),
            Some(text) => columns.orders(text).ok_or(BadParam::Invalid("order-by"))?,
        };
        let limit = self.limit.unwrap_or(LIMIT);
        let has_numbers =
            measures.iter().flat_map(|measure| measure.aggregates()).any(|sum| sum.merge() == Merge::Rows);
        if has_numbers && limit > MOST_ROWS_OF_NUMBERS {
            return Err(BadParam::LimitOfNumbers(MOST_ROWS_OF_NUMBERS));
        }
        let terms = Terms {
            report: report.name,
            records: report.records,
            whose: match context.operator {
                Some(scope) => Whose::Operator(scope.clone(), self.accounts),
                None => Whose::Accounts(self.accounts),
            },
            masked: context.audience.masked_characters(),
            by: self.by,
            measures,
            filters,
            digits: (self.digits.0.unwrap_or(0), self.digits.1.unwrap_or(0)),
            short_seconds: self.short_seconds.unwrap_or(SHORT_SECONDS),
            order,
            limit,
            min_calls: self.min_calls,
            decimals: self.decimals.unwrap_or(2),
            series: None,
            form,
        };
        Ok(BreakdownAsk {
            terms,
            from: when.from,
            to: when.to,
            sampling: when.sampling.unwrap_or(Sampling::Hour),
            calendar: when.calendar,
            compare: self.compare,
            has_currencies: context.schema.can_filter(Table::Cdrs, report.records.side().currency()),
        })
    }
}

/// The columns of an answer, by which its groups may be ordered.
struct Columns<'a> {
    by: &'a [Dimension],
    measures: &'a [Measure],
    compared: bool,
}

impl Columns<'_> {
    /// No column twice, in one direction or in both.
    fn orders(&self, text: &str) -> Option<Vec<GroupOrder>> {
        let orders = names(text, MOST_ORDERS, |name| self.order(name))?;
        let is_again = |place: usize| orders[..place].iter().any(|order| order.column == orders[place].column);
        (!(0..orders.len()).any(is_again)).then_some(orders)
    }

    fn order(&self, text: &str) -> Option<GroupOrder> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        Some(GroupOrder { column: self.find(name)?, descending })
    }

    fn find(&self, name: &str) -> Option<OrderColumn> {
        for (place, by) in self.by.iter().enumerate() {
            if let Some(column) = by.row().columns.iter().position(|column| *column == name) {
                return Some(OrderColumn::Group(place, column));
            }
        }
        let measure = |name: &str| self.measures.iter().copied().find(|measure| measure.name() == name);
        let compared = |end: &str| {
            let measure = measure(name.strip_suffix(end)?)?;
            (self.compared && measure != Measure::LostAnswers).then_some(measure)
        };
        measure(name)
            .map(OrderColumn::Measure)
            .or_else(|| compared("_before").map(OrderColumn::Before))
            .or_else(|| compared("_change").map(OrderColumn::Change))
    }
}
