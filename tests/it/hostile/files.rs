//! Files that others put in place of ours, or that a crash left: secrets, keys, certificates and the data directory.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustix::process::Signal;
use serde_json::json;
use time::OffsetDateTime;

use super::program::{Served, command, run};
use super::until;
use crate::support::app::{API, SECRET};
use crate::support::db;

/// A grant for customer 7, signed with any bytes.
fn signed(secret: &[u8]) -> String {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 60;
    let claims = json!({ "aud": "customer-v1", "sub": "D", "cfg": { "customer_id": 7 }, "exp": exp });
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
}

async fn status(url: &str, token: &str) -> u16 {
    let request = reqwest::Client::new().get(format!("{url}{API}/auth")).header("Authorization", token);
    request.send().await.unwrap().status().as_u16()
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Contents of a file of secrets that are none. HMAC adds zero bytes to a key: a secret of zero bytes is the empty one.
fn no_secrets() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("zero bytes", vec![0; 64]),
        ("a secret that ends in zero bytes", [b"x".to_vec(), vec![0; 63]].concat()),
        ("a secret and zero bytes behind it", [SECRET.as_bytes().to_vec(), b"\n".to_vec(), vec![0; 40]].concat()),
        ("blanks", vec![b' '; 64]),
        ("a long secret", vec![b'a'; 5000]),
        ("a huge file", vec![b'a'; 3_000_000]),
    ]
}

#[actix_web::test]
async fn a_file_that_holds_no_secret_keeps_the_former_one() {
    let (db, dir) = (db().await, tempfile::tempdir().unwrap());
    for setting in ["CDRSCOPE_AUTH_SECRET_FILE", "CDRSCOPE_AUTH_SECRETS_FILE"] {
        let file = dir.path().join("secret");
        fs::write(&file, format!("{SECRET}\n")).unwrap();
        let path = file.display().to_string();
        let served = Served::start(&db, &[("CDRSCOPE_AUTH_SECRET", ""), (setting, &path)]);
        for (what, content) in no_secrets() {
            fs::write(&file, &content).unwrap();
            served.signal(Signal::HUP);
            served.line("tokens stay as they were");
            for forged in [&b""[..], b"x", &content] {
                assert_eq!(status(&served.url, &signed(forged)).await, 401, "{setting}: {what}");
            }
            assert_eq!(status(&served.url, &signed(SECRET.as_bytes())).await, 200, "{setting}: {what}");
        }
        // The mark that some editors put in front of a file is no part of what it holds.
        let new = "the new secret, of 32 bytes or more";
        fs::write(&file, format!("\u{feff}{new}\r\n")).unwrap();
        served.signal(Signal::HUP);
        until(Duration::from_secs(5), async || status(&served.url, &signed(new.as_bytes())).await == 200).await;
    }
}

#[test]
fn a_file_that_holds_no_secret_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    let path = file.display().to_string();
    for (setting, name) in [
        ("CDRSCOPE_AUTH_SECRET_FILE", "auth.secret"),
        ("CDRSCOPE_AUTH_SECRETS_FILE", "auth.secret"),
        ("CDRSCOPE_METRICS_TOKEN_FILE", "metrics.token"),
        ("CDRSCOPE_CLICKHOUSE_PASSWORD_FILE", "clickhouse.password"),
    ] {
        for (what, content) in no_secrets() {
            if !(setting.contains("AUTH") || what == "zero bytes" || what == "a huge file") {
                continue;
            }
            fs::write(&file, content).unwrap();
            let (code, text) = run(&["token", "--access", "1"], &[(setting, &path)]);
            assert!(code == Some(2) && text.contains(name) && text.len() < 500, "{setting}: {what}: {code:?} {text}");
        }
    }
}

#[test]
fn a_key_that_can_verify_nothing_stops_the_start() {
    let fixtures = format!("{}/tests/it/fixtures", env!("CARGO_MANIFEST_DIR"));
    for (algorithm, key) in [("RS256", "rsa1024"), ("ES256", "p384"), ("ES256", "secp256k1"), ("RS256", "p384")] {
        let file = format!("{fixtures}/weak/{key}.pem");
        assert!(fs::exists(&file).unwrap(), "{file}");
        for setting in ["CDRSCOPE_AUTH_PUBLIC_KEY_FILE", "CDRSCOPE_AUTH_PUBLIC_KEYS"] {
            let value = if setting.ends_with('S') { format!("one={file}") } else { file.clone() };
            // Where a key does, the next fault is that there is no ClickHouse.
            let env = [
                ("CDRSCOPE_AUTH_ALGORITHM", algorithm),
                (setting, &value),
                ("CDRSCOPE_CLICKHOUSE_URL", "http://127.0.0.1:1"),
            ];
            let (code, text) = run(&["serve"], &env);
            assert!(code != Some(0) && text.contains(&file) && text.contains(algorithm), "{algorithm} {key}: {text}");
        }
    }
}

