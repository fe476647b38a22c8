//! Keys: read at the start, read again when their files change, and what they verify.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use time::OffsetDateTime;

use super::claims::Claims;
use super::sign::{Issue, Terms};
use super::{Accepted, Good, Rejected, Subject};
use crate::config::secrets::{self, Fingerprint, SecretError};
use crate::config::{Algorithm, Auth};
use crate::object::Object;

/// Keys that do not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{setting}: cannot read {path}: {source}")]
    Read {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The file holds no key of that kind.
    #[error("{setting}: {path} holds no PEM key for {algorithm}: {source}")]
    Pem {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: String,
        /// The algorithm of the configuration.
        algorithm: &'static str,
        /// The reason.
        source: Error,
    },
    /// A file of secrets that does not do.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// Not `kid=file`.
    #[error("auth.public_keys: expected kid=file, not {0}")]
    NamedKey(String),
    /// HS256 without a secret.
    #[error("auth.secret is not set: give auth.secret or auth.secret_file (32 bytes or more)")]
    NoSecret,
    /// A private key without its public half.
    #[error(
        "auth.private_key_file: {0} is the private half of no key in auth.public_key_file or auth.public_keys, \
         so what it signs would be refused here"
    )]
    Stranger(String),
    /// Signing without a key to sign with.
    #[error("tokens cannot be signed here: auth.private_key_file is not set")]
    NoPrivateKey,
    /// The library refused to sign.
    #[error("signing failed: {0}")]
    Sign(Error),
}

/// The keys and rules by which tokens are verified and signed.
pub struct Keys {
    auth: Auth,
    set: RwLock<Arc<Set>>,
    /// The state of the files as they were read last.
    files: Mutex<Fingerprint>,
}

/// Keys as they were read at one time, and the tokens that they were found to have signed.
pub(super) struct Set {
    pub(super) algorithm: jsonwebtoken::Algorithm,
    /// The keys of tokens without a key id: one, or for HS256 every secret.
    unnamed: Vec<DecodingKey>,
    named: Vec<(String, DecodingKey)>,
    pub(super) signing: Option<EncodingKey>,
    /// The key id of what is signed: one of `named`, or none where an unnamed key is the other half.
    pub(super) kid: Option<String>,
    require_exp: bool,
    validation: Validation,
    /// Tokens that were accepted before, by their whole text: a signature that was right is right for as long as the keys are.
    /// Checking one each time took a quarter of the time of an answer from memory. A reload begins with none.
    good: moka::sync::Cache<String, Arc<Good>>,
}

/// Bytes of tokens that are kept.
const KEPT: u64 = 4 * 1024 * 1024;

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.auth.algorithm)
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Set({:?})", self.algorithm)
    }
}

impl Keys {
    /// Reads the keys that the configuration names.
    ///
    /// # Errors
    /// The first file that does not read, no key at all, or one to sign with that is no other half of one to verify with.
    pub fn new(auth: &Auth) -> Result<Self, KeyError> {
        let files = Fingerprint::of(secrets::key_files(auth));
        let set = Set::read(auth)?;
        Ok(Self { auth: auth.clone(), set: RwLock::new(Arc::new(set)), files: Mutex::new(files) })
    }

    /// Reads the keys and secrets again if one of their files has changed since they were read, or in any case with `anyway`.
    /// True if they were read. What was accepted under the former keys is forgotten.
    ///
    /// # Errors
    /// Why the files cannot be used; the former keys stay, and are tried again at the next change.
    pub fn refresh(&self, anyway: bool) -> Result<bool, KeyError> {
        let found = Fingerprint::of(secrets::key_files(&self.auth));
        {
            let mut known = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == found && !anyway {
                return Ok(false);
            }
            *known = found;
        }
        let set = Set::read(&secrets::read_again(&self.auth)?)?;
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(true)
    }

    pub(super) fn set(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// True where tokens can be signed: without it there is no login and no renewal. The settings decide, so a reload does not
    /// change it.
    pub fn can_sign(&self) -> bool {
        self.auth.algorithm == Algorithm::Hs256 || self.auth.private_key_file.is_some()
    }

    /// Verifies a token at the time `now`.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Subject, Rejected> {
        self.accept(token, now).map(|accepted| accepted.subject().clone())
    }

    /// Verifies a token at the time `now`, and keeps what its renewal needs.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn accept(&self, token: &str, now: OffsetDateTime) -> Result<Accepted, Rejected> {
        let set = self.set();
        let good = set.verify(token, now)?;
        Ok(Accepted { good, set })
    }
}

