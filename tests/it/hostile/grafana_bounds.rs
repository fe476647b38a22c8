//! Grafana's paths: filters, targets, ranges and accounts without end.
