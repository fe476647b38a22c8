//! Lists of values in query strings.
