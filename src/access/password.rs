//! Passwords: argon2id in PHC form. Slow on purpose and heavy on memory, so callers keep it off the threads that answer.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

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
pub struct StoredHash(PasswordHash);

impl std::fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({})", self.0.params)
    }
}

impl StoredHash {
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
        self.compute(password).is_some_and(|output| self.0.hash.is_some_and(|own| own == output))
    }

    /// The hash of another password with this one's salt and costs. Outputs compare in constant time.
    fn compute(&self, password: &str) -> Option<Output> {
        let params = Params::try_from(&self.0).ok()?;
        let version = self.0.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let (salt, mut output) = (self.0.salt?, vec![0; self.0.hash?.len()]);
        let argon = Argon2::new(Algorithm::Argon2id, version, params);
        let mut memory = Memory::take(argon.params().block_count());
        argon
            .hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory.blocks.as_mut_slice())
            .ok()?;
        Output::new(&output).ok()
    }
}

/// Most checks whose memory is kept for the next ones, as many as may run at once.
const KEPT: usize = 4;
/// Memory of a hash with the costs of those made here, blocks of 1 KiB. More than that is given back after its check.
const USUAL: usize = 19_456;

/// Memory for one check, used again for the next: left to the allocator, each thread that has checked a password would keep as
/// much, and threads come and go.
struct Memory {
    blocks: Vec<Block>,
}

static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

impl Memory {
    fn take(count: usize) -> Self {
        let mut blocks = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        // What stands in them does not matter: the first pass writes each block before it reads it.
        blocks.resize(count.max(blocks.len()), Block::default());
        Self { blocks }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if self.blocks.len() <= USUAL && spare.len() < KEPT {
            spare.push(std::mem::take(&mut self.blocks));
        }
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
        let stored = StoredHash::parse(&hash("Грошi 😀 ").unwrap()).unwrap();
        assert!(stored.matches("Грошi 😀 "));
        assert!(!stored.matches("Грошi 😀"));
    }

    #[test]
    fn nobodys_hash_costs_what_ours_do() {
        let params = |stored: &StoredHash| Params::try_from(&stored.0).unwrap();
        assert_eq!(params(&StoredHash::nobodys()), params(&StoredHash::parse(&hash("x").unwrap()).unwrap()));
    }

    #[test]
    fn passwords_have_bounds() {
        assert_eq!(hash(""), Err(PasswordError::Empty));
        assert_eq!(hash(&"x".repeat(LONGEST + 1)), Err(PasswordError::Long));
    }

    #[test]
    fn other_algorithms_and_ruinous_costs_are_refused() {
        let of = |phc: &str| StoredHash::parse(phc).err();
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
