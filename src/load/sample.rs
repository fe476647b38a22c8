//! The first records of a file as they would be read, column by column, with nothing stored.

use std::io::{self, Read};
use std::path::Path;

use clickhouse::Client;

use super::column::{ColumnType, TargetColumn};
use super::direct::TypedRows;
use super::mapping::Format;
use super::native::NativeBlocks;
use super::plan::{LoadPlan, TargetTable};
use super::progress::Progress;
use super::row::{RecordFields, RowFields, RowReader, TextFields};
use super::source::SourceFile;
use super::stage::Stage;
use super::value::Notes;
use super::{Framing, Input, Judged, LoadOptions, header, input};

/// Characters of each column of what is printed; two blanks stand between them, so that a line has at most 120.
const WIDTHS: [usize; 4] = [26, 24, 28, 36];

/// The lines to be printed, and whether the file would be refused as a whole.
#[derive(Debug, Default)]
pub struct Sample {
    /// At most 120 characters each, but for what is said of the file's columns.
    pub lines: Vec<String>,
    /// Why the file would not be loaded at all.
    pub refusal: Option<String>,
}

/// The table as `cdrscope migrate` makes it, for a look without a server.
pub fn builtin() -> TargetTable {
    let schema = include_str!("../../schema/0001_cdrs.sql");
    let body = schema.split_once("\n(\n").map_or("", |(_, body)| body);
    let lines = body.lines().map(str::trim).take_while(|line| !line.starts_with("PROJECTION") && *line != ")");
    let columns = lines.filter(|line| !line.starts_with("--")).filter_map(|line| {
        let (name, rest) = line.trim_end_matches(',').split_once(' ')?;
        let spelled = rest.split(" CODEC(").next().and_then(|rest| rest.split(" DEFAULT ").next())?;
        Some(TargetColumn::new(name, spelled))
    });
    let columns = columns.collect();
    TargetTable {
        name: "cdrs".into(),
        columns,
        time: "time_start".into(),
        account: "customer_acc_id".into(),
        id: "id".into(),
        defaulted: Vec::new(),
        odd: None,
    }
}

/// True for files that only a server can read.
pub fn needs_server(options: &LoadOptions, file: &Path) -> bool {
    let format = options.mapping.format.or_else(|| input::format_of(file));
    matches!(format, Some(Format::Parquet | Format::Native))
}

/// Reads the first `rows` records of a file.
///
/// # Errors
/// Why the file cannot be read, in one line.
pub async fn sample(
    table: &TargetTable,
    client: Option<&Client>,
    options: &LoadOptions,
    file: &Path,
    rows: usize,
) -> Result<Sample, String> {
    let source = SourceFile::open(file, &Progress::hidden()).map_err(|error| error.to_string())?;
    let Some(format) = options.mapping.format.or(source.format) else {
        return Err("is no kind of file that can be loaded: see `cdrscope load --help`".to_owned());
    };
    if !matches!(format, Format::Parquet | Format::Native) {
        let read = super::text(table, options, &source, format).map_err(|error| error.to_string())?;
        return take(table, options, read, rows, None);
    }
    let Some(client) = client else { return Err("is read by a server: name one with --clickhouse-url".to_owned()) };
    let (columns, _, judged) = super::typed(table, client, options, &source, format).await?;
    if columns.is_empty() {
        return judged.map(|_| Sample::default());
    }
    let stage = Stage::fill(client, &source.path, format, &columns, &Progress::hidden()).await?;
    let mut read = stage.read(&columns);
    if let Input::Staged(_, sql) = &mut read.input {
        sql.push_str(&format!(" LIMIT {rows}"));
    }
    let (table, options) = (table.clone(), options.clone());
    let runtime = tokio::runtime::Handle::current();
    let taken = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        take(&table, &options, read, rows, Some(judged))
    });
    let taken = taken.await.map_err(|error| error.to_string());
    stage.drop().await;
    taken?
}

