//! Values that are not a field of the file as it stands: part of it, several joined, a sum or a difference.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use super::duration::{self, Unit};
use super::moment::{self, Moment, Spelling};
use super::number::{ExactNumber, Rounding};
use super::row::RecordFields;
use super::scalar::truth;
use super::sum::{Sign, combined, shifted};
use super::value::{InvalidValue, POINT, quoted};

/// One step in reading a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// `380441112233` of `"Alice" <sip:380441112233@example.net>`, of a SIP or tel URI, or of `380441112233` itself.
    SipUser,
    /// `Alice` of `"Alice" <380441112233>`.
    Name,
    /// Text in which `%20` stands for a blank.
    Url,
    /// Text without blanks and quotes around it.
    Bare,
    /// A UUID; any other text becomes one, always the same.
    Uuid,
    /// 1 for numbers above 0, otherwise 0.
    Positive,
    /// 1 where there is something that is neither 0 nor a date that stands for none, otherwise 0.
    Given,
}

/// The way from the file's columns to the text of one of ours.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// All columns count, with this between them.
    pub join: Option<String>,
    /// Steps.
    pub readers: Vec<Reader>,
    /// A second column.
    pub other: Option<(Sign, usize)>,
    /// The mapping has a second column that the file lacks.
    pub lacks_other: bool,
    /// A column without which there is nothing; `Err` where the file lacks it.
    pub when: Option<Result<usize, ()>>,
    /// Of durations.
    pub unit: Option<Unit>,
    /// `0,25` is a quarter.
    pub decimal_comma: bool,
    /// The column holds times.
    pub is_time: bool,
}

impl Recipe {
    /// False where the field is taken as it stands.
    pub fn is_needed(&self) -> bool {
        self.join.is_some()
            || !self.readers.is_empty()
            || self.other.is_some()
            || self.lacks_other
            || self.when.is_some()
    }

    /// Other columns that are read.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        let when = self.when.and_then(Result::ok);
        self.other.map(|(_, at)| at).into_iter().chain(when)
    }

    /// The text, or why there cannot be one; `None` where the file has nothing.
    pub fn text<'a>(
        &self,
        from: &[usize],
        cells: &'a RecordFields,
        record: &'a str,
        times: &Spelling,
    ) -> Result<Option<Cow<'a, str>>, InvalidValue> {
        let cell = |at: usize| cells.text(record, at).filter(|text| !text.trim().is_empty());
        match self.when {
            Some(Err(())) => return Ok(None),
            Some(Ok(at)) if !cell(at).is_some_and(is_given) => return Ok(None),
            Some(Ok(_)) | None => {}
        }
        let mut text = match &self.join {
            None => from.iter().find_map(|at| cell(*at)).map(Cow::Borrowed),
            Some(between) => {
                // What one form of a system's files has and another lacks shall not tell their rows apart.
                let parts: Vec<_> = from.iter().filter_map(|at| cell(*at)).map(str::trim).collect();
                if parts.is_empty() { None } else { Some(Cow::Owned(parts.join(between))) }
            }
        };
        for reader in &self.readers {
            text = reader.step(text, self.decimal_comma)?.filter(|text| !text.is_empty());
        }
        let (Some(first), Some((sign, at))) = (&text, self.other) else {
            return Ok(if self.lacks_other { None } else { text });
        };
        let Some(second) = cell(at) else { return Ok(None) };
        let computed = || {
            let plain = |text| pointed(text, self.decimal_comma).map_err(str::to_owned);
            let (first, second) = (first.trim(), plain(second.trim())?);
            if self.is_time {
                return shifted(first, sign, &second, self.unit, times);
            }
            let first = plain(first)?;
            let sum = combined(&first, sign, &second, self.unit, times)?;
            // Spelled as the file spells numbers.
            Ok(if self.decimal_comma { sum.map(|sum| sum.replacen('.', ",", 1)) } else { sum })
        };
        let refuse = |why: String| {
            let sign = if sign == Sign::Plus { '+' } else { '-' };
            InvalidValue { value: quoted(&format!("{first} {sign} {second}")), why: why.into() }
        };
        Ok(computed().map_err(refuse)?.map(Cow::Owned))
    }
}

