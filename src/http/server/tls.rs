//! TLS of the service itself: one certificate, read anew when its files change, so that a renewal needs no restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

use crate::config::{Http, files};

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One file without the other.
    #[error("http.tls_certificate_file and http.tls_key_file go together: give both, or neither")]
    Half,
    /// A file that does not read.
    #[error("{setting}: {}: {source}", .path.display())]
    File {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::pki_types::pem::Error,
    },
    /// A file that cannot be read.
    #[error("{setting}: {}: {source}", .path.display())]
    Read {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Files that read and do not fit.
    #[error("http.tls_certificate_file and http.tls_key_file: {source}")]
    Pair {
        /// The reason.
        source: rustls::Error,
    },
    /// No certificate in the file.
    #[error("http.tls_certificate_file: {} holds no certificate", .0.display())]
    Empty(PathBuf),
}

/// The certificate in use.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// State of the files when they were last read, whether they could be used or not.
    seen: Mutex<Seen>,
}

/// Opens a file, as at the start or as while the service runs.
type Open = fn(&Path) -> io::Result<Vec<u8>>;

/// Time of the last change and length, of both files.
type Seen = [Option<(SystemTime, u64)>; 2];

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads the configured certificate; `None` where the service speaks plain HTTP.
    ///
    /// # Errors
    /// A setting without the other, a file that does not read, or a key of another certificate.
    pub fn load(config: &Http) -> Result<Option<Arc<Self>>, TlsError> {
        let (chain, key) = match (&config.tls_certificate_file, &config.tls_key_file) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain.clone(), key.clone()),
            _ => return Err(TlsError::Half),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let seen = Mutex::new(seen(&chain, &key));
        let current = RwLock::new(Arc::new(read(files::read, &chain, &key, &provider)?));
        Ok(Some(Arc::new(Self { chain, key, provider, current, seen })))
    }

    /// Reads the files anew if they have changed. A pair that cannot be used leaves the present one in use.
    pub fn refresh(&self) {
        let now = seen(&self.chain, &self.key);
        let before = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), now);
        if now == before {
            return;
        }
        match read(files::read_again, &self.chain, &self.key, &self.provider) {
            Ok(key) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                log::info!("TLS certificate read anew from {}", self.chain.display());
            }
            Err(error) => log::error!("{error}; the certificate read before stays in use"),
        }
    }

    /// Accepts encrypted connections: TLS 1.2 or 1.3, HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// When the library offers none of the two versions.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|source| TlsError::Pair { source })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn seen(chain: &Path, key: &Path) -> Seen {
    let of = |path: &Path| std::fs::metadata(path).and_then(|meta| Ok((meta.modified()?, meta.len()))).ok();
    [of(chain), of(key)]
}

fn read(open: Open, chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    const CHAIN: &str = "http.tls_certificate_file";
    const KEY: &str = "http.tls_key_file";
    let content =
        |setting, path: &Path| open(path).map_err(|source| TlsError::Read { setting, path: path.to_owned(), source });
    let bad = |setting, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { setting, path, source }
    };
    let certificates = CertificateDer::pem_slice_iter(&content(CHAIN, chain)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad(CHAIN, chain))?;
    if certificates.is_empty() {
        return Err(TlsError::Empty(chain.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&content(KEY, key)?).map_err(bad(KEY, key))?;
    CertifiedKey::from_der(certificates, key, provider).map_err(|source| TlsError::Pair { source })
}
