//! The environment variables that programs for Amazon's services share, as far as a store needs them.

use std::collections::BTreeMap;

use super::value::Secret;

/// Those that are read. Profiles and files of them are not.
const VARIABLES: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_DISABLED",
];

/// Values of these variables by name. Any of them may be a secret.
#[derive(Clone, Debug, Default)]
pub struct AwsEnvironment(BTreeMap<&'static str, Secret>);

impl AwsEnvironment {
    /// Picks them from an environment.
    pub fn of(env: &BTreeMap<String, String>) -> Self {
        let value = |name: &&'static str| Some((*name, Secret::new(env.get(*name).filter(|text| !text.is_empty())?)));
        Self(VARIABLES.iter().filter_map(value).collect())
    }

    /// The value of a variable that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose)
    }

    /// True if it names a role: of a web identity, or of a container.
    pub fn has_role(&self) -> bool {
        let has = |name: &str| self.0.contains_key(name);
        has("AWS_WEB_IDENTITY_TOKEN_FILE") && has("AWS_ROLE_ARN")
            || has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            || has("AWS_CONTAINER_CREDENTIALS_FULL_URI") && has("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    }

    /// False where the machine is not to be asked for a role.
    pub fn may_ask_machine(&self) -> bool {
        !self.get("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_by_name_and_never_printed() {
        let env =
            [("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s3cret"), ("AWS_REGION", ""), ("HOME", "/")];
        let found = AwsEnvironment::of(&env.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(found.get("AWS_ACCESS_KEY_ID"), Some("AKIA1"));
        assert_eq!((found.get("AWS_REGION"), found.get("HOME"), found.has_role()), (None, None, false));
        assert!(!format!("{found:?}").contains("s3cret"));
    }

    #[test]
    fn a_role_needs_all_that_names_it() {
        let of = |names: &[&str]| {
            AwsEnvironment::of(&names.iter().map(|name| ((*name).to_owned(), "true".to_owned())).collect())
        };
        assert!(!of(&["AWS_ROLE_ARN"]).has_role());
        assert!(of(&["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"]).has_role());
        assert!(of(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]).has_role());
        assert!(of(&[]).may_ask_machine() && !of(&["AWS_EC2_METADATA_DISABLED"]).may_ask_machine());
    }
}
