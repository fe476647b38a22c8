//! Random tables in each format of files hold the same values; each is read by a reader of the test's own.

use std::io::Read as _;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::rows::{CellKind, FileCell, FileColumn, FileRows};
use super::xlsx::{self, Cover, SetAside};
use super::{AnyWriter, Produce};
use crate::report::form::{CsvDialect, CsvSeparator, ResultForm, ResultFormat};
use crate::report::measure::Number;

/// Rows that are there.
#[derive(Clone, Debug)]
struct Listed {
    columns: Arc<[FileColumn]>,
    rows: Arc<[Vec<FileCell>]>,
    next: usize,
}

impl Listed {
    fn new(kinds: &[CellKind], rows: Vec<Vec<FileCell>>) -> Self {
        let columns = kinds.iter().enumerate().map(|(place, kind)| FileColumn::new(format!("c{place}"), *kind));
        Self { columns: columns.collect(), rows: rows.into(), next: 0 }
    }
}

impl FileRows for Listed {
    fn columns(&self) -> &Arc<[FileColumn]> {
        &self.columns
    }

    fn count(&self) -> usize {
        self.rows.len()
    }

    fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
        let Some(row) = self.rows.get(self.next) else { return false };
        cells.extend(row.iter().cloned());
        self.next += 1;
        true
    }
}

/// A cell as the test expects to read it.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Null,
    Text(String),
    Digits(String),
}

fn expected(cell: &FileCell) -> Expected {
    let scaled = |value: i128, decimals: usize| {
        let digits = format!("{:0>width$}", value.unsigned_abs(), width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        let part = part.trim_end_matches('0');
        format!("{}{whole}.{}", if value < 0 { "-" } else { "" }, if part.is_empty() { "0" } else { part })
    };
    match cell {
        FileCell::Null => Expected::Null,
        FileCell::Text(bytes) => Expected::Text(String::from_utf8_lossy(bytes).into_owned()),
        FileCell::Number(Number::Whole(value)) => Expected::Digits(value.to_string()),
        FileCell::Number(Number::Hundredths(value)) => Expected::Digits(scaled(*value, 2)),
        FileCell::Number(Number::Decimal(value, decimals)) => Expected::Digits(scaled(*value, (*decimals).into())),
        FileCell::Number(Number::Null) => unreachable!("a null is no number"),
        FileCell::Digits(digits) => Expected::Digits(String::from_utf8(digits.clone()).unwrap()),
        FileCell::Flag(flag) => Expected::Digits(flag.to_string()),
        FileCell::Time(at) => Expected::Digits(at.to_string()),
    }
}

fn whole(mut writer: impl Produce) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let mut piece = Vec::new();
        let more = writer.produce(&mut piece);
        out.append(&mut piece);
        if !more {
            return out;
        }
    }
}

/// Records of RFC 4180: of each field its text, and whether it stood in quotes.
fn csv(text: &str, separator: char) -> Vec<Vec<(String, bool)>> {
    let (mut records, mut letters) = (Vec::new(), text.chars().peekable());
    while letters.peek().is_some() {
        let mut record = Vec::new();
        loop {
            let (mut field, is_quoted) = (String::new(), letters.next_if_eq(&'"').is_some());
            let mut inside = is_quoted;
            loop {
                match letters.next().expect("every line ends") {
                    '"' if inside && letters.next_if_eq(&'"').is_some() => field.push('"'),
                    '"' if inside => inside = false,
                    letter if inside => field.push(letter),
                    letter if letter == separator => {
                        record.push((field, is_quoted));
                        break;
                    }
                    '\r' => {
                        assert_eq!(letters.next(), Some('\n'), "lines end with CRLF");
                        record.push((field, is_quoted));
                        records.push(std::mem::take(&mut record));
                        break;
                    }
                    letter => {
                        assert!(!is_quoted && letter != '"' && letter != '\n', "{letter:?} behind {field:?}");
                        field.push(letter);
                    }
                }
            }
            if record.is_empty() {
                break;
            }
        }
    }
    records
}

/// The rule of the contract in the words of a regular expression.
fn guarded(text: &str) -> String {
    let is_formula = regex::Regex::new("^[=+\\-@\t\r\n]").unwrap().is_match(text);
    let is_number = regex::Regex::new(r"\A[+-]?[0-9]+\z").unwrap().is_match(text);
    if is_formula && !is_number { format!("'{text}") } else { text.to_owned() }
}

fn cover() -> Cover {
    Cover {
        zone: TimeZone::get("Europe/Kyiv").unwrap(),
        lines: vec![["url".into(), "/x".into()]],
        defined: "measure",
        definitions: vec![],
    }
}