impl Reader {
    fn step(self, text: Option<Cow<'_, str>>, decimal_comma: bool) -> Result<Option<Cow<'_, str>>, InvalidValue> {
        let flag = |is: bool| Some(Cow::Borrowed(if is { "1" } else { "0" }));
        let Some(text) = text else {
            return Ok(if matches!(self, Self::Positive | Self::Given) { flag(false) } else { None });
        };
        let refuse = |why: &'static str| InvalidValue { value: quoted(&text), why: why.into() };
        Ok(match self {
            Self::SipUser => Some(part(text, sip_user)),
            Self::Name => Some(Cow::Owned(display_name(&text))),
            Self::Bare => Some(part(text, |text| text.trim().trim_matches('"').trim())),
            Self::Url if !text.contains('%') => Some(text),
            Self::Url => {
                let plain = percent_decode_str(&text).decode_utf8();
                Some(Cow::Owned(plain.map_err(|_bytes| refuse("not UTF-8 behind its percent signs"))?.into_owned()))
            }
            Self::Uuid => Some(Cow::Owned(uuid(text.trim()))),
            Self::Given => flag(is_given(&text)),
            Self::Positive => {
                let plain = pointed(text.trim(), decimal_comma).map_err(refuse)?;
                let number =
                    ExactNumber::parse(&plain).map_err(|why| InvalidValue { value: quoted(&text), why: why.into() })?;
                let (whole, _) = number.scaled(9, Rounding::Up).ok_or_else(|| refuse("out of range"))?;
                flag(whole > 0)
            }
        })
    }
}

/// A number with a point for the comma that the file has; anything else, such as a time, as it stands.
fn pointed(text: &str, decimal_comma: bool) -> Result<Cow<'_, str>, &'static str> {
    let has_one = |mark: u8| {
        let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'e' | b'E') || byte == mark;
        text.bytes().all(is_number) && text.bytes().filter(|byte| *byte == mark).count() == 1
    };
    match decimal_comma {
        true if has_one(b',') => Ok(Cow::Owned(text.replacen(',', ".", 1))),
        true if has_one(b'.') => Err(POINT),
        true | false => Ok(Cow::Borrowed(text)),
    }
}

/// A part of a text, borrowed where that is possible.
fn part<'a>(text: Cow<'a, str>, cut: impl for<'b> Fn(&'b str) -> &'b str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(&text).to_owned()),
    }
}

/// True for what is neither 0, in whatever spelling of numbers, durations and flags, nor a zero date.
fn is_given(text: &str) -> bool {
    let text = text.trim();
    // `0`, `-0.00`, `0,00`, `00:00:00`, `0000-00-00`.
    let is_zero = text.contains('0')
        && text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b',' | b':' | b'-' | b'+' | b'/'))
        || ExactNumber::parse(text).is_ok_and(ExactNumber::is_zero);
    let lasts_nothing = |unit| duration::parse(text, unit).is_ok_and(ExactNumber::is_zero);
    let utc = Spelling::of(jiff::tz::TimeZone::UTC);
    // `0s`, `PT0S`, `P0D`.
    let has_units = |text: &str| !text.is_empty() && text.bytes().all(|byte| b"0YMWDTHS.".contains(&byte));
    let is_span = !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
        && (lasts_nothing(Unit::Go) || lasts_nothing(Unit::Iso) || text.strip_prefix('P').is_some_and(has_units));
    !text.is_empty() && !is_zero && !is_span && truth(text) != Some(0) && moment::parse(text, &utc) != Ok(Moment::Zero)
}

/// The user part of a URI, with or without a name before it.
fn sip_user(text: &str) -> &str {
    let text = text.trim();
    let within = text.rsplit_once('<').map_or(text, |(_, rest)| rest.split('>').next().unwrap_or(rest)).trim();
    let scheme = within
        .split_once(':')
        .filter(|(scheme, _)| ["sip", "sips", "tel"].iter().any(|known| known.eq_ignore_ascii_case(scheme)));
    let user = match (scheme, within.rsplit_once('@')) {
        (Some((_, rest)), Some(_)) => rest.rsplit_once('@').map_or(rest, |(user, _)| user),
        (Some((scheme, rest)), None) => {
            if scheme.eq_ignore_ascii_case("tel") {
                rest
            } else {
                ""
            }
        }
        (None, Some((user, _))) => user,
        (None, None) => within,
    };
    user.split([';', ':']).next().unwrap_or(user).trim()
}

/// The name before `<number>`.
fn display_name(text: &str) -> String {
    let name = text.rsplit_once('<').map_or("", |(name, _)| name).trim();
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => name.to_owned(),
    }
}

