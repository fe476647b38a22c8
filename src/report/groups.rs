//! The catalogue of dimensions that a breakdown groups calls by: one row each, with all that is known of it.

use super::Side;
use super::audience::Audience;
use crate::query::filter::Column;

/// The kind of a dimension's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A bucket's first second.
    Time,
    /// An account's id.
    Account,
    /// The id of a customer or vendor.
    Contractor,
    /// A country's id.
    Country,
    /// A whole number, or null.
    Integer,
    /// Text.
    Text,
    /// A decimal of [`RATE_DECIMALS`] decimals, or null.
    Rate,
    /// True or false.
    Flag,
}

/// Decimals of a rate.
pub const RATE_DECIMALS: u8 = 9;

/// All that is known of a dimension.
#[derive(Debug)]
pub struct DimensionRow {
    /// The dimension.
    pub by: Dimension,
    /// Its name in `group-by`.
    pub name: &'static str,
    /// Its columns in an answer, the key first.
    pub columns: &'static [&'static str],
    /// The kind of its keys.
    pub kind: KeyKind,
    /// The column of the calls that it is made of; `None` if it is made of columns that every table has.
    pub source: fn(Side) -> Option<Column>,
    /// The sides on which a customer has it.
    pub sides: &'static [Side],
    /// The filter that leaves one of its groups; empty for none.
    pub filter: &'static str,
    /// The dimension that comes next when somebody looks into a group; empty for none.
    pub drill: &'static str,
    /// A sentence for people.
    pub definition: &'static str,
}

const BOTH: &[Side] = &[Side::Origination, Side::Termination];
const CUSTOMERS: &[Side] = &[Side::Origination];
const VENDORS: &[Side] = &[Side::Termination];
/// The operator alone.
const NONE: &[Side] = &[];

macro_rules! dimensions {
    ($($by:ident $name:literal $columns:tt $kind:ident $source:expr, $sides:ident $filter:literal $drill:literal $definition:literal)+) => {
        /// A dimension; its row is [`Dimension::row`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Dimension {
            $(#[doc = $definition] $by,)+
        }

        /// The catalogue, in the order of [`Dimension`].
        pub static DIMENSIONS: &[DimensionRow] = &[$(DimensionRow {
            by: Dimension::$by,
            name: $name,
            columns: &$columns,
            kind: KeyKind::$kind,
            source: $source,
            sides: $sides,
            filter: $filter,
            drill: $drill,
            definition: $definition,
        }),+];
    };
}

dimensions! {
    Time "t" ["t"] Time |_| None, BOTH "" ""
        "Buckets of time of the length of sampling."
    Account "account" ["account_id", "account"] Account |_| None, BOTH "account-id" "dst-country"
        "Accounts, by uuid and name."
    DstCountry "dst-country" ["dst_country_id", "dst_country", "dst_country_iso"] Country |_| Some(Column::DstCountryId), BOTH "dst-country-id" "destination-prefix"
        "Countries called."
    SrcCountry "src-country" ["src_country_id", "src_country", "src_country_iso"] Country |_| Some(Column::SrcCountryId), BOTH "src-country-id" "dst-country"
        "Countries of the callers."
    DestinationPrefix "destination-prefix" ["destination_prefix"] Text |_| Some(Column::DestinationPrefix), BOTH "destination-prefix-eq" "q850-cause"
        "Prefixes of the tariff that the calls were rated by."
    DstPrefix "dst-prefix" ["dst_prefix"] Text |_| Some(Column::DstPrefixRouting), BOTH "dst-prefix-routing-starts-with" "q850-cause"
        "First dst-prefix-digits characters of the numbers called."
    SrcPrefix "src-prefix" ["src_prefix"] Text |_| Some(Column::SrcPrefixRouting), BOTH "src-prefix-routing-starts-with" "dst-country"
        "First src-prefix-digits characters of the calling numbers."
    DstNetwork "dst-network" ["dst_network_id"] Integer |_| Some(Column::DstNetworkId), BOTH "dst-network-id" "destination-prefix"
        "Networks called, by id."
    AuthOrigIp "auth-orig-ip" ["auth_orig_ip"] Text |_| Some(Column::AuthOrigIp), CUSTOMERS "auth-orig-ip" "dst-country"
        "Addresses that the calls came from."
    CustomerAuth "customer-auth" ["customer_auth_id"] Integer |_| Some(Column::CustomerAuthId), CUSTOMERS "customer-auth-id" "dst-country"
        "Authentication records that the calls came by, by id."
    TermGw "term-gw" ["term_gw_id"] Integer |_| Some(Column::TermGwId), VENDORS "term-gw-id" "disconnect-code"
        "Gateways that the attempts were sent to, by id."
    DisconnectCode "disconnect-code" ["disconnect_code"] Integer |side| Some(side.sip_code()), BOTH "disconnect-code" "destination-prefix"
        "SIP codes that the calls ended with."
    Q850Cause "q850-cause" ["q850_cause"] Integer |side| Some(side.q850_cause()), BOTH "q850-cause" "disconnect-code"
        "Q.850 causes that the calls ended with; null where there was none."
    Rate "rate" ["rate"] Rate |side| Some(side.rate()), BOTH "" "destination-prefix"
        "Prices of a minute that the calls were rated by; null where there was none."
    HourOfDay "hour-of-day" ["hour_of_day"] Integer |_| None, BOTH "" "dst-country"
        "Hours of the wall clock, 0 to 23."
    DayOfWeek "day-of-week" ["day_of_week"] Integer |_| None, BOTH "" "hour-of-day"
        "Days of the week, 1 (Monday) to 7."
    Answered "answered" ["answered"] Flag |_| None, BOTH "answered" "q850-cause"
        "Answered calls and the others."
    Currency "currency" ["currency"] Integer |side| Some(side.currency()), BOTH "currency" "destination-prefix"
        "Currencies of the prices, by id."
    Customer "customer" ["customer_id", "customer"] Contractor |_| Some(Column::CustomerId), NONE "customer-id" "account"
        "Customers, by id and name."
    Vendor "vendor" ["vendor_id", "vendor"] Contractor |_| Some(Column::VendorId), NONE "vendor-id" "destination-prefix"
        "Vendors, by id and name."
}

impl Dimension {
    /// Its row of the catalogue.
    pub fn row(self) -> &'static DimensionRow {
        // The same rows make both, in one order.
        &DIMENSIONS[self as usize]
    }

    /// The dimension of that name, as far as an audience sees it among the calls of a side.
    pub fn find(name: &str, side: Side, audience: Audience) -> Option<Self> {
        let row = DIMENSIONS.iter().find(|row| row.name == name)?;
        audience.sees_dimension(row.by, side).then_some(row.by)
    }

    /// True if its keys are made of the time of a call.
    pub fn is_of_time(self) -> bool {
        matches!(self, Self::Time | Self::HourOfDay | Self::DayOfWeek)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dimension_has_names_of_its_own_and_leads_to_a_filter_and_a_dimension() {
        let mut columns = std::collections::BTreeSet::new();
        for row in DIMENSIONS {
            assert!(row.columns.iter().all(|column| columns.insert(column)), "{}", row.name);
            for side in row.sides.iter().filter(|_| !row.filter.is_empty()) {
                let report = crate::report::BREAKDOWNS.iter().find(|report| report.records.side() == *side).unwrap();
                assert!(report.params().any(|param| param.name == row.filter), "{}: {}", row.name, row.filter);
            }
            assert!(row.drill.is_empty() || DIMENSIONS.iter().any(|other| other.name == row.drill), "{}", row.name);
        }
    }
}
