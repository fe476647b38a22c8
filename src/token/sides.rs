//! Sides of calls that a token is bounded to.

use crate::config::Contractors;
use crate::report::Side;

/// A set of sides, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sides {
    origination: bool,
    termination: bool,
}

impl Sides {
    /// Both.
    pub const BOTH: Self = Self { origination: true, termination: true };

    /// Origination alone.
    pub const ORIGINATION: Self = Self { origination: true, termination: false };

    /// Those of a list; `None` for an empty one.
    pub fn of(list: &[Side]) -> Option<Self> {
        let (origination, termination) = (list.contains(&Side::Origination), list.contains(&Side::Termination));
        (!list.is_empty()).then_some(Self { origination, termination })
    }

    /// Those of a list of words; `None` for an empty list or another word.
    pub fn parse(words: &[String]) -> Option<Self> {
        let side = |word: &String| [Side::Origination, Side::Termination].into_iter().find(|side| side.word() == word);
        Self::of(&words.iter().map(side).collect::<Option<Vec<_>>>()?)
    }

    /// Those of a token that names none.
    pub fn default_of(contractors: Contractors) -> Self {
        Self { origination: true, termination: contractors == Contractors::One }
    }

    /// True for a side that may be seen.
    pub fn allows(self, side: Side) -> bool {
        match side {
            Side::Origination => self.origination,
            Side::Termination => self.termination,
        }
    }

    /// Their words, as the claim has them.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [Side::Origination, Side::Termination].into_iter().filter(move |side| self.allows(*side)).map(Side::word)
    }
}
