//! The parameters of the customer API, as data, in the order in which their values are checked.

use super::Side;
use crate::query::filter::{Cmp, Column, ParamType, TextOp};

/// The role of a parameter in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `account-id`.
    Account,
    /// `from-time`.
    From,
    /// `to-time`.
    To,
    /// `sampling`.
    Sampling,
    /// A filter of a column.
    Filter(Column, ParamType),
    /// `numbers`.
    Numbers,
    /// `time-zone`.
    TimeZone,
    /// `week-start`.
    WeekStart,
    /// `day-start`.
    DayStart,
    /// `complete`.
    Complete,
    /// `settle`.
    Settle,
    /// `fill`.
    Fill,
    /// `format`.
    Format,
    /// `t-unit`.
    TUnit,
    /// `totals`.
    Totals,
    /// `csv-separator`.
    CsvSeparator,
    /// `csv-decimal`.
    CsvDecimal,
    /// `csv-bom`.
    CsvBom,
    /// `csv-header`.
    CsvHeader,
    /// `account-id`, several with commas.
    Accounts,
    /// `side`.
    Side,
    /// `group-by`.
    GroupBy,
    /// `dst-prefix-digits`.
    DstDigits,
    /// `src-prefix-digits`.
    SrcDigits,
    /// `measures`.
    Measures,
    /// `short-seconds`.
    ShortSeconds,
    /// `compare`.
    Compare,
    /// `order-by`.
    OrderBy,
    /// `limit`.
    Limit,
    /// `min-calls`.
    MinCalls,
    /// `decimals`.
    Decimals,
    /// `columns`.
    Columns,
    /// `cursor`.
    Cursor,
}

/// A parameter of a report.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in the query string.
    pub name: &'static str,
    /// Its role in the request.
    pub role: Role,
    /// True if a request without it is refused.
    pub required: bool,
}

const fn param(name: &'static str, role: Role) -> Param {
    let required = matches!(role, Role::Account | Role::Accounts | Role::From | Role::Sampling | Role::GroupBy);
    Param { name, role, required }
}

const fn optional(name: &'static str, role: Role) -> Param {
    Param { name, role, required: false }
}

const fn filter(name: &'static str, column: Column, kind: ParamType) -> Param {
    param(name, Role::Filter(column, kind))
}

/// Ids of UInt32.
const fn uint32s(cmp: Cmp) -> ParamType {
    ParamType::Integer { cmp, min: 0, max: u32::MAX as i64, list: true }
}

/// Codes and ids of Int32.
const fn int32s() -> ParamType {
    ParamType::Integer { cmp: Cmp::Eq, min: i32::MIN as i64, max: i32::MAX as i64, list: true }
}

/// Codes and ids of Int16.
const fn int16s() -> ParamType {
    ParamType::Integer { cmp: Cmp::Eq, min: i16::MIN as i64, max: i16::MAX as i64, list: true }
}

const fn int32(cmp: Cmp) -> ParamType {
    ParamType::Integer { cmp, min: i32::MIN as i64, max: i32::MAX as i64, list: false }
}

macro_rules! texts {
    ($name:literal, $column:expr) => {
        [
            filter(concat!($name, "-eq"), $column, ParamType::Text(TextOp::Eq)),
            filter(concat!($name, "-starts-with"), $column, ParamType::Texts(TextOp::StartsWith)),
            filter(concat!($name, "-ends-with"), $column, ParamType::Text(TextOp::EndsWith)),
            filter(concat!($name, "-contains"), $column, ParamType::Text(TextOp::Contains)),
            filter(concat!($name, "-in"), $column, ParamType::Texts(TextOp::Eq)),
            filter(concat!($name, "-not-eq"), $column, ParamType::Texts(TextOp::NotEq)),
        ]
    };
}

/// Names hold commas, so only `-in` takes several.
macro_rules! names {
    ($name:literal, $column:expr) => {
        [
            filter(concat!($name, "-eq"), $column, ParamType::Text(TextOp::Eq)),
            filter(concat!($name, "-starts-with"), $column, ParamType::Text(TextOp::StartsWith)),
            filter(concat!($name, "-ends-with"), $column, ParamType::Text(TextOp::EndsWith)),
            filter(concat!($name, "-contains"), $column, ParamType::Text(TextOp::Contains)),
            filter(concat!($name, "-in"), $column, ParamType::Texts(TextOp::Eq)),
            filter(concat!($name, "-not-eq"), $column, ParamType::Text(TextOp::NotEq)),
        ]
    };
}

