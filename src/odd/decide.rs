//! The kinds over the values of one row that is at hand, such as one of a file: the conditions are those of the table of
//! kinds, whose text is read here.

use super::kinds::{AHEAD, KINDS, KindTest, OddKind, YEAR_1990};
use crate::report::Table;

/// Kinds that a row of calls alone decides, over some of its columns.
#[derive(Clone, Debug, Default)]
pub struct Decider {
    kinds: Vec<(&'static OddKind, Vec<Condition>)>,
}

/// A condition over the values of a row, by their places.
#[derive(Clone, Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compared(Vec<Operand>, Comparison, Vec<Operand>),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Less,
    More,
    Equal,
    Unequal,
}

/// A part of a sum.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Value(usize),
    Number(i128),
}

impl Decider {
    /// The names of the columns that kinds look at.
    pub fn columns() -> impl Iterator<Item = &'static str> {
        let mut columns: Vec<&str> = decided().flat_map(OddKind::columns).collect();
        columns.sort_unstable();
        columns.dedup();
        columns.into_iter()
    }

    /// The kinds that can be told by these columns, at the time `now`.
    pub fn new(columns: &[&str], max_seconds: i64, now: i64) -> Self {
        let number = |name: &str| match name {
            "max_seconds" => Some(max_seconds),
            "early" => Some(YEAR_1990),
            "latest" => Some(now + AHEAD),
            _ => None,
        };
        let operand = |name: &str| match number(name) {
            Some(number) => Some(Operand::Number(number.into())),
            None => columns.iter().position(|column| *column == name).map(Operand::Value),
        };
        let condition = |test: &KindTest| parse(test.sql(), &operand);
        let kinds = decided().map(|kind| (kind, kind.tests().iter().filter_map(condition).collect()));
        Self { kinds: kinds.filter(|(_, tests): &(_, Vec<_>)| !tests.is_empty()).collect() }
    }

    /// The kinds of which a row is, as bits; null values are `None`.
    pub fn decide(&self, values: &[Option<i128>]) -> u16 {
        let is = |tests: &Vec<Condition>| tests.iter().any(|test| test.holds(values) == Some(true));
        self.kinds.iter().enumerate().fold(0, |bits, (at, (_, tests))| bits | u16::from(is(tests)) << at)
    }

    /// The bits of the kinds of these names.
    pub fn mask(&self, names: &[String]) -> u16 {
        let is = |kind: &OddKind| names.iter().any(|name| name == kind.name);
        self.kinds.iter().enumerate().fold(0, |bits, (at, (kind, _))| bits | u16::from(is(kind)) << at)
    }

    /// Sentences about rows of the kinds, in the order of their bits.
    pub fn says(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|(kind, _)| kind.says)
    }
}

fn decided() -> impl Iterator<Item = &'static OddKind> {
    KINDS.iter().filter(|kind| kind.table == Table::Cdrs && kind.beside.is_none() && !kind.tests().is_empty())
}

