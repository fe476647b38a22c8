//! Parameters of reports as the document describes them: everything from the role that they have in `report::param`.

use serde_json::{Map, Value, json};

use super::super::breakdown_params;
use super::super::state::State;
use super::reference;
use crate::demo;
use crate::query::filter::{Cmp, Column, LONGEST_LIST, LONGEST_TEXT, ParamType, TextOp};
use crate::query::sampling::Sampling;
use crate::report::audience::{Audience, Rights};
use crate::report::breakdown::{Compare, MOST_DIMENSIONS, MOST_ORDERS, MOST_ROWS};
use crate::report::cdrs::columns::{CDR_COLUMNS, CdrColumn};
use crate::report::cdrs::cursor::{CdrCursor, QuestionPrint};
use crate::report::cdrs::{MOST_COLUMNS, MOST_FILE_LIMIT, MOST_LIMIT, USUAL_LIMIT};
use crate::report::form::CsvSeparator;
use crate::report::groups::DIMENSIONS;
use crate::report::param::{Param, Role};
use crate::report::{OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, Report, Table};

const FROM: &str = "2026-03-02";
const TO: &str = "2026-03-02T01:59:59Z";

/// Up to seven days in each unit, as `spellings::duration` reads them: a form alone would promise `9731d`.
const SETTLE: &str = "^0*(([0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2}|604800)s\
                      |([0-9]{1,4}|100[0-7][0-9]|10080)m\
                      |([0-9]{1,2}|1[0-5][0-9]|16[0-8])h\
                      |[0-7]d)$";

/// A report's parameters, in its own order, without filters of columns that the tables lack: those are refused always.
pub fn of(report: &'static Report, state: &State) -> Vec<Value> {
    let answered = |param: &&Param| match param.role {
        Role::Filter(column, _) => state.engine.schema.can_filter(report.records.table(), column),
        _ => true,
    };
    let own = report.params().filter(answered).map(|param| parameter(report, param, state));
    own.chain([reference("parameters", "IfNoneMatch"), reference("parameters", "RequestId")]).collect()
}

/// A whole request: the examples of the required parameters, and an end, so that it does not reach to now.
pub fn example_query(report: &Report, state: &State) -> String {
    let asked = report.params().filter(|param| param.required || param.role == Role::To);
    let pair = |param: &Param| {
        let example = &parameter(report, param, state)["example"];
        let texts = example.as_array().into_iter().flatten().chain([example]).filter_map(Value::as_str);
        format!("{}={}", param.name, texts.collect::<Vec<_>>().join(","))
    };
    asked.map(pair).collect::<Vec<_>>().join("&")
}

/// The file of `/docs/{file}`.
pub fn page_file() -> Value {
    let names: Vec<&str> = super::super::docs::FILES.iter().map(|file| file.name).collect();
    json!({
        "name": "file", "in": "path", "required": true, "description": "Name of the file.",
        "schema": { "type": "string", "enum": names }, "example": names.first(),
    })
}

/// The file of `/assets/{file}`.
pub fn asset() -> Value {
    let names: Vec<&str> = super::super::page::assets().collect();
    json!({
        "name": "file", "in": "path", "required": true, "description": "Name of the file, which holds a digest of it.",
        "schema": { "type": "string", "enum": names }, "example": names.first(),
    })
}

/// Headers that every report reads.
pub fn components() -> Value {
    json!({
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "schema": { "type": "string" },
            "description": "ETags of answers that the caller holds; 304 if the answer is still one of them.",
        },
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "schema": { "type": "string" },
            "description": "An id to find the request in logs by; its letters, digits and `_@-` come back, 255 at most.",
        },
    })
}

