//! What a caller may ask, valid by construction: instants, filters, samplings. No SQL, no web.

pub mod decimal;
pub mod filter;
pub mod instant;
pub mod sampling;
pub mod zone;
