//! Which tokens are accepted (contract 3; RFC 8725). The keys verify at a time that is an argument, so expiry is exact.

use cdrscope::config::value::Secret;
use cdrscope::config::{Algorithm, Auth, Config};
use cdrscope::token::{Issue, Keys, Rejected, Subject};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm as Jws, EncodingKey};
use time::OffsetDateTime;

use crate::support::app::SECRET;

pub const RSA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/rsa");
pub const EC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/ec");

const SEED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOlsiY3VzdG9tZXItdjEiXSwic3ViIjozOCwiZXhwIjoxNzY3MzU4MDM1fQ.izLNaTUjdH_LreFaYBi2GTLdmE8EXFHpsLz85nsPyH8";
const SEED_SECRET: &str = "3beeee45bc938475ecba45075c53aae0f94299a83f824b25bbaf7965b4b0c60ff2b0c66c9047a026578deb5ecadabaa602891be2be66ed123a7b26876d4daddf";

pub const NOW: i64 = 1_767_358_035;

pub fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second).unwrap()
}

pub fn keys(change: impl FnOnce(&mut Auth)) -> Keys {
    let mut auth = Config::default().auth;
    auth.secret = Secret::new(SECRET);
    change(&mut auth);
    Keys::new(&auth).unwrap()
}

/// Base64 as tokens have it: the URL's alphabet, no padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * i)) as usize & 63]));
        }
    }
    text
}

/// A token of any header and payload, as text, signed with the tests' secret.
pub fn signed(header: &str, payload: &str) -> String {
    signed_with(header, payload, &EncodingKey::from_secret(SECRET.as_bytes()), Jws::HS256)
}

