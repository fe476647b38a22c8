//! Shares, turns and standings of tenants.

use super::*;

fn fair(total: u64, share: u64, waiting: usize) -> Arc<Fair> {
    Fair::new(Bounds { total, share, spare: 0, waiting, patience: Duration::from_secs(60) })
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
async fn what_is_spared_is_for_those_who_hold_none() {
    let patience = Duration::from_secs(60);
    let fair = Fair::new(Bounds { total: 4, share: 2, spare: 1, waiting: 8, patience });
    let held = [1, 1, 2].map(|tenant| fair.try_acquire(tenant, 1).unwrap());
    assert!(fair.try_acquire(2, 1).is_err() && fair.take_free(1, 1).is_none());
    let third = granted(&fair, 3, 1).await.unwrap();
    assert!(granted(&fair, 4, 1).await.is_none());
    // One that waits for a second unit keeps nobody from the last.
    let (other, waits) = (Arc::clone(&fair), Arc::clone(&fair));
    let second = tokio::spawn(async move { waits.acquire(2, 1).await });
    tokio::task::yield_now().await;
    drop(third);
    let fourth = granted(&other, 4, 1).await.unwrap();
    assert!(!second.is_finished());
    drop((held, fourth));
    assert!(second.await.unwrap().is_ok());
    assert_eq!(fair.load(), FairLoad::default());
}

#[tokio::test]
async fn a_waiter_keeps_its_place_for_as_long_as_it_may_go_on() {
    let bounds = Bounds { total: 1, share: 1, spare: 0, waiting: 8, patience: Duration::from_millis(1) };
    let fair = Fair::new(bounds);
    let held = fair.acquire(1, 1).await.unwrap();
    assert_eq!(fair.acquire_while(1, 1, |_| false).await.unwrap_err(), SlotRefused::Late);
    let asked = Arc::new(AtomicU64::new(0));
    let (waits, times) = (Arc::clone(&fair), Arc::clone(&asked));
    let second =
        tokio::spawn(
            async move { waits.acquire_while(1, 1, |_| times.fetch_add(1, Ordering::Relaxed) < u64::MAX).await },
        );
    while asked.load(Ordering::Relaxed) < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished());
    drop(held);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(fair.refused(SlotRefused::Late), 1);
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
    assert_eq!(fair.load(), FairLoad::default());
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
    assert_eq!(fair.acquire(1, 1).await.unwrap_err(), SlotRefused::Queue);
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
    assert_eq!(fair.acquire(1, 11).await.unwrap_err(), SlotRefused::Never);
    assert_eq!(fair.load(), FairLoad::default());
}

#[tokio::test]
async fn who_holds_or_used_more_stands_behind_others() {
    let fair = fair(8, 8, 8);
    let first = fair.acquire(1, 1).await.unwrap();
    assert_eq!(first.standing(), Standing { level: 1, has_company: false, is_crowded: false });
    assert_eq!(fair.acquire(1, 1).await.unwrap().standing().level, 2);
    drop(first);
    fair.lock().note(1, 20.0);
    let quiet = fair.acquire(2, 1).await.unwrap().standing();
    assert_eq!(quiet, Standing { level: 1, has_company: true, is_crowded: true });
    assert_eq!(fair.acquire(1, 1).await.unwrap().standing().level, 5);
}

#[tokio::test]
async fn a_busy_tenant_holds_less_while_others_are_present() {
    let fair = fair(8, 4, 8);
    fair.set_busy_share(2);
    fair.lock().note(1, 20.0);
    let alone: Vec<_> = [0, 1, 2].map(|_| fair.try_acquire(1, 1)).into_iter().collect();
    assert!(alone.iter().all(Result::is_ok));
    drop(alone);
    fair.lock().note(2, 0.005);
    let held = [fair.try_acquire(1, 1).unwrap(), fair.try_acquire(1, 1).unwrap()];
    assert_eq!(fair.try_acquire(1, 1).unwrap_err(), SlotRefused::Late);
    let _quiet = [0, 1, 2, 3].map(|_| fair.try_acquire(2, 1).unwrap());
    drop(held);
    assert!(fair.try_acquire(1, 1).is_ok());
}

#[tokio::test]
async fn patience_ends() {
    let fair = Fair::new(Bounds { total: 1, share: 1, spare: 0, waiting: 9, patience: Duration::from_millis(5) });
    let _held = fair.acquire(1, 1).await.unwrap();
    assert_eq!(fair.acquire(2, 1).await.unwrap_err(), SlotRefused::Late);
}