fn take(
    table: &TargetTable,
    options: &LoadOptions,
    read: super::OpenedFile,
    rows: usize,
    judged: Option<Judged>,
) -> Result<Sample, String> {
    let super::OpenedFile { input, form, sources, .. } = read;
    super::twice(table, options, form, &sources)?;
    let mut plan = LoadPlan::new(table, sources, &options.mapping, &options.set)?;
    let bytes = input.open(&Progress::hidden()).map_err(|error| error.to_string())?;
    let mut lines = vec![row(["file", "column", "in the file", "stored"].map(str::to_owned))];
    if let Some(judged) = judged {
        tell_blocks(&plan, bytes, &mut lines).map_err(|error| error.to_string())?;
        return Ok(ended(lines, judged));
    }
    let mut reader = RowReader::new(bytes, form.shape, &plan);
    if form.header {
        reader.skip().map_err(|error| error.to_string())?;
    }
    let mut cells = RecordFields::default();
    for _ in 0..rows {
        let Some(record) = reader.read(&mut cells).map_err(|error| error.to_string())? else { break };
        lines.push(String::new());
        let line = record.line;
        match record.text {
            _ if record.unended && !options.whole_last_line => {
                lines.push(format!("line {line}: left out, as it has no line end and may be cut"));
            }
            Err(why) => lines.push(format!("line {line}: rejected: {why}")),
            Ok(text) => tell(&plan, &TextFields { cells: &cells, record: text }, &cells, text, line, &mut lines),
        }
    }
    let (seen, unknown) = (reader.cutter.seen.clone(), std::mem::take(&mut reader.cutter.unknown.names));
    let named = matches!(form.shape, Framing::Csv(_) | Framing::Tsv(_));
    let (found, unknown) = if named {
        (plan.sources.clone(), plan.unused().map(str::to_owned).collect())
    } else {
        plan.without_unseen(table, &seen);
        let had = plan.sources.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(source, _)| source.clone());
        (had.chain(unknown.clone()).collect::<Vec<_>>(), unknown)
    };
    let unknown: Vec<String> = unknown.into_iter().filter(|name| !options.mapping.ignores(name)).collect();
    Ok(ended(lines, header::judge(table, &plan, &found, &unknown, options)))
}

/// The lines with what is to be said of the columns.
fn ended(mut lines: Vec<String>, judged: Judged) -> Sample {
    let mut refusal = None;
    lines.push(String::new());
    match judged {
        Ok(said) => lines.extend(said),
        Err(why) => {
            for line in &mut lines {
                if let Some(begin) = line.strip_suffix("would be stored") {
                    *line = format!("{begin}is refused with the file");
                }
            }
            refusal = Some(why);
        }
    }
    Sample { lines, refusal }
}

/// The rows of typed columns.
fn tell_blocks(plan: &LoadPlan, from: impl Read, lines: &mut Vec<String>) -> io::Result<()> {
    let mut blocks = NativeBlocks::new(from, &plan.sources);
    while let Some(block) = blocks.next_block()? {
        let typed = TypedRows::new(plan, &block);
        for row in 0..block.rows {
            let line = block.before + row as u64 + 1;
            lines.push(String::new());
            match typed.row(row) {
                Err(why) => lines.push(format!("line {line}: rejected: {why}")),
                Ok(fields) => tell(plan, &fields, &typed.cells(row), "", line, lines),
            }
        }
    }
    Ok(())
}

/// One record: a line for each column of the table that is filled, and what becomes of it.
fn tell(
    plan: &LoadPlan,
    fields: &impl RowFields,
    cells: &RecordFields,
    text: &str,
    line: u64,
    lines: &mut Vec<String>,
) {
    let outcome = match plan.write(fields, &mut Notes::default(), &mut [], &mut Vec::new()) {
        Ok(_) => "would be stored".to_owned(),
        Err(reject) if reject.is_left_out => format!("left out, as {} {}", reject.column, reject.reason()),
        Err(reject) if reject.column.is_empty() => format!("rejected: {}", reject.reason()),
        Err(reject) => format!("rejected: {}: {}", reject.column, reject.reason()),
    };
    lines.push(format!("line {line}: {outcome}"));
    for (at, target) in plan.targets.iter().enumerate() {
        let (names, raw) = target.told(&plan.sources, cells, text);
        let mut bytes = Vec::new();
        let written = match target.constant() {
            Some(constant) => {
                bytes.extend_from_slice(constant);
                Ok(false)
            }
            None => fields.write(at, target, &mut Notes::default(), &mut bytes),
        };
        let stored = match written {
            Ok(_) => stored(&target.column, &bytes),
            Err(refusal) => format!("rejected: {}", refusal.why),
        };
        lines.push(row([names, target.column.name.clone(), raw, stored]));
    }
}

fn stored(column: &TargetColumn, bytes: &[u8]) -> String {
    let rest = match bytes {
        [1, ..] => return "default".to_owned(),
        [_, rest @ ..] => rest,
        [] => return String::new(),
    };
    let rest = match (column.nullable, rest) {
        (true, [1, ..]) => return "null".to_owned(),
        (true, [_, rest @ ..]) => rest,
        (_, rest) => rest,
    };
    column.kind.as_ref().and_then(|kind| shown(kind, &mut &*rest)).unwrap_or_default()
}

