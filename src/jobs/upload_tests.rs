//! Recurring files in a store.
#![cfg(feature = "s3")]

use std::path::PathBuf;

use super::tests::{dir, made, names, new, open, state};
use super::*;
use crate::s3::{Asked, FakeStore, Odd, PART, Shelf, ShelfObject};

/// A job for the store.
fn of(period: &str) -> NewJob {
    let target = JobTarget { to: FakeStore::place(), name: format!("calls_{period}.csv"), period: period.to_owned() };
    NewJob { owner: format!("{RECURRING}calls"), target: Some(target), ..new(1) }
}

const NAME: &str = "calls_2026-10.csv";

/// Makes the file of a job that waits, and sends it.
async fn send(jobs: &Arc<Jobs>, store: &FakeStore, bytes: &[u8]) -> (Ticket, Result<(), UploadError>) {
    let (ticket, bucket) = (jobs.take(0).unwrap().unwrap(), store.client());
    let done = async {
        if ticket.is_uploaded(&bucket, 0).await? {
            return Ok(());
        }
        let mut part = ticket.begin()?;
        bytes.chunks(1 << 20).for_each(|piece| part.write(piece).unwrap());
        part.upload(&bucket, made(), || 1).await
    };
    let done = done.await;
    if done.is_err() {
        ticket.withdraw(&bucket).await;
    }
    (ticket, done)
}

fn place() -> (tempfile::TempDir, PathBuf, Arc<Jobs>) {
    let (dir, path) = dir();
    let jobs = open(&path, 0);
    (dir, path, jobs)
}

