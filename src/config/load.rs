//! Merges the sources of settings and reports every fault at once, each with the place where it stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::aws::AwsEnvironment;
use super::recurring::ExportPlace;
use super::s3::{REGION, fault_of_keys, faults_of_aws, is_address, is_loopback, is_region, store_host};
use super::value::Secret;
use super::{Algorithm, Config, KEYS, Setting, secrets};

/// One thing wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SettingFault {
    /// `cdrscope.toml:3`, `CDRSCOPE_HTTP_LISTEN` or `--http-listen`.
    pub place: String,
    /// The fault.
    pub what: String,
}

/// All that is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<SettingFault>);

/// Where settings come from, besides their defaults.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file named by `--config`.
    pub file: Option<PathBuf>,
    /// The environment; only names that begin with `CDRSCOPE_` are looked at, and those of [`AwsEnvironment`].
    pub env: BTreeMap<String, String>,
    /// Flags, as (key, text).
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// Merges and checks.
    ///
    /// # Errors
    /// Every fault of every source.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let mut faults = Vec::new();
        if let Some(path) = &self.file {
            read_file(path, &mut config, &mut faults);
        }
        read_env(&self.env, &mut config, &mut faults);
        for (name, text) in &self.flags {
            let key = KEYS.iter().find(|key| key.name == *name);
            let place = format!("--{}", key.map_or_else(String::new, Setting::flag));
            match key.filter(|key| key.secret) {
                Some(key) => faults.push(SettingFault { place, what: no_flag(key) }),
                None => apply(&mut config, &mut faults, name, text, place),
            }
        }
        read_secret(config.auth.secret_file.as_deref(), &mut config.auth.secret, "auth.secret_file", &mut faults);
        read_secret(
            config.operator.secret_file.as_deref(),
            &mut config.operator.secret,
            "operator.secret_file",
            &mut faults,
        );
        let password_file = config.clickhouse.password_file.as_deref();
        read_secret(password_file, &mut config.clickhouse.password, "clickhouse.password_file", &mut faults);
        if let Some(path) = &config.auth.secrets_file {
            match secrets::lines(path) {
                Ok(found) => config.auth.secrets = found,
                Err(e) => faults.push(unread("auth.secrets_file", path, &e)),
            }
        }
        let key_file = config.s3.secret_access_key_file.as_deref();
        read_secret(key_file, &mut config.s3.secret_access_key, "s3.secret_access_key_file", &mut faults);
        config.aws = AwsEnvironment::of(&self.env);
        read_secret(config.metrics.token_file.as_deref(), &mut config.metrics.token, "metrics.token_file", &mut faults);
        check(&config, &mut faults);
        if faults.is_empty() { Ok(config) } else { Err(ConfigError(faults)) }
    }
}

fn apply(config: &mut Config, faults: &mut Vec<SettingFault>, name: &str, text: &str, place: String) {
    match config.set(name, text) {
        Some(Ok(())) => {}
        Some(Err(expected)) => faults.push(SettingFault { place, what: format!("bad value for {name}: {expected}") }),
        None => faults.push(SettingFault { place, what: format!("unknown setting {name}") }),
    }
}

/// `CDRSCOPE_CONFIG` names the file, `CDRSCOPE_LOG` the log filter, and `CDRSCOPE_TOKEN` is what `export` asks a service with: all are
/// read by the command line.
const NOT_SETTINGS: &[&str] = &["CDRSCOPE_CONFIG", "CDRSCOPE_LOG", "CDRSCOPE_TOKEN"];

fn read_env(env: &BTreeMap<String, String>, config: &mut Config, faults: &mut Vec<SettingFault>) {
    for (name, text) in env {
        if !name.starts_with("CDRSCOPE_") || NOT_SETTINGS.contains(&name.as_str()) || name.starts_with("CDRSCOPE_TEST_")
        {
            continue;
        }
        match KEYS.iter().find(|key| key.env() == *name) {
            Some(key) => apply(config, faults, key.name, text, name.clone()),
            None => faults.push(SettingFault { place: name.clone(), what: "unknown setting".into() }),
        }
    }
}

