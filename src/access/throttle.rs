//! Failed logins, kept for a minute per login and per address. Nobody can be shut out by somebody else elsewhere:
//! a login that has used up its failures still gives a try to each address that has none.
//!
//! So from one address at most N passwords a minute can be tried, whatever the logins; for one login at most N, plus one
//! from each address that has not failed in that minute. Refusing those too would hand every user to whoever knows the
//! login and goes on failing. What many addresses can try is bounded by how many hashes are computed at once, and by what
//! argon2id costs.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time for which a failure counts.
const MINUTE: Duration = Duration::from_secs(60);

/// Fewest entries that are swept. A sweep drops failures that no longer count, when entries have doubled since the last.
const SWEEP: usize = 1024;

/// An attempt to log in: its login and its address, as keyed hashes. Neither a long name nor a chosen collision
/// costs more than any other.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    login: u64,
    address: u64,
}

/// Too many failures; try again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// The failures of the last minute.
pub struct Throttle {
    limit: Option<NonZeroU32>,
    keys: RandomState,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    of: HashMap<u64, VecDeque<Instant>>,
    swept: usize,
}

impl Throttle {
    /// Allows `per_minute` failures a minute; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self { limit: NonZeroU32::new(per_minute), keys: RandomState::new(), failures: Mutex::default() }
    }

    /// The keys of an attempt. An IPv6 caller has a whole /64 to itself, so that is its address.
    pub fn attempt(&self, login: &str, address: Option<IpAddr>) -> Attempt {
        let address = match address.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V6(v6)) => Some(IpAddr::V6((u128::from(v6) >> 64 << 64).into())),
            other => other,
        };
        Attempt { login: self.keys.hash_one(("login", login)), address: self.keys.hash_one(("address", address)) }
    }

    /// True if the attempt may be made at all, at the time `now`.
    ///
    /// # Errors
    /// The time to wait, if the attempt may not be made.
    pub fn check(&self, attempt: Attempt, now: Instant) -> Result<(), Wait> {
        let Some(limit) = self.limit else { return Ok(()) };
        self.failures().check(attempt, limit, now)
    }

    /// Counts the attempt as failed until `succeeded` says otherwise: attempts at the same time count one another.
    ///
    /// # Errors
    /// The time to wait, if the attempt may not be made.
    pub fn begin(&self, attempt: Attempt, now: Instant) -> Result<(), Wait> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut failures = self.failures();
        failures.check(attempt, limit, now)?;
        failures.sweep(now);
        failures.add(attempt.login, now);
        failures.add(attempt.address, now);
        Ok(())
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the attempt that began at `began`: its password was right.
    pub fn succeeded(&self, attempt: Attempt, began: Instant) {
        let mut failures = self.failures();
        for key in [attempt.login, attempt.address] {
            let Some(times) = failures.of.get_mut(&key) else { continue };
            if let Some(at) = times.iter().rposition(|time| *time == began) {
                times.remove(at);
            }
            if times.is_empty() {
                failures.of.remove(&key);
            }
        }
    }
}

impl Failures {
    fn check(&self, attempt: Attempt, limit: NonZeroU32, now: Instant) -> Result<(), Wait> {
        let limit = limit.get() as usize;
        let address = self.until_fewer_than(limit, attempt.address, now);
        // A login that is used up gives no second try to an address, until that address is without failures again.
        let login = self.until_fewer_than(limit, attempt.login, now);
        let clean = self.until_fewer_than(1, attempt.address, now);
        address.max(login.min(clean)).map_or(Ok(()), |wait| Err(Wait(wait)))
    }

    /// The time until the key has fewer than `count` failures within a minute; `None` if it has fewer now.
    fn until_fewer_than(&self, count: usize, key: u64, now: Instant) -> Option<Duration> {
        let times = self.of.get(&key)?;
        let oldest = times.get(times.len().checked_sub(count)?)?;
        MINUTE.checked_sub(now.saturating_duration_since(*oldest)).filter(|wait| !wait.is_zero())
    }

    fn add(&mut self, key: u64, now: Instant) {
        let times = self.of.entry(key).or_default();
        while times.front().is_some_and(|time| over(*time, now)) {
            times.pop_front();
        }
        times.push_back(now);
    }

    fn sweep(&mut self, now: Instant) {
        if self.of.len() >= self.swept.max(SWEEP) {
            self.of.retain(|_, times| times.back().is_some_and(|time| !over(*time, now)));
            self.swept = self.of.len() * 2;
        }
    }
}

