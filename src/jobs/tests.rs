use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;

const BOUNDS: JobBounds =
    JobBounds { per_tenant: 3, running_per_tenant: 1, keep_seconds: 100, bytes: 1000, bytes_per_tenant: 600 };

pub(super) fn dir() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("exports");
    (dir, path)
}

pub(super) fn open(path: &Path, now: i64) -> Arc<Jobs> {
    Jobs::open(path, BOUNDS, now).unwrap()
}

pub(super) fn new(tenant: u32) -> NewJob {
    NewJob {
        owner: format!("o{tenant}"),
        tenant,
        asked: JobAsk::default(),
        maker: serde_json::Value::Null,
        target: None,
    }
}

pub(super) fn made() -> MadeFile {
    MadeFile { content_type: "text/csv".to_owned(), ..MadeFile::default() }
}

pub(super) fn names(path: &Path) -> BTreeSet<String> {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect()
}

pub(super) fn state(jobs: &Jobs, job: &ExportJob) -> Option<JobState> {
    jobs.get(&job.owner, job.id).map(|job| job.state)
}

/// Adds a job and makes its file.
pub(super) fn done(jobs: &Arc<Jobs>, new: NewJob, text: &[u8], now: i64) -> ExportJob {
    let job = jobs.add(new, now).unwrap();
    let ticket = jobs.take(now).unwrap().unwrap();
    assert_eq!(ticket.id(), job.id);
    let mut part = ticket.begin().unwrap();
    text.chunks(7).for_each(|piece| part.write(piece).unwrap());
    part.finish(made(), now).unwrap();
    ticket.done();
    job
}

#[test]
fn a_file_has_its_name_when_it_is_whole_and_its_hash_is_known() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let job = jobs.add(new(1), 5).unwrap();
    let ticket = jobs.take(6).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    part.write(b"a,b\r\n").unwrap();
    let (part_name, data) = (format!("{}.part", job.id), format!("{}.data", job.id));
    assert!(names(&path).contains(&part_name) && !names(&path).contains(&data));
    assert_eq!(jobs.get("o1", job.id).map(|job| (job.state, job.bytes)), Some((JobState::Running, 5)));
    part.write(b"1,2\r\n").unwrap();
    part.finish(made(), 7).unwrap();
    ticket.done();
    let job = jobs.get("o1", job.id).unwrap();
    assert_eq!(
        (job.state, job.bytes, job.begun, job.finished, job.expires),
        (JobState::Done, 10, Some(6), Some(7), Some(107))
    );
    let hash = <sha2::Sha256 as sha2::Digest>::digest(b"a,b\r\n1,2\r\n");
    assert_eq!(job.sha256, Some(hash.iter().map(|byte| format!("{byte:02x}")).collect()));
    assert_eq!(std::fs::read(path.join(&data)).unwrap(), b"a,b\r\n1,2\r\n");
    assert!(!names(&path).contains(&part_name));
    for (name, mode) in
        [(path.clone(), 0o700), (path.join(&data), 0o600), (path.join(format!("{}.json", job.id)), 0o600)]
    {
        assert_eq!(std::fs::metadata(&name).unwrap().permissions().mode() & 0o777, mode, "{name:?}");
    }
}

#[test]
fn tenants_take_turns_and_none_runs_more_than_its_share() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let ids: Vec<Uuid> = [1, 1, 1, 2].into_iter().map(|tenant| jobs.add(new(tenant), 0).unwrap().id).collect();
    let first = jobs.take(0).unwrap().unwrap();
    assert_eq!(first.id(), ids[0]);
    // The second tenant goes before the others of the first, which have waited longer.
    let second = jobs.take(0).unwrap().unwrap();
    assert_eq!(second.id(), ids[3]);
    assert!(jobs.take(0).unwrap().is_none());
    second.fail("no", 0);
    assert!(jobs.take(0).unwrap().is_none());
    let third = jobs.add(new(3), 0).unwrap();
    first.fail("no", 0);
    // Neither runs any now: the third was never served.
    let next = jobs.take(0).unwrap().unwrap();
    assert_eq!(next.id(), third.id);
    let next = jobs.take(0).unwrap().unwrap();
    assert_eq!(next.id(), ids[1]);
}

