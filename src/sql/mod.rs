//! Writes the statements of reports and breakdowns. Values are bound as server-side parameters and never part of the text. Pure.

mod aggregate;
mod cdrs;
mod choice;
mod destinations;
mod group_pieces;
mod groups;
pub mod layout;
mod piece;
pub mod projections;
pub mod schema;
mod select;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_cdrs;
#[cfg(test)]
mod tests_groups;

pub use cdrs::{CDR_SETTINGS, cdr_count, cdr_edge, cdr_file, cdr_page};
pub use choice::{Chosen, Segment, Source, Trace, describe_segments};
pub use groups::{distinct_of_others, groups};
pub use projections::ReadMode;
pub use select::{Read, Set, select, select_reads};

/// Most bytes of one value of a list, before what escapes add.
const MOST_BYTES: usize = 60_000;

/// A statement: text made of constants and configured names only, and the values bound to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statement {
    text: String,
    params: Vec<String>,
    light: bool,
    patterns: bool,
    named: bool,
    segments: Vec<Segment>,
}

impl Statement {
    /// The SQL.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Values of `p0`, `p1`, … in the escaped form that the engine's HTTP interface reads.
    pub fn params(&self) -> &[String] {
        &self.params
    }

    /// True if it reads so little that a second thread would cost more than it helps.
    pub fn is_light(&self) -> bool {
        self.light
    }

    /// True if it matches a caller's regular expressions.
    pub fn has_patterns(&self) -> bool {
        self.patterns
    }

    /// True if it reads projections by their names, and so is refused where a part lacks one.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// The segments that it reads, as the planner chose.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Adds SQL: a constant, or a configured name or expression. Never a caller's text.
    fn push(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// Adds a value of the given type.
    fn bind(&mut self, sql_type: &'static str, value: impl ToString) -> &mut Self {
        let name = self.params.len();
        self.text.push_str(&format!("{{p{name}:{sql_type}}}"));
        self.params.push(value.to_string());
        self
    }

    /// Adds a text. The engine reads it as TSV, so what would mean something there is escaped.
    fn bind_text(&mut self, value: &str) -> &mut Self {
        let mut escaped = String::with_capacity(value.len());
        for c in value.chars() {
            match c {
                '\\' => escaped.push_str("\\\\"),
                '\t' => escaped.push_str("\\t"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\0' => escaped.push_str("\\0"),
                other => escaped.push(other),
            }
        }
        self.bind("String", escaped)
    }

    /// Adds texts as one value: the engine takes a thousand values at most. Within a list it reads quoted texts, not TSV.
    fn bind_texts(&mut self, values: &[String]) -> &mut Self {
        let quoted = |value: &String| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
        let list: Vec<String> = values.iter().map(quoted).collect();
        self.bind("Array(String)", format!("[{}]", list.join(",")))
    }

    /// Adds a list as one value, or joined of several: the engine takes 128 KiB of a value, and a thousand values.
    fn bind_parts<T>(&mut self, values: &[T], size: impl Fn(&T) -> usize, bind: impl Fn(&mut Self, &[T])) -> &mut Self {
        let (mut parts, mut rest) = (Vec::new(), values);
        while !rest.is_empty() {
            let mut taken = 0;
            let fits = rest.iter().take_while(|value| {
                taken += size(value) + 1;
                taken <= MOST_BYTES
            });
            let (part, more) = rest.split_at(fits.count().max(1));
            parts.push(part);
            rest = more;
        }
        if parts.len() < 2 {
            bind(self, values);
            return self;
        }
        for (place, part) in parts.into_iter().enumerate() {
            self.push(if place == 0 { "arrayConcat(" } else { ", " });
            bind(self, part);
        }
        self.push(")")
    }

    /// Adds any number of texts.
    fn bind_many_texts(&mut self, values: &[String]) -> &mut Self {
        let bind = |s: &mut Self, part: &[String]| {
            s.bind_texts(part);
        };
        self.bind_parts(values, |text| text.len() + 2, bind)
    }

    /// Adds any number of whole numbers.
    fn bind_many_integers(&mut self, values: &[i64]) -> &mut Self {
        let bind = |s: &mut Self, part: &[i64]| {
            s.bind_integers(part);
        };
        self.bind_parts(values, |number| number.to_string().len(), bind)
    }

    /// Adds whole numbers as one value.
    fn bind_integers(&mut self, values: &[i64]) -> &mut Self {
        let list: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.bind("Array(Int64)", format!("[{}]", list.join(",")))
    }
}
