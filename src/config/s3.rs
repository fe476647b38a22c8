//! The form of what stores of S3 are told: addresses, regions, keys. The client of stores panics at others, so all of them are
//! looked at when the settings are read.

use super::S3;
use super::aws::AwsEnvironment;

/// True for a URL of this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The reason for which files cannot go to a store with these keys, if there is one.
pub(super) fn fault_of_keys(s3: &S3, aws: &AwsEnvironment) -> Option<&'static str> {
    let has = |name: &str| aws.get(name).is_some();
    let own = (!s3.access_key_id.is_empty(), !s3.secret_access_key.expose().is_empty());
    let common = (has("AWS_ACCESS_KEY_ID"), has("AWS_SECRET_ACCESS_KEY"));
    let is_asked = aws.has_role() || (s3.endpoint.is_none() && aws.may_ask_machine());
    match (own, common) {
        ((true, true), _) if !is_word(&s3.access_key_id) || !is_word(s3.secret_access_key.expose()) => {
            Some("expected an id and a key of letters, digits and marks of ASCII, without spaces")
        }
        ((true, true), _) | ((false, false), (true, true)) => None,
        ((true, false), _) => Some("needs s3.secret_access_key_file, or s3.secret_access_key"),
        ((false, true), _) => Some("needed with s3.secret_access_key"),
        ((false, false), (true, false) | (false, true)) => {
            Some("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed both")
        }
        ((false, false), (false, false)) if is_asked => None,
        ((false, false), (false, false)) => Some(
            "needed for exports.recurring with to = \"s3://…\", with s3.secret_access_key_file; or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    }
}

/// The form of a region.
pub(super) const REGION: &str = "expected a region of letters, digits and -_., such as eu-central-1";

/// True for a text that can stand in a signature and in a host's name.
pub(super) fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// True for a text that can stand in a header.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The host of a store's address, if it has one and everything else of it reads. The client of stores panics at others.
pub(super) fn store_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Within brackets there are colons too.
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[end..].rfind(':') {
        Some(at) => (&authority[..end + at], Some(&authority[end + at + 1..])),
        None => (authority, None),
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0);
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len()) && label.bytes().all(is_letter)
    };
    // A last label that is a number makes the whole an address.
    let is_number = |label: &str| {
        let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
        label.bytes().all(|byte| byte.is_ascii_digit())
            || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_name = || {
        let last = name.rsplit('.').next().unwrap_or_default();
        name.len() <= 253 && name.split('.').all(is_label) && !is_number(last)
    };
    let reads = is_word(url) && url.parse::<http::Uri>().is_ok();
    (reads && port.is_none_or(is_port) && (is_address(host) || is_name())).then_some(host)
}

