//! SQL text cut into statements: ClickHouse takes one a request. Knows quotes, comments and heredocs, so that a semicolon in
//! them ends nothing.

/// Longest statement, bytes: four times what ClickHouse parses unless its `max_query_size` is raised.
pub const LONGEST: usize = 1 << 20;

/// The state of the reader between two bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Within {
    Plain,
    Quotes(u8),
    LineComment,
    Comment,
    Heredoc(String),
}

/// One statement, without its semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlText {
    /// The statement.
    pub text: String,
    first: String,
    /// The name behind FORMAT, if there is one.
    format: Option<String>,
}

/// Cuts text that comes line by line.
#[derive(Debug)]
pub struct StatementReader {
    text: String,
    /// Bytes of `text` that were read.
    read: usize,
    within: Within,
    is_blank: bool,
    words: SqlWords,
}

#[derive(Debug, Default)]
struct SqlWords {
    first: Option<String>,
    is_format: bool,
    format: Option<String>,
}

impl SqlWords {
    fn take(&mut self, word: &str) {
        if self.is_format {
            self.format = Some(word.to_owned());
        }
        self.is_format = word.eq_ignore_ascii_case("format");
        self.first.get_or_insert_with(|| word.to_ascii_uppercase());
    }
}

impl SqlText {
    /// The reason why this statement is not sent.
    pub fn refusal(&self) -> Option<String> {
        // A column may be named format, and a name in its FROM follows.
        let inline = self.format.as_ref().filter(|format| !["values", "from"].contains(&&*format.to_ascii_lowercase()));
        match (self.first.as_str(), inline) {
            ("SET" | "USE", _) => Some(format!(
                "{} has no effect, as each statement stands alone: write SETTINGS name = value at its end, and name the \
                 database by --clickhouse-database or before the table",
                self.first
            )),
            // A semicolon in the rows would cut them.
            ("INSERT", Some(format)) => Some(format!(
                "INSERT … FORMAT {format} is not read here: load a file with `cdrscope load`, or insert VALUES or a SELECT"
            )),
            _ => None,
        }
    }
}

impl StatementReader {
    /// Nothing was read yet.
    pub fn new() -> Self {
        Self { text: String::new(), read: 0, within: Within::Plain, is_blank: true, words: SqlWords::default() }
    }

    /// True if a statement has begun and not ended.
    pub fn is_open(&self) -> bool {
        !self.is_blank
    }

    /// Reads whole lines; gives the statements that end in them.
    ///
    /// # Errors
    /// A statement is too long.
    pub fn push(&mut self, lines: &str) -> Result<Vec<SqlText>, String> {
        self.text.push_str(lines);
        let mut ended = Vec::new();
        while let Some(end) = self.end() {
            let rest = self.text.split_off(end);
            let text = std::mem::replace(&mut self.text, rest.get(1..).unwrap_or_default().to_owned());
            ended.extend(self.take(text)?);
        }
        if self.text.len() > LONGEST { Err(too_long()) } else { Ok(ended) }
    }

    /// The last statement, which needs no semicolon.
    ///
    /// # Errors
    /// The text ends within quotes or a comment.
    pub fn finish(mut self) -> Result<Option<SqlText>, String> {
        let what = match &self.within {
            Within::Plain | Within::LineComment => None,
            Within::Quotes(mark) => Some(format!("the quotes {} are", char::from(*mark))),
            Within::Comment => Some("a comment /* is".to_owned()),
            Within::Heredoc(tag) => Some(format!("the text behind {tag} is")),
        };
        match what {
            Some(what) => Err(format!("{what} not closed")),
            None => {
                let text = std::mem::take(&mut self.text);
                self.take(text)
            }
        }
    }

    fn take(&mut self, text: String) -> Result<Option<SqlText>, String> {
        let words = std::mem::take(&mut self.words);
        let is_blank = std::mem::replace(&mut self.is_blank, true);
        (self.read, self.within) = (0, Within::Plain);
        if text.len() > LONGEST {
            return Err(too_long());
        }
        let first = words.first.unwrap_or_default();
        Ok((!is_blank).then(|| SqlText { text: text.trim().to_owned(), first, format: words.format }))
    }

