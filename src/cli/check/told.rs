//! The findings of `check`: a line each as they come, or all of them as JSON; and the next step.

use std::fmt::Display;
use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::super::{CliError, say};

/// The findings so far.
pub struct Findings {
    as_json: bool,
    has_colours: bool,
    checks: Vec<Value>,
    notes: Vec<String>,
    /// The way out of the first fault.
    way_out: Option<String>,
}

impl Findings {
    /// Nothing was looked at yet.
    pub fn new(as_json: bool) -> Self {
        // https://no-color.org: set and not empty.
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let has_colours = std::io::stdout().is_terminal() && !is_plain;
        Self { as_json, has_colours, checks: Vec::new(), notes: Vec::new(), way_out: None }
    }

    /// True if nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.way_out.is_none()
    }

    /// Takes the state of one thing, or its fault; tells if it is right. `way_out` stands for faults that name none.
    pub fn take<E: Display>(&mut self, what: &str, found: Result<impl Display, E>, way_out: &str) -> bool {
        let is_right = found.is_ok();
        let text = match found {
            Ok(found) => found.to_string(),
            Err(fault) => {
                let fault = fault.to_string();
                let first = if way_out.is_empty() { format!("mend the {what}: {fault}") } else { way_out.to_owned() };
                self.way_out.get_or_insert(first);
                fault
            }
        };
        if self.as_json {
            self.checks.push(json!({ "what": what, "ok": is_right, "found": text }));
        } else {
            let (word, colour) = if is_right { ("ok", "32") } else { ("WRONG", "1;31") };
            let colon = if text.is_empty() { "" } else { ": " };
            say(format_args!("{} {what}{colon}{}", self.word(word, colour), text.replace('\n', "\n       ")));
        }
        is_right
    }

    /// Takes a remark that stands in nobody's way.
    pub fn note(&mut self, text: &str) {
        match self.as_json {
            true => self.notes.push(text.to_owned()),
            false => say(format_args!("{} {text}", self.word("note", "33"))),
        }
    }

    fn word(&self, word: &str, colour: &str) -> String {
        let padded = format!("{word:6}");
        if self.has_colours { format!("\u{1b}[{colour}m{padded}\u{1b}[0m") } else { padded }
    }

    /// Ends with the next step: the way out of the first fault, or what there is to do where all is right.
    ///
    /// # Errors
    /// Something is wrong.
    pub fn end(self, next: &str) -> Result<(), CliError> {
        let is_right = self.is_right();
        let next = self.way_out.as_ref().map_or_else(
            || next.to_owned(),
            |way_out| format!("{}; then run `cdrscope check` again", way_out.replace('\n', " ")),
        );
        match self.as_json {
            true => say(serde_json::to_string_pretty(
                &json!({ "ok": is_right, "checks": self.checks, "notes": self.notes, "next": next }),
            )?),
            false => say(format_args!("{} {next}", self.word("next", "1"))),
        }
        if is_right { Ok(()) } else { Err(CliError::Failed("not everything is right".into())) }
    }
}
