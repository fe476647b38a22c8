//! Structs that are read from JSON objects only.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A `T` that stands as an object. A derived struct by itself is read from an array too, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        a: u32,
        b: Option<u32>,
    }

    #[test]
    fn a_struct_is_read_from_an_object_and_from_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Object<Pair>>(text).map(|pair| pair.0);
        assert_eq!(read(r#"{"a":1,"c":[]}"#).unwrap(), Pair { a: 1, b: None });
        for bad in ["[1,2]", "[1]", "[[1]]", "1", "null", "\"a\"", "{}", "[]", r#"[{"a":1}]"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
