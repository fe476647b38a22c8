//! Shares a limited supply fairly between tenants: query slots, and memory of responses that are being sent.
//!
//! A tenant waits for its own. It never holds more than its share, and tenants that wait are served in turn, one permit
//! each, whatever the number of requests behind them. A waiter that goes away leaves the queue at once.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Bounds of a [`Fair`] supply.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Units that all tenants hold together.
    pub total: u64,
    /// Units that one tenant holds. A single permit may be larger, as long as it is the tenant's only one.
    pub share: u64,
    /// Requests of one tenant that wait at the same time; one more is refused.
    pub waiting: usize,
    /// Longest wait for a permit.
    pub patience: Duration,
}

/// The reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `Bounds::waiting` requests of the tenant wait already.
    Queue,
    /// No permit came free within `Bounds::patience`.
    Late,
    /// The permit is larger than the whole supply.
    Never,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Queue, Self::Late, Self::Never];

    /// The word of metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Late => "late",
            Self::Never => "size",
        }
    }
}

/// A supply of units for tenants.
#[derive(Debug)]
pub struct Fair {
    bounds: Bounds,
    refused: [AtomicU64; Refused::ALL.len()],
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    used: u64,
    tenants: HashMap<u32, Tenant>,
    /// Tenants that have a waiter, in the order in which they are served.
    turn: VecDeque<u32>,
    /// True while a tenant within its share waits for the total: nobody overtakes it.
    is_short: bool,
    /// What tenants used of late.
    recent: HashMap<u32, Recent>,
}

/// Use of late: unit seconds, those of a minute ago counting next to nothing.
#[derive(Clone, Copy, Debug)]
struct Recent {
    used: f64,
    at: Instant,
}

/// Time in which what was used comes to count half.
const HALF: Duration = Duration::from_secs(10);

/// Tenants remembered beyond their permits; above that those who used next to nothing are forgotten.
const REMEMBERED: usize = 256;

impl Recent {
    fn now(&self) -> f64 {
        self.used * (-self.at.elapsed().as_secs_f64() / HALF.as_secs_f64()).exp2()
    }

    /// True while it is worth remembering.
    fn counts(&self) -> bool {
        self.now() > 0.001
    }
}

/// A tenant beside the others at the moment of a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// 1 for a tenant that holds nothing and used little of late; more for one that holds or used more.
    pub level: u32,
    /// True if another tenant used something of late.
    pub has_company: bool,
}

#[derive(Debug, Default)]
struct Tenant {
    used: u64,
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    weight: u64,
    sender: oneshot::Sender<Permit>,
}

/// Units in use, given back on drop.
#[derive(Debug)]
pub struct Permit {
    fair: Arc<Fair>,
    tenant: u32,
    weight: u64,
    standing: Standing,
    since: Instant,
}

impl Permit {
    /// The tenant's standing when it was granted.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.fair.give_back(self.tenant, self.weight, self.since.elapsed());
    }
}

/// Units in use, and requests that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Units that are held.
    pub used: u64,
    /// The largest number of units that one tenant holds.
    pub largest: u64,
    /// Requests that wait.
    pub waiting: usize,
    /// Tenants that hold or wait.
    pub tenants: usize,
}

