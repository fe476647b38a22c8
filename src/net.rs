//! IP addresses and networks as the rest of the service compares them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads a network (`10.0.0.0/8`) or a single address (`192.0.2.7`, `2001:db8::1`).
pub fn parse_net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The address that a list of allowed networks is compared with: a peer that reached a dual-stack socket over IPv4 shows
/// up as `::ffff:a.b.c.d` and is the IPv4 address.
pub fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Whether `ip` lies in one of `nets`.
pub fn contains(nets: &[IpNet], ip: IpAddr) -> bool {
    let ip = canonical(ip);
    nets.iter().any(|net| net.contains(&ip))
}
