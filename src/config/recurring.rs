//! Recurring exports: `[[exports.recurring]]` in the settings' file, a list of objects in JSON elsewhere.

use std::fmt;
use std::path::PathBuf;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::value::{Value, words};
use crate::query::zone;

words! {
    /// The length of the span that a recurring export is of.
    Every {
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month.
        Month = "month",
    }
}

/// Those whom a recurring export is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurringFor {
    /// A customer, with the rights of a token for all of its accounts.
    Customer(u32),
    /// The operator, with every right.
    Operator,
}

/// A place for recurring files, as the records of their jobs hold it too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExportPlace {
    /// A directory of this machine.
    Directory {
        /// Its path.
        dir: PathBuf,
    },
    /// A bucket of an S3-compatible store.
    Bucket {
        /// Its name.
        bucket: String,
        /// The beginning of the objects' names, without the slash behind it; it may be empty.
        prefix: String,
    },
}

/// The scheme of a bucket's address.
const S3: &str = "s3://";

/// Longest beginning of objects' names, bytes: a name has 1024 at most.
const LONGEST_PREFIX: usize = 512;

impl ExportPlace {
    /// Reads a path, or `s3://bucket/prefix`.
    fn read(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(S3) else {
            return match text.is_empty() || text.contains("://") {
                true => Err("expected to = a directory, or s3://bucket/prefix".to_owned()),
                false => Ok(Self::Directory { dir: PathBuf::from(text) }),
            };
        };
        if !cfg!(feature = "s3") {
            return Err(format!("to = {text:?} needs cdrscope with stores: this one was built without its feature s3"));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.starts_with(is_letter)
            && bucket.ends_with(is_letter)
            && !bucket.contains("..")
            && bucket.chars().all(|c| is_letter(c) || matches!(c, '.' | '-' | '_'));
        if !is_bucket {
            return Err(format!("expected to = s3://bucket/prefix with a bucket's name, not {bucket:?}"));
        }
        let is_part = |part: &str| {
            let is_plain = |c: char| is_letter(c) || matches!(c, '-' | '_' | '.' | '=' | '+' | ',' | '@');
            !part.is_empty() && part != "." && part != ".." && part.chars().all(is_plain)
        };
        if !prefix.is_empty() && (prefix.len() > LONGEST_PREFIX || !prefix.split('/').all(is_part)) {
            return Err(format!(
                "expected a prefix of letters, digits and -_.=+,@ between slashes, up to {LONGEST_PREFIX}, not {prefix:?}"
            ));
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// The place of a file in it, for people.
    pub fn of(&self, name: &str) -> String {
        match self {
            Self::Directory { dir } => dir.join(name).display().to_string(),
            Self::Bucket { .. } => format!("{self}/{name}"),
        }
    }
}

impl fmt::Display for ExportPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { dir } => write!(f, "{}", dir.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "{S3}{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "{S3}{bucket}/{prefix}"),
        }
    }
}

/// A file that is made of each whole day, week or month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurringExport {
    /// The beginning of its files' names.
    pub name: String,
    /// Those whom it is made for.
    pub made_for: RecurringFor,
    /// The report, as in the requests of an export.
    pub report: String,
    /// Further parameters, as a query string.
    pub parameters: String,
    /// The span of a file.
    pub every: Every,
    /// The zone of the span; `None` is that of reports.
    pub time_zone: Option<TimeZone>,
    /// The time of day on which the file is made.
    pub at: Time,
    /// The name of its format.
    pub format: String,
    /// The place for its files.
    pub to: ExportPlace,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecurringExports(pub Vec<RecurringExport>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecurringEntry {
    name: String,
    #[serde(default)]
    customer: Option<u32>,
    #[serde(default)]
    operator: bool,
    report: String,
    #[serde(default)]
    parameters: String,
    every: String,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    format: Option<String>,
    to: String,
}

/// Parameters that a recurring export sets itself.
const OWN: [&str; 5] = ["report", "from-time", "to-time", "time-zone", "format"];

impl RecurringEntry {
    fn read(self) -> Result<RecurringExport, String> {
        let named = |fault: String| format!("{}: {fault}", self.name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        // Files are called so, and a dash in front is an option to most commands.
        let begins_well = self.name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins_well || self.name.len() > 64 || !self.name.chars().all(is_plain) {
            return Err(format!(
                "expected a name of up to 64 letters, digits, - and _, no - in front, not {:?}",
                self.name
            ));
        }
        let made_for = match (self.customer, self.operator) {
            (Some(customer), false) => RecurringFor::Customer(customer),
            (None, true) => RecurringFor::Operator,
            _ => return Err(named("expected customer = ID or operator = true, one of the two".to_owned())),
        };
        let own = |pair: &str| OWN.into_iter().find(|own| pair.split('=').next() == Some(own));
        if let Some(own) = self.parameters.split('&').find_map(own) {
            return Err(named(format!("{own} does not stand in parameters: it is set for each file")));
        }
        let time = self.at.as_deref().unwrap_or("02:30");
        let at = clock(time).ok_or_else(|| named(format!("expected at = \"hh:mm\", not {time:?}")))?;
        let zone = self
            .time_zone
            .as_deref()
            .map(|name| zone::find(name).ok_or_else(|| named("expected a time_zone such as Europe/Kyiv".to_owned())));
        Ok(RecurringExport {
            made_for,
            every: Every::parse(&self.every).map_err(|fault| named(format!("every: {fault}")))?,
            time_zone: zone.transpose()?,
            at,
            format: self.format.unwrap_or_else(|| "csv".to_owned()),
            to: ExportPlace::read(&self.to).map_err(&named)?,
            name: self.name,
            report: self.report,
            parameters: self.parameters,
        })
    }
}

/// `hh:mm`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number =
        |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?;
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

impl Value for RecurringExports {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let entries: Vec<RecurringEntry> =
            serde_json::from_str(text).map_err(|why| format!("expected a list of tables: {why}"))?;
        // Whoever mends one fault wants to know of the others.
        let (mut all, mut faults) = (Vec::<RecurringExport>::new(), Vec::new());
        for entry in entries {
            match entry.read() {
                Ok(one) if all.iter().any(|other| other.name == one.name) => {
                    faults.push(format!("{} stands there twice", one.name));
                }
                Ok(one) => all.push(one),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self(all)) } else { Err(faults.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RecurringExports, String> {
        RecurringExports::parse(text)
    }

    #[test]
    fn an_entry_needs_a_name_an_owner_a_report_a_span_and_a_directory() {
        let good = r#"{"name":"a","customer":5,"report":"origination-cdrs","every":"month","to":"/srv"}"#;
        let all = read(&format!("[{good}]")).unwrap();
        let one = &all.0[0];
        assert_eq!((one.made_for, one.every, one.format.as_str()), (RecurringFor::Customer(5), Every::Month, "csv"));
        assert_eq!((one.at, one.time_zone.is_none()), (Time::constant(2, 30, 0, 0), true));
        assert_eq!(read("").unwrap(), RecurringExports::default());
        for (bad, fault) in [
            (good.replace("\"a\"", "\"../a\""), "expected a name"),
            (good.replace("\"a\"", "\"-rf\""), "expected a name"),
            (good.replace("\"a\"", "\"\""), "expected a name"),
            (good.replace("\"customer\":5", "\"operator\":true,\"customer\":5"), "a: expected customer = ID"),
            (good.replace("\"customer\":5,", ""), "a: expected customer = ID"),
            (good.replace("\"month\"", "\"year\""), "a: every: expected one of: day, week, month"),
            (good.replace("\"month\"", "\"month\",\"at\":\"2:30\""), "a: expected at"),
            (good.replace("\"month\"", "\"month\",\"at\":\"24:00\""), "a: expected at"),
            (good.replace("\"month\"", "\"month\",\"time_zone\":\"Kyiv\""), "a: expected a time_zone"),
            (good.replace("\"month\"", "\"month\",\"parameters\":\"a=1&from-time=2\""), "a: from-time does not"),
            (good.replace("\"/srv\"", "\"gs://bucket\""), "a: expected to = a directory, or s3://bucket/prefix"),
            (good.replace("\"to\":\"/srv\"", "\"two\":\"/srv\""), "expected a list of tables: unknown field `two`"),
            (good.replace(",\"to\":\"/srv\"", ""), "expected a list of tables: missing field `to`"),
            (format!("{good},{good}"), "a stands there twice"),
        ] {
            let found = read(&format!("[{bad}]")).unwrap_err();
            assert!(found.starts_with(fault), "{bad}: {found}");
        }
        let both = format!(
            "[{},{}]",
            good.replace("\"month\"", "\"year\""),
            good.replace("\"/srv\"", "\"\"").replace("\"a\"", "\"b\"")
        );
        assert_eq!(
            read(&both).unwrap_err(),
            "a: every: expected one of: day, week, month; b: expected to = a directory, or s3://bucket/prefix"
        );
        assert!(read("month-end").is_err());
    }

    #[test]
    #[cfg(feature = "s3")]
    fn a_bucket_has_a_name_and_a_prefix_of_plain_parts() {
        let place = |to: &str| ExportPlace::read(to);
        for (to, bucket, prefix) in [
            ("s3://month-end", "month-end", ""),
            ("s3://month-end/", "month-end", ""),
            ("s3://Month.End_1/cdrs", "Month.End_1", "cdrs"),
            ("s3://month-end/of=acme/2026/", "month-end", "of=acme/2026"),
        ] {
            let found = place(to).unwrap();
            assert_eq!(found, ExportPlace::Bucket { bucket: bucket.into(), prefix: prefix.into() }, "{to}");
            assert_eq!(found.of("a.csv"), format!("{}/a.csv", to.trim_end_matches('/')));
        }
        for to in [
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://-bucket",
            "s3://buck et",
            "s3://user:key@bucket",
            "s3://a..b",
            "s3://b\u{fc}cket",
        ] {
            assert!(place(to).unwrap_err().contains("with a bucket's name"), "{to}");
        }
        let long = format!("s3://bucket/{}", "x".repeat(513));
        for to in [
            "s3://bucket//x",
            "s3://bucket/../x",
            "s3://bucket/./x",
            "s3://bucket/x//",
            "s3://bucket/a b",
            "s3://bucket/a?b",
            "s3://bucket/a#",
            "s3://bucket/%2e",
            &long,
        ] {
            assert!(place(to).unwrap_err().starts_with("expected a prefix"), "{to}");
        }
    }

    #[test]
    #[cfg(not(feature = "s3"))]
    fn a_build_without_stores_refuses_them() {
        let found =
            read(r#"[{"name":"a","customer":5,"report":"origination-cdrs","every":"month","to":"s3://bucket"}]"#);
        assert_eq!(
            found.unwrap_err(),
            "a: to = \"s3://bucket\" needs cdrscope with stores: this one was built without its feature s3"
        );
    }

    #[test]
    fn a_record_of_a_directory_is_as_it_was() {
        let place = ExportPlace::Directory { dir: PathBuf::from("/srv") };
        let text = r#"{"dir":"/srv"}"#;
        assert_eq!(serde_json::to_string(&place).unwrap(), text);
        assert_eq!(serde_json::from_str::<ExportPlace>(text).unwrap(), place);
    }
}
