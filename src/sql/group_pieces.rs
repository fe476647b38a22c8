//! Cuts the windows of a breakdown into pieces, each read from the cheapest source that gives exact aggregates.

use super::choice::Segment;
use super::destinations::DestinationSums;
use super::piece::Piece;
use super::projections::{Order, Projection, ReadMode};
use super::schema::Schema;
use crate::query::filter::Column;
use crate::report::Side;
use crate::report::breakdown::{Breakdown, Whose, WindowPart};
use crate::report::measure::Aggregate;
use crate::report::plan::Window;

/// A stretch of a window, read from one source.
#[derive(Clone, Copy)]
pub enum GroupPiece {
    /// Whole units of sums, `[from, end)`; open without an end.
    Sums { sums: &'static DestinationSums, from: i64, end: Option<i64> },
    /// Any seconds, both inclusive, from the calls.
    Calls { window: Window, order: Order },
}

impl GroupPiece {
    /// The projection that it is read from by name.
    pub fn projection(self) -> Option<&'static Projection> {
        match self {
            Self::Sums { sums, .. } => Some(&sums.projection),
            Self::Calls { order, .. } => order.projection(),
        }
    }

    /// The column of time.
    pub fn time(self, schema: &Schema) -> String {
        match self {
            Self::Sums { sums, .. } => format!("`{}`", sums.time),
            Self::Calls { .. } => schema.cdrs.sql(Column::TimeStart.name()).to_owned(),
        }
    }

    /// True if one SELECT can read both.
    fn is_of_one_source(self, other: Self) -> bool {
        match (self, other) {
            (Self::Sums { sums, .. }, Self::Sums { sums: others, .. }) => std::ptr::eq(sums, others),
            (Self::Calls { order, .. }, Self::Calls { order: others, .. }) => order == others,
            (Self::Sums { .. } | Self::Calls { .. }, _) => false,
        }
    }

    /// The segment that it reads, for the trace.
    pub fn segment(self) -> Segment {
        match self {
            Self::Sums { sums, from, end } => Segment { source: sums.source, from, end, parts: 0 },
            Self::Calls { window, order } => Piece::Calls { window, order }.segment(0),
        }
    }
}

/// The pieces of each window, with the window's place: sums where they hold all that is asked for, the calls for odd ends. The
/// pieces that read the table itself come first: ClickHouse takes the columns that it saw first along with the list of parts.
pub fn pieces<'b>(
    breakdown: &'b Breakdown,
    schema: &Schema,
    mode: ReadMode,
    now: i64,
) -> Vec<(usize, &'b WindowPart, GroupPiece)> {
    let mut all = Vec::new();
    for (place, part) in breakdown.parts().enumerate() {
        let sums: Vec<&'static DestinationSums> = match mode {
            ReadMode::Named => {
                let of = DestinationSums::ALL.into_iter();
                of.filter(|sums| sums.answers(breakdown, part, schema)).collect()
            }
            ReadMode::Engine | ReadMode::Calls => Vec::new(),
        };
        let mut found = Vec::new();
        cut(part.window, &sums, &mut found, &|window| calls(breakdown, window, schema, (mode, now)));
        all.extend(found.into_iter().map(|piece| (place, part, piece)));
    }
    all.sort_by_key(|(.., piece)| piece.projection().is_some());
    all
}

/// Pieces of one source, which one SELECT reads: ClickHouse takes milliseconds for each, however few rows it has.
pub struct GroupSelect<'b> {
    /// The pieces, and the part of the breakdown that each is of; keys of time are the first one's.
    pub pieces: Vec<(&'b WindowPart, GroupPiece)>,
    /// The place of all pieces' window; `None` if they are of both windows.
    pub place: Option<usize>,
}

