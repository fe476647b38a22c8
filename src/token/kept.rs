//! The part of a token that stays with work which goes on after its request: whom it stands for, and nothing that opens anything.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::claims::seconds;
use super::{Accepted, Grant, OperatorGrant, Sides, Subject, networks};
use crate::report::audience::Rights;

/// The kept part of an accepted token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptToken {
    subject: KeptSubject,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    iat: Option<f64>,
    /// The end of what a grant grants. A row is good for as long as it stands.
    #[serde(default)]
    until: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptSubject {
    Access(u32),
    Grant {
        customer_id: u32,
        account_ids: Vec<u32>,
        allowed_ips: Vec<String>,
        debug: bool,
        sides: Option<Vec<String>>,
        export: Option<bool>,
    },
    Operator(u32),
    OperatorGrant {
        customers: Vec<u32>,
        vendors: Vec<u32>,
        may: Vec<String>,
        allowed_ips: Vec<String>,
        debug: bool,
    },
}

impl Accepted {
    /// The part of it that may be stored.
    pub fn kept(&self) -> KeptToken {
        let is_grant = matches!(self.subject(), Subject::Grant(_) | Subject::OperatorGrant(_));
        let until = self.good.exp.filter(|_| is_grant);
        KeptToken { jti: self.id().map(str::to_owned), iat: self.issued(), until, ..KeptToken::of(self.subject()) }
    }
}

impl KeptToken {
    /// That of a subject without a token, as settings name one: it is as good as one of this second.
    pub fn of_settings(subject: &Subject, second: i64) -> Self {
        // Exact for some millions of years.
        Self { iat: Some(second as f64), ..Self::of(subject) }
    }

    fn of(subject: &Subject) -> Self {
        let texts = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect();
        let words = |sides: Sides| sides.words().map(str::to_owned).collect();
        let subject = match subject {
            Subject::Access(id) => KeptSubject::Access(*id),
            Subject::Operator(id) => KeptSubject::Operator(*id),
            Subject::Grant(grant) => KeptSubject::Grant {
                customer_id: grant.customer_id,
                account_ids: grant.account_ids.clone(),
                allowed_ips: texts(&grant.allowed_ips),
                debug: grant.debug,
                sides: grant.sides.map(words),
                export: grant.export,
            },
            Subject::OperatorGrant(grant) => KeptSubject::OperatorGrant {
                customers: grant.customers.clone(),
                vendors: grant.vendors.clone(),
                may: grant.rights.words().map(str::to_owned).collect(),
                allowed_ips: texts(&grant.allowed_ips),
                debug: grant.debug,
            },
        };
        Self { subject, jti: None, iat: None, until: None }
    }

    /// The subject; `None` if it does not read.
    pub fn subject(&self) -> Option<Subject> {
        Some(match &self.subject {
            KeptSubject::Access(id) => Subject::Access(*id),
            KeptSubject::Operator(id) => Subject::Operator(*id),
            KeptSubject::Grant { customer_id, account_ids, allowed_ips, debug, sides, export } => {
                Subject::Grant(Grant {
                    customer_id: *customer_id,
                    account_ids: account_ids.clone(),
                    allowed_ips: networks(allowed_ips)?,
                    debug: *debug,
                    sides: match sides {
                        Some(words) => Some(Sides::parse(words)?),
                        None => None,
                    },
                    export: *export,
                })
            }
            KeptSubject::OperatorGrant { customers, vendors, may, allowed_ips, debug } => {
                Subject::OperatorGrant(OperatorGrant {
                    customers: customers.clone(),
                    vendors: vendors.clone(),
                    rights: Rights::parse(may.iter().map(String::as_str))?,
                    allowed_ips: networks(allowed_ips)?,
                    debug: *debug,
                })
            }
        })
    }

    /// The token's id.
    pub fn id(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// The time of its issue, epoch seconds.
    pub fn issued(&self) -> Option<f64> {
        self.iat
    }

    /// True from the end of its grant on.
    pub fn has_ended(&self, now: OffsetDateTime) -> bool {
        self.until.is_some_and(|until| seconds(now) >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Side;

    #[test]
    fn a_subject_is_kept_with_all_that_bounds_it() {
        let nets = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::1/128".parse().unwrap()];
        for sides in [None, Some(Sides::BOTH), Sides::of(&[Side::Termination])] {
            for export in [None, Some(true), Some(false)] {
                let grant = Grant {
                    customer_id: 7,
                    account_ids: vec![3, 1],
                    allowed_ips: nets.clone(),
                    debug: export.is_none(),
                    sides,
                    export,
                };
                assert_kept(&Subject::Grant(grant));
            }
        }
        for rights in [Rights::default(), Rights::ALL] {
            let grant = OperatorGrant {
                customers: vec![5],
                vendors: vec![9, 8],
                rights,
                allowed_ips: nets.clone(),
                debug: rights.cost,
            };
            assert_kept(&Subject::OperatorGrant(grant));
        }
        assert_kept(&Subject::Access(4));
        assert_kept(&Subject::Operator(u32::MAX));
    }

    fn assert_kept(subject: &Subject) {
        let text = serde_json::to_string(&KeptToken::of(subject)).unwrap();
        let kept: KeptToken = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.subject().as_ref(), Some(subject), "{text}");
    }

    #[test]
    fn a_list_that_does_not_read_is_nobody() {
        let text = r#"{"subject":{"operator_grant":{"customers":[],"vendors":[],"may":["all"],"allowed_ips":[],"debug":false}}}"#;
        let kept: KeptToken = serde_json::from_str(text).unwrap();
        assert_eq!(kept.subject(), None);
    }
}
