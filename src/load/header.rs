//! The columns that a file names, judged: enough of them known, and what the others may mean.

use super::LoadOptions;
use super::check::Checked;
use super::mapping::Mapping;
use super::plan::{LoadPlan, TargetTable};
use super::ready;

/// Words that other systems use, and ours.
const MEANT: &[(&str, &str)] = &[
    ("account", "customer_acc_id"),
    ("accountid", "customer_acc_id"),
    ("accountcode", "customer_acc_id"),
    ("billsec", "duration"),
    ("start", "time_start"),
    ("startstamp", "time_start"),
    ("calldate", "time_start"),
    ("setuptime", "time_start"),
    ("answer", "time_connect"),
    ("answerstamp", "time_connect"),
    ("answertime", "time_connect"),
    ("endstamp", "time_end"),
    ("src", "src_prefix_in"),
    ("dst", "dst_prefix_in"),
    ("callid", "orig_call_id"),
    ("cost", "customer_price"),
    ("price", "customer_price"),
    ("islast", "is_last_cdr"),
];

/// Columns whose default hides calls, what comes of it, and a way out.
const HIDING: &[(&str, &str, &str)] = &[
    (
        "is_last_cdr",
        "is 0, so that no report on origination counts the rows",
        "--set is_last_cdr=1 if each row is its call's last attempt",
    ),
    ("customer_id", "is 0, so that no customer sees the rows", "--set customer_id=N"),
    ("duration", "is 0, so that they count as failed calls", "name it in the file's header, or --map"),
];

/// A refusal, or what there is to be said.
pub fn judge(
    table: &TargetTable,
    plan: &LoadPlan,
    found: &[String],
    unknown: &[String],
    options: &LoadOptions,
) -> Result<Vec<String>, String> {
    let expected = format!("expected are {}, {} and any of {}", table.time, table.account, known(table, 8));
    if plan.targets.iter().all(|target| target.from.is_empty()) {
        let likely = likely(found, &options.mapping);
        if found.is_empty() {
            return Err(format!("no known column; the file has no object with a key; {expected}"));
        }
        let found = list(found);
        return Err(format!("no known column; the file has {found}; {expected}{likely}"));
    }
    let unread = plan.targets.iter().find(|target| target.column.kind.is_none());
    if let Some(column) = unread.map(|target| &target.column) {
        return Err(format!("column {} is of type {}, whose values cannot be checked", column.name, column.spelled));
    }
    let absent = options.mapping.absent(&plan.sources);
    if let Some(name) = absent.needed.first() {
        return Err(format!("no column {name}, which the mapping needs; the file has {}", list(found)));
    }
    for (needed, set) in [(&table.time, ""), (&table.account, " (or --set it)")] {
        if table.column(needed).is_some() && !plan.fills(needed) {
            if let Some((_, names)) = absent.columns.iter().find(|(column, _)| column == needed) {
                let (names, found) = (names.join(", "), list(found));
                return Err(format!("no column {names}, from which the mapping fills {needed}; the file has {found}"));
            }
            let (likely, found) = (likely(found, &options.mapping), list(&hinted(table, found)));
            return Err(format!("no column {needed}{set}; the file has {found}; {expected}{likely}"));
        }
    }
    let mut said = Vec::new();
    for (column, names) in &absent.columns {
        let line = format!("the file has no {}, from which the mapping fills {column}", names.join(", "));
        if options.strict {
            return Err(line);
        }
        said.push(line);
    }
    if !unknown.is_empty() {
        let unknown = list(&hinted(table, unknown));
        if options.strict {
            return Err(format!("unknown columns: {unknown}"));
        }
        said.push(format!("not loaded, unknown columns: {unknown}"));
    }
    for (column, consequence, way) in HIDING {
        if table.column(column).is_some() && !plan.fills(column) {
            said.push(format!("the file has no {column}: it {consequence}; {way}"));
        }
    }
    let mapping = &options.mapping;
    if mapping.local_times && mapping.time_zone.is_none() {
        said.push("times are read as UTC: say --time-zone if the system writes its local time".to_owned());
    }
    said.extend(mapping.note.clone());
    Ok(said)
}

