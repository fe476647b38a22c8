//! The form of times that a mapping gives, as strftime names its parts.

use std::sync::Arc;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::moment::{Moment, Spelling, instant};

/// A form such as `%d-%b-%Y %I:%M:%S %p`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeForm {
    form: Arc<str>,
    /// The outline of its first word: what a text begins with that is meant to be of this form.
    outline: Arc<str>,
    /// The lengths of its runs of digits.
    runs: Arc<[usize]>,
}

/// Digits beyond which a run is of several parts, which are told apart by their places.
const ONE_PART: usize = 4;

/// Parts of a time, and the letters that name them; each is there once at most.
const PARTS: [(&str, &str); 8] = [
    ("the year", "YyGgC"),
    ("the month", "mbBh"),
    ("the day", "de"),
    ("the day of the year", "j"),
    ("the hour", "HkIl"),
    ("the minute", "M"),
    ("the second", "Ss"),
    ("am or pm", "pP"),
];

impl TimeForm {
    /// Checks the form: every part that a time needs is there, and none twice.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(form: &str) -> Result<Self, String> {
        let fault = |why: String| format!("time_format {form:?}: {why}");
        // A Monday in November 2026.
        let sample = jiff::Timestamp::from_millisecond(1_795_440_275_123).map_err(|why| fault(why.to_string()))?;
        let sample = sample.to_zoned_datetime(TimeZone::UTC);
        let shown = BrokenDownTime::from(&sample).to_string(form).map_err(|why| fault(why.to_string()))?;
        let plain =
            form.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S").replace("%D", "%m/%d/%y").replace("%R", "%H:%M");
        let letters = letters(&plain);
        let count = |part: &str| letters.chars().filter(|letter| part.contains(*letter)).count();
        if let Some((name, _)) = PARTS.iter().find(|(_, part)| count(part) > 1) {
            return Err(fault(format!("has {name} twice")));
        }
        if !letters.contains('s') {
            let has = |part: &str| count(part) > 0;
            let lacks_day = !has("j") && !(has("mbBh") && has("de"));
            let lacking = [(!has("YyG"), "the year"), (lacks_day, "the month or the day"), (!has("HkIl"), "the hour")];
            if let Some((_, name)) = lacking.into_iter().find(|(lacks, _)| *lacks) {
                return Err(fault(format!("lacks {name}")));
            }
        }
        match (count("Il") > 0, count("pP") > 0) {
            (true, false) => return Err(fault("has hours of a half day (%I) without am or pm (%p)".to_owned())),
            (false, true) => return Err(fault("has am or pm (%p) without hours of a half day (%I)".to_owned())),
            (true, true) | (false, false) => {}
        }
        Ok(Self { form: form.into(), outline: outline(&shown).into(), runs: runs(&shown).into() })
    }

    /// A time of this form; `None` where the text has another.
    pub fn read(&self, text: &str, spelling: &Spelling) -> Option<Result<Moment, &'static str>> {
        let text = text.trim();
        let parts = BrokenDownTime::parse(&*self.form, text).ok()?;
        // A digit that is missing would move the others to other parts.
        let is_moved = |(wanted, found): (&usize, &usize)| *wanted > ONE_PART && wanted != found;
        if self.runs.iter().zip(&runs(text)).any(is_moved) {
            return None;
        }
        // A leap second is read as the one before it, and is no time of a call.
        if parts.second() == Some(59) && is_leap(text, &self.form) {
            return Some(Err("no such date or time"));
        }
        let civil = parts.to_datetime().ok()?;
        let nanos = u32::try_from(civil.subsec_nanosecond()).ok()?;
        let offset = parts.offset().map(|offset| i64::from(offset.seconds()));
        Some(match parts.iana_time_zone().map(TimeZone::get) {
            None => instant(civil, nanos, offset, &spelling.zone),
            Some(Ok(named)) => instant(civil, nanos, offset, &named),
            Some(Err(_unknown)) => Err("no time zone of that name"),
        })
    }

    /// True for a text that begins as times of this form do.
    pub fn is_like(&self, text: &str) -> bool {
        outline(text.trim()) == *self.outline
    }
}