/// Schemas that parameters share.
pub fn schemas(max_list_values: usize) -> Map<String, Value> {
    const HEX: &str = "[0-9A-Fa-f]";
    let uuid = format!("{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}");
    let schemas = [
        (
            "Uuid",
            json!({ "type": "string", "pattern": format!("^({uuid}|\\{{{uuid}\\}}|{HEX}{{32}})$"), "maxLength": 38 }),
        ),
        (
            "Instant",
            json!({
                "type": "string",
                "pattern": "^([0-9]{10}|[0-9]{13}|[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}\
                            (:[0-9]{2}((\\.[0-9]+)?([Zz]|[+ -][0-9]{2}:[0-9]{2}))?)?)?)$",
                "description": "RFC 3339 with any offset and fraction, with a space for its T too; a date, or date and \
                                time, read in `time-zone`, else in the service's own zone; or epoch seconds (10 \
                                digits) or milliseconds (13 digits). From 1970 to 2105.",
                "examples": [FROM, "2026-03-02 00:00", "2026-03-02T02:00:00.5+02:00", "1772409600", "1772409600000"],
            }),
        ),
        (
            "Price",
            json!({
                "type": "string",
                "pattern": "^-?(0*[0-9]{1,12}(\\.[0-9]+)?|0*1000000000000(\\.0+)?)$",
                "description": "A decimal of any number of places, without exponent, up to 10^12 either way.",
            }),
        ),
        ("IpAddress", json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })),
        (
            "Texts",
            json!({
                "type": "string", "maxLength": LONGEST_LIST,
                "pattern": format!("^([^,]+(,[^,]+){{0,{}}})?$", max_list_values.saturating_sub(1)),
                "description": format!("One text, or several with commas, {max_list_values} at most."),
            }),
        ),
        (
            "TimeZone",
            json!({
                "type": "string", "pattern": "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
                "description": "A name of the IANA time zone database, in its exact case.",
            }),
        ),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn parameter(report: &Report, param: &Param, state: &State) -> Value {
    let schema = |name| reference("schemas", name);
    // Documents are of all that there is; what a token may not see is unknown to it.
    let is_operators = OPERATORS_BREAKDOWNS
        .iter()
        .chain(OPERATORS_STATISTICS)
        .chain(OPERATORS_CDRS)
        .any(|own| own.name == report.name);
    let audience = if is_operators { Audience::Operator(Rights::ALL) } else { Audience::Customer };
    let words = |words: &[&str]| json!({ "type": "string", "enum": words });
    let (description, schema, example) = match param.role {
        Role::Account => (
            "The account: one of the token's customer. Another tenant's is refused as one that does not exist is."
                .into(),
            schema("Uuid"),
            demo::accounts(1).first().map_or(Value::Null, |account| account.uuid.to_string().into()),
        ),
        Role::From => (
            "Start of the window, inclusive; a date alone is its first second. In the future: the answer is `[]`.".into(),
            schema("Instant"),
            FROM.into(),
        ),
        Role::To => (
            "End of the window, inclusive; a date alone is its last second. Now, and calls ahead of the clock, if absent."
                .into(),
            schema("Instant"),
            TO.into(),
        ),
        Role::Sampling => sampling(report, state),
        Role::Filter(column, kind) => filter(report, column, kind, state.config.limits.max_list_values),
        Role::Numbers => ("Fractions as numbers rather than as texts.".into(), words(&["plain"]), "plain".into()),
        Role::TimeZone => (
            "Time zone of buckets from an hour up, and of times that name none.".into(),
            schema("TimeZone"),
            "Europe/Kyiv".into(),
        ),
        Role::WeekStart => ("First day of a week.".into(), words(&["monday", "sunday"]), "monday".into()),
        Role::DayStart => (
            "Time of day at which days, weeks and months begin; `00:00` if absent.".into(),
            json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" }),
            "02:30".into(),
        ),
        Role::Complete => (
            "Whether buckets that are not over are left out, with their calls.".into(),
            words(&["true", "false"]),
            "true".into(),
        ),
        Role::Settle => (
            "How long a bucket has to be over to be in the answer, up to seven days, in `s`, `m`, `h` or `d`; no matter \
             with `complete=false`."
                .into(),
            json!({ "type": "string", "pattern": SETTLE }),
            "10m".into(),
        ),
        Role::Fill => {
            ("Whether a bucket without calls is in the answer.".into(), words(&["true", "false"]), "false".into())
        }
        Role::Format => (
            "The format of the answer, before what `Accept` says. `columns`: JSON, column by column; `rows`: an array with an \
             object for each bucket or group, fractions as numbers, and nothing else; the others are files, whose column `row` \
             tells groups or buckets from `other` and `total`."
                .into(),
            words(&report.formats().map(|row| row.name).collect::<Vec<_>>()),
            "rows".into(),
        ),
        Role::TUnit => (
            "Unit of `t`: seconds or milliseconds; of formats without dates.".into(),
            words(&["s", "ms"]),
            "ms".into(),
        ),
        Role::Totals => {
            ("Whether a file has a row of totals; `true` if absent.".into(), words(&["true", "false"]), "false".into())
        }
        Role::CsvSeparator => (
            "The mark between the fields of CSV; `comma` if absent.".into(),
            words(&CsvSeparator::ALL.map(|(name, _)| name)),
            "semicolon".into(),
        ),
        Role::CsvDecimal => {
            ("The mark in the numbers of CSV; `point` if absent.".into(), words(&["point", "comma"]), "comma".into())
        }
        Role::CsvBom => (
            "Whether CSV begins with a byte order mark, by which Excel knows UTF-8; `false` if absent.".into(),
            words(&["true", "false"]),
            "true".into(),
        ),
        Role::CsvHeader => (
            "Whether CSV begins with a line of names; `false` for a file that goes on behind another.".into(),
            words(&["true", "false"]),
            "true".into(),
        ),
        Role::Accounts => {
            let example = demo::accounts(1).first().map_or(Value::Null, |account| json!([account.uuid.to_string()]));
            ("The accounts, all of the token's customer, with commas.".into(), list(schema("Uuid"), state.config.limits.max_list_values), example)
        }
        Role::Side => (
            "Calls that customers made, or attempts that were sent to vendors; origination if absent.".into(),
            words(&["origination", "termination"]),
            "origination".into(),
        ),
        Role::GroupBy => {
            let side = report.records.side();
            let names = DIMENSIONS.iter().filter(|row| audience.sees_dimension(row.by, side)).map(|row| row.name);
            let names = json!({ "type": "string", "enum": names.collect::<Vec<_>>() });
            ("Dimensions, up to three with commas, in the order of the columns.".into(), list(names, MOST_DIMENSIONS), json!(["dst-country"]))
        }
        Role::DstDigits => ("Digits of `dst-prefix`; required with it.".into(), number(1, 15), 3.into()),
        Role::SrcDigits => ("Digits of `src-prefix`; required with it.".into(), number(1, 15), 3.into()),
        Role::Measures => {
            let names = breakdown_params::measures(audience, report.records.side(), &state.engine.schema).map(|measure| measure.name()).collect::<Vec<_>>();
            let most = names.len();
            let usual: Vec<&str> = report.measures.iter().map(|measure| measure.name()).collect();
            (
                format!("Measures with commas, in the order of the columns; {} if absent. `lost_answers` needs `compare`.", usual.join(",")),
                list(json!({ "type": "string", "enum": names }), most),
                json!(usual),
            )
        }
        Role::ShortSeconds => ("Longest duration of a short call, seconds; 15 if absent.".into(), number(1, 60), 15.into()),
        Role::Compare => {
            let names = Compare::ALL.map(|(name, _)| name);
            (
                "Compares with the span before, or with the same wall clock a unit of the calendar earlier, up to the clock of the \
                 request: `_before` and `_change` behind each measure."
                    .into(),
                words(&names),
                "week".into(),
            )
        }
        Role::OrderBy => (
            "Columns of the answer, up to three with commas, with `-` before it the largest first; null comes last. `t` if there \
             is one, else `-total_calls`."
                .into(),
            list(json!({ "type": "string", "pattern": "^-?[a-z0-9_]+$" }), MOST_ORDERS),
            json!(["-total_calls"]),
        ),
        Role::Limit if report.lists_cdrs() => (
            format!(
                "Most CDRs of a page: {MOST_LIMIT} at most, {USUAL_LIMIT} if absent; it may have fewer, and `next` tells whether it is \
                 the last. Of a file: CDRs behind which it ends, with all of the last one's time and id; the header `Link` has the next."
            ),
            number(1, MOST_FILE_LIMIT),
            100.into(),
        ),
        Role::Columns => {
            let side = report.records.side();
            let seen = CDR_COLUMNS.iter().filter(|column| column.is_seen(audience, side)).map(|column| column.name);
            let usual: Vec<&str> = usual_columns(report, audience, state).iter().map(|column| column.name).collect();
            (
                format!("Columns with commas, in the order of the answer; {} if absent.", usual.join(",")),
                list(json!({ "type": "string", "enum": seen.collect::<Vec<_>>() }), MOST_COLUMNS),
                json!(["id", "time_start", "duration"]),
            )
        }
        Role::Cursor => {
            let id = state.engine.schema.cdrs.numeric_id.as_ref().map_or("", |_| "1").to_owned();
            let cursor = CdrCursor { time: 0, id, given: 0 };
            (
                "`next` of a page, or that of a file's `Link`: the CDRs behind it. Good for the same accounts, filters and columns \
                 only; the window may be another."
                    .into(),
                json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})+$" }),
                cursor.text(QuestionPrint::default()).into(),
            )
        }
        Role::Limit => (
            "Most groups; the others come together as `other`. 100 if absent; 1000 at most with `distinct_…`.".into(),
            number(1, MOST_ROWS),
            10.into(),
        ),
        Role::MinCalls => (
            "Groups with fewer calls in both windows go to `other`; the change of a ratio of fewer is null.".into(),
            number(0, u32::MAX as usize),
            0.into(),
        ),
        Role::Decimals => ("Decimals of money; 2 if absent.".into(), number(2, 6), 6.into()),
    };
    let mut parameter = json!({ "name": param.name, "in": "query", "description": description });
    if param.required {
        parameter["required"] = true.into();
    }
    if schema["type"] == "array" {
        parameter["explode"] = false.into();
    }
    parameter["schema"] = schema;
    parameter["example"] = example;
    parameter
}

