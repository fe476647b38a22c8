//! Every open connection, by address. A full house makes room: who has waited longest for a request leaves, of the address
//! that has most, so that silent connections keep nobody out.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::connection::{Closed, Connection, Deadlines, counted};
use crate::config::Http;
use crate::metrics::{self, Counter, Exposition};
use crate::net;

/// Open files that are not connections of callers: listeners, connections to ClickHouse, logs, certificates.
const RESERVED_FILES: u64 = 256;

/// Requests without a good token that an address may have at once, in time that they are made up for.
const AHEAD: Duration = Duration::from_secs(10);

/// Longest rest of a connection: until its end it is not seen that the caller has closed it.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Addresses of strangers that are remembered; those beyond are not bounded for as long as all of these are busy.
const STRANGERS: usize = 100_000;

/// Between two looks at the deadlines.
pub const SWEEP: Duration = Duration::from_millis(250);

/// Every open connection.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    most_of_address: usize,
    deadlines: Deadlines,
    /// Their connections carry many callers; requests are counted by the forwarded address instead.
    proxies: Vec<IpNet>,
    /// Requests a second of an address without a good token; 0 is no limit.
    strangers: u32,
    inner: Mutex<Inner>,
    closed: [Counter; Closed::ALL.len()],
}

#[derive(Debug, Default)]
struct Inner {
    count: usize,
    by_address: HashMap<IpAddr, Vec<Arc<Connection>>>,
    /// When the requests of an address that brought no good token are made up for.
    strangers: HashMap<IpAddr, Instant>,
    /// Requests under way that no connection bounds, by the caller's address.
    requests: HashMap<IpAddr, usize>,
}

/// A request under way that is counted under its caller's address.
#[derive(Debug)]
pub struct Counted {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut inner = self.connections.lock();
        if let Some(count) = inner.requests.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inner.requests.remove(&self.address);
            }
        }
    }
}

impl Connections {
    /// None yet.
    pub fn new(config: &Http) -> Arc<Self> {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Arc::new(Self {
            most: within_open_files(config.max_connections),
            most_of_address: config.max_connections_per_address,
            deadlines: Deadlines {
                head: seconds(config.head_seconds),
                keep_alive: seconds(config.keep_alive_seconds),
                write: seconds(config.write_seconds),
            },
            proxies: config.trusted_proxies.clone(),
            strangers: config.strangers_per_second,
            inner: Mutex::default(),
            closed: Default::default(),
        })
    }

    /// Longest waits of each.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Connections that may be open.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes in a new connection, where need be in place of one that waits. `None` if all of them are busy.
    pub fn admit(&self, peer: SocketAddr, is_tls: bool) -> Option<Arc<Connection>> {
        let address = counted(peer.ip());
        let mut inner = self.lock();
        let own = inner.by_address.get(&address).map_or(0, Vec::len);
        let is_proxy = net::contains(&self.proxies, peer.ip());
        let has_room = (is_proxy || own < self.most_of_address || self.make_room(&mut inner, address, Closed::Address))
            && (inner.count < self.most || self.make_room_anywhere(&mut inner));
        if !has_room {
            self.closed[Closed::Refused as usize].add(1);
            return None;
        }
        let connection = Connection::new(peer, is_tls);
        inner.count += 1;
        inner.by_address.entry(address).or_default().push(Arc::clone(&connection));
        Some(connection)
    }

    /// Closes the connection that waits in the address with the most of them, or in any other.
    fn make_room_anywhere(&self, inner: &mut Inner) -> bool {
        let largest = inner.by_address.iter().max_by_key(|(_, list)| list.len()).map(|(address, _)| *address);
        if largest.is_some_and(|address| self.make_room(inner, address, Closed::Full)) {
            return true;
        }
        let waits = |(address, list): (&IpAddr, &Vec<Arc<Connection>>)| {
            list.iter().any(|connection| connection.idle().is_some()).then_some(*address)
        };
        let other = inner.by_address.iter().find_map(waits);
        other.is_some_and(|address| self.make_room(inner, address, Closed::Full))
    }