/// The letters behind `%`, without flags and widths.
fn letters(form: &str) -> String {
    let (mut letters, mut chars) = (String::new(), form.chars());
    while let Some(char) = chars.next() {
        if char == '%' {
            // `%-d`, `%_H`, `%3f`, `%.3f`, `%:z`.
            letters.extend(chars.by_ref().find(|next| next.is_ascii_alphabetic() || *next == '%'));
        }
    }
    letters
}

/// The first word with `0` for digits and `a` for letters, however many; a T between digits ends it as a blank does.
fn outline(text: &str) -> String {
    let mut outline = String::new();
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        let is_mark =
            matches!(char, 'T' | 't') && before.is_ascii_digit() && chars.peek().is_some_and(char::is_ascii_digit);
        if char.is_whitespace() || is_mark {
            break;
        }
        let kind = match char {
            _ if char.is_numeric() => '0',
            _ if char.is_alphabetic() => 'a',
            other => other,
        };
        if !(matches!(kind, '0' | 'a') && outline.ends_with(kind)) {
            outline.push(kind);
        }
        before = char;
    }
    outline
}

/// The lengths of the runs of digits, without fractions.
fn runs(text: &str) -> Vec<usize> {
    let pieces = text.split(|char: char| !char.is_ascii_digit() && char != '.');
    pieces.map(|piece| piece.split('.').next().unwrap_or_default().len()).filter(|length| *length > 0).collect()
}

/// True if the seconds are 60: with 61 in their place the text is no time.
fn is_leap(text: &str, form: &str) -> bool {
    text.match_indices("60").any(|(at, _)| {
        let (head, tail) = (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default());
        BrokenDownTime::parse(form, format!("{head}61{tail}")).is_err()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_none_or_contradict_themselves_are_refused() {
        for (form, why) in [
            ("%q", "q"),
            ("%", "%"),
            ("%Y-%m-%d", "lacks the hour"),
            ("%H:%M:%S", "lacks the year"),
            ("%Y %H", "lacks the month or the day"),
            ("%d/%m/%Y %H:%M %Y", "has the year twice"),
            ("%F %Y %T", "has the year twice"),
            ("%d/%m/%Y %I:%M:%S", "without am or pm"),
            ("%d/%m/%Y %H:%M:%S %p", "without hours of a half day"),
        ] {
            let found = TimeForm::new(form).unwrap_err();
            assert!(found.contains(why), "{form}: {found}");
        }
        for form in [
            "%F %T",
            "%d-%b-%y %-H:%M",
            "%m/%d/%Y %I:%M:%S %p %z",
            "%H:%M:%S%.f %b %d %Y",
            "%Y%j%H%M",
            "%s",
            "%A, %d %B %Y %R",
            "%F %T%.3f %Q",
        ] {
            TimeForm::new(form).unwrap();
        }
    }

    #[test]
    fn a_text_begins_as_the_form_or_otherwise() {
        for (form, text, is) in [
            ("%Y-%d-%m %H:%M:%S", "2026-03-25", true),
            ("%Y-%d-%m %H:%M:%S", "2026-03-25T10:00:00", true),
            ("%Y-%d-%m %H:%M:%S", "1772877600", false),
            ("%d/%m/%Y %H:%M", "2026-03-25 10:00:00", false),
            ("%d/%m/%Y %H:%M", "3/13/2026 10:00", true),
            ("%d-%b-%Y %H:%M", "2026-03-25 10:00:00", false),
            ("%d%m%y%H%M", "703261000", true),
        ] {
            assert_eq!(TimeForm::new(form).unwrap().is_like(text), is, "{form} {text}");
        }
    }

    #[test]
    fn a_leap_second_is_told_from_other_sixties() {
        assert!(is_leap("60/01 12:00:60", "%j/%y %H:%M:%S"));
        assert!(!is_leap("060/26 12:00:59", "%j/%y %H:%M:%S"));
    }
}
