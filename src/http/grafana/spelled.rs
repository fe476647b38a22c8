//! Values as Grafana's variables spell them. The same choice arrives as an array, one text, csv, `(a|b|c)`, `{a,b,c}`,
//! quoted, or with regex escapes, by the format the dashboard names; a number arrives as a number or as text.

use serde_json::Value;

use super::bounds::{VALUE_BYTES, VALUES};
use super::objects;

/// A value as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelled {
    /// Nothing is chosen: no value, an empty one, or one of the words for "all".
    Nothing,
    /// A variable's value was to stand here and does not: `{}` or `$name`.
    Broken,
    /// Texts, each of which may still be several with commas or bars between.
    Texts(Vec<String>),
}

/// Words for "all", besides an empty value.
const ALL: &[&str] = &["$__all", "All", "*", ".*", "undefined", "null"];

impl Spelled {
    /// Reads a value of a payload.
    pub fn read(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(Value::Bool(flag)) => Self::Texts(vec![flag.to_string()]),
            Some(Value::Number(number)) => Self::Texts(vec![number.to_string()]),
            Some(Value::String(text)) => Self::text(text),
            Some(Value::Array(all)) => Self::all(all),
            // An option of a select list.
            Some(Value::Object(map)) => map.get("value").map_or(Self::Broken, |value| Self::read(Some(value))),
        }
    }

    fn text(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || ALL.contains(&text) {
            return Self::Nothing;
        }
        if text == "{}" || text == "[object Object]" || is_variable(text) {
            return Self::Broken;
        }
        if text.starts_with('[')
            && let Some(Value::Array(all)) = objects::within(text)
        {
            return Self::all(&all);
        }
        Self::Texts(vec![text.to_owned()])
    }

    fn all(all: &[Value]) -> Self {
        let mut texts = Vec::new();
        for value in all {
            match Self::read(Some(value)) {
                Self::Texts(mut more) => texts.append(&mut more),
                Self::Broken => return Self::Broken,
                // "All" among others is all.
                Self::Nothing => return Self::Nothing,
            }
        }
        if texts.is_empty() { Self::Nothing } else { Self::Texts(texts) }
    }
}

/// `$name`, `${name}`, `${name:csv}`, `[[name]]`: a variable that nobody has replaced.
fn is_variable(text: &str) -> bool {
    let name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_.:".contains(c));
    let braces = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(name);
    braces("${", "}") || braces("[[", "]]") || text.strip_prefix('$').is_some_and(name)
}

/// Why a text holds no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoValues {
    /// This part of it is not known.
    Unknown(String),
    /// There are more than [`VALUES`].
    Many,
    /// One is longer than [`VALUE_BYTES`].
    Long,
}

