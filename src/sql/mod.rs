//! Plan → statement. The only place with SELECT text; values travel apart from it, as server-side parameters. Pure.

mod aggregate;
mod choice;
mod piece;
pub mod projections;
pub mod schema;
mod select;
#[cfg(test)]
mod tests;

pub use choice::{Chosen, Scan, Source, Told, pieces};
pub use projections::Route;
pub use select::{Read, Set, select, select_reads};

/// A statement: text made of constants and configured names only, and the values bound to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statement {
    text: String,
    params: Vec<String>,
    light: bool,
    patterns: bool,
    named: bool,
    scans: Vec<Scan>,
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

    /// What it reads, as the planner chose.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
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

    /// Adds whole numbers as one value.
    fn bind_integers(&mut self, values: &[i64]) -> &mut Self {
        let list: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.bind("Array(Int64)", format!("[{}]", list.join(",")))
    }
}

/// True if a name can stand in SQL as it is.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
