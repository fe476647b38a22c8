//! Secrets and the files that hold them: how they are read, read again, and what is warned of.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::load::holds_secret;
use super::value::Secret;
use super::{Algorithm, Auth, Config, files};

/// Least bytes of a secret of HS256 (RFC 7518, 3.2).
pub const SHORTEST: usize = 32;

/// Most bytes of one. A longer one is some other file, and every signature would take its time.
const LONGEST: usize = 4096;

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
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
    /// A secret that cannot be used.
    #[error("{0}: {1}")]
    Unusable(&'static str, &'static str),
    /// A file without a secret in it.
    #[error("{0}: no secret stands in the file")]
    Empty(&'static str),
}

/// Every secret of HS256 signatures: the first signs, all verify.
pub fn of(auth: &Auth) -> impl Iterator<Item = &Secret> {
    auth.secrets.iter().chain([&auth.secret]).filter(|secret| !secret.expose().is_empty())
}

/// The reason for which a text cannot be a secret of HS256, if there is one. HMAC adds zero bytes to a short key, so that a text
/// of zero bytes, which a power loss may leave of a file, would be the same as no secret at all.
pub fn fault(secret: &Secret) -> Option<&'static str> {
    let text = secret.expose();
    if text.contains('\0') {
        return Some("holds a zero byte: it was not written whole");
    }
    match text.len() {
        _ if text.trim().is_empty() => Some("only blanks"),
        ..SHORTEST => Some("too short: HS256 wants at least 32 bytes (RFC 7518, 3.2)"),
        SHORTEST..=LONGEST => None,
        _ => Some("too long: a secret has at most 4096 bytes"),
    }
}

/// The secret in a file, at the start.
///
/// # Errors
/// The file does not read.
pub fn read(path: &Path) -> std::io::Result<Secret> {
    files::text(files::read(path)?).map(one)
}

/// The secrets in a file, one a line, at the start.
///
/// # Errors
/// The file does not read.
pub fn lines(path: &Path) -> std::io::Result<Vec<Secret>> {
    files::text(files::read(path)?).map(each)
}

fn one(text: String) -> Secret {
    // Editors end a file with a newline that is not part of the secret.
    Secret::new(text.trim_end_matches(['\r', '\n']))
}

fn each(text: String) -> Vec<Secret> {
    text.lines().filter(|line| !line.is_empty()).map(Secret::new).collect()
}

/// The files that hold keys and secrets of tokens, with the settings that name them.
pub fn key_files(auth: &Auth) -> Vec<(&'static str, &Path)> {
    let files = match auth.algorithm {
        Algorithm::Hs256 => [("auth.secret_file", &auth.secret_file), ("auth.secrets_file", &auth.secrets_file)],
        Algorithm::Rs256 | Algorithm::Es256 => {
            [("auth.public_key_file", &auth.public_key_file), ("auth.private_key_file", &auth.private_key_file)]
        }
    };
    let named = auth.public_keys.iter().filter(|_| auth.algorithm != Algorithm::Hs256);
    let named = named.filter_map(|entry| Some(("auth.public_keys", Path::new(entry.split_once('=')?.1))));
    files.into_iter().filter_map(|(setting, path)| Some((setting, path.as_deref()?))).chain(named).collect()
}

/// The settings with what stands in their files now.
///
/// # Errors
/// The first file that cannot be read again, or holds a secret that does not do.
pub fn read_again(auth: &Auth) -> Result<Auth, SecretError> {
    let mut auth = auth.clone();
    let text = |setting, path: &Path| {
        let of = |source| SecretError::Read { setting, path: path.display().to_string(), source };
        files::read_again(path).and_then(files::text).map_err(of)
    };
    if let Some(path) = &auth.secret_file {
        auth.secret = one(text("auth.secret_file", path)?);
        usable("auth.secret_file", std::slice::from_ref(&auth.secret))?;
    }
    if let Some(path) = &auth.secrets_file {
        auth.secrets = each(text("auth.secrets_file", path)?);
        usable("auth.secrets_file", &auth.secrets)?;
    }
    Ok(auth)
}

fn usable(setting: &'static str, secrets: &[Secret]) -> Result<(), SecretError> {
    if secrets.iter().all(|secret| secret.expose().is_empty()) {
        return Err(SecretError::Empty(setting));
    }
    secrets.iter().find_map(fault).map_or(Ok(()), |fault| Err(SecretError::Unusable(setting, fault)))
}

/// The state of files, as far as it tells whether they have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<Option<[i128; 5]>>);

