//! The parameters of the customer API, as data, in the order in which their values are checked.

use crate::query::filter::{Cmp, Column, Kind, TextOp};

/// What a parameter does.
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
    Filter(Column, Kind),
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
}

/// A parameter of a report.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in the query string.
    pub name: &'static str,
    /// What it does.
    pub role: Role,
}

impl Param {
    /// True if a request without it is refused.
    pub fn required(&self) -> bool {
        matches!(self.role, Role::Account | Role::From | Role::Sampling)
    }
}

const fn param(name: &'static str, role: Role) -> Param {
    Param { name, role }
}

const fn filter(name: &'static str, column: Column, kind: Kind) -> Param {
    param(name, Role::Filter(column, kind))
}

const fn id(cmp: Cmp) -> Kind {
    Kind::Integer { cmp, min: 0, max: u32::MAX as i64, list: true }
}

const fn int32(cmp: Cmp) -> Kind {
    Kind::Integer { cmp, min: i32::MIN as i64, max: i32::MAX as i64, list: false }
}

macro_rules! texts {
    ($name:literal, $column:expr) => {
        [
            filter(concat!($name, "-eq"), $column, Kind::Text(TextOp::Eq)),
            filter(concat!($name, "-starts-with"), $column, Kind::Texts(TextOp::StartsWith)),
            filter(concat!($name, "-ends-with"), $column, Kind::Text(TextOp::EndsWith)),
            filter(concat!($name, "-contains"), $column, Kind::Text(TextOp::Contains)),
            filter(concat!($name, "-in"), $column, Kind::Texts(TextOp::Eq)),
            filter(concat!($name, "-not-eq"), $column, Kind::Texts(TextOp::NotEq)),
        ]
    };
}

/// Names hold commas, so only `-in` takes several.
macro_rules! names {
    ($name:literal, $column:expr) => {
        [
            filter(concat!($name, "-eq"), $column, Kind::Text(TextOp::Eq)),
            filter(concat!($name, "-starts-with"), $column, Kind::Text(TextOp::StartsWith)),
            filter(concat!($name, "-ends-with"), $column, Kind::Text(TextOp::EndsWith)),
            filter(concat!($name, "-contains"), $column, Kind::Text(TextOp::Contains)),
            filter(concat!($name, "-in"), $column, Kind::Texts(TextOp::Eq)),
            filter(concat!($name, "-not-eq"), $column, Kind::Text(TextOp::NotEq)),
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
pub const CALLS: &[Param] = join!(
    join!(
        &[
            filter("src-country-id", Column::SrcCountryId, id(Cmp::Eq)),
            filter("dst-country-id", Column::DstCountryId, id(Cmp::Eq)),
            filter("src-country-id-not-eq", Column::SrcCountryId, id(Cmp::NotEq)),
            filter("dst-country-id-not-eq", Column::DstCountryId, id(Cmp::NotEq)),
        ],
        PREFIXES
    ),
    &comparisons!("duration", Column::Duration, int32)
);

/// The caller's address.
pub const ORIGIN: &[Param] = &[filter("auth-orig-ip", Column::AuthOrigIp, Kind::Ip)];

/// Filters by the customer's price.
pub const CUSTOMER_PRICE: &[Param] = &comparisons!("customer-price", Column::CustomerPrice, Kind::Price);

/// Filters by the vendor's price.
pub const VENDOR_PRICE: &[Param] = &comparisons!("vendor-price", Column::VendorPrice, Kind::Price);

/// Filters of live calls.
pub const LEG: &[Param] = join!(
    join!(
        &[
            filter("auth-orig-port", Column::AuthOrigPort, int32(Cmp::Eq)),
            filter(
                "auth-orig-transport-protocol-id",
                Column::AuthOrigTransportProtocolId,
                Kind::Integer { cmp: Cmp::Eq, min: i8::MIN as i64, max: i8::MAX as i64, list: false }
            ),
            filter("connect-time-null", Column::ConnectTime, Kind::Null),
        ],
        &names!("src-name-in", Column::SrcNameIn)
    ),
    join!(&texts!("src-prefix-in", Column::SrcPrefixIn), &texts!("dst-prefix-in", Column::DstPrefixIn))
);

/// The form of an answer of live-call counts.
pub const GRID_FORM: &[Param] =
    &[param("fill", Role::Fill), param("format", Role::Format), param("t-unit", Role::TUnit)];

/// The form of an answer of statistics.
pub const FORM: &[Param] = join!(
    &[
        param("numbers", Role::Numbers),
        param("time-zone", Role::TimeZone),
        param("week-start", Role::WeekStart),
        param("day-start", Role::DayStart),
        param("complete", Role::Complete),
        param("settle", Role::Settle),
    ],
    GRID_FORM
);

#[cfg(test)]
mod tests {
    use crate::report::{REPORTS, find};

    #[test]
    fn names_are_unique_within_a_report() {
        for report in REPORTS {
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
