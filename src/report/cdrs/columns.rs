//! The catalogue of columns of raw CDRs: one row each, with the side that has it and what an operator's token needs for it.

use crate::report::Side;
use crate::report::audience::{Audience, Rights};

/// The type of a column's values, which decides how each format writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CdrKind {
    /// The CDR's id: a number of up to 20 digits, or a text; text in JSON.
    Id,
    /// A time that may be null, whole seconds.
    Time,
    /// A whole number: an id, a code, a count, seconds.
    Integer,
    /// Money, six decimals.
    Price,
    /// A price of a minute or of a call in the rate deck, or a rate of exchange: nine decimals, or null.
    Rate,
    /// A delay in seconds, three decimals, or null.
    Delay,
    /// Text that means itself.
    Text,
    /// A phone number; without the right `numbers` its last four characters are left out.
    Number,
    /// An IP address.
    Address,
    /// True or false.
    Flag,
}

impl CdrKind {
    /// The word of the API's documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Time => "time",
            Self::Integer => "integer",
            Self::Price => "price",
            Self::Rate => "rate",
            Self::Delay => "seconds",
            Self::Text => "text",
            Self::Number => "number",
            Self::Address => "address",
            Self::Flag => "flag",
        }
    }

    /// True for what CSV and spreadsheets take for text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Number | Self::Address)
    }
}

/// The customers' side of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CdrSides {
    Both,
    Origination,
    Termination,
    /// It is the operator's alone.
    Neither,
}

/// The right that an operator's token needs for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Cost,
    Vendors,
    Numbers,
    /// Vendors' numbers: both rights.
    VendorsNumbers,
}

/// Those whose files have a column unless they name others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usual {
    Always,
    Operators,
    Never,
}

/// A row of the catalogue.
#[derive(Debug)]
pub struct CdrColumn {
    /// Its name in `schema/`, in `columns`, and in every format.
    pub name: &'static str,
    /// The type.
    pub kind: CdrKind,
    sides: CdrSides,
    needs: Needs,
    usual: Usual,
    /// A short name for people.
    pub label: &'static str,
}

impl CdrColumn {
    /// True if it belongs to calls of a side.
    fn is_of(&self, side: Side) -> bool {
        match self.sides {
            CdrSides::Both => true,
            CdrSides::Origination => side == Side::Origination,
            CdrSides::Termination => side == Side::Termination,
            CdrSides::Neither => false,
        }
    }

    /// True for whole numbers that nobody adds up: ids and codes.
    pub fn is_code(&self) -> bool {
        ["_id", "_code", "_cause"].iter().any(|end| self.name.ends_with(end))
    }

    fn is_allowed(&self, rights: Rights) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Cost => rights.cost,
            Needs::Vendors => rights.vendors,
            Needs::Numbers => rights.numbers,
            Needs::VendorsNumbers => rights.vendors && rights.numbers,
        }
    }

    /// True if an audience may see it of calls of a side: customers the columns of their own side, operators those of both as far
    /// as their rights go.
    pub fn is_seen(&self, audience: Audience, side: Side) -> bool {
        match audience {
            Audience::Customer => self.is_of(side),
            Audience::Operator(rights) => self.is_allowed(rights),
        }
    }

    /// True if an answer has it where the caller names no columns.
    pub fn is_usual(&self, audience: Audience, side: Side) -> bool {
        let of_side = match self.usual {
            Usual::Always => self.is_of(side),
            Usual::Operators => matches!(audience, Audience::Operator(_)),
            Usual::Never => false,
        };
        of_side && self.is_seen(audience, side)
    }

    /// The column of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        CDR_COLUMNS.iter().find(|column| column.name == name)
    }
}

macro_rules! cdr_columns {
    ($($name:literal $kind:ident $sides:ident $needs:ident $usual:ident $label:literal)+) => {
        /// The catalogue, in the order in which answers have the columns unless a caller names them in another.
        pub static CDR_COLUMNS: &[CdrColumn] = &[
            $(CdrColumn {
                name: $name,
                kind: CdrKind::$kind,
                sides: CdrSides::$sides,
                needs: Needs::$needs,
                usual: Usual::$usual,
                label: $label,
            },)+
        ];
    };
}

