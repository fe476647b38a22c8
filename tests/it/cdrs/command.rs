//! The command `export`, as somebody runs it: over connections that break, on the server itself, and against what is in its way.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use super::workbooks::rows_of_sheets;
use super::{COLUMNS, FIRST, World, world};
use crate::hostile::program::{command, environment};
use crate::support::engine;

/// A relay to a service that breaks its n-th connection behind so many bytes of the answer; `None` lets it pass.
fn relay(to: &str, breaks: impl Fn(usize) -> Option<usize> + Send + 'static) -> String {
    let to = to.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (Ok(stream), Ok(service)) = (stream, TcpStream::connect(&to)) else { return };
            let bytes = breaks(number);
            std::thread::spawn(move || pass(&stream, &service, bytes));
        }
    });
    url
}

fn pass(mut client: &TcpStream, mut service: &TcpStream, bytes: Option<usize>) {
    let (mut asking, mut asked) = (client.try_clone().unwrap(), service.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut asking, &mut asked);
        let _ = asked.shutdown(Shutdown::Both);
    });
    let (mut left, mut piece) = (bytes.unwrap_or(usize::MAX), [0; 1024]);
    while left > 0 {
        let most = left.min(piece.len());
        let Ok(read @ 1..) = service.read(&mut piece[..most]) else { break };
        if client.write_all(&piece[..read]).is_err() {
            break;
        }
        left -= read;
    }
    for stream in [client, service] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Numbers that look like none in particular, the same at every run.
fn shuffled(mut seed: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        Some(seed)
    })
}

