//! Attacks, one file a kind: each was seen to succeed before its guard was there.

mod bodies;
mod connections;
mod fairness;
mod grafana_bounds;
mod lists;
mod logs;
mod neighbours;
mod readiness;
mod sandbox;
mod sessions;
