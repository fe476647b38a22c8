//! Workbooks of Excel: rows go through files without a name, so that a million of them take no memory. The same rows are the same
//! bytes: a workbook holds no clock.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, IgnoreError, Workbook, Worksheet, XlsxError};

use super::json;
use super::rows::{BrokenRows, CellKind, FileCell, FileColumn, FileRows, RowStream};
use crate::query::zone;
use crate::report::measure::Number;

/// Rows of a sheet, its heading among them.
const SHEET_ROWS: u32 = 1_048_576;

/// Most characters of a cell.
const LONGEST_TEXT: usize = 32_767;

/// Whole numbers below this have as many digits as a cell keeps.
const EXACT: i128 = 1_000_000_000_000_000;

/// Days from the calendar's beginning in Excel to 1970.
const EPOCH_DAY: f64 = 25_569.0;

/// The first second of the year 10000, where Excel's calendar ends.
const LAST_DATE: i64 = 253_402_300_800;

/// Rows between two looks at whether anybody still waits.
const ROWS_BETWEEN_LOOKS: u32 = 1_024;

/// Bytes of temporary files that a cell takes at most, texts beyond their first hundred bytes apart.
const CELL_BYTES: u64 = 160;

/// The sheet that says what was asked.
#[derive(Clone, Debug)]
pub struct Cover {
    /// The zone of dates.
    pub zone: TimeZone,
    /// Names and values, a line each.
    pub lines: Vec<[String; 2]>,
    /// The word for what is defined: measure or column.
    pub defined: &'static str,
    /// Name, heading, unit and definition of each.
    pub definitions: Vec<[String; 4]>,
}

