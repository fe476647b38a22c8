//! One column of the table, and how the file's columns fill it.

use super::column::{ColumnType, TargetColumn};
use super::duration::Unit;
use super::mapping::{ColumnSource, Full, Mapping, Scalar, same_letters};
use super::moment::Spelling;
use super::read::Recipe;
use super::row::RecordFields;
use super::sum::Sign;
use super::value::{InvalidValue, Notes, Style, write};

/// Columns that are 0 or 1: a row whose `is_last_cdr` is 2 would be in no report.
const FLAGS: &[&str] = &[
    "is_last_cdr",
    "success",
    "early_media_present",
    "audio_recorded",
    "destination_reverse_billing",
    "dialpeer_reverse_billing",
    "is_redirected",
    "customer_account_check_balance",
];

/// True for columns of phone numbers, or of what they begin with: `dst_prefix_in`, `lrn`, `caller_number`.
fn is_phone(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "lrn" | "diversion_in" | "diversion_out")
        || ["prefix", "number", "phone"].iter().any(|part| name.contains(part))
}

/// A column of the table and where its values come from.
#[derive(Clone, Debug)]
pub struct Target {
    /// The column.
    pub column: TargetColumn,
    /// Of the file; the first that is not empty counts.
    pub from: Vec<usize>,
    /// The same for every row, written already.
    constant: Option<Vec<u8>>,
    style: Style,
    /// The table's default is another than that of the type.
    pub(super) has_own_default: bool,
    /// Where the text is not just the field.
    recipe: Option<Recipe>,
}

impl Target {
    /// The column as the mapping, or `given` for every row, or its own name fills it; `None`
    /// where it is not.
    pub fn new(
        column: &TargetColumn,
        sources: &[String],
        mapping: &Mapping,
        given: Option<&str>,
        times: &Spelling,
    ) -> Result<Option<Self>, String> {
        let mapped = mapping.columns.get(&column.name).map(ColumnSource::full);
        let full = mapped.clone().unwrap_or_default();
        let mut names: Vec<&str> = full.from.list().iter().map(String::as_str).collect();
        if mapped.is_none() && !mapping.only {
            names.push(&column.name);
        }
        let mut from: Vec<usize> = names.iter().filter_map(|name| place(sources, name)).collect();
        from.dedup();
        let mut style = style(&full, mapping, times);
        style.is_flag = FLAGS.contains(&column.name.as_str());
        style.is_phone = is_phone(&column.name);
        let refused = |what: &str| match given.is_some() {
            true => format!("--set {}: {what}", column.name),
            false => format!("columns.{} of the mapping: {what}", column.name),
        };
        let value = given.map(str::to_owned).or_else(|| full.value.as_ref().map(Scalar::text));
        let constant = match value {
            None => None,
            Some(value) => {
                let mut bytes = Vec::new();
                if value.trim().is_empty() {
                    return Err(refused("the value is empty"));
                }
                // Who types a value may write either mark.
                let decimal_comma = style.decimal_comma && !value.contains('.');
                let plain = Style { words: Vec::new(), unit: None, decimal_comma, ..style.clone() };
                write(column, Some(&value), &plain, &mut Notes::default(), &mut bytes)
                    .map_err(|refusal| refused(&format!("{}: {}", refusal.value, refusal.why)))?;
                Some(bytes)
            }
        };
        if constant.is_none() && column.kind.is_some() {
            check_words(column, &style).map_err(|why| refused(&why))?;
        }
        if constant.is_none() && from.is_empty() {
            return Ok(None);
        }
        let recipe = recipe(&full, column, sources, mapping.decimal_comma);
        if recipe.other.is_some() && !recipe.is_time {
            style.unit = Some(Unit::Seconds);
        }
        let recipe = Some(recipe).filter(Recipe::is_needed);
        Ok(Some(Self { column: column.clone(), from, constant, style, has_own_default: false, recipe }))
    }

    /// The value of every row, as it is written.
    pub fn constant(&self) -> Option<&[u8]> {
        self.constant.as_deref()
    }

    /// True where it has a value also if the file has none.
    pub fn is_filled_anyway(&self) -> bool {
        self.constant.is_some() || self.style.default.is_some()
    }

    /// The value of every row without the flags before it, unless it is a default, null or a list.
    pub fn repeated(&self) -> Option<&[u8]> {
        let flags: &[u8] = if self.column.nullable { &[0, 0] } else { &[0] };
        let value = self.constant()?.strip_prefix(flags)?;
        if matches!(self.column.kind, Some(ColumnType::Array(_))) { None } else { Some(value) }
    }

    /// True if a value, as it is written, is what the table stores where a file has nothing.
    pub fn is_stored_default(&self, written: &[u8]) -> bool {
        match written {
            _ if self.has_own_default => false,
            [0, rest @ ..] if self.column.nullable => rest == [1],
            [0, rest @ ..] => rest.iter().all(|byte| *byte == 0),
            rest => rest == [1],
        }
    }

    /// True if 0 and 1 are all that it takes.
    pub fn is_flag(&self) -> bool {
        self.style.is_flag
    }

    /// True if its texts are phone numbers.
    pub fn is_phone(&self) -> bool {
        self.style.is_phone
    }

