//! The kinds over the columns of one table, as SQL. Names and expressions are the settings' own; values travel apart.

use super::kinds::{KINDS, OddKind, TWICE, expression};
use crate::report::Table;
use crate::sql::schema::TableSchema;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A kind that can be checked in the table.
#[derive(Debug)]
pub struct Rule {
    /// The kind.
    pub kind: &'static OddKind,
    /// The condition; empty for the kind that compares rows with each other.
    pub condition: String,
    /// A condition that some row of the table has to meet, if the kind wants one.
    pub beside: Option<String>,
    /// The row's values that are shown, as one text.
    shows: String,
}

/// The checks of one table.
#[derive(Debug)]
pub struct Rules {
    /// The table's name.
    pub table: String,
    /// Checks that the table has the columns for.
    pub rules: Vec<Rule>,
    /// Kinds that cannot be checked, and why.
    pub unchecked: Vec<(&'static str, String)>,
    /// The time of a row.
    time: String,
    /// The id of a row, null where it has none.
    id: Option<String>,
    /// The table is ordered by account, time and id.
    is_ours: bool,
}

/// Condition on time under which rows are compared with each other: one row of another age has no whole table read.
const SANE: &str = "toDateTime(631152000) AND now() + 86400";

impl Rules {
    /// The rules of a table.
    pub fn new(of: Table, table: &TableSchema, max_duration_days: u32) -> Self {
        let max_seconds = u64::from(max_duration_days) * DAY;
        let time = match of {
            Table::Cdrs => "time_start",
            Table::ActiveCalls => "snapshot_timestamp",
        };
        let mut rules = Self {
            table: table.name.clone(),
            rules: Vec::new(),
            unchecked: Vec::new(),
            time: table.sql(time).to_owned(),
            id: expression(table, "id").map(str::to_owned),
            is_ours: table.is_ours,
        };
        for kind in KINDS.iter().filter(|kind| kind.table == of) {
            let condition = match kind.name {
                TWICE if rules.id.is_none() => Err("the table has no id".to_owned()),
                TWICE if table.replaces => Err("the table replaces rows of one key".to_owned()),
                TWICE => Ok(String::new()),
                _ => kind.condition(table, max_seconds),
            };
            match condition {
                Ok(condition) => {
                    let beside = kind.beside.and_then(|test| test.over(table, max_seconds));
                    rules.rules.push(Rule { kind, condition, beside, shows: shows(kind, table, time) });
                }
                Err(why) => rules.unchecked.push((kind.name, why)),
            }
        }
        rules
    }

    /// The place of the kind that compares rows.
    pub fn twice(&self) -> Option<usize> {
        self.rules.iter().position(|rule| rule.kind.name == TWICE)
    }

    /// The rules that one row decides, with their places.
    pub fn simple(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(|(_, rule)| !rule.condition.is_empty())
    }

    fn id_text(&self) -> String {
        self.id.as_ref().map_or_else(|| "''".to_owned(), |id| format!("ifNull(toString({id}), '')"))
    }

    fn time_text(&self) -> String {
        format!("toString(toDateTime({}, 'UTC'))", self.time)
    }

    /// Id, time and values of a row, as a tuple of texts.
    fn example(&self, rule: &Rule) -> String {
        format!("({}, {}, {})", self.id_text(), self.time_text(), rule.shows)
    }

    /// For each part of `{parts}`: its name, rows, first and last plausible time, odd rows by rule, one of each, and the rows
    /// that rules want beside them, in the order of the rules that do.
    pub fn parts(&self) -> String {
        let counts: Vec<_> = self.simple().map(|(_, rule)| format!("countIf({})", rule.condition)).collect();
        let examples: Vec<_> =
            self.simple().map(|(_, rule)| format!("anyIf({}, {})", self.example(rule), rule.condition)).collect();
        let beside: Vec<_> =
            self.rules.iter().filter_map(|rule| Some(format!("countIf({})", rule.beside.as_ref()?))).collect();
        let Self { time, table, .. } = self;
        format!(
            "SELECT CAST(_part, 'String') AS cdrscope_part, count(), toUInt32(minIf({time}, {time} BETWEEN {SANE})), \
             toUInt32(maxIf({time}, {time} BETWEEN {SANE})), CAST([{}], 'Array(UInt64)'), \
             CAST([{}], 'Array(Tuple(String, String, String))'), CAST([{}], 'Array(UInt64)') \
             FROM {table} WHERE _part IN {{parts:Array(String)}} GROUP BY cdrscope_part",
            counts.join(", "),
            examples.join(", "),
            beside.join(", ")
        )
    }

