//! Each field of each sample, damaged: its row is rejected, or says what it said before.

use std::path::Path;

use cdrscope::load::column::ColumnType;
use cdrscope::load::mapping::{Header, Mapping};
use cdrscope::load::plan::LoadPlan;
use cdrscope::load::record::Framing;
use cdrscope::load::row::{RecordFields, RowReader, TextFields};
use cdrscope::load::sample::builtin;
use cdrscope::load::value::Notes;

/// A file, its mapping, and how its columns are named.
const SAMPLES: &[(&str, &str)] = &[
    ("yeti", "yeti.csv"),
    ("freeswitch-csv", "freeswitch.csv"),
    ("freeswitch-csv", "freeswitch-default.csv"),
    ("freeswitch-sql", "freeswitch.sql"),
    ("freeswitch-json", "freeswitch.cdr.jsonl"),
    ("fusionpbx", "fusionpbx-v_xml_cdr.csv"),
    ("asterisk-csv", "asterisk-Master.csv"),
    ("asterisk-csv", "asterisk-Master-16.csv"),
    ("asterisk-table", "asterisk-cdr.csv"),
    ("asterisk-table", "asterisk-adaptive.csv"),
    ("kamailio-cdrs", "kamailio-cdrs.csv"),
    ("kamailio-acc-cdrs", "kamailio-acc-cdrs.csv"),
    ("opensips-acc", "opensips-acc.csv"),
    ("cgrates", "cgrates.csv"),
    ("cgrates", "cgrates.jsonl"),
];

/// Those whose ids are UUIDs; the others' are any text.
const HAVE_UUIDS: &[&str] = &["yeti", "freeswitch-csv", "freeswitch-sql", "freeswitch-json", "fusionpbx"];

/// What is put into a field. None of it has a meaning within a number, a time, a flag or a word.
const DIRT: &[&str] = &["x", "?", "#", "_", "~", "é", "xyz", " x", "\u{7f}", ";"];

/// Of each field, so many damaged copies are read.
const TRIES: usize = 6;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    /// The text with some dirt somewhere in it.
    fn damage(&mut self, text: &str) -> String {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (before, after) = text.split_at(places[self.roll(places.len())]);
        format!("{before}{}{after}", DIRT[self.roll(DIRT.len())])
    }
}

/// By column, what is stored of a record; `None` where it is rejected.
fn read(plan: &LoadPlan, shape: Framing, record: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let mut rows = RowReader::new(record.as_bytes(), shape, plan);
    let mut cells = RecordFields::default();
    let row = rows.read(&mut cells).unwrap()?;
    let text = row.text.ok()?;
    plan.write(&TextFields { cells: &cells, record: text }, &mut Notes::default(), &mut [], &mut Vec::new()).ok()?;
    let column = |target: &cdrscope::load::target::Target| {
        let mut bytes = Vec::new();
        target.write(&cells, text, &mut Notes::default(), &mut bytes).unwrap();
        (target.column.name.clone(), bytes)
    };
    Some(plan.targets.iter().map(column).collect())
}