/// Why a workbook was not written.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookFault {
    /// A text that no cell holds.
    #[error("column {0} has a text of more than {LONGEST_TEXT} characters")]
    LongText(String),
    /// It would take more of the folder than was set aside for it.
    #[error("texts are longer than was set aside for")]
    Large,
    /// There are more rows, which cannot be had.
    #[error(transparent)]
    Rows(#[from] BrokenRows),
    /// Nobody waits for it any more.
    #[error("nobody waits for the workbook")]
    Abandoned,
    /// The library refused something.
    #[error("the workbook cannot be written")]
    Library(#[from] XlsxError),
    /// The folder does not take files.
    #[error("the workbook's file cannot be written")]
    File(#[from] std::io::Error),
}

/// An upper bound of the bytes of temporary files for a workbook, as far as texts are short.
pub fn most_bytes(rows: &impl FileRows) -> u64 {
    // A column of times is two.
    let columns = rows.columns().iter().map(|column| if is_time(column.kind) { 2 } else { 1 }).sum::<u64>();
    (rows.count() as u64 + 1) * columns * CELL_BYTES + (1 << 16)
}

/// The folder of a workbook's temporary files, and the bytes that its cells may take there.
#[derive(Clone, Copy, Debug)]
pub struct SetAside<'f> {
    /// The folder.
    pub folder: &'f Path,
    /// Bytes.
    pub bytes: u64,
}

impl<'f> SetAside<'f> {
    /// A folder in which texts may be of any length.
    pub fn unbounded(folder: &'f Path) -> Self {
        Self { folder, bytes: u64::MAX }
    }
}

/// Writes a workbook into a new file without a name in a folder.
///
/// # Errors
/// A text is too long, all of them are longer than what is set aside, there are rows that cannot be had, the folder takes no files,
/// or `goes_on` says that nobody waits. A disk that is full makes the library panic.
pub fn write(
    rows: impl RowStream,
    cover: &Cover,
    place: SetAside<'_>,
    goes_on: &dyn Fn() -> bool,
) -> Result<File, WorkbookFault> {
    write_in(SHEET_ROWS, rows, cover, place, goes_on)
}

fn write_in(
    sheet_rows: u32,
    mut rows: impl RowStream,
    cover: &Cover,
    SetAside { folder, bytes: mut left }: SetAside<'_>,
    goes_on: &dyn Fn() -> bool,
) -> Result<File, WorkbookFault> {
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    let created = ExcelDateTime::from_ymd(1980, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let columns = SheetColumn::of(rows.heading(), &cover.zone);
    let styles = Styles::new();
    let mut cells = Vec::new();
    let mut more = rows.next_row(&mut cells)?;
    for place in 1_u32.. {
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(if place == 1 { "Data".to_owned() } else { format!("Data {place}") })?;
        begin(sheet, &columns, &styles)?;
        let mut row = 1;
        while more && row < sheet_rows {
            for (number, column) in (0_u16..).zip(&columns) {
                if let Some(cell) = cells.get(column.source) {
                    left = left.checked_sub(bytes_of(cell)).ok_or(WorkbookFault::Large)?;
                    put(sheet, (row, number), cell, (column, cover), &styles)?;
                }
            }
            if row % ROWS_BETWEEN_LOOKS == 0 && !goes_on() {
                return Err(WorkbookFault::Abandoned);
            }
            row += 1;
            cells.clear();
            more = rows.next_row(&mut cells)?;
        }
        end(sheet, &columns, row - 1)?;
        if !more {
            break;
        }
    }
    put_cover(workbook.add_worksheet_with_constant_memory()?, cover, &styles)?;
    let mut file = BufWriter::new(tempfile::tempfile_in(folder)?);
    workbook.save_to_writer(&mut file)?;
    file.flush()?;
    Ok(file.into_inner().map_err(std::io::IntoInnerError::into_error)?)
}

/// The looks of cells.
struct Styles {
    heading: Format,
    date: Format,
    text: Format,
    /// Numbers of so many decimals.
    decimals: [Format; 10],
}

impl Styles {
    fn new() -> Self {
        let decimals = std::array::from_fn(|places| match places {
            0 => Format::new().set_num_format("0"),
            places => Format::new().set_num_format(format!("0.{}", "0".repeat(places))),
        });
        Self {
            heading: Format::new().set_bold(),
            date: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            text: Format::new().set_num_format("@"),
            decimals,
        }
    }

    fn number(&self, decimals: u8) -> &Format {
        self.decimals.get(usize::from(decimals)).unwrap_or(&self.text)
    }
}

/// A column of a sheet.
struct SheetColumn {
    heading: String,
    /// The place of the result's column.
    source: usize,
    kind: CellKind,
    /// True if its dates are those of UTC.
    is_utc: bool,
}

fn is_time(kind: CellKind) -> bool {
    matches!(kind, CellKind::Epoch | CellKind::Instant)
}

impl SheetColumn {
    /// The columns of a result: of times two, by the wall clock of the zone and in UTC, unless the zone is that.
    fn of(columns: &[FileColumn], zone: &TimeZone) -> Vec<Self> {
        let name = zone.iana_name().unwrap_or("UTC");
        let is_utc = matches!(name, "UTC" | "Etc/UTC");
        let mut all = Vec::new();
        for (source, FileColumn { name: heading, kind }) in columns.iter().enumerate() {
            let column = |heading: String, is_utc| Self { heading, source, kind: *kind, is_utc };
            if !is_time(*kind) {
                all.push(column(heading.to_string(), false));
                continue;
            }
            if !is_utc {
                all.push(column(format!("{heading} ({name})"), false));
            }
            all.push(column(format!("{heading} (UTC)"), true));
        }
        all
    }

    /// Its width, in characters.
    fn width(&self) -> f64 {
        // The button of the filter stands beside the heading.
        let heading = self.heading.chars().count() + 4;
        heading.clamp(if is_time(self.kind) { 20 } else { 10 }, 60) as f64
    }
}

fn begin(sheet: &mut Worksheet, columns: &[SheetColumn], styles: &Styles) -> Result<(), XlsxError> {
    sheet.set_freeze_panes(1, 0)?;
    for (number, column) in (0_u16..).zip(columns) {
        sheet.set_column_width(number, column.width())?;
        sheet.write_string_with_format(0, number, &column.heading, &styles.heading)?;
    }
    Ok(())
}

fn end(sheet: &mut Worksheet, columns: &[SheetColumn], last_row: u32) -> Result<(), XlsxError> {
    let Some(last) = u16::try_from(columns.len()).ok().and_then(|count| count.checked_sub(1)) else { return Ok(()) };
    sheet.autofilter(0, 0, last_row, last)?;
    sheet.ignore_error_range(0, 0, last_row, last, IgnoreError::NumberStoredAsText)?;
    Ok(())
}

/// Bytes that a cell takes of a sheet's file at most, and its share of the row's.
fn bytes_of(cell: &FileCell) -> u64 {
    const MARKUP: u64 = 64;
    // As entities or escapes of control characters.
    let longer = |byte: &&u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'' | 0..32);
    MARKUP
        + match cell {
            FileCell::Text(text) => text.len() as u64 + 6 * text.iter().filter(longer).count() as u64,
            FileCell::Null | FileCell::Number(_) | FileCell::Digits(_) | FileCell::Flag(_) | FileCell::Time(_) => 0,
        }
}

fn put(
    sheet: &mut Worksheet,
    (row, number): (u32, u16),
    cell: &FileCell,
    (column, cover): (&SheetColumn, &Cover),
    styles: &Styles,
) -> Result<(), WorkbookFault> {
    let mut text = |text: &str| -> Result<(), WorkbookFault> {
        if text.encode_utf16().count() > LONGEST_TEXT {
            return Err(WorkbookFault::LongText(column.heading.clone()));
        }
        sheet.write_string_with_format(row, number, text, &styles.text)?;
        Ok(())
    };
    match cell {
        FileCell::Null => return Ok(()),
        FileCell::Text(bytes) => return text(&String::from_utf8_lossy(bytes)),
        FileCell::Number(value) => match exact(*value).filter(|_| column.kind == CellKind::Number) {
            Some((value, decimals)) => sheet.write_number_with_format(row, number, value, styles.number(decimals))?,
            None => {
                let mut digits = Vec::new();
                json::number(&mut digits, *value, true);
                return text(&String::from_utf8_lossy(&digits));
            }
        },
        FileCell::Digits(digits) => {
            let digits = String::from_utf8_lossy(digits);
            match exact_digits(&digits).filter(|_| column.kind == CellKind::Number) {
                Some(value) => sheet.write_number(row, number, value)?,
                None => return text(&digits),
            }
        }
        FileCell::Flag(flag) => sheet.write_boolean(row, number, *flag)?,
        FileCell::Time(at) if !(0..LAST_DATE).contains(at) => return text(&at.to_string()),
        FileCell::Time(at) => {
            let offset = if column.is_utc { 0 } else { cover.zone.to_offset(zone::timestamp(*at)).seconds() };
            let day = (at + i64::from(offset)) as f64 / 86_400.0 + EPOCH_DAY;
            sheet.write_number_with_format(row, number, day, &styles.date)?
        }
    };
    Ok(())
}

/// A number as a cell keeps it, with its decimals; `None` where it has more than 15 digits.
fn exact(number: Number) -> Option<(f64, u8)> {
    let (mut units, mut decimals) = match number {
        Number::Whole(value) => (value, 0),
        Number::Hundredths(value) => (value, 2),
        Number::Decimal(value, decimals) => (value, decimals),
        Number::Null => return None,
    };
    // Zeros at the end are no digits of the JSON.
    while units.abs() >= EXACT && decimals > 0 && units % 10 == 0 {
        (units, decimals) = (units / 10, decimals - 1);
    }
    // Both are exact as floats, so the quotient is the nearest float of the number.
    (units.abs() < EXACT).then(|| (units as f64 / 10_f64.powi(decimals.into()), decimals))
}

/// The same of a number as ClickHouse wrote it.
fn exact_digits(text: &str) -> Option<f64> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits.trim_start_matches('0').len() <= 15).then(|| text.parse().ok().filter(|value: &f64| value.is_finite()))?
}

