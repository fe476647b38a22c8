//! Names of files that callers keep: `Content-Disposition` (RFC 6266, names by RFC 8187).

use actix_web::http::header::HeaderValue;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::query::zone;
use crate::report::form::ResultFormat;

/// Letters of a name that are written as they are (RFC 8187, `attr-char`); the others as bytes of UTF-8.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Most letters of an account's name in the name of a file: file systems take 255 bytes.
const LONGEST_PART: usize = 60;

/// The parts of a file's name.
#[derive(Clone, Debug)]
pub struct FileName<'a> {
    /// Name of the report.
    pub report: &'a str,
    /// Name of the account, where it is about one and that has a name.
    pub account: Option<&'a str>,
    /// First and last second of the window; the last is absent where it is open.
    pub window: Option<(i64, Option<i64>)>,
    /// The zone in which the window has its dates.
    pub zone: &'a TimeZone,
    /// The dimensions.
    pub by: Vec<&'a str>,
}

impl FileName<'_> {
    /// The header for a file of this format; `None` for an answer that is no file.
    pub fn header(&self, format: ResultFormat) -> Option<HeaderValue> {
        let end = format.row().extension;
        if end.is_empty() {
            return None;
        }
        let name = format!("{}.{end}", self.stem());
        let ascii: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '_' }).collect();
        let coded = utf8_percent_encode(&name, PLAIN);
        HeaderValue::try_from(format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{coded}")).ok()
    }

    /// The name without its end: `origination-breakdown_Acme-wholesale_2026-11-01_2026-11-24_by-dst-country`.
    fn stem(&self) -> String {
        let date = |second: i64| self.zone.to_datetime(zone::timestamp(second)).date().to_string();
        let mut parts = vec![self.report.to_owned()];
        parts.extend(self.account.map(safe).filter(|name| !name.is_empty()));
        if let Some((from, to)) = self.window {
            parts.push(date(from));
            parts.extend(to.map(date));
        }
        if !self.by.is_empty() {
            parts.push(format!("by-{}", self.by.join("-")));
        }
        parts.join("_")
    }
}

/// A name of somebody's with letters and digits of any script, and a hyphen for each run of anything else: no path, no quote, no
/// control character, nothing that a shell or a file system reads.
fn safe(name: &str) -> String {
    let mut safe = String::new();
    for letter in name.chars() {
        if letter.is_alphanumeric() {
            safe.push(letter);
        } else if !safe.is_empty() && !safe.ends_with('-') {
            safe.push('-');
        }
    }
    let short: String = safe.chars().take(LONGEST_PART).collect();
    short.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(account: &str, format: ResultFormat) -> Option<String> {
        let zone = zone::find("Europe/Kyiv").unwrap();
        let window = Some((1_793_484_000, Some(1_795_470_000)));
        let by = ["dst-country", "q850-cause"];
        let name =
            FileName { report: "origination-breakdown", account: Some(account), window, zone: &zone, by: by.to_vec() };
        name.header(format).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_name_says_what_the_file_is_about_with_dates_of_the_zone() {
        let name = "origination-breakdown_Acme-wholesale_2026-11-01_2026-11-23_by-dst-country-q850-cause.csv.gz";
        let wanted = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
        assert_eq!(header("Acme wholesale", ResultFormat::CsvGz), Some(wanted));
        assert_eq!(header("Acme wholesale", ResultFormat::Rows), None);
    }

    #[test]
    fn names_of_accounts_hold_nothing_but_letters_digits_and_hyphens() {
        for (name, wanted) in [
            ("../../etc/passwd", "etc-passwd"),
            ("a\"; filename=\"x.exe\r\nSet-Cookie: a=b", "a-filename-x-exe-Set-Cookie-a-b"),
            ("=cmd|'/C calc'!A0", "cmd-C-calc-A0"),
            ("Київ Телеком", "Київ-Телеком"),
            ("  ", ""),
        ] {
            assert_eq!(safe(name), wanted);
        }
        assert_eq!(safe(&"x".repeat(500)).len(), LONGEST_PART);
    }

    #[test]
    fn letters_beyond_ascii_travel_in_the_second_name() {
        let header = header("Київ", ResultFormat::Xlsx).unwrap();
        assert!(header.contains("filename=\"origination-breakdown______2026-11-01_"), "{header}");
        assert!(
            header.contains("filename*=UTF-8''origination-breakdown_%D0%9A%D0%B8%D1%97%D0%B2_2026-11-01_"),
            "{header}"
        );
    }
}