/// The fields of a record of CSV as they stand, with their quotes.
fn fields(record: &str) -> Vec<&str> {
    let (mut all, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, char) in record.char_indices() {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                all.push(&record[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    all.push(&record[from..]);
    all
}

/// Copies of a record, each with one damaged field.
fn damaged(record: &str, around: Option<&(String, String)>, dice: &mut Dice) -> Vec<String> {
    let mut all = Vec::new();
    if record.starts_with('{') {
        let value: serde_json::Value = serde_json::from_str(record).unwrap();
        for parent in ["", "/variables", "/callflow/0/caller_profile"] {
            let Some(object) = value.pointer(parent).and_then(serde_json::Value::as_object) else { continue };
            for (key, field) in object {
                let Some(text) =
                    field.as_str().map(str::to_owned).or_else(|| field.is_number().then(|| field.to_string()))
                else {
                    continue;
                };
                for _ in 0..TRIES {
                    let mut copy = value.clone();
                    *copy.pointer_mut(parent).unwrap().get_mut(key).unwrap() = dice.damage(&text).into();
                    all.push(copy.to_string());
                }
            }
        }
        return all;
    }
    let (before, after) = around.map_or(("", ""), |(before, after)| (before, after));
    let inner = record.strip_prefix(before).unwrap().strip_suffix(after).unwrap();
    let fields = fields(inner);
    for at in 0..fields.len() {
        for _ in 0..TRIES {
            let mut copy: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            copy[at] = match fields[at].strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(text) => format!("\"{}\"", dice.damage(&text.replace("\"\"", "'"))),
                None => dice.damage(fields[at]),
            };
            all.push(format!("{before}{}{after}", copy.join(",")));
        }
    }
    all
}

/// Records of a file of which one may hold a line end within quotes.
fn records(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in text.lines() {
        match all.last_mut() {
            Some(last) if last.matches('"').count() % 2 == 1 => *last = format!("{last}\n{line}"),
            _ => all.push(line.to_owned()),
        }
    }
    all
}

#[test]
fn a_damaged_field_is_rejected_or_changes_no_value() {
    let (table, mut dice) = (builtin(), Dice(12));
    let (mut tried, mut rejected, mut wrong) = (0, 0, Vec::new());
    for (map, file) in SAMPLES {
        let mapping = Mapping::load(map).unwrap();
        let text = std::fs::read_to_string(Path::new("tests/it/load/samples").join(file)).unwrap();
        let mut records = records(&text);
        let is_json = file.ends_with(".jsonl");
        let sources: Vec<String> = if is_json {
            let mut names: Vec<String> = mapping
                .columns
                .values()
                .flat_map(|source| source.full().reads().cloned().collect::<Vec<_>>())
                .collect();
            names.extend(mapping.rows.keys().cloned());
            names.sort();
            names.dedup();
            names
        } else if let Some(Header::ByWidth(headers)) = &mapping.header {
            let first = records[0].strip_prefix(mapping.before.as_deref().unwrap_or_default()).unwrap();
            let width = fields(first).len();
            headers.iter().find(|header| header.len() == width).unwrap().clone()
        } else if let Some(Header::One(header)) = &mapping.header {
            header.clone()
        } else {
            fields(&records.remove(0)).iter().map(|name| name.trim_matches('"').to_owned()).collect()
        };
        let set = [("customer_id".to_owned(), "5".to_owned()), ("customer_acc_id".to_owned(), "17".to_owned())];
        let has_account = ["kamailio-cdrs", "kamailio-acc-cdrs", "opensips-acc"].contains(map);
        let plan = LoadPlan::new(&table, sources, &mapping, if has_account { &set } else { &set[..1] }).unwrap();
        let shape = if is_json { Framing::Lines } else { Framing::Csv(b',') };
        for record in &records {
            // Rows that are no calls have no values to be changed.
            let Some(before) = read(&plan, shape, record) else { continue };
            for copy in damaged(record, plan.around.as_ref(), &mut dice) {
                tried += 1;
                let Some(after) = read(&plan, shape, &copy) else {
                    rejected += 1;
                    continue;
                };
                for ((name, old), (_, new)) in before.iter().zip(&after) {
                    let kind = table.column(name).unwrap().kind.clone();
                    // A text is what it is; an id made of one is another one, and a cause of another name has no number.
                    let is_made = name == "uuid" && !HAVE_UUIDS.contains(map);
                    let is_unnumbered = name == "lega_q850_cause" && new[..] == [0, 1];
                    if old != new && kind != Some(ColumnType::Text) && !is_made && !is_unnumbered {
                        wrong.push(format!("{file}: {name} became {new:?} of {old:?}: {copy}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(tried > 3_000 && rejected > 1_000, "{tried} tried, {rejected} rejected");
}
