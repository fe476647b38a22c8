//! Scopes of queries.

use std::sync::Arc;

/// Proof that a caller may see an account. Only the access check makes one, which a test holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    tenant: u32,
    account: u32,
}

impl Scope {
    /// For an account whose customer, or whose operator, has been checked.
    pub(crate) const fn proven(tenant: u32, account: u32) -> Self {
        Self { tenant, account }
    }

    /// For what no call belongs to: it sees nothing.
    pub(crate) const NOBODY: Self = Self { tenant: 0, account: 0 };

    /// The tenant: `customer_id` (origination) or `vendor_id` (termination).
    pub const fn tenant(self) -> u32 {
        self.tenant
    }

    /// The account's integer id.
    pub const fn account(self) -> u32 {
        self.account
    }
}

/// The tenant that all callers of the operator's share: no customer has this number.
pub const OPERATOR: u32 = 0;

/// Proof that an operator's caller may see the calls of these customers and vendors. Only the access check makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperatorScope {
    customers: Arc<[u32]>,
    vendors: Arc<[u32]>,
}

impl OperatorScope {
    /// For lists that have been checked; an empty one is of all.
    pub(crate) fn proven(customers: &[u32], vendors: &[u32]) -> Self {
        let sorted = |list: &[u32]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list.dedup();
            list.into()
        };
        Self { customers: sorted(customers), vendors: sorted(vendors) }
    }

    /// Customers whose calls it sees; empty for all.
    pub fn customers(&self) -> &[u32] {
        &self.customers
    }

    /// Vendors whose attempts it sees; empty for all.
    pub fn vendors(&self) -> &[u32] {
        &self.vendors
    }
}
