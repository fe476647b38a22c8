//! The made-up accounts: customers with several of very unequal size, and the vendors' own.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Options, world::VENDORS};

/// An account of the made-up world, as it stands in table `accounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAccount {
    /// The number in the CDRs.
    pub id: u32,
    /// The UUID that callers of the API name it by; the same in every run.
    pub uuid: Uuid,
    /// The customer, or the vendor, that it belongs to.
    pub customer_id: u32,
    /// A name that reads well.
    pub name: String,
}

impl DemoAccount {
    /// True if it is a vendor's.
    pub(super) fn is_vendors(&self) -> bool {
        self.id >= FIRST_VENDOR_ACCOUNT
    }
}

const CUSTOMERS: &[&str] = &[
    "Northwind Voice",
    "Aurora Telecom",
    "Lakeside Cloud PBX",
    "Harbour Contact Centres",
    "Vega Communications",
    "Stadtnetz Linden",
    "Cobalt Calling",
    "Fjordtel",
    "Maple Minutes",
    "Olive & Grey Hotels",
    "Ridgeway Hospitals",
    "Sundial Insurance",
    "Copperline",
    "Telefonia Ribera",
    "Granite Logistics",
    "Lumen Taxi",
    "Quayside Bank",
    "Tern Airways",
    "Willow Retail",
    "Zephyr Mobile",
];
const PLANS: &[&str] = &["wholesale", "retail", "contact centre", "premium", "calling cards"];

/// Ids of vendors begin here, those of their accounts ten times higher: customers and vendors share one numbering.
pub(super) const FIRST_VENDOR: u32 = 9_001;
pub(super) const FIRST_VENDOR_ACCOUNT: u32 = 90_001;

fn account(id: u32, customer_id: u32, name: String) -> DemoAccount {
    let digest = Sha256::digest(format!("cdrscope demo account {id}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    DemoAccount { id, uuid: uuid::Builder::from_random_bytes(bytes).into_uuid(), customer_id, name }
}

/// The customers' accounts, the biggest first: `count` of them, three a customer.
pub fn accounts(count: u32) -> Vec<DemoAccount> {
    let customers = customers(count);
    (1..=count)
        .map(|id| {
            let customer = (id - 1) % customers;
            // A customer's accounts differ by plan.
            let plan = PLANS[(customer + (id - 1) / customers) as usize % PLANS.len()];
            account(id, customer + 1, format!("{}, {plan}", customer_name(customer)))
        })
        .collect()
}

/// The name of a customer by its place from 0. One beyond the named ones is a numbered branch.
fn customer_name(place: u32) -> String {
    let name = CUSTOMERS[place as usize % CUSTOMERS.len()];
    match place as usize / CUSTOMERS.len() + 1 {
        1 => name.to_owned(),
        branch => format!("{name} {branch}"),
    }
}

/// Names of the customers and vendors of the default world, by `customer_id` and `vendor_id`.
pub fn contractors() -> Vec<(u32, String)> {
    contractors_of(Options::default().accounts)
}

/// Names of the customers that own `count` accounts, and of the vendors, by id.
pub fn contractors_of(count: u32) -> Vec<(u32, String)> {
    let customers = (0..customers(count)).map(|place| (place + 1, customer_name(place)));
    let vendors = (FIRST_VENDOR..).zip(VENDORS).map(|(id, (name, _))| (id, (*name).to_owned()));
    customers.chain(vendors).collect()
}

/// The number of customers that own `count` accounts.
pub(super) fn customers(count: u32) -> u32 {
    count.div_ceil(3).max(1)
}

/// The vendors' accounts, for reports on termination.
pub fn vendor_accounts() -> Vec<DemoAccount> {
    (0..)
        .zip(VENDORS)
        .map(|(place, (name, _))| account(FIRST_VENDOR_ACCOUNT + place, FIRST_VENDOR + place, (*name).to_owned()))
        .collect()
}

/// The share of the calls of each account, the largest first.
///
/// The first has 15 % of them, the 50th 0.1 %. Up to 60 accounts the shares fall so that they add up to the whole; above, the
/// head falls steeply and the long tail slowly, and with 2,000 accounts the 1500th has 0.018 %.
pub(super) fn shares(count: u32) -> Vec<f64> {
    let (first, fiftieth): (f64, f64) = (0.15, 0.001);
    let steep = (first / fiftieth).ln();
    (1..=count)
        .map(|id| {
            let rank = f64::from(id);
            if count <= 60 {
                first * (-steep * ((rank - 1.0) / 49.0).powf(0.7)).exp()
            } else if id <= 50 {
                first * rank.powf(-steep / 50_f64.ln())
            } else {
                fiftieth * (rank / 50.0).powf(-0.5)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_unequal_as_promised() {
        for (count, id, wanted) in
            [(60, 1, 0.15), (60, 50, 0.001), (2000, 1, 0.15), (2000, 50, 0.001), (2000, 1500, 0.00018)]
        {
            let shares = shares(count);
            let share = shares[id - 1] / shares.iter().sum::<f64>();
            assert!((share / wanted - 1.0).abs() < 0.1, "account {id} of {count}: {share}");
        }
    }

    #[test]
    fn accounts_are_told_apart_by_name_and_uuid() {
        let mut all = accounts(2000);
        all.extend(vendor_accounts());
        let mut names: Vec<_> = all.iter().map(|a| &a.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert_eq!(all[0].uuid, accounts(60)[0].uuid);
        assert_eq!(customers(60), 20);
    }

    #[test]
    fn contractors_have_the_names_that_their_accounts_begin_with() {
        let names: std::collections::BTreeMap<u32, String> = contractors_of(2000).into_iter().collect();
        assert!(vendor_accounts().iter().all(|account| names[&account.customer_id] == account.name));
        for account in accounts(2000) {
            let (customer, _plan) = account.name.rsplit_once(", ").unwrap();
            assert_eq!(names[&account.customer_id], customer);
        }
        assert_eq!(names.len(), contractors_of(2000).len());
        assert_eq!(contractors(), contractors_of(60));
        assert_eq!(contractors().len(), 20 + VENDORS.len());
    }
}
