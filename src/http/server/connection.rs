//! One connection as the service sees it: what it waits for, since when, and the reason for which it is closed.
//!
//! The stream notes what it reads and writes, the middleware which requests are under way. Both run on the connection's
//! own thread; the sweep of [`super::connections`] reads from elsewhere, so everything is an atomic.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

/// Bytes that may arrive on a connection while a request without a body is answered: the next few requests.
const AHEAD: u64 = 32 * 1024;

/// Bytes a second that a reader must take, on average, beyond `Deadlines::write`.
const SLOWEST_READER: u64 = 16 * 1024;

/// The reason for which the service closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// No whole request head in time.
    Head,
    /// No request for longer than keep-alive allows.
    Idle,
    /// Its reader takes a response too slowly.
    Stalled,
    /// It waited longest when another needed its place.
    Full,
    /// It waited longest when another of the same address needed its place.
    Address,
    /// It went on sending while a request was answered.
    Flood,
    /// There was no place for it.
    Refused,
}

impl Closed {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Head, Self::Idle, Self::Stalled, Self::Full, Self::Address, Self::Flood, Self::Refused];

    /// The word of metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Full => "full",
            Self::Address => "address",
            Self::Flood => "flood",
            Self::Refused => "refused",
        }
    }
}

/// Longest waits of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a whole request head, from its first byte or from the connection's start.
    pub head: Duration,
    /// For the next request.
    pub keep_alive: Duration,
    /// For a reader that takes nothing.
    pub write: Duration,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    peer: SocketAddr,
    is_tls: bool,
    start: Instant,
    /// Requests under way.
    requests: AtomicU32,
    /// Requests that have begun.
    begun: AtomicU64,
    /// HTTP/2 has windows of its own for what a caller may send.
    is_http2: AtomicBool,
    /// The present request may still send its body.
    has_body: AtomicBool,
    /// Bytes read while requests without a body to come were under way.
    ahead: AtomicU64,
    /// Milliseconds since `start`, plus one: the end of the last request.
    idle_since: AtomicU64,
    /// Likewise: the first byte since then; 0 is none.
    head_since: AtomicU64,
    /// Likewise: the first time that the reader took less than was there; 0 is none since all was taken.
    stalled_since: AtomicU64,
    /// True while the reader takes nothing.
    is_blocked: AtomicBool,
    /// Likewise: the last time that the reader took something.
    progress: AtomicU64,
    /// Bytes taken since `stalled_since`.
    taken: AtomicU64,
    /// Responses that HTTP/2 is sending. Their readers can stall one by one while the socket is free.
    sending: Mutex<Vec<Weak<Sending>>>,
    /// Likewise: the end of a rest, in which nothing is read.
    rests_until: AtomicU64,
    /// 0 while it is open, else a `Closed` plus one.
    closed: AtomicU8,
    /// Wakes the task that reads.
    reader: AtomicWaker,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(peer: SocketAddr, is_tls: bool) -> Arc<Self> {
        Arc::new(Self {
            peer,
            is_tls,
            start: Instant::now(),
            requests: AtomicU32::new(0),
            begun: AtomicU64::new(0),
            is_http2: AtomicBool::new(false),
            has_body: AtomicBool::new(false),
            ahead: AtomicU64::new(0),
            idle_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            progress: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            sending: Mutex::default(),
            rests_until: AtomicU64::new(0),
            closed: AtomicU8::new(0),
            reader: AtomicWaker::new(),
        })
    }

    /// The address of its other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// True if it is encrypted by the service itself.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Notes that it speaks HTTP/2.
    pub fn note_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Time since a moment of `now`.
    fn since(&self, moment: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(moment))
    }

    /// Notes bytes from the other end; false if they are too many for the moment.
    pub fn note_read(&self, bytes: u64) -> bool {
        if self.requests.load(Ordering::Relaxed) == 0 {
            if self.head_since.load(Ordering::Relaxed) == 0 {
                self.head_since.store(self.now(), Ordering::Relaxed);
            }
            return true;
        }
        if self.has_body.load(Ordering::Relaxed) || self.is_http2.load(Ordering::Relaxed) {
            return true;
        }
        self.ahead.fetch_add(bytes, Ordering::Relaxed) + bytes <= AHEAD
    }

    /// Notes bytes that the other end took.
    pub fn note_written(&self, bytes: u64) {
        if self.stalled_since.load(Ordering::Relaxed) != 0 {
            self.taken.fetch_add(bytes, Ordering::Relaxed);
            self.progress.store(self.now(), Ordering::Relaxed);
            self.is_blocked.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that the other end takes nothing at the moment.
    pub fn note_blocked(&self) {
        if self.stalled_since.load(Ordering::Relaxed) == 0 {
            self.stalled_since.store(self.now(), Ordering::Relaxed);
            self.taken.store(0, Ordering::Relaxed);
            self.progress.store(self.now(), Ordering::Relaxed);
        }
        self.is_blocked.store(true, Ordering::Relaxed);
    }

    /// Begins a request; `has_body` if a body of it may still come.
    pub fn begin(self: &Arc<Self>, has_body: bool) -> ActiveRequest {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.has_body.store(has_body, Ordering::Relaxed);
        self.ahead.store(0, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if !self.is_blocked.load(Ordering::Relaxed) {
            self.stalled_since.store(0, Ordering::Relaxed);
        }
        ActiveRequest(Arc::clone(self))
    }

    /// Notes that the body of the present request is there, or unwanted.
    pub fn body_ended(&self) {
        self.has_body.store(false, Ordering::Relaxed);
    }

    /// Requests under way.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Time for which it has waited for a request; `None` while one is under way.
    pub fn idle(&self) -> Option<Duration> {
        (self.requests() == 0).then(|| self.since(self.idle_since.load(Ordering::Relaxed)))
    }

    /// Begins a response whose reader is watched apart from the socket.
    pub fn send(self: &Arc<Self>) -> Arc<Sending> {
        let sending = Arc::new(Sending {
            connection: Arc::clone(self),
            since: AtomicU64::new(self.now()),
            taken: AtomicU64::new(0),
        });
        let mut all = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|sending| sending.strong_count() > 0);
        all.push(Arc::downgrade(&sending));
        sending
    }

    fn has_stalled_response(&self, deadlines: &Deadlines) -> bool {
        let all = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).any(|sending| {
            let earned = Duration::from_secs(sending.taken.load(Ordering::Relaxed) / SLOWEST_READER);
            self.since(sending.since.load(Ordering::Relaxed)) > deadlines.write + earned
        })
    }

    /// Lets it rest for a while: nothing is read meanwhile.
    pub fn let_rest(&self, time: Duration) {
        let until = self.now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self.rests_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Time for which it rests still; zero if it does not.
    pub fn rest(&self) -> Duration {
        match self.rests_until.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            until => Duration::from_millis(until.saturating_sub(self.now())),
        }
    }

    /// The deadline that has passed, if one has.
    pub fn overdue(&self, deadlines: &Deadlines) -> Option<Closed> {
        if self.has_stalled_response(deadlines) {
            return Some(Closed::Stalled);
        }
        let stalled = self.stalled_since.load(Ordering::Relaxed);
        if self.is_blocked.load(Ordering::Relaxed) && stalled != 0 {
            let earned = Duration::from_secs(self.taken.load(Ordering::Relaxed) / SLOWEST_READER);
            // What the kernel buffers counts as taken, so a reader may have earned time that it does not use.
            let rests = self.since(self.progress.load(Ordering::Relaxed)) > deadlines.write;
            if rests || self.since(stalled) > deadlines.write + earned {
                return Some(Closed::Stalled);
            }
        }
        let idle = self.idle()?;
        let head = self.head_since.load(Ordering::Relaxed);
        if head != 0 && self.since(head) > deadlines.head {
            return Some(Closed::Head);
        }
        if self.begun.load(Ordering::Relaxed) == 0 {
            return (idle > deadlines.head).then_some(Closed::Head);
        }
        (idle > deadlines.keep_alive).then_some(Closed::Idle)
    }

    /// Closes it; false if it is closed already.
    pub fn close(&self, reason: Closed) -> bool {
        let open = self.closed.compare_exchange(0, reason as u8 + 1, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if open {
            self.reader.wake();
        }
        open
    }

    /// True once it is to be closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != 0
    }

    /// Has the task woken when the connection is closed.
    pub fn watch(&self, waker: &std::task::Waker) {
        self.reader.register(waker);
    }
}

