//! Passwords: argon2id in PHC form. Slow on purpose and heavy on memory, so callers keep it off the threads that answer.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Argon2, Params};

/// Longest password that can be set, bytes of UTF-8. It is hashed as it is: no trimming, no normal form.
pub const LONGEST: usize = 1024;

/// Largest costs of a stored hash. An operator's query may bring hashes of its own; one that asks for gigabytes or minutes
/// would let anybody who knows the login stop the service.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 32;
const MOST_LANES: u32 = 64;

/// A password or a hash that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// No character at all.
    #[error("the password is empty")]
    Empty,
    /// Over `LONGEST`.
    #[error("the password is longer than {LONGEST} bytes")]
    Long,
    /// The library or the system's random numbers failed.
    #[error("the password could not be hashed")]
    Hash,
    /// Not argon2id in PHC form; bcrypt, for one, is not.
    #[error("password_hash is not argon2id ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")]
    NotArgon2id,
    /// Costs beyond what a login may take.
    #[error("password_hash asks for more than {MOST_MEMORY_KIB} KiB, {MOST_PASSES} passes or {MOST_LANES} lanes")]
    Costly,
}

/// Hashes a password that somebody sets, with a salt of its own.
///
/// # Errors
/// When it is empty or too long.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    match password.len() {
        0 => return Err(PasswordError::Empty),
        1..=LONGEST => {}
        _ => return Err(PasswordError::Long),
    }
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).or(Err(PasswordError::Hash))?;
    Ok(hash.to_string())
}

/// A hash that passwords can be checked against.
#[derive(Clone)]
pub struct Stored(PasswordHash);

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({})", self.0.params)
    }
}

impl Stored {
    /// Reads a hash in PHC form.
    ///
    /// # Errors
    /// Another algorithm, another form, or costs that are too high.
    pub fn parse(phc: &str) -> Result<Self, PasswordError> {
        let hash = PasswordHash::new(phc).or(Err(PasswordError::NotArgon2id))?;
        if hash.algorithm != ARGON2ID_IDENT || hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordError::NotArgon2id);
        }
        let params = Params::try_from(&hash).or(Err(PasswordError::NotArgon2id))?;
        let affordable =
            params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
        if affordable { Ok(Self(hash)) } else { Err(PasswordError::Costly) }
    }

    /// A hash with the costs of those made here, to spend the time on a login that does not exist.
    pub fn nobodys() -> Self {
        // A constant of this file, which a test reads; were it not to read, checks of unknown logins would be quick, no more.
        #[expect(clippy::expect_used, reason = "a constant; a test reads it")]
        Self::parse(NOBODYS).expect("a hash that reads")
    }

    /// True if it is this password's. Takes the time of its parameters, whatever the answer.
    pub fn matches(&self, password: &str) -> bool {
        Argon2::default().verify_password(password.as_bytes(), &self.0).is_ok()
    }
}

/// The default parameters over a salt and an output of zeros.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_alone() {
        let stored = Stored::parse(&hash("Грошi 😀 ").unwrap()).unwrap();
        assert!(stored.matches("Грошi 😀 "));
        assert!(!stored.matches("Грошi 😀"));
    }

    #[test]
    fn nobodys_hash_costs_what_ours_do() {
        let params = |stored: &Stored| Params::try_from(&stored.0).unwrap();
        assert_eq!(params(&Stored::nobodys()), params(&Stored::parse(&hash("x").unwrap()).unwrap()));
    }

    #[test]
    fn passwords_have_bounds() {
        assert_eq!(hash(""), Err(PasswordError::Empty));
        assert_eq!(hash(&"x".repeat(LONGEST + 1)), Err(PasswordError::Long));
    }

    #[test]
    fn other_algorithms_and_ruinous_costs_are_refused() {
        let of = |phc: &str| Stored::parse(phc).err();
        let rest = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(
            of("$2a$12$K3bbOYqTnfUNGS8kGSuJZu0Vb8zQbXq8vVb9oQ0m1y6mW7gJ3nq3e"),
            Some(PasswordError::NotArgon2id)
        );
        assert_eq!(of(&format!("$argon2i$v=19$m=19456,t=2,p=1{rest}")), Some(PasswordError::NotArgon2id));
        assert_eq!(of("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"), Some(PasswordError::NotArgon2id));
        assert_eq!(of(""), Some(PasswordError::NotArgon2id));
        assert_eq!(of(&format!("$argon2id$v=19$m=4194304,t=1,p=1{rest}")), Some(PasswordError::Costly));
        assert_eq!(of(&format!("$argon2id$v=19$m=64,t=1000000,p=1{rest}")), Some(PasswordError::Costly));
        assert!(of(&format!("$argon2id$v=19$m=65536,t=3,p=4{rest}")).is_none());
    }
}
