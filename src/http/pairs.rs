//! A query string as pairs of names and values.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::spellings::Plus;
use crate::report::param::Param;

/// A name, its value, and the value as it was sent.
pub(super) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>, &'a str);

/// A query string as pairs, in order; names and values percent-decoded, `+` read as a space.
#[derive(Debug)]
pub struct Pairs<'a>(Vec<Pair<'a>>);

impl<'a> Pairs<'a> {
    /// Takes a query string apart.
    pub fn parse(query: &'a str) -> Self {
        let mut pairs = Vec::new();
        let mut rest = Some(query);
        while let Some(text) = rest {
            let (one, behind) = cut(text, b'&');
            rest = behind;
            if !one.is_empty() {
                let (name, value) = cut(one, b'=');
                let value = value.unwrap_or_default();
                pairs.push((decode(name), decode(value), value));
            }
        }
        Self(pairs)
    }

    /// Values that are plain texts already, such as those of a body.
    pub(super) fn of(values: &'a [(&'a str, String)]) -> Self {
        Self(values.iter().map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into(), "")).collect())
    }

    /// Pairs, repeated ones too.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, ..)| name.as_ref())
    }

    /// The last value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.last(name).map(|(_, value, _)| value.as_ref())
    }

    /// The last pair of a name.
    pub(super) fn last(&self, name: &str) -> Option<&Pair<'a>> {
        self.0.iter().rev().find(|(key, ..)| **key == *name.as_bytes())
    }

    /// True if a name stands with brackets.
    pub(super) fn has_array(&self, name: &str) -> bool {
        self.0.iter().any(|(key, ..)| without_brackets(key) == Some(name.as_bytes()))
    }

    /// True if any does; hardly ever.
    pub(super) fn has_arrays(&self) -> bool {
        self.0.iter().any(|(key, ..)| without_brackets(key).is_some())
    }
}

/// The value of a parameter. Where one can begin with a plus, a raw plus before digits is that.
pub(super) fn value<'a>(param: &Param, (_, value, raw): &'a Pair<'_>) -> Cow<'a, [u8]> {
    match Plus::of(param.role) {
        Some(plus) if raw.contains('+') => decode(&plus.spell_out(raw)).into_owned().into(),
        _ => Cow::Borrowed(value),
    }
}

/// The text before the first mark, and the text behind it. Every request is cut here: `split_once` takes five times as long.
fn cut(text: &str, mark: u8) -> (&str, Option<&str>) {
    let at = memchr::memchr(mark, text.as_bytes());
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((before, behind)) => (before, behind.get(1..)),
        None => (text, None),
    }
}

/// Most texts mean themselves.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_some() {
        percent_decode(text.replace('+', " ").as_bytes()).collect::<Vec<u8>>().into()
    } else {
        text.as_bytes().into()
    }
}

/// `name[]` and `name[x]` → `name`.
fn without_brackets(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&b| b == b'[')?;
    key.ends_with(b"]").then(|| &key[..open])
}