macro_rules! comparisons {
    ($name:literal, $column:expr, $kind:path) => {
        [
            filter(concat!($name, "-eq"), $column, $kind(Cmp::Eq)),
            filter(concat!($name, "-gt"), $column, $kind(Cmp::Gt)),
            filter(concat!($name, "-lt"), $column, $kind(Cmp::Lt)),
            filter(concat!($name, "-not-eq"), $column, $kind(Cmp::NotEq)),
            filter(concat!($name, "-gteq"), $column, $kind(Cmp::GtEq)),
            filter(concat!($name, "-lteq"), $column, $kind(Cmp::LtEq)),
        ]
    };
}

/// Joins two lists at compile time.
macro_rules! join {
    ($a:expr, $b:expr) => {{
        const A: &[Param] = $a;
        const B: &[Param] = $b;
        const JOINED: [Param; A.len() + B.len()] = {
            let mut joined = [A[0]; A.len() + B.len()];
            let mut i = 1;
            while i < A.len() + B.len() {
                joined[i] = if i < A.len() { A[i] } else { B[i - A.len()] };
                i += 1;
            }
            joined
        };
        &JOINED
    }};
}

/// The account alone.
pub const ACCOUNT: &[Param] = &[param("account-id", Role::Account)];

/// The account and a window of time.
pub const WINDOW: &[Param] =
    &[param("account-id", Role::Account), param("from-time", Role::From), param("to-time", Role::To)];

/// The account, a window of time and a sampling.
pub const SCOPE: &[Param] = join!(WINDOW, &[param("sampling", Role::Sampling)]);

/// Filters by prefix.
pub const PREFIXES: &[Param] = join!(
    &texts!("src-prefix-routing", Column::SrcPrefixRouting),
    &texts!("dst-prefix-routing", Column::DstPrefixRouting)
);

/// Filters that every report with a window has: countries, prefixes, duration.
pub const COMMON: &[Param] = join!(
    join!(
        &[
            filter("src-country-id", Column::SrcCountryId, uint32s(Cmp::Eq)),
            filter("dst-country-id", Column::DstCountryId, uint32s(Cmp::Eq)),
            filter("src-country-id-not-eq", Column::SrcCountryId, uint32s(Cmp::NotEq)),
            filter("dst-country-id-not-eq", Column::DstCountryId, uint32s(Cmp::NotEq)),
        ],
        PREFIXES
    ),
    &comparisons!("duration", Column::Duration, int32)
);

/// The caller's address.
pub const ORIGIN: &[Param] = &[filter("auth-orig-ip", Column::AuthOrigIp, ParamType::Ip)];

/// Filters by the customer's price.
pub const CUSTOMER_PRICE: &[Param] = &comparisons!("customer-price", Column::CustomerPrice, ParamType::Price);

/// Filters by the vendor's price.
pub const VENDOR_PRICE: &[Param] = &comparisons!("vendor-price", Column::VendorPrice, ParamType::Price);

/// Filters of live calls.
pub const LEG: &[Param] = join!(
    join!(
        &[
            filter("auth-orig-port", Column::AuthOrigPort, int32(Cmp::Eq)),
            filter(
                "auth-orig-transport-protocol-id",
                Column::AuthOrigTransportProtocolId,
                ParamType::Integer { cmp: Cmp::Eq, min: i8::MIN as i64, max: i8::MAX as i64, list: false }
            ),
            filter("connect-time-null", Column::ConnectTime, ParamType::Null),
        ],
        &names!("src-name-in", Column::SrcNameIn)
    ),
    join!(&texts!("src-prefix-in", Column::SrcPrefixIn), &texts!("dst-prefix-in", Column::DstPrefixIn))
);

/// A filter of calls by a column of `cdrs` alone, one for each dimension and some more. Grafana's ad-hoc filters of breakdowns are
/// made of those that compare for equality.
#[derive(Clone, Copy, Debug)]
pub struct CallFilter {
    /// Its name in the query string.
    pub name: &'static str,
    /// The column of calls that an account made; `None` if a customer has none.
    pub of_customer: Option<Column>,
    /// The column of attempts that were sent to a vendor's account; `None` if a vendor has none.
    pub of_vendor: Option<Column>,
    /// The type of its values.
    pub kind: ParamType,
}

