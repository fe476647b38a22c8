//! The result of a breakdown: its groups in order, the others together, and all of them. Order and change are of exact values;
//! each value is rounded once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::groups::{DistinctOfOthers, Group, GroupKey, Groups, States};
use crate::config::AcdUnit;
use crate::query::fraction::Fraction;
use crate::report::Side;
use crate::report::breakdown::{Breakdown, GroupOrder, OrderColumn, SeriesTerms};
use crate::report::groups::{Dimension, KeyKind, RATE_DECIMALS};
use crate::report::measure::{Aggregate, Measure, Number, Scale};

/// Names of the ids that groups have.
pub trait GroupNames: Send + Sync {
    /// Name and ISO code of a country, as far as they are known.
    fn country(&self, id: i64) -> Option<(String, String)>;

    /// The uuid and name of an account that the question does not name, by its number in calls of that side.
    fn account(&self, _id: i64, _side: Side) -> Option<(String, String)> {
        None
    }

    /// The name of a customer or vendor.
    fn contractor(&self, _id: i64) -> Option<String> {
        None
    }
}

/// A value of a group's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCell {
    /// A number.
    Number(Number),
    /// Text.
    Text(Vec<u8>),
    /// True or false.
    Flag(bool),
    /// An instant, epoch seconds.
    Time(i64),
    /// There is none.
    Null,
}

/// A window of a breakdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InWindow {
    Now,
    Before,
}

/// Groups that an answer shows, the others together, or all of them.
#[derive(Clone, Copy, Debug)]
pub enum GroupRow {
    /// A group, by its place in the answer.
    Group(usize),
    /// The groups that are left out.
    Other,
    /// All groups.
    Totals,
}

/// A column of measures: a measure, its value in the window compared with, or its change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AspectColumn {
    /// The measure.
    pub measure: Measure,
    /// Its aspect.
    pub of: Aspect,
}

/// The aspect of a measure that a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Its value.
    Now,
    /// Its value in the window compared with.
    Before,
    /// Its change: percent of counts and sums, else the difference.
    Change,
}

impl AspectColumn {
    /// The columns of measures, in order: all of the window asked for, then what they are compared with.
    pub fn of(measures: &[Measure], compared: bool) -> Vec<Self> {
        let now = measures.iter().map(|measure| Self { measure: *measure, of: Aspect::Now });
        // Answers lost are a comparison by themselves.
        let others = measures.iter().filter(|measure| compared && **measure != Measure::LostAnswers);
        let rest = others.flat_map(|measure| [Aspect::Before, Aspect::Change].map(|of| Self { measure: *measure, of }));
        now.chain(rest).collect()
    }

    /// Its name.
    pub fn name(self) -> String {
        let end = match self.of {
            Aspect::Now => "",
            Aspect::Before => "_before",
            Aspect::Change => "_change",
        };
        format!("{}{end}", self.measure.name())
    }
}

/// Prices of several currencies would meet in one sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("total_price needs accounts of one currency")]
pub struct SeveralCurrencies;

/// A failure to put groups together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsFault {
    /// A sum left its range, which takes more calls than there are.
    Overflow,
    /// See [`SeveralCurrencies`].
    Currencies,
    /// More groups than there may be.
    Groups,
}

/// The result of a breakdown.
pub struct BreakdownTable {
    /// The question.
    pub breakdown: Arc<Breakdown>,
    groups: Groups,
    names: Arc<dyn GroupNames>,
    acd_unit: AcdUnit,
    /// Places of the groups that are shown, in order.
    shown: Vec<usize>,
    other: Option<[States; 2]>,
    totals: [States; 2],
}

impl std::fmt::Debug for BreakdownTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakdownTable").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

