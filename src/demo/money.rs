//! The made-up world's money: who settles in another currency, who is paid instead of paying, who charges for attempts.
//! Everything hangs on ids and months, never on a draw, so that calls are the same whatever stands here.

use clickhouse::query::Query;

use super::accounts::DemoAccount;
use super::world::{Destination, VENDORS};

/// The currency that `profit` is in, at a rate of 1.
const SYSTEM: u8 = 1;
/// The other one, worth more, as a euro is in dollars.
const SECOND: u8 = 2;

/// The worth of the second currency in the system's by month, January first, in ten-thousandths.
const SECOND_RATES: &[u32] =
    &[10_837, 10_912, 10_764, 10_698, 10_805, 10_871, 10_943, 11_018, 10_986, 10_890, 10_752, 10_679];

/// Vendors that are paid in the second currency.
const SECOND_VENDORS: [&str; 2] = ["Transalpina", "Baltic Exchange Voice"];

/// The customers' account that is paid for its calls to [`REVERSED`]. It has the second currency, so that a wrong sign and a
/// forgotten rate show in the same sum.
const REVERSED_ACCOUNT: u32 = 27;
/// The vendor that pays for the calls it gets to [`REVERSED`].
const REVERSED_VENDOR: &str = "Harbour Lines";
/// Destinations whose called party pays, by prefix: seven fixed networks, as if they were toll free.
const REVERSED: [&str; 7] = ["1212", "1416", "4420", "4930", "331", "3902", "3491"];

/// The vendor that charges [`ATTEMPT_FEE`] for each attempt that fails, in its own currency, the second.
const FEE_VENDOR: &str = "Baltic Exchange Voice";
/// Its fee, in millionths.
const ATTEMPT_FEE: u32 = 500;

/// The currency of a customers' account. About a tenth have the second, none of the ten biggest. Account 24 has VAT as well.
fn account_currency(id: u32) -> u8 {
    if id > 10 && (id % 10 == 7 || id == 24) { SECOND } else { SYSTEM }
}

/// The currency of a vendor.
fn vendor_currency(name: &str) -> u8 {
    if SECOND_VENDORS.contains(&name) { SECOND } else { SYSTEM }
}

/// The currency of an account of either side.
pub(super) fn currency_of(account: &DemoAccount) -> u8 {
    if account.is_vendors() { vendor_currency(&account.name) } else { account_currency(account.id) }
}

/// The parameters of `cdrs.sql` that only its money depends on: arrays by account, destination, vendor and month.
pub(super) fn with_money(query: Query, accounts: &[u32], destinations: &[Destination]) -> Query {
    let by_vendor = |value: fn(&str) -> u32| VENDORS.iter().map(|(name, _)| value(name)).collect::<Vec<u32>>();
    query
        .param("account_currency", accounts.iter().map(|&id| account_currency(id)).collect::<Vec<_>>())
        .param("account_reversed", accounts.iter().map(|&id| u8::from(id == REVERSED_ACCOUNT)).collect::<Vec<_>>())
        .param("dst_reversed", destinations.iter().map(|d| u8::from(REVERSED.contains(&d.prefix))).collect::<Vec<_>>())
        .param("vendor_currency", by_vendor(|name| vendor_currency(name).into()))
        .param("vendor_reversed", by_vendor(|name| u32::from(name == REVERSED_VENDOR)))
        .param("vendor_fee", by_vendor(|name| if name == FEE_VENDOR { ATTEMPT_FEE } else { 0 }))
        .param("second_rate", SECOND_RATES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::destinations;

    #[test]
    fn money_names_vendors_and_destinations_that_exist() {
        for name in SECOND_VENDORS.into_iter().chain([REVERSED_VENDOR, FEE_VENDOR]) {
            assert!(VENDORS.iter().any(|(known, _)| *known == name), "{name}");
        }
        for prefix in REVERSED {
            assert!(destinations().iter().any(|d| d.prefix == prefix), "{prefix}");
        }
    }

    #[test]
    fn a_few_accounts_have_the_second_currency_and_none_of_the_biggest() {
        let second: Vec<u32> = (1..=60).filter(|&id| account_currency(id) == SECOND).collect();
        assert_eq!(second, [17, 24, 27, 37, 47, 57]);
    }
}