/// Bytes that differ from each other.
fn text(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn a_file_becomes_an_object_whatever_its_length() {
    for length in [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 5] {
        let (_dir, path, jobs) = place();
        let store = FakeStore::start(|_| None).await;
        let job = jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        done.unwrap();
        ticket.done();
        let job = jobs.get(&job.owner, job.id).unwrap();
        assert_eq!((job.state, job.bytes, job.finished), (JobState::Done, length, Some(1)));
        let object = store.object(NAME).unwrap();
        assert!(object.bytes == text(length), "{length}");
        assert_eq!(object.headers["content-type"], "text/csv");
        assert_eq!(Some(&object.headers["x-amz-meta-sha256"]), job.sha256.as_ref());
        let largest = store.shelf.lock().unwrap().asked.iter().map(|asked| asked.body.len() as u64).max().unwrap();
        assert_eq!(largest, length.min(PART).max(largest.min(1000)));
        assert_eq!((store.uploads(), jobs.bytes()), (0, 0));
        assert_eq!(
            names(&path).into_iter().filter(|name| !name.ends_with(".json")).collect::<Vec<_>>(),
            ["exports.lock"]
        );
    }
}

#[tokio::test]
async fn an_object_of_that_name_stays_and_fails_the_job_before_its_file_is_made() {
    let (_dir, path, jobs) = place();
    let store = FakeStore::start(|_| None).await;
    store.keep(NAME, b"somebody's");
    let job = jobs.add(of("2026-10"), 0).unwrap();
    let (ticket, done) = send(&jobs, &store, b"calls").await;
    assert!(matches!(done, Err(UploadError::Taken)));
    assert!(!names(&path).iter().any(|name| name.ends_with(".part")));
    ticket.fail("no", 1);
    assert_eq!(state(&jobs, &job), Some(JobState::Failed));
    assert_eq!(store.object(NAME).unwrap().bytes, b"somebody's");
    assert_eq!(store.words(), [format!("HEAD /bucket/pre/fix/{NAME}?")]);
}

#[tokio::test]
async fn an_object_that_comes_while_the_file_is_sent_is_not_written_over() {
    for length in [5, PART + 5] {
        let (_dir, _path, jobs) = place();
        let late = Arc::new(Mutex::new(None::<Arc<Mutex<Shelf>>>));
        let seen = Arc::clone(&late);
        let store = FakeStore::start(move |asked: &Asked| {
            // Behind the look, and before the object is made.
            if asked.method == "PUT"
                && let Some(shelf) = &*seen.lock().unwrap()
            {
                let kept = ShelfObject { headers: std::collections::HashMap::new(), bytes: b"late".to_vec() };
                shelf.lock().unwrap().objects.insert(asked.path.clone(), kept);
            }
            None
        })
        .await;
        *late.lock().unwrap() = Some(Arc::clone(&store.shelf));
        jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        assert!(matches!(done, Err(UploadError::Taken)), "{length}: {done:?}");
        ticket.fail("no", 1);
        assert_eq!(store.object(NAME).unwrap().bytes, b"late");
        assert_eq!(store.uploads(), 0, "{length}");
    }
}

#[tokio::test]
async fn a_store_without_conditions_is_looked_at_instead() {
    for (length, is_taken) in [(5, false), (PART + 5, false), (5, true), (PART + 5, true)] {
        let (_dir, _path, jobs) = place();
        let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = Arc::clone(&looks);
        let store = FakeStore::start(move |asked: &Asked| {
            if asked.headers.contains_key("if-none-match") {
                return Some(Odd::Answer(501, "<Error><Code>NotImplemented</Code></Error>".to_owned()));
            }
            let is_second = asked.method == "HEAD" && seen.fetch_add(1, Ordering::SeqCst) > 0;
            (is_second && is_taken).then(|| {
                Odd::Bytes(b"HTTP/1.1 200 x\r\ncontent-length: 1\r\nlast-modified: Mon, 30 Nov 2026 19:00:00 GMT\r\netag: \"y\"\r\n\r\n".to_vec())
            })
        })
        .await;
        jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        match is_taken {
            false => {
                done.unwrap();
                ticket.done();
                assert!(store.object(NAME).unwrap().bytes == text(length));
            }
            true => {
                assert!(matches!(done, Err(UploadError::Taken)), "{done:?}");
                ticket.fail("no", 1);
                assert!(store.object(NAME).is_none());
            }
        }
        assert_eq!(store.uploads(), 0);
    }
}

/// True for the request that gives an object its name.
fn is_end(asked: &Asked) -> bool {
    let is_whole = asked.method == "PUT" && asked.query.is_empty();
    is_whole || asked.method == "POST" && asked.query.starts_with("uploadId")
}

#[tokio::test]
async fn an_object_whose_answer_was_lost_is_known() {
    for length in [5, PART + 5] {
        let (_dir, _path, jobs) = place();
        let store = FakeStore::start(|asked| is_end(asked).then_some(Odd::Lose)).await;
        let job = jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        done.unwrap();
        ticket.done();
        assert_eq!(state(&jobs, &job), Some(JobState::Done));
        assert!(store.object(NAME).unwrap().bytes == text(length));
    }
}

#[tokio::test]
async fn a_store_that_dies_right_behind_the_end_is_asked_again_by_the_next_job() {
    for length in [5, PART + 5] {
        let (_dir, _path, jobs) = place();
        // Alive, dead, and alive for good.
        let life = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&life);
        let store = FakeStore::start(move |asked| {
            let mut life = seen.lock().unwrap();
            match *life {
                0 if is_end(asked) => {
                    *life = 1;
                    Some(Odd::Lose)
                }
                1 => Some(Odd::Drop),
                _ => None,
            }
        })
        .await;
        jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        assert!(matches!(done, Err(UploadError::Store(_))), "{done:?}");
        ticket.fail("no", 1);
        assert!(store.object(NAME).is_some());
        *life.lock().unwrap() = 2;
        let job = jobs.add(of("2026-10"), 2).unwrap();
        // The calls differ by now.
        let (ticket, done) = send(&jobs, &store, b"others").await;
        done.unwrap();
        ticket.done();
        let job = jobs.get(&job.owner, job.id).unwrap();
        assert_eq!((job.state, job.bytes), (JobState::Done, length));
        assert!(store.object(NAME).unwrap().bytes == text(length));
        // That of another span begins anew.
        jobs.add(of("2026-11"), 3).unwrap();
        send(&jobs, &store, b"november").await.1.unwrap();
        assert_eq!(store.object("calls_2026-11.csv").unwrap().bytes, b"november");
    }
}