fn read_file(path: &Path, config: &mut Config, faults: &mut Vec<SettingFault>) {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => return faults.push(SettingFault { place: name, what: format!("cannot read it: {e}") }),
    };
    let place = |at: usize| format!("{name}:{}", 1 + text[..at.min(text.len())].matches('\n').count());
    let table = match DeTable::parse(&text) {
        Ok(table) => table,
        Err(e) => {
            let at = e.span().map_or(0, |span| span.start);
            return faults.push(SettingFault { place: place(at), what: e.message().to_owned() });
        }
    };
    // A table keeps no order; faults are listed as they stand in the file.
    let mut sections: Vec<_> = table.get_ref().iter().collect();
    sections.sort_by_key(|(section, _)| section.span().start);
    for (section, value) in sections {
        let section_name = section.get_ref();
        let Some(keys) = value.get_ref().as_table() else {
            let what = format!("unknown setting {section_name}: settings stand in sections");
            faults.push(SettingFault { place: place(section.span().start), what });
            continue;
        };
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in keys {
            let full = format!("{section_name}.{}", key.get_ref());
            let at = place(key.span().start);
            let text = if full == "exports.recurring" { Some(json_of(value.get_ref())) } else { None };
            match text.or_else(|| text_of(value.get_ref())) {
                Some(text) => apply(config, faults, &full, &text, at),
                None => faults.push(SettingFault {
                    place: at,
                    what: format!("bad value for {full}: expected text, a number, true, false or a list"),
                }),
            }
        }
    }
}

/// True for a settings file that holds a secret itself.
pub fn holds_secret(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let Ok(table) = DeTable::parse(&text) else { return false };
    let value = |key: &Setting| {
        let (section, name) = key.name.split_once('.')?;
        text_of(table.get_ref().get(section)?.get_ref().as_table()?.get(name)?.get_ref())
    };
    KEYS.iter().filter(|key| key.secret).any(|key| value(key).is_some_and(|text| !text.is_empty()))
}

