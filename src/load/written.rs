//! Rows written by a plan, and those that cannot be.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::column::ColumnType;
use super::contents;
use super::mapping::behind;
use super::plan::LoadPlan;
use super::row::RowFields;
use super::value::{InvalidValue, Notes, quoted};
use super::values::behind_length;

/// The mark that tells a row from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// Its id.
    Id(u64),
    /// The digest of an id that is text, or a UUID, in a table of the operator's.
    Digest(u128),
    /// Its uuid, or one made of its contents.
    Uuid(u128),
    /// Nothing.
    None,
}

/// A row that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its `time_start`, seconds.
    pub time: i64,
    /// Its `customer_acc_id`.
    pub account: i128,
    /// The mark that tells it from others.
    pub key: RowKey,
    /// The key is made of the contents.
    pub by_contents: bool,
    /// The kinds of odd rows that it is of, as bits.
    pub odd: u16,
}

/// A row that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The column; empty where it is the record as a whole.
    pub column: String,
    /// The value and the reason.
    pub refusal: InvalidValue,
    /// The mapping says that such rows are no calls.
    pub is_left_out: bool,
}

impl LoadPlan {
    /// Writes a row behind `out`; `defaults` counts, by target, rows that have the column's default.
    pub fn write(
        &self,
        fields: &impl RowFields,
        notes: &mut Notes,
        defaults: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Result<Written, Reject> {
        let begun = out.len();
        let row = self.row(fields, notes, defaults, out);
        if row.is_err() {
            out.truncate(begun);
            // Its values were counted up to the bad one, and are counted no more.
            let (mut counted, mut counts) = (Notes::default(), vec![0; defaults.len()]);
            let _ = self.row(fields, &mut counted, &mut counts, out);
            out.truncate(begun);
            notes.take_off(&counted);
            defaults.iter_mut().zip(counts).for_each(|(sum, less)| *sum -= less);
        }
        row
    }

    fn row(
        &self,
        fields: &impl RowFields,
        notes: &mut Notes,
        defaults: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Result<Written, Reject> {
        for (at, words) in &self.calls {
            let text = fields.text(*at);
            let text = text.trim();
            let known = behind(words.iter().map(|(word, is_call)| (word.as_str(), is_call)), text);
            let (why, is_left_out) = match known.or_else(|| words.get("*")) {
                Some(true) => continue,
                Some(false) => (format!("is {}", quoted(text)), true),
                None => (format!("{}: no word that the mapping knows", quoted(text)), false),
            };
            let refusal = InvalidValue { value: String::new(), why: why.into() };
            let column = self.sources.get(*at).cloned().unwrap_or_default();
            return Err(Reject { column, refusal, is_left_out });
        }
        let (mut time, mut account, mut id, mut uuid) = (0, 0, None, None);
        // Files with ids seldom have rows without one.
        let mut contents = (self.made.is_some() && self.id.is_none()).then(Sha256::new);
        let (mut uuid_at, mut values) = (None, self.odd.begin());
        for (at, target) in self.targets.iter().enumerate() {
            let from = out.len();
            let is = Some(at);
            if let Some(constant) = target.constant() {
                out.extend_from_slice(constant);
            } else {
                let refused = |refusal| Reject { column: target.column.name.clone(), refusal, is_left_out: false };
                let default = fields.write(at, target, notes, out).map_err(refused)?;
                if default {
                    if is == self.time || is == self.account {
                        return Err(refused(InvalidValue { value: String::new(), why: "empty".into() }));
                    }
                    if let Some(count) = defaults.get_mut(at) {
                        *count += 1;
                    }
                }
                let written = out.get(from..).unwrap_or_default();
                if let Some(contents) = &mut contents
                    && !default
                    && !target.is_stored_default(written)
                {
                    contents.update(target.column.name.as_bytes());
                    contents.update(written);
                }
            }
            self.odd.set(&mut values, at, target, out.get(from..).unwrap_or_default());
            let flags = 1 + usize::from(target.column.nullable);
            let bytes = out.get(from + flags..).unwrap_or_default();
            let number = || target.column.kind.as_ref().and_then(|kind| kind.number(bytes));
            if is == self.time {
                time = number().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
            } else if is == self.account {
                account = number().unwrap_or(0);
            } else if is == self.id {
                id = match &target.column.kind {
                    Some(kind @ (ColumnType::Text | ColumnType::Uuid)) => {
                        digest(kind, bytes).filter(|_| !target.is_stored_default(out.get(from..).unwrap_or_default()))
                    }
                    _ => number().filter(|id| *id != 0).map(|id| RowKey::Id(id as u64)),
                };
            } else if is == self.uuid {
                uuid_at = Some(from);
                uuid = <[u8; 16]>::try_from(bytes)
                    .ok()
                    .map(u128::from_le_bytes)
                    .filter(|uuid| *uuid != 0)
                    .map(RowKey::Uuid);
            }
        }
        let (key, by_contents) = match (id.or(uuid), self.made) {
            (Some(key), _) => (key, false),
            (None, Some(nullable)) => {
                let contents = contents.unwrap_or_else(|| contents::digest(&self.targets, fields));
                (contents::uuid(contents, uuid_at, nullable, out), true)
            }
            (None, None) => (RowKey::None, false),
        };
        // The uuid is the last column; rows that have something else to be told by do without it.
        if self.adds_uuid() && !by_contents {
            out.push(1);
        }
        let odd = self.odd.decide(&values);
        match self.odd.refuses(odd) {
            None => Ok(Written { time, account, key, by_contents, odd }),
            Some(why) => Err(Reject::record(why)),
        }
    }
}

/// The digest of an id, as [`super::door`] has the server make it.
fn digest(kind: &ColumnType, written: &[u8]) -> Option<RowKey> {
    let id = if *kind == ColumnType::Text { behind_length(written) } else { written };
    let digest = Sha256::digest(id);
    Some(RowKey::Digest(u128::from_le_bytes(*digest.first_chunk()?)))
}

impl Reject {
    /// A record that is none.
    pub fn record(why: String) -> Self {
        let refusal = InvalidValue { value: String::new(), why: Cow::Owned(why) };
        Self { column: String::new(), refusal, is_left_out: false }
    }

    /// The reason with the value.
    pub fn reason(&self) -> String {
        match &*self.refusal.value {
            "" => self.refusal.why.clone().into_owned(),
            value => format!("{value}: {}", self.refusal.why),
        }
    }
}