    /// For each part of `{parts}`: how many of its rows have the id of another row, and one of them. Other rows are looked for
    /// between `{from}` and `{to}`, in `depth`.
    pub fn doubles(&self, depth: Depth) -> Option<String> {
        let (Self { time, table, .. }, id) = (self, self.id.as_ref()?);
        let new = "_part IN {parts:Array(String)}";
        let among = match depth {
            Depth::Range => format!(
                "{time} >= toDateTime({{from:UInt32}}) AND {time} <= toDateTime({{to:UInt32}}) \
                 AND {id} IN (SELECT {id} FROM {table} WHERE {new} AND {id} IS NOT NULL)"
            ),
            Depth::Key if self.is_ours => format!(
                "(customer_acc_id, time_start, id) IN (SELECT customer_acc_id, time_start, id FROM {table} WHERE {new})"
            ),
            Depth::Key => return None,
            Depth::Parts => new.to_owned(),
        };
        // A row of a new part is one too many, but for the first if no older row has its id.
        Some(format!(
            "SELECT CAST(cdrscope_part, 'String') AS part, count(), \
             CAST(any((toString(cdrscope_id), cdrscope_time, '')), 'Tuple(String, String, String)') FROM (\
             SELECT assumeNotNull({id}) AS cdrscope_id, any({}) AS cdrscope_time, \
             arraySort(groupArrayIf(CAST(_part, 'String'), {new})) AS cdrscope_parts, countIf(NOT ({new})) AS cdrscope_old \
             FROM {table} WHERE {among} AND {id} IS NOT NULL GROUP BY cdrscope_id \
             HAVING count() > 1 AND notEmpty(cdrscope_parts)) \
             ARRAY JOIN if(cdrscope_old > 0, cdrscope_parts, arraySlice(cdrscope_parts, 2)) AS cdrscope_part GROUP BY part",
            self.time_text()
        ))
    }

    /// 1 if some row meets the condition.
    pub fn any(&self, condition: &str) -> String {
        format!("SELECT toUInt8(1) FROM {} WHERE {condition} LIMIT 1", self.table)
    }

    /// Months that have rows between `{from}` and `{to}`, both inclusive: the first and last second that is asked for in each, and rows.
    pub fn months(&self) -> String {
        let Self { time, table, .. } = self;
        format!(
            "SELECT toUInt32(greatest(toDateTime({{from:UInt32}}), toDateTime(toStartOfMonth(toDateTime({time}, 'UTC')), 'UTC'))) AS cdrscope_from, \
             count() FROM {table} WHERE {time} >= toDateTime({{from:UInt32}}) AND {time} <= toDateTime({{to:UInt32}}) \
             GROUP BY cdrscope_from ORDER BY cdrscope_from"
        )
    }

    /// Rows between `{from}` and `{to}`: how many, odd ones by rule, and up to three of each.
    pub fn range(&self) -> String {
        let counts: Vec<_> = self.simple().map(|(_, rule)| format!("countIf({})", rule.condition)).collect();
        let examples: Vec<_> = self
            .simple()
            .map(|(_, rule)| format!("groupArrayIf(3)({}, {})", self.example(rule), rule.condition))
            .collect();
        let Self { time, table, .. } = self;
        format!(
            "SELECT count(), CAST([{}], 'Array(UInt64)'), CAST([{}], 'Array(Array(Tuple(String, String, String)))') \
             FROM {table} WHERE {time} >= toDateTime({{from:UInt32}}) AND {time} <= toDateTime({{to:UInt32}})",
            counts.join(", "),
            examples.join(", ")
        )
    }

