//! Durations and prices after loads that meet rows again, against sums that are made here without a database.

use std::collections::BTreeMap;

use super::{File, one};
use crate::support::{Db, db};

/// The rows of a file: day of the month, duration and millionths of a price by id.
#[derive(Clone, Default)]
struct Calls(BTreeMap<u64, (u64, u64, u64)>);

impl Calls {
    /// Calls of these ids; `seed` makes other durations and prices.
    fn new(ids: std::ops::RangeInclusive<u64>, seed: u64) -> Self {
        let call = |id: u64| (id, (id % 28 + 1, id * 37 % 601 + seed, id * 7919 % 1_000_003 + seed * 11));
        Self(ids.map(call).collect())
    }

    fn file(&self, order: impl Fn(&mut Vec<u64>)) -> File {
        let mut ids: Vec<u64> = self.0.keys().copied().collect();
        order(&mut ids);
        let mut text = "id,customer_acc_id,time_start,duration,customer_price\n".to_owned();
        for id in ids {
            let (day, duration, price) = self.0[&id];
            let (whole, rest) = (price / 1_000_000, price % 1_000_000);
            text += &format!("{id},{},2026-03-{day:02} 10:00:00,{duration},{whole}.{rest:06}\n", id % 5 + 1);
        }
        File::new("a.csv", text)
    }

    fn whole(&self) -> File {
        self.file(|_| {})
    }

    /// Rows, seconds and millionths.
    fn sums(&self) -> String {
        let sum = |of: fn(&(u64, u64, u64)) -> u64| self.0.values().map(of).sum::<u64>();
        format!("({},{},{})", self.0.len(), sum(|call| call.1), sum(|call| call.2))
    }
}

async fn sums(db: &Db) -> String {
    one(db, "(count(), sum(duration), toUInt64(sum(customer_price) * 1000000))").await
}

async fn load(db: &Db, file: &File, args: &[&str], wanted: &Calls) {
    let (code, said) = file.load(db, args);
    assert_eq!(code, 0, "{said}");
    assert_eq!(sums(db).await, wanted.sums(), "{args:?}: {said}");
}

#[actix_web::test]
async fn files_loaded_again_split_grown_reordered_or_overlapping_add_up_to_their_calls_once() {
    let db = db().await;
    let all = Calls::new(1..=900, 0);
    let part = |ids| Calls::new(ids, 0);
    load(&db, &part(1..=300).whole(), &[], &part(1..=300)).await;
    load(&db, &part(1..=300).whole(), &[], &part(1..=300)).await;
    // Grown.
    load(&db, &part(1..=500).whole(), &[], &part(1..=500)).await;
    // Overlapping, in the opposite order.
    load(&db, &part(400..=700).file(|ids| ids.reverse()), &[], &part(1..=700)).await;
    // Shuffled, in batches that are smaller than the file.
    let shuffle = |ids: &mut Vec<u64>| ids.sort_by_key(|id| id * 2_654_435_761 % 1009);
    load(&db, &all.file(shuffle), &["--batch-rows", "100"], &all).await;
    // Split.
    for ids in [1..=450, 451..=900] {
        load(&db, &part(ids).whole(), &[], &all).await;
    }
}

#[actix_web::test]
async fn rows_that_are_replaced_count_with_their_new_values_and_others_with_their_old_ones() {
    let db = db().await;
    let mut wanted = Calls::new(1..=600, 0);
    load(&db, &wanted.whole(), &[], &wanted).await;
    // Known rows keep their values unless they are to be replaced.
    let rerated = Calls::new(200..=400, 5);
    load(&db, &rerated.whole(), &[], &wanted).await;
    wanted.0.extend(rerated.0.clone());
    load(&db, &rerated.whole(), &["--on-known", "replace"], &wanted).await;
    load(&db, &rerated.whole(), &["--on-known", "replace"], &wanted).await;
    // Days 5 to 7 become those of the file, of fewer calls.
    let mut days = Calls::new(1..=300, 9);
    days.0.retain(|_, call| (5..=7).contains(&call.0));
    wanted.0.retain(|_, call| !(5..=7).contains(&call.0));
    wanted.0.extend(days.0.clone());
    for _ in 0..2 {
        load(&db, &days.whole(), &["--replace", "2026-03-05/2026-03-07"], &wanted).await;
    }
    // The whole month.
    let month = Calls::new(50..=250, 3);
    load(&db, &month.whole(), &["--replace", "2026-03"], &month).await;
}
