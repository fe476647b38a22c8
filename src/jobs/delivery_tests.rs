//! Recurring files in their directory.

use super::tests::{dir, done, made, names, new, open, state};
use super::*;
use crate::config::recurring::ExportPlace;

#[test]
fn a_recurring_file_is_delivered_whole_and_its_last_record_stays() {
    let (dir, path) = dir();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let jobs = open(&path, 0);
    let of = |period: &str| NewJob {
        owner: format!("{RECURRING}calls"),
        target: Some(JobTarget {
            to: ExportPlace::Directory { dir: out.clone() },
            name: format!("calls_{period}.csv"),
            period: period.to_owned(),
        }),
        ..new(1)
    };
    // Far beyond the bounds of what is kept: it is not kept here.
    done(&jobs, of("2026-09"), &[b'9'; 2000], 0);
    done(&jobs, of("2026-10"), &[b'x'; 2000], 1);
    assert_eq!(names(&out).into_iter().collect::<Vec<_>>(), ["calls_2026-09.csv", "calls_2026-10.csv"]);
    assert_eq!(std::fs::read(out.join("calls_2026-10.csv")).unwrap(), [b'x'; 2000]);
    assert_eq!(jobs.bytes(), 0);
    jobs.sweep(10_000);
    let left = jobs.list(&format!("{RECURRING}calls"));
    assert_eq!(left.iter().map(|job| job.target.as_ref().unwrap().period.as_str()).collect::<Vec<_>>(), ["2026-10"]);
    jobs.release();
    // Its file may have been taken away meanwhile.
    std::fs::remove_file(out.join("calls_2026-10.csv")).unwrap();
    let jobs = open(&path, 20_000);
    assert_eq!(jobs.list(&format!("{RECURRING}calls")).len(), 1);
}

#[test]
fn a_file_of_that_name_stays_and_fails_the_job() {
    let (dir, path) = dir();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let jobs = open(&path, 0);
    let target = |name: &str| {
        Some(JobTarget { to: ExportPlace::Directory { dir: out.clone() }, name: name.into(), period: "2026-10".into() })
    };
    for (name, there, is_done) in
        [("new", None, true), ("same", Some("text"), false), ("other", Some("next"), false), ("empty", Some(""), false)]
    {
        if let Some(there) = there {
            std::fs::write(out.join(name), there).unwrap();
        }
        let job = jobs.add(NewJob { target: target(name), ..new(1) }, 0).unwrap();
        let ticket = jobs.take(0).unwrap().unwrap();
        let mut part = ticket.begin().unwrap();
        part.write(b"text").unwrap();
        let finished = part.finish(made(), 1);
        assert_eq!(
            finished.as_ref().err().map(io::Error::kind),
            (!is_done).then_some(io::ErrorKind::AlreadyExists),
            "{name}"
        );
        match is_done {
            true => ticket.done(),
            false => ticket.fail("no", 1),
        }
        let state = state(&jobs, &job);
        assert_eq!(state, Some(if is_done { JobState::Done } else { JobState::Failed }), "{name}");
        assert_eq!(std::fs::read_to_string(out.join(name)).unwrap(), there.unwrap_or("text"));
    }
    assert_eq!(names(&out), ["empty", "new", "other", "same"].map(str::to_owned).into());
}

#[test]
fn a_file_that_was_delivered_before_a_kill_is_known_by_its_sum() {
    let (dir, path) = dir();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let target =
        Some(JobTarget { to: ExportPlace::Directory { dir: out.clone() }, name: "x".into(), period: "2026-10".into() });
    let jobs = open(&path, 0);
    let job = jobs.add(NewJob { target, ..new(1) }, 0).unwrap();
    let ticket = jobs.take(0).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    part.write(b"first").unwrap();
    let held = jobs.get("o1", job.id).unwrap();
    // Killed behind the file's name: the record says that the job runs.
    let record = path.join(format!("{}.json", job.id));
    part.finish(made(), 1).unwrap();
    ticket.done();
    let done = jobs.get("o1", job.id).unwrap();
    let cut = ExportJob { sha256: done.sha256.clone(), ..held };
    std::fs::write(&record, serde_json::to_string(&cut).unwrap()).unwrap();
    jobs.release();
    let jobs = open(&path, 2);
    let ticket = jobs.take(2).unwrap().unwrap();
    let mut part = ticket.begin().unwrap();
    part.write(b"another").unwrap();
    part.finish(made(), 3).unwrap();
    ticket.done();
    let again = jobs.get("o1", job.id).unwrap();
    assert_eq!((again.state, &again.sha256, again.bytes), (JobState::Done, &done.sha256, 5));
    assert_eq!(std::fs::read_to_string(out.join("x")).unwrap(), "first");
}

#[test]
fn links_in_the_directory_of_delivery_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (_kept, path) = dir();
    let (_target, to) = dir();
    std::fs::create_dir(&to).unwrap();
    let victim = path.with_file_name("victim");
    std::fs::write(&victim, "somebody's").unwrap();
    let jobs = open(&path, 0);
    let deliver = |name: &str| {
        let target = JobTarget {
            to: ExportPlace::Directory { dir: to.clone() },
            name: name.to_owned(),
            period: name.to_owned(),
        };
        let job = jobs.add(NewJob { target: Some(target), ..new(7) }, 0).unwrap();
        let ticket = jobs.take(0).unwrap().unwrap();
        let mut part = ticket.begin().unwrap();
        part.write(b"calls").unwrap();
        let finished = part.finish(made(), 1).map_err(|error| error.kind());
        match finished {
            Ok(()) => ticket.done(),
            Err(_) => ticket.fail("not delivered", 1),
        }
        (jobs.get(&job.owner, job.id).unwrap().state, finished)
    };
    // The name that it is written under: the link goes, what it leads to stays.
    symlink(&victim, to.join(".a.csv.part")).unwrap();
    assert_eq!(deliver("a.csv"), (JobState::Done, Ok(())));
    assert_eq!(std::fs::read(to.join("a.csv")).unwrap(), b"calls");
    assert!(!to.join("a.csv").symlink_metadata().unwrap().is_symlink());
    // Its last name, be what it leads to there or not.
    for (name, leads_to) in [("b.csv", victim.clone()), ("c.csv", to.join("nothing"))] {
        symlink(&leads_to, to.join(name)).unwrap();
        assert_eq!(deliver(name), (JobState::Failed, Err(std::io::ErrorKind::AlreadyExists)), "{name}");
        assert_eq!(std::fs::read_link(to.join(name)).unwrap(), leads_to);
    }
    assert_eq!(std::fs::read(&victim).unwrap(), b"somebody's");
    assert!(!to.join("nothing").exists());
}
