//! Mappings that come with the program, and how a file shows that it is one of theirs.

use std::path::Path;

use super::mapping::{Mapping, OwnNames};

/// A mapping, and the marks of its files.
struct Ready {
    name: &'static str,
    text: &'static str,
    marks: Marks,
}

/// Marks that a file of that system has.
enum Marks {
    /// These columns in its header, or keys in its objects.
    Names(&'static [&'static str]),
    /// Its first fields, as it has no header.
    Fields(fn(&[String]) -> bool),
}

macro_rules! ready {
    ($($name:literal, $marks:expr;)*) => {
        &[$(Ready { name: $name, text: include_str!(concat!("mappings/", $name, ".toml")), marks: $marks }),*]
    };
}

const READY: &[Ready] = ready! {
    "yeti", Marks::Names(&["customer_acc_id", "time_start", "is_last_cdr"]);
    "freeswitch-sql", Marks::Fields(|fields| fields.first().is_some_and(|first| first.starts_with("INSERT INTO cdr ")));
    "freeswitch-csv", Marks::Fields(is_freeswitch);
    "freeswitch-json", Marks::Names(&["core-uuid", "variables"]);
    "fusionpbx", Marks::Names(&["xml_cdr_uuid", "start_epoch", "billsec"]);
    "asterisk-csv", Marks::Fields(is_asterisk);
    "asterisk-table", Marks::Names(&["dcontext", "billsec", "disposition"]);
    "kamailio-cdrs", Marks::Names(&["call_start_time", "duration", "sip_call_id"]);
    "kamailio-acc-cdrs", Marks::Names(&["start_time", "end_time", "duration"]);
    "opensips-acc", Marks::Names(&["setuptime", "created", "sip_code", "duration"]);
    "cgrates", Marks::Names(&["RunID", "ToR", "Usage"]);
};

/// A UUID behind the hangup cause, or in its place among the 18 fields of the template that is called asterisk.
fn is_freeswitch(fields: &[String]) -> bool {
    let at = if fields.len() == 18 { 16 } else { 10 };
    let is_uuid = fields.get(at).is_some_and(|field| field.len() == 36 && uuid::Uuid::try_parse(field).is_ok());
    matches!(fields.len(), 13 | 15 | 17 | 18 | 20) && is_uuid
}

/// The disposition in its place.
fn is_asterisk(fields: &[String]) -> bool {
    let words = ["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "CANCEL"];
    (16..=21).contains(&fields.len()) && fields.get(14).is_some_and(|field| words.contains(&field.as_str()))
}

/// The names of all.
pub fn names() -> Vec<&'static str> {
    READY.iter().map(|ready| ready.name).collect()
}

/// The mapping that a file looks like which has these columns, keys or first fields; none where it is `but`.
pub fn looks_like(found: &[String], but: Option<&str>) -> Option<&'static str> {
    let has = |name: &&str| found.iter().any(|column| column.eq_ignore_ascii_case(name));
    let like = READY.iter().find(|ready| match ready.marks {
        Marks::Names(names) => names.iter().all(has),
        Marks::Fields(is) => is(found),
    });
    like.map(|ready| ready.name).filter(|name| Some(*name) != but)
}

/// True if a file without a header line, whose first fields these are, has the marks of the ready mapping of that name.
pub fn is_of(name: &str, found: &[String]) -> bool {
    READY.iter().find(|ready| ready.name == name).is_none_or(|ready| match ready.marks {
        Marks::Names(_) => true,
        Marks::Fields(is) => is(found),
    })
}

/// The text of the one with that name.
fn ready(name: &str) -> Option<&'static str> {
    READY.iter().find(|ready| ready.name == name).map(|ready| ready.text)
}

impl Mapping {
    /// The ready one of that name, or the file's.
    pub fn load(name: &str) -> Result<Self, String> {
        let text = match ready(name) {
            Some(text) => text.to_owned(),
            None => std::fs::read_to_string(Path::new(name)).map_err(|error| {
                format!("--map {name}: no ready mapping ({}) and no file: {error}", names().join(", "))
            })?,
        };
        let mapping = Self::parse(&text).map_err(|why| format!("--map {name}: {why}"))?;
        match &mapping.base {
            None if names().contains(&name) => Ok(Self { base: Some(name.to_owned()), ..mapping }),
            None => Ok(Self { own: mapping.names(), ..mapping }),
            Some(base) => {
                let known = ready(base)
                    .ok_or_else(|| format!("--map {name}: base: no ready mapping {base:?} ({})", names().join(", ")))?;
                let base = Self::parse(known).map_err(|why| format!("--map {base}: {why}"))?;
                Ok(Self { own: mapping.names(), ..mapping }.over(base))
            }
        }
    }

    /// Reads TOML; faults are one line with the line's number and its key.
    fn parse(text: &str) -> Result<Self, String> {
        let mapping: Self = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            let Some(span) = error.span() else { return message };
            let before = text.get(..span.start).unwrap_or(text);
            let at = before.matches('\n').count();
            let key = text.lines().nth(at).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
            match key {
                Some(key) => format!("line {}, {key}: {message}", at + 1),
                None => format!("line {}: {message}", at + 1),
            }
        })?;
        match mapping.columns.iter().find_map(|(column, source)| Some((column, source.full().fault()?))) {
            Some((column, why)) => Err(format!("columns.{column} {why}")),
            None => Ok(mapping),
        }
    }

    fn names(&self) -> OwnNames {
        OwnNames { columns: self.columns.keys().cloned().collect(), rows: self.rows.keys().cloned().collect() }
    }

    /// This one where it says something, and `base` elsewhere.
    fn over(self, base: Self) -> Self {
        let mut columns = base.columns;
        columns.extend(self.columns);
        let mut rows = base.rows;
        rows.extend(self.rows);
        Self {
            base: self.base,
            format: self.format.or(base.format),
            separator: self.separator.or(base.separator),
            header: self.header.or(base.header),
            before: self.before.or(base.before),
            after: self.after.or(base.after),
            null: self.null.or(base.null),
            time_zone: self.time_zone.or(base.time_zone),
            local_times: self.local_times || base.local_times,
            needs_zone: self.needs_zone || base.needs_zone,
            time_format: self.time_format.or(base.time_format),
            date_order: self.date_order.or(base.date_order),
            decimal_comma: self.decimal_comma || base.decimal_comma,
            only: self.only || base.only,
            ignore: [base.ignore, self.ignore].concat(),
            rows,
            needs: [base.needs, self.needs].concat(),
            note: self.note.or(base.note),
            columns,
            own: self.own,
        }
    }
}
