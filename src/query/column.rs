//! The catalogue of columns: one row each, with all that reports, filters, the check of an operator's tables and the trimming
//! of old months know of it.

/// The use that reports make of a column's values; it decides which types of ClickHouse will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A whole number.
    Integer,
    /// A price of six decimals.
    Price,
    /// A time that is always there.
    Time,
    /// A time that may be null; a date of zeros is null too.
    MaybeTime,
    /// Text.
    Text,
    /// An IPv4 or IPv6 address.
    Address,
    /// A number that is only shown.
    Number,
    /// A whole number as [`Type::Integer`], but a column of another type counts as missing, with a note, and is no fault.
    Code,
    /// Likewise; null is another value than 0.
    MaybeCode,
    /// A number with a fraction, likewise; may be null.
    Fraction,
}

/// The part of a column in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// No report reads it there.
    Unread,
    /// A table without it lacks a filter or a measure. One of another type is a fault, unless [`Type`] or `tables` says that
    /// it counts as missing.
    Optional,
    /// A table without it cannot be used.
    Required,
}

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRow {
    /// The column.
    pub column: Column,
    /// The name in `schema/`.
    pub name: &'static str,
    /// The type.
    pub ty: Type,
    /// Its part in `cdrs`.
    pub cdrs: Presence,
    /// Its part in `active_calls`.
    pub active_calls: Presence,
}

macro_rules! columns {
    ($($id:ident $name:literal $ty:ident $cdrs:ident $active_calls:ident)+) => {
        /// A column that reports read or filter by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Column {
            $(#[doc = concat!("`", $name, "`.")] $id,)+
        }

        /// The catalogue, in the order of [`Column`].
        pub static COLUMNS: &[ColumnRow] = &[
            $(ColumnRow {
                column: Column::$id,
                name: $name,
                ty: Type::$ty,
                cdrs: Presence::$cdrs,
                active_calls: Presence::$active_calls,
            },)+
        ];

        impl Column {
            /// The name in `schema/`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$id => $name,)+
                }
            }
        }
    };
}

columns! {
    // column                                                       type      cdrs     active_calls
    CustomerId                  "customer_id"                     Integer   Required Required
    VendorId                    "vendor_id"                       Integer   Required Required
    CustomerAccId               "customer_acc_id"                 Integer   Required Required
    VendorAccId                 "vendor_acc_id"                   Integer   Required Required
    SnapshotTimestamp           "snapshot_timestamp"              Time      Unread   Required
    NodeId                      "node_id"                         Integer   Unread   Required
    Id                          "id"                              Integer   Unread   Required
    Buffered                    "buffered"                        Integer   Unread   Optional
    IsLastCdr                   "is_last_cdr"                     Integer   Required Unread
    TimeStart                   "time_start"                      Time      Required Unread
    Duration                    "duration"                        Integer   Required Unread
    CustomerPrice               "customer_price"                  Price     Required Unread
    VendorPrice                 "vendor_price"                    Price     Required Unread
    CustomerDuration            "customer_duration"               Integer   Optional Unread
    VendorDuration              "vendor_duration"                 Integer   Optional Unread
    SrcCountryId                "src_country_id"                  Integer   Optional Optional
    DstCountryId                "dst_country_id"                  Integer   Optional Optional
    SrcPrefixRouting            "src_prefix_routing"              Text      Optional Optional
    DstPrefixRouting            "dst_prefix_routing"              Text      Optional Optional
    AuthOrigIp                  "auth_orig_ip"                    Address   Optional Optional
    LegaDisconnectCode          "lega_disconnect_code"            Code      Optional Unread
    LegbDisconnectCode          "legb_disconnect_code"            Code      Optional Unread
    LegaQ850Cause               "lega_q850_cause"                 MaybeCode Optional Unread
    LegbQ850Cause               "legb_q850_cause"                 MaybeCode Optional Unread
    Pdd                         "pdd"                             Fraction  Optional Unread
    TimeConnect                 "time_connect"                    MaybeTime Optional Unread
    DestinationPrefix           "destination_prefix"              Text      Optional Unread
    DstNetworkId                "dst_network_id"                  Code      Optional Unread
    CustomerAuthId              "customer_auth_id"                Code      Optional Unread
    TermGwId                    "term_gw_id"                      Code      Optional Unread
    DestinationNextRate         "destination_next_rate"           Fraction  Optional Unread
    DialpeerNextRate            "dialpeer_next_rate"              Fraction  Optional Unread
    CustomerCurrencyId          "customer_currency_id"            Code      Optional Unread
    VendorCurrencyId            "vendor_currency_id"              Code      Optional Unread
    CustomerPriceNoVat          "customer_price_no_vat"           Price     Optional Unread
    CustomerCurrencyRate        "customer_currency_rate"          Fraction  Optional Unread
    VendorCurrencyRate          "vendor_currency_rate"            Fraction  Optional Unread
    DestinationReverseBilling   "destination_reverse_billing"     Code      Optional Unread
    DialpeerReverseBilling      "dialpeer_reverse_billing"        Code      Optional Unread
    AuthOrigPort                "auth_orig_port"                  Number    Unread   Optional
    AuthOrigTransportProtocolId "auth_orig_transport_protocol_id" Number    Unread   Optional
    SrcNameIn                   "src_name_in"                     Text      Unread   Optional
    SrcPrefixIn                 "src_prefix_in"                   Text      Unread   Optional
    DstPrefixIn                 "dst_prefix_in"                   Text      Unread   Optional
    StartTime                   "start_time"                      MaybeTime Unread   Optional
    ConnectTime                 "connect_time"                    MaybeTime Unread   Optional
}
