//! JSON objects as cells. Keys mostly come in the same order in each object: what was learned of one is tried on the
//! next, and all that this does not fit goes the long way.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::quick;
use super::record::FieldSpan;
use super::row::Unknown;

/// Cuts objects into cells.
#[derive(Debug, Default)]
pub struct Objects {
    keys: KeyTree,
    learned: Vec<Learned>,
    /// Objects that went the long way.
    misses: u64,
}

/// A key as the last object that was cut the long way had it.
#[derive(Debug)]
pub struct Learned {
    /// With quotes and colon.
    pub spelled: String,
    /// Its column.
    pub at: Option<usize>,
    /// It leads to columns within.
    pub leads: bool,
}

/// The columns' places by the keys of objects.
#[derive(Debug, Default)]
struct KeyTree {
    leaves: HashMap<String, usize>,
    inner: HashMap<String, KeyTree>,
}

impl KeyTree {
    fn add(&mut self, path: &str, at: usize) {
        self.leaves.insert(path.to_owned(), at);
        if let Some((first, rest)) = path.split_once('.') {
            self.inner.entry(first.to_owned()).or_default().add(rest, at);
        }
    }
}

impl Objects {
    /// Of these columns; a dot leads into an object within.
    pub fn of(columns: &[String]) -> Self {
        let mut keys = KeyTree::default();
        columns.iter().enumerate().for_each(|(at, column)| keys.add(column, at));
        Self { keys, learned: Vec::new(), misses: 0 }
    }

    /// Cuts an object into `width` cells.
    pub fn cut(
        &mut self,
        text: &str,
        width: usize,
        cells: &mut Vec<FieldSpan>,
        scratch: &mut String,
        unknown: &mut Unknown,
    ) -> Result<(), String> {
        let clear = |cells: &mut Vec<FieldSpan>, scratch: &mut String| {
            cells.clear();
            cells.resize(width, FieldSpan::Null);
            scratch.clear();
        };
        clear(cells, scratch);
        if !self.learned.is_empty() && quick::cut(text, &self.learned, cells, scratch).is_some() {
            return Ok(());
        }
        clear(cells, scratch);
        self.misses += 1;
        // Seldom where no two objects are alike.
        let learns = self.misses.is_power_of_two();
        let mut object = ObjectReader {
            whole: text,
            keys: &self.keys,
            cells,
            scratch,
            unknown,
            prefix: String::new(),
            twice: None,
            order: learns.then(Vec::new),
        };
        let read = object.read(text);
        let (twice, order) = (object.twice, object.order);
        match (read, twice) {
            (Ok(()), None) => {
                // An object with fewer keys in the same order fits too.
                order
                    .filter(|order| order.len() >= self.learned.len())
                    .into_iter()
                    .for_each(|order| self.learn(&order));
                Ok(())
            }
            (Ok(()), Some(key)) => Err(format!("key {key:?} comes twice")),
            (Err(error), _) => {
                // The record's own line is told beside it.
                let why = error.to_string();
                let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
                Err(format!("not a JSON object: {why}"))
            }
        }
    }

    fn learn(&mut self, order: &[String]) {
        let is_plain = |key: &String| key.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        let mut seen = std::collections::HashSet::new();
        // An unknown key may come twice.
        if order.iter().any(|key| !is_plain(key) || !seen.insert(key)) {
            self.learned.clear();
            return;
        }
        let learned = order.iter().map(|key| {
            let (at, leads) = (self.keys.leaves.get(key).copied(), self.keys.inner.contains_key(key));
            Learned { spelled: format!("\"{key}\":"), at, leads: leads && at.is_none() }
        });
        self.learned = learned.collect();
    }
}

/// A key, borrowed where it has no backslashes.
struct KeyText<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for KeyText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonText;
        impl<'de> Visitor<'de> for JsonText {
            type Value = KeyText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<KeyText<'de>, E> {
                Ok(KeyText(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<KeyText<'de>, E> {
                Ok(KeyText(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(JsonText)
    }
}

/// Reads an object into cells.
struct ObjectReader<'a> {
    whole: &'a str,
    keys: &'a KeyTree,
    cells: &'a mut Vec<FieldSpan>,
    scratch: &'a mut String,
    unknown: &'a mut Unknown,
    prefix: String,
    twice: Option<String>,
    /// The keys as they come, where that is asked for.
    order: Option<Vec<String>>,
}

impl ObjectReader<'_> {
    fn read(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_any(&mut *self)?;
        json.end()
    }

    fn set(&mut self, key: &str, at: usize, raw: &RawValue) -> Result<(), serde_json::Error> {
        let text = raw.get();
        // The value borrows from the record, so its place there is known.
        let from = (text.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        let cell = if text == "null" {
            FieldSpan::Null
        } else if !text.starts_with('"') {
            FieldSpan::Here(from..from + text.len())
        } else if memchr::memchr(b'\\', text.as_bytes()).is_none() {
            FieldSpan::Here(from + 1..from + text.len() - 1)
        } else {
            let plain: String = serde_json::from_str(text)?;
            let begun = self.scratch.len();
            self.scratch.push_str(&plain);
            FieldSpan::Scratch(begun..self.scratch.len())
        };
        match self.cells.get_mut(at) {
            Some(place) if *place == FieldSpan::Null => *place = cell,
            _ => self.twice = Some(key.to_owned()),
        }
        Ok(())
    }

    /// Takes the value of a key, or of a place in a list.
    fn take(&mut self, key: &str, raw: &RawValue) -> Result<(), serde_json::Error> {
        let is_within = raw.get().starts_with(['{', '[']);
        if let Some(at) = self.keys.leaves.get(key) {
            return self.set(key, *at, raw);
        }
        let Some(inner) = self.keys.inner.get(key).filter(|_| is_within) else {
            let name = format!("{}{key}", self.prefix);
            let is_list = raw.get().strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('{'));
            self.unknown.list = self.unknown.list.take().or_else(|| is_list.then(|| name.clone()));
            self.unknown.add(name);
            return Ok(());
        };
        let mut object = ObjectReader {
            whole: self.whole,
            keys: inner,
            cells: &mut *self.cells,
            scratch: &mut *self.scratch,
            unknown: &mut *self.unknown,
            prefix: format!("{}{key}.", self.prefix),
            twice: None,
            order: None,
        };
        object.read(raw.get())?;
        let twice = object.twice;
        self.twice = self.twice.take().or(twice);
        Ok(())
    }
}

impl<'de> Visitor<'de> for &mut ObjectReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(KeyText(key)) = map.next_key()? {
            let raw: &RawValue = map.next_value()?;
            if let Some(order) = &mut self.order {
                order.push(key.clone().into_owned());
            }
            self.take(&key, raw).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.prefix.is_empty() {
            return Err(serde::de::Error::custom("a list"));
        }
        let mut at = 0_usize;
        while let Some(raw) = list.next_element::<&RawValue>()? {
            self.take(&at.to_string(), raw).map_err(serde::de::Error::custom)?;
            at += 1;
        }
        Ok(())
    }
}
