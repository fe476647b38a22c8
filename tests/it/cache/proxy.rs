//! A relay between the service and the engine that reads along: what was asked there, and how often. It can also keep a
//! statement back until something else has happened.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What each connection sent, and what is kept back.
#[derive(Debug, Default)]
struct Heard {
    sent: Mutex<Vec<Vec<u8>>>,
    gate: Mutex<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    /// Whatever holds this text waits.
    text: Option<String>,
    waiting: usize,
}

/// A relay that listens until it is dropped.
pub struct Proxy {
    pub url: String,
    heard: Arc<Heard>,
    /// Its thread ends when this is gone.
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// A relay to the engine at `url`, on a thread of its own: starting a service blocks the test's.
    pub fn to(url: &str) -> Self {
        let target = url.strip_prefix("http://").unwrap().to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (_stop, stopped) = oneshot::channel::<()>();
        let heard = Arc::<Heard>::default();
        let hears = Arc::clone(&heard);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), target, hears) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { url, heard, _stop }
    }

    /// Forgets what was heard so far.
    pub fn forget(&self) {
        self.heard.sent.lock().unwrap().iter_mut().for_each(Vec::clear);
    }

    /// How often a text was sent to the engine.
    pub fn count(&self, text: &str) -> usize {
        let sent = self.heard.sent.lock().unwrap();
        sent.iter().map(|heard| String::from_utf8_lossy(heard).matches(text).count()).sum()
    }

    /// Keeps back what is sent with this text in it.
    pub fn hold(&self, text: &str) {
        *self.heard.gate.lock().unwrap() = Gate { text: Some(text.to_owned()), waiting: 0 };
    }

    /// Waits until something is kept back.
    pub async fn holds(&self) {
        for _ in 0..1000 {
            if self.heard.gate.lock().unwrap().waiting > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing came that was to be kept back");
    }

    /// Lets go what is kept back.
    pub fn release(&self) {
        self.heard.gate.lock().unwrap().text = None;
    }

    /// Statements of reports: each names its report in a setting.
    pub fn reports(&self) -> usize {
        self.count("log_comment=")
    }
}

impl Heard {
    /// Returns when these bytes may go on.
    async fn pass(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let held = || self.gate.lock().unwrap().text.as_ref().is_some_and(|held| text.contains(held));
        if held() {
            self.gate.lock().unwrap().waiting += 1;
            while held() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

async fn accept(listener: TcpListener, target: String, heard: Arc<Heard>) {
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else { return };
        heard.sent.lock().unwrap().push(Vec::new());
        let (target, heard) = (target.clone(), Arc::clone(&heard));
        tokio::spawn(async move {
            // A connection that breaks is for the two at its ends to notice.
            let _ = relay(client, &target, &heard, number).await;
        });
    }
}

async fn relay(client: TcpStream, target: &str, heard: &Heard, number: usize) -> std::io::Result<()> {
    let (mut from_engine, mut to_engine) = TcpStream::connect(target).await?.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let back = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_engine, &mut to_client).await;
        to_client.shutdown().await
    });
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from_client.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        heard.sent.lock().unwrap()[number].extend_from_slice(&buffer[..length]);
        heard.pass(&buffer[..length]).await;
        to_engine.write_all(&buffer[..length]).await?;
    }
    to_engine.shutdown().await?;
    back.await?
}