#[tokio::test]
async fn a_store_that_fails_within_an_upload_has_no_object_and_no_parts() {
    let fail = "<Error><Code>InternalError</Code></Error>".to_owned();
    for odd in [Odd::Answer(500, fail), Odd::Drop, Odd::Hang, Odd::Answer(403, String::new())] {
        for number in ["partNumber=1&", "partNumber=2&", "uploadId"] {
            let (_dir, path, jobs) = place();
            let given = odd.clone();
            let is_it = move |asked: &Asked| asked.query.starts_with(number) && asked.method != "DELETE";
            let store = FakeStore::start(move |asked| is_it(asked).then(|| given.clone())).await;
            let job = jobs.add(of("2026-10"), 0).unwrap();
            let (ticket, done) = send(&jobs, &store, &text(PART + 5)).await;
            assert!(matches!(done, Err(UploadError::Store(_))), "{odd:?} {number}: {done:?}");
            assert!(store.object(NAME).is_none());
            assert_eq!(store.uploads(), 0, "{odd:?} {number}");
            assert_eq!(jobs.get(&job.owner, job.id).unwrap().upload.unwrap().id, None);
            ticket.fail("no", 1);
            assert!(!names(&path).iter().any(|name| name.ends_with(".part")));
        }
    }
}

#[tokio::test]
async fn what_a_killed_service_left_is_given_up_and_its_object_is_known() {
    for is_whole in [false, true] {
        let (_dir, path, jobs) = place();
        let (gone, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let killed = Arc::clone(&seen);
        let store = FakeStore::start(move |asked| {
            let is_it = if is_whole { is_end(asked) } else { asked.query.starts_with("partNumber=2&") };
            (is_it && !killed.swap(true, Ordering::SeqCst)).then_some(if is_whole { Odd::Lose } else { Odd::Hang })
        })
        .await;
        let job = jobs.add(of("2026-10"), 0).unwrap();
        let record = path.join(format!("{}.json", job.id));
        // The record at the moment of the kill.
        let copy = path.with_file_name("record");
        let watch = async {
            while !seen.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            std::fs::copy(&record, &copy).unwrap();
            gone.store(true, Ordering::SeqCst);
        };
        let bytes = text(PART + 5);
        let (ticket, ()) = tokio::join!(send_until(&jobs, &store, &bytes, &gone), watch);
        std::mem::forget(ticket);
        jobs.release();
        std::fs::copy(&copy, &record).unwrap();
        let left = store.uploads();
        assert_eq!((left, store.object(NAME).is_some()), (usize::from(!is_whole), is_whole));
        let jobs = open(&path, 5);
        let (ticket, done) = send(&jobs, &store, b"others by now").await;
        done.unwrap();
        ticket.done();
        let job = jobs.get(&job.owner, job.id).unwrap();
        assert_eq!((job.state, store.uploads()), (JobState::Done, 0));
        let wanted = if is_whole { text(PART + 5) } else { b"others by now".to_vec() };
        assert!(store.object(NAME).unwrap().bytes == wanted && job.bytes == wanted.len() as u64);
    }
}

/// Sends until the service is killed: nothing more is done then, neither in the store nor on the disk.
async fn send_until(jobs: &Arc<Jobs>, store: &FakeStore, bytes: &[u8], gone: &AtomicBool) -> Ticket {
    let (ticket, bucket) = (jobs.take(0).unwrap().unwrap(), store.client());
    let mut part = ticket.begin().unwrap();
    bytes.chunks(1 << 20).for_each(|piece| part.write(piece).unwrap());
    let killed = async {
        while !gone.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = part.upload(&bucket, made(), || 1) => {}
        () = killed => {}
    }
    ticket
}

#[tokio::test]
async fn a_service_that_stops_gives_the_upload_up_and_begins_again() {
    let (_dir, path, jobs) = place();
    let stuck = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&stuck);
    let store = FakeStore::start(move |asked| {
        (asked.query.starts_with("partNumber=2&") && seen.load(Ordering::SeqCst)).then_some(Odd::Hang)
    })
    .await;
    let job = jobs.add(of("2026-10"), 0).unwrap();
    let (ticket, bucket) = (jobs.take(0).unwrap().unwrap(), store.client());
    let mut part = ticket.begin().unwrap();
    part.write(&text(PART + 5)).unwrap();
    let closing = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        jobs.close();
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = ticket.stopped() => {}
        _ = part.upload(&bucket, made(), || 1) => {}
        () = closing => {}
    }
    assert_eq!(store.uploads(), 1);
    ticket.withdraw(&bucket).await;
    ticket.stop();
    assert_eq!((store.uploads(), state(&jobs, &job)), (0, Some(JobState::Waiting)));
    jobs.release();
    stuck.store(false, Ordering::SeqCst);
    let jobs = open(&path, 5);
    let (ticket, done) = send(&jobs, &store, &text(PART + 5)).await;
    done.unwrap();
    ticket.done();
    assert!(store.object(NAME).unwrap().bytes == text(PART + 5));
}