/// `; it looks like …` where the file has the marks of a ready mapping that is not the one in use, or of another separator.
pub fn likely(found: &[String], mapping: &Mapping) -> String {
    if let Some(name) = ready::looks_like(found, mapping.base.as_deref()) {
        return format!("; it looks like --map {name}");
    }
    let line = match found {
        [line] => line.as_str(),
        // The mark that it names is the one in use.
        [sep, ..] if sep.eq_ignore_ascii_case("sep=") => sep,
        _ => "",
    };
    if let Some(hint) = separated(line) {
        return hint;
    }
    let has = |name: &&str| found.iter().any(|column| column.eq_ignore_ascii_case(name));
    if mapping.base.is_none() && ACC.iter().all(has) {
        return "; it looks like the table acc of Kamailio or OpenSIPS, whose rows are events and no calls: export cdrs or acc_cdrs \
                (Kamailio), or acc with the flag cdr (OpenSIPS)"
            .to_owned();
    }
    match mapping.columns.is_empty() && found.len() > 1 {
        true => "; --map FILE says which columns are which (docs/load.md)".to_owned(),
        false => String::new(),
    }
}

/// Columns of the table acc, which has a row for an INVITE and one for a BYE.
const ACC: [&str; 5] = ["method", "from_tag", "to_tag", "callid", "sip_code"];

/// The way out for a first line that is one field, but several between other marks.
pub fn separated(line: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim();
    if let Some(mark) = line.get(..4).filter(|head| head.eq_ignore_ascii_case("sep=")).and(line.get(4..)) {
        let way = match mark {
            "," | "" => String::new(),
            "\t" => " and say --format tsv".to_owned(),
            mark => format!(" and say --separator '{}'", plain(mark)),
        };
        return Some(format!("; its first line is there for Excel alone: leave it out (tail -n +2){way}"));
    }
    let count = |mark: &str| line.matches(mark).count();
    let mark = ["\t", ";", "|", ","].into_iter().max_by_key(|mark| count(mark)).filter(|mark| count(mark) > 0)?;
    Some(match mark {
        "\t" => "; its fields are between tabs: --format tsv".to_owned(),
        "|" if line.contains(" | ") => {
            "; it looks like a table that psql printed: export it with \\copy … csv header".to_owned()
        }
        mark => format!("; its fields are between other marks: --separator '{mark}'"),
    })
}

/// The way out for rows whose account is missing or no number.
pub fn nobodys(table: &TargetTable, checked: &Checked, options: &LoadOptions) -> Option<String> {
    let account = &table.account;
    let counts = checked.rejected.iter().filter(|((column, _), _)| column == account);
    let rows: u64 = counts.map(|(_, count)| count).sum();
    if rows == 0 {
        return None;
    }
    let from = options.mapping.columns.get(account).map(super::mapping::ColumnSource::full).unwrap_or_default();
    let from = from.from.list().first().map_or(account.as_str(), String::as_str);
    let base = options.mapping.base.as_deref().map(|base| format!("base = \"{base}\" and ")).unwrap_or_default();
    Some(format!(
        "{rows} rows name no account by a number: --set {account}=N gives all rows one, and a mapping with \
        {base}{account} = {{ from = \"{from}\", words = {{ \"name\" = N }} }} tells which name is which account"
    ))
}

/// Lines about rows that have nothing in a column whose default hides them.
pub fn empties(plan: &LoadPlan, defaults: &[u64]) -> Vec<(&'static str, String)> {
    let counts = plan.targets.iter().zip(defaults).filter(|(_, count)| **count > 0);
    let hiding = counts.filter_map(|(target, count)| {
        let &(column, consequence, _) = HIDING.iter().find(|(column, ..)| *column == target.column.name)?;
        Some((column, format!("{count} rows have nothing in {column}: it {consequence}")))
    });
    hiding.collect()
}