fn signed_with(header: &str, payload: &str, key: &EncodingKey, algorithm: Jws) -> String {
    let message = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

pub const HEADER: &str = r#"{"alg":"HS256"}"#;

/// A good payload with one claim set to some JSON text; `None` leaves it out.
pub fn with(claim: &str, value: Option<&str>) -> String {
    let good = [("aud", r#"["customer-v1"]"#.to_owned()), ("sub", "38".into()), ("exp", (NOW + 60).to_string())];
    let mut claims: Vec<String> =
        good.iter().filter(|(name, _)| *name != claim).map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    claims.extend(value.map(|value| format!(r#""{claim}":{value}"#)));
    format!("{{{}}}", claims.join(","))
}

#[test]
fn the_seeds_token_is_valid_one_second_before_exp_and_expired_at_exp() {
    let keys = keys(|auth| auth.secret = Secret::new(SEED_SECRET));
    assert_eq!(keys.verify(SEED, at(NOW - 1)), Ok(Subject::Access(38)));
    assert_eq!(keys.verify(SEED, at(NOW) - time::Duration::milliseconds(1)), Ok(Subject::Access(38)));
    assert_eq!(keys.verify(SEED, at(NOW)), Err(Rejected::Expired));
    assert_eq!(keys.verify(SEED, at(NOW + 1)), Err(Rejected::Expired));
}

#[test]
fn a_token_without_a_signature_is_refused_in_every_spelling_of_none() {
    let keys = keys(|_| ());
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "none ", "HS0"] {
        let message = format!(
            "{}.{}",
            base64(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#).as_bytes()),
            base64(with("", None).as_bytes())
        );
        let signature = sign(message.as_bytes(), &EncodingKey::from_secret(SECRET.as_bytes()), Jws::HS256).unwrap();
        for token in [format!("{message}."), message.clone(), format!("{message}.{signature}")] {
            assert_eq!(keys.verify(&token, at(NOW)), Err(Rejected::Malformed), "{alg}");
        }
    }
}

#[test]
fn a_signature_that_is_missing_or_of_other_bytes_is_refused() {
    let keys = keys(|_| ());
    let token = signed(HEADER, &with("", None));
    assert_eq!(keys.verify(&token, at(NOW)), Ok(Subject::Access(38)));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let other = base64(with("sub", Some("39")).as_bytes());
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    // The last letter holds two bits that mean nothing: setting them must not make a second good token.
    let last = signature.chars().last().unwrap();
    let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = spare.chars().nth(spare.find(last).unwrap() + 1).unwrap();
    for bad in [
        message.to_owned(),
        format!("{message}."),
        format!("{header}.{other}.{signature}"),
        format!("{message}.{flipped}{}", &signature[1..]),
        format!("{message}.{}", &signature[..20]),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.x"),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{message}.{}{next}", &signature[..signature.len() - 1]),
        format!("{payload}.{header}.{signature}"),
        format!("{message}.{signature}{signature}"),
        format!("..{signature}"),
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        "\u{0}".into(),
    ] {
        assert!(keys.verify(&bad, at(NOW)).is_err(), "{bad:?}");
    }
    let another = signed_with(
        HEADER,
        &with("", None),
        &EncodingKey::from_secret(b"another secret, long enough to sign with"),
        Jws::HS256,
    );
    assert_eq!(keys.verify(&another, at(NOW)), Err(Rejected::Signature));
    let empty = signed_with(HEADER, &with("", None), &EncodingKey::from_secret(b""), Jws::HS256);
    assert_eq!(keys.verify(&empty, at(NOW)), Err(Rejected::Signature));
}

#[test]
fn another_algorithm_than_the_configured_is_refused_even_with_the_right_secret() {
    let keys = keys(|_| ());
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for (alg, algorithm) in [("HS384", Jws::HS384), ("HS512", Jws::HS512)] {
        let token = signed_with(&format!(r#"{{"alg":"{alg}"}}"#), &with("", None), &key, algorithm);
        assert_eq!(keys.verify(&token, at(NOW)), Err(Rejected::Malformed), "{alg}");
    }
    for alg in ["hs256", "HS256 ", "RS256", "ES256", "PS256", "EdDSA", "HMAC"] {
        let token = signed(&format!(r#"{{"alg":"{alg}"}}"#), &with("", None));
        assert_eq!(keys.verify(&token, at(NOW)), Err(Rejected::Malformed), "{alg}");
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_if_it_were_a_secret_is_refused() {
    for (algorithm, dir) in [(Algorithm::Rs256, RSA), (Algorithm::Es256, EC)] {
        let public = format!("{dir}/public.pem");
        let keys = keys(|auth| {
            auth.algorithm = algorithm;
            auth.public_key_file = Some(public.clone().into());
        });
        let pem = std::fs::read(&public).unwrap();
        for secret in [pem.as_slice(), pem.trim_ascii_end(), SECRET.as_bytes(), b""] {
            for alg in ["HS256", "RS256", "ES256"] {
                let token = signed_with(
                    &format!(r#"{{"alg":"{alg}"}}"#),
                    &with("", None),
                    &EncodingKey::from_secret(secret),
                    Jws::HS256,
                );
                let right = format!("{algorithm:?}").eq_ignore_ascii_case(alg);
                let wanted = if right { Rejected::Signature } else { Rejected::Malformed };
                assert_eq!(keys.verify(&token, at(NOW)), Err(wanted));
            }
        }
    }
}

#[test]
fn rs256_and_es256_tokens_are_verified_with_the_public_key_and_no_other_algorithm_of_the_family() {
    let payload = with("", None);
    for (algorithm, jws, dir, others) in [
        (Algorithm::Rs256, Jws::RS256, RSA, &[("RS384", Jws::RS384), ("RS512", Jws::RS512), ("PS256", Jws::PS256)][..]),
        (Algorithm::Es256, Jws::ES256, EC, &[]),
    ] {
        let private = std::fs::read(format!("{dir}/private.pem")).unwrap();
        let key = if algorithm == Algorithm::Rs256 {
            EncodingKey::from_rsa_pem(&private)
        } else {
            EncodingKey::from_ec_pem(&private)
        }
        .unwrap();
        let keys = keys(|auth| {
            auth.algorithm = algorithm;
            auth.public_key_file = Some(format!("{dir}/public.pem").into());
        });
        assert!(!keys.can_sign());
        let token = signed_with(&format!(r#"{{"alg":"{jws:?}"}}"#), &payload, &key, jws);
        assert_eq!(keys.verify(&token, at(NOW)), Ok(Subject::Access(38)));
        let (message, signature) = token.rsplit_once('.').unwrap();
        for bad in [
            message.to_owned(),
            format!("{message}."),
            format!("{message}.{}", signature.to_lowercase()),
            format!("{message}.{}", "A".repeat(signature.len())),
        ] {
            let wanted = if bad == message { Rejected::Malformed } else { Rejected::Signature };
            assert_eq!(keys.verify(&bad, at(NOW)), Err(wanted));
        }
        for (name, other) in others {
            let token = signed_with(&format!(r#"{{"alg":"{name}"}}"#), &payload, &key, *other);
            assert_eq!(keys.verify(&token, at(NOW)), Err(Rejected::Malformed), "{name}");
        }
    }
}

#[test]
fn keys_rotate_by_kid_and_a_kid_that_config_does_not_name_is_refused() {
    let pem = |name: &str| std::fs::read(format!("{EC}/{name}.pem")).unwrap();
    let (old, new) =
        (EncodingKey::from_ec_pem(&pem("private")).unwrap(), EncodingKey::from_ec_pem(&pem("private2")).unwrap());
    let keys = keys(|auth| {
        auth.algorithm = Algorithm::Es256;
        auth.public_keys = vec![format!("old={EC}/public.pem"), format!("new={EC}/public2.pem")];
    });
    let token = |kid: &str, key| signed_with(&format!(r#"{{"alg":"ES256"{kid}}}"#), &with("", None), key, Jws::ES256);
    assert_eq!(keys.verify(&token(r#","kid":"old""#, &old), at(NOW)), Ok(Subject::Access(38)));
    assert_eq!(keys.verify(&token(r#","kid":"new""#, &new), at(NOW)), Ok(Subject::Access(38)));
    assert_eq!(keys.verify(&token(r#","kid":"new""#, &old), at(NOW)), Err(Rejected::Signature));
    assert_eq!(keys.verify(&token(r#","kid":"old""#, &new), at(NOW)), Err(Rejected::Signature));
    for kid in ["", r#","kid":"""#, r#","kid":"older""#, r#","kid":"OLD""#, r#","kid":"../old""#, r#","kid":"old=""#] {
        assert_eq!(keys.verify(&token(kid, &old), at(NOW)), Err(Rejected::KeyId), "{kid}");
    }
    // A key that travels in the token, or an address of one, is not looked at.
    let jwk = r#","jwk":{"kty":"EC"},"jku":"http://127.0.0.1:1/keys","x5u":"http://127.0.0.1:1/""#;
    assert!(keys.verify(&token(jwk, &old), at(NOW)).is_err());
}

#[test]
fn a_private_key_signs_what_is_accepted_here_or_is_refused_at_the_start() {
    let settings = |file: Option<&str>, named: &[&str], private: &str| {
        let mut auth = Config::default().auth;
        auth.algorithm = Algorithm::Es256;
        auth.public_key_file = file.map(|name| format!("{EC}/{name}.pem").into());
        auth.public_keys = named.iter().map(|name| format!("k-{name}={EC}/{name}.pem")).collect();
        auth.private_key_file = Some(format!("{EC}/{private}.pem").into());
        Keys::new(&auth)
    };
    for (file, named, private, kid) in [
        (Some("public"), &[][..], "private", None),
        (Some("public"), &["public2"], "private", None),
        (Some("public"), &["public2"], "private2", Some("k-public2")),
        (None, &["public", "public2"], "private2", Some("k-public2")),
        (None, &["public"], "private", Some("k-public")),
    ] {
        let keys = settings(file, named, private).unwrap();
        let token = keys.sign(&Issue::Access(38), at(NOW), 60).unwrap();
        assert_eq!(keys.verify(&token, at(NOW)), Ok(Subject::Access(38)), "{file:?} {named:?} {private}");
        assert_eq!(jsonwebtoken::decode_header(token).unwrap().kid.as_deref(), kid);
    }
    for (file, named) in [(Some("public"), &[][..]), (None, &["public"]), (Some("public"), &["public"])] {
        let error = settings(file, named, "private2").unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "auth.private_key_file: {EC}/private2.pem is the private half of no key in auth.public_key_file or \
                 auth.public_keys, so what it signs would be refused here"
            )
        );
    }
}
