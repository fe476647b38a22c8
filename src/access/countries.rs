//! Names of the country ids of calls: rows of `countries`, which are a convenience. Nothing depends on them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Countries by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Countries {
    by_id: BTreeMap<u32, Country>,
    fingerprint: u64,
}

/// A row of `countries`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Country {
    /// Its name, for people.
    pub name: String,
    /// Its ISO 3166 code; may be empty.
    pub iso: String,
}

impl Countries {
    /// Of these rows those that have a name.
    pub fn new(rows: impl IntoIterator<Item = (u32, Country)>) -> Self {
        let by_id: BTreeMap<u32, Country> = rows.into_iter().filter(|(_, country)| !country.name.is_empty()).collect();
        let mut hasher = DefaultHasher::new();
        by_id.hash(&mut hasher);
        Self { by_id, fingerprint: hasher.finish() }
    }

    /// True if no id has a name.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The country of an id.
    pub fn get(&self, id: u32) -> Option<&Country> {
        self.by_id.get(&id)
    }

    /// A number that stands for all of them: another one where a name changes.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Every country, by id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Country)> {
        self.by_id.iter().map(|(id, country)| (*id, country))
    }

    /// The name of an id, or the id itself if it has none.
    pub fn name(&self, id: u32) -> String {
        self.by_id.get(&id).map_or_else(|| id.to_string(), |country| country.name.clone())
    }

    /// The same with the id behind a name, so that no two are alike.
    pub fn text(&self, id: u32) -> String {
        self.by_id.get(&id).map_or_else(|| id.to_string(), |country| format!("{} ({id})", country.name))
    }

    /// The country that an id, a name, an ISO code or a text of [`Self::text`] means, if it means one only.
    pub fn find(&self, text: &str) -> Option<u32> {
        if let Ok(id) = text.parse() {
            return Some(id);
        }
        let mut found = self.iter().filter(|(id, country)| {
            country.name.eq_ignore_ascii_case(text) || country.iso.eq_ignore_ascii_case(text) || self.text(*id) == text
        });
        let first = found.next()?.0;
        found.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names_or_are_shown_themselves() {
        let row = |id, name: &str, iso: &str| (id, Country { name: name.into(), iso: iso.into() });
        let all = [row(48, "Poland", "PL"), row(1, "Congo", ""), row(2, "Congo", ""), row(3, "", "XX")];
        let countries = Countries::new(all);
        assert_eq!((countries.name(48), countries.text(48)), ("Poland".into(), "Poland (48)".into()));
        assert_eq!((countries.name(3), countries.text(7)), ("3".into(), "7".into()));
        for text in ["48", "Poland", "poland", "pl", "Poland (48)"] {
            assert_eq!(countries.find(text), Some(48), "{text}");
        }
        assert_eq!(countries.find("Congo (2)"), Some(2));
        assert_eq!(countries.find("12"), Some(12), "an id needs no name");
        for text in ["Congo", "", "Atlantis", "4294967296", "XX"] {
            assert_eq!(countries.find(text), None, "{text:?}");
        }
    }
}