/// A UUID as it is, or one of version 8 made of a text's SHA-256.
fn uuid(text: &str) -> String {
    let is_uuid = matches!(text.len(), 32 | 36) && uuid::Uuid::try_parse(text).is_ok();
    if is_uuid {
        return text.to_owned();
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(Sha256::digest(text.as_bytes()).get(..16).unwrap_or(&[0; 16]));
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: Reader, text: &str) -> String {
        reader.step(Some(Cow::Borrowed(text)), false).unwrap().unwrap_or_default().into_owned()
    }

    #[test]
    fn the_number_and_the_name_of_a_sip_address_are_read() {
        for (text, user) in [
            ("380441112233", "380441112233"),
            ("+380441112233", "+380441112233"),
            ("sip:380441112233@192.0.2.7:5060;user=phone", "380441112233"),
            ("SIPS:alice@example.net", "alice"),
            ("\"Alice, <b>\" <sip:380441112233;npdi@example.net>;tag=x", "380441112233"),
            ("\"Alice\" <380441112233>", "380441112233"),
            ("tel:+380441112233;phone-context=x", "+380441112233"),
            ("sip:alice:secret@example.net", "alice"),
            ("380441112233@example.net", "380441112233"),
            ("sip:example.net", ""),
            ("<>", ""),
        ] {
            assert_eq!(read(Reader::SipUser, text), user, "{text}");
        }
        assert_eq!(read(Reader::Name, "\"Alice \\\"A\\\", B\" <380441112233>"), "Alice \"A\", B");
        assert_eq!(read(Reader::Name, "Alice <380441112233>"), "Alice");
        assert_eq!(read(Reader::Name, "380441112233"), "");
    }

    #[test]
    fn percent_signs_blanks_and_flags_are_read() {
        assert_eq!(read(Reader::Url, "%2B380 44%20%D0%9A+"), "+380 44 К+");
        assert_eq!(read(Reader::Url, "100%"), "100%");
        assert!(Reader::Url.step(Some("%B3".into()), false).is_err());
        assert_eq!(read(Reader::Bare, " \"17\""), "17");
        for (text, positive) in [("0", "0"), ("0.000", "0"), ("-1", "0"), ("0.0001", "1"), ("90", "1")] {
            assert_eq!(read(Reader::Positive, text), positive, "{text}");
        }
        for (text, positive) in [("0,00", "0"), ("0,5", "1"), ("-1,5", "0"), ("2", "1")] {
            assert_eq!(Reader::Positive.step(Some(text.into()), true).unwrap().as_deref(), Some(positive), "{text}");
        }
        assert!(Reader::Positive.step(Some("0.5".into()), true).is_err());
        assert!(Reader::Positive.step(Some("many".into()), false).is_err());
        for text in [
            "0,00",
            "00:00:00",
            "0:00",
            "0s",
            "0h0m0s",
            "PT0S",
            "P0D",
            "false",
            "No",
            "-0",
            "-0.00",
            "0e5",
            "0000-00-00",
        ] {
            assert_eq!(read(Reader::Given, text), "0", "{text}");
        }
        for (text, given) in [
            ("00:00:01", "1"),
            ("1ms", "1"),
            ("yes", "1"),
            ("0", "0"),
            ("1970-01-01T00:00:00Z", "0"),
            ("0000-00-00 00:00:00", "0"),
            ("P1D", "1"),
            ("1e-9", "1"),
            ("-", "1"),
            ("2026-03-07 10:00:00", "1"),
            ("x", "1"),
        ] {
            assert_eq!(read(Reader::Given, text), given, "{text}");
        }
    }

    #[test]
    fn a_text_gives_the_same_uuid_each_time_and_a_uuid_itself() {
        let uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
        assert_eq!(read(Reader::Uuid, uuid), uuid);
        let (a, b) = (read(Reader::Uuid, "1772877600.1"), read(Reader::Uuid, "1772877600.2"));
        assert_eq!(a, "d1fecf8a-d2ef-8c4f-be77-ea0f7e5839cc");
        assert_ne!(a, b);
    }

    #[test]
    fn no_text_panics() {
        proptest::proptest!(|(text in ".*", odd in "[\"<>@:;%s i0-9+]{0,20}")| {
            for reader in [Reader::SipUser, Reader::Name, Reader::Url, Reader::Bare, Reader::Uuid, Reader::Positive, Reader::Given] {
                let _ = reader.step(Some(Cow::Borrowed(&text)), false);
                let _ = reader.step(Some(Cow::Borrowed(&odd)), true);
            }
        });
    }
}
