//! Recurring exports: `[[exports.recurring]]` in the settings' file, a list of objects in JSON elsewhere.

use std::path::PathBuf;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Deserialize;

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
    /// The directory for its files.
    pub to: PathBuf,
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
        if self.to.is_empty() || self.to.contains("://") {
            return Err(named("expected to = a directory".to_owned()));
        }
        Ok(RecurringExport {
            made_for,
            every: Every::parse(&self.every).map_err(|fault| named(format!("every: {fault}")))?,
            time_zone: zone.transpose()?,
            at,
            format: self.format.unwrap_or_else(|| "csv".to_owned()),
            to: PathBuf::from(self.to),
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
            (good.replace("\"/srv\"", "\"s3://bucket\""), "a: expected to"),
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
            "a: every: expected one of: day, week, month; b: expected to = a directory"
        );
        assert!(read("month-end").is_err());
    }
}
