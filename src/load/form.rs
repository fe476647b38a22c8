//! The form of times that a mapping gives, as strftime names its parts.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};

use super::moment::{Moment, Spelling, UNKNOWN_OFFSET, WIDEST_OFFSET, instant, usual};

/// A form such as `%d-%b-%Y %I:%M:%S %p`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeForm {
    form: Arc<str>,
    /// The outline of its first word: what a text begins with that is meant to be of this form. `None` where the usual spellings
    /// read such a text as this form does.
    outline: Option<Arc<str>>,
    /// The digits of each run of them, where that is fixed and the run has several parts.
    widths: Arc<[Option<usize>]>,
}

/// Parts of a time, and the letters that name them; each is there once at most.
const PARTS: [(&str, &str); 8] = [
    ("the year", "YyC"),
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
    /// A sentence about the fault of the form.
    pub fn new(form: &str) -> Result<Self, String> {
        let fault = |why: String| format!("time_format {form:?}: {why}");
        let plain = form.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S");
        let plain = plain.replace("%D", "%m/%d/%y").replace("%R", "%H:%M");
        let letters = letters(&plain);
        let count = |part: &str| letters.chars().filter(|letter| part.contains(*letter)).count();
        if let Some((name, _)) = PARTS.iter().find(|(_, part)| count(part) > 1) {
            return Err(fault(format!("has {name} twice")));
        }
        if letters.contains(|letter| "UWVGg".contains(letter)) {
            return Err(fault("has weeks (%U, %V, %W, %G), which no time needs".to_owned()));
        }
        if letters.contains('s') {
            if PARTS.iter().any(|(_, part)| letters.contains(|letter| letter != 's' && part.contains(letter))) {
                return Err(fault("has the seconds since 1970 (%s) beside other parts of a time".to_owned()));
            }
        } else {
            let has = |part: &str| count(part) > 0;
            if has("j") && (has("mbBh") || has("de")) {
                return Err(fault("has the day twice".to_owned()));
            }
            let lacks_day = !(has("j") || has("mbBh") && has("de"));
            let lacking = [(!has("Yy"), "the year"), (lacks_day, "the month or the day"), (!has("HkIl"), "the hour")];
            if let Some((_, name)) = lacking.into_iter().find(|(lacks, _)| *lacks) {
                return Err(fault(format!("lacks {name}")));
            }
        }
        match (count("Il") > 0, count("pP") > 0) {
            (true, false) => return Err(fault("has hours of a half day (%I) without am or pm (%p)".to_owned())),
            (false, true) => return Err(fault("has am or pm (%p) without hours of a half day (%I)".to_owned())),
            (true, true) | (false, false) => {}
        }
        // A Monday in November 2026.
        let sample = jiff::Timestamp::from_millisecond(1_795_440_275_123).map_err(|why| fault(why.to_string()))?;
        let sample = sample.to_zoned_datetime(TimeZone::UTC);
        let shown = BrokenDownTime::from(&sample).to_string(form).map_err(|why| fault(why.to_string()))?;
        let mut this = Self { form: form.into(), outline: None, widths: widths(&plain).into() };
        let utc = Spelling::of(TimeZone::UTC);
        match this.read(&shown, &utc) {
            Some(Ok(read)) if usual(&shown, &utc) == Ok(read) => {}
            Some(Ok(_)) => this.outline = Some(outline(&shown).into()),
            Some(Err(_)) | None => return Err(fault(format!("{shown:?} is of it and cannot be read by it"))),
        }
        Ok(this)
    }

    /// A time of this form; `None` where the text has another.
    pub fn read(&self, text: &str, spelling: &Spelling) -> Option<Result<Moment, &'static str>> {
        let text = text.trim();
        let parts = BrokenDownTime::parse(&*self.form, text).ok()?;
        // A digit that is missing would move the others to other parts.
        let is_moved = |(wanted, found): (&Option<usize>, usize)| wanted.is_some_and(|wanted| wanted != found);
        if self.widths.iter().zip(runs(text)).any(is_moved) {
            return None;
        }
        if let Some(instant) = parts.timestamp() {
            let civil = Offset::UTC.to_datetime(instant);
            let nanos = u32::try_from(parts.subsec_nanosecond().unwrap_or_default()).ok()?;
            return Some(self::instant(civil, nanos, Some(0), &spelling.zone));
        }
        let civil = parts.to_datetime().ok()?;
        // A leap second is read as the one before it, and is no time of a call.
        if civil.second() == 59 && is_leap(text, &self.form, civil) {
            return Some(Err("no such date or time"));
        }
        let nanos = u32::try_from(civil.subsec_nanosecond()).ok()?;
        let offset = parts.offset().map(|offset| i64::from(offset.seconds()));
        if offset.is_some_and(|offset| offset.abs() > WIDEST_OFFSET) {
            return Some(Err(UNKNOWN_OFFSET));
        }
        Some(match parts.iana_time_zone().map(TimeZone::get) {
            None => instant(civil, nanos, offset, &spelling.zone),
            Some(Ok(named)) => instant(civil, nanos, offset, &named),
            Some(Err(_unknown)) => Err("no time zone of that name"),
        })
    }

    /// True for a text that begins as times of this form do, and could be meant as one: an instant with `T` and its offset is
    /// spelled in one way alone.
    pub fn is_like(&self, text: &str) -> bool {
        let text = text.trim();
        let has_t = text.as_bytes().windows(3).any(
            |three| matches!(three, [before, b'T' | b't', after] if before.is_ascii_digit() && after.is_ascii_digit()),
        );
        let is_instant = has_t
            && (text.ends_with(['Z', 'z'])
                || text.rsplit(['T', 't']).next().is_some_and(|clock| clock.contains(['+', '-'])));
        !is_instant && self.outline.as_ref().is_some_and(|wanted| outline(text) == **wanted)
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

/// The digits of each run of them in texts of the form, as far as they are fixed and the run has several parts; of one part a
/// digit may be missing, as in `7/3/2026`. Behind a zone nothing is known.
fn widths(form: &str) -> Vec<Option<usize>> {
    let (mut widths, mut run, mut chars) = (Vec::new(), None::<(usize, Option<usize>)>, form.chars());
    let end = |run: &mut Option<(usize, Option<usize>)>, widths: &mut Vec<Option<usize>>| {
        widths.extend(run.take().map(|(parts, width)| width.filter(|_| parts > 1)));
    };
    while let Some(char) = chars.next() {
        if char.is_ascii_digit() {
            return Vec::new();
        }
        if char != '%' {
            end(&mut run, &mut widths);
            continue;
        }
        let mut flags = String::new();
        let letter = chars.by_ref().find(|next| {
            let is_letter = next.is_ascii_alphabetic() || *next == '%';
            flags.extend((!is_letter).then_some(*next));
            is_letter
        });
        if flags.starts_with('.') {
            end(&mut run, &mut widths);
        }
        let digits = match letter {
            Some('Y') => Some(4),
            Some('j') => Some(3),
            Some('m' | 'd' | 'H' | 'M' | 'S' | 'I' | 'y' | 'C') => Some(2),
            Some('z' | 'Q') | None => break,
            Some('e' | 'k' | 'l' | 's' | 'f' | 'N' | 'u' | 'w') => None,
            Some(_) => {
                end(&mut run, &mut widths);
                continue;
            }
        };
        let digits = digits.filter(|_| flags.is_empty());
        let (parts, width) = run.unwrap_or((0, Some(0)));
        run = Some((parts + 1, width.zip(digits).map(|(width, digits)| width + digits)));
    }
    end(&mut run, &mut widths);
    widths
}

/// The lengths of the runs of digits.
fn runs(text: &str) -> impl Iterator<Item = usize> {
    text.split(|char: char| !char.is_ascii_digit()).map(str::len).filter(|length| *length > 0)
}

/// True if the seconds are 60: with 59 in their place the text is the same time.
fn is_leap(text: &str, form: &str, civil: DateTime) -> bool {
    text.match_indices("60").any(|(at, _)| {
        let (head, tail) = (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default());
        let same = BrokenDownTime::parse(form, format!("{head}59{tail}")).and_then(|parts| parts.to_datetime());
        same.is_ok_and(|same| same == civil)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_none_or_contradict_themselves_are_refused() {
        for (form, why) in [
            ("%q", "lacks"),
            ("%", "lacks"),
            ("%F %T %q", "q"),
            ("%F %T %Z", "cannot be read by it"),
            ("%Y-%m-%d", "lacks the hour"),
            ("%H:%M:%S", "lacks the year"),
            ("%Y %H", "lacks the month or the day"),
            ("%d/%m/%Y %H:%M %Y", "has the year twice"),
            ("%F %Y %T", "has the year twice"),
            ("%d/%m/%Y %I:%M:%S", "without am or pm"),
            ("%d/%m/%Y %H:%M:%S %p", "without hours of a half day"),
            ("%F %H:%M %s", "(%s) beside other parts"),
            ("%s %H", "(%s) beside other parts"),
            ("%Y-%j-%m-%d %T", "has the day twice"),
            ("%Y-%j %b %T", "has the day twice"),
            ("%F %T week %U", "has weeks"),
            ("%G-%m-%d %T", "has weeks"),
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
            ("%Y-%d-%m %H:%M:%S", "2026-03-25T10:00:00Z", false),
            ("%Y-%d-%m %H:%M:%S", "2026-03-25T10:00:00+00:00", false),
            ("%Y-%d-%m %H:%M:%S", "1772877600", false),
            ("%Y-%m-%d %H:%M:%S", "2026-03-25 10:00:00.250", false),
            ("%d/%m/%Y %H:%M", "2026-03-25 10:00:00", false),
            ("%d/%m/%Y %H:%M", "3/13/2026 10:00", true),
            ("%d-%b-%Y %H:%M", "2026-03-25 10:00:00", false),
            ("%d%m%y%H%M", "703261000", true),
        ] {
            assert_eq!(TimeForm::new(form).unwrap().is_like(text), is, "{form} {text}");
        }
    }

    #[test]
    fn runs_of_several_parts_have_their_width() {
        for (form, wanted) in [
            ("%Y%m%d%H%M%S", vec![Some(14)]),
            ("%d/%m/%Y %H%M", vec![None, None, None, Some(4)]),
            ("%d.%m.%y.%H%M%S", vec![None, None, None, Some(6)]),
            ("%Y%m%d %H%M%S%.f", vec![Some(8), Some(6), None]),
            ("%Y%m%d%k%M%S", vec![None]),
            ("%Y%m%d%H%M%S%f", vec![None]),
            ("%-I%M%S%p %d-%b-%y", vec![None, None, None]),
            ("%z %Y%m%d%H", vec![]),
        ] {
            assert_eq!(widths(form), wanted, "{form}");
        }
    }

    #[test]
    fn a_leap_second_is_told_from_other_sixties() {
        let read =
            |text: &str, form: &str| TimeForm::new(form).unwrap().read(text, &Spelling::of(TimeZone::UTC)).unwrap();
        assert!(read("060/26 12:00:60", "%j/%y %H:%M:%S").is_err());
        assert!(read("060/26 12:00:59", "%j/%y %H:%M:%S").is_ok());
        assert!(read("20260607100059", "%Y%m%d%H%M%S").is_ok());
        assert!(read("20260607100060", "%Y%m%d%H%M%S").is_err());
    }
}