/// A TOML value as the text that the environment would hold.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| text_of(item.get_ref())).collect();
            items.map(|items| items.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// A value with tables in it, as JSON.
fn json_of(value: &DeValue<'_>) -> String {
    fn of(value: &DeValue<'_>) -> serde_json::Value {
        match value {
            DeValue::Array(items) => items.iter().map(|item| of(item.get_ref())).collect(),
            DeValue::Table(table) => {
                table.iter().map(|(key, value)| (key.get_ref().to_string(), of(value.get_ref()))).collect()
            }
            DeValue::Integer(number) => number.to_string().parse().map_or(serde_json::Value::Null, |n: i64| n.into()),
            DeValue::Boolean(flag) => (*flag).into(),
            other => text_of(other).into(),
        }
    }
    match value {
        DeValue::String(text) => text.to_string(),
        other => of(other).to_string(),
    }
}

/// Every user of a machine can read the command lines of all its processes.
fn no_flag(key: &Setting) -> String {
    format!(
        "a secret on the command line can be read by everybody on this machine: set {}, or {} (--{}-file) to a file that holds it",
        key.env(),
        key.file(),
        key.flag()
    )
}

fn read_secret(path: Option<&Path>, secret: &mut Secret, key: &str, faults: &mut Vec<SettingFault>) {
    let Some(path) = path else { return };
    match secrets::read(path) {
        Ok(found) => *secret = found,
        Err(e) => faults.push(unread(key, path, &e)),
    }
}

fn unread(key: &str, path: &Path, why: &std::io::Error) -> SettingFault {
    SettingFault { place: key.into(), what: format!("cannot read {}: {why}", path.display()) }
}

/// True for `http://host:port/path`. Whatever has an `@`, a query or a fragment may hold a password.
fn is_plain_url(url: &str) -> bool {
    let web = url.starts_with("http://") || url.starts_with("https://");
    web && !url.contains(['@', '?', '#', '\\'])
}

/// Rules between settings, and ranges that a type does not express.
fn check(config: &Config, faults: &mut Vec<SettingFault>) {
    let mut require = |holds: bool, place: &str, what: &str| {
        if !holds {
            faults.push(SettingFault { place: place.into(), what: what.into() });
        }
    };
    if let Some(url) = &config.clickhouse.url {
        require(
            is_plain_url(url),
            "clickhouse.url",
            "expected http://host:port or https://host:port; user and password stand in clickhouse.user and clickhouse.password_file",
        );
    }
    require(
        super::value::is_identifier(&config.clickhouse.database),
        "clickhouse.database",
        "expected a name of letters, digits and underscores",
    );
    let own = Some(&config.auth.secret).filter(|secret| !secret.expose().is_empty());
    let faulty = own.and_then(secrets::fault);
    require(faulty.is_none(), "auth.secret", faulty.unwrap_or_default());
    let faulty = config.auth.secrets.iter().find_map(secrets::fault);
    require(faulty.is_none(), "auth.secrets", faulty.unwrap_or_default());
    let operator = &config.operator;
    let own = Some(&operator.secret).filter(|secret| !secret.expose().is_empty());
    let faulty = own.and_then(secrets::fault);
    require(faulty.is_none(), "operator.secret", faulty.unwrap_or_default());
    let is_shared = own.is_some_and(|own| secrets::of(&config.auth).any(|other| other.expose() == own.expose()));
    require(
        !is_shared,
        "operator.secret",
        "is one of auth.secrets: whoever signs customers' tokens would be the operator",
    );
    let is_shared = operator.public_key_file.is_some() && operator.public_key_file == config.auth.public_key_file;
    require(
        !is_shared,
        "operator.public_key_file",
        "is that of auth: whoever signs customers' tokens would be the operator",
    );
    require(
        operator.algorithm == Algorithm::Hs256 || operator.public_key_file.is_some(),
        "operator.algorithm",
        "RS256 and ES256 need operator.public_key_file",
    );
    require(
        config.http.operator_listen.is_none() || operator.is_on(),
        "http.operator_listen",
        "needs operator.secret_file or operator.public_key_file",
    );
    let whole = !config.clickhouse.password.expose().contains('\0');
    require(whole, "clickhouse.password", "holds a zero byte: it was not written whole");
    if config.auth.algorithm != Algorithm::Hs256 {
        let named = config.auth.public_key_file.is_some() || !config.auth.public_keys.is_empty();
        require(named, "auth.algorithm", "RS256 and ES256 need auth.public_key_file");
    }
    let token = config.metrics.token.expose();
    require(
        !config.metrics.enabled || !token.is_empty(),
        "metrics.enabled",
        "needs a token in metrics.token or metrics.token_file",
    );
    require(
        token.is_empty() || (token.len() >= 16 && token.bytes().all(|b| b.is_ascii_graphic())),
        "metrics.token",
        "expected 16 or more letters, digits and marks of ASCII, without spaces",
    );
    require((1..=1440).contains(&config.metrics.window_minutes), "metrics.window_minutes", "expected 1 to 1440");
    require(config.metrics.fresh_seconds > 0, "metrics.fresh_seconds", "expected 1 or more");
    require(config.auth.token_ttl_seconds > 0, "auth.token_ttl_seconds", "expected 1 or more");
    let exports = &config.exports;
    require(
        exports.dir.is_some() || exports.recurring.0.is_empty(),
        "exports.recurring",
        "needs exports.dir, where files are written and it is noted which are made",
    );
    require(
        exports.dir.is_none() || exports.concurrent > 1,
        "exports.dir",
        "needs exports.concurrent of 2 or more: one is left to those who wait for their files",
    );
    if let Some(endpoint) = &config.s3.endpoint {
        require(
            is_plain_url(endpoint),
            "s3.endpoint",
            "expected https://host:port, keys stand in s3.access_key_id and s3.secret_access_key_file",
        );
        require(
            config.s3.allow_http || endpoint.starts_with("https://") || is_loopback(endpoint),
            "s3.endpoint",
            "is http:// on another machine, so files of calls would travel in clear: use https://, or set s3.allow_http = true",
        );
        require(
            !is_plain_url(endpoint) || store_host(endpoint).is_some(),
            "s3.endpoint",
            "expected https://host:port with a host's name or address, a port from 1 to 65535",
        );
        require(
            config.s3.path_style || store_host(endpoint).is_none_or(|host| !is_address(host)),
            "s3.path_style",
            "is false, but no bucket's name can stand in front of the IP address in s3.endpoint",
        );
    }
    require(config.s3.region.is_empty() || is_region(&config.s3.region), "s3.region", REGION);
    let has_store = exports.recurring.0.iter().any(|one| matches!(one.to, ExportPlace::Bucket { .. }));
    let faulty = Some(&config.s3).filter(|_| has_store).and_then(|s3| fault_of_keys(s3, &config.aws));
    require(faulty.is_none(), "s3.access_key_id", faulty.unwrap_or_default());
    if has_store {
        for (name, what) in faults_of_aws(&config.s3, &config.aws) {
            require(false, name, what);
        }
    }
    let day = 86_400;
    // Far beyond what makes sense, and far from where a type ends: of a semaphore, of bytes in 64 bits, of three periods.
    for (place, value, least, most) in [
        ("http.workers", config.http.workers as u64, 0, 512),
        ("http.max_connections", config.http.max_connections as u64, 1, 1_000_000),
        ("http.max_connections_per_address", config.http.max_connections_per_address as u64, 1, 1_000_000),
        ("http.head_seconds", config.http.head_seconds.into(), 1, 600),
        ("http.keep_alive_seconds", config.http.keep_alive_seconds.into(), 1, day),
        ("http.strangers_per_second", config.http.strangers_per_second.into(), 0, 1_000_000),
        ("http.write_seconds", config.http.write_seconds.into(), 1, day),
        ("limits.response_mb", config.limits.response_mb as u64, 1, 1 << 24),
        ("http.hsts_seconds", config.http.hsts_seconds.into(), 0, 10 * 366 * day),
        ("auth.session_seconds", config.auth.session_seconds.into(), 1, 366 * day),
        ("accounts.refresh_seconds", config.accounts.refresh_seconds.into(), 1, day),
        ("active_calls.period_seconds", config.active_calls.period_seconds.into(), 1, day),
        ("cache.size_mb", config.cache.size_mb, 0, 1 << 24),
        ("checks.every_seconds", config.checks.every_seconds.into(), 1, day),
        // In seconds it has to fit the type of a duration.
        ("checks.max_duration_days", config.checks.max_duration_days.into(), 1, 20_000),
        ("http.temp_mb", config.http.temp_mb as u64, 1, 1 << 24),
        ("http.body_seconds", config.http.body_seconds.into(), 1, day),
        ("limits.max_points", config.limits.max_points, 1, 1_000_000),
        ("limits.max_points_per_request", config.limits.max_points_per_request, 1, 100_000_000),
        // ClickHouse takes a thousand values at most in some places.
        ("limits.max_list_values", config.limits.max_list_values as u64, 1, 1000),
        ("limits.query_seconds", config.limits.query_seconds.into(), 1, day),
        ("limits.concurrent_queries", config.limits.concurrent_queries as u64, 1, 100_000),
        ("limits.queries_per_customer", config.limits.queries_per_customer as u64, 0, 100_000),
        ("exports.concurrent", config.exports.concurrent as u64, 1, 1000),
        ("exports.per_customer", config.exports.per_customer as u64, 1, 1000),
        ("exports.max_rows", config.exports.max_rows, 1, 1_000_000_000_000),
        ("exports.seconds", config.exports.seconds.into(), 1, day),
        ("exports.jobs", config.exports.jobs as u64, 1, 64),
        ("exports.jobs_per_customer", config.exports.jobs_per_customer as u64, 1, 100),
        ("exports.job_rows", config.exports.job_rows, 1, 1_000_000_000_000),
        ("exports.job_seconds", config.exports.job_seconds.into(), 1, day),
        ("exports.keep_hours", config.exports.keep_hours.into(), 1, 24 * 366),
        ("exports.keep_mb", config.exports.keep_mb, 1, 1 << 40),
        ("exports.keep_mb_per_customer", config.exports.keep_mb_per_customer, 0, 1 << 40),
        ("limits.queue_seconds", config.limits.queue_seconds.into(), 0, day),
        ("s3.request_seconds", config.s3.request_seconds.into(), 1, 3600),
    ] {
        require((least..=most).contains(&value), place, &format!("expected {least} to {most}"));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cdrscope.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    pub(in crate::config) fn faults(sources: &Sources) -> Vec<String> {
        sources
            .load()
            .unwrap_err()
            .0
            .iter()
            .map(|f| format!("{}: {}", f.place.rsplit('/').next().unwrap(), f.what))
            .collect()
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let (_dir, path) = file("[limits]\nquery_seconds = 1\nmax_buckets = 1\nqueue_seconds = 1\n");
        let env = [("CDRSCOPE_LIMITS_MAX_BUCKETS", "2"), ("CDRSCOPE_LIMITS_QUEUE_SECONDS", "2"), ("HOME", "x")];
        let sources = Sources {
            file: Some(path),
            env: env.map(|(k, v)| (k.into(), v.into())).into(),
            flags: vec![("limits.queue_seconds", "3".into())],
        };
        let limits = sources.load().unwrap().limits;
        assert_eq!((limits.query_seconds, limits.max_buckets, limits.queue_seconds), (1, 2, 3));
    }

    #[test]
    fn every_fault_is_listed_with_its_place() {
        let (_dir, path) = file("[http]\nlisten = \"nowhere\"\nport = 1\n\n[nothing]\nx = 1\n");
        let sources = Sources {
            file: Some(path),
            env: [("CDRSCOPE_HTTP_LISTN".into(), "x".into()), ("CDRSCOPE_REPORTS_ACD_UNIT".into(), "hours".into())]
                .into(),
            flags: vec![("limits.query_seconds", "soon".into())],
        };
        insta::assert_snapshot!(faults(&sources).join("\n"), @r"
        cdrscope.toml:2: bad value for http.listen: expected an address and port such as 127.0.0.1:8080
        cdrscope.toml:3: unknown setting http.port
        cdrscope.toml:6: unknown setting nothing.x
        CDRSCOPE_HTTP_LISTN: unknown setting
        CDRSCOPE_REPORTS_ACD_UNIT: bad value for reports.acd_unit: expected one of: minutes, seconds
        --limits-query-seconds: bad value for limits.query_seconds: expected a whole number
        ");
    }

    #[test]
    fn lists_are_arrays_in_the_file_and_commas_elsewhere() {
        let (_dir, path) = file("[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]\n");
        let config = Sources { file: Some(path), ..Sources::default() }.load().unwrap();
        assert_eq!(config.http.trusted_proxies.len(), 2);
    }

    #[test]
    fn a_syntax_error_and_an_unreadable_secret_name_their_place() {
        let (_dir, path) = file("[http\n");
        assert!(faults(&Sources { file: Some(path), ..Sources::default() })[0].starts_with("cdrscope.toml:1: "));
        let flags = vec![("auth.secret_file", "/nonexistent/secret".to_owned())];
        let found = faults(&Sources { flags, ..Sources::default() });
        assert!(found[0].contains("cannot read /nonexistent/secret"), "{found:?}");
    }

    #[test]
    fn metrics_need_a_token_that_can_stand_in_a_header() {
        let dir = tempfile::tempdir().unwrap();
        let (good, empty) = (dir.path().join("good"), dir.path().join("empty"));
        std::fs::write(&good, "0123456789abcdef\n").unwrap();
        std::fs::write(&empty, "\n").unwrap();
        let variable = |name: &str| KEYS.iter().find(|key| key.name == name).unwrap().env();
        let flags = |set: &[(&'static str, &str)]| Sources {
            env: set.iter().map(|(name, text)| (variable(name), (*text).to_owned())).collect(),
            ..Sources::default()
        };
        let enabled = ("metrics.enabled", "true");
        let file = |path: &Path| path.display().to_string();
        for (more, fault) in [
            (None, "metrics.enabled: needs a token in metrics.token or metrics.token_file"),
            (
                Some(("metrics.token_file", file(&empty))),
                "metrics.enabled: needs a token in metrics.token or metrics.token_file",
            ),
            (Some(("metrics.token", "0123456789abcde".into())), "metrics.token: expected 16 or more"),
            (Some(("metrics.token", "0123456789 abcdef".into())), "metrics.token: expected 16 or more"),
        ] {
            let all: Vec<_> = [enabled].into_iter().chain(more.as_ref().map(|(k, v)| (*k, v.as_str()))).collect();
            let found = faults(&flags(&all));
            assert!(found.len() == 1 && found[0].starts_with(fault), "{found:?}");
        }
        let config = flags(&[enabled, ("metrics.token_file", &file(&good))]).load().unwrap();
        assert_eq!(config.metrics.token.expose(), "0123456789abcdef");
        for bad in ["yes", "true,false", "7fae7f26-6d0c-4dce-a4b5-9bd5f0f1a717,", "7fae7f26"] {
            assert_eq!(faults(&flags(&[("metrics.accounts", bad)])).len(), 1, "{bad}");
        }
        for (name, bad) in
            [("metrics.window_minutes", "0"), ("metrics.window_minutes", "1441"), ("metrics.fresh_seconds", "0")]
        {
            assert!(faults(&flags(&[(name, bad)]))[0].starts_with(name), "{bad}");
        }
    }

    #[test]
    fn numbers_have_the_bounds_that_the_program_has() {
        for (key, least, most) in [
            ("limits.concurrent_queries", 1, 100_000),
            ("limits.query_seconds", 1, 86_400),
            ("limits.max_list_values", 1, 1000),
            ("limits.queue_seconds", 0, 86_400),
            ("limits.max_points", 1, 1_000_000),
            ("limits.max_points_per_request", 1, 100_000_000),
            ("http.body_seconds", 1, 86_400),
            ("cache.size_mb", 0, 1 << 24),
            ("http.workers", 0, 512),
            ("checks.every_seconds", 1, 86_400),
            ("checks.max_duration_days", 1, 20_000),
            ("active_calls.period_seconds", 1, 86_400),
            ("accounts.refresh_seconds", 1, 86_400),
        ] {
            let load = |n: u64| Sources { flags: vec![(key, n.to_string())], ..Sources::default() };
            for within in [least, most] {
                assert!(load(within).load().is_ok(), "{key} = {within}");
            }
            for beyond in [most + 1, u64::from(u32::MAX), u64::MAX >> 1].into_iter().chain(least.checked_sub(1)) {
                let found = faults(&load(beyond));
                let wanted = format!("{key}: expected {least} to {most}");
                // Beyond 32 bits some are no number at all.
                assert!(found == [wanted] || (beyond > u64::from(u32::MAX) && found.len() == 1), "{beyond}: {found:?}");
            }
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        for (name, place) in [("CDRSCOPE_AUTH_SECRET", "auth.secret"), ("CDRSCOPE_AUTH_SECRETS", "auth.secrets")] {
            let text = format!("short,{}", "x".repeat(25));
            let found = faults(&Sources { env: [(name.into(), text)].into(), ..Sources::default() });
            assert!(found[0].starts_with(&format!("{place}: too short")), "{found:?}");
        }
    }

    #[test]
    fn no_secret_is_taken_from_a_flag() {
        for key in KEYS.iter().filter(|key| key.secret) {
            let found = faults(&Sources { flags: vec![(key.name, "hush".repeat(10))], ..Sources::default() });
            assert!(found[0].starts_with(&format!("--{}: a secret", key.flag())), "{found:?}");
            assert!(!found.concat().contains("hush"), "{found:?}");
        }
    }
}