    /// Rows between `{from}` and `{to}` beyond the first of their id, of a share `{share}` of `{shares}` of the ids, and up to
    /// three ids.
    pub fn doubles_of_range(&self) -> Option<String> {
        let (Self { time, table, .. }, id) = (self, self.id.as_ref()?);
        Some(format!(
            "SELECT toUInt64(sum(cdrscope_rows - 1)), CAST(groupArray(3)((toString(cdrscope_id), cdrscope_time, \
             concat(toString(cdrscope_rows), ' rows'))), 'Array(Tuple(String, String, String))') FROM (\
             SELECT assumeNotNull({id}) AS cdrscope_id, count() AS cdrscope_rows, any({}) AS cdrscope_time FROM {table} \
             WHERE {time} >= toDateTime({{from:UInt32}}) AND {time} <= toDateTime({{to:UInt32}}) AND {id} IS NOT NULL \
             AND cityHash64({id}) % {{shares:UInt32}} = {{share:UInt32}} GROUP BY cdrscope_id HAVING cdrscope_rows > 1)",
            self.time_text()
        ))
    }
}

/// The range in which rows with the ids of new ones are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// In the time of the new rows.
    Range,
    /// Where account and time are the same too.
    Key,
    /// In the new parts themselves.
    Parts,
}

/// The values of the columns that a kind looks at, but for the time that is shown anyway: `duration=-3`.
fn shows(kind: &OddKind, table: &TableSchema, time: &str) -> String {
    let columns = kind.columns().into_iter().filter(|column| *column != time);
    let values: Vec<_> = columns
        .filter_map(|column| Some(format!("'{column}=', ifNull(toString({}), 'null')", expression(table, column)?)))
        .collect();
    match values.is_empty() {
        true => "''".to_owned(),
        false => format!("concat({}, '')", values.join(", ' ', ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rules: &Rules) -> Vec<&str> {
        rules.rules.iter().map(|rule| rule.kind.name).collect()
    }

    #[test]
    fn names_of_kinds_are_unique_and_every_placeholder_is_filled() {
        let checked = crate::tables::CHECKED.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
        let table = TableSchema { checked, ..TableSchema::plain("t") };
        for (of, count) in [(Table::Cdrs, 9), (Table::ActiveCalls, 5)] {
            let rules = Rules::new(of, &table, 3);
            assert_eq!((rules.rules.len(), rules.unchecked.len()), (count, 0));
            assert!(rules.rules.iter().all(|rule| !rule.condition.contains('{')), "{rules:?}");
            assert!(
                rules
                    .rules
                    .iter()
                    .filter(|rule| rule.kind.name.contains("long"))
                    .all(|rule| rule.condition.contains("259200"))
            );
        }
        for (i, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..i].iter().all(|other| other.name != kind.name), "{}", kind.name);
        }
    }

    #[test]
    fn kinds_whose_columns_are_lacking_are_named_and_alternatives_remain() {
        let missing = ["customer_duration", "vendor_duration"].map(str::to_owned).to_vec();
        let table = TableSchema { missing, ..TableSchema::plain("t") };
        let rules = Rules::new(Table::Cdrs, &table, 3);
        assert!(names(&rules).contains(&"negative_duration") && !rules.rules[0].condition.contains("vendor_duration"));
        let unchecked = [
            ("times_out_of_order", "the table has no time_connect, time_end".to_owned()),
            (TWICE, "the table has no id".to_owned()),
        ];
        assert_eq!(rules.unchecked, unchecked);
        let checked = [("id".to_owned(), "nullIf(id, 0)".to_owned())].into();
        let replacing = TableSchema { replaces: true, checked, ..table };
        assert_eq!(Rules::new(Table::Cdrs, &replacing, 3).unchecked[1].1, "the table replaces rows of one key");
    }

    #[test]
    fn conditions_stand_over_the_operators_own_expressions() {
        let expressions = [("duration".to_owned(), "ifNull((seconds), 0)".to_owned())].into();
        let table = TableSchema { expressions, ..TableSchema::plain("t") };
        let rules = Rules::new(Table::Cdrs, &table, 3);
        assert!(rules.rules[0].condition.contains("ifNull((seconds), 0) < 0"), "{}", rules.rules[0].condition);
        assert!(rules.parts().contains("'duration=', ifNull(toString(ifNull((seconds), 0)), 'null')"));
    }
}