impl Fair {
    /// A supply that nobody uses yet.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, refused: Default::default(), inner: Mutex::default() })
    }

    /// Waits for `weight` units for `tenant`.
    ///
    /// # Errors
    /// The queue of the tenant is full, the wait took too long, or the supply never has as much.
    pub async fn acquire(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<Permit, Refused> {
        let granted = match self.ask(tenant, weight) {
            Ok(Asked::Granted(permit)) => Ok(permit),
            Ok(Asked::Waits(waiter)) => match tokio::time::timeout(self.bounds.patience, waiter).await {
                Ok(Ok(permit)) => Ok(permit),
                Ok(Err(_)) | Err(_) => Err(Refused::Late),
            },
            Err(refused) => Err(refused),
        };
        if let Err(refused) = &granted {
            self.note(*refused);
        }
        granted
    }

    /// Takes `weight` units for `tenant` if they are free.
    ///
    /// # Errors
    /// They are not.
    pub fn try_acquire(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<Permit, Refused> {
        match self.ask(tenant, weight) {
            Ok(Asked::Granted(permit)) => Ok(permit),
            Ok(Asked::Waits(_)) => {
                self.note(Refused::Late);
                Err(Refused::Late)
            }
            Err(refused) => {
                self.note(refused);
                Err(refused)
            }
        }
    }

    /// Takes `weight` units for `tenant` if they are free. Having none is no refusal: the caller does without.
    pub fn take_free(self: &Arc<Self>, tenant: u32, weight: u64) -> Option<Permit> {
        match self.ask(tenant, weight) {
            Ok(Asked::Granted(permit)) => Some(permit),
            Ok(Asked::Waits(_)) | Err(_) => None,
        }
    }

    fn note(&self, refused: Refused) {
        self.refused[refused as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn ask(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<Asked, Refused> {
        if weight > self.bounds.total {
            return Err(Refused::Never);
        }
        let mut inner = self.lock();
        let fits = !inner.is_short && inner.used + weight <= self.bounds.total;
        let entry = inner.tenants.entry(tenant).or_default();
        if fits && entry.waiting.is_empty() && self.is_within_share(entry, weight) {
            let held = entry.used;
            entry.used += weight;
            inner.used += weight;
            let standing = inner.standing(tenant, held);
            return Ok(Asked::Granted(self.permit(tenant, weight, standing)));
        }
        if entry.waiting.len() >= self.bounds.waiting {
            entry.waiting.retain(|waiter| !waiter.sender.is_closed());
        }
        if entry.waiting.len() >= self.bounds.waiting {
            return Err(Refused::Queue);
        }
        let (sender, receiver) = oneshot::channel();
        let is_first = entry.waiting.is_empty();
        entry.waiting.push_back(Waiter { weight, sender });
        if is_first && !inner.turn.contains(&tenant) {
            inner.turn.push_back(tenant);
        }
        // Those before it may have gone away without giving anything back.
        let granted = self.serve(&mut inner);
        drop(inner);
        drop(granted);
        Ok(Asked::Waits(receiver))
    }

    fn is_within_share(&self, tenant: &Tenant, weight: u64) -> bool {
        tenant.used == 0 || tenant.used + weight <= self.bounds.share
    }

    fn permit(self: &Arc<Self>, tenant: u32, weight: u64, standing: Standing) -> Permit {
        Permit { fair: Arc::clone(self), tenant, weight, standing, since: Instant::now() }
    }

    fn give_back(self: &Arc<Self>, tenant: u32, weight: u64, held: Duration) {
        let mut inner = self.lock();
        inner.note(tenant, weight as f64 * held.as_secs_f64());
        inner.used = inner.used.saturating_sub(weight);
        if let Some(entry) = inner.tenants.get_mut(&tenant) {
            entry.used = entry.used.saturating_sub(weight);
            if entry.used == 0 && entry.waiting.is_empty() {
                inner.tenants.remove(&tenant);
            }
        }
        let unwanted = self.serve(&mut inner);
        drop(inner);
        // Each gives back what it holds, which needs the lock.
        drop(unwanted);
    }

    /// Serves tenants in turn for as long as something fits. Gives the permits whose waiters had just gone away.
    fn serve(self: &Arc<Self>, inner: &mut Inner) -> Vec<Permit> {
        let mut unwanted = Vec::new();
        let mut blocked = 0;
        inner.is_short = false;
        while blocked < inner.turn.len() {
            let Some(tenant) = inner.turn.pop_front() else { break };
            let Some(entry) = inner.tenants.get_mut(&tenant) else { continue };
            while entry.waiting.front().is_some_and(|waiter| waiter.sender.is_closed()) {
                entry.waiting.pop_front();
            }
            let Some(weight) = entry.waiting.front().map(|waiter| waiter.weight) else {
                if entry.used == 0 {
                    inner.tenants.remove(&tenant);
                }
                continue;
            };
            if !self.is_within_share(entry, weight) {
                inner.turn.push_back(tenant);
                blocked += 1;
                continue;
            }
            if inner.used + weight > self.bounds.total {
                inner.turn.push_front(tenant);
                inner.is_short = true;
                break;
            }
            if let Some(waiter) = entry.waiting.pop_front() {
                let held = entry.used;
                entry.used += weight;
                inner.used += weight;
                let standing = inner.standing(tenant, held);
                if let Err(permit) = waiter.sender.send(self.permit(tenant, weight, standing)) {
                    unwanted.push(permit);
                }
            }
            inner.turn.push_back(tenant);
            blocked = 0;
        }
        unwanted
    }

    /// The present load.
    pub fn load(&self) -> Load {
        let inner = self.lock();
        let waits = |tenant: &Tenant| tenant.waiting.iter().filter(|waiter| !waiter.sender.is_closed()).count();
        Load {
            used: inner.used,
            largest: inner.tenants.values().map(|tenant| tenant.used).max().unwrap_or(0),
            waiting: inner.tenants.values().map(waits).sum(),
            tenants: inner.tenants.len(),
        }
    }

    /// The number of refusals for a reason, since the start.
    pub fn refused(&self, reason: Refused) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// Its bounds.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn note(&mut self, tenant: u32, used: f64) {
        let before = self.recent.get(&tenant).map_or(0.0, Recent::now);
        self.recent.insert(tenant, Recent { used: before + used, at: Instant::now() });
        if self.recent.len() > REMEMBERED {
            self.recent.retain(|_, recent| recent.counts());
        }
    }

    /// Each doubling of what was used of late beyond a unit second is a level, and so is each unit held.
    fn standing(&self, tenant: u32, held: u64) -> Standing {
        let used = self.recent.get(&tenant).map_or(0.0, Recent::now);
        // Far below what an integer holds: units times seconds of the last minute.
        let doublings = (1.0 + used).log2() as u32;
        let others = self.recent.iter().filter(|(other, _)| **other != tenant);
        Standing {
            level: 1 + doublings + u32::try_from(held).unwrap_or(u32::MAX - 64),
            has_company: others.take(REMEMBERED).any(|(_, recent)| recent.counts()),
        }
    }
}

enum Asked {
    Granted(Permit),
    Waits(oneshot::Receiver<Permit>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fair(total: u64, share: u64, waiting: usize) -> Arc<Fair> {
        Fair::new(Bounds { total, share, waiting, patience: Duration::from_secs(60) })
    }

    async fn granted(fair: &Arc<Fair>, tenant: u32, weight: u64) -> Option<Permit> {
        tokio::time::timeout(Duration::from_millis(1), fair.acquire(tenant, weight)).await.ok()?.ok()
    }

    #[tokio::test]
    async fn a_tenant_waits_for_its_own_while_others_are_served() {
        let fair = fair(4, 2, 8);
        let mut loud = [fair.acquire(1, 1).await.unwrap(), fair.acquire(1, 1).await.unwrap()].map(Some);
        assert!(granted(&fair, 1, 1).await.is_none());
        assert!(granted(&fair, 2, 1).await.is_some());
        loud[0] = None;
        assert!(granted(&fair, 1, 1).await.is_some());
    }

    #[tokio::test]
    async fn tenants_that_wait_are_served_in_turn() {
        let fair = fair(1, 1, 100);
        let held = fair.acquire(9, 1).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for tenant in [1, 1, 1, 1, 2, 3] {
            let (fair, order) = (Arc::clone(&fair), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _permit = fair.acquire(tenant, 1).await.unwrap();
                order.lock().unwrap().push(tenant);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 2, 3, 1, 1, 1]);
        assert_eq!(fair.load(), Load::default());
    }

    #[tokio::test]
    async fn a_waiter_that_goes_away_holds_nothing() {
        let fair = fair(1, 1, 2);
        let held = fair.acquire(1, 1).await.unwrap();
        for _ in 0..10 {
            assert!(granted(&fair, 1, 1).await.is_none());
            assert!(granted(&fair, 2, 1).await.is_none());
        }
        drop(held);
        assert!(granted(&fair, 3, 1).await.is_some());
        assert_eq!(fair.load().waiting, 0);
    }

    #[tokio::test]
    async fn a_queue_has_a_bound_of_its_own_for_each_tenant() {
        let fair = fair(1, 1, 2);
        let _held = fair.acquire(1, 1).await.unwrap();
        let waits: Vec<_> = (0..2)
            .map(|_| {
                let fair = Arc::clone(&fair);
                tokio::spawn(async move { fair.acquire(1, 1).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(fair.acquire(1, 1).await.unwrap_err(), Refused::Queue);
        assert_eq!(fair.load().waiting, 2);
        waits.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_large_permit_is_not_overtaken_for_ever() {
        let fair = fair(10, 5, 8);
        let small = fair.acquire(1, 5).await.unwrap();
        // Larger than a share: it is the tenant's only one.
        let wide = {
            let fair = Arc::clone(&fair);
            tokio::spawn(async move { fair.acquire(2, 8).await })
        };
        tokio::task::yield_now().await;
        assert!(granted(&fair, 3, 1).await.is_none(), "overtaken");
        drop(small);
        let wide = wide.await.unwrap().unwrap();
        assert_eq!(fair.load().used, 8);
        assert!(granted(&fair, 3, 2).await.is_some());
        drop(wide);
        assert_eq!(fair.acquire(1, 11).await.unwrap_err(), Refused::Never);
        assert_eq!(fair.load(), Load::default());
    }

    #[tokio::test]
    async fn who_holds_or_used_more_stands_behind_others() {
        let fair = fair(8, 8, 8);
        let first = fair.acquire(1, 1).await.unwrap();
        assert_eq!(first.standing(), Standing { level: 1, has_company: false });
        assert_eq!(fair.acquire(1, 1).await.unwrap().standing().level, 2);
        drop(first);
        fair.lock().note(1, 20.0);
        let quiet = fair.acquire(2, 1).await.unwrap().standing();
        assert_eq!(quiet, Standing { level: 1, has_company: true });
        assert_eq!(fair.acquire(1, 1).await.unwrap().standing().level, 5);
    }

    #[tokio::test]
    async fn patience_ends() {
        let fair = Fair::new(Bounds { total: 1, share: 1, waiting: 9, patience: Duration::from_millis(5) });
        let _held = fair.acquire(1, 1).await.unwrap();
        assert_eq!(fair.acquire(2, 1).await.unwrap_err(), Refused::Late);
    }
}
