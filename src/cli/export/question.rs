//! The question that a file answers: a report, its parameters as the API has them, and a format.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::http::{CUSTOMER_API, OPERATOR_API};
use crate::report::form::{FORMATS, ResultFormat};
use crate::report::{BREAKDOWNS, CDRS, OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, REPORTS, Report};

/// Bytes of parameters that are encoded: all but those that stand for themselves in an address, so that people can read it.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b',').remove(b'/');

/// A question.
#[derive(Debug)]
pub struct Question {
    report: &'static Report,
    is_operators: bool,
    format: ResultFormat,
    /// Names and values, `format` not among them.
    pairs: Vec<(String, String)>,
}

/// The part of the CDRs that a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct CdrPiece<'c> {
    /// The cursor that it goes on behind; from the beginning if absent.
    pub cursor: Option<&'c str>,
    /// CDRs behind which it ends.
    pub rows: u32,
    /// True for the first piece of a file.
    pub is_first: bool,
}

fn operators() -> impl Iterator<Item = &'static Report> {
    OPERATORS_CDRS.iter().chain(OPERATORS_BREAKDOWNS).chain(OPERATORS_STATISTICS)
}

impl Question {
    /// Reads a report's name and its parameters; `output` names the format unless they do.
    ///
    /// # Errors
    /// No such report, a parameter that is no pair, or no format.
    pub fn new(name: &str, parameters: &[String], output: &Path) -> Result<Self, String> {
        let customers = || REPORTS.iter().chain(BREAKDOWNS).chain(CDRS);
        let found = customers().find(|report| report.name == name).map(|report| (report, false));
        let found = found.or_else(|| operators().find(|report| report.path() == name).map(|report| (report, true)));
        let Some((report, is_operators)) = found else {
            let mut names: Vec<&str> =
                customers().map(|report| report.name).chain(operators().map(Report::path)).collect();
            names.sort_unstable();
            names.dedup();
            return Err(format!("no report {name}: there are {}", names.join(", ")));
        };
        let mut pairs = Vec::new();
        for parameter in parameters {
            let pair = parameter.split_once('=').filter(|(name, _)| !name.is_empty());
            let (name, value) =
                pair.ok_or_else(|| format!("{parameter}: expected NAME=VALUE, as in from-time=2026-11-01"))?;
            if pairs.iter().any(|(other, _)| other == name) {
                return Err(format!("{name} stands there twice"));
            }
            pairs.push((name.to_owned(), value.to_owned()));
        }
        let named = pairs.iter().position(|(name, _)| name == "format").map(|place| pairs.remove(place).1);
        // JSON of CDRs is a page: it would look like all of them.
        let formats = || FORMATS.iter().filter(|row| !(report.lists_cdrs() && row.format.is_json()));
        let format = match &named {
            Some(name) => ResultFormat::find(name, formats()),
            None => Self::by_name(output),
        };
        let all = || formats().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let format = format.ok_or_else(|| match &named {
            Some(name) if ResultFormat::find(name, FORMATS.iter()).is_some() => {
                format!("format {name} is a page of CDRs and no file of them: there are {}", all())
            }
            Some(name) => format!("no format {name}: there are {}", all()),
            None => format!("the name of the file tells no format: add format= with one of {}", all()),
        })?;
        Ok(Self { report, is_operators, format, pairs })
    }

    /// The format of a file's name; the longest end counts.
    fn by_name(output: &Path) -> Option<ResultFormat> {
        // Whatever else is no UTF-8 in it, its end may tell.
        let name = output.file_name()?.to_string_lossy().to_ascii_lowercase();
        let ends =
            FORMATS.iter().filter(|row| !row.extension.is_empty() && name.ends_with(&format!(".{}", row.extension)));
        ends.max_by_key(|row| row.extension.len()).map(|row| row.format)
    }