/// The pieces by SELECT. Both windows share one if a row's time tells which it is of: they do not overlap, and no key is of time.
pub fn selects<'b>(breakdown: &'b Breakdown, schema: &Schema, mode: ReadMode, now: i64) -> Vec<GroupSelect<'b>> {
    let windows: Vec<Window> = breakdown.parts().map(|part| part.window).collect();
    let apart = matches!(&windows[..], [asked, before] if before.to.is_some_and(|to| to < asked.from));
    let joins = apart && !breakdown.terms.by.iter().any(|by| by.is_of_time());
    let mut selects: Vec<GroupSelect<'b>> = Vec::new();
    for (place, part, piece) in pieces(breakdown, schema, mode, now) {
        let suits = |select: &&mut GroupSelect<'_>| {
            (joins || select.place == Some(place))
                && select.pieces.iter().all(|(_, other)| piece.is_of_one_source(*other))
        };
        match selects.iter_mut().find(suits) {
            Some(select) => {
                select.place = select.place.filter(|other| *other == place);
                select.pieces.push((part, piece));
            }
            None => selects.push(GroupSelect { pieces: vec![(part, piece)], place: Some(place) }),
        }
    }
    selects
}

/// Cuts a window into whole units of the first sums, and its ends by the next ones; what is left is read from the calls.
fn cut(
    window: Window,
    sums: &[&'static DestinationSums],
    pieces: &mut Vec<GroupPiece>,
    calls: &dyn Fn(Window) -> GroupPiece,
) {
    let Some((first, others)) = sums.split_first() else { return pieces.push(calls(window)) };
    let unit = first.seconds;
    let from = (window.from.max(0) + unit - 1).div_euclid(unit) * unit;
    let end = window.to.map(|to| (to + 1).div_euclid(unit) * unit);
    if end.is_some_and(|end| from >= end) {
        return cut(window, others, pieces, calls);
    }
    if window.from < from {
        cut(Window { from: window.from, to: Some(from - 1) }, others, pieces, calls);
    }
    pieces.push(GroupPiece::Sums { sums: first, from, end });
    if let (Some(end), Some(to)) = (end, window.to)
        && end <= to
    {
        cut(Window { from: end, to: Some(to) }, others, pieces, calls);
    }
}

/// The source of a window's calls.
pub fn calls(breakdown: &Breakdown, window: Window, schema: &Schema, (mode, now): (ReadMode, i64)) -> GroupPiece {
    let side = breakdown.terms.records.side();
    let grouped = breakdown.terms.by.iter().filter_map(|by| (by.row().source)(side));
    let delays = breakdown.has_delays().then_some(Column::Pdd);
    let summed = breakdown.aggregates().into_iter().chain(breakdown.distinct_counts());
    let summed = summed.flat_map(|sum| schema.columns(sum, side));
    let filtered = breakdown.terms.filters.iter().map(|filter| filter.column);
    let mut columns: Vec<Column> = grouped.chain(delays).chain(summed).chain(filtered).collect();
    if let Whose::Operator(scope, accounts) = &breakdown.terms.whose {
        if accounts.is_empty() {
            return GroupPiece::Calls { window, order: Order::Table };
        }
        let lists = [(Column::CustomerId, scope.customers()), (Column::VendorId, scope.vendors())];
        columns.extend(lists.into_iter().filter(|(_, ids)| !ids.is_empty()).map(|(column, _)| column));
        if breakdown.aggregates().iter().any(|sum| sum.is_money() && *sum != Aggregate::Price) {
            columns.extend([Side::Origination, Side::Termination].map(Side::reverse_billing));
        }
    }
    // The guard of projections stands beside their rows, and has no state of different numbers.
    let has_states = breakdown.has_delays() && !breakdown.distinct_counts().is_empty();
    let order = match mode {
        ReadMode::Named if schema.cdrs.is_ours && !has_states => {
            Order::of(side, &breakdown.terms.filters, &columns, (window, now))
        }
        ReadMode::Named | ReadMode::Engine | ReadMode::Calls => Order::Table,
    };
    GroupPiece::Calls { window, order }
}
