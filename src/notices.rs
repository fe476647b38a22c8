//! Warnings of what is looked at again and again: one that stays is logged once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The warnings of the last round of each topic.
#[derive(Debug, Default)]
pub struct Notices(Mutex<BTreeMap<&'static str, BTreeSet<String>>>);

impl Notices {
    /// Logs those warnings of a round that were not in the topic's round before.
    pub fn round(&self, topic: &'static str, warnings: impl IntoIterator<Item = String>) {
        for warning in self.new_of(topic, warnings) {
            log::warn!("{warning}");
        }
    }

    fn new_of(&self, topic: &'static str, warnings: impl IntoIterator<Item = String>) -> Vec<String> {
        let warnings: BTreeSet<String> = warnings.into_iter().collect();
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = topics.entry(topic).or_default();
        let new = warnings.difference(before).cloned().collect();
        *before = warnings;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_new_in_the_first_round_and_after_one_without_it() {
        let notices = Notices::default();
        let round = |topic, texts: &[&str]| notices.new_of(topic, texts.iter().map(|text| (*text).to_owned()));
        assert_eq!(round("x", &["a", "b", "a"]), ["a", "b"]);
        assert_eq!(round("x", &["b", "c"]), ["c"]);
        assert_eq!(round("y", &["b"]), ["b"]);
        assert!(round("x", &[]).is_empty());
        assert_eq!(round("x", &["b"]), ["b"]);
    }
}
