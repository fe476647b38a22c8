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
    /// Units that only a tenant takes who holds none: what others hold for long does not keep it out.
    pub spare: u64,
    /// Requests of one tenant that wait at the same time; one more is refused.
    pub waiting: usize,
    /// Longest wait for a permit.
    pub patience: Duration,
}

/// The reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotRefused {
    /// `Bounds::waiting` requests of the tenant wait already.
    Queue,
    /// No permit came free within `Bounds::patience`.
    Late,
    /// The permit is larger than the whole supply.
    Never,
}

impl SlotRefused {
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
    /// Units that a tenant holds who used much of late, while another is present.
    busy_share: AtomicU64,
    refused: [AtomicU64; SlotRefused::ALL.len()],
    inner: Mutex<FairState>,
}

#[derive(Debug, Default)]
struct FairState {
    used: u64,
    tenants: HashMap<u32, Tenant>,
    /// Tenants that have a waiter, in the order in which they are served.
    turn: VecDeque<u32>,
    /// True while a tenant within its share waits for the total: nobody overtakes it.
    is_short: bool,
    /// Recent use, by tenant.
    recent: HashMap<u32, RecentUse>,
}

/// Recent use of a tenant, in unit seconds. Use of a minute ago counts next to nothing.
#[derive(Clone, Copy, Debug)]
struct RecentUse {
    used: f64,
    at: Instant,
}

/// Half-life of the use that counts as recent.
const HALF: Duration = Duration::from_secs(10);

/// Unit seconds of late above which a tenant is busy: a third of a unit, held without a pause.
const BUSY: f64 = 4.0;

/// Shortest time between two questions whether a waiter goes on.
const PAUSE: Duration = Duration::from_millis(50);

/// Tenants kept beyond their permits; above that, those who used next to nothing are dropped.
const REMEMBERED: usize = 256;

impl RecentUse {
    fn now(&self) -> f64 {
        self.used * (-self.at.elapsed().as_secs_f64() / HALF.as_secs_f64()).exp2()
    }

    /// True while it is worth remembering: one answer of 10 ms for more than two minutes.
    fn counts(&self) -> bool {
        self.now() > 1e-6
    }

    fn is_present(&self) -> bool {
        self.now() > 0.001
    }
}

/// A tenant beside the others at the moment of a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// 1 for a tenant that holds nothing and used little of late; more for one that holds or used more.
    pub level: u32,
    /// True if another tenant used something within minutes: it may ask again at any moment.
    pub has_company: bool,
    /// True if another tenant used something within seconds.
    pub is_crowded: bool,
}

#[derive(Debug, Default)]
struct Tenant {
    used: u64,
    waiting: VecDeque<Waiter>,
}

impl Tenant {
    /// One permit may be larger than the share, as long as it is the only one.
    fn is_within(&self, share: u64, weight: u64) -> bool {
        self.used == 0 || self.used + weight <= share
    }
}

#[derive(Debug)]
struct Waiter {
    weight: u64,
    sender: oneshot::Sender<Permit>,
}

/// Units in use, given back when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Permit(Arc<UnitsInUse>);

#[derive(Debug)]
struct UnitsInUse {
    fair: Arc<Fair>,
    tenant: u32,
    weight: u64,
    standing: Standing,
    since: Instant,
}

impl Permit {
    /// The tenant's standing when it was granted.
    pub fn standing(&self) -> Standing {
        self.0.standing
    }
}

impl Drop for UnitsInUse {
    fn drop(&mut self) {
        self.fair.give_back(self.tenant, self.weight, self.since.elapsed());
    }
}

