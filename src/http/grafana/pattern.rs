//! Regular expressions of ad-hoc filters: their form, and how much work they are.
//!
//! ClickHouse matches them in time that grows with text times pattern, counted repetitions written out, and a block of rows
//! cannot be stopped. So what a request may ask for is bounded before it is asked.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{Ast, ClassSet, ClassSetItem, RepetitionKind, RepetitionRange};

use super::errors::GrafanaError;
use crate::shown::Shown;

/// Bytes that a pattern over the names of accounts may take, each of its two parts.
const BYTES: usize = 512 * 1024;

/// Groups in groups of a pattern.
const NESTED: u32 = 50;

/// Checks the form of a pattern. Counted repetitions are not written out for it, and classes not looked up.
///
/// # Errors
/// When it is none.
pub fn parse(text: &str) -> Result<Ast, GrafanaError> {
    let parsed = ParserBuilder::new().nest_limit(NESTED).build().parse(text);
    parsed.map_err(|error| refused(text, &error.to_string()))
}

/// About as many states as a matcher has for a pattern; 0 of a text that is none.
pub fn steps(text: &str) -> u64 {
    parse(text).map_or(0, |ast| states(&ast))
}

/// A pattern that is matched here.
///
/// # Errors
/// When it is none, or too large.
pub fn compile(text: &str) -> Result<Regex, GrafanaError> {
    parse(text)?;
    let mut pattern = RegexBuilder::new(text);
    pattern.nest_limit(NESTED).size_limit(BYTES).dfa_size_limit(BYTES);
    pattern.build().map_err(|error| refused(text, &error.to_string()))
}

fn refused(text: &str, why: &str) -> GrafanaError {
    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
    GrafanaError::refused(format!("{:?} is no regular expression: {}", Shown(text), Shown(why)))
}

/// Recursion ends: the parser bounds the depth.
fn states(ast: &Ast) -> u64 {
    let sum = |all: &[Ast]| all.iter().map(|one| 1 + states(one)).fold(0, u64::saturating_add);
    match ast {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Assertion(_) => 1,
        Ast::Literal(literal) => literal.c.len_utf8() as u64,
        // Any character is one of some byte sequences, a class of letters of all scripts one of hundreds.
        Ast::Dot(_) => 8,
        Ast::ClassPerl(_) => 4,
        Ast::ClassUnicode(_) => 400,
        Ast::ClassBracketed(class) => {
            let bytes = (class.span.end.offset - class.span.start.offset) as u64;
            let written = if bytes > 12 { bytes.saturating_mul(4) } else { 8 };
            written.max(set_states(&class.kind))
        }
        Ast::Group(group) => 1 + states(&group.ast),
        Ast::Alternation(all) => sum(&all.asts),
        Ast::Concat(all) => all.asts.iter().map(states).fold(0, u64::saturating_add),
        Ast::Repetition(repetition) => {
            let times = match &repetition.op.kind {
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
                RepetitionKind::Range(RepetitionRange::Exactly(times) | RepetitionRange::Bounded(_, times)) => *times,
                RepetitionKind::Range(RepetitionRange::AtLeast(times)) => times.saturating_add(1),
            };
            u64::from(times).saturating_mul(1 + states(&repetition.ast))
        }
    }
}

/// States of a class in brackets, for what it is made of.
fn set_states(set: &ClassSet) -> u64 {
    let item = |item: &ClassSetItem| match item {
        ClassSetItem::Unicode(_) => 400,
        ClassSetItem::Bracketed(class) => set_states(&class.kind),
        ClassSetItem::Union(union) => {
            union.items.iter().map(|one| set_states(&ClassSet::Item(one.clone()))).fold(0, u64::saturating_add)
        }
        ClassSetItem::Empty(_) => 0,
        ClassSetItem::Literal(_) | ClassSetItem::Range(_) | ClassSetItem::Ascii(_) | ClassSetItem::Perl(_) => 4,
    };
    match set {
        ClassSet::Item(one) => item(one),
        ClassSet::BinaryOp(both) => set_states(&both.lhs).saturating_add(set_states(&both.rhs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_repetitions_count_as_often_as_they_stand_for() {
        for (pattern, least, most) in [
            ("^380(44|67)", 6, 20),
            ("(.*){1,500}", 4000, 6000),
            ("((a{1,30}){1,30}){1,30}", 27_000, 100_000),
            ("a{1000}{1000}{1000}{1000}{1000}{1000}{1000}", u64::MAX, u64::MAX),
            ("\\w{200}", 800, 1200),
            ("\\pL{100}", 40_000, 50_000),
            ("[\\pL]{100}", 40_000, 50_000),
            ("[^\\p{Lu}]{100}", 40_000, 50_000),
            ("[[\\pL]&&[\\pN]]{100}", 80_000, 90_000),
            ("[a\\pL0-9]{100}", 40_000, 50_000),
            ("[0-9]+", 5, 20),
            ("x{0}", 0, 0),
            ("(", 0, 0),
        ] {
            let steps = steps(pattern);
            assert!((least..=most).contains(&steps), "{pattern}: {steps}");
        }
    }
}
