//! The formats of results: one row each, with every word by which callers and clients know it. A new format is a row here and a
//! file in `format/`.

/// All that is known of a format.
#[derive(Debug)]
pub struct FormatRow {
    /// The format.
    pub format: ResultFormat,
    /// Its name as a value of the parameter `format`.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The media types of `Accept` that choose it; empty where only its name does. The first is that of its `Content-Type`.
    pub media_types: &'static [&'static str],
    /// The end of the names of its files, without the point; empty where it is no file but an answer.
    pub extension: &'static str,
    /// True if it is packed already, so that a content coding would only take time.
    pub is_packed: bool,
    /// True if reports and breakdowns have it, and not calls alone.
    pub of_reports: bool,
    /// The format in which ClickHouse writes files of raw CDRs for it; the service packs them, or makes a workbook of them.
    pub clickhouse: &'static str,
}

const fn json(format: ResultFormat, name: &'static str, media_types: &'static [&'static str]) -> FormatRow {
    FormatRow {
        format,
        name,
        content_type: "application/json; charset=utf-8",
        media_types,
        extension: "",
        is_packed: false,
        of_reports: true,
        clickhouse: "JSONEachRow",
    }
}

const fn text(
    format: ResultFormat,
    (name, clickhouse): (&'static str, &'static str),
    content_type: &'static str,
    media_types: &'static [&'static str],
) -> FormatRow {
    let (extension, is_packed, of_reports) = (name, false, true);
    FormatRow { format, name, content_type, media_types, extension, is_packed, of_reports, clickhouse }
}

const fn packed(
    format: ResultFormat,
    (name, clickhouse): (&'static str, &'static str),
    media_types: &'static [&'static str; 1],
) -> FormatRow {
    let [content_type] = *media_types;
    FormatRow { is_packed: true, ..text(format, (name, clickhouse), content_type, media_types) }
}

const fn of_calls(
    format: ResultFormat,
    names: (&'static str, &'static str),
    media_types: &'static [&'static str; 1],
) -> FormatRow {
    FormatRow { of_reports: false, ..packed(format, names, media_types) }
}

macro_rules! formats {
    ($($(#[$doc:meta])+ $format:ident $kind:ident($($known:expr),+))+) => {
        /// A format of a result; its row is [`ResultFormat::row`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum ResultFormat {
            $($(#[$doc])+ $format,)+
        }

        /// The catalogue, in the order of [`ResultFormat`]; where `Accept` likes two equally, the earlier is chosen.
        pub static FORMATS: &[FormatRow] = &[$($kind(ResultFormat::$format, $($known),+),)+];
    };
}

// Portals of Yeti's ask for JSON:API.
formats! {
    /// JSON, column by column.
    #[default]
    Columns json("columns", &["application/json", "application/vnd.api+json", "text/json"])
    /// JSON, an array of objects.
    Rows json("rows", &[])
    /// JSON, an object a line.
    Ndjson text(("ndjson", "JSONEachRow"), "application/x-ndjson", &["application/x-ndjson", "application/ndjson", "application/jsonl"])
    /// Comma-separated values, RFC 4180.
    Csv text(("csv", "CSVWithNames"), "text/csv; charset=utf-8", &["text/csv"])
    /// The same, packed with gzip.
    CsvGz packed(("csv.gz", "CSVWithNames"), &["application/gzip"])
    /// The same, packed with Zstandard.
    CsvZst packed(("csv.zst", "CSVWithNames"), &["application/zstd"])
    /// A workbook of Excel.
    Xlsx packed(("xlsx", "TabSeparated"), &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"])
    /// Apache Parquet.
    Parquet of_calls(("parquet", "Parquet"), &["application/vnd.apache.parquet"])
    /// Apache Arrow, its file format.
    Arrow of_calls(("arrow", "Arrow"), &["application/vnd.apache.arrow.file"])
}

impl ResultFormat {
    /// Its row of the catalogue.
    pub fn row(self) -> &'static FormatRow {
        // The same rows make both, in one order.
        &FORMATS[self as usize]
    }

    /// Those of reports and breakdowns.
    pub fn of_reports() -> impl Iterator<Item = &'static FormatRow> {
        FORMATS.iter().filter(|row| row.of_reports)
    }

    /// Those of raw CDRs.
    pub fn of_cdrs() -> impl Iterator<Item = &'static FormatRow> {
        FORMATS.iter()
    }

    /// The names of those that are files, with commas.
    pub fn names_of_files() -> String {
        let files = FORMATS.iter().filter(|row| !row.format.is_json()).map(|row| row.name);
        files.collect::<Vec<_>>().join(", ")
    }

    /// The format of that name, among these.
    pub fn find(name: &str, mut among: impl Iterator<Item = &'static FormatRow>) -> Option<Self> {
        among.find(|row| row.name == name).map(|row| row.format)
    }

    /// True for an answer to a program, false for a file to keep.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Columns | Self::Rows)
    }

    /// True for JSON, of an answer or a file.
    pub fn is_of_json(self) -> bool {
        self.is_json() || self == Self::Ndjson
    }

    /// True for text with separators, packed or not.
    pub fn is_csv(self) -> bool {
        matches!(self, Self::Csv | Self::CsvGz | Self::CsvZst)
    }

    /// True if a file of it tells the query too, as a caller wrote it: no other has the same.
    pub fn tells_the_query(self) -> bool {
        self == Self::Xlsx
    }

    /// True if its times are dates and no numbers of seconds.
    pub fn has_dates(self) -> bool {
        matches!(self, Self::Xlsx | Self::Parquet | Self::Arrow)
    }
}

/// The mark between the fields of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CsvSeparator {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl CsvSeparator {
    /// All of them, with their words.
    pub const ALL: [(&'static str, Self); 3] =
        [("comma", Self::Comma), ("semicolon", Self::Semicolon), ("tab", Self::Tab)];

    /// The mark.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// A dialect of CSV, as spreadsheets of different countries read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CsvDialect {
    /// The mark between fields.
    pub separator: CsvSeparator,
    /// A comma in numbers instead of the point.
    pub decimal_comma: bool,
    /// A byte order mark at the beginning, by which Excel knows UTF-8.
    pub bom: bool,
    /// No line of names at the beginning; of raw CDRs, whose files may be put together of several.
    pub headless: bool,
}

/// The form of a result: its format and what a caller may choose about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResultForm {
    /// The format.
    pub format: ResultFormat,
    /// Fractional measures without quotes, in JSON columns.
    pub plain_numbers: bool,
    /// Times in milliseconds instead of seconds.
    pub milliseconds: bool,
    /// No rows of totals, in files.
    pub no_totals: bool,
    /// The dialect of CSV.
    pub csv: CsvDialect,
}

impl ResultForm {
    /// The form of this format, with nothing else chosen.
    pub fn of(format: ResultFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// The unit of times: seconds or milliseconds, as so many to a second.
    pub fn ticks(self) -> i128 {
        if self.milliseconds { 1000 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_words_of_its_own() {
        let (mut names, mut types) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for row in FORMATS {
            assert!(names.insert(row.name), "{}", row.name);
            assert!(row.media_types.iter().all(|name| types.insert(name)), "{}", row.name);
            if let Some(first) = row.media_types.first() {
                assert!(row.content_type.starts_with(first), "{}", row.name);
            }
            assert_eq!(row.extension.is_empty(), row.format.is_json(), "{}", row.name);
            assert_eq!(ResultFormat::find(row.name, ResultFormat::of_reports()), row.of_reports.then_some(row.format));
        }
    }
}