/// The cells of a sheet by their names, with the types that the workbook gives them.
fn sheet(mut workbook: &std::fs::File, number: usize) -> std::collections::BTreeMap<String, (String, String)> {
    let mut zip = zip::ZipArchive::new(&mut workbook).unwrap();
    let mut xml = String::new();
    zip.by_name(&format!("xl/worksheets/sheet{number}.xml")).unwrap().read_to_string(&mut xml).unwrap();
    let cell = regex::Regex::new(
        r#"(?s)<c r="([A-Z]+[0-9]+)"[^>]*?(?: t="(\w+)")?>(?:<is><t[^>]*>(.*?)</t></is>|<v>(.*?)</v>)</c>"#,
    );
    let text = |found: &regex::Captures<'_>, place| found.get(place).map_or("", |text| text.as_str()).to_owned();
    let cells = cell.unwrap();
    let cells = cells.captures_iter(&xml).map(|found| {
        let value = if found.get(3).is_some() { unescaped(&text(&found, 3)) } else { text(&found, 4) };
        (text(&found, 1), (text(&found, 2), value))
    });
    cells.collect()
}

/// Text as XML and Excel write it, back as it was.
fn unescaped(text: &str) -> String {
    let hex = regex::Regex::new("_x([0-9A-F]{4})_").unwrap();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let letter =
        |found: &regex::Captures<'_>| char::from_u32(u32::from_str_radix(&found[1], 16).unwrap()).unwrap().to_string();
    hex.replace_all(&text, letter).into_owned()
}

fn number() -> impl Strategy<Value = Number> {
    let sized =
        || prop_oneof![-100_000..100_000_i128, any::<i64>().prop_map(i128::from), any::<i128>().prop_map(|n| n / 2)];
    prop_oneof![
        sized().prop_map(Number::Whole),
        sized().prop_map(Number::Hundredths),
        (sized(), 1..=9_u8).prop_map(|(value, decimals)| Number::Decimal(value, decimals)),
    ]
}

fn text() -> impl Strategy<Value = FileCell> {
    let nasty =
        ["=cmd|'/C calc'!A0", "+44 20", "-1", "+4420", "@SUM(A1)", "\tx", "\r", "a\"b", ",", ";", "\n", "", "1,5"];
    let nasty = nasty.into_iter().chain(["12345678901234567890", "📞", "_x0041_", " x ", "'=1", "\u{0}", "&lt;"]);
    let nasty = proptest::sample::select(nasty.collect::<Vec<_>>()).prop_map(str::to_owned);
    prop_oneof![nasty, ".{0,12}"].prop_map(|text| FileCell::Text(text.into_bytes().into()))
}

fn cell(kind: CellKind) -> BoxedStrategy<FileCell> {
    let some = match kind {
        CellKind::Text => text().boxed(),
        CellKind::Code => any::<u32>().prop_map(|id| FileCell::Number(Number::Whole(id.into()))).boxed(),
        CellKind::Number => number().prop_map(FileCell::Number).boxed(),
        CellKind::Flag => any::<bool>().prop_map(FileCell::Flag).boxed(),
        CellKind::Epoch | CellKind::Instant => (0..4_000_000_000_i64).prop_map(FileCell::Time).boxed(),
    };
    prop_oneof![1 => Just(FileCell::Null), 4 => some].boxed()
}

fn table() -> impl Strategy<Value = Listed> {
    let kinds = [CellKind::Text, CellKind::Code, CellKind::Number, CellKind::Flag, CellKind::Epoch];
    let kinds = prop::collection::vec(proptest::sample::select(kinds.to_vec()), 1..6);
    kinds.prop_flat_map(|kinds| {
        let row = kinds.iter().map(|kind| cell(*kind)).collect::<Vec<_>>();
        prop::collection::vec(row, 0..12).prop_map(move |rows| Listed::new(&kinds, rows))
    })
}

fn dialect() -> impl Strategy<Value = CsvDialect> {
    let separator = proptest::sample::select(CsvSeparator::ALL.map(|(_, separator)| separator).to_vec());
    (separator, any::<bool>(), any::<bool>()).prop_map(|(separator, decimal_comma, bom)| CsvDialect {
        separator,
        decimal_comma,
        bom,
        headless: false,
    })
}

