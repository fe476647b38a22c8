//! Parts of a query, valid by construction: instants, filters, samplings. No SQL, no web.

pub mod column;
pub mod decimal;
pub mod filter;
pub mod fraction;
pub mod instant;
pub mod sampling;
pub mod scope;
pub mod zone;