/// The columns of raw CDRs whose caller names none.
fn usual_columns(report: &Report, audience: Audience, state: &State) -> Vec<&'static CdrColumn> {
    let has = |column: &&CdrColumn| state.engine.schema.cdrs.cdr_sql(column.name).is_some();
    let usual = CDR_COLUMNS.iter().filter(|column| column.is_usual(audience, report.records.side()));
    usual.filter(has).collect()
}

fn list(items: Value, most: usize) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1, "maxItems": most })
}

fn number(least: usize, most: usize) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

fn sampling(report: &Report, state: &State) -> (String, Value, Value) {
    let samplings: &[Sampling] = report.samplings;
    let names: Vec<&str> = samplings.iter().map(|sampling| sampling.name()).collect();
    if report.samplings.len() > 6 {
        let names = json!({ "type": "string", "enum": names });
        let example = names["enum"][0].clone();
        return ("Length of a bucket of `t`; required with it.".into(), names, example);
    }
    let description = format!(
        "Length of a bucket; from `from-time` to the earlier of `to-time` and now there may be {}.",
        state.config.limits.max_buckets
    );
    (description, json!({ "type": "string", "enum": names }), names.first().copied().into())
}

fn filter(report: &Report, column: Column, kind: ParamType, most: usize) -> (String, Value, Value) {
    let name = column.name();
    let what = match (report.records.table(), column) {
        (Table::ActiveCalls, Column::Duration) => "the seconds since the call was answered, at the snapshot,",
        (Table::Cdrs, Column::Duration) => "`duration`, in seconds,",
        _ => &format!("`{name}`"),
    };
    match kind {
        ParamType::Integer { cmp, min, max, list } => {
            let one = json!({ "type": "integer", "minimum": min, "maximum": max });
            let (schema, example) = match column {
                Column::Duration => (one, 60),
                Column::AuthOrigPort => (one, 5060),
                _ => (one, 1),
            };
            if list {
                let schema = json!({ "type": "array", "items": schema, "minItems": 1, "maxItems": most });
                let any = if cmp == Cmp::NotEq { "none" } else { "one" };
                (format!("Where {what} is {any} of the numbers, several with commas."), schema, json!([example]))
            } else {
                (format!("Where {what} is {} the number.", compared(cmp)), schema, example.into())
            }
        }
        ParamType::Price(cmp) => {
            (format!("Where {what} is {} the number.", compared(cmp)), reference("schemas", "Price"), "0.05".into())
        }
        ParamType::Text(op) => {
            let schema = json!({ "type": "string", "maxLength": LONGEST_TEXT });
            (format!("Where {what} {} the text.", matched(op)), schema, text(column).into())
        }
        ParamType::Texts(op) => (
            format!("Where {what} {} the text; several with commas.", matched(op)),
            reference("schemas", "Texts"),
            text(column).into(),
        ),
        ParamType::Ip => (
            format!("Where {what} is the same address, however it is written."),
            reference("schemas", "IpAddress"),
            "192.0.2.10".into(),
        ),
        ParamType::Positive => (
            format!("Where {what} is above 0, or is not."),
            json!({ "type": "string", "enum": ["true", "false"] }),
            "true".into(),
        ),
        ParamType::Null => (
            format!("Where {what} is null; `0`, `f`, `false`, `off` (or in capitals) and nothing: is not null."),
            json!({ "type": "string" }),
            "true".into(),
        ),
    }
}

