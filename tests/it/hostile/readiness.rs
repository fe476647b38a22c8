//! A database that changes under a running service.
