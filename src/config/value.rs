//! Parses the text of one setting into a typed value. Every source (default, file, environment, flag) gives text, so a
//! key reads the same wherever it is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A type that a setting can have.
pub trait Value: Sized {
    /// True for text that must neither be printed nor stand on a command line.
    const SECRET: bool = false;

    /// Reads the setting's text.
    ///
    /// # Errors
    /// The text is invalid. The error says what was expected, as the end of a sentence.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Text that must not be printed: a password or a signing key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

macro_rules! from_str {
    ($($type:ty: $expected:literal),+ $(,)?) => {$(
        impl Value for $type {
            fn parse(text: &str) -> Result<Self, String> {
                <$type>::from_str(text).or(Err(String::from(concat!("expected ", $expected))))
            }
        }
    )+};
}

from_str! {
    bool: "true or false",
    u16: "a whole number from 0 to 65535",
    u32: "a whole number",
    u64: "a whole number",
    usize: "a whole number",
    std::net::SocketAddr: "an address and port such as 127.0.0.1:8080",
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Value for Secret {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

impl Value for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".into()) } else { Ok(Self::from(text)) }
    }
}

impl Value for ipnet::IpNet {
    fn parse(text: &str) -> Result<Self, String> {
        crate::net::parse_net(text).ok_or_else(|| "expected addresses or networks such as 10.0.0.0/8".into())
    }
}

impl<T: Value> Value for Option<T> {
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }
}

/// The origin of a web page: `https://portal.example.net`, with a port where that is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As browsers write it in the header `Origin`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Origin {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            String::from(
                "expected origins such as https://portal.example.net or http://localhost:3000: scheme, host and port alone, \
                 no path, no *",
            )
        };
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let own_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(expected()),
        };
        // A colon within brackets is the address's.
        let at = rest.rfind(':').filter(|at| rest.rfind(']').is_none_or(|end| end < *at));
        let (host, port) = at.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
        let port = match port {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(expected)?)
            }
            Some(_) => return Err(expected()),
            None => None,
        };
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            Some(address) => {
                let address: std::net::Ipv6Addr = address.and_then(|ip| ip.parse().ok()).ok_or_else(expected)?;
                format!("[{address}]")
            }
            None => {
                let label = |label: &str| {
                    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                };
                host.split('.').all(label).then(|| host.to_owned()).ok_or_else(expected)?
            }
        };
        // Browsers leave the scheme's own port out.
        let port = port.filter(|port| *port != own_port).map_or_else(String::new, |port| format!(":{port}"));
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

/// A list is written with commas; empty text is the empty list.
impl<T: Value> Value for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::parse).collect()
    }
}

/// A table's name, `table` or `database.table`, fit to stand in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

impl std::ops::Deref for TableName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Value for TableName {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split('.').count();
        if parts <= 2 && text.split('.').all(is_identifier) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected table or database.table, of letters, digits and underscores".into())
        }
    }
}

/// Accounts that are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WatchedAccounts {
    /// None.
    #[default]
    None,
    /// Every one there is.
    All,
    /// These.
    Listed(Vec<uuid::Uuid>),
}

impl Value for WatchedAccounts {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" | "false" => Ok(Self::None),
            "true" => Ok(Self::All),
            list => {
                let uuid = |item: &str| uuid::Uuid::try_parse(item.trim());
                let uuids: Result<_, _> = list.split(',').map(uuid).collect();
                uuids.map(Self::Listed).or(Err("expected true, false, or UUIDs of accounts".into()))
            }
        }
    }
}

/// SQL expressions by the column that they stand for. They are the operator's own words, like the name of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expressions(Vec<(String, String)>);

impl Expressions {
    /// The expression for a column.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, expression)| expression.as_str())
    }

    /// The columns that have one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl Value for Expressions {
    fn parse(text: &str) -> Result<Self, String> {
        let entry = |entry: &str| {
            let (name, expression) = entry.split_once('=').unwrap_or((entry, ""));
            let (name, expression) = (name.trim(), expression.trim());
            if is_identifier(name) && !expression.is_empty() {
                Ok((name.to_owned(), expression.to_owned()))
            } else {
                Err(format!("expected column = expression, not {entry:?}"))
            }
        };
        let entries = text.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

/// Declares an enum whose variants are words of the configuration.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Its word in the settings.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::config::value::Value for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("expected one of: {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}
pub(crate) use words;

/// True if a name can stand in SQL as it is.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for (text, expected) in [
            ("https://portal.example.net", "https://portal.example.net"),
            ("HTTPS://Portal.Example.Net:443", "https://portal.example.net"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://[2001:DB8:0::1]:8080", "http://[2001:db8::1]:8080"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(Origin::parse(text).map(|origin| origin.0), Ok(expected.to_owned()), "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "https://*",
            "https://*.example.net",
            "portal.example.net",
            "https://",
            "https://portal.example.net/",
            "https://portal.example.net/x",
            "https://portal.example.net?x",
            "https://user@portal.example.net",
            "https://portal.example.net:0",
            "https://portal.example.net:65536",
            "https://portal.example.net:",
            "https://portal.example.net:+1",
            "https://a..b",
            "https://a b",
            "https://[::1",
            "https://::1",
            "ftp://portal.example.net",
            "file://",
            "https://p\u{f6}rtal.example",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
