//! Rows without an id: a uuid made of their contents, the same each time.

use sha2::{Digest as _, Sha256};

use super::plan::RowKey;
use super::row::RowFields;
use super::target::Target;
use super::value::Notes;

/// The digest of a row's contents; constants and defaults are none of them.
pub fn digest(targets: &[Target], fields: &impl RowFields) -> Sha256 {
    let (mut contents, mut value, mut notes) = (Sha256::new(), Vec::new(), Notes::default());
    for (at, target) in targets.iter().enumerate().filter(|(_, target)| target.constant().is_none()) {
        value.clear();
        if fields.write(at, target, &mut notes, &mut value) == Ok(false) && !target.is_stored_default(&value) {
            contents.update(target.column.name.as_bytes());
            contents.update(&value);
        }
    }
    contents
}

/// Writes a uuid made of the contents, in place of the empty one at `at` or behind the row.
pub fn uuid(contents: Sha256, at: Option<usize>, nullable: bool, out: &mut Vec<u8>) -> RowKey {
    let digest = contents.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    let (high, low) = uuid::Builder::from_custom_bytes(bytes).into_uuid().as_u64_pair();
    let mut wide = [0; 16];
    wide[..8].copy_from_slice(&high.to_le_bytes());
    wide[8..].copy_from_slice(&low.to_le_bytes());
    // Before the value it says that it is no default and, where it may be, that it is not null.
    let flags = 1 + usize::from(nullable);
    let mut value = vec![0; flags];
    value.extend_from_slice(&wide);
    match at {
        None => out.extend_from_slice(&value),
        Some(at) => {
            let length = match (out.get(at), out.get(at + 1)) {
                (Some(1), _) => 1,
                (_, Some(1)) if nullable => 2,
                _ => flags + 16,
            };
            out.splice(at..at + length, value);
        }
    }
    RowKey::Uuid(u128::from_le_bytes(wide))
}