macro_rules! call_filters {
    (@column -) => { None };
    (@column $column:ident) => { Some(Column::$column) };
    ($($name:literal $customer:tt $vendor:tt $kind:expr;)+) => {
        &[$(CallFilter {
            name: $name,
            of_customer: call_filters!(@column $customer),
            of_vendor: call_filters!(@column $vendor),
            kind: $kind,
        },)+]
    };
}

/// The catalogue, in the order in which they are checked.
pub const CALL_FILTERS: &[CallFilter] = call_filters! {
    // name                          of a customer             of a vendor            values
    "destination-prefix-eq"          DestinationPrefix         DestinationPrefix      ParamType::Text(TextOp::Eq);
    "destination-prefix-in"          DestinationPrefix         DestinationPrefix      ParamType::Texts(TextOp::Eq);
    "destination-prefix-starts-with" DestinationPrefix         DestinationPrefix      ParamType::Texts(TextOp::StartsWith);
    "dst-network-id"                 DstNetworkId              DstNetworkId           int32s();
    "disconnect-code"                LegaDisconnectCode        LegbDisconnectCode     int32s();
    "q850-cause"                     LegaQ850Cause             LegbQ850Cause          int16s();
    "customer-auth-id"               CustomerAuthId            -                      int32s();
    "term-gw-id"                     -                         TermGwId               int32s();
    "currency"                       CustomerCurrencyId        VendorCurrencyId       int16s();
    "reverse-billing"                DestinationReverseBilling DialpeerReverseBilling ParamType::Positive;
    "answered"                       Duration                  Duration               ParamType::Positive;
};

/// The parameter of a filter that a side has, or of one that the other side alone has.
const fn of_side(row: &CallFilter, side: Side, of_other_alone: bool) -> Option<Param> {
    let (own, other) = match side {
        Side::Origination => (row.of_customer, row.of_vendor),
        Side::Termination => (row.of_vendor, row.of_customer),
    };
    match (own, other) {
        (Some(column), _) if !of_other_alone => Some(filter(row.name, column, row.kind)),
        (None, Some(column)) if of_other_alone => Some(filter(row.name, column, row.kind)),
        _ => None,
    }
}

macro_rules! of_side {
    ($side:ident, $of_other_alone:literal) => {{
        const COUNT: usize = {
            let (mut count, mut row) = (0, 0);
            while row < CALL_FILTERS.len() {
                count += of_side(&CALL_FILTERS[row], Side::$side, $of_other_alone).is_some() as usize;
                row += 1;
            }
            count
        };
        const PARAMS: [Param; COUNT] = {
            let (mut params, mut count, mut row) = ([ACCOUNT[0]; COUNT], 0, 0);
            while row < CALL_FILTERS.len() {
                if let Some(param) = of_side(&CALL_FILTERS[row], Side::$side, $of_other_alone) {
                    params[count] = param;
                    count += 1;
                }
                row += 1;
            }
            params
        };
        &PARAMS
    }};
}

/// Those of calls that an account made.
pub const CUSTOMER_CALL_FILTERS: &[Param] = of_side!(Origination, false);

/// Those of attempts that were sent to a vendor's account.
pub const VENDOR_CALL_FILTERS: &[Param] = of_side!(Termination, false);

/// Those that a vendor alone has, of calls that an account made.
pub const OPERATORS_ON_CALLS: &[Param] = of_side!(Origination, true);

/// Those that a customer alone has, of attempts that were sent to a vendor's account.
pub const OPERATORS_ON_ATTEMPTS: &[Param] = of_side!(Termination, true);

/// The accounts, window and dimensions of a breakdown.
pub const BREAKDOWN_SCOPE: &[Param] = &[
    param("account-id", Role::Accounts),
    param("from-time", Role::From),
    param("to-time", Role::To),
    param("group-by", Role::GroupBy),
    param("dst-prefix-digits", Role::DstDigits),
    param("src-prefix-digits", Role::SrcDigits),
    optional("sampling", Role::Sampling),
];

/// The same of a breakdown of the operator's, which may be of all accounts.
pub const OPERATOR_SCOPE: &[Param] = join!(
    OPERATOR_WINDOW,
    &[
        param("group-by", Role::GroupBy),
        param("dst-prefix-digits", Role::DstDigits),
        param("src-prefix-digits", Role::SrcDigits),
        optional("sampling", Role::Sampling),
    ]
);

/// The accounts, side and window of the operator's reports.
pub const OPERATOR_WINDOW: &[Param] = &[
    param("side", Role::Side),
    optional("account-id", Role::Accounts),
    param("from-time", Role::From),
    param("to-time", Role::To),
];

