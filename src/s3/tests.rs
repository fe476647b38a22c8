//! A store of a few lines that does what the tests tell it, and the client's behaviour over it.
#![cfg(feature = "s3")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::Config;
use crate::config::recurring::ExportPlace;
use crate::config::value::Secret;

/// The key of every request here.
pub const KEY: &str = "the-k3y/of+this=store";

/// A request to the fake store.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    /// Its method, its path and the names in its query.
    pub fn word(&self) -> String {
        let names: Vec<&str> = self.query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        format!("{} {}?{}", self.method, self.path, names.join("&"))
    }
}

/// A deviation from what a store does.
#[derive(Clone, Debug)]
pub enum Odd {
    /// This status and body.
    Answer(u16, String),
    /// Nothing, for ever.
    Hang,
    /// The end of the connection.
    Drop,
    /// It does what is asked, and ends the connection without an answer.
    Lose,
    /// These bytes in place of a response.
    Bytes(Vec<u8>),
}

/// An object.
#[derive(Clone, Debug)]
pub struct ShelfObject {
    pub headers: HashMap<String, String>,
    pub bytes: Vec<u8>,
}

#[derive(Default)]
pub struct Shelf {
    pub objects: BTreeMap<String, ShelfObject>,
    pub uploads: BTreeMap<String, (ShelfObject, BTreeMap<usize, Vec<u8>>)>,
    pub asked: Vec<Asked>,
    begun: usize,
}

type Hook = dyn Fn(&Asked) -> Option<Odd> + Send + Sync;

pub struct FakeStore {
    pub shelf: Arc<Mutex<Shelf>>,
    pub config: Config,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeStore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeStore {
    /// A store that deviates where the hook says so.
    pub async fn start(odd: impl Fn(&Asked) -> Option<Odd> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::default();
        config.s3.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
        config.s3.access_key_id = "AKIA1".to_owned();
        config.s3.secret_access_key = Secret::new(KEY);
        config.s3.request_seconds = 1;
        let (shelf, odd) = (Arc::<Mutex<Shelf>>::default(), Arc::new(odd));
        let served = Arc::clone(&shelf);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&served), Arc::clone(&odd) as Arc<Hook>));
            }
        });
        Self { shelf, config, task }
    }

    pub fn place() -> ExportPlace {
        ExportPlace::Bucket { bucket: "bucket".to_owned(), prefix: "pre/fix".to_owned() }
    }

    pub fn client(&self) -> BucketClient {
        BucketClient::open(&self.config, &Self::place()).unwrap().unwrap()
    }

    pub fn object(&self, name: &str) -> Option<ShelfObject> {
        self.shelf.lock().unwrap().objects.get(&format!("/bucket/pre/fix/{name}")).cloned()
    }

    pub fn keep(&self, name: &str, bytes: &[u8]) {
        let kept = ShelfObject { headers: HashMap::new(), bytes: bytes.to_vec() };
        self.shelf.lock().unwrap().objects.insert(format!("/bucket/pre/fix/{name}"), kept);
    }

    pub fn uploads(&self) -> usize {
        self.shelf.lock().unwrap().uploads.len()
    }

    pub fn words(&self) -> Vec<String> {
        self.shelf.lock().unwrap().asked.iter().map(Asked::word).collect()
    }
}