proptest! {
    #[test]
    fn lines_of_json_hold_the_values(table in table()) {
        let writer = AnyWriter::of_rows(table.clone(), ResultForm::of(ResultFormat::Ndjson)).unwrap();
        let text = String::from_utf8(whole(writer)).unwrap();
        prop_assert!(text.is_empty() || text.ends_with('\n'));
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        prop_assert_eq!(lines.len(), table.rows.len());
        for (line, row) in lines.iter().zip(table.rows.iter()) {
            let fields: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
            for (place, cell) in row.iter().enumerate() {
                let raw = fields[&format!("c{place}")].get();
                let value = match raw {
                    "null" => Expected::Null,
                    text if text.starts_with('"') => Expected::Text(serde_json::from_str(text).unwrap()),
                    digits => Expected::Digits(digits.to_owned()),
                };
                prop_assert_eq!(value, expected(cell));
            }
        }
    }

    #[test]
    fn csv_of_every_dialect_holds_the_values(table in table(), dialect in dialect()) {
        let form = ResultForm { csv: dialect, ..ResultForm::of(ResultFormat::Csv) };
        let text = String::from_utf8(whole(AnyWriter::of_rows(table.clone(), form).unwrap())).unwrap();
        prop_assert_eq!(text.starts_with('\u{feff}'), dialect.bom);
        let records = csv(text.trim_start_matches('\u{feff}'), char::from(dialect.separator.byte()));
        prop_assert_eq!(records.len(), table.rows.len() + 1);
        for (record, row) in records[1..].iter().zip(table.rows.iter()) {
            prop_assert_eq!(record.len(), row.len());
            for ((field, is_quoted), cell) in record.iter().zip(row) {
                match expected(cell) {
                    Expected::Null => prop_assert!(field.is_empty() && !is_quoted),
                    Expected::Text(text) => {
                        prop_assert_eq!(field, &guarded(&text));
                        prop_assert!(!text.is_empty() || *is_quoted, "an empty text is no null");
                    }
                    Expected::Digits(digits) => {
                        let comma = dialect.decimal_comma && matches!(cell, FileCell::Number(_));
                        prop_assert_eq!(field, &if comma { digits.replace('.', ",") } else { digits });
                    }
                }
            }
        }
    }

    #[test]
    fn workbooks_hold_the_values_with_their_types(table in table()) {
        let folder = tempfile::tempdir().unwrap();
        let write = || xlsx::write(table.clone(), &cover(), SetAside::unbounded(folder.path()), &|| true).unwrap();
        let file = write();
        let bytes = |file: &std::fs::File| {
            use std::os::unix::fs::FileExt as _;
            let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        };
        prop_assert!(bytes(&file) == bytes(&write()), "the same rows are the same bytes");
        let cells = sheet(&file, 1);
        for (line, row) in table.rows.iter().enumerate() {
            let mut letter = b'A';
            for (cell, column) in row.iter().zip(table.columns.iter()) {
                let found = cells.get(&format!("{}{}", char::from(letter), line + 2)).cloned();
                letter += if column.kind == CellKind::Epoch { 2 } else { 1 };
                let (kind, value) = match (expected(cell), found) {
                    (Expected::Null, found) => {
                        prop_assert_eq!(found, None);
                        continue;
                    }
                    // A cell has no empty text.
                    (Expected::Text(text), None) => {
                        prop_assert_eq!(text, "");
                        continue;
                    }
                    (Expected::Text(text), Some(found)) => {
                        prop_assert_eq!(found, ("inlineStr".to_owned(), text));
                        continue;
                    }
                    (Expected::Digits(digits), found) => (found.unwrap(), digits),
                };
                match cell {
                    FileCell::Flag(flag) => prop_assert_eq!(kind, ("b".to_owned(), u8::from(*flag).to_string())),
                    FileCell::Time(at) => {
                        let zone = TimeZone::get("Europe/Kyiv").unwrap();
                        let local = zone.to_datetime(jiff::Timestamp::from_second(*at).unwrap());
                        let since = local.duration_since(jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0));
                        let seconds = kind.1.parse::<f64>().unwrap() * 86_400.0;
                        prop_assert_eq!(seconds.round() as i64, since.as_secs());
                    }
                    _ if column.kind == CellKind::Code => prop_assert_eq!(kind, ("inlineStr".to_owned(), value)),
                    _ => {
                        let digits = value.chars().filter(char::is_ascii_digit).collect::<String>();
                        if digits.trim_start_matches('0').len() <= 15 {
                            prop_assert_eq!(kind.0, "");
                            prop_assert_eq!(kind.1.parse::<f64>().unwrap(), value.parse::<f64>().unwrap());
                        } else if kind.0 == "inlineStr" {
                            prop_assert_eq!(kind.1, value);
                        } else {
                            prop_assert!(value.ends_with('0'), "a float of {}", value);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn cells_that_a_spreadsheet_would_calculate_have_an_apostrophe_in_csv() {
    let cells = ["=cmd|'/C calc'!A0", "+44 20", "-1", "@SUM(A1)", "\tx", "a,b", "12345678901234567890", "📞", "+4420"];
    let rows = cells.map(|cell| vec![FileCell::Text(cell.as_bytes().into())]).to_vec();
    let table = Listed::new(&[CellKind::Text], rows);
    let text = whole(AnyWriter::of_rows(table, ResultForm::of(ResultFormat::Csv)).unwrap());
    let wanted = "c0\r\n'=cmd|'/C calc'!A0\r\n'+44 20\r\n-1\r\n'@SUM(A1)\r\n'\tx\r\n\"a,b\"\r\n12345678901234567890\r\n📞\r\n+4420\r\n";
    assert_eq!(String::from_utf8(text).unwrap(), wanted);
}
