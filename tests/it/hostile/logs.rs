//! Text of callers, causes and secrets in logs, errors and process lists.
