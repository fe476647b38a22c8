//! Keys: read at the start, read again when their files change, and what they verify.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::claims::Claims;
use super::sign::{Issue, TokenTerms};
use super::{Accepted, Good, Rejected, SignedFor, Subject};
use crate::config::secrets::{self, Fingerprint, SecretError};
use crate::config::{Algorithm, Auth, Operator, files};
use crate::object::Object;

/// Keys that do not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file holds no key of that kind.
    #[error("{setting}: {path} holds no PEM key for {algorithm} (RSA of 2048 to 8192 bits, or EC on P-256): {source}")]
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
    /// A file that cannot be read, or secrets that do not do.
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
    /// A key of the operator's opens customers' paths too, or the other way round.
    #[error("a key in operator.… is one of auth's: whoever signs customers' tokens would be the operator")]
    Shared,
    /// The library refused to sign.
    #[error("signing failed: {0}")]
    Sign(#[source] Error),
}

/// Keys of the operator's that do not read.
#[derive(Debug)]
pub struct OperatorKeyError(KeyError);

impl std::fmt::Display for OperatorKeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // They are read as customers' are, under the names of other settings.
        f.write_str(&self.0.to_string().replace("auth.", "operator."))
    }
}

impl std::error::Error for OperatorKeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// The keys and rules by which tokens are verified and signed.
pub struct Keys {
    auth: Auth,
    signed_for: SignedFor,
    set: RwLock<Arc<KeySet>>,
    /// The state of the files as they were read last.
    files: Mutex<Fingerprint>,
}

/// Keys as they were read at one time, and the tokens that they were found to have signed.
pub(super) struct KeySet {
    pub(super) signed_for: SignedFor,
    pub(super) algorithm: jsonwebtoken::Algorithm,
    /// The keys of tokens without a key id: one, or for HS256 every secret.
    unnamed: Vec<DecodingKey>,
    named: Vec<(String, DecodingKey)>,
    pub(super) signing: Option<EncodingKey>,
    /// The key id of what is signed: one of `named`, or none where an unnamed key is the other half.
    pub(super) kid: Option<String>,
    /// Digests of the secrets and keys that tokens are verified with.
    verifies: Vec<[u8; 32]>,
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

impl std::fmt::Debug for KeySet {
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
        Self::signed_for(SignedFor::Customers, auth)
    }

    /// Reads the keys of the operator's tokens; `None` where none are configured.
    ///
    /// # Errors
    /// As [`Keys::new`], by the operator's settings.
    pub fn of_operator(operator: &Operator) -> Result<Option<Self>, OperatorKeyError> {
        if !operator.is_on() {
            return Ok(None);
        }
        Self::signed_for(SignedFor::Operators, &operator.as_auth()).map(Some).map_err(OperatorKeyError)
    }

    fn signed_for(signed_for: SignedFor, auth: &Auth) -> Result<Self, KeyError> {
        let files = Fingerprint::of(secrets::key_files(auth));
        let set = KeySet::read(signed_for, auth, files::read)?;
        Ok(Self { auth: auth.clone(), signed_for, set: RwLock::new(Arc::new(set)), files: Mutex::new(files) })
    }

    /// Reads the keys and secrets again if one of their files has changed since they were read, or in any case with `anyway`.
    /// True if they were read. What was accepted under the former keys is forgotten.
    ///
    /// # Errors
    /// Why the files cannot be used, or that one holds a key of `others`; the former keys stay, and are tried again at the next
    /// change.
    pub fn refresh(&self, anyway: bool, others: Option<&Self>) -> Result<bool, KeyError> {
        let found = Fingerprint::of(secrets::key_files(&self.auth));
        {
            let mut known = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == found && !anyway {
                return Ok(false);
            }
            *known = found;
        }
        let set = KeySet::read(self.signed_for, &secrets::read_again(&self.auth)?, files::read_again)?;
        if others.is_some_and(|others| set.shares_with(&others.set())) {
            return Err(KeyError::Shared);
        }
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(true)
    }

