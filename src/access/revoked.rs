//! Tokens that were revoked before they expired.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::Denied;
use crate::token::{Accepted, KeptToken, Subject};

/// Seconds that the clocks of those who sign may be ahead.
const LEEWAY: f64 = 60.0;

/// A revocation as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq, clickhouse::Row, serde::Deserialize)]
pub struct Revocation {
    /// The customer whose grants are revoked; read if `jti` is empty.
    pub customer_id: u32,
    /// The id of one token, and of what was renewed from it.
    pub jti: String,
    /// Grants that were issued before this time, epoch milliseconds, count no more.
    pub not_before: i64,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    customers: HashMap<u32, i64>,
    ids: HashSet<String>,
}

impl Revoked {
    /// Of rows, in any order; the latest time of a customer counts.
    pub fn new(rows: impl IntoIterator<Item = Revocation>) -> Self {
        let mut revoked = Self::default();
        for Revocation { customer_id, jti, not_before } in rows {
            if jti.is_empty() {
                let latest = revoked.customers.entry(customer_id).or_insert(not_before);
                *latest = not_before.max(*latest);
            } else {
                revoked.ids.insert(jti);
            }
        }
        revoked
    }

    /// Refuses a token that was revoked. A customer's revocation is of grants: rows of `api_access` are removed instead.
    ///
    /// # Errors
    /// Which kind of revocation it was.
    pub fn check(&self, token: &Accepted, now: OffsetDateTime) -> Result<(), Denied> {
        self.check_parts(token.subject(), (token.id(), token.issued()), now)
    }

    /// Refuses what was kept of a token, likewise.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_kept(&self, token: &KeptToken, subject: &Subject, now: OffsetDateTime) -> Result<(), Denied> {
        self.check_parts(subject, (token.id(), token.issued()), now)
    }

    fn check_parts(
        &self,
        subject: &Subject,
        (id, issued): (Option<&str>, Option<f64>),
        now: OffsetDateTime,
    ) -> Result<(), Denied> {
        if id.is_some_and(|id| self.ids.contains(id)) {
            return Err(Denied::RevokedId);
        }
        let Subject::Grant(grant) = subject else { return Ok(()) };
        let Some(not_before) = self.customers.get(&grant.customer_id) else { return Ok(()) };
        // A token that does not say when it was issued may have been before, and so may one of a time to come. Milliseconds
        // are exact in both.
        let latest = now.unix_timestamp() as f64 + LEEWAY;
        let may_be_older = issued.is_none_or(|issued| issued * 1e3 < *not_before as f64 || issued > latest);
        if may_be_older { Err(Denied::Revoked(grant.customer_id)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, value::Secret};
    use crate::token::Keys;
    use serde_json::json;

    #[test]
    fn grants_before_the_latest_time_of_their_customer_and_tokens_by_id_are_revoked() {
        let revocation = |customer_id, jti: &str, not_before| Revocation { customer_id, jti: jti.into(), not_before };
        let rows =
            [revocation(7, "", 2000), revocation(7, "", 1500), revocation(0, "x", 0), revocation(9, "y", i64::MAX)];
        let revoked = Revoked::new(rows);
        let mut auth = Config::default().auth;
        auth.secret = Secret::new("a secret for tests, long enough to sign with");
        let keys = Keys::new(&auth).unwrap();
        let key = jsonwebtoken::EncodingKey::from_secret(auth.secret.expose().as_bytes());
        let verdict = |customer: u32, more: serde_json::Value| {
            let mut claims =
                json!({ "aud": "customer-v1", "sub": "D", "exp": 9e9, "cfg": { "customer_id": customer } });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
            revoked.check(&keys.accept(&token, OffsetDateTime::UNIX_EPOCH).unwrap(), OffsetDateTime::UNIX_EPOCH)
        };
        for (customer, more, wanted) in [
            (7, json!({}), Err(Denied::Revoked(7))),
            (7, json!({ "iat": 1.999 }), Err(Denied::Revoked(7))),
            (7, json!({ "iat": -1e300 }), Err(Denied::Revoked(7))),
            (7, json!({ "iat": 2 }), Ok(())),
            (7, json!({ "iat": 60 }), Ok(())),
            (7, json!({ "iat": 61 }), Err(Denied::Revoked(7))),
            (7, json!({ "iat": 1e300 }), Err(Denied::Revoked(7))),
            (7, json!({ "iat": 2, "jti": "x" }), Err(Denied::RevokedId)),
            (8, json!({ "jti": "x" }), Err(Denied::RevokedId)),
            (8, json!({ "jti": "X" }), Ok(())),
            (9, json!({}), Ok(())),
            (9, json!({ "jti": "y" }), Err(Denied::RevokedId)),
            (9, json!({ "jti": "" }), Ok(())),
            (7, json!({ "sub": 1 }), Ok(())),
            (7, json!({ "sub": 1, "jti": "x" }), Err(Denied::RevokedId)),
        ] {
            assert_eq!(verdict(customer, more.clone()), wanted, "{customer} {more}");
        }
    }
}
