//! Breakdowns against an oracle of their own: whole answers, to the byte.
//!
//! `CDRSCOPE_TEST_CASES` multiplies the number of random questions; `CDRSCOPE_TEST_SEED` is the seed, `clock` a new one.

pub mod calls;
pub mod differential;
mod errors;
pub mod exact;
pub mod expected;
mod invariants;
mod own;
pub mod question;
mod tenancy;