    /// Closes the connection of an address that has waited longest; false if all are busy.
    fn make_room(&self, inner: &mut Inner, address: IpAddr, reason: Closed) -> bool {
        let Some(list) = inner.by_address.get_mut(&address) else { return false };
        let waits = list.iter().enumerate().filter_map(|(place, connection)| Some((connection.idle()?, place)));
        let Some((_, place)) = waits.max() else { return false };
        let connection = list.swap_remove(place);
        if list.is_empty() {
            inner.by_address.remove(&address);
        }
        inner.count -= 1;
        self.close(&connection, reason);
        true
    }

    /// Closes a connection and counts why.
    pub fn close(&self, connection: &Connection, reason: Closed) {
        if connection.close(reason) {
            self.closed[reason as usize].add(1);
        }
    }

    /// Forgets a connection whose stream is gone.
    pub fn remove(&self, connection: &Arc<Connection>) {
        let address = counted(connection.peer().ip());
        let mut inner = self.lock();
        let Some(list) = inner.by_address.get_mut(&address) else { return };
        let Some(place) = list.iter().position(|other| Arc::ptr_eq(other, connection)) else { return };
        list.swap_remove(place);
        if list.is_empty() {
            inner.by_address.remove(&address);
        }
        inner.count -= 1;
    }

    /// Closes every connection whose deadline has passed.
    pub fn sweep(&self) {
        let inner = self.lock();
        for connection in inner.by_address.values().flatten() {
            if let Some(reason) = connection.overdue(&self.deadlines) {
                self.close(connection, reason);
            }
        }
    }

    /// Counts a request of an address, forwarded by a proxy or one of many on a connection; `None` if the address has too many under way.
    pub fn count_request(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let address = counted(address);
        let mut inner = self.lock();
        let count = inner.requests.entry(address).or_default();
        if *count >= self.most_of_address {
            return None;
        }
        *count += 1;
        Some(Counted { connections: Arc::clone(self), address })
    }

    /// Notes a request without a good token, or a handshake. Its connection rests when the address has too many of them.
    pub fn note_stranger(&self, connection: &Connection) {
        if self.strangers == 0 || self.is_proxy(connection.peer().ip()) {
            return;
        }
        let (now, each) = (Instant::now(), Duration::from_secs(1) / self.strangers);
        let mut inner = self.lock();
        if inner.strangers.len() >= STRANGERS {
            inner.strangers.retain(|_, until| *until > now);
        }
        if inner.strangers.len() >= STRANGERS {
            return;
        }
        let until = inner.strangers.entry(counted(connection.peer().ip())).or_insert(now);
        *until = (*until).max(now) + each;
        let ahead = until.duration_since(now);
        drop(inner);
        if ahead > AHEAD {
            connection.let_rest((ahead - AHEAD).min(LONGEST_REST));
        }
    }

    /// True if the address is a trusted proxy's.
    pub fn is_proxy(&self, ip: IpAddr) -> bool {
        !self.proxies.is_empty() && net::contains(&self.proxies, ip)
    }

    /// Open connections.
    pub fn count(&self) -> usize {
        self.lock().count
    }

