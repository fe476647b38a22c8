//! Parts of a file, which threads check side by side.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::check::{Checked, Form};
use super::direct::TypedRows;
use super::native::{NativeBlocks, TypedBlock};
use super::plan::{LoadPlan, Reject, Written};
use super::record::{Record, RecordReader};
use super::row::{Cutter, RecordFields, RowFields, TextFields};
use super::spool::KeptRows;

/// Bytes of records that are checked at once.
const CHUNK: usize = 1 << 20;
/// Rows of a typed block that are checked at once.
const SLICE: usize = 1024;

/// Records of a file, and where each ends.
#[derive(Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    records: Vec<(usize, u64, Option<&'static str>)>,
    /// Of the last one.
    headers_again: u64,
    unended: Option<u64>,
}

/// The work that a thread gets at once.
pub enum CheckTask {
    /// Records of a text.
    Records(Bundle),
    /// These rows of a block.
    Rows(Arc<TypedBlock>, Range<usize>),
}

/// A chunk that was checked.
pub struct CheckedChunk {
    /// Its contents.
    pub checked: Checked,
    /// The rows that are stored.
    pub good: KeptRows,
    /// The rows are stored as they are.
    pub is_whole: bool,
    /// The others: line, reason and record.
    pub bad: Vec<(u64, Reject, Vec<u8>)>,
}

/// Reads blocks, and hands their rows out in turn.
pub fn deal_blocks(from: impl Read, plan: &LoadPlan, to: &[SyncSender<io::Result<CheckTask>>]) {
    let mut blocks = NativeBlocks::new(from, &plan.sources);
    let mut turns = to.iter().cycle();
    loop {
        let block = match blocks.next_block() {
            Ok(Some(block)) => Arc::new(block),
            Ok(None) => return,
            // Nobody is there any more after a failure.
            Err(error) => return drop(turns.next().map(|to| to.send(Err(error)))),
        };
        for from in (0..block.rows).step_by(SLICE) {
            let rows = from..block.rows.min(from + SLICE);
            if turns.next().is_none_or(|to| to.send(Ok(CheckTask::Rows(Arc::clone(&block), rows))).is_err()) {
                return;
            }
        }
    }
}

/// Reads records, and hands them out in turn.
pub fn deal(from: impl Read, form: Form, plan: &LoadPlan, to: &[SyncSender<io::Result<CheckTask>>]) {
    let mut records = Cutter::new(form.shape, plan).reader(from);
    let mut begun = if form.header { records.skip_header() } else { Ok(()) };
    for to in to.iter().cycle() {
        let mut chunk = Bundle::default();
        let ended = std::mem::replace(&mut begun, Ok(())).and_then(|()| fill(&mut chunk, &mut records, form));
        let is_last = !matches!(ended, Ok(false));
        chunk.headers_again = if is_last { records.headers_again() } else { 0 };
        if to.send(ended.map(|_| CheckTask::Records(chunk))).is_err() || is_last {
            return;
        }
    }
}

/// Reads a chunk; true where it is the last.
fn fill<R: Read>(chunk: &mut Bundle, records: &mut RecordReader<R>, form: Form) -> io::Result<bool> {
    while chunk.bytes.len() < CHUNK {
        let Some(Record { line, bytes, fault, unended }) = records.read()? else { return Ok(true) };
        if unended && !form.takes_last {
            chunk.unended = Some(line);
            continue;
        }
        chunk.bytes.extend_from_slice(bytes);
        chunk.records.push((chunk.bytes.len(), line, fault));
    }
    Ok(false)
}

/// Checks records.
pub fn part(
    chunk: &Bundle,
    cutter: &mut Cutter,
    plan: &LoadPlan,
    only: &dyn Fn(&Written) -> Option<String>,
) -> CheckedChunk {
    let (mut part, mut cells, mut from) = (CheckedChunk::new(plan), RecordFields::default(), 0);
    for (end, line, fault) in &chunk.records {
        let bytes = chunk.bytes.get(from..*end).unwrap_or_default();
        from = *end;
        let fields = match cutter.cut(bytes, *fault, &mut cells) {
            Ok(record) => Ok(TextFields { cells: &cells, record }),
            Err(why) => Err(why),
        };
        if !part.add(*line, fields, || bytes.to_vec(), plan, only) {
            break;
        }
    }
    part.checked.headers_again = chunk.headers_again;
    part.checked.unended = chunk.unended;
    part.checked.seen.clone_from(&cutter.seen);
    part.checked.unknown = std::mem::take(&mut cutter.unknown);
    part
}

/// Checks rows of a block.
pub fn typed_part(
    block: &TypedBlock,
    rows: Range<usize>,
    plan: &LoadPlan,
    only: &dyn Fn(&Written) -> Option<String>,
) -> CheckedChunk {
    let (mut part, typed) = (CheckedChunk::new(plan), TypedRows::new(plan, block));
    if let Some(defaults) = typed.whole(&rows)
        && let Some(keys) = typed.keys(rows.clone())
    {
        part.checked.defaults = defaults;
        part.is_whole = true;
        for (row, written) in rows.zip(&keys) {
            part.checked.rows += 1;
            if let Some(why) = only(written) {
                part.checked.outside = Some(format!("line {}: {why}", block.before + row as u64 + 1));
                break;
            }
            part.checked.add(written, block.before + row as u64 + 1);
        }
        return part;
    }
    for row in rows {
        let line = block.before + row as u64 + 1;
        if !part.add(line, typed.row(row).map_err(str::to_owned), || typed.line(row), plan, only) {
            break;
        }
    }
    part
}

impl CheckedChunk {
    fn new(plan: &LoadPlan) -> Self {
        let checked = Checked { defaults: vec![0; plan.targets.len()], odd: plan.odd.counts(), ..Checked::default() };
        Self { checked, good: KeptRows::default(), is_whole: false, bad: Vec::new() }
    }

    /// Checks a row, or takes the reason why it is none; false where it may not be in the file.
    fn add(
        &mut self,
        line: u64,
        fields: Result<impl RowFields, String>,
        record: impl FnOnce() -> Vec<u8>,
        plan: &LoadPlan,
        only: &dyn Fn(&Written) -> Option<String>,
    ) -> bool {
        let Self { checked, good, bad, .. } = self;
        checked.rows += 1;
        let written = fields
            .map_err(Reject::record)
            .and_then(|fields| plan.write(&fields, &mut checked.notes, &mut checked.defaults, &mut good.bytes));
        match written {
            Ok(written) => {
                if let Some(why) = only(&written) {
                    checked.outside = Some(format!("line {line}: {why}"));
                    return false;
                }
                checked.add(&written, line);
                good.end(written.time, written.key);
            }
            Err(reject) if reject.is_left_out => {
                let reason = (reject.column, reject.refusal.why.into_owned());
                *checked.left_out.entry(reason).or_default() += 1;
            }
            Err(reject) => bad.push((line, reject, record())),
        }
        true
    }
}
