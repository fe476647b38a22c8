//! Fetching the file of an export: its head alone, and a download whose file is removed meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{world, world_of};
use crate::support::http::send;
use crate::support::{db, eventually};

#[actix_web::test]
async fn the_head_of_a_file_is_that_of_its_download() {
    let world = world(|_| ()).await;
    let (place, export) = world.done("origination-cdrs", "&columns=id,time_start&format=csv").await;
    let path = format!("{place}/file");
    for range in [None, Some("bytes=10-19"), Some("bytes=-5"), Some("bytes=999999999-")] {
        let ask = async |method: &str| {
            let mut request = world.app.request(method, &path).header("Authorization", &world.token);
            if let Some(range) = range {
                request = request.header("Range", range);
            }
            send(request).await
        };
        let (head, whole) = (ask("HEAD").await, ask("GET").await);
        assert_eq!((head.status, head.body.as_str()), (whole.status, ""), "{range:?}");
        for name in ["etag", "content-length", "content-type", "content-disposition", "content-range", "repr-digest"] {
            assert_eq!(head.headers.get(name), whole.headers.get(name), "{range:?} {name}");
        }
        if range.is_none() {
            assert_eq!(head.header("content-length"), export["bytes"].to_string());
            assert_eq!(whole.body.len() as u64, export["bytes"].as_u64().unwrap());
        }
    }
    // The connection is still good behind a head that names a length.
    assert_eq!(world.app.get(&place, &world.token).await.status, 200);
}

#[actix_web::test]
async fn a_download_ends_when_its_file_is_removed() {
    let world = world_of(db().await, 300_000, |_| ()).await;
    let (place, export) = world.done("origination-cdrs", "&format=ndjson").await;
    let bytes = export["bytes"].as_u64().unwrap();
    // Far more than the buffers of a connection on both sides hold.
    assert!(bytes > 16_000_000, "{bytes}");
    let address = world.app.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "GET {place}/file HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        world.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (mut stream, begin) = tokio::task::spawn_blocking(move || {
        let mut begin = vec![0; 1000];
        stream.read_exact(&mut begin).unwrap();
        (stream, begin)
    })
    .await
    .unwrap();
    let text = String::from_utf8_lossy(&begin).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains(&format!("content-length: {bytes}\r\n")), "{text}");
    let remove = world.app.request("DELETE", &place).header("Authorization", &world.token);
    assert_eq!(send(remove).await.status, 204);
    assert_eq!(world.app.get(&place, &world.token).await.status, 404);
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = stream.read_to_end(&mut rest);
        rest.len() as u64
    })
    .await
    .unwrap();
    assert!(rest + 1000 < bytes, "{rest} of {bytes}");
    // Nobody holds the removed file open: its bytes are free.
    eventually("a closed file", async || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
            let target = std::fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned();
            (target.contains(place.rsplit('/').next().unwrap()) && target.contains("(deleted)")).then_some(target)
        });
        (open.count() == 0).then_some(())
    })
    .await;
}
