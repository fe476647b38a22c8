//! IP addresses and networks as the rest of the service compares them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads a network (`10.0.0.0/8`) or a single address (`192.0.2.7`, `2001:db8::1`).
pub fn parse_net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Reads an entry of X-Forwarded-For: an address, alone or with a port (`198.51.100.7:51324`, `[2001:db8::7]:443`), an IPv6
/// address also in brackets, all of it also in quotes. `None` for a name, such as `unknown`, and for anything else.
pub fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return ip.parse().ok().filter(|_| port).map(IpAddr::V6);
    }
    let (ip, port) = text.split_once(':')?;
    ip.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// True if `ip` lies in one of `nets`. A peer that reached a dual-stack socket over IPv4 shows up as `::ffff:a.b.c.d` and is
/// the IPv4 address.
pub fn contains(nets: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    nets.iter().any(|net| net.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_may_have_a_port_or_brackets() {
        for (text, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            (" 198.51.100.7:1 ", "198.51.100.7"),
            ("198.51.100.7:65535", "198.51.100.7"),
            ("2001:DB8::7", "2001:db8::7"),
            // No port: an address goes before its parts.
            ("2001:db8::7:443", "2001:db8::7:443"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("\t[2001:db8::7]:443", "2001:db8::7"),
            ("\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("[::ffff:192.0.2.1]:443", "::ffff:192.0.2.1"),
        ] {
            assert_eq!(parse_hop(text), expected.parse().ok(), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "localhost:80",
            ":80",
            "198.51.100.7:",
            "198.51.100.7:+1",
            "198.51.100.7: 1",
            "198.51.100.7:65536",
            "198.51.100.7:000000000000000000000000001x",
            "198.51.100.7:1:2",
            "198.51.100.7/32",
            "198.51.100.07",
            "[198.51.100.7]:80",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]443",
            "[2001:db8::7]:",
            "[]",
            "[]:80",
            "[[::1]]",
            "fe80::1%eth0",
            "\"",
            "\"\"",
            "\"198.51.100.7",
            "198.51.100.7\"",
            "\n198.51.100.7",
        ] {
            assert_eq!(parse_hop(text), None, "{text:?}");
        }
    }
}