#[actix_web::test]
async fn a_pipe_in_place_of_a_file_holds_up_no_reload() {
    let (db, dir) = (db().await, tempfile::tempdir().unwrap());
    let at = |name: &str| dir.path().join(name);
    let certify = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        for (name, text) in [("chain.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())] {
            fs::write(at("new"), text).unwrap();
            fs::rename(at("new"), at(name)).unwrap();
        }
    };
    certify();
    let (chain, key) = (at("chain.pem").display().to_string(), at("key.pem").display().to_string());
    let served = Served::start(
        &db,
        &[("CDRSCOPE_HTTP_TLS_CERTIFICATE_FILE", chain.as_str()), ("CDRSCOPE_HTTP_TLS_KEY_FILE", key.as_str())],
    );
    for name in ["chain.pem", "key.pem"] {
        fs::remove_file(at(name)).unwrap();
        pipe(&at(name));
        served.line("the certificate read before stays in use");
        certify();
        served.line("TLS certificate read anew");
    }
    fs::remove_file(at("chain.pem")).unwrap();
    symlink("/dev/zero", at("chain.pem")).unwrap();
    served.line("the certificate read before stays in use");
}

/// Runs an engine in a data directory that is refused: what it said.
fn refused(data: &Path) -> String {
    let path = data.display().to_string();
    let mut child = command(&["engine"], &[("CDRSCOPE_ENGINE_DATA_DIR", &path)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = child.try_wait().unwrap();
    // An engine that runs ends with its parent.
    let _ = child.kill();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    assert!(ended.is_some_and(|status| status.code() == Some(1)), "{path} was not refused: {text}");
    text
}

/// A data directory of ours that was open to others while it had these permissions.
fn data_dir(parent: &Path, mode: u32) -> PathBuf {
    let data = parent.join("data");
    drop(fs::remove_dir_all(&data));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("layout"), "1 0.1.0\n").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
    data
}

#[test]
fn a_data_directory_of_somebody_else_is_refused_whatever_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    // Only root can give a directory away; others find the root directory to be somebody else's.
    let data = if rustix::process::geteuid().is_root() {
        let data = data_dir(dir.path(), 0o700);
        std::os::unix::fs::chown(&data, Some(65534), Some(65534)).unwrap();
        data
    } else {
        PathBuf::from("/")
    };
    let text = refused(&data);
    assert!(text.contains("belongs to user") && text.contains("engine.data_dir"), "{text}");
    assert!(!fs::exists(data.join("access.json")).unwrap());
}

#[test]
fn what_others_put_into_an_open_data_directory_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let precious = dir.path().join("precious");
    for name in ["owner.lock", "engine.lock", "engine.log", "layout", "clickhouse", "access.json"] {
        for mode in [0o777, 0o1777, 0o770] {
            let data = data_dir(dir.path(), mode);
            fs::write(&precious, "precious").unwrap();
            drop(fs::remove_file(data.join(name)));
            symlink(&precious, data.join(name)).unwrap();
            if name == "layout" {
                fs::write(&precious, "1 0.1.0\n").unwrap();
            }
            let before = fs::read_to_string(&precious).unwrap();
            let text = refused(&data);
            assert!(text.contains(&format!("data/{name}")), "{name}: {text}");
            assert_eq!(fs::read_to_string(&precious).unwrap(), before, "{name}");
        }
    }
    // In a directory that nobody else could write the locks are files all the same.
    for name in ["owner.lock", "engine.lock", "layout"] {
        let data = data_dir(dir.path(), 0o700);
        drop(fs::remove_file(data.join(name)));
        pipe(&data.join(name));
        let text = refused(&data);
        assert!(text.contains(&format!("data/{name}")), "{name}: {text}");
    }
}