async fn serve(mut stream: TcpStream, shelf: Arc<Mutex<Shelf>>, odd: Arc<Hook>) {
    while let Some(asked) = hear(&mut stream).await {
        shelf.lock().unwrap().asked.push(asked.clone());
        let odd = odd(&asked);
        let (status, headers, body) = match odd {
            Some(Odd::Hang) => return std::future::pending().await,
            Some(Odd::Drop) => return,
            Some(Odd::Bytes(bytes)) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Some(Odd::Lose) => {
                answer(&mut shelf.lock().unwrap(), &asked);
                return;
            }
            Some(Odd::Answer(status, body)) => (status, Vec::new(), body),
            None => answer(&mut shelf.lock().unwrap(), &asked),
        };
        let mut text = format!("HTTP/1.1 {status} x\r\n");
        if asked.method != "HEAD" {
            text += &format!("content-length: {}\r\n", body.len());
        }
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        text += "\r\n";
        if asked.method != "HEAD" {
            text += &body;
        }
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn hear(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

/// The answer of a store that knows conditions.
fn answer(shelf: &mut Shelf, asked: &Asked) -> (u16, Vec<(String, String)>, String) {
    let refuse = |status: u16, code: &str| {
        (
            status,
            Vec::new(),
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no {code}</Message></Error>"),
        )
    };
    let (path, query) = (asked.path.clone(), asked.query.as_str());
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    let is_taken = asked.headers.contains_key("if-none-match") && shelf.objects.contains_key(&path);
    let kept = |bytes: Vec<u8>| ShelfObject { headers: asked.headers.clone(), bytes };
    match (asked.method.as_str(), value("uploadId"), value("partNumber")) {
        ("HEAD", ..) => match shelf.objects.get(&path) {
            Some(object) => {
                let mut headers = vec![
                    ("content-length".to_owned(), object.bytes.len().to_string()),
                    ("last-modified".to_owned(), "Mon, 30 Nov 2026 19:00:00 GMT".to_owned()),
                    ("etag".to_owned(), "\"x\"".to_owned()),
                ];
                let own = object.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
                headers.extend(own.map(|(name, value)| (name.clone(), value.clone())));
                (200, headers, String::new())
            }
            None => refuse(404, "NotFound"),
        },
        ("POST", None, _) => {
            shelf.begun += 1;
            let id = format!("up{}", shelf.begun);
            shelf.uploads.insert(id.clone(), (kept(Vec::new()), BTreeMap::new()));
            let text = format!(
                "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            );
            (200, Vec::new(), text)
        }
        ("PUT", Some(id), Some(number)) => match shelf.uploads.get_mut(id) {
            Some((_, parts)) => {
                parts.insert(number.parse().unwrap(), asked.body.clone());
                (200, vec![("etag".to_owned(), format!("\"{number}\""))], String::new())
            }
            None => refuse(404, "NoSuchUpload"),
        },
        ("POST", Some(_), _) if is_taken => refuse(412, "PreconditionFailed"),
        ("POST", Some(id), _) => match shelf.uploads.remove(id) {
            Some((object, parts)) => {
                let object = ShelfObject { bytes: parts.into_values().flatten().collect(), ..object };
                shelf.objects.insert(path, object);
                let text = "<CompleteMultipartUploadResult><Location>x</Location><Bucket>b</Bucket><Key>k</Key><ETag>\"x\"</ETag></CompleteMultipartUploadResult>";
                (200, Vec::new(), text.to_owned())
            }
            None => refuse(404, "NoSuchUpload"),
        },
        ("DELETE", Some(id), _) => match shelf.uploads.remove(id) {
            Some(_) => (204, Vec::new(), String::new()),
            None => refuse(404, "NoSuchUpload"),
        },
        ("PUT", None, _) if is_taken => refuse(412, "PreconditionFailed"),
        ("PUT", None, _) => {
            shelf.objects.insert(path, kept(asked.body.clone()));
            (200, vec![("etag".to_owned(), "\"x\"".to_owned())], String::new())
        }
        _ => refuse(405, "MethodNotAllowed"),
    }
}

fn headers() -> ObjectHeaders {
    ObjectHeaders {
        content_type: "text/csv; charset=utf-8".to_owned(),
        disposition: Some("attachment; filename=\"a.csv\"".to_owned()),
        sha256: "5a".repeat(32),
    }
}

#[tokio::test]
async fn an_object_is_put_once_with_its_headers() {
    let store = FakeStore::start(|_| None).await;
    let client = store.client();
    assert_eq!(client.look("a.csv").await.unwrap(), None);
    client.put("a.csv", &headers(), Bytes::from_static(b"first")).await.unwrap();
    let found = StoredObject { sha256: Some("5a".repeat(32)), length: 5 };
    assert_eq!(client.look("a.csv").await.unwrap(), Some(found));
    let again = client.put("a.csv", &headers(), Bytes::from_static(b"another")).await.unwrap_err();
    assert!(again.is_taken(), "{again}");
    let object = store.object("a.csv").unwrap();
    assert_eq!(object.bytes, b"first");
    assert_eq!(object.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(object.headers["content-disposition"], "attachment; filename=\"a.csv\"");
    assert!(object.headers["authorization"].starts_with("AWS4-HMAC-SHA256 Credential=AKIA1/"));
    let all = format!("{:?}", store.shelf.lock().unwrap().asked);
    assert!(!all.contains(KEY));
}

#[tokio::test]
async fn an_upload_in_parts_is_there_when_it_is_complete_and_leaves_nothing_when_it_is_given_up() {
    let store = FakeStore::start(|_| None).await;
    let client = store.client();
    let id = client.begin("a", &headers()).await.unwrap();
    let mut parts = Vec::new();
    for (number, text) in ["one ", "two ", "three"].into_iter().enumerate() {
        parts.push(client.put_part("a", &id, number, Bytes::from(text)).await.unwrap());
        assert!(store.object("a").is_none());
    }
    client.complete("a", &id, &parts).await.unwrap();
    assert_eq!(store.object("a").unwrap().bytes, b"one two three");
    assert_eq!(client.look("a").await.unwrap().unwrap().sha256, Some("5a".repeat(32)));
    let id = client.begin("a", &headers()).await.unwrap();
    let part = client.put_part("a", &id, 0, Bytes::from_static(b"other")).await.unwrap();
    assert!(client.complete("a", &id, &[part]).await.unwrap_err().is_taken());
    client.abort("a", &id).await.unwrap();
    // Once more is no fault.
    client.abort("a", &id).await.unwrap();
    client.probe("b").await.unwrap();
    assert_eq!((store.uploads(), store.shelf.lock().unwrap().objects.len()), (0, 1));
    assert_eq!(store.object("a").unwrap().bytes, b"one two three");
}

#[tokio::test]
async fn a_store_that_answers_oddly_is_told_in_a_line_soon_and_without_secrets() {
    let error =
        |code: &str, more: &str| format!("<Error><Code>{code}</Code><Message>{code} of {KEY}</Message>{more}</Error>");
    let echo = format!("<StringToSign>{KEY}</StringToSign>");
    let long = vec![b'x'; 1 << 20];
    let endless = [b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n".to_vec(), long.clone()].concat();
    for (odd, told, tries) in [
        (
            Odd::Answer(403, error("SignatureDoesNotMatch", &echo)),
            "403 SignatureDoesNotMatch: SignatureDoesNotMatch of [hidden]",
            1,
        ),
        (Odd::Answer(404, error("NoSuchBucket", "")), "404 NoSuchBucket: ", 1),
        (Odd::Answer(503, error("SlowDown", "")), "503 SlowDown: ", 3),
        (Odd::Answer(200, error("InternalError", "")), "500 InternalError: ", 3),
        (Odd::Answer(301, String::new()), "301 Moved Permanently", 1),
        (Odd::Answer(400, "\u{1b}[31m no XML".to_owned()), "400 Bad Request", 1),
        (Odd::Answer(200, "<Surprise/>".to_owned()), "", 1),
        (Odd::Answer(200, "no XML at all".to_owned()), "", 1),
        (
            Odd::Answer(
                200,
                format!(
                    "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
                    "x".repeat(5000)
                ),
            ),
            "the id of an upload is 5000 bytes",
            1,
        ),
        (Odd::Answer(200, "x".repeat(1 << 20)), "the answer is longer", 1),
        (Odd::Bytes(endless), "the answer is longer", 1),
        (Odd::Bytes(long), "http://127.0.0.1", 3),
        (Odd::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec()), "http://127.0.0.1", 3),
        (Odd::Drop, "http://127.0.0.1", 3),
        (Odd::Hang, "http://127.0.0.1", 1),
    ] {
        let (shown, given) = (format!("{odd:?}"), odd.clone());
        let store = FakeStore::start(move |_| Some(given.clone())).await;
        let begun = Instant::now();
        let fault = store.client().begin("a", &headers()).await.unwrap_err();
        let shown: String = shown.chars().take(120).collect();
        let text = fault.to_string();
        assert!(text.contains(told) && !text.contains(KEY) && !text.contains('\u{1b}'), "{shown}: {text}");
        assert!(text.len() < 500 && !text.contains('\n'), "{shown}: {text}");
        assert!(!fault.advice().is_empty());
        assert!(begun.elapsed() < Duration::from_secs(3), "{shown}: {:?}", begun.elapsed());
        assert_eq!(store.words().len(), tries, "{shown}");
    }
    // Nobody there.
    let store = FakeStore::start(|_| None).await;
    let mut config = store.config.clone();
    config.s3.endpoint = Some("http://127.0.0.1:9".to_owned());
    let client = BucketClient::open(&config, &FakeStore::place()).unwrap().unwrap();
    let fault = client.probe("a").await.unwrap_err();
    assert!(matches!(fault, S3Error::Unreached(..)), "{fault}");
    assert!(fault.to_string().starts_with("http://127.0.0.1:9 cannot be reached: "), "{fault}");
}

#[test]
fn each_refusal_has_a_next_step_of_its_own() {
    let refused = |status, code: &str| S3Error::Refused { status, text: format!("{code}: some words") };
    let certificate = "invalid peer certificate: UnknownIssuer".to_owned();
    let unknown = S3Error::Unreached("https://s3.example.net".to_owned(), certificate);
    for (fault, word) in [
        (refused(403, "RequestTimeTooSkewed"), "clock"),
        (refused(400, "ExpiredToken"), "session token"),
        (refused(403, "InvalidToken"), "session token"),
        (refused(403, "InvalidAccessKeyId"), "does not know"),
        (refused(403, "SignatureDoesNotMatch"), "secret key"),
        (refused(403, "AccessDenied"), "s3:PutObject"),
        (refused(507, "XMinioStorageFull"), "room"),
        (refused(503, "SlowDown"), "later"),
        (refused(400, "AuthorizationHeaderMalformed"), "s3.region"),
        (refused(404, "NoSuchBucket"), "make the bucket"),
        (unknown, "SSL_CERT_FILE"),
    ] {
        assert!(fault.advice().contains(word), "{fault}: {}", fault.advice());
    }
}

#[tokio::test]
async fn the_region_of_a_bucket_elsewhere_is_told() {
    let moved = b"HTTP/1.1 301 x\r\nx-amz-bucket-region: eu-west-1\r\ncontent-length: 0\r\n\r\n".to_vec();
    let store = FakeStore::start(move |_| Some(Odd::Bytes(moved.clone()))).await;
    let fault = store.client().begin("a", &headers()).await.unwrap_err();
    assert_eq!(fault.to_string(), "301 Moved Permanently (the bucket is in the region eu-west-1)");
    assert_eq!(fault.advice(), "look at s3.region and s3.endpoint");
}

#[tokio::test]
async fn keys_come_from_the_settings_else_from_the_environment() {
    let store = FakeStore::start(|_| None).await;
    let aws = |names: &[(&str, &str)]| {
        let all = names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        crate::config::aws::AwsEnvironment::of(&all.collect())
    };
    let names = [
        ("AWS_ACCESS_KEY_ID", "AKIA2"),
        ("AWS_SECRET_ACCESS_KEY", "other"),
        ("AWS_SESSION_TOKEN", "t0ken"),
        ("AWS_REGION", "eu-west-1"),
    ];
    for (own, id, region, token) in [("AKIA1", "AKIA1", "eu-west-1", None), ("", "AKIA2", "eu-west-1", Some("t0ken"))] {
        let mut config = store.config.clone();
        config.s3.access_key_id = own.to_owned();
        if own.is_empty() {
            config.s3.secret_access_key = Secret::default();
        }
        config.aws = aws(&names);
        let client = BucketClient::open(&config, &FakeStore::place()).unwrap().unwrap();
        assert!(!format!("{client:?}").contains(KEY));
        client.probe("a").await.unwrap();
        let asked = store.shelf.lock().unwrap().asked.pop().unwrap();
        let signed = format!("Credential={id}/");
        assert!(asked.headers["authorization"].contains(&signed), "{asked:?}");
        assert!(asked.headers["authorization"].contains(&format!("/{region}/s3/")), "{asked:?}");
        assert_eq!(asked.headers.get("x-amz-security-token").map(String::as_str), token);
    }
}

#[tokio::test]
async fn a_role_of_the_container_is_used_and_its_absence_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "whoami").unwrap();
    for gives_role in [true, false] {
        let store = FakeStore::start(move |asked| {
            let role = "{\"AccessKeyId\":\"ASIA3\",\"SecretAccessKey\":\"of-role\",\"Token\":\"t0\",\"Expiration\":\"2036-01-01T00:00:00Z\"}";
            let answer = if gives_role { (200, role.to_owned()) } else { (403, String::new()) };
            (asked.path == "/role").then_some(Odd::Answer(answer.0, answer.1))
        })
        .await;
        let mut config = store.config.clone();
        config.s3.access_key_id = String::new();
        config.s3.secret_access_key = Secret::default();
        let uri = format!("{}/role", store.config.s3.endpoint.as_ref().unwrap());
        let names = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap()),
        ];
        config.aws = crate::config::aws::AwsEnvironment::of(
            &names.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        );
        let client = BucketClient::open(&config, &FakeStore::place()).unwrap().unwrap();
        let probed = client.probe("a").await;
        let asked = store.shelf.lock().unwrap().asked.clone();
        assert_eq!((asked[0].path.as_str(), asked[0].headers["authorization"].as_str()), ("/role", "whoami"));
        if gives_role {
            probed.unwrap();
            assert!(asked[1].headers["authorization"].contains("Credential=ASIA3/"));
            // It is asked for once.
            assert_eq!(asked.iter().filter(|asked| asked.path == "/role").count(), 1);
        } else {
            let fault = probed.unwrap_err().to_string();
            assert!(fault.starts_with("there is no key, and no role from http://127.0.0.1:"), "{fault}");
            assert!(fault.ends_with(": 403 Forbidden"), "{fault}");
            assert_eq!(asked.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_value_that_makes_no_header_or_address_is_an_error_of_each_request() {
    let role = "{\"AccessKeyId\":\"ASIA3\",\"SecretAccessKey\":\"of-role\",\"Token\":\"t0\\nken\",\"Expiration\":\"2036-01-01T00:00:00Z\"}";
    let store = FakeStore::start(|asked| (asked.path == "/role").then(|| Odd::Answer(200, role.to_owned()))).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "whoami").unwrap();
    let mut of_role = store.config.clone();
    of_role.s3.access_key_id = String::new();
    of_role.s3.secret_access_key = Secret::default();
    let uri = format!("{}/role", store.config.s3.endpoint.as_ref().unwrap());
    let names = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap()),
    ];
    of_role.aws =
        crate::config::aws::AwsEnvironment::of(&names.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let mut of_region = store.config.clone();
    of_region.s3.region = "eu\nwest".to_owned();
    let mut of_id = store.config.clone();
    of_id.s3.access_key_id = "AKIA\n1".to_owned();
    let mut of_port = store.config.clone();
    of_port.s3.endpoint = Some("https://host:99999".to_owned());
    for (what, config) in [("role", of_role), ("region", of_region), ("id", of_id), ("port", of_port)] {
        let client = BucketClient::open(&config, &FakeStore::place()).unwrap().unwrap();
        for _ in 0..2 {
            let fault = client.probe("a").await.unwrap_err();
            if what == "role" {
                let fault = fault.to_string();
                assert!(fault.starts_with("there is no key, and no role from http://127.0.0.1:"), "{fault}");
                assert!(fault.ends_with(": its Token has other than letters, digits and marks of ASCII"), "{fault}");
                continue;
            }
            assert!(matches!(fault, S3Error::Broken), "{what}: {fault}");
            let fault = client.look("a").await.unwrap_err();
            assert!(matches!(fault, S3Error::Broken), "{what}: {fault}");
        }
    }
    // Nothing of it reaches others.
    store.client().probe("a").await.unwrap();
}

#[test]
fn a_bucket_stands_in_the_path_or_in_front_of_the_host() {
    let place = FakeStore::place();
    let mut config = Config::default();
    config.s3.access_key_id = "AKIA1".to_owned();
    config.s3.secret_access_key = Secret::new(KEY);
    let at = |config: &Config| format!("{:?}", BucketClient::open(config, &place).unwrap().unwrap());
    assert!(at(&config).contains("https://s3.us-east-1.amazonaws.com/bucket"));
    config.s3.path_style = false;
    assert!(at(&config).contains("https://bucket.s3.us-east-1.amazonaws.com"));
    config.s3.endpoint = Some("https://s3.example.net/".to_owned());
    assert!(at(&config).contains("\"https://bucket.s3.example.net\""));
    config.s3.path_style = true;
    assert!(at(&config).contains("\"https://s3.example.net/bucket\""));
    config.s3.endpoint = Some("https://s3 example".to_owned());
    assert!(BucketClient::open(&config, &place).unwrap_err().to_string().contains("is no address"));
}