#[test]
fn jobs_records_and_bytes_of_a_tenant_are_bounded() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    for _ in 0..3 {
        jobs.add(new(1), 0).unwrap();
    }
    assert!(matches!(jobs.add(new(1), 0), Err(JobRefused::Live(3))));
    let other = done(&open(&path.join("other"), 0), new(2), &[b'x'; 600], 0);
    assert_eq!(other.tenant, 2);
    // A tenant has 600 bytes, all have 1000.
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let kept = done(&jobs, new(1), &[b'x'; 500], 0);
    jobs.add(new(1), 0).unwrap();
    let ticket = jobs.take(0).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    part.write(&[b'x'; 100]).unwrap();
    assert!(matches!(part.write(b"x"), Err(PartError::Full)));
    assert_eq!(jobs.bytes(), 600);
    drop(part);
    assert!(matches!(jobs.add(new(1), 0), Err(JobRefused::Full)));
    ticket.fail("full", 0);
    assert_eq!(jobs.bytes(), 500);
    done(&jobs, new(2), &[b'x'; 450], 0);
    jobs.add(new(3), 0).unwrap();
    let ticket = jobs.take(0).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    assert!(matches!(part.write(&[b'x'; 51]), Err(PartError::Full)));
    part.write(&[b'x'; 50]).unwrap();
    drop(part);
    ticket.fail("full", 0);
    assert!(jobs.remove("o1", kept.id, 0));
    assert_eq!(jobs.bytes(), 450);
    // Beyond the records of a tenant the oldest without a file gives way.
    let first = jobs.add(new(4), 0).unwrap();
    jobs.take(0).unwrap().unwrap().fail("no", 0);
    for second in 1..=MOST_RECORDS as i64 {
        jobs.add(new(4), second).unwrap();
        jobs.take(second).unwrap().unwrap().fail("no", second);
    }
    assert_eq!(jobs.list("o4").len(), MOST_RECORDS);
    assert_eq!(jobs.get("o4", first.id).map(|job| job.state), None);
    assert!(!names(&path).contains(&format!("{}.json", first.id)));
}

#[test]
fn one_owner_of_a_tenant_does_not_lock_the_others_out() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let of = |owner: &str| NewJob { owner: owner.to_owned(), ..new(7) };
    for second in 0..MOST_RECORDS as i64 {
        done(&jobs, of("narrow"), b"x", second - 1000);
    }
    // Its records all have files, which it may remove itself.
    assert!(matches!(jobs.add(of("narrow"), 1), Err(JobRefused::Records(MOST_RECORDS))));
    done(&jobs, of("whole"), b"x", 1);
    let one = jobs.list("narrow").last().unwrap().id;
    assert!(!jobs.remove("whole", one, 1) && jobs.remove("narrow", one, 1));
    jobs.add(of("narrow"), 1).unwrap();
}

#[test]
fn what_a_killed_service_was_writing_is_begun_again_once() {
    let (_dir, path) = dir();
    let mut jobs = open(&path, 0);
    let running = jobs.add(new(1), 0).unwrap();
    let waiting = jobs.add(new(2), 0).unwrap();
    let finished = {
        let finished = done_of_all(&jobs, 3);
        assert_eq!(state(&jobs, &finished), Some(JobState::Done));
        finished
    };
    for (begins, then) in [(1, JobState::Waiting), (2, JobState::Failed)] {
        let ticket = loop {
            let ticket = jobs.take(0).unwrap().unwrap();
            if ticket.id() == running.id {
                break ticket;
            }
            // Not this one's turn.
            jobs.lock().change(ticket.id(), |job| job.state = JobState::Waiting);
            std::mem::forget(ticket);
        };
        ticket.begin().unwrap().write(b"half").unwrap();
        assert_eq!(ticket.job().unwrap().begins, begins);
        // As by kill -9: nothing is put in order.
        std::mem::forget(ticket);
        jobs.release();
        jobs = open(&path, 1);
        assert_eq!(state(&jobs, &running), Some(then));
        assert_eq!(jobs.get("o1", running.id).map(|job| job.bytes), Some(0));
        assert!(!names(&path).iter().any(|name| name.ends_with(".part")), "{:?}", names(&path));
        assert_eq!(state(&jobs, &finished), Some(JobState::Done));
        assert_ne!(state(&jobs, &waiting), None);
    }
    let reason = jobs.get("o1", running.id).and_then(|job| job.reason);
    assert_eq!(reason.as_deref(), Some("cut by a restart of the service, twice"));
}

/// A file of a tenant whose turn is made to come.
fn done_of_all(jobs: &Arc<Jobs>, tenant: u32) -> ExportJob {
    let job = jobs.add(new(tenant), 0).unwrap();
    let mut others = Vec::new();
    loop {
        let ticket = jobs.take(0).unwrap().unwrap();
        if ticket.id() == job.id {
            let mut part = ticket.begin().unwrap();
            part.write(b"whole").unwrap();
            part.finish(made(), 0).unwrap();
            ticket.done();
            break;
        }
        others.push(ticket);
    }
    for ticket in others {
        jobs.lock().change(ticket.id(), |job| {
            job.put_back();
            job.begins -= 1;
        });
        jobs.save(ticket.id()).unwrap();
        std::mem::forget(ticket);
    }
    job
}

