//! The shapes in which keys come: lists, and JSON with keys in several places. It keeps the order in which they are
//! written, wipes what it holds of them, and never repeats one in an error.

use std::fmt;
use std::time::UNIX_EPOCH;

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// A key, and what is said of it.
pub struct Entry {
    pub key: Zeroizing<String>,
    pub about: Value,
}

/// Names under which an object of a list has its key.
const KEY_FIELDS: [&str; 5] = ["key", "api_key", "token", "secret", "value"];

/// Texts with commas between them. Blanks around them, and empty ones, mean nothing.
pub fn of_list(text: &str) -> Vec<Entry> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Entry { key: Zeroizing::new(part.to_owned()), about: Value::Null }).collect()
}

/// A JSON object or array.
pub fn of_json(text: &str) -> Result<Vec<Entry>, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let entries =
        if text.trim_start().starts_with('{') { reader.deserialize_map(Shape) } else { reader.deserialize_seq(Shape) };
    // The words of `serde_json` may repeat what stands in the wrong place.
    let told = |error: serde_json::Error| {
        let text = error.to_string();
        match text.strip_prefix(OURS).and_then(|text| text.split(" at line ").next()) {
            Some(ours) => ours.to_owned(),
            None => format!("line {} column {}: this is not JSON", error.line(), error.column()),
        }
    };
    let entries = entries.map_err(told)?;
    reader.end().map_err(told)?;
    Ok(entries)
}

/// How an error of this file begins, so that it is told from those of `serde_json`.
const OURS: &str = "ringway: ";

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Entry>, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push(Entry { key: Zeroizing::new(key), about: map.next_value()? });
        }
        Ok(entries)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Entry>, A::Error> {
        let mut entries = Vec::new();
        while let Some(element) = seq.next_element::<Value>()? {
            let place = entries.len() + 1;
            let entry = of_element(element);
            entries.push(entry.map_err(|why| serde::de::Error::custom(format!("{OURS}key {place}: {why}")))?);
        }
        Ok(entries)
    }
}

/// A key alone, or an object that has it among its fields.
fn of_element(element: Value) -> Result<Entry, &'static str> {
    match element {
        Value::String(key) => Ok(Entry { key: Zeroizing::new(key), about: Value::Null }),
        Value::Object(mut fields) => {
            let mut found = None;
            for name in KEY_FIELDS {
                if let Some(Value::String(key)) = fields.remove(name)
                    && let Some(mut other) = found.replace(Zeroizing::new(key))
                {
                    other.zeroize();
                    return Err("it has two fields with a key: keep one of them");
                }
            }
            let key = found.ok_or("it has no text `key`")?;
            Ok(Entry { key, about: Value::Object(fields) })
        }
        _ => Err("it is neither a text nor an object with a `key`"),
    }
}

/// Seconds since 1970: a number of them, a day, or a time of RFC 3339.
pub fn time(name: &str, value: &Value) -> Result<u64, String> {
    let wrong = || format!("`{name}` is no time: write one like 2027-01-31T00:00:00Z, or seconds since 1970");
    match value {
        Value::Number(number) => {
            // Python's `time.time()` has a fraction.
            let seconds = number.as_f64().filter(|seconds| (0.0..=u64::MAX as f64).contains(seconds));
            seconds.map(|seconds| seconds as u64).ok_or_else(wrong)
        }
        Value::String(text) => {
            let text = text.trim().trim_end_matches("+00:00");
            let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
            let time = humantime::parse_rfc3339_weak(&whole).map_err(|_| wrong())?;
            Ok(time.duration_since(UNIX_EPOCH).map_err(|_| wrong())?.as_secs())
        }
        _ => Err(wrong()),
    }
}