/// The value that RowBinary has at the beginning of `bytes`, which is cut off.
fn shown(kind: &ColumnType, bytes: &mut &[u8]) -> Option<String> {
    let width = match kind {
        ColumnType::Integer { bytes, .. } | ColumnType::Decimal { bytes, .. } | ColumnType::Float(bytes) => *bytes,
        ColumnType::Seconds | ColumnType::V4 => 4,
        ColumnType::Ticks(_) => 8,
        ColumnType::Day => 2,
        ColumnType::Uuid | ColumnType::V6 => 16,
        ColumnType::Text => length(bytes)?,
        ColumnType::Array(element) => {
            let count = length(bytes)?;
            let elements: Option<Vec<_>> = (0..count).map(|_| shown(element, bytes)).collect();
            return Some(format!("[{}]", elements?.join(",")));
        }
    };
    let value = bytes.get(..width)?;
    *bytes = bytes.get(width..)?;
    let time = |seconds| {
        let time = jiff::Timestamp::from_second(seconds).ok()?.to_string();
        Some(time.replace('T', " ").trim_end_matches('Z').to_owned())
    };
    match kind {
        ColumnType::Integer { .. } => kind.number(value).map(|number| number.to_string()),
        ColumnType::Seconds | ColumnType::Ticks(_) => time(i64::try_from(kind.number(value)?).ok()?),
        ColumnType::Day => {
            let days = u16::from_le_bytes(value.try_into().ok()?);
            time(i64::from(days) * 86_400).and_then(|time| time.get(..10).map(str::to_owned))
        }
        ColumnType::Float(4) => Some(f32::from_le_bytes(value.try_into().ok()?).to_string()),
        ColumnType::Float(_) => Some(f64::from_le_bytes(value.try_into().ok()?).to_string()),
        ColumnType::Decimal { scale, .. } => {
            let negative = value.last().is_some_and(|last| last & 0x80 != 0);
            let mut wide = [if negative { 0xff } else { 0 }; 16];
            wide.get_mut(..width)?.copy_from_slice(value);
            let (number, one) = (i128::from_le_bytes(wide), 10_u128.pow(*scale));
            let (whole, rest) = (number.unsigned_abs() / one, number.unsigned_abs() % one);
            let sign = if negative { "-" } else { "" };
            let digits = format!("{sign}{whole}.{rest:0width$}", width = *scale as usize);
            Some(digits.trim_end_matches('0').trim_end_matches('.').to_owned())
        }
        ColumnType::Text => Some(String::from_utf8_lossy(value).into_owned()),
        ColumnType::Uuid => {
            let (high, low) = value.split_at(8);
            let half = |half: &[u8]| half.try_into().ok().map(u64::from_le_bytes);
            Some(uuid::Uuid::from_u64_pair(half(high)?, half(low)?).to_string())
        }
        ColumnType::V4 => {
            let bits = u32::from_le_bytes(value.try_into().ok()?);
            Some(std::net::Ipv4Addr::from(bits).to_string())
        }
        ColumnType::V6 => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).to_string()),
        ColumnType::Array(_) => None,
    }
}

/// A length as RowBinary has it.
fn length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// The four columns under each other, long ones cut.
fn row(columns: [String; 4]) -> String {
    let cut = |text: &String, width: usize| {
        let plain: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        if plain.chars().count() <= width {
            return plain;
        }
        plain.chars().take(width - 1).chain(['…']).collect()
    };
    let padded = columns.iter().zip(WIDTHS).map(|(text, width)| format!("{:width$}", cut(text, width)));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::moment::Spelling;
    use super::super::number::Rounding;
    use super::super::value::{Style, write};
    use super::*;

    #[test]
    fn what_is_written_is_shown() {
        let style = Style {
            times: Spelling::of(jiff::tz::TimeZone::UTC),
            unit: None,
            rounding: Rounding::HalfUp,
            decimal_comma: false,
            is_flag: false,
            is_phone: false,
            words: Vec::new(),
            default: None,
        };
        for (spelled, text, wanted) in [
            ("Int32", "-17", "-17"),
            ("Decimal(18, 6)", "-0.25", "-0.25"),
            ("Decimal(18, 6)", "300", "300"),
            ("Nullable(Float32)", "1.5", "1.5"),
            ("Float64", "0.1", "0.1"),
            ("LowCardinality(String)", "Said \"Bye\"", "Said \"Bye\""),
            ("DateTime('UTC')", "2026-03-07T12:00:00+02:00", "2026-03-07 10:00:00"),
            ("DateTime64(3)", "2026-03-07 10:00:00.5", "2026-03-07 10:00:00"),
            ("Nullable(DateTime)", "0", "null"),
            ("Date", "2026-03-07", "2026-03-07"),
            ("UUID", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
            ("Array(Int16)", "{9,-12}", "[9,-12]"),
            ("IPv4", "192.0.2.1", "192.0.2.1"),
            ("IPv6", "2001:db8::1", "2001:db8::1"),
            ("Int32", "", "default"),
            ("Nullable(Int32)", "", "null"),
        ] {
            let (mut bytes, column) = (Vec::new(), TargetColumn::new("x", spelled));
            write(&column, Some(text), &style, &mut Notes::default(), &mut bytes).unwrap();
            assert_eq!(stored(&column, &bytes), wanted, "{spelled} {text}");
        }
    }
}
