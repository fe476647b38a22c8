//! Bodies and payloads as JSON, bounded before they are read: half a million small values take eighty times their text in
//! memory.

use serde_json::{Map, Value};

use super::bounds;
use super::errors::GrafanaError;

/// A body as a JSON object; an empty one is an empty object.
///
/// # Errors
/// The body is no JSON object, or has more than [`bounds::JSON_VALUES`] values.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, GrafanaError> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    if !is_small(body) {
        return Err(GrafanaError::refused(format!("the body has more than {} values", bounds::JSON_VALUES)));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(GrafanaError::refused("the body is no JSON object")),
        Err(e) => Err(GrafanaError::refused(format!("the body is no JSON: {e}"))),
    }
}

/// JSON within a text; `None` for what is none, or has too many values.
pub fn within(text: &str) -> Option<Value> {
    if is_small(text.as_bytes()) { serde_json::from_str(text).ok() } else { None }
}

/// True unless there are more marks that begin a value, outside of texts, than there may be values.
fn is_small(json: &[u8]) -> bool {
    let (mut marks, mut in_text, mut escaped) = (0usize, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => marks += 1,
            _ => {}
        }
    }
    marks <= bounds::JSON_VALUES
}

/// A payload: an object, or its text from a text area; nothing is an empty one.
///
/// # Errors
/// Anything else.
pub fn payload(value: Option<&Value>) -> Result<Map<String, Value>, GrafanaError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Map::new()),
        Some(Value::String(text)) => match within(text) {
            Some(Value::Object(map)) => Ok(map),
            _ => Err(GrafanaError::refused("the payload is a text that is no JSON object")),
        },
        Some(_) => Err(GrafanaError::refused("the payload is no object")),
    }
}

/// A list that is absent or null is empty.
///
/// # Errors
/// The value is no list.
pub fn list<'v>(name: &str, value: Option<&'v Value>) -> Result<&'v [Value], GrafanaError> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(all)) => Ok(all),
        Some(_) => Err(GrafanaError::refused(format!("{name} is no list"))),
    }
}

/// A member of a list that has to be an object.
///
/// # Errors
/// The member is no object.
pub fn member<'v>(name: &str, value: &'v Value) -> Result<&'v Map<String, Value>, GrafanaError> {
    value.as_object().ok_or_else(|| GrafanaError::refused(format!("{name} holds what is no object")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(is_small(list(bounds::JSON_VALUES).as_bytes()));
        assert!(!is_small(list(bounds::JSON_VALUES + 1).as_bytes()));
        let text = format!("\"{}\"", "[\\\",{\\\\".repeat(bounds::JSON_VALUES));
        assert!(is_small(text.as_bytes()) && serde_json::from_str::<String>(&text).is_ok());
        assert!(!is_small("{\"\":".repeat(bounds::JSON_VALUES + 1).as_bytes()));
    }
}