impl BreakdownTable {
    /// Orders groups, and puts those together that are left out.
    ///
    /// # Errors
    /// There are more than `most`, a sum leaves its range, or prices of several currencies would be added up.
    pub fn new(
        breakdown: Arc<Breakdown>,
        groups: Groups,
        names: Arc<dyn GroupNames>,
        (acd_unit, most): (AcdUnit, usize),
    ) -> Result<Self, GroupsFault> {
        if groups.all.len() > most {
            return Err(GroupsFault::Groups);
        }
        let mut groups = groups;
        if let (Some(SeriesTerms { fill: Some(last), .. }), Some(buckets)) =
            (breakdown.terms.series, &breakdown.now.buckets)
        {
            buckets.starts(breakdown.now.window.from, last).for_each(|start| groups.fill(vec![GroupKey::Whole(start)]));
        }
        let nothing = || [groups.nothing(), groups.nothing()];
        let (totals, shown) = (nothing(), Vec::new());
        let mut table = Self { breakdown, names, acd_unit, shown, other: None, totals, groups };
        let all: Vec<usize> = (0..table.groups.all.len()).collect();
        table.totals = table.together(&all)?;
        if table.breakdown.joins_currencies() && table.differ([&table.totals[0], &table.totals[1]]) {
            return Err(GroupsFault::Currencies);
        }
        let (mut shown, mut others): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|place| table.is_large(*place));
        others.extend(table.order(&mut shown, table.breakdown.terms.limit));
        if !others.is_empty() {
            table.other = Some(table.together(&others)?);
        }
        table.shown = shown;
        Ok(table)
    }

    /// Groups that the answer shows.
    pub fn rows(&self) -> usize {
        self.shown.len()
    }

    /// All groups.
    pub fn groups(&self) -> usize {
        self.groups.all.len()
    }

    /// True if groups are left out.
    pub fn has_other(&self) -> bool {
        self.other.is_some()
    }

    /// Names of the groups that are shown, for [`crate::columns::groups::DistinctOfOthers`]: in the window asked for, in the other.
    pub fn names_shown(&self) -> [Vec<String>; 2] {
        let groups = self.shown.iter().filter_map(|place| self.groups.all.get(*place));
        groups.fold(Default::default(), |mut all: [Vec<String>; 2], group| {
            all.iter_mut().zip(&group.names).for_each(|(all, names)| all.extend(names.iter().cloned()));
            all
        })
    }

    /// Takes the distinct counts that are not made of groups' own.
    pub fn put_distinct(&mut self, distinct: DistinctOfOthers) {
        for (states, counts) in self.totals.iter_mut().zip(distinct.all) {
            states.distinct = counts;
        }
        for (states, counts) in self.other.iter_mut().flatten().zip(distinct.others) {
            states.distinct = counts;
        }
    }

    /// The columns of measures, in order: all of the window asked for, then what they are compared with.
    pub fn columns(&self) -> Vec<AspectColumn> {
        AspectColumn::of(&self.breakdown.terms.measures, self.breakdown.before.is_some())
    }

    /// The value of a dimension's column, by the place of the dimension and of the column among its columns. Null for others and
    /// for all.
    pub fn key(&self, row: GroupRow, dimension: usize, column: usize) -> GroupCell {
        let GroupRow::Group(row) = row else { return GroupCell::Null };
        let group = self.shown.get(row).and_then(|place| self.groups.all.get(*place));
        group.map_or(GroupCell::Null, |group| self.cell(group, dimension, column))
    }

    /// The value of a measure's column, rounded.
    pub fn value(&self, row: GroupRow, column: AspectColumn) -> GroupCell {
        let Some(exact) = self.exact_of(row, column) else { return GroupCell::Null };
        let decimals = match column.measure {
            _ if column.of == Aspect::Change && column.measure.changes_in_percent() => 2,
            measure if measure.is_money() => self.breakdown.terms.decimals,
            measure => measure.decimals(),
        };
        let Some(rounded) = exact.rounded(decimals) else { return GroupCell::Null };
        let is_time = matches!(column.measure, Measure::FirstCall | Measure::LastCall) && column.of != Aspect::Change;
        match decimals {
            0 if is_time => i64::try_from(rounded).map_or(GroupCell::Null, GroupCell::Time),
            0 => GroupCell::Number(Number::Whole(rounded)),
            2 => GroupCell::Number(Number::Hundredths(rounded)),
            _ => GroupCell::Number(Number::Decimal(rounded, decimals)),
        }
    }

    fn exact_of(&self, row: GroupRow, column: AspectColumn) -> Option<Fraction> {
        match row {
            GroupRow::Group(row) => {
                let group = self.shown.get(row).and_then(|place| self.groups.all.get(*place))?;
                self.exact([&group.now, &group.before], &group.keys, column)
            }
            GroupRow::Other => {
                let [now, before] = self.other.as_ref()?;
                self.exact([now, before], &[], column)
            }
            GroupRow::Totals => self.exact([&self.totals[0], &self.totals[1]], &[], column),
        }
    }

    fn exact(&self, states: [&States; 2], keys: &[GroupKey], column: AspectColumn) -> Option<Fraction> {
        let measure = column.measure;
        match column.of {
            Aspect::Now => self.measured(states, keys, measure, InWindow::Now),
            Aspect::Before => self.measured(states, keys, measure, InWindow::Before),
            Aspect::Change => {
                if measure.aggregates().contains(&Aggregate::Price) && self.differ(states) {
                    return None;
                }
                let now = self.measured(states, keys, measure, InWindow::Now)?;
                let before = self.measured(states, keys, measure, InWindow::Before)?;
                if measure.changes_in_percent() {
                    return now.minus(before)?.percent_of(before);
                }
                let fewest = i128::from(self.breakdown.terms.min_calls);
                let is_few = states.iter().any(|states| self.groups.value(states, Aggregate::Calls) < fewest);
                if is_few { None } else { now.minus(before) }
            }
        }
    }

    fn measured(
        &self,
        [now, before]: [&States; 2],
        keys: &[GroupKey],
        measure: Measure,
        side: InWindow,
    ) -> Option<Fraction> {
        let (states, all, part) = match side {
            InWindow::Now => (now, &self.totals[0], Some(&self.breakdown.now)),
            InWindow::Before => (before, &self.totals[1], self.breakdown.before.as_ref()),
        };
        if measure.aggregates().contains(&Aggregate::Price) && self.mixes(states) {
            return None;
        }
        let cps_seconds = if measure == Measure::Cps { self.seconds(part?, keys, side).into() } else { 0 };
        let scale = Scale { acd_unit: self.acd_unit, cps_seconds };
        measure.exact(scale, |sum| match sum {
            Aggregate::AllCalls => self.groups.value(all, Aggregate::Calls),
            Aggregate::EarlierCalls => self.groups.value(before, Aggregate::Calls),
            Aggregate::EarlierAnswered => self.groups.value(before, Aggregate::Answered),
            sum => self.groups.value(states, sum),
        })
    }

    /// Seconds in which the calls of a group could begin.
    fn seconds(&self, part: &crate::report::breakdown::WindowPart, keys: &[GroupKey], side: InWindow) -> i64 {
        let of_time = self.breakdown.terms.by.iter().zip(keys).filter(|(by, _)| by.is_of_time());
        let keys: Vec<i64> = of_time
            .map(|(by, key)| match (key, by, side) {
                (GroupKey::Whole(at), Dimension::Time, InWindow::Before) => self.breakdown.bucket_before(*at),
                (GroupKey::Whole(at), ..) => *at,
                _ => 0,
            })
            .collect();
        if keys.is_empty() { part.seconds.whole } else { part.seconds.of(&keys) }
    }

    /// True if prices of several currencies are among the sums.
    fn mixes(&self, states: &States) -> bool {
        let of = |sum| self.groups.value(states, sum);
        self.breakdown.reads_currencies && of(Aggregate::CurrencyFrom) != of(Aggregate::CurrencyTo)
    }

    /// True if prices of both windows are of more than one currency.
    fn differ(&self, [now, before]: [&States; 2]) -> bool {
        let mut both = now.clone();
        self.groups.add(&mut both, before).is_none() || self.mixes(&both)
    }

    /// True if a group has as many calls, in either window, as a group has to have.
    fn is_large(&self, place: usize) -> bool {
        let fewest = i128::from(self.breakdown.terms.min_calls);
        let calls = |states: &States| self.groups.value(states, Aggregate::Calls);
        self.groups.all.get(place).is_some_and(|group| calls(&group.now) >= fewest || calls(&group.before) >= fewest)
    }

    fn together(&self, places: &[usize]) -> Result<[States; 2], GroupsFault> {
        let groups = || places.iter().filter_map(|place| self.groups.all.get(*place));
        let now = self.groups.together(groups().map(|group| &group.now));
        let before = self.groups.together(groups().map(|group| &group.before));
        Ok([now.ok_or(GroupsFault::Overflow)?, before.ok_or(GroupsFault::Overflow)?])
    }

    /// Leaves the first of these groups, in order, and gives the others in none.
    fn order(&self, places: &mut Vec<usize>, limit: usize) -> Vec<usize> {
        let group = |place: usize| self.groups.all.get(place);
        let ranked =
            |place: usize, order: &GroupOrder| group(place).map_or(Rank::Null, |group| self.rank(group, order.column));
        let order = &self.breakdown.terms.order;
        let ranks: Vec<Vec<Rank>> =
            (0..self.groups.all.len()).map(|place| order.iter().map(|order| ranked(place, order)).collect()).collect();
        let keys: Vec<Cow<'_, [GroupKey]>> = self.groups.all.iter().map(|group| self.shown_keys(group)).collect();
        let compare = |one: &usize, other: &usize| {
            let pairs = ranks.get(*one).into_iter().flatten().zip(ranks.get(*other).into_iter().flatten());
            let by_order = pairs.zip(order).map(|((one, other), order)| one.compare(other, order.descending));
            let by_keys = || keys.get(*one).cmp(&keys.get(*other));
            // Accounts without a uuid have numbers that are not shown.
            let by_numbers = || group(*one).map(|group| &group.keys).cmp(&group(*other).map(|group| &group.keys));
            by_order.fold(Ordering::Equal, Ordering::then).then_with(by_keys).then_with(by_numbers)
        };
        let mut others = Vec::new();
        if limit < places.len() {
            places.select_nth_unstable_by(limit, compare);
            others = places.split_off(limit);
        }
        places.sort_unstable_by(compare);
        others
    }

    /// The keys of a group as an answer shows them: accounts by uuid, or null.
    fn shown_keys<'a>(&self, group: &'a Group) -> Cow<'a, [GroupKey]> {
        let Some(place) = self.breakdown.terms.by.iter().position(|by| *by == Dimension::Account) else {
            return Cow::Borrowed(&group.keys);
        };
        let mut keys = group.keys.clone();
        if let Some(key) = keys.get_mut(place) {
            *key = match self.cell(group, place, 0) {
                GroupCell::Text(uuid) => GroupKey::Text(uuid),
                _ => GroupKey::Null,
            };
        }
        Cow::Owned(keys)
    }

    fn rank(&self, group: &Group, column: OrderColumn) -> Rank {
        let states = [&group.now, &group.before];
        let exact =
            |measure, of| self.exact(states, &group.keys, AspectColumn { measure, of }).map_or(Rank::Null, Rank::Value);
        match column {
            OrderColumn::Group(dimension, 0) => match self.shown_keys(group).get(dimension) {
                Some(GroupKey::Null) | None => Rank::Null,
                Some(key) => Rank::Key(key.clone()),
            },
            OrderColumn::Group(dimension, column) => match self.cell(group, dimension, column) {
                GroupCell::Text(text) => Rank::Key(GroupKey::Text(text)),
                _ => Rank::Null,
            },
            OrderColumn::Measure(measure) => exact(measure, Aspect::Now),
            OrderColumn::Before(measure) => exact(measure, Aspect::Before),
            OrderColumn::Change(measure) => exact(measure, Aspect::Change),
        }
    }

    fn cell(&self, group: &Group, dimension: usize, column: usize) -> GroupCell {
        let (Some(key), Some(by)) = (group.keys.get(dimension), self.breakdown.terms.by.get(dimension)) else {
            return GroupCell::Null;
        };
        let text = |text: String| if text.is_empty() { GroupCell::Null } else { GroupCell::Text(text.into_bytes()) };
        match (key, by.row().kind, column) {
            (GroupKey::Null, ..) => GroupCell::Null,
            (GroupKey::Text(bytes), ..) => GroupCell::Text(bytes.clone()),
            (GroupKey::Rate(rate), ..) => GroupCell::Number(Number::Decimal(*rate, RATE_DECIMALS)),
            (GroupKey::Whole(id), KeyKind::Account, column) => {
                let accounts = self.breakdown.terms.whose.accounts().iter();
                let mut named = accounts.filter(|account| i64::from(account.scope.account()) == *id);
                // Two customers may have one under the same number.
                let named = named.next().filter(|_| named.next().is_none());
                let named = named.map(|account| (account.uuid.to_string(), account.name.clone()));
                let account = named.or_else(|| self.names.account(*id, self.breakdown.terms.records.side()));
                account.map_or(GroupCell::Null, |(uuid, name)| text(if column == 0 { uuid } else { name }))
            }
            (GroupKey::Whole(id), KeyKind::Contractor, 1) => self.names.contractor(*id).map_or(GroupCell::Null, text),
            (GroupKey::Whole(id), KeyKind::Country, 1) => {
                self.names.country(*id).map_or(GroupCell::Null, |(name, _)| text(name))
            }
            (GroupKey::Whole(id), KeyKind::Country, 2) => {
                self.names.country(*id).map_or(GroupCell::Null, |(_, iso)| text(iso))
            }
            (GroupKey::Whole(at), KeyKind::Time, _) => GroupCell::Time(*at),
            (GroupKey::Whole(flag), KeyKind::Flag, _) => GroupCell::Flag(*flag != 0),
            (GroupKey::Whole(value), ..) => GroupCell::Number(Number::Whole((*value).into())),
        }
    }
}

/// A value that groups are ordered by.
#[derive(Clone, Debug)]
enum Rank {
    Key(GroupKey),
    Value(Fraction),
    Null,
}

impl Rank {
    /// Null is last either way.
    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Null, Self::Null) => return Ordering::Equal,
            (Self::Null, _) => return Ordering::Greater,
            (_, Self::Null) => return Ordering::Less,
            (Self::Key(one), Self::Key(other)) => one.cmp(other),
            (Self::Value(one), Self::Value(other)) => one.cmp(other),
            (Self::Key(_), Self::Value(_)) => Ordering::Less,
            (Self::Value(_), Self::Key(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}