cdr_columns! {
    // name                         kind     side         operator's right usual label
    "id"                           Id      Both        Nothing        Always    "CDR id"
    "time_start"                   Time    Both        Nothing        Always    "Start"
    "time_connect"                 Time    Both        Nothing        Always    "Answered"
    "time_end"                     Time    Both        Nothing        Always    "End"
    "customer_id"                  Integer Origination Nothing        Operators "Customer's id"
    "customer_acc_id"              Integer Origination Nothing        Operators "Customer's account"
    "vendor_id"                    Integer Termination Vendors        Operators "Vendor's id"
    "vendor_acc_id"                Integer Termination Vendors        Operators "Vendor's account"
    "duration"                     Integer Both        Nothing        Always    "Duration, seconds"
    "success"                      Flag    Both        Nothing        Never     "Success"
    "is_last_cdr"                  Flag    Neither     Nothing        Never     "Last attempt"
    "routing_attempt"              Integer Neither     Nothing        Never     "Attempt"
    "src_prefix_in"                Number  Origination Nothing        Always    "A-number received"
    "dst_prefix_in"                Number  Origination Nothing        Always    "B-number received"
    "src_prefix_routing"           Number  Both        Nothing        Never     "A-number"
    "dst_prefix_routing"           Number  Both        Nothing        Always    "B-number"
    "src_prefix_out"               Number  Termination Vendors        Always    "A-number sent"
    "dst_prefix_out"               Number  Termination Vendors        Always    "B-number sent"
    "src_name_in"                  Text    Origination Numbers        Never     "A-name received"
    "src_name_out"                 Text    Termination VendorsNumbers Never     "A-name sent"
    "diversion_in"                 Text    Origination Numbers        Never     "Diversion received"
    "lrn"                          Number  Origination Nothing        Never     "Location routing number"
    "src_country_id"               Integer Both        Nothing        Never     "Country calling"
    "dst_country_id"               Integer Both        Nothing        Always    "Country called"
    "src_network_id"               Integer Both        Nothing        Never     "Network calling"
    "dst_network_id"               Integer Both        Nothing        Never     "Network called"
    "destination_prefix"           Text    Both        Nothing        Always    "Tariff's prefix"
    "dialpeer_prefix"              Text    Termination Vendors        Never     "Dialpeer's prefix"
    "customer_duration"            Integer Origination Nothing        Always    "Billed, seconds"
    "destination_next_rate"        Rate    Origination Nothing        Always    "Rate, a minute"
    "destination_initial_rate"     Rate    Origination Nothing        Never     "First rate, a minute"
    "destination_initial_interval" Integer Origination Nothing        Never     "First interval, seconds"
    "destination_next_interval"    Integer Origination Nothing        Never     "Interval, seconds"
    "destination_fee"              Rate    Origination Nothing        Never     "Fee of an answered call"
    "destination_attempt_fee"      Rate    Origination Nothing        Never     "Fee of an attempt"
    "destination_reverse_billing"  Flag    Origination Nothing        Never     "Reverse-billed"
    "customer_price"               Price   Origination Nothing        Always    "Price with VAT"
    "customer_price_no_vat"        Price   Origination Nothing        Never     "Price without VAT"
    "customer_currency_id"         Integer Origination Nothing        Never     "Currency's id"
    "customer_currency_rate"       Rate    Neither     Nothing        Never     "Rate of the customer's currency"
    "vendor_duration"              Integer Termination Cost           Always    "Billed by the vendor, seconds"
    "dialpeer_next_rate"           Rate    Termination Cost           Always    "Vendor's rate, a minute"
    "dialpeer_initial_rate"        Rate    Termination Cost           Never     "Vendor's first rate, a minute"
    "dialpeer_initial_interval"    Integer Termination Cost           Never     "Vendor's first interval, seconds"
    "dialpeer_next_interval"       Integer Termination Cost           Never     "Vendor's interval, seconds"
    "dialpeer_fee"                 Rate    Termination Cost           Never     "Vendor's fee of an answered call"
    "dialpeer_attempt_fee"         Rate    Termination Cost           Never     "Vendor's fee of an attempt"
    "dialpeer_reverse_billing"     Flag    Termination Vendors        Never     "Reverse-billed by the vendor"
    "vendor_price"                 Price   Termination Cost           Always    "Vendor's price"
    "vendor_currency_id"           Integer Termination Cost           Never     "Vendor's currency"
    "vendor_currency_rate"         Rate    Neither     Cost           Never     "Rate of the vendor's currency"
    "profit"                       Price   Neither     Cost           Never     "Profit"
    "lega_disconnect_code"         Integer Origination Nothing        Always    "SIP code told to the caller"
    "lega_disconnect_reason"       Text    Origination Nothing        Always    "SIP reason told to the caller"
    "lega_q850_cause"              Integer Origination Nothing        Always    "Q.850 cause told to the caller"
    "legb_disconnect_code"         Integer Termination Nothing        Always    "Vendor's SIP code"
    "legb_disconnect_reason"       Text    Termination Nothing        Always    "Vendor's SIP reason"
    "legb_q850_cause"              Integer Termination Nothing        Always    "Vendor's Q.850 cause"
    "internal_disconnect_code"     Integer Neither     Nothing        Never     "Code within the switch"
    "internal_disconnect_reason"   Text    Neither     Nothing        Never     "Reason within the switch"
    "disconnect_initiator_id"      Integer Neither     Nothing        Never     "Who hung up"
    "pdd"                          Delay   Both        Nothing        Always    "Post-dial delay, seconds"
    "rtt"                          Delay   Neither     Nothing        Never     "Round trip, seconds"
    "routing_delay"                Delay   Neither     Nothing        Never     "Routing, seconds"
    "early_media_present"          Flag    Both        Nothing        Never     "Early media"
    "auth_orig_ip"                 Address Origination Nothing        Never     "Caller's address"
    "customer_auth_id"             Integer Origination Nothing        Never     "Authentication record's id"
    "customer_auth_name"           Text    Origination Nothing        Never     "Authentication record"
    "orig_gw_id"                   Integer Origination Nothing        Never     "Gateway of origin"
    "term_gw_id"                   Integer Termination Vendors        Never     "Vendor's gateway"
    "sign_term_ip"                 Address Termination Vendors        Never     "Vendor's signalling address"
    "orig_call_id"                 Text    Origination Nothing        Always    "Call-ID of origin"
    "term_call_id"                 Text    Termination Vendors        Always    "Call-ID to the vendor"
    "local_tag"                    Text    Neither     Nothing        Never     "Local tag"
    "destination_id"               Integer Neither     Nothing        Never     "Destination's id"
    "rateplan_id"                  Integer Neither     Nothing        Never     "Rate plan's id"
    "dialpeer_id"                  Integer Neither     Vendors        Never     "Dialpeer's id"
    "routing_plan_id"              Integer Neither     Nothing        Never     "Routing plan's id"
    "node_id"                      Integer Neither     Nothing        Never     "Node"
    "pop_id"                       Integer Neither     Nothing        Never     "Point of presence"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(audience: Audience, side: Side) -> Vec<&'static str> {
        CDR_COLUMNS.iter().filter(|column| column.is_seen(audience, side)).map(|column| column.name).collect()
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> = CDR_COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), CDR_COLUMNS.len());
    }

    #[test]
    fn a_customer_sees_nothing_of_the_other_side_and_nothing_of_margins() {
        let own = ["profit", "internal_", "is_last_cdr", "routing_attempt", "_currency_rate", "node_id"];
        for (side, others, end) in [
            (Side::Origination, ["vendor", "dialpeer", "legb", "term_"], "_out"),
            (Side::Termination, ["customer", "rateplan", "lega", "orig_"], "_in"),
        ] {
            let seen = seen(Audience::Customer, side);
            for hidden in own.iter().chain(&others) {
                assert!(!seen.iter().any(|name| name.contains(hidden)), "{hidden}: {seen:?}");
            }
            assert!(!seen.iter().any(|name| name.ends_with(end)), "{seen:?}");
        }
    }

    #[test]
    fn an_operator_sees_what_the_rights_say() {
        let (none, all) = (Audience::Operator(Rights::default()), Audience::Operator(Rights::ALL));
        let few = seen(none, Side::Origination);
        for hidden in ["vendor", "dialpeer", "term_", "_out", "profit", "name_in", "diversion"] {
            assert!(!few.iter().any(|name| name.contains(hidden)), "{hidden}: {few:?}");
        }
        assert_eq!(seen(all, Side::Origination).len(), CDR_COLUMNS.len());
        let cost = Audience::Operator(Rights { cost: true, ..Rights::default() });
        assert!(
            seen(cost, Side::Origination).contains(&"profit") && !seen(cost, Side::Origination).contains(&"vendor_id")
        );
    }

    #[test]
    fn the_usual_columns_are_seen_by_whom_they_are_given_to() {
        for side in [Side::Origination, Side::Termination] {
            for audience in [Audience::Customer, Audience::Operator(Rights::default()), Audience::Operator(Rights::ALL)]
            {
                let usual: Vec<_> = CDR_COLUMNS.iter().filter(|column| column.is_usual(audience, side)).collect();
                assert!(usual.len() >= 9 && usual.iter().all(|column| column.is_seen(audience, side)), "{audience:?}");
            }
        }
        let origination = CDR_COLUMNS.iter().filter(|column| column.is_usual(Audience::Customer, Side::Origination));
        assert_eq!(origination.count(), 18);
    }
}