struct Ran {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl World {
    /// Runs `export` of this account's calls with a token.
    fn export(&self, url: &str, output: &Path, args: &[&str]) -> Ran {
        let (account, from) = (format!("account-id={}", self.account), format!("from-time={FIRST}"));
        let output = output.to_str().unwrap();
        let own = ["export", "origination-cdrs", &account, &from, "--url", url, "--output", output];
        let ran = finished(&command(&[&own[..], args].concat(), &[("CDRSCOPE_TOKEN", &self.token)]).output().unwrap());
        assert!(!ran.err.contains(&self.token) && !ran.err.contains("panicked"), "{}", ran.err);
        ran
    }
}

fn finished(output: &Output) -> Ran {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    Ran { code: output.status.code().unwrap(), out: output.stdout.clone(), err }
}

/// Bytes without their packing, however many members or frames it has.
fn unpacked(format: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match format {
        "csv.gz" => drop(flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap()),
        "csv.zst" => plain = zstd::decode_all(bytes).unwrap(),
        _ => plain = bytes.to_vec(),
    }
    plain
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn a_download_that_breaks_at_any_place_is_the_whole_file_in_the_end() {
    let world = world(|_| ()).await;
    let columns = format!("columns={COLUMNS}");
    let dialect = ["csv-separator=semicolon", "csv-decimal=comma", "csv-bom=true"];
    // Without id and time among the columns the places are known all the same.
    let no_id = ["columns=duration,src_name_in"];
    for (format, more) in [
        ("csv", &[columns.as_str()][..]),
        ("ndjson", &[columns.as_str(), "time-zone=Europe/Kyiv"]),
        ("csv", &dialect),
        ("csv", &no_id),
        ("ndjson", &no_id),
        ("csv.gz", &dialect),
        ("csv.zst", &[]),
    ] {
        let query = more.iter().map(|pair| format!("&{pair}")).collect::<String>();
        let path = world.path("origination-cdrs", &format!("{query}&format={format}"));
        let wanted = unpacked(format, &world.bytes(&path, &world.token).await);
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join(format!("calls.{format}"));
        // Two of three connections break, before, in or behind the head, or within the body.
        let places: Vec<u64> = shuffled(FIRST as u64).take(500).collect();
        let url = relay(&world.app.url, move |number| {
            let place = places[number % places.len()];
            (!place.is_multiple_of(3)).then_some((place >> 8) as usize % 12_000)
        });
        let args = [more, &["--piece-rows", "70", "--tries", "100", "--quiet"]].concat();
        let ran = world.export(&url, &output, &args);
        assert_eq!((ran.code, ran.err.as_str(), ran.out.len()), (0, "", 0), "{format} {more:?}");
        let found = unpacked(format, &std::fs::read(&output).unwrap());
        assert!(found == wanted, "{format} {more:?}: {} bytes and not {}", found.len(), wanted.len());
        assert_eq!(names(folder.path()), [format!("calls.{format}")]);
    }
}

#[actix_web::test]
async fn a_later_run_goes_on_where_an_earlier_one_broke() {
    let world = world(|_| ()).await;
    for format in ["csv", "csv.gz"] {
        let path = world.path("origination-cdrs", &format!("&format={format}"));
        let wanted = unpacked(format, &world.bytes(&path, &world.token).await);
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join(format!("calls.{format}"));
        let args = ["--piece-rows", "100", "--tries", "1"];
        let (mut breaks, mut args) = (0, args.to_vec());
        loop {
            // The second piece of each run breaks within.
            let url = relay(&world.app.url, |number| (number == 1).then_some(1500));
            let ran = world.export(&url, &output, &args);
            if ran.code == 0 {
                break;
            }
            assert_eq!(ran.code, 1);
            assert!(ran.err.contains("and --continue goes on behind them"), "{}", ran.err);
            assert!(!output.exists());
            if breaks == 0 {
                // It is not begun anew by mistake, and nothing else goes on there.
                let again = world.export(&world.app.url, &output, &["--quiet"]);
                assert!(again.code == 1 && again.err.contains("is left of a download that broke"), "{}", again.err);
                let other = world.export(&world.app.url, &output, &["--continue", "duration-gt=5"]);
                assert!(other.code == 1 && other.err.contains("is left of another question"), "{}", other.err);
                args.push("--continue");
            }
            breaks += 1;
        }
        assert!(breaks >= 3, "{breaks}");
        assert!(unpacked(format, &std::fs::read(&output).unwrap()) == wanted, "{format}");
        assert_eq!(names(folder.path()), [format!("calls.{format}")]);
    }
}

#[actix_web::test]
async fn formats_with_an_end_are_begun_again_and_reports_come_as_they_are() {
    let world = world(|_| ()).await;
    for format in ["parquet", "arrow", "xlsx"] {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join(format!("calls.{format}"));
        let url = relay(&world.app.url, |number| (number < 2).then_some(1500));
        let ran = world.export(&url, &output, &["columns=id,duration"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.matches("another try in").count() == 2 && ran.err.contains(": whole: "), "{}", ran.err);
        let path = world.path("origination-cdrs", &format!("&columns=id,duration&format={format}"));
        let wanted = world.bytes(&path, &world.token).await;
        // A workbook tells the URL, whose letters may be written in several ways.
        let size = |file: &[u8]| if format == "xlsx" { rows_of_sheets(file) } else { vec![file.len()] };
        assert_eq!(size(&std::fs::read(&output).unwrap()), size(&wanted), "{format}");
        // What is left of one is no beginning.
        std::fs::rename(&output, folder.path().join(format!("calls.{format}.part"))).unwrap();
        let ran = world.export(&world.app.url, &output, &["columns=id,duration", "--continue"]);
        assert!(ran.code == 0 && ran.err.contains("begun again from the start"), "{}", ran.err);
        assert_eq!(size(&std::fs::read(&output).unwrap()), size(&wanted), "{format}");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("report.csv");
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let url = world.app.url.as_str();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{}\n", world.token)).unwrap();
    for (report, more, heading) in [
        ("origination-statistics", "sampling=month", "row,t,total_calls,"),
        ("origination-breakdown", "group-by=dst-country", "row,dst_country_id,"),
        ("origination-cdrs", "limit=5", "\"id\",\"time_start\","),
    ] {
        let args =
            ["export", report, &account, &from, more, "--url", url, "--force", "--output", output.to_str().unwrap()];
        let ran =
            finished(&command(&[&args[..], &["--token-file", file.to_str().unwrap()]].concat(), &[]).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let text = std::fs::read_to_string(&output).unwrap();
        assert!(text.starts_with(heading), "{text}");
        assert!(more != "limit=5" || text.lines().count() == 6, "{text}");
    }
}

#[actix_web::test]
async fn standard_output_has_all_or_the_command_fails() {
    let world = world(|_| ()).await;
    let wanted = world.bytes(&world.path("origination-cdrs", "&format=csv"), &world.token).await;
    let stdout = Path::new("-");
    let ran = world.export(&world.app.url, stdout, &["format=csv"]);
    assert!(ran.code == 0 && ran.out == wanted, "{}", ran.err);
    assert!(ran.err.starts_with("standard output: whole: "), "{}", ran.err);
    // What has not begun may be tried again; what has may not.
    let url = relay(&world.app.url, |number| (number == 0).then_some(0));
    let ran = world.export(&url, stdout, &["format=csv"]);
    assert!(ran.code == 0 && ran.out == wanted, "{}", ran.err);
    let url = relay(&world.app.url, |_| Some(10_000));
    let ran = world.export(&url, stdout, &["format=csv", "--quiet"]);
    assert_eq!(ran.code, 1);
    assert!(wanted.starts_with(&ran.out) && ran.out.len() < wanted.len());
    assert!(ran.err.starts_with("cdrscope: the file was cut: ") && ran.err.contains("is not whole"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
}

#[actix_web::test]
async fn what_cannot_be_written_or_asked_is_told_in_a_line_and_leaves_nothing() {
    let world = world(|_| ()).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("calls.csv");
    std::fs::write(&output, "precious").unwrap();
    let url = world.app.url.as_str();
    let other = folder.path().join("other.csv");
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (url, output, args, code, wanted) in [
        (url, &output, &[][..], 1, "calls.csv is there already: --force puts the new file in its place"),
        (url, &other, &["columns=colour"], 1, "cdrscope: 400: invalid value columns: colour"),
        (url, &other, &["colour=red"], 1, "cdrscope: 400: unknown param colour"),
        (url, &other, &["csv-header=maybe"], 1, "cdrscope: 400: invalid value csv-header"),
        (&closed, &other, &["--tries", "2"], 1, "Connection refused"),
        ("ftp://x", &other, &[], 2, "--url: expected http://… or https://…"),
        (url, &other, &["nothing"], 2, "nothing: expected NAME=VALUE"),
        (url, &other, &["format=pdf"], 2, "no format pdf: there are "),
    ] {
        let ran = world.export(url, output, &[args, &["--quiet"]].concat());
        assert_eq!((ran.code, ran.err.lines().count()), (code, 1), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
        assert_eq!(names(folder.path()), ["calls.csv"], "{args:?}");
    }
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "precious");
    let ran = world.export(url, &output, &["--force"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(std::fs::read_to_string(&output).unwrap().starts_with("\"id\",\"time_start\","));
    // A token that is refused, by its own words and none of its own.
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let args = ["export", "origination-cdrs", &account, &from, "--url", url, "--output", other.to_str().unwrap()];
    for (token, wanted) in [
        (&[("CDRSCOPE_TOKEN", "eyJhbGciOiJub25lIn0.secret.x")][..], "401: "),
        (&[], "a token is needed for --url: --token-file FILE, or CDRSCOPE_TOKEN"),
        (&[("CDRSCOPE_TOKEN", "two words")], "CDRSCOPE_TOKEN holds no token"),
    ] {
        let ran = finished(&command(&args, token).output().unwrap());
        assert!(ran.code != 0 && ran.err.contains(wanted) && !ran.err.contains("secret"), "{}", ran.err);
    }
    // Something else than the service.
    let page = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}", page.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\nConnection: close\r\n\r\nid\r\n1\r\n",
            "HTTP/1.1 302 Found\r\nLocation: https://login.example.net/\r\nContent-Length: 0\r\n\r\n",
        ] {
            let (mut stream, _) = page.accept().unwrap();
            let _ = stream.read(&mut [0; 65_536]);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    for wanted in ["is text/html and not text/csv", "has no length", "elsewhere: https://login.example.net/"] {
        let ran = world.export(&elsewhere, &other, &["--quiet"]);
        assert!(ran.code == 1 && ran.err.contains(wanted), "{}", ran.err);
    }
}

/// Ctrl-C keeps what is whole.
#[actix_web::test]
async fn an_export_that_is_ended_says_how_it_goes_on() {
    use rustix::process::{Pid, Signal, kill_process};
    let world = world(|_| ()).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("calls.csv");
    // Nothing comes of the third piece.
    let stuck = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = stuck.local_addr().unwrap();
    let service = world.app.url.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let to = if number < 2 { service.parse().unwrap() } else { nobody };
            let (Ok(stream), Ok(service)) = (stream, TcpStream::connect(to)) else { return };
            std::thread::spawn(move || pass(&stream, &service, None));
        }
    });
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let args = ["export", "origination-cdrs", &account, &from, "--url", &url, "--piece-rows", "100", "--output"];
    let args = [&args[..], &[output.to_str().unwrap()]].concat();
    let mut command = command(&args, &[("CDRSCOPE_TOKEN", &world.token)]);
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let place = folder.path().join("calls.csv.part.place");
    crate::support::eventually("two pieces", async || {
        // With all calls of a piece's last time and id.
        let place: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&place).ok()?).ok()?;
        (place["rows"].as_u64()? >= 200).then_some(())
    })
    .await;
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    let ran = finished(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("cdrscope: interrupted; ") && ran.err.contains(" bytes, and --continue goes on behind them"),
        "{}",
        ran.err
    );
    let ran = world.export(&world.app.url, &output, &["--continue"]);
    assert!(ran.code == 0 && ran.err.contains("goes on behind 20"), "{}", ran.err);
    let whole = world.bytes(&world.path("origination-cdrs", "&format=csv"), &world.token).await;
    assert!(std::fs::read(&output).unwrap() == whole);
}

/// Without an address it is the operator's, over the ClickHouse of the settings, whatever service runs there.
#[actix_web::test]
async fn the_operator_exports_on_the_server_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    let world = world(|config| config.exports.dir = Some(exports.clone())).await;
    let db = world.app.same_db(engine());
    let output = folder.path().join("all.ndjson");
    let audit = folder.path().join("audit.log");
    let due = r#"[{"name":"due","operator":true,"report":"breakdown","parameters":"group-by=customer","every":"day","at":"00:00","to":"/nowhere"}]"#;
    let more = [
        // Taken by the service that runs, and so is the folder of its exports.
        ("CDRSCOPE_HTTP_LISTEN", world.app.url.strip_prefix("http://").unwrap()),
        ("CDRSCOPE_EXPORTS_DIR", exports.to_str().unwrap()),
        ("CDRSCOPE_EXPORTS_RECURRING", due),
        ("CDRSCOPE_LOG_AUDIT_FILE", audit.to_str().unwrap()),
    ];
    let env = [&environment(&db, false), &more[..]].concat();
    let from = format!("from-time={FIRST}");
    let args = ["export", "cdrs", &from, "columns=id,profit,dst_prefix_out", "--piece-rows", "1000", "--output"];
    let ran = finished(&command(&[&args[..], &[output.to_str().unwrap()]].concat(), &env).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    let token = world.app.operator_token(&[], &[], &["cost", "vendors", "numbers", "export"]);
    let path = format!("/api/rest/operator/v1/cdrs?{from}&columns=id,profit,dst_prefix_out&format=ndjson");
    let wanted = world.bytes(&path, &token).await;
    assert!(std::fs::read(&output).unwrap() == wanted);
    assert!(std::fs::read_to_string(&audit).unwrap().lines().count() >= 3, "a line for each piece");
    let args = ["export", "origination-cdrs", &from, "--output", "x.csv"];
    let ran = finished(&command(&args, &env).output().unwrap());
    assert!(ran.code == 2 && ran.err.contains("origination-cdrs is a customer's report"), "{}", ran.err);
}