impl Fingerprint {
    /// As it is now. A file that is not there, or is a pipe or a device, has none.
    pub fn of(files: Vec<(&'static str, &Path)>) -> Self {
        let one = |(_, path): (&str, &Path)| {
            let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
            let time = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
            Some([
                file.dev().into(),
                file.ino().into(),
                file.len().into(),
                time(file.mtime(), file.mtime_nsec()),
                time(file.ctime(), file.ctime_nsec()),
            ])
        };
        Self(files.into_iter().map(one).collect())
    }
}

/// Docker mounts its secrets here, readable for every user of a container that has one.
const CONTAINER: &str = "/run/secrets";

/// Warnings about secrets and their files, `file` with the settings among them, in words for the log.
pub fn warnings(config: &Config, file: Option<&Path>) -> Vec<String> {
    let others = [
        ("clickhouse.password_file", &config.clickhouse.password_file),
        ("metrics.token_file", &config.metrics.token_file),
        ("http.tls_key_file", &config.http.tls_key_file),
        ("s3.secret_access_key_file", &config.s3.secret_access_key_file),
    ];
    let operator = config.operator.as_auth();
    let operators = key_files(&operator).into_iter().map(|(setting, path)| (of_operator(setting), path));
    let operators: Vec<(&str, &Path)> = operators.filter(|(setting, _)| !setting.contains("public")).collect();
    let others = others.into_iter().filter_map(|(setting, path)| Some((setting, path.as_deref()?)));
    let keys = key_files(&config.auth).into_iter().filter(|(setting, _)| !setting.contains("public"));
    let open = keys.chain(operators).chain(others).filter_map(|(setting, path)| open_to_others(setting, path));
    let settings = file.filter(|path| holds_secret(path)).and_then(|path| open_to_others("a secret in --config", path));
    open.chain(settings).chain(poor(config)).collect()
}

/// The operator's setting that does what one of customers' tokens does.
fn of_operator(setting: &'static str) -> &'static str {
    match setting {
        "auth.secret_file" => "operator.secret_file",
        "auth.public_key_file" => "operator.public_key_file",
        "auth.private_key_file" => "operator.private_key_file",
        other => other,
    }
}

fn open_to_others(setting: &str, path: &Path) -> Option<String> {
    let found: PathBuf = path.canonicalize().ok()?;
    let mode = std::fs::metadata(&found).ok().filter(std::fs::Metadata::is_file)?.mode() & 0o777;
    let open = mode & 0o066 != 0 && !found.starts_with(CONTAINER);
    let path = path.display();
    open.then(|| format!("{setting}: others than its owner can use {path} (mode {mode:03o}): chmod 600 {path}"))
}

/// Secrets that can be guessed, by the least bits that each kind should have. Random text of the shortest length that is allowed
/// has more.
fn poor(config: &Config) -> Vec<String> {
    let signing = match config.auth.algorithm {
        Algorithm::Hs256 => of(&config.auth).map(|secret| ("auth.secret", secret, 80.0)).collect(),
        Algorithm::Rs256 | Algorithm::Es256 => Vec::new(),
    };
    let others = [
        ("clickhouse.password", &config.clickhouse.password, 32.0),
        ("metrics.token", &config.metrics.token, 40.0),
        ("operator.secret", &config.operator.secret, 80.0),
    ];
    let all = signing.into_iter().chain(others).filter(|(_, secret, _)| !secret.expose().is_empty());
    all.filter(|(_, secret, least)| bits(secret.expose()) < *least)
        .map(|(setting, ..)| format!("{setting}: short or of few different characters, so it can be guessed: openssl rand -hex 32 makes one that cannot"))
        .collect()
}

/// Most bits of chance that a text can be taken to hold: by how often each of its characters stands in it, counted once where it
/// repeats itself or goes on in steps.
fn bits(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let repeats = |unit: &usize| bytes.iter().zip(bytes.iter().skip(*unit)).all(|(a, b)| a == b);
    let unit = (1..bytes.len()).find(repeats).unwrap_or(bytes.len());
    let Some(unit) = bytes.get(..unit) else { return 0.0 };
    // `abcdef` and `987654` are two characters and their step.
    let step = |window: &&[u8]| match window {
        [a, b, c] => i16::from(*a) - i16::from(*b) == i16::from(*b) - i16::from(*c),
        _ => false,
    };
    let steps = unit.windows(3).filter(step).count();
    let length = (unit.len() - steps) as f64;
    let mut counts = [0u32; 256];
    unit.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let share = |count: &u32| f64::from(*count) / unit.len() as f64;
    let each: f64 = counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum();
    each * length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_repeats_or_counts_up_is_poor_and_random_text_is_not() {
        for poor in [
            "",
            "a",
            &"a".repeat(64),
            &"0123456789".repeat(4),
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "secretsecretsecretsecretsecretse",
        ] {
            assert!(bits(poor) < 80.0, "{poor}: {}", bits(poor));
        }
        for _ in 0..200 {
            let random = uuid::Uuid::new_v4().simple().to_string();
            assert!(bits(&random) > 80.0, "{random}: {}", bits(&random));
            assert!(bits(&random[..16]) > 24.0, "{random}: {}", bits(&random[..16]));
        }
    }

    #[test]
    fn a_file_of_secrets_holds_one_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one, with a comma\r\n\ntwo \n").unwrap();
        let found: Vec<_> = lines(file.path()).unwrap().iter().map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(found, ["one, with a comma", "two "]);
    }

    #[test]
    fn a_file_that_is_written_replaced_or_gone_has_another_fingerprint() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let now = || Fingerprint::of(vec![("auth.secret_file", &path)]);
        let none = now();
        std::fs::write(&path, "a").unwrap();
        let first = now();
        std::fs::write(dir.path().join("other"), "b").unwrap();
        std::fs::rename(dir.path().join("other"), &path).unwrap();
        let second = now();
        assert!(none != first && first != second && second != none && second == now());
    }
}