    pub(super) fn set(&self) -> Arc<KeySet> {
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

/// The keys of a service.
#[derive(Debug)]
pub struct KeyRing {
    /// Those of customers' tokens.
    pub customers: Keys,
    /// Those of the operator's; `None` where the operator's paths are not wanted.
    pub operators: Option<Keys>,
}

impl From<Keys> for KeyRing {
    fn from(customers: Keys) -> Self {
        Self { customers, operators: None }
    }
}

impl KeyRing {
    /// Reads all keys that the configuration names.
    ///
    /// # Errors
    /// In words: keys that do not read, or one that both kinds of tokens would be verified with.
    pub fn of(auth: &Auth, operator: &Operator) -> Result<Self, String> {
        let customers = Keys::new(auth).map_err(|why| why.to_string())?;
        let operators = Keys::of_operator(operator).map_err(|why| why.to_string())?;
        if operators.as_ref().is_some_and(|operators| operators.set().shares_with(&customers.set())) {
            return Err(KeyError::Shared.to_string());
        }
        Ok(Self { customers, operators })
    }
}

/// The digest of a secret or key; blanks and line ends, by which copies of a file may differ, do not count.
fn digest(key: &[u8]) -> [u8; 32] {
    let bytes: Vec<u8> = key.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    Sha256::digest(bytes).into()
}

impl KeySet {
    fn shares_with(&self, other: &Self) -> bool {
        self.verifies.iter().any(|key| other.verifies.contains(key))
    }

    fn read(signed_for: SignedFor, auth: &Auth, open: fn(&Path) -> io::Result<Vec<u8>>) -> Result<Self, KeyError> {
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
            signed_for,
            algorithm,
            unnamed: Vec::new(),
            named: Vec::new(),
            signing: None,
            kid: None,
            verifies: Vec::new(),
            require_exp: auth.require_exp,
            validation,
            good,
        };
        if auth.algorithm == Algorithm::Hs256 {
            let secrets = || secrets::of(auth).map(|secret| secret.expose().as_bytes());
            set.unnamed = secrets().map(DecodingKey::from_secret).collect();
            set.verifies = secrets().map(digest).collect();
            set.signing = Some(EncodingKey::from_secret(secrets().next().ok_or(KeyError::NoSecret)?));
            return Ok(set);
        }
        let decoding = |pem: &[u8]| match auth.algorithm {
            Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
            Algorithm::Rs256 | Algorithm::Hs256 => DecodingKey::from_rsa_pem(pem),
        };
        let public = |pem: &[u8]| Ok((decoding(pem).and_then(|key| able(auth.algorithm, key))?, digest(pem)));
        let encoding = |pem: &[u8]| match auth.algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            Algorithm::Rs256 | Algorithm::Hs256 => EncodingKey::from_rsa_pem(pem),
        };
        if let Some(path) = &auth.public_key_file {
            let (key, digest) = read(open, "auth.public_key_file", path, name, public)?;
            set.unnamed.push(key);
            set.verifies.push(digest);
        }
        for entry in &auth.public_keys {
            let (kid, path) = entry.split_once('=').ok_or_else(|| KeyError::NamedKey(entry.clone()))?;
            let (key, digest) = read(open, "auth.public_keys", Path::new(path), name, public)?;
            set.named.push((kid.to_owned(), key));
            set.verifies.push(digest);
        }
        if let Some(path) = &auth.private_key_file {
            set.signing = Some(read(open, "auth.private_key_file", path, name, encoding)?);
            if !set.find_other_half()? {
                return Err(KeyError::Stranger(path.display().to_string()));
            }
        }
        Ok(set)
    }

    /// Looks, by trying, under which key id what is signed here is accepted here.
    fn find_other_half(&mut self) -> Result<bool, KeyError> {
        let (probe, now) = (self.probe(), OffsetDateTime::UNIX_EPOCH);
        let named: Vec<_> = self.named.iter().map(|(kid, _)| Some(kid.clone())).collect();
        for kid in std::iter::once(None).chain(named) {
            self.kid = kid;
            let token = self.issue(TokenTerms { ttl: 1, ..TokenTerms::default() }, &probe, now)?;
            if self.verify(&token, now).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn probe(&self) -> Issue {
        match self.signed_for {
            SignedFor::Customers => Issue::Access(0),
            SignedFor::Operators => Issue::Operator(0),
        }
    }

    fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Arc<Good>, Rejected> {
        if let Some(good) = self.good.get(token) {
            good.in_time(self.require_exp, now)?;
            return Ok(good);
        }
        let good = Arc::new(self.decode(token)?.check(self.signed_for, self.require_exp, now)?);
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

/// The key, if the algorithm can verify anything by it: the library finds that out at each token, and says no more than that
/// the signature is bad.
fn able(algorithm: Algorithm, key: DecodingKey) -> jsonwebtoken::errors::Result<DecodingKey> {
    let bytes = key.try_get_as_bytes()?;
    let parses = |by: &'static dyn VerificationAlgorithm| ParsedPublicKey::new(by, bytes).is_ok();
    let fits = match algorithm {
        Algorithm::Es256 => parses(&ECDSA_P256_SHA256_FIXED),
        // 2048 bits take 256 bytes; the length of the key is looked at only when something is verified.
        Algorithm::Rs256 | Algorithm::Hs256 => parses(&RSA_PKCS1_2048_8192_SHA256) && bytes.len() > 256,
    };
    if fits { Ok(key) } else { Err(ErrorKind::InvalidKeyFormat.into()) }
}

fn read<K>(
    open: fn(&Path) -> io::Result<Vec<u8>>,
    setting: &'static str,
    path: &Path,
    algorithm: &'static str,
    parse: impl Fn(&[u8]) -> jsonwebtoken::errors::Result<K>,
) -> Result<K, KeyError> {
    let name = path.display().to_string();
    let pem = open(path).map_err(|source| SecretError::Read { setting, path: name.clone(), source })?;
    parse(&pem).map_err(|source| KeyError::Pem { setting, path: name, algorithm, source })
}
