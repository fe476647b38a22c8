//! The two sides of a call, and the columns that stand for each.

use crate::query::filter::Column;

/// The side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Calls that a customer's account made.
    Origination,
    /// Attempts that were sent to a vendor's account.
    Termination,
}

impl Side {
    /// Its word in tokens and settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Origination => "origination",
            Self::Termination => "termination",
        }
    }

    /// The column that names the tenant.
    pub fn tenant(self) -> Column {
        match self {
            Self::Origination => Column::CustomerId,
            Self::Termination => Column::VendorId,
        }
    }

    /// The column that names the account.
    pub fn account(self) -> Column {
        match self {
            Self::Origination => Column::CustomerAccId,
            Self::Termination => Column::VendorAccId,
        }
    }

    /// The column of the price.
    pub fn price(self) -> Column {
        match self {
            Self::Origination => Column::CustomerPrice,
            Self::Termination => Column::VendorPrice,
        }
    }

    /// The column of the SIP code that the call ended with: what the customer was told, or what the vendor said.
    pub fn sip_code(self) -> Column {
        match self {
            Self::Origination => Column::LegaDisconnectCode,
            Self::Termination => Column::LegbDisconnectCode,
        }
    }

    /// The column of the Q.850 cause that the call ended with.
    pub fn q850_cause(self) -> Column {
        match self {
            Self::Origination => Column::LegaQ850Cause,
            Self::Termination => Column::LegbQ850Cause,
        }
    }

    /// The column of the price of a minute by the rate deck.
    pub fn rate(self) -> Column {
        match self {
            Self::Origination => Column::DestinationNextRate,
            Self::Termination => Column::DialpeerNextRate,
        }
    }

    /// The column of the price's currency.
    pub fn currency(self) -> Column {
        match self {
            Self::Origination => Column::CustomerCurrencyId,
            Self::Termination => Column::VendorCurrencyId,
        }
    }

    /// The column that says that money flows the other way.
    pub fn reverse_billing(self) -> Column {
        match self {
            Self::Origination => Column::DestinationReverseBilling,
            Self::Termination => Column::DialpeerReverseBilling,
        }
    }

    /// The column of the billed duration.
    pub fn billed_duration(self) -> Column {
        match self {
            Self::Origination => Column::CustomerDuration,
            Self::Termination => Column::VendorDuration,
        }
    }
}