    /// The report's name.
    pub fn report(&self) -> &'static str {
        self.report.name
    }

    /// True if it is asked on the operator's paths.
    pub fn is_operators(&self) -> bool {
        self.is_operators
    }

    /// The format.
    pub fn format(&self) -> ResultFormat {
        self.format
    }

    /// True if the first line has the names of the columns.
    pub fn has_head(&self) -> bool {
        self.format.is_csv() && self.pairs.iter().all(|(name, value)| name != "csv-header" || value != "false")
    }

    /// True for a file that can be put together of pieces: CDRs, as lines of text, packed or not.
    pub fn can_go_on(&self) -> bool {
        let is_text = self.format.is_csv() || self.format == ResultFormat::Ndjson;
        // With a bound of the caller's the file ends there.
        self.report.lists_cdrs() && is_text && self.pairs.iter().all(|(name, _)| name != "limit")
    }

    /// Path and query of the request for all of it.
    pub fn whole(&self) -> String {
        self.request(&self.pairs)
    }

    /// Path and query of the request for a piece.
    pub fn piece(&self, piece: CdrPiece<'_>) -> String {
        let replaced = |name: &str| match name {
            "cursor" => piece.cursor.is_some(),
            // They say how a file begins.
            "csv-header" | "csv-bom" => !piece.is_first,
            _ => false,
        };
        let mut pairs: Vec<(String, String)> = self.pairs.iter().filter(|(name, _)| !replaced(name)).cloned().collect();
        let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
        add("limit", piece.rows.to_string());
        if let Some(cursor) = piece.cursor {
            add("cursor", cursor.to_owned());
        }
        if !piece.is_first && self.format.is_csv() {
            add("csv-header", "false".to_owned());
        }
        self.request(&pairs)
    }

    fn request(&self, pairs: &[(String, String)]) -> String {
        let api = if self.is_operators { OPERATOR_API } else { CUSTOMER_API };
        let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}&", encoded(name), encoded(value))).collect();
        format!("{api}/{}?{}format={}", self.report.path(), query.concat(), self.format.row().name)
    }

    /// A digest of the question, whatever the order of its parameters, by which what is left of a download is known again.
    pub fn digest(&self) -> String {
        let mut pairs = self.pairs.clone();
        pairs.sort_unstable();
        Sha256::digest(self.request(&pairs)).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(parameters: &[&str], output: &str) -> Result<Question, String> {
        let parameters: Vec<String> = parameters.iter().map(|text| (*text).to_owned()).collect();
        Question::new("origination-cdrs", &parameters, Path::new(output))
    }

    #[test]
    fn the_name_of_the_file_is_the_format_unless_there_is_one() {
        for (parameters, output, format) in [
            (&[][..], "calls.csv", Ok(ResultFormat::Csv)),
            (&[], "November.CSV.gz", Ok(ResultFormat::CsvGz)),
            (&[], "/tmp/a.b/calls.xlsx", Ok(ResultFormat::Xlsx)),
            (&["format=ndjson"], "calls.csv", Ok(ResultFormat::Ndjson)),
            (&["format=ndjson"], "-", Ok(ResultFormat::Ndjson)),
            (&[], "-", Err("the name of the file tells no format: add format= with one of ndjson, csv")),
            (&[], "calls.gz", Err("the name of the file tells no format")),
            (&["format=pdf"], "calls.csv", Err("no format pdf: there are ndjson, csv")),
            (
                &["format=rows"],
                "calls.json",
                Err("format rows is a page of CDRs and no file of them: there are ndjson, csv"),
            ),
            (&["format=columns"], "-", Err("format columns is a page of CDRs")),
            (&["from-time"], "calls.csv", Err("from-time: expected NAME=VALUE")),
            (&["=1"], "calls.csv", Err("=1: expected NAME=VALUE")),
            (&["a=1", "a=2"], "calls.csv", Err("a stands there twice")),
        ] {
            match (question(parameters, output), format) {
                (Ok(question), Ok(format)) => assert_eq!(question.format(), format, "{parameters:?} {output}"),
                (Err(found), Err(wanted)) => assert!(found.starts_with(wanted), "{found}"),
                (found, _) => panic!("{parameters:?} {output}: {found:?}"),
            }
        }
        let report = Question::new("origination-statistics", &["format=rows".to_owned()], Path::new("-")).unwrap();
        assert_eq!(report.format(), ResultFormat::Rows);
        let error = Question::new("cdr", &[], Path::new("a.csv")).unwrap_err();
        assert!(error.starts_with("no report cdr: there are breakdown, cdrs, origination-active-calls, "), "{error}");
    }

    #[test]
    fn pieces_are_the_same_question_without_a_second_head() {
        let question = question(&["account-id=a&b", "csv-bom=true", "csv-header=true", "cursor=01"], "x.csv").unwrap();
        let path = "/api/rest/customer/v1/origination-cdrs?account-id=a%26b&";
        assert_eq!(question.whole(), format!("{path}csv-bom=true&csv-header=true&cursor=01&format=csv"));
        let piece = |cursor, is_first| question.piece(CdrPiece { cursor, rows: 5, is_first });
        assert_eq!(piece(None, true), format!("{path}csv-bom=true&csv-header=true&cursor=01&limit=5&format=csv"));
        assert_eq!(piece(Some("02"), false), format!("{path}limit=5&cursor=02&csv-header=false&format=csv"));
    }

    #[test]
    fn the_same_question_in_another_order_has_the_same_digest() {
        let digest = |parameters: &[&str]| question(parameters, "x.csv").unwrap().digest();
        assert_eq!(digest(&["from-time=1", "to-time=2"]), digest(&["to-time=2", "from-time=1"]));
        assert_ne!(digest(&["from-time=1", "to-time=2"]), digest(&["from-time=2", "to-time=1"]));
    }

    #[test]
    fn only_lines_of_cdrs_go_on() {
        let can = |report: &str, parameters: &[&str], output: &str| {
            let parameters: Vec<String> = parameters.iter().map(|text| (*text).to_owned()).collect();
            Question::new(report, &parameters, Path::new(output)).unwrap().can_go_on()
        };
        for output in ["a.csv", "a.csv.gz", "a.csv.zst", "a.ndjson"] {
            assert!(can("origination-cdrs", &[], output) && can("cdrs", &[], output), "{output}");
            assert!(!can("origination-statistics", &[], output) && !can("cdrs", &["limit=5"], output), "{output}");
        }
        for output in ["a.xlsx", "a.parquet", "a.arrow"] {
            assert!(!can("origination-cdrs", &[], output), "{output}");
        }
    }
}
