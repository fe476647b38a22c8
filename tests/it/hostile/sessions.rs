//! Tokens and cookies: lifetimes, rotation, revocation, sides and foreign pages.