    /// Reads on; gives the place of the semicolon that ends the statement.
    fn end(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.read) {
            let next = bytes.get(self.read + 1).copied();
            let mut width = 1;
            match &self.within {
                Within::Plain => match (byte, next) {
                    (b';', _) => return Some(self.read),
                    (b'\'' | b'"' | b'`', _) => (self.within, self.is_blank) = (Within::Quotes(byte), false),
                    (b'-', Some(b'-')) | (b'#', Some(b' ' | b'!')) => self.within = Within::LineComment,
                    (b'/', Some(b'*')) => (self.within, width) = (Within::Comment, 2),
                    (byte, _) if byte.is_ascii_whitespace() => {}
                    _ => {
                        self.is_blank = false;
                        match (heredoc(&self.text, self.read), word(&self.text, self.read)) {
                            (Some(tag), _) => (width, self.within) = (tag.len(), Within::Heredoc(tag.to_owned())),
                            (None, "") => self.words.is_format = false,
                            (None, word) => {
                                self.words.take(word);
                                width = word.len();
                            }
                        }
                    }
                },
                Within::Quotes(_) if byte == b'\\' => width = 2,
                Within::Quotes(mark) if byte == *mark => self.within = Within::Plain,
                Within::LineComment if byte == b'\n' => self.within = Within::Plain,
                Within::Comment if byte == b'*' && next == Some(b'/') => (self.within, width) = (Within::Plain, 2),
                Within::Heredoc(tag) if bytes[self.read..].starts_with(tag.as_bytes()) => {
                    (width, self.within) = (tag.len(), Within::Plain);
                }
                Within::Quotes(_) | Within::LineComment | Within::Comment | Within::Heredoc(_) => {}
            }
            self.read += width;
        }
        None
    }
}

/// The word that begins at a place; empty where none does.
fn word(text: &str, from: usize) -> &str {
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// The mark `$name$` that begins a heredoc at a place.
fn heredoc(text: &str, from: usize) -> Option<&str> {
    let rest = text.get(from..)?;
    let name = rest.strip_prefix('$')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    if name.get(end..)?.starts_with('$') { rest.get(..end + 2) } else { None }
}

fn too_long() -> String {
    format!("a statement is longer than {} MiB: load rows with `cdrscope load`", LONGEST >> 20)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let mut reader = StatementReader::new();
        let mut all = Vec::new();
        for line in text.split_inclusive('\n') {
            all.extend(reader.push(line).unwrap());
        }
        all.extend(reader.finish().unwrap());
        all.into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_but_not_in_quotes_comments_and_heredocs() {
        for (text, statements) in [
            ("SELECT 1", &["SELECT 1"][..]),
            ("SELECT 1;", &["SELECT 1"]),
            ("SELECT 1;\n\nSELECT 2\n", &["SELECT 1", "SELECT 2"]),
            (" ;; -- nothing; at all\n/* ; */ # ;\n", &[]),
            ("SELECT ';', \";\", `;`; SELECT 2", &["SELECT ';', \";\", `;`", "SELECT 2"]),
            (
                r"SELECT 'it\';s', 'it'';s'; SELECT '\\'; SELECT 3",
                &[r"SELECT 'it\';s', 'it'';s'", r"SELECT '\\'", "SELECT 3"],
            ),
            ("SELECT 1 -- ;'\n; SELECT 2 /* ;' */", &["SELECT 1 -- ;'", "SELECT 2 /* ;' */"]),
            ("SELECT $a$ ; $b$ ' $a$; SELECT $$;\n;$$", &["SELECT $a$ ; $b$ ' $a$", "SELECT $$;\n;$$"]),
            ("SELECT a$b$c; SELECT 5-3/2", &["SELECT a$b$c", "SELECT 5-3/2"]),
            ("SELECT 'ї;'; SELECT 2", &["SELECT 'ї;'", "SELECT 2"]),
        ] {
            assert_eq!(cut(text), statements, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_no_statement() {
        for (text, told) in [
            ("SELECT 'a;", "quotes '"),
            ("SELECT /* 1;", "comment"),
            ("SELECT $x$ ;", "behind $x$"),
            ("\"", "quotes \""),
        ] {
            let mut reader = StatementReader::new();
            assert_eq!(reader.push(text), Ok(vec![]), "{text}");
            assert!(reader.finish().unwrap_err().contains(told), "{text}");
        }
        let mut reader = StatementReader::new();
        assert!(reader.push(&"x".repeat(LONGEST + 1)).unwrap_err().contains("1 MiB"));
    }

    #[test]
    fn what_would_have_no_effect_or_be_cut_is_refused() {
        let refusal = |text: &str| {
            let mut reader = StatementReader::new();
            assert_eq!(reader.push(text), Ok(vec![]));
            reader.finish().unwrap().unwrap().refusal()
        };
        for text in [
            "set max_threads = 1",
            "/* x */ USE other",
            "INSERT INTO t FORMAT CSV 1,2",
            "insert into t (a) format\nTSV\n1",
        ] {
            assert!(refusal(text).is_some(), "{text}");
        }
        for text in [
            "SELECT 1 FORMAT CSV",
            "INSERT INTO t VALUES ('FORMAT CSV')",
            "INSERT INTO t FORMAT Values (1)",
            "INSERT INTO t SELECT format FROM s",
            "INSERT INTO t SELECT format('{}', 'FORMAT CSV')",
            "SELECT 'USE'",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\\n'\"`$;#/*ї\\\\-]{0,80}") {
            let mut reader = StatementReader::new();
            for line in text.split_inclusive('\n') {
                prop_assert!(reader.push(line).is_ok());
            }
            let _ = reader.finish();
        }
    }
}
