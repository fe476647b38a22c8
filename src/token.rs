//! Tokens: JSON Web Tokens that say who asks. Verification follows RFC 8725: the algorithm and the keys come from the
//! configuration, never from the token; audience and expiry are required; the time is an argument.

use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use crate::config::{Algorithm, Auth};
use crate::net;

/// The audience of the customer API.
pub const AUDIENCE: &str = "customer-v1";

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
        source: jsonwebtoken::errors::Error,
    },
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
    Sign(jsonwebtoken::errors::Error),
}

/// A token that is not accepted. The caller learns nothing more; the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a signed token, wrong algorithm, wrong key, wrong signature, or claims of a wrong type.
    #[error("malformed token or bad signature")]
    Malformed,
    /// The header asks for an extension that is not known.
    #[error("unknown critical header")]
    Critical,
    /// The key id is not one of the configuration's.
    #[error("unknown key id")]
    KeyId,
    /// Not meant for this API.
    #[error("wrong audience")]
    Audience,
    /// At or after `exp`, or no `exp` where one is required.
    #[error("expired")]
    Expired,
    /// Before `nbf`.
    #[error("not valid yet")]
    TooEarly,
    /// `sub` is neither an id nor "D" with a good `cfg`.
    #[error("unusable subject")]
    Subject,
}

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A row of `api_access`.
    Access(u32),
    /// A grant that travels in the token itself.
    Grant(Grant),
}

/// What a token may see and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The tenant.
    pub customer_id: u32,
    /// Accounts; empty is all of the customer's.
    pub account_ids: Vec<u32>,
    /// Networks; empty is any.
    pub allowed_ips: Vec<IpNet>,
    /// Whether answers may say how they were come by.
    pub debug: bool,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<SubjectClaim>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    /// Not used, but a wrong type is a malformed token.
    #[serde(default, rename = "iat", deserialize_with = "present")]
    _iat: Option<f64>,
    #[serde(default)]
    cfg: Option<CfgClaim>,
}

/// A claim that stands there must be of its type; null is not.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SubjectClaim {
    Number(u32),
    Text(String),
}

/// Of interest in a dynamic token only: in others it may be anything.
#[derive(Deserialize)]
#[serde(untagged)]
enum CfgClaim {
    Good(Cfg),
    Bad(IgnoredAny),
}

#[derive(Deserialize)]
struct Cfg {
    customer_id: u32,
    #[serde(default)]
    account_ids: Option<Vec<u32>>,
    #[serde(default)]
    allowed_ips: Option<Vec<String>>,
    #[serde(default)]
    debug: Option<bool>,
}

/// What `sign` puts into a token.
#[derive(Clone, Debug)]
pub enum Issue {
    /// For a row of `api_access`.
    Access(u32),
    /// With the grant in the token.
    Grant {
        /// The tenant.
        customer_id: u32,
        /// Accounts; empty is all.
        account_ids: Vec<u32>,
        /// Networks or addresses; empty is any.
        allowed_ips: Vec<String>,
        /// Whether answers may say how they were come by.
        debug: bool,
    },
}

/// The keys and rules by which tokens are verified and signed.
pub struct Keys {
    algorithm: jsonwebtoken::Algorithm,
    /// The key of tokens without a key id.
    key: Option<DecodingKey>,
    named: Vec<(String, DecodingKey)>,
    signing: Option<EncodingKey>,
    /// The key id of what is signed: one of `named`, or none where `key` is the other half.
    kid: Option<String>,
    require_exp: bool,
    validation: Validation,
    /// Tokens that were accepted before, by their whole text: a signature that was right is right for as long as the keys
    /// are, which is the life of the process. Checking one anew took a quarter of the time of an answer from memory.
    good: moka::sync::Cache<String, Arc<Good>>,
}

/// Bytes of tokens that are kept.
const KEPT: u64 = 4 * 1024 * 1024;

/// An accepted token, but for the time, which is looked at whenever it comes.
#[derive(Debug)]
struct Good {
    subject: Subject,
    exp: Option<f64>,
    nbf: Option<f64>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.algorithm)
    }
}

impl Keys {
    /// Reads the keys that the configuration names.
    ///
    /// # Errors
    /// The first file that does not read, no key at all, or one to sign with that is no other half of one to verify with.
    pub fn new(auth: &Auth) -> Result<Self, KeyError> {
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
        let require_exp = auth.require_exp;
        let good = moka::sync::Cache::builder()
            .weigher(|token: &String, _: &Arc<Good>| u32::try_from(token.len() + 300).unwrap_or(u32::MAX))
            .max_capacity(KEPT)
            .build();
        let mut keys =
            Self { algorithm, key: None, named: Vec::new(), signing: None, kid: None, require_exp, validation, good };
        if auth.algorithm == Algorithm::Hs256 {
            let secret = auth.secret.expose().as_bytes();
            if secret.is_empty() {
                return Err(KeyError::NoSecret);
            }
            keys.key = Some(DecodingKey::from_secret(secret));
            keys.signing = Some(EncodingKey::from_secret(secret));
            return Ok(keys);
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
            keys.key = Some(read("auth.public_key_file", path, name, decoding)?);
        }
        for entry in &auth.public_keys {
            let (kid, path) = entry.split_once('=').ok_or_else(|| KeyError::NamedKey(entry.clone()))?;
            keys.named.push((kid.to_owned(), read("auth.public_keys", Path::new(path), name, decoding)?));
        }
        if let Some(path) = &auth.private_key_file {
            keys.signing = Some(read("auth.private_key_file", path, name, encoding)?);
            if !keys.find_other_half()? {
                return Err(KeyError::Stranger(path.display().to_string()));
            }
        }
        Ok(keys)
    }