#[test]
fn a_service_that_is_stopped_puts_its_jobs_back_and_they_are_not_counted_as_cut() {
    let (_dir, path) = dir();
    let mut jobs = open(&path, 0);
    let job = jobs.add(new(1), 0).unwrap();
    for _ in 0..5 {
        let ticket = jobs.take(0).unwrap().unwrap();
        ticket.begin().unwrap().write(b"half").unwrap();
        jobs.close();
        ticket.stop();
        jobs.release();
        assert!(!names(&path).iter().any(|name| name.ends_with(".part")));
        jobs = open(&path, 0);
        assert_eq!(
            jobs.get("o1", job.id).map(|job| (job.state, job.begins, job.bytes)),
            Some((JobState::Waiting, 0, 0))
        );
    }
}

#[test]
fn leftovers_are_removed_and_files_of_others_stay() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let (whole, lost, short) =
        (done(&jobs, new(1), b"whole", 0), done(&jobs, new(2), b"lost", 0), done(&jobs, new(3), b"short", 0));
    jobs.release();
    let file = |id: Uuid, end: &str| path.join(format!("{id}.{end}"));
    std::fs::remove_file(file(lost.id, "data")).unwrap();
    std::fs::write(file(short.id, "data"), b"sho").unwrap();
    let stray = Uuid::new_v4();
    for (end, text) in [("part", "x"), ("data", "x"), ("json.new", "{")] {
        std::fs::write(file(stray, end), text).unwrap();
    }
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    let jobs = open(&path, 0);
    assert_eq!(state(&jobs, &whole), Some(JobState::Done));
    for job in [&lost, &short] {
        assert_eq!(state(&jobs, job), Some(JobState::Failed));
    }
    let left = names(&path);
    assert!(!left.iter().any(|name| name.starts_with(&stray.to_string())), "{left:?}");
    assert!(left.contains("notes.txt"));
    assert_eq!(jobs.bytes(), 5);
}

#[test]
fn a_directory_has_one_service_and_is_its_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    assert!(matches!(Jobs::open(&path, BOUNDS, 0), Err(JobsError::InUse(_))));
    jobs.release();
    drop(open(&path, 0));
    let shared = path.with_file_name("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(shared.join("theirs"), "x").unwrap();
    assert!(matches!(Jobs::open(&shared, BOUNDS, 0), Err(JobsError::Open(_))));
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o755);
    std::fs::remove_file(shared.join("theirs")).unwrap();
    drop(open(&shared, 0));
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o700);
    let file = path.with_file_name("file");
    std::fs::write(&file, "x").unwrap();
    assert!(matches!(Jobs::open(&file, BOUNDS, 0), Err(JobsError::Io { .. })));
}

#[tokio::test]
async fn a_job_is_cancelled_by_its_owner_alone_and_stops() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let waiting = jobs.add(new(1), 0).unwrap();
    assert!(!jobs.remove("o2", waiting.id, 1) && jobs.get("o2", waiting.id).is_none());
    assert!(jobs.remove("o1", waiting.id, 1));
    assert_eq!(state(&jobs, &waiting), Some(JobState::Cancelled));
    assert!(jobs.take(1).unwrap().is_none());
    let running = jobs.add(new(1), 1).unwrap();
    let ticket = jobs.take(1).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    part.write(b"half").unwrap();
    assert!(jobs.remove("o1", running.id, 2));
    ticket.stopped().await;
    // Whole at the same moment, it stays cancelled.
    part.finish(made(), 2).unwrap();
    ticket.stop();
    assert_eq!(state(&jobs, &running), Some(JobState::Cancelled));
    assert_eq!((jobs.bytes(), names(&path).len()), (0, 3), "{:?}", names(&path));
    // Once more, and nothing is left of it.
    assert!(jobs.remove("o1", running.id, 3) && !jobs.remove("o1", running.id, 3));
    let file = done(&jobs, new(1), b"whole", 4);
    assert!(jobs.remove("o1", file.id, 5));
    assert_eq!((jobs.bytes(), names(&path).len()), (0, 2), "{:?}", names(&path));
}