#[tokio::test]
async fn keys_that_may_not_look_are_told_by_whether_they_may_put() {
    for may_put in [true, false] {
        let (_dir, _path, jobs) = place();
        let store = FakeStore::start(move |asked| {
            (asked.method == "HEAD" || !may_put)
                .then(|| Odd::Answer(403, "<Error><Code>AccessDenied</Code></Error>".to_owned()))
        })
        .await;
        jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, b"calls").await;
        assert_eq!(done.is_ok(), may_put, "{done:?}");
        assert_eq!(store.object(NAME).is_some(), may_put);
        ticket.fail("over", 1);
    }
}

#[tokio::test]
async fn parts_are_given_up_where_the_object_is_there_already_and_is_ours() {
    let (_dir, path, jobs) = place();
    let late = Arc::new(Mutex::new(None::<Arc<Mutex<Shelf>>>));
    let seen = Arc::clone(&late);
    let store = FakeStore::start(move |asked: &Asked| {
        if is_end(asked)
            && let Some(shelf) = &*seen.lock().unwrap()
        {
            let mut shelf = shelf.lock().unwrap();
            let (object, parts) = shelf.uploads.values().next().unwrap().clone();
            let kept = ShelfObject { bytes: parts.into_values().flatten().collect(), ..object };
            shelf.objects.insert(asked.path.clone(), kept);
        }
        None
    })
    .await;
    *late.lock().unwrap() = Some(Arc::clone(&store.shelf));
    let job = jobs.add(of("2026-10"), 0).unwrap();
    let (ticket, done) = send(&jobs, &store, &text(PART + 5)).await;
    done.unwrap();
    ticket.done();
    let job = jobs.get(&job.owner, job.id).unwrap();
    assert_eq!((job.state, job.bytes, store.uploads()), (JobState::Done, PART + 5, 0));
    assert!(!names(&path).iter().any(|name| name.ends_with(".part")));
}

#[tokio::test]
async fn an_object_that_is_not_what_was_sent_fails_the_job() {
    let mine = "etag: \"y\"\r\nlast-modified: Mon, 30 Nov 2026 19:00:00 GMT\r\n";
    let other = format!("x-amz-meta-sha256: {}\r\n", "0".repeat(64));
    for (length, head, fault) in [
        (5, Some(format!("200 x\r\ncontent-length: 4\r\n{mine}")), Some("the store took 5 bytes and has 4")),
        (PART + 5, Some(format!("200 x\r\ncontent-length: 5\r\n{mine}")), Some("bytes and has 5")),
        (5, Some(format!("200 x\r\ncontent-length: 5\r\n{mine}{other}")), Some("has others, by their SHA-256")),
        (5, Some("404 x\r\ncontent-length: 0\r\n".to_owned()), Some("the store took 5 bytes and has none")),
        (5, Some(format!("200 x\r\ncontent-length: 5\r\n{mine}")), None),
        (5, Some("403 x\r\ncontent-length: 0\r\n".to_owned()), None),
        (PART + 5, None, None),
    ] {
        let (_dir, _path, jobs) = place();
        let is_sent = Arc::new(AtomicBool::new(false));
        let store = FakeStore::start(move |asked: &Asked| {
            let was_sent = is_sent.fetch_or(is_end(asked), Ordering::SeqCst);
            let head = head.as_ref().filter(|_| was_sent && asked.method == "HEAD")?;
            Some(Odd::Bytes(format!("HTTP/1.1 {head}\r\n").into_bytes()))
        })
        .await;
        let job = jobs.add(of("2026-10"), 0).unwrap();
        let (ticket, done) = send(&jobs, &store, &text(length)).await;
        match fault {
            Some(fault) => {
                let found = done.unwrap_err().to_string();
                assert!(found.contains(fault), "{found}");
                ticket.fail("no", 1);
                assert_eq!(state(&jobs, &job), Some(JobState::Failed));
            }
            None => {
                done.unwrap();
                ticket.done();
                assert_eq!(state(&jobs, &job), Some(JobState::Done));
            }
        }
        assert_eq!(store.uploads(), 0);
    }
}
