//! One customer's load beside another's requests.