/// A response that HTTP/2 is sending.
#[derive(Debug)]
pub struct Sending {
    connection: Arc<Connection>,
    /// Milliseconds since the connection's start, plus one: when its body was ready.
    since: AtomicU64,
    /// Bytes handed over since then.
    taken: AtomicU64,
}

impl Sending {
    /// Notes bytes that were handed over: a reader's window had room for those before them.
    pub fn note(&self, bytes: u64) {
        if self.taken.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.since.store(self.connection.now(), Ordering::Relaxed);
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct ActiveRequest(Arc<Connection>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let connection = &self.0;
        connection.body_ended();
        connection.idle_since.store(connection.now(), Ordering::Relaxed);
        connection.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The address that connections are counted under: an IPv6 caller has a whole /64 to itself.
pub fn counted(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(std::net::Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(3600);

    fn connection() -> Arc<Connection> {
        let connection = Connection::new("192.0.2.1:5".parse().unwrap(), false);
        std::thread::sleep(Duration::from_millis(3));
        connection
    }

    #[test]
    fn a_head_has_a_deadline_from_its_first_byte_on() {
        let connection = connection();
        let deadlines = Deadlines { head: NONE, keep_alive: LONG, write: LONG };
        assert_eq!(connection.overdue(&deadlines), Some(Closed::Head));
        drop(connection.begin(false));
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(connection.overdue(&deadlines), None);
        assert!(connection.note_read(1));
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(connection.overdue(&deadlines), Some(Closed::Head));
        let _busy = connection.begin(false);
        assert_eq!(connection.overdue(&deadlines), None);
    }

    #[test]
    fn an_idle_connection_has_a_deadline() {
        let connection = connection();
        drop(connection.begin(false));
        std::thread::sleep(Duration::from_millis(3));
        let idle = Deadlines { head: LONG, keep_alive: NONE, write: LONG };
        assert_eq!(connection.overdue(&idle), Some(Closed::Idle));
    }

    #[test]
    fn a_reader_earns_time_by_what_it_takes() {
        let connection = connection();
        let _busy = connection.begin(false);
        let deadlines = Deadlines { head: LONG, keep_alive: LONG, write: NONE };
        assert_eq!(connection.overdue(&deadlines), None);
        connection.note_blocked();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(connection.overdue(&deadlines), Some(Closed::Stalled));
        let a_while = Deadlines { write: Duration::from_millis(500), ..deadlines };
        connection.note_written(SLOWEST_READER);
        connection.note_blocked();
        assert_eq!(connection.overdue(&a_while), None);
    }

    #[test]
    fn bytes_ahead_of_an_answer_are_bounded_and_bodies_are_not_counted() {
        let connection = connection();
        assert!(connection.note_read(10 * AHEAD));
        let busy = connection.begin(true);
        assert!(connection.note_read(10 * AHEAD));
        connection.body_ended();
        assert!(connection.note_read(AHEAD) && !connection.note_read(1));
        drop(busy);
        let _next = connection.begin(false);
        assert!(connection.note_read(AHEAD));
    }

    #[test]
    fn a_closed_connection_stays_closed_for_its_first_reason() {
        let connection = connection();
        assert!(connection.close(Closed::Full) && !connection.close(Closed::Idle) && connection.is_closed());
    }

    #[test]
    fn addresses_are_counted_by_host_and_by_network() {
        let same = |a: &str, b: &str| counted(a.parse().unwrap()) == counted(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1") && !same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    }
}