    /// The file's column, where a value is written as it stands there.
    pub fn plain(&self) -> Option<usize> {
        let Self { from, constant: None, style, recipe: None, .. } = self else { return None };
        let is_plain =
            style.words.is_empty() && style.unit.is_none() && style.default.is_none() && !style.decimal_comma;
        if let ([at], true) = (from.as_slice(), is_plain) { Some(*at) } else { None }
    }

    /// True if it reads that column of the file.
    pub fn reads(&self, at: usize) -> bool {
        let recipe = self.recipe.as_ref();
        self.from.contains(&at) || recipe.is_some_and(|recipe| recipe.others().any(|other| other == at))
    }

    /// The names and the texts of the file's columns that count in this record, for a human.
    pub fn told(&self, sources: &[String], cells: &RecordFields, record: &str) -> (String, String) {
        if self.constant.is_some() {
            return ("(every row)".to_owned(), String::new());
        }
        let name = |at: &usize| sources.get(*at).cloned().unwrap_or_default();
        let text = |at: &usize| cells.text(record, *at).unwrap_or_default().to_owned();
        let recipe = self.recipe.as_ref();
        let all = recipe.is_some_and(|recipe| recipe.join.is_some());
        let (mut names, mut texts) = if all {
            let parts = |of: &dyn Fn(&usize) -> String| self.from.iter().map(of).collect::<Vec<_>>();
            let between = recipe.and_then(|recipe| recipe.join.as_deref()).unwrap_or_default();
            (parts(&name).join(" + "), parts(&text).join(between))
        } else {
            let counts = self.from.iter().find(|at| !text(at).trim().is_empty()).or(self.from.first());
            (counts.map(name).unwrap_or_default(), counts.map(text).unwrap_or_default())
        };
        if let Some((sign, at)) = recipe.and_then(|recipe| recipe.other) {
            let sign = if sign == Sign::Plus { '+' } else { '-' };
            names = format!("{names} {sign} {}", name(&at));
            texts = format!("{texts} {sign} {}", text(&at));
        }
        (names, texts)
    }

    /// Writes the value behind `out`; true where it is the column's default.
    pub fn write(
        &self,
        cells: &RecordFields,
        record: &str,
        notes: &mut Notes,
        out: &mut Vec<u8>,
    ) -> Result<bool, InvalidValue> {
        if let Some(constant) = &self.constant {
            out.extend_from_slice(constant);
            return Ok(false);
        }
        match &self.recipe {
            None => {
                let text = self.from.iter().filter_map(|cell| cells.text(record, *cell)).find(|text| !text.is_empty());
                write(&self.column, text, &self.style, notes, out)
            }
            Some(recipe) => {
                let text = recipe.text(&self.from, cells, record, &self.style.times)?;
                write(&self.column, text.as_deref(), &self.style, notes, out)
            }
        }
    }
}

/// The place of the file's column of that name; in other letters, blanks and case do not matter if only one is like it.
pub fn place(sources: &[String], name: &str) -> Option<usize> {
    let exact = sources.iter().position(|source| source == name);
    exact.or_else(|| {
        let mut like = sources.iter().enumerate().filter(|(_, source)| same_letters(source, name));
        match (like.next(), like.next()) {
            (Some((at, _)), None) => Some(at),
            _ => None,
        }
    })
}

/// Refuses words and a default that the column cannot hold: each row that has them would be rejected.
fn check_words(column: &TargetColumn, style: &Style) -> Result<(), String> {
    let writes = |text: Option<&str>, style: &Style| {
        write(column, text, style, &mut Notes::default(), &mut Vec::new())
            .map_err(|refusal| format!("{}: {}", refusal.value, refusal.why))
    };
    for (word, value) in style.words.iter().filter(|(_, value)| value != "*") {
        let plain = Style { words: Vec::new(), default: Some(value.clone()), ..style.clone() };
        writes(None, &plain).map_err(|why| format!("words.{word}: {why}"))?;
    }
    writes(None, style).map(drop).map_err(|why| format!("default: {why}"))
}

fn recipe(full: &Full, column: &TargetColumn, sources: &[String], decimal_comma: bool) -> Recipe {
    let named = match (&full.plus, &full.minus) {
        (Some(name), _) => Some((Sign::Plus, name)),
        (None, Some(name)) => Some((Sign::Minus, name)),
        (None, None) => None,
    };
    let other = named.and_then(|(sign, name)| Some((sign, place(sources, name)?)));
    Recipe {
        join: full.join.clone(),
        readers: full.read.list().to_vec(),
        lacks_other: named.is_some() && other.is_none(),
        other,
        when: full.when.as_ref().map(|name| place(sources, name).ok_or(())),
        unit: full.unit,
        decimal_comma,
        is_time: column.is_time() || column.kind == Some(ColumnType::Day),
    }
}

fn style(full: &Full, mapping: &Mapping, times: &Spelling) -> Style {
    Style {
        times: times.clone(),
        unit: full.unit,
        rounding: full.round.map(Into::into).unwrap_or_default(),
        decimal_comma: mapping.decimal_comma,
        is_flag: false,
        is_phone: false,
        words: full.words.iter().map(|(word, value)| (word.clone(), value.text())).collect(),
        default: full.default.as_ref().map(Scalar::text),
    }
}