/// True for an IP address, of the newer kind in brackets.
pub(super) fn is_address(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// Variables of Amazon's that would be used with a store, and that make no header or address; their values stay out of it.
pub(super) fn faults_of_aws(s3: &S3, aws: &AwsEnvironment) -> Vec<(&'static str, &'static str)> {
    const WORD: &str = "expected letters, digits and marks of ASCII, without spaces and line ends";
    const PATH: &str = "expected a path without line ends";
    let mut faults = Vec::new();
    let mut look = |name: &'static str, is_right: fn(&str) -> bool, what: &'static str| {
        if aws.get(name).is_some_and(|text| !is_right(text)) {
            faults.push((name, what));
        }
    };
    if s3.region.is_empty() {
        let name = if aws.get("AWS_REGION").is_some() { "AWS_REGION" } else { "AWS_DEFAULT_REGION" };
        look(name, is_region, REGION);
    }
    if !s3.access_key_id.is_empty() {
        return faults;
    }
    let has_keys = aws.get("AWS_ACCESS_KEY_ID").is_some() || aws.get("AWS_SECRET_ACCESS_KEY").is_some();
    let words: &[&'static str] = match has_keys {
        true => &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        false => &[
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        ],
    };
    words.iter().for_each(|name| look(name, is_word, WORD));
    if !has_keys {
        for name in ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            look(name, |text| !text.contains(char::is_control), PATH);
        }
        for name in ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"] {
            look(name, |text| !is_word(text) || store_host(text).is_some(), "expected http://host:port/path");
        }
        let path = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        look(path, |text| !is_word(text) || text.starts_with('/'), "expected /path");
    }
    faults
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use crate::config::load::Sources;
    use crate::config::load::tests::faults;

    #[test]
    fn a_store_needs_both_halves_of_a_key_and_an_address_that_keeps_calls_to_itself() {
        const KEY: &str = "k3y/of+the=store";
        let recurring =
            r#"[{"name":"a","customer":5,"report":"origination-cdrs","every":"month","to":"s3://bucket/x"}]"#;
        let load = |more: &[(&str, &str)]| {
            let own = [("CDRSCOPE_EXPORTS_DIR", "x"), ("CDRSCOPE_EXPORTS_RECURRING", recurring)];
            let env = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Sources { env, ..Sources::default() }
        };
        let (endpoint, id) =
            (("CDRSCOPE_S3_ENDPOINT", "https://s3.example.net"), ("CDRSCOPE_S3_ACCESS_KEY_ID", "AKIA1"));
        let key = ("CDRSCOPE_S3_SECRET_ACCESS_KEY", KEY);
        let (aws_id, aws_key) = (("AWS_ACCESS_KEY_ID", "AKIA2"), ("AWS_SECRET_ACCESS_KEY", KEY));
        let off = ("AWS_EC2_METADATA_DISABLED", "true");
        let role = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
        for good in [&[endpoint, id, key][..], &[endpoint, aws_id, aws_key], &[id, key, aws_id], &[], &[endpoint, role]]
        {
            let config = load(good).load().unwrap();
            assert!(!format!("{config:?}").contains(KEY));
        }
        for (bad, fault) in [
            (&[endpoint][..], "s3.access_key_id: needed for exports.recurring"),
            (&[off], "s3.access_key_id: needed for exports.recurring"),
            (&[id, aws_id, aws_key], "s3.access_key_id: needs s3.secret_access_key_file"),
            (&[key], "s3.access_key_id: needed with"),
            (&[aws_id], "s3.access_key_id: AWS_ACCESS_KEY_ID and"),
            (&[aws_key], "s3.access_key_id: AWS_ACCESS_KEY_ID and"),
            (&[("CDRSCOPE_S3_ACCESS_KEY_ID", "a b"), key], "s3.access_key_id: expected an id"),
            (&[id, ("CDRSCOPE_S3_SECRET_ACCESS_KEY", "two\nlines")], "s3.access_key_id: expected an id"),
            (&[id, key, ("CDRSCOPE_S3_REQUEST_SECONDS", "0")], "s3.request_seconds: expected 1 to 3600"),
        ] {
            let found = faults(&load(bad));
            assert!(found.len() == 1 && found[0].starts_with(fault) && !found[0].contains(KEY), "{bad:?}: {found:?}");
        }
        let at = |url: &str, allow: &str| {
            let load = load(&[id, key, ("CDRSCOPE_S3_ENDPOINT", url), ("CDRSCOPE_S3_ALLOW_HTTP", allow)]);
            load.load().err().map(|faults| faults.to_string())
        };
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost", "https://10.0.0.1/s3"] {
            assert_eq!(at(url, "false"), None, "{url}");
        }
        for url in ["http://10.0.0.1:9000", "http://localhost.example.net", "http://127.0.0.1.example.net:9000"] {
            assert!(at(url, "false").unwrap().starts_with("s3.endpoint: is http:// on another machine"), "{url}");
            assert_eq!(at(url, "true"), None, "{url}");
        }
        for url in ["s3.example.net", "https://id:key@s3.example.net", "https://s3.example.net/?x", "ftp://x"] {
            assert!(at(url, "true").unwrap().contains("s3.endpoint: expected https://host:port"), "{url}");
        }
        for url in [
            "https://host:99999",
            "https://host:0",
            "https://host:",
            "https://a..b",
            "https://[::g]",
            "https://1.2.3",
            "https://h\u{f6}st",
            "https://host/\n",
        ] {
            assert!(
                at(url, "true").unwrap().contains("s3.endpoint: expected https://host:port with a host's name"),
                "{url}"
            );
        }
        let flags = vec![("s3.secret_access_key", KEY.to_owned())];
        let found = faults(&Sources { flags, ..Sources::default() });
        assert!(found[0].contains("--s3-secret-access-key") && !found[0].contains(KEY), "{found:?}");
    }

    #[test]
    fn what_makes_no_header_and_no_address_is_told_by_its_name() {
        let recurring = r#"[{"name":"a","customer":5,"report":"origination-cdrs","every":"month","to":"s3://bucket"}]"#;
        let found = |more: &[(&str, &str)]| {
            let own = [("CDRSCOPE_EXPORTS_DIR", "x"), ("CDRSCOPE_EXPORTS_RECURRING", recurring)];
            let env = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Sources { env, ..Sources::default() }.load().err().map_or_else(Vec::new, |error| {
                error.to_string().lines().map(|line| line.trim().to_owned()).filter(|line| line.contains(':')).collect()
            })
        };
        let (id, key) = (("AWS_ACCESS_KEY_ID", "AKIA2"), ("AWS_SECRET_ACCESS_KEY", "k/+="));
        for bad in ["hush\n", "hush\u{e9}", "hush hush", "hush\0", " "] {
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
                let all: Vec<_> =
                    [id, key].into_iter().filter(|(other, _)| *other != name).chain([(name, bad)]).collect();
                let found = found(&all);
                assert!(
                    found.len() == 1 && found[0].contains(&format!("{name}: expected ")),
                    "{name} {bad:?}: {found:?}"
                );
                assert!(!found[0].contains("hush"), "{found:?}");
            }
            let found = found(&[id, key, ("CDRSCOPE_S3_REGION", bad)]);
            assert!(found.len() == 1 && found[0].contains("s3.region: expected a region"), "{bad:?}: {found:?}");
        }
        let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
        for (name, bad) in [
            ("AWS_DEFAULT_REGION", "eu\n"),
            ("AWS_ROLE_ARN", "arn\n"),
            ("AWS_ROLE_SESSION_NAME", "a b"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/x\n"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/x\n"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ":99999/x"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://host:99999/x"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://host/x\n"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://1.2.3"),
        ] {
            let all: Vec<_> = [role].into_iter().filter(|(other, _)| *other != name).chain([(name, bad)]).collect();
            let found = found(&all);
            assert!(found.len() == 1 && found[0].contains(&format!("{name}: expected ")), "{name} {bad:?}: {found:?}");
        }
        // None of what is not used.
        let own = [("CDRSCOPE_S3_ACCESS_KEY_ID", "AKIA1"), ("CDRSCOPE_S3_SECRET_ACCESS_KEY", "k/+=")];
        let region = ("CDRSCOPE_S3_REGION", "eu-west-1");
        assert_eq!(found(&[own[0], own[1], region, ("AWS_REGION", "x\n"), ("AWS_SESSION_TOKEN", "x\n")]), [""; 0]);
        let pod = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials?a=%20");
        assert_eq!(found(&[role, pod, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]/")]), [""; 0]);
        let front = ("CDRSCOPE_S3_PATH_STYLE", "false");
        for (endpoint, is_right) in
            [("https://10.0.0.1:9000", false), ("https://[::1]", false), ("https://s3.net:9000", true)]
        {
            let found = found(&[id, key, front, ("CDRSCOPE_S3_ENDPOINT", endpoint)]);
            assert_eq!(found.iter().any(|fault| fault.contains("s3.path_style: is false")), !is_right, "{found:?}");
            assert_eq!(found.len(), usize::from(!is_right), "{found:?}");
        }
    }
}