fn put_cover(sheet: &mut Worksheet, cover: &Cover, styles: &Styles) -> Result<(), XlsxError> {
    sheet.set_name("Query")?;
    for (column, width) in [24.0, 40.0, 16.0, 100.0].into_iter().enumerate() {
        sheet.set_column_width(column as u16, width)?;
    }
    let mut row = 0;
    for [name, value] in &cover.lines {
        sheet.write_string_with_format(row, 0, name, &styles.heading)?;
        // A URL may be longer than a cell.
        let letters: Vec<char> = value.chars().collect();
        for part in letters.chunks(LONGEST_TEXT / 2) {
            sheet.write_string_with_format(row, 1, part.iter().collect::<String>(), &styles.text)?;
            row += 1;
        }
        row += u32::from(letters.is_empty());
    }
    row += 1;
    for (column, heading) in (0_u16..).zip([cover.defined, "heading", "unit", "definition"]) {
        sheet.write_string_with_format(row, column, heading, &styles.heading)?;
    }
    for definition in &cover.definitions {
        row += 1;
        for (column, text) in (0_u16..).zip(definition) {
            sheet.write_string_with_format(row, column, text, &styles.text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use super::*;

    /// So many rows of their own number.
    #[derive(Clone)]
    struct Counted(Arc<[FileColumn]>, u32, u32);

    impl FileRows for Counted {
        fn columns(&self) -> &Arc<[FileColumn]> {
            &self.0
        }

        fn count(&self) -> usize {
            self.1 as usize
        }

        fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
            self.2 += 1;
            cells.push(FileCell::Number(Number::Whole(self.2.into())));
            self.2 <= self.1
        }
    }

    fn counted(count: u32) -> Counted {
        Counted([FileColumn::new("n", CellKind::Number)].into(), count, 0)
    }

    fn cover() -> Cover {
        let lines = vec![["url".to_owned(), "/?".repeat(40_000)]];
        Cover { zone: TimeZone::UTC, lines, defined: "measure", definitions: Vec::new() }
    }

    /// Rows of each sheet, the last that of the query.
    fn rows_of(file: &File) -> Vec<usize> {
        let mut zip = zip::ZipArchive::new(file).unwrap();
        let sheets = (1..).map_while(|number| {
            let mut xml = String::new();
            zip.by_name(&format!("xl/worksheets/sheet{number}.xml")).ok()?.read_to_string(&mut xml).unwrap();
            Some(xml.matches("<row ").count())
        });
        sheets.collect()
    }

    #[test]
    fn rows_beyond_a_sheet_go_to_further_ones() {
        let folder = tempfile::tempdir().unwrap();
        for (rows, sheets) in [(0, &[1][..]), (3, &[4]), (4, &[5]), (5, &[5, 2]), (8, &[5, 5]), (9, &[5, 5, 2])] {
            let file = write_in(5, counted(rows), &cover(), SetAside::unbounded(folder.path()), &|| true).unwrap();
            let found = rows_of(&file);
            assert_eq!(found.split_last().unwrap().1, sheets, "{rows}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file has a name");
    }

    /// The rows of full size: a heading and 1,048,575 rows fill a sheet.
    #[test]
    fn a_sheet_holds_what_a_sheet_of_excel_does() {
        let folder = tempfile::tempdir().unwrap();
        for (rows, sheets) in [(1_048_575, &[1_048_576][..]), (1_200_000, &[1_048_576, 151_426])] {
            let file = write(counted(rows), &cover(), SetAside::unbounded(folder.path()), &|| true).unwrap();
            assert_eq!(rows_of(&file).split_last().unwrap().1, sheets, "{rows}");
        }
    }

    #[test]
    fn a_workbook_that_nobody_waits_for_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let given_up = write(counted(5_000), &cover(), SetAside::unbounded(folder.path()), &|| false);
        assert!(matches!(given_up, Err(WorkbookFault::Abandoned)), "{given_up:?}");
        let nowhere = write(counted(1), &cover(), SetAside::unbounded(&folder.path().join("nowhere")), &|| true);
        assert!(matches!(nowhere, Err(WorkbookFault::Library(_))), "{nowhere:?}");
    }

    #[test]
    fn a_workbook_takes_no_more_than_was_set_aside_and_has_no_rows_that_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let within = |bytes| write(counted(1_000), &cover(), SetAside { folder: folder.path(), bytes }, &|| true);
        assert!(within(64_000).is_ok());
        assert!(matches!(within(63_999), Err(WorkbookFault::Large)));
        /// Three rows, and no end.
        struct Cut(Counted);
        impl RowStream for Cut {
            fn heading(&self) -> &Arc<[FileColumn]> {
                &self.0.0
            }
            fn next_row(&mut self, cells: &mut Vec<FileCell>) -> Result<bool, BrokenRows> {
                self.0.next(cells).then_some(true).ok_or(BrokenRows)
            }
        }
        let cut = write(Cut(counted(3)), &cover(), SetAside::unbounded(folder.path()), &|| true);
        assert!(matches!(cut, Err(WorkbookFault::Rows(BrokenRows))), "{cut:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn numbers_beyond_fifteen_digits_are_no_floats() {
        assert_eq!(exact(Number::Hundredths(999_999_999_999_999)), Some((9_999_999_999_999.99, 2)));
        assert_eq!(exact(Number::Whole(EXACT)), None);
        assert_eq!(exact(Number::Decimal(-7_674_553_895_314_250, 2)), Some((-76_745_538_953_142.5, 1)));
        assert_eq!(exact(Number::Decimal(-7_674_553_895_314_251, 2)), None);
        assert_eq!(exact(Number::Decimal(-5, 6)), Some((-0.000_005, 6)));
        assert_eq!(exact_digits("0.012"), Some(0.012));
        assert_eq!(exact_digits("1234567890.123456"), None);
        assert_eq!(exact_digits("1e999"), None);
    }

    #[test]
    fn a_text_that_no_cell_holds_is_refused_and_not_cut() {
        #[derive(Clone)]
        struct Long(Counted);
        impl FileRows for Long {
            fn columns(&self) -> &Arc<[FileColumn]> {
                self.0.columns()
            }
            fn count(&self) -> usize {
                1
            }
            fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
                cells.push(FileCell::Text(vec![b'x'; 32_768].into()));
                true
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let refused = write(Long(counted(1)), &cover(), SetAside::unbounded(folder.path()), &|| true);
        assert!(matches!(&refused, Err(WorkbookFault::LongText(column)) if column == "n"), "{refused:?}");
    }
}