/// The values in one text. `known` tells values that hold commas or brackets themselves, of which they have up to `marks`: the
/// longest known one wins.
///
/// # Errors
/// The first part that is not known, or that there is too much of them.
pub fn values<T>(text: &str, marks: usize, known: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, NoValues> {
    if text.len() <= VALUE_BYTES {
        for whole in [text.to_owned(), unescape(text)] {
            if let Some(value) = known(&whole) {
                return Ok(vec![value]);
            }
        }
    }
    let enclosed = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let (list, separator) = match (enclosed('(', ')'), enclosed('{', '}')) {
        (Some(inner), _) => (inner, '|'),
        (None, Some(inner)) => (inner, ','),
        (None, None) if !text.contains(',') => (text, '|'),
        (None, None) => (text, ','),
    };
    let parts = split(list, separator, VALUES * (marks + 1)).ok_or(NoValues::Many)?;
    let (mut found, mut at) = (Vec::new(), 0);
    while at < parts.len() {
        // A value that holds the separator was cut: put neighbours together again, the most first.
        let joined = (at + 1..=parts.len().min(at + 1 + marks)).rev().find_map(|end| {
            let parts = parts.get(at..end).filter(|parts| length(parts) <= VALUE_BYTES)?;
            known(&clean(&parts.join(&separator.to_string()))).map(|value| (value, end))
        });
        let Some((value, end)) = joined else {
            let part = parts.get(at).map_or("", String::as_str);
            let fits = part.len() <= VALUE_BYTES;
            return Err(if fits { NoValues::Unknown(clean(part)) } else { NoValues::Long });
        };
        found.push(value);
        at = end;
    }
    if found.len() > VALUES { Err(NoValues::Many) } else { Ok(found) }
}

fn length(parts: &[String]) -> usize {
    parts.iter().map(|part| part.len() + 1).sum::<usize>().saturating_sub(1)
}

/// Cuts at separators that no backslash escapes; `None` when there are more than `most` parts.
fn split(text: &str, separator: char, most: usize) -> Option<Vec<String>> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        if c == separator && !escaped {
            if parts.len() + 1 >= most {
                return None;
            }
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(part);
    Some(parts)
}

/// Without blanks, quotes and escapes around it.
fn clean(text: &str) -> String {
    let text = text.trim();
    let quoted = |mark| text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    unescape(quoted('\'').or_else(|| quoted('"')).unwrap_or(text))
}

/// `a\.b \(c\)` → `a.b (c)`.
fn unescape(text: &str) -> String {
    let (mut plain, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Vec<String>, NoValues> {
        let known = |text: &str| ["a", "b.c (d)", "e, f", "7"].contains(&text).then(|| text.to_owned());
        match Spelled::read(Some(&value)) {
            Spelled::Texts(texts) => {
                texts.iter().map(|text| values(text, 2, known)).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_means_the_same() {
        let two = Ok(vec!["a".to_owned(), "7".to_owned()]);
        for value in [
            json!(["a", "7"]),
            json!(["a", 7]),
            json!("a,7"),
            json!("a, 7"),
            json!("(a|7)"),
            json!("a|7"),
            json!("{a,7}"),
            json!("'a','7'"),
            json!("\"a\",\"7\""),
            json!("[\"a\",\"7\"]"),
            json!(["(a|7)"]),
            json!([{"label": "A", "value": "a"}, {"label": "Seven", "value": 7}]),
        ] {
            assert_eq!(read(value.clone()), two, "{value}");
        }
    }

    #[test]
    fn values_may_hold_marks_themselves() {
        assert_eq!(read(json!("b\\.c \\(d\\)")), Ok(vec!["b.c (d)".into()]));
        assert_eq!(read(json!("(a|b\\.c \\(d\\))")), Ok(vec!["a".into(), "b.c (d)".into()]));
        assert_eq!(read(json!("e, f")), Ok(vec!["e, f".into()]));
        assert_eq!(read(json!("a,e, f,7")), Ok(vec!["a".into(), "e, f".into(), "7".into()]));
        assert_eq!(read(json!("a,x")), Err(NoValues::Unknown("x".into())));
    }

    /// Each value costs what its neighbours hold, not what the list holds: a megabyte of commas is no reason to stand still.
    #[test]
    fn long_lists_are_read_in_short_time_and_longer_ones_refused() {
        let looked = std::cell::Cell::new(0);
        let known = |text: &str| {
            looked.set(looked.get() + 1);
            (text == "1").then_some(())
        };
        assert_eq!(values(&vec!["1"; VALUES].join(","), 2, known).map(|found| found.len()), Ok(VALUES));
        assert!(looked.get() < VALUES * 4, "{}", looked.get());
        for (text, marks, why) in [
            (vec!["1"; VALUES + 1].join(","), 0, NoValues::Many),
            (vec!["1"; VALUES + 1].join(","), 9, NoValues::Many),
            (",".repeat(500_000), 16, NoValues::Many),
            ("2".repeat(VALUE_BYTES + 1), 0, NoValues::Long),
            (format!("1,{},1", "2".repeat(100_000)), 2, NoValues::Long),
        ] {
            looked.set(0);
            assert_eq!(values(&text, marks, known).unwrap_err(), why, "{text:.20}");
            assert!(looked.get() < 20 * VALUES, "{text:.20}: {}", looked.get());
        }
    }

    #[test]
    fn nothing_and_broken_are_told_apart() {
        for value in [json!(null), json!(""), json!([]), json!("$__all"), json!(["$__all"]), json!("All")] {
            assert_eq!(Spelled::read(Some(&value)), Spelled::Nothing, "{value}");
        }
        for value in
            [json!({}), json!("{}"), json!("$account"), json!("${account:csv}"), json!("[[account]]"), json!([{}])]
        {
            assert_eq!(Spelled::read(Some(&value)), Spelled::Broken, "{value}");
        }
    }
}