impl Set {
    fn read(auth: &Auth) -> Result<Self, KeyError> {
        let (algorithm, name) = match auth.algorithm {
            Algorithm::Hs256 => (jsonwebtoken::Algorithm::HS256, "HS256"),
            Algorithm::Rs256 => (jsonwebtoken::Algorithm::RS256, "RS256"),
            Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, "ES256"),
        };
        let mut validation = Validation::new(algorithm);
        // Times and audience are checked here: the library's clock cannot be given, and it drops fractions.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let good = moka::sync::Cache::builder()
            .weigher(|token: &String, _: &Arc<Good>| u32::try_from(token.len() + 300).unwrap_or(u32::MAX))
            .max_capacity(KEPT)
            .build();
        let mut set = Self {
            algorithm,
            unnamed: Vec::new(),
            named: Vec::new(),
            signing: None,
            kid: None,
            require_exp: auth.require_exp,
            validation,
            good,
        };
        if auth.algorithm == Algorithm::Hs256 {
            let secrets = || secrets::of(auth).map(|secret| secret.expose().as_bytes());
            set.unnamed = secrets().map(DecodingKey::from_secret).collect();
            set.signing = Some(EncodingKey::from_secret(secrets().next().ok_or(KeyError::NoSecret)?));
            return Ok(set);
        }
        let decoding = |pem: &[u8]| match auth.algorithm {
            Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
            Algorithm::Rs256 | Algorithm::Hs256 => DecodingKey::from_rsa_pem(pem),
        };
        let encoding = |pem: &[u8]| match auth.algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            Algorithm::Rs256 | Algorithm::Hs256 => EncodingKey::from_rsa_pem(pem),
        };
        if let Some(path) = &auth.public_key_file {
            set.unnamed.push(read("auth.public_key_file", path, name, decoding)?);
        }
        for entry in &auth.public_keys {
            let (kid, path) = entry.split_once('=').ok_or_else(|| KeyError::NamedKey(entry.clone()))?;
            set.named.push((kid.to_owned(), read("auth.public_keys", Path::new(path), name, decoding)?));
        }
        if let Some(path) = &auth.private_key_file {
            set.signing = Some(read("auth.private_key_file", path, name, encoding)?);
            if !set.find_other_half()? {
                return Err(KeyError::Stranger(path.display().to_string()));
            }
        }
        Ok(set)
    }

    /// Looks, by trying, under which key id what is signed here is accepted here.
    fn find_other_half(&mut self) -> Result<bool, KeyError> {
        let (probe, now) = (Issue::Access(0), OffsetDateTime::UNIX_EPOCH);
        let named: Vec<_> = self.named.iter().map(|(kid, _)| Some(kid.clone())).collect();
        for kid in std::iter::once(None).chain(named) {
            self.kid = kid;
            let token = self.issue(Terms { ttl: 1, ..Terms::default() }, &probe, now)?;
            if self.verify(&token, now).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Arc<Good>, Rejected> {
        if let Some(good) = self.good.get(token) {
            good.in_time(self.require_exp, now)?;
            return Ok(good);
        }
        let good = Arc::new(self.decode(token)?.check(self.require_exp, now)?);
        self.good.insert(token.to_owned(), Arc::clone(&good));
        Ok(good)
    }

    fn decode(&self, token: &str) -> Result<Claims, Rejected> {
        let header = jsonwebtoken::decode_header(token).map_err(|_unread| Rejected::Malformed)?;
        if header.crit.is_some() || header.extras.inner().contains_key("crit") {
            return Err(Rejected::Critical);
        }
        let keys = match &header.kid {
            Some(kid) if !self.named.is_empty() => {
                let named = self.named.iter().find(|(name, _)| name == kid).map(|(_, key)| key);
                named.map(std::slice::from_ref).unwrap_or_default()
            }
            _ => &self.unnamed,
        };
        let mut last = Rejected::KeyId;
        for key in keys {
            match jsonwebtoken::decode::<Object<Claims>>(token, key, &self.validation) {
                Ok(decoded) => return Ok(decoded.claims.0),
                Err(why) => last = rejected(&why),
            }
            if last != Rejected::Signature {
                break;
            }
        }
        Err(last)
    }
}

/// The header was read, so text that is no Base64 is the signature's.
fn rejected(why: &Error) -> Rejected {
    match why.kind() {
        ErrorKind::InvalidSignature | ErrorKind::Base64(_) => Rejected::Signature,
        _ => Rejected::Malformed,
    }
}

fn read<K>(
    setting: &'static str,
    path: &Path,
    algorithm: &'static str,
    parse: impl Fn(&[u8]) -> jsonwebtoken::errors::Result<K>,
) -> Result<K, KeyError> {
    let name = path.display().to_string();
    let pem = std::fs::read(path).map_err(|source| KeyError::Read { setting, path: name.clone(), source })?;
    parse(&pem).map_err(|source| KeyError::Pem { setting, path: name, algorithm, source })
}
