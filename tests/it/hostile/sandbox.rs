//! The embedded engine: what it can read, who can speak to it and what ends it.