    /// Looks, by trying, under which key id what is signed here is accepted here.
    fn find_other_half(&mut self) -> Result<bool, KeyError> {
        let (probe, now) = (Issue::Access(0), OffsetDateTime::UNIX_EPOCH);
        let named: Vec<_> = self.named.iter().map(|(kid, _)| Some(kid.clone())).collect();
        for kid in std::iter::once(None).chain(named) {
            self.kid = kid;
            if self.verify(&self.sign(&probe, now, 1)?, now).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether tokens can be signed: without it there is no login and no renewal.
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// Verifies a token at the time `now`.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Subject, Rejected> {
        if let Some(good) = self.good.get(token) {
            self.in_time(good.exp, good.nbf, now)?;
            return Ok(good.subject.clone());
        }
        let good = self.read(token, now)?;
        let subject = good.subject.clone();
        self.good.insert(token.to_owned(), Arc::new(good));
        Ok(subject)
    }

    fn read(&self, token: &str, now: OffsetDateTime) -> Result<Good, Rejected> {
        let malformed = |_| Rejected::Malformed;
        let header = jsonwebtoken::decode_header(token).map_err(malformed)?;
        if header.crit.is_some() || header.extras.inner().contains_key("crit") {
            return Err(Rejected::Critical);
        }
        let key = match &header.kid {
            Some(kid) if !self.named.is_empty() => self.named.iter().find(|(name, _)| name == kid).map(|(_, key)| key),
            _ => self.key.as_ref(),
        };
        let key = key.ok_or(Rejected::KeyId)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(malformed)?.claims;
        self.check(claims, now)
    }

    fn in_time(&self, exp: Option<f64>, nbf: Option<f64>, now: OffsetDateTime) -> Result<(), Rejected> {
        let now = now.unix_timestamp_nanos() as f64 / 1e9;
        if exp.map_or(self.require_exp, |exp| now >= exp) {
            return Err(Rejected::Expired);
        }
        if nbf.is_some_and(|nbf| now < nbf) {
            return Err(Rejected::TooEarly);
        }
        Ok(())
    }

    fn check(&self, claims: Claims, now: OffsetDateTime) -> Result<Good, Rejected> {
        let meant = match &claims.aud {
            Some(Audience::One(aud)) => aud == AUDIENCE,
            Some(Audience::Many(all)) => all.iter().any(|aud| aud == AUDIENCE),
            None => false,
        };
        if !meant {
            return Err(Rejected::Audience);
        }
        let Claims { exp, nbf, sub, cfg, .. } = claims;
        self.in_time(exp, nbf, now)?;
        let subject = match sub {
            Some(SubjectClaim::Number(id)) => Subject::Access(id),
            Some(SubjectClaim::Text(text)) if text == "D" => Subject::Grant(grant(cfg)?),
            Some(SubjectClaim::Text(text)) if text.bytes().all(|b| b.is_ascii_digit()) => {
                Subject::Access(text.parse().map_err(|_beyond_32_bits| Rejected::Subject)?)
            }
            _ => return Err(Rejected::Subject),
        };
        Ok(Good { subject, exp, nbf })
    }

    /// Signs a token that is valid for `ttl_seconds` from `now`.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub fn sign(&self, issue: &Issue, now: OffsetDateTime, ttl_seconds: u32) -> Result<String, KeyError> {
        #[derive(Serialize)]
        struct Out<'a> {
            aud: [&'static str; 1],
            sub: serde_json::Value,
            exp: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            cfg: Option<CfgOut<'a>>,
        }
        #[derive(Serialize)]
        struct CfgOut<'a> {
            customer_id: u32,
            account_ids: &'a [u32],
            allowed_ips: &'a [String],
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            debug: bool,
        }
        let (sub, cfg) = match issue {
            Issue::Access(id) => ((*id).into(), None),
            Issue::Grant { customer_id, account_ids, allowed_ips, debug } => {
                ("D".into(), Some(CfgOut { customer_id: *customer_id, account_ids, allowed_ips, debug: *debug }))
            }
        };
        let claims = Out { aud: [AUDIENCE], sub, exp: now.unix_timestamp() + i64::from(ttl_seconds), cfg };
        let key = self.signing.as_ref().ok_or(KeyError::NoPrivateKey)?;
        let header = Header { kid: self.kid.clone(), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, &claims, key).map_err(KeyError::Sign)
    }
}

fn grant(cfg: Option<CfgClaim>) -> Result<Grant, Rejected> {
    let Some(CfgClaim::Good(cfg)) = cfg else { return Err(Rejected::Subject) };
    Ok(Grant {
        customer_id: cfg.customer_id,
        account_ids: cfg.account_ids.unwrap_or_default(),
        allowed_ips: networks(&cfg.allowed_ips.unwrap_or_default()).ok_or(Rejected::Subject)?,
        debug: cfg.debug.unwrap_or_default(),
    })
}

/// Reads a list of networks; `None` if one of them is none: a list that cannot be read allows nobody.
pub fn networks(list: &[String]) -> Option<Vec<IpNet>> {
    list.iter().map(|entry| net::parse_net(entry)).collect()
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
