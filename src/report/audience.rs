//! Audiences: customers, and the operator's own people with the rights of their tokens. What an audience may not see is an
//! unknown word to it.

use super::Side;
use super::groups::Dimension;
use super::measure::{Aggregate, Measure};
use super::param::Role;
use crate::query::filter::Column;

/// Rights of an operator's token; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Vendors' prices, margin and loss.
    pub cost: bool,
    /// Vendors and their gateways, their names, and the side of termination.
    pub vendors: bool,
    /// Whole numbers; without it the last four characters of each are left out.
    pub numbers: bool,
    /// Files of raw CDRs.
    pub export: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Self = Self { cost: true, vendors: true, numbers: true, export: true };

    /// The words of tokens and of `operator_access.may`.
    pub const WORDS: [&'static str; 4] = ["cost", "vendors", "numbers", "export"];

    /// Of a list of words; `None` if one is unknown.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let mut rights = Self::default();
        for word in words {
            match word {
                "cost" => rights.cost = true,
                "vendors" => rights.vendors = true,
                "numbers" => rights.numbers = true,
                "export" => rights.export = true,
                _ => return None,
            }
        }
        Some(rights)
    }

    /// Its words.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let has = [self.cost, self.vendors, self.numbers, self.export];
        Self::WORDS.into_iter().zip(has).filter_map(|(word, has)| has.then_some(word))
    }
}

/// Those who a question is answered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// A customer, who sees the own side of the own calls.
    Customer,
    /// The operator's people.
    Operator(Rights),
}

impl Audience {
    /// True if it sees the calls of that side at all; whose they are is another question.
    pub fn sees_side(self, side: Side) -> bool {
        match self {
            Self::Customer => true,
            Self::Operator(rights) => side == Side::Origination || rights.vendors,
        }
    }

    /// True if it may filter by a column that its report has.
    pub fn sees_column(self, column: Column) -> bool {
        match (self, column) {
            (Self::Customer, _) => true,
            (Self::Operator(rights), Column::VendorPrice | Column::DialpeerNextRate) => rights.cost,
            (
                Self::Operator(rights),
                Column::VendorId | Column::VendorAccId | Column::TermGwId | Column::DialpeerReverseBilling,
            ) => rights.vendors,
            (Self::Operator(_), _) => true,
        }
    }

    /// True if it may name a parameter that its report has.
    pub fn sees_param(self, role: Role) -> bool {
        match role {
            Role::Filter(column, _) => self.sees_column(column),
            _ => true,
        }
    }

    /// True if it may group the calls of a side by a dimension.
    pub fn sees_dimension(self, by: Dimension, side: Side) -> bool {
        let row = by.row();
        match self {
            Self::Customer => row.sides.contains(&side),
            Self::Operator(_) => (row.source)(side).is_none_or(|column| self.sees_column(column)),
        }
    }

    /// True if it may ask for a measure of the calls of a side.
    pub fn sees_measure(self, measure: Measure, side: Side) -> bool {
        let aggregates = measure.aggregates();
        let of_vendors = aggregates.iter().any(|sum| sum.is_of_vendors());
        let of_both = of_vendors || aggregates.contains(&Aggregate::Revenue);
        match self {
            // Live calls are no CDRs.
            _ if measure == Measure::Calls => false,
            Self::Customer => !of_both,
            Self::Operator(rights) => {
                let is_price = side == Side::Termination && aggregates.contains(&Aggregate::Price);
                rights.cost || !(of_vendors || is_price)
            }
        }
    }

    /// True if it may read calls one by one; customers' tokens say so themselves.
    pub fn may_export(self) -> bool {
        match self {
            Self::Customer => true,
            Self::Operator(rights) => rights.export,
        }
    }

    /// Characters at the end of each number that are left out.
    pub fn masked_characters(self) -> u8 {
        match self {
            Self::Operator(Rights { numbers: false, .. }) => 4,
            Self::Operator(_) | Self::Customer => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read_and_written_by_the_same_words() {
        for bits in 0..16_u8 {
            let words: Vec<&str> = (0..4).filter(|bit| bits >> bit & 1 == 1).map(|bit| Rights::WORDS[bit]).collect();
            assert_eq!(Rights::parse(words.iter().copied()).unwrap().words().collect::<Vec<_>>(), words);
        }
        assert_eq!(Rights::parse(["Cost"]), None);
        assert_eq!(Rights::parse(["cost", "everything"]), None);
    }

    #[test]
    fn a_customer_sees_nothing_of_cost_and_an_operator_what_its_rights_say() {
        let sees = |audience: Audience, name: &str, side| {
            let row = super::super::measure::MEASURES.iter().find(|row| row.name == name).unwrap();
            audience.sees_measure(row.measure, side)
        };
        let (none, cost) = (Rights::default(), Rights { cost: true, ..Rights::default() });
        let (from, to) = (Side::Origination, Side::Termination);
        for name in ["cost", "margin", "margin_percent", "loss", "loss_calls"] {
            assert!(!sees(Audience::Customer, name, from) && !sees(Audience::Customer, name, to), "{name}");
            assert!(!sees(Audience::Operator(none), name, from), "{name}");
            assert!(sees(Audience::Operator(cost), name, from), "{name}");
        }
        assert!(!sees(Audience::Customer, "revenue", from) && sees(Audience::Operator(none), "revenue", from));
        assert!(
            sees(Audience::Operator(none), "total_price", from) && !sees(Audience::Operator(none), "total_price", to)
        );
        assert!(sees(Audience::Customer, "total_price", to));
        let vendors = Rights { vendors: true, ..none };
        for by in [Dimension::Vendor, Dimension::TermGw] {
            assert!(
                !Audience::Operator(none).sees_dimension(by, from)
                    && !Audience::Operator(cost).sees_dimension(by, from)
            );
            assert!(Audience::Operator(vendors).sees_dimension(by, from));
        }
        assert!(
            !Audience::Customer.sees_dimension(Dimension::Vendor, to)
                && !Audience::Customer.sees_dimension(Dimension::Customer, from)
        );
        assert!(
            !Audience::Operator(vendors).sees_dimension(Dimension::Rate, to)
                && Audience::Operator(none).sees_dimension(Dimension::Rate, from)
        );
    }
}