impl Condition {
    /// As SQL has it: `None` is null.
    fn holds(&self, values: &[Option<i128>]) -> Option<bool> {
        let of = |all: &[Self], wanted: bool| {
            let mut is_known = true;
            for one in all {
                match one.holds(values) {
                    Some(found) if found == wanted => return Some(wanted),
                    Some(_) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(!wanted)
        };
        let sum = |parts: &[Operand]| {
            parts.iter().try_fold(0_i128, |sum, part| match part {
                Operand::Value(at) => sum.checked_add((*values.get(*at)?)?),
                Operand::Number(number) => sum.checked_add(*number),
            })
        };
        match self {
            Self::All(all) => of(all, false),
            Self::Any(any) => of(any, true),
            Self::Compared(left, comparison, right) => {
                let (left, right) = (sum(left)?, sum(right)?);
                Some(match comparison {
                    Comparison::Less => left < right,
                    Comparison::More => left > right,
                    Comparison::Equal => left == right,
                    Comparison::Unequal => left != right,
                })
            }
        }
    }
}

type Words<'a> = std::iter::Peekable<std::vec::IntoIter<&'a str>>;

/// Reads a condition of the table of kinds; `None` where it has a column that is not at hand.
fn parse(sql: &str, operand: &dyn Fn(&str) -> Option<Operand>) -> Option<Condition> {
    let spaced = sql.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>().into_iter().peekable();
    let condition = any(&mut words, operand)?;
    words.next().is_none().then_some(condition)
}

fn any(words: &mut Words<'_>, operand: &dyn Fn(&str) -> Option<Operand>) -> Option<Condition> {
    let mut parts = vec![all(words, operand)?];
    while words.next_if_eq(&"OR").is_some() {
        parts.push(all(words, operand)?);
    }
    Some(Condition::Any(parts))
}

fn all(words: &mut Words<'_>, operand: &dyn Fn(&str) -> Option<Operand>) -> Option<Condition> {
    let mut parts = vec![one(words, operand)?];
    while words.next_if_eq(&"AND").is_some() {
        parts.push(one(words, operand)?);
    }
    Some(Condition::All(parts))
}

fn one(words: &mut Words<'_>, operand: &dyn Fn(&str) -> Option<Operand>) -> Option<Condition> {
    if words.next_if_eq(&"(").is_some() {
        let inner = any(words, operand)?;
        return words.next_if_eq(&")").map(|_| inner);
    }
    let left = sum(words, operand)?;
    let comparison = match words.next()? {
        "<" => Comparison::Less,
        ">" => Comparison::More,
        "=" => Comparison::Equal,
        "!=" => Comparison::Unequal,
        _ => return None,
    };
    Some(Condition::Compared(left, comparison, sum(words, operand)?))
}

fn sum(words: &mut Words<'_>, operand: &dyn Fn(&str) -> Option<Operand>) -> Option<Vec<Operand>> {
    let mut parts = Vec::new();
    loop {
        let word = words.next()?;
        parts.push(match word.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => operand(name)?,
            None => Operand::Number(word.parse().ok()?),
        });
        if words.next_if_eq(&"+").is_none() {
            return Some(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    fn found(row: &[(&str, Option<i128>)]) -> Vec<&'static str> {
        let columns: Vec<_> = row.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> = row.iter().map(|(_, value)| *value).collect();
        let decider = Decider::new(&columns, 259_200, NOW);
        let bits = decider.decide(&values);
        let kinds = decider.kinds.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        kinds.map(|(_, (kind, _))| kind.name).collect()
    }

    #[test]
    fn every_test_of_every_kind_of_calls_is_read() {
        let columns: Vec<_> = Decider::columns().collect();
        let decider = Decider::new(&columns, 259_200, NOW);
        assert_eq!(decider.kinds.len(), 7);
        assert!(decider.kinds.iter().all(|(kind, tests)| kind.tests().len() == tests.len()), "{decider:?}");
        assert_eq!(decider.decide(&vec![None; columns.len()]), 0);
    }

    #[test]
    fn rows_are_judged_as_the_server_does() {
        let now = i128::from(NOW);
        for (row, kinds) in [
            (&[("duration", Some(-1))][..], &["negative_duration"][..]),
            (&[("duration", Some(0)), ("vendor_duration", Some(259_201))], &["long_duration"]),
            (&[("time_start", Some(now)), ("time_end", Some(now + 259_201))], &["long_duration", "start_in_future"]),
            (&[("time_start", Some(631_151_999)), ("time_connect", None)], &["start_before_1990"]),
            (&[("time_start", Some(now + 86_401))], &["start_in_future"]),
            (&[("time_start", Some(now + 86_400))], &[]),
            (&[("customer_id", Some(0)), ("customer_acc_id", Some(0)), ("success", Some(1))], &["no_customer"]),
            (&[("customer_id", Some(0)), ("customer_acc_id", Some(0)), ("success", Some(0))], &[]),
            (
                &[
                    ("customer_id", Some(0)),
                    ("customer_acc_id", Some(7)),
                    ("duration", None),
                    ("customer_price", Some(0)),
                ],
                &["no_customer"],
            ),
            (&[("vendor_price", Some(-1))], &["negative_price"]),
            (
                &[("time_start", Some(now)), ("time_connect", None), ("time_end", Some(now - 1))],
                &["times_out_of_order"],
            ),
        ] {
            assert_eq!(found(row), kinds, "{row:?}");
        }
    }
}