#[test]
fn a_file_expires_and_its_record_goes_later() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let job = done(&jobs, new(1), b"whole", 10);
    jobs.sweep(109);
    assert!(state(&jobs, &job) == Some(JobState::Done) && jobs.has(job.id));
    jobs.sweep(110);
    // A download of it ends by this.
    assert!(!jobs.has(job.id));
    assert_eq!((state(&jobs, &job), jobs.bytes()), (Some(JobState::Expired), 0));
    assert!(!names(&path).iter().any(|name| name.ends_with(".data")));
    jobs.sweep(209);
    assert_eq!(state(&jobs, &job), Some(JobState::Expired));
    jobs.sweep(210);
    assert_eq!((state(&jobs, &job), names(&path).len()), (None, 1), "{:?}", names(&path));
    assert_eq!(jobs.ends().all().collect::<Vec<_>>(), [("done", 1), ("failed", 0), ("cancelled", 0), ("expired", 1)]);
}

#[test]
fn a_job_that_is_dropped_has_failed() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let job = jobs.add(new(1), 0).unwrap();
    drop(jobs.take(0).unwrap().unwrap());
    let job = jobs.get("o1", job.id).unwrap();
    assert_eq!((job.state, job.reason.as_deref()), (JobState::Failed, Some("internal error")));
}

#[test]
fn a_disk_without_room_for_records_does_not_keep_the_service_from_starting() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let [cut, other] = [1, 2].map(|tenant| jobs.add(new(tenant), 0).unwrap());
    let tickets = [jobs.take(0).unwrap().unwrap(), jobs.take(0).unwrap().unwrap()];
    jobs.release();
    // Both run on disk. A folder in its place keeps the record of one from being written.
    std::fs::create_dir(path.join(format!("{}.json.new", cut.id))).unwrap();
    let next = open(&path, 1);
    assert_eq!([&cut, &other].map(|job| state(&next, job)), [Some(JobState::Waiting); 2]);
    tickets.into_iter().for_each(std::mem::forget);
}

#[test]
fn a_file_that_is_gone_has_failed_once_somebody_wants_it() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let job = done(&jobs, new(1), b"text", 5);
    assert!(jobs.file(job.id, 6).unwrap().is_some());
    std::fs::remove_file(path.join(format!("{}.data", job.id))).unwrap();
    assert!(jobs.file(job.id, 7).unwrap().is_none());
    let told = jobs.get("o1", job.id).unwrap();
    assert_eq!((told.state, told.reason.as_deref(), told.bytes), (JobState::Failed, Some("its file was lost"), 0));
    jobs.release();
    assert_eq!(state(&open(&path, 8), &job), Some(JobState::Failed));
}

#[test]
fn a_look_for_room_is_no_turn() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let [a, b] = [1, 2].map(|tenant| jobs.add(new(tenant), 0).unwrap());
    for _ in 0..3 {
        assert_eq!(jobs.lock().next(1), Some(a.id));
    }
    let first = jobs.take(0).unwrap().unwrap();
    assert_eq!(first.id(), a.id);
    assert_eq!(jobs.lock().next(1), Some(b.id));
}

#[test]
fn a_record_that_does_not_read_is_put_aside_with_its_file() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let job = done(&jobs, new(1), b"text", 5);
    jobs.release();
    let record = path.join(format!("{}.json", job.id));
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replace("\"done\"", "\"of a later version\"")).unwrap();
    for _ in 0..2 {
        let jobs = open(&path, 6);
        assert!(jobs.get("o1", job.id).is_none());
        assert!(names(&path).contains(&format!("{}.data", job.id)) && !record.exists());
        jobs.release();
    }
}

#[test]
fn a_job_whose_record_cannot_be_written_waits_where_it_was() {
    let (_dir, path) = dir();
    let jobs = open(&path, 0);
    let [first, second] = [0, 1].map(|created| jobs.add(new(1), created).unwrap());
    // A folder in its place keeps the record from being written.
    let in_the_way = path.join(format!("{}.json.new", first.id));
    std::fs::create_dir(&in_the_way).unwrap();
    for _ in 0..3 {
        assert!(jobs.take(2).is_err());
        let waits = jobs.get("o1", first.id).unwrap();
        assert_eq!((waits.state, waits.begins, waits.begun), (JobState::Waiting, 0, None));
    }
    assert_eq!(jobs.ends().all().map(|(_, count)| count).sum::<u64>(), 0);
    std::fs::remove_dir(&in_the_way).unwrap();
    let ticket = jobs.take(3).unwrap().unwrap();
    assert_eq!((ticket.id(), state(&jobs, &second)), (first.id, Some(JobState::Waiting)));
    ticket.fail("no", 4);
}