fn over(failure: Instant, now: Instant) -> bool {
    now.saturating_duration_since(failure) >= MINUTE
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trial {
        throttle: Throttle,
        start: Instant,
    }

    impl Trial {
        fn new(per_minute: u32) -> Self {
            Self { throttle: Throttle::new(per_minute), start: Instant::now() }
        }

        /// A failed login at a second; the seconds to wait where it may not be made.
        fn fail(&self, second: u64, login: &str, address: &str) -> Result<(), u64> {
            let attempt = self.throttle.attempt(login, Some(address.parse().unwrap()));
            self.throttle.begin(attempt, self.start + Duration::from_secs(second)).map_err(|Wait(wait)| wait.as_secs())
        }

        fn succeed(&self, second: u64, login: &str, address: &str) -> Result<(), u64> {
            self.fail(second, login, address)?;
            let attempt = self.throttle.attempt(login, Some(address.parse().unwrap()));
            self.throttle.succeeded(attempt, self.start + Duration::from_secs(second));
            Ok(())
        }
    }

    #[test]
    fn an_address_has_so_many_failures_a_minute_whatever_the_logins() {
        let trial = Trial::new(3);
        for second in 0..3 {
            assert_eq!(trial.fail(second, &format!("login {second}"), "192.0.2.1"), Ok(()));
        }
        assert_eq!(trial.fail(10, "another", "192.0.2.1"), Err(50));
        assert_eq!(trial.fail(10, "another", "::ffff:192.0.2.1"), Err(50));
        assert_eq!(trial.fail(10, "another", "192.0.2.2"), Ok(()));
        assert_eq!(trial.fail(60, "another", "192.0.2.1"), Ok(()));
        assert_eq!(trial.fail(60, "another", "192.0.2.1"), Err(1));
    }

    #[test]
    fn a_login_has_so_many_failures_a_minute_and_then_one_more_from_each_address_without_any() {
        let trial = Trial::new(3);
        for host in 1..=3 {
            assert_eq!(trial.fail(0, "ann", &format!("192.0.2.{host}")), Ok(()));
        }
        assert_eq!(trial.fail(1, "ann", "192.0.2.1"), Err(59));
        assert_eq!(trial.fail(1, "bob", "192.0.2.1"), Ok(()));
        assert_eq!(trial.fail(30, "ann", "192.0.2.9"), Ok(()));
        assert_eq!(trial.fail(31, "ann", "192.0.2.9"), Err(29));
        assert_eq!(trial.fail(61, "ann", "192.0.2.9"), Ok(()));
    }

    #[test]
    fn an_attack_that_goes_on_does_not_shut_its_victim_out_elsewhere() {
        let trial = Trial::new(3);
        for second in 0..300 {
            let _ = trial.fail(second, "ann", &format!("198.51.100.{}", second % 7));
        }
        for second in 300..310 {
            assert_eq!(trial.succeed(second, "ann", "192.0.2.1"), Ok(()));
        }
    }

    #[test]
    fn good_logins_are_not_counted() {
        let trial = Trial::new(1);
        for second in 0..100 {
            assert_eq!(trial.succeed(second, "ann", "192.0.2.1"), Ok(()));
        }
        assert!(trial.throttle.failures.lock().unwrap().of.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let trial = Trial::new(1);
        assert_eq!(trial.fail(0, "a", "2001:db8::1"), Ok(()));
        assert_eq!(trial.fail(0, "b", "2001:db8::ffff:2"), Err(60));
        assert_eq!(trial.fail(0, "b", "2001:db8:0:1::1"), Ok(()));
    }

    #[test]
    fn nothing_is_kept_longer_than_it_counts() {
        let trial = Trial::new(1);
        for n in 0..50_000_u32 {
            let address = std::net::Ipv4Addr::from(n).to_string();
            trial.fail(u64::from(n) / 10, &format!("login {n}"), &address).unwrap();
        }
        // 600 failures a minute, two keys each; twice that between two sweeps.
        assert!(trial.throttle.failures.lock().unwrap().of.len() <= 4 * 600 + 2);
    }

    #[test]
    fn zero_is_no_limit() {
        let trial = Trial::new(0);
        assert!((0..100).all(|_| trial.fail(0, "ann", "192.0.2.1").is_ok()));
    }
}
