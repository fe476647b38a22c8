//! Logins: which row a name stands for, and as much work for a name that stands for none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::password::StoredHash;
use super::{Access, Snapshot};

/// Rows by login. A login that two rows share is not here: it would not be known whose it is.
pub(super) fn by_login(access: &HashMap<u32, Access>, warnings: &mut Vec<String>) -> BTreeMap<String, u32> {
    let (mut logins, mut shared) = (BTreeMap::new(), HashSet::new());
    // In an order that does not change, so that a warning is the same each time.
    let mut rows: Vec<_> = access.iter().filter(|(_, row)| !row.login.is_empty()).collect();
    rows.sort_unstable_by_key(|(id, _)| **id);
    for (id, row) in rows {
        if let Some(other) = logins.insert(row.login.clone(), *id) {
            warnings.push(format!(
                "api_access: rows {other} and {id} have the same login; it is refused until it is one row's"
            ));
            shared.insert(&row.login);
        }
    }
    for login in shared {
        logins.remove(login);
    }
    logins
}

/// A login that somebody names, with the hash to check the password against.
#[derive(Clone, Debug)]
pub struct Candidate {
    row: Option<u32>,
    stored: StoredHash,
}

impl Candidate {
    /// The row whose login and password these are.
    ///
    /// # Errors
    /// Which of the two was wrong, for the log alone.
    pub fn check(&self, password: &str) -> Result<u32, Wrong> {
        // First the hash, whoever it is: the time must not tell who exists.
        let matches = self.stored.matches(password);
        match self.row {
            Some(id) if matches => Ok(id),
            Some(_) => Err(Wrong::Password),
            None => Err(Wrong::Login),
        }
    }
}

/// The part of a login that was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Nobody has it, or no password that can be checked.
    #[error("unknown login")]
    Login,
    /// It has another password.
    #[error("wrong password")]
    Password,
}

impl Snapshot {
    /// The hash to check a password for `login` against. An unknown login gets the hash of some row, so that it takes as
    /// long as a known one even if rows brought costs of their own. It is always the same row's, chosen by `keys`.
    pub fn candidate(&self, login: &str, keys: &RandomState) -> Candidate {
        let place = keys.hash_one(login) % (self.logins.len() as u64).max(1);
        let decoy = usize::try_from(place).ok().and_then(|place| self.logins.values().nth(place));
        let own = self.logins.get(login).and_then(|id| Some((*id, self.stored(*id)?)));
        match own {
            Some((id, stored)) => Candidate { row: Some(id), stored },
            None => Candidate {
                row: None,
                stored: decoy.and_then(|id| self.stored(*id)).unwrap_or_else(StoredHash::nobodys),
            },
        }
    }

    fn stored(&self, id: u32) -> Option<StoredHash> {
        let phc = &self.access.get(&id)?.password_hash;
        StoredHash::parse(phc).inspect_err(|why| log::debug!("api_access: row {id} cannot log in: {why}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::password;

    fn snapshot(rows: &[(u32, &str, &str)]) -> Snapshot {
        let row = |&(id, login, hash): &(u32, &str, &str)| {
            (id, Access { grant: None, login: login.to_owned(), password_hash: hash.to_owned() })
        };
        let access = rows.iter().map(row).collect();
        Snapshot { logins: by_login(&access, &mut Vec::new()), access, ..Snapshot::default() }
    }

    #[test]
    fn a_login_and_its_password_are_a_row() {
        let hash = password::hash("right").unwrap();
        let keys = RandomState::new();
        let snapshot = snapshot(&[
            (1, "ann", &hash),
            (2, "bob", "$2a$12$bcrypt"),
            (3, "", &hash),
            (4, "cat", &hash),
            (5, "cat", &hash),
        ]);
        assert_eq!(snapshot.candidate("ann", &keys).check("right"), Ok(1));
        for (login, password) in
            [("ann", "wrong"), ("Ann", "right"), ("bob", "right"), ("", "right"), ("cat", "right"), ("dan", "right")]
        {
            assert!(snapshot.candidate(login, &keys).check(password).is_err(), "{login} {password}");
        }
    }

    #[test]
    fn a_login_that_is_nobodys_costs_what_the_rows_do() {
        let hash = "$argon2id$v=19$m=64,t=3,p=2$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let candidate = snapshot(&[(1, "ann", hash)]).candidate("nobody", &RandomState::new());
        assert_eq!(format!("{:?}", candidate.stored), "Stored(m=64,t=3,p=2)");
    }
}