/// Units in use, and requests that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FairLoad {
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
        let busy_share = AtomicU64::new(bounds.share);
        Arc::new(Self { bounds, busy_share, refused: Default::default(), inner: Mutex::default() })
    }

    /// Bounds a tenant who used much of late to `share` units while another is present. Without it `Bounds::share` holds.
    pub fn set_busy_share(&self, share: u64) {
        self.busy_share.store(share.clamp(1, self.bounds.share), Ordering::Relaxed);
    }

    /// Waits for `weight` units for `tenant`.
    ///
    /// # Errors
    /// The queue of the tenant is full, the wait took too long, or the supply never has as much.
    pub async fn acquire(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<Permit, SlotRefused> {
        self.acquire_while(tenant, weight, |_waited| false).await
    }

    /// Waits for `weight` units for `tenant`. When `Bounds::patience` is over, `goes_on` is given the time waited so far; while
    /// it says so the waiter stays at its place in the queue.
    ///
    /// # Errors
    /// The queue of the tenant is full, the wait took too long, or the supply never has as much.
    pub async fn acquire_while(
        self: &Arc<Self>,
        tenant: u32,
        weight: u64,
        goes_on: impl Fn(Duration) -> bool,
    ) -> Result<Permit, SlotRefused> {
        let granted = match self.ask(tenant, weight) {
            Ok(SlotRequest::Granted(permit)) => Ok(permit),
            Ok(SlotRequest::Waits(waiter)) => self.wait(waiter, goes_on).await,
            Err(refused) => Err(refused),
        };
        granted.inspect_err(|refused| self.note(*refused))
    }

    async fn wait(
        &self,
        mut waiter: oneshot::Receiver<Permit>,
        goes_on: impl Fn(Duration) -> bool,
    ) -> Result<Permit, SlotRefused> {
        let begun = Instant::now();
        let mut patience = self.bounds.patience;
        loop {
            match tokio::time::timeout(patience, &mut waiter).await {
                Ok(Ok(permit)) => return Ok(permit),
                Err(_) if goes_on(begun.elapsed()) => patience = patience.max(PAUSE),
                Ok(Err(_)) | Err(_) => return Err(SlotRefused::Late),
            }
        }
    }

    /// Takes `weight` units for `tenant` if they are free.
    ///
    /// # Errors
    /// They are not.
    pub fn try_acquire(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<Permit, SlotRefused> {
        let taken = match self.ask(tenant, weight) {
            Ok(SlotRequest::Granted(permit)) => Ok(permit),
            Ok(SlotRequest::Waits(_)) => Err(SlotRefused::Late),
            Err(refused) => Err(refused),
        };
        taken.inspect_err(|refused| self.note(*refused))
    }

    /// Takes `weight` units for `tenant` if they are free. Having none is no refusal: the caller does without.
    pub fn take_free(self: &Arc<Self>, tenant: u32, weight: u64) -> Option<Permit> {
        match self.ask(tenant, weight) {
            Ok(SlotRequest::Granted(permit)) => Some(permit),
            Ok(SlotRequest::Waits(_)) | Err(_) => None,
        }
    }

    fn note(&self, refused: SlotRefused) {
        self.refused[refused as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn ask(self: &Arc<Self>, tenant: u32, weight: u64) -> Result<SlotRequest, SlotRefused> {
        if weight > self.bounds.total {
            return Err(SlotRefused::Never);
        }
        let mut inner = self.lock();
        let holds = inner.tenants.get(&tenant).map_or(0, |tenant| tenant.used);
        let fits = !inner.is_short && inner.used + weight <= self.total_for(holds);
        let share = self.share(&inner, tenant);
        let entry = inner.tenants.entry(tenant).or_default();
        if fits && entry.waiting.is_empty() && entry.is_within(share, weight) {
            let held = entry.used;
            entry.used += weight;
            inner.used += weight;
            let standing = inner.standing(tenant, held);
            return Ok(SlotRequest::Granted(self.permit(tenant, weight, standing)));
        }
        if entry.waiting.len() >= self.bounds.waiting {
            entry.waiting.retain(|waiter| !waiter.sender.is_closed());
        }
        if entry.waiting.len() >= self.bounds.waiting {
            return Err(SlotRefused::Queue);
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
        Ok(SlotRequest::Waits(receiver))
    }

    fn share(&self, inner: &FairState, tenant: u32) -> u64 {
        let busy = self.busy_share.load(Ordering::Relaxed);
        if busy < self.bounds.share && inner.is_busy(tenant) && inner.has_company(tenant) {
            busy
        } else {
            self.bounds.share
        }
    }

    /// Units that may be in use with those of a tenant that holds some, or none.
    fn total_for(&self, holds: u64) -> u64 {
        if holds > 0 { self.bounds.total.saturating_sub(self.bounds.spare) } else { self.bounds.total }
    }

    fn permit(self: &Arc<Self>, tenant: u32, weight: u64, standing: Standing) -> Permit {
        Permit(Arc::new(UnitsInUse { fair: Arc::clone(self), tenant, weight, standing, since: Instant::now() }))
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
    fn serve(self: &Arc<Self>, inner: &mut FairState) -> Vec<Permit> {
        let mut unwanted = Vec::new();
        let mut blocked = 0;
        inner.is_short = false;
        while blocked < inner.turn.len() {
            let Some(tenant) = inner.turn.pop_front() else { break };
            let share = self.share(inner, tenant);
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
            if !entry.is_within(share, weight) || entry.used > 0 && inner.used + weight > self.total_for(entry.used) {
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
    pub fn load(&self) -> FairLoad {
        let inner = self.lock();
        let waits = |tenant: &Tenant| tenant.waiting.iter().filter(|waiter| !waiter.sender.is_closed()).count();
        FairLoad {
            used: inner.used,
            largest: inner.tenants.values().map(|tenant| tenant.used).max().unwrap_or(0),
            waiting: inner.tenants.values().map(waits).sum(),
            tenants: inner.tenants.len(),
        }
    }

    /// The number of refusals for a reason, since the start.
    pub fn refused(&self, reason: SlotRefused) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// Its bounds.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn lock(&self) -> MutexGuard<'_, FairState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FairState {
    fn note(&mut self, tenant: u32, used: f64) {
        let before = self.recent.get(&tenant).map_or(0.0, RecentUse::now);
        self.recent.insert(tenant, RecentUse { used: before + used, at: Instant::now() });
        if self.recent.len() > REMEMBERED {
            self.recent.retain(|_, recent| recent.counts());
        }
    }

    fn used_of_late(&self, tenant: u32) -> f64 {
        self.recent.get(&tenant).map_or(0.0, RecentUse::now)
    }

    fn is_busy(&self, tenant: u32) -> bool {
        self.used_of_late(tenant) > BUSY
    }

    fn has_company(&self, tenant: u32) -> bool {
        self.others(tenant).any(RecentUse::counts)
    }

    fn others(&self, tenant: u32) -> impl Iterator<Item = &RecentUse> {
        self.recent.iter().filter(move |(other, _)| **other != tenant).map(|(_, recent)| recent).take(REMEMBERED)
    }

    /// Each doubling of what was used of late beyond a unit second is a level, and so is each unit held.
    fn standing(&self, tenant: u32, held: u64) -> Standing {
        // Far below what an integer holds: units times seconds of the last minute.
        let doublings = (1.0 + self.used_of_late(tenant)).log2() as u32;
        Standing {
            level: 1 + doublings + u32::try_from(held).unwrap_or(u32::MAX - 64),
            has_company: self.has_company(tenant),
            is_crowded: self.others(tenant).any(RecentUse::is_present),
        }
    }
}

enum SlotRequest {
    Granted(Permit),
    Waits(oneshot::Receiver<Permit>),
}

#[cfg(test)]
mod tests;