    /// Writes the metrics.
    pub fn write(&self, out: &mut Exposition) {
        out.single(&metrics::CONNECTIONS, self.count());
        out.single(&metrics::CONNECTIONS_MOST, self.most);
        out.family(&metrics::CONNECTIONS_CLOSED);
        for reason in Closed::ALL {
            out.sample(&metrics::CONNECTIONS_CLOSED, &[reason.word()], self.closed[reason as usize].get());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises the limit of open files as far as the system lets us, and gives the connections that fit below it.
fn within_open_files(wanted: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + RESERVED_FILES;
    if limit.current.is_some_and(|current| current < needed) {
        let mut raised = limit;
        raised.current = limit.maximum.map(|most| most.min(needed)).or(Some(needed));
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => log::warn!("the limit of open files cannot be raised: {error}"),
        }
    }
    let Some(files) = limit.current.filter(|files| *files < needed) else { return wanted };
    // A quarter at the least, where even the reserve is more than the system gives.
    let most = usize::try_from(files.saturating_sub(RESERVED_FILES).max(files / 4)).unwrap_or(wanted).max(1);
    log::warn!(
        "http.max_connections is {wanted}, but the system allows {files} open files: {most} connections are accepted; raise \
         the limit (ulimit -n, LimitNOFILE=)"
    );
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn connections(most: usize, of_address: usize) -> Arc<Connections> {
        let mut config = Config::default().http;
        config.max_connections = most;
        config.max_connections_per_address = of_address;
        config.trusted_proxies = vec![net::parse_net("198.51.100.0/24").unwrap()];
        Connections::new(&config)
    }

    fn admit(connections: &Connections, address: &str) -> Option<Arc<Connection>> {
        let connection = connections.admit(format!("{address}:1").parse().unwrap(), false);
        std::thread::sleep(Duration::from_millis(2));
        connection
    }

    #[test]
    fn a_full_house_closes_who_waited_longest_in_the_largest_address() {
        let connections = connections(4, 9);
        let quiet = admit(&connections, "192.0.2.1").unwrap();
        let loud: Vec<_> = (0..3).map(|_| admit(&connections, "192.0.2.2").unwrap()).collect();
        let busy = loud[0].begin(false);
        assert!(admit(&connections, "192.0.2.3").is_some());
        let closed: Vec<_> = loud.iter().map(|one| one.is_closed()).collect();
        assert_eq!((closed, quiet.is_closed()), (vec![false, true, false], false));
        drop(busy);
        assert_eq!(connections.count(), 4);
        // Its stream notices later that it was closed, and is counted once.
        connections.remove(&loud[1]);
        assert_eq!(connections.count(), 4);
    }

    #[test]
    fn an_address_makes_room_among_its_own() {
        let connections = connections(9, 2);
        let first = admit(&connections, "192.0.2.1").unwrap();
        let second = admit(&connections, "192.0.2.1").unwrap();
        assert!(admit(&connections, "192.0.2.1").is_some());
        assert!(first.is_closed() && !second.is_closed());
        assert_eq!(connections.count(), 2);
    }

    #[test]
    fn busy_connections_are_not_closed_for_new_ones() {
        let connections = connections(2, 9);
        let held: Vec<_> = (0..2).map(|_| admit(&connections, "192.0.2.1").unwrap().begin(false)).collect();
        assert!(admit(&connections, "192.0.2.2").is_none());
        drop(held);
        assert!(admit(&connections, "192.0.2.2").is_some());
    }

    #[test]
    fn proxies_are_bounded_by_the_addresses_they_forward() {
        let connections = connections(9, 1);
        assert!((0..3).all(|_| admit(&connections, "198.51.100.1").is_some()));
        assert_eq!(connections.count(), 3);
        let address = "2001:db8::1".parse().unwrap();
        let held = connections.count_request(address).unwrap();
        assert!(connections.count_request("2001:db8::2".parse().unwrap()).is_none());
        drop(held);
        assert!(connections.count_request(address).is_some());
    }

    #[test]
    fn the_limit_of_open_files_bounds_connections() {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let most = within_open_files(10_000_000);
        assert!(files.maximum.is_none_or(|hard| (most as u64) < hard.max(10_000_001)), "{most} of {files:?}");
    }

    #[test]
    fn connections_of_strangers_rest_beyond_ten_seconds_worth() {
        let connections = connections(9, 9);
        let (loud, quiet) = (admit(&connections, "192.0.2.1").unwrap(), admit(&connections, "192.0.2.2").unwrap());
        let proxy = admit(&connections, "198.51.100.1").unwrap();
        for _ in 0..1000 {
            connections.note_stranger(&loud);
            connections.note_stranger(&proxy);
        }
        assert_eq!(loud.rest(), Duration::ZERO);
        for _ in 0..200 {
            connections.note_stranger(&loud);
            connections.note_stranger(&proxy);
        }
        assert!((1000..=2000).contains(&loud.rest().as_millis()), "{:?}", loud.rest());
        // Another connection of the address rests from its own next request on.
        let other = admit(&connections, "192.0.2.1").unwrap();
        assert_eq!(other.rest(), Duration::ZERO);
        connections.note_stranger(&other);
        connections.note_stranger(&quiet);
        assert!(other.rest() >= Duration::from_secs(1));
        assert_eq!((quiet.rest(), proxy.rest()), (Duration::ZERO, Duration::ZERO));
    }
}