fn compared(cmp: Cmp) -> &'static str {
    match cmp {
        Cmp::Eq => "equal to",
        Cmp::NotEq => "not equal to",
        Cmp::Gt => "greater than",
        Cmp::Lt => "less than",
        Cmp::GtEq => "greater than or equal to",
        Cmp::LtEq => "less than or equal to",
    }
}

fn matched(op: TextOp) -> &'static str {
    match op {
        TextOp::Eq => "is",
        TextOp::NotEq => "is not",
        TextOp::StartsWith => "starts with",
        TextOp::EndsWith => "ends with",
        TextOp::Contains => "holds, in either case,",
    }
}

fn text(column: Column) -> &'static str {
    if column == Column::SrcNameIn { "Reception" } else { "44" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::spellings;

    #[test]
    fn settle_is_promised_as_far_as_it_is_read() {
        let form = regex::Regex::new(SETTLE).expect("a pattern");
        for number in (0..20_000).chain(600_000..610_000) {
            for text in ["s", "m", "h", "d"].map(|unit| format!("{number}{unit}")) {
                assert_eq!(form.is_match(&text), spellings::duration(&text).is_some(), "{text}");
            }
        }
        for text in ["007d", "008d", "0000604800s", "", "m", "10", "-1m", "1.5h", "10w"] {
            assert_eq!(form.is_match(text), spellings::duration(text).is_some(), "{text}");
        }
    }
}
