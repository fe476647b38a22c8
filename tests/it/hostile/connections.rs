//! Connections: silent, stalled, many, or gone while their query runs.