/// True if the first line of a file without any known column is no header but data.
pub fn is_data(table: &TargetTable, fields: &[String]) -> bool {
    let is_number = |field: &String| {
        let digits = field.bytes().filter(u8::is_ascii_digit).count();
        digits > 0 && field.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || b"-+.".contains(&byte))
    };
    table.columns.iter().all(|column| super::plan::place(fields, &column.name).is_none())
        && fields.iter().any(is_number)
}

/// The first of `columns` that comes twice; names that `is_read` says are read, in whatever case.
pub fn twice<'a>(columns: &'a [String], is_read: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let mut seen = std::collections::HashMap::new();
    for column in columns {
        let before = seen.insert(column.to_lowercase(), column);
        if before.is_some_and(|before| before == column || is_read(column)) {
            return Some(column);
        }
    }
    None
}

fn known(table: &TargetTable, number: usize) -> String {
    let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let wanted =
        ["id", "uuid", "customer_id", "vendor_id", "vendor_acc_id", "is_last_cdr", "duration", "customer_price"];
    let mut first: Vec<_> = wanted.into_iter().filter(|name| names.contains(name)).collect();
    first.extend(names.iter().filter(|name| !wanted.contains(name)));
    first.truncate(number);
    format!("{} … (of {})", first.join(", "), names.len())
}

/// Names, with what each may mean behind it.
fn hinted(table: &TargetTable, names: &[String]) -> Vec<String> {
    let hint = |name: &String| match suggestion(table, name) {
        Some(meant) if table.column(name).is_none() => format!("{name} ({meant}?)"),
        _ => name.clone(),
    };
    names.iter().map(hint).collect()
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(40).map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    if names.len() > 40 { format!("{shown} … ({})", names.len()) } else { shown }
}

/// Text of a file for a terminal: control characters do nothing there.
pub fn plain(text: &str) -> String {
    let one = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    text.chars().map(one).collect()
}

/// The column that a near miss means.
fn suggestion<'a>(table: &'a TargetTable, name: &str) -> Option<&'a str> {
    let words = |name: &str| {
        let lower = name.to_lowercase();
        let mut words: Vec<_> = lower
            .split(|char: char| !char.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| match word {
                "cost" | "charge" | "amount" => "price".to_owned(),
                "seconds" | "length" => "duration".to_owned(),
                word => word.to_owned(),
            })
            .collect();
        words.sort();
        words
    };
    let joined = |name: &str| name.chars().filter(|char| char.is_alphanumeric()).collect::<String>().to_lowercase();
    let names = || table.columns.iter().map(|column| column.name.as_str());
    let (ours, whole) = (words(name), joined(name));
    names()
        .find(|known| joined(known) == whole)
        .or_else(|| {
            MEANT.iter().find(|(word, _)| *word == whole).and_then(|(_, meant)| names().find(|name| name == meant))
        })
        .or_else(|| names().find(|known| words(known) == ours))
        .or_else(|| {
            let near =
                names().map(|known| (distance(&joined(known), &whole), known)).min_by_key(|(distance, _)| *distance);
            near.filter(|(distance, known)| *distance <= 2 && distance * 4 <= known.len()).map(|(_, known)| known)
        })
}

/// Letters to change, add or leave out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (before + usize::from(from != *to)).min(above + 1).min(left + 1);
            before = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::column::TargetColumn;
    use super::*;

    #[test]
    fn near_misses_are_told() {
        let columns = ["customer_price", "duration", "time_start", "id", "customer_acc_id", "is_last_cdr"];
        let columns = columns.iter().map(|name| TargetColumn::new(name, "String")).collect();
        let table = TargetTable::of("cdrs", columns, "time_start", "customer_acc_id");
        for (name, meant) in [
            ("customer_cost", Some("customer_price")),
            ("Customer Price", Some("customer_price")),
            ("start_time", Some("time_start")),
            ("durration", Some("duration")),
            ("billsec", Some("duration")),
            ("xy", None),
            ("something else", None),
        ] {
            assert_eq!(suggestion(&table, name), meant, "{name}");
        }
        assert_eq!((distance("abc", "abc"), distance("abc", "axc"), distance("", "ab")), (0, 1, 2));
    }
}