/// The same with a sampling and measures.
pub const OPERATOR_SERIES: &[Param] =
    join!(OPERATOR_WINDOW, &[param("sampling", Role::Sampling), param("measures", Role::Measures)]);

/// Customers and vendors, which the operator alone tells apart.
pub const CONTRACTORS: &[Param] = &[
    filter("customer-id", Column::CustomerId, uint32s(Cmp::Eq)),
    filter("vendor-id", Column::VendorId, uint32s(Cmp::Eq)),
];

/// The dialect of CSV.
const CSV: &[Param] = &[
    param("csv-separator", Role::CsvSeparator),
    param("csv-decimal", Role::CsvDecimal),
    param("csv-bom", Role::CsvBom),
];

/// The format alone.
pub const FORMAT: &[Param] = join!(&[param("format", Role::Format)], CSV);

/// The format of a result with times and totals.
const RESULT_FORMAT: &[Param] =
    join!(&[param("format", Role::Format), param("t-unit", Role::TUnit), param("totals", Role::Totals)], CSV);

/// The accounts and window of raw CDRs.
pub const CDR_SCOPE: &[Param] =
    &[param("account-id", Role::Accounts), param("from-time", Role::From), param("to-time", Role::To)];

/// The columns, the page and the form of raw CDRs.
pub const CDR_FORM: &[Param] = join!(
    &[
        param("time-zone", Role::TimeZone),
        param("columns", Role::Columns),
        param("limit", Role::Limit),
        param("cursor", Role::Cursor),
        param("numbers", Role::Numbers),
    ],
    join!(FORMAT, &[param("csv-header", Role::CsvHeader)])
);

/// The measures and form of a breakdown's answer.
pub const BREAKDOWN_FORM: &[Param] = join!(BREAKDOWN_TERMS, RESULT_FORMAT);

/// The measures and order of a breakdown's answer.
const BREAKDOWN_TERMS: &[Param] = &[
    param("time-zone", Role::TimeZone),
    param("week-start", Role::WeekStart),
    param("day-start", Role::DayStart),
    param("measures", Role::Measures),
    param("short-seconds", Role::ShortSeconds),
    param("compare", Role::Compare),
    param("order-by", Role::OrderBy),
    param("limit", Role::Limit),
    param("min-calls", Role::MinCalls),
    param("decimals", Role::Decimals),
    param("numbers", Role::Numbers),
];

/// The form of an answer of live-call counts.
pub const GRID_FORM: &[Param] =
    join!(&[param("fill", Role::Fill), param("format", Role::Format), param("t-unit", Role::TUnit)], CSV);

/// The form of an answer of statistics.
pub const FORM: &[Param] = join!(
    &[
        param("numbers", Role::Numbers),
        param("time-zone", Role::TimeZone),
        param("week-start", Role::WeekStart),
        param("day-start", Role::DayStart),
        param("complete", Role::Complete),
        param("settle", Role::Settle),
        param("compare", Role::Compare),
        param("fill", Role::Fill),
    ],
    RESULT_FORMAT
);

#[cfg(test)]
mod tests {
    use crate::report::{BREAKDOWNS, CDRS, OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, REPORTS, find};

    #[test]
    fn names_are_unique_within_a_report() {
        let operators = OPERATORS_BREAKDOWNS.iter().chain(OPERATORS_STATISTICS).chain(OPERATORS_CDRS);
        for report in REPORTS.iter().chain(BREAKDOWNS).chain(CDRS).chain(operators) {
            let mut names: Vec<&str> = report.params().map(|param| param.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{}", report.name);
        }
    }

    #[test]
    fn the_seed_has_its_21_parameters() {
        let seed = [
            "account-id",
            "from-time",
            "sampling",
            "to-time",
            "src-country-id",
            "dst-country-id",
            "src-prefix-routing-eq",
            "src-prefix-routing-starts-with",
            "src-prefix-routing-ends-with",
            "src-prefix-routing-contains",
            "dst-prefix-routing-eq",
            "dst-prefix-routing-starts-with",
            "dst-prefix-routing-ends-with",
            "dst-prefix-routing-contains",
            "duration-eq",
            "duration-gt",
            "duration-lt",
            "auth-orig-ip",
            "customer-price-eq",
            "customer-price-gt",
            "customer-price-lt",
        ];
        let names: Vec<&str> =
            find("origination-statistics-quality").unwrap().params().map(|param| param.name).collect();
        for name in seed {
            assert!(names.contains(&name), "{name}");
        }
    }
}
