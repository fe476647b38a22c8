//! Text of callers in logs and errors: without marks that could forge a line, and cut.

use std::error::Error;
use std::fmt;

/// Characters of a value that are shown.
pub const VALUE: usize = 200;

/// Characters of a cause that are shown: what ClickHouse says quotes the statement and its values.
const CAUSE: usize = 2000;

/// A caller's text as logs and errors show it: control characters, line ends, escapes and marks of direction as `\n` or
/// `\u{202e}`, and no more than [`VALUE`] characters. `{:?}` puts it in quotes.
#[derive(Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

/// A line of the log: marks that do not print escaped, whatever wrote it; never cut.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        plain(f, self.0)
    }
}

/// The beginning of a text, and how many characters follow it.
fn cut(text: &str, most: usize) -> (&str, usize) {
    // An escape takes the room of its letters.
    let width = |char: char| if matches!(char, '"' | '\'' | '\\') { 1 } else { char.escape_debug().count() };
    let mut room = most;
    let is_over = |&(_, char): &(usize, char)| match room.checked_sub(width(char)) {
        Some(left) => {
            room = left;
            false
        }
        None => true,
    };
    match text.char_indices().find(is_over) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), text.get(end..).map_or(0, |rest| rest.chars().count())),
        None => (text, 0),
    }
}

/// As it is, but for marks that do not print. Quotes and backslashes stay, so a text that was shown before stays the same.
fn plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for piece in text.split_inclusive(['"', '\'', '\\']) {
        let inner = piece.trim_end_matches(['"', '\'', '\\']);
        write!(f, "{}{}", inner.escape_debug(), piece.get(inner.len()..).unwrap_or_default())?;
    }
    Ok(())
}

fn rest(f: &mut fmt::Formatter<'_>, more: usize) -> fmt::Result {
    if more > 0 { write!(f, "… ({more} more characters)") } else { Ok(()) }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, more) = cut(self.0, VALUE);
        plain(f, text)?;
        rest(f, more)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, more) = cut(self.0, VALUE);
        write!(f, "{text:?}")?;
        rest(f, more)
    }
}

/// An error with its sources, for the log: of those, each that the text before it does not hold already.
pub struct Cause<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            source = error.source();
        }
        let (text, more) = cut(&text, CAUSE);
        plain(f, text)?;
        rest(f, more)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_that_do_not_print_are_escaped_and_the_others_stay() {
        for (text, shown) in [
            ("Київ \"x\" \\d it's", "Київ \"x\" \\d it's"),
            ("a\nb\r\t\0", "a\\nb\\r\\t\\0"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}", "\\u{202e}\\u{2066}\\u{200f}\\u{61c}"),
            ("\u{2028}\u{2029}\u{85}\u{200b}\u{feff}\u{ad}", "\\u{2028}\\u{2029}\\u{85}\\u{200b}\\u{feff}\\u{ad}"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
            assert_eq!(Shown(shown).to_string(), shown, "shown twice");
            assert_eq!(Escaped(text).to_string(), shown);
        }
        assert_eq!(format!("{:?}", Shown("a\"b\n")), "\"a\\\"b\\n\"");
    }

    #[test]
    fn long_texts_are_cut_and_say_by_how_much() {
        let long = "é".repeat(1000);
        assert_eq!(Shown(&long).to_string(), format!("{}… (800 more characters)", "é".repeat(200)));
        assert_eq!(format!("{:?}", Shown(&long)), format!("\"{}\"… (800 more characters)", "é".repeat(200)));
        assert_eq!(Shown(&"x".repeat(200)).to_string().len(), 200);
        assert_eq!(
            Shown(&"\u{202e}".repeat(200)).to_string(),
            format!("{}… (175 more characters)", "\\u{202e}".repeat(25))
        );
    }

    #[test]
    fn causes_follow_each_other_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let io = || std::io::Error::other("in\nner");
        assert_eq!(Cause(&Outer(io())).to_string(), "outer: in\\nner");
        assert_eq!(Cause(&io()).to_string(), "in\\nner");
    }

    proptest! {
        #[test]
        fn nothing_shown_begins_a_line(text in "\\PC*|[\\x00-\\u{2100}]{0,300}") {
            let shown = Shown(&text).to_string();
            prop_assert!(!shown.chars().any(char::is_control), "{:?}", shown);
            prop_assert!(shown.chars().count() <= VALUE * 10 + 40);
        }
    }
}
