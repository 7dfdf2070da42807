//! Appends JSON text to a buffer. It never fails: what it is given can always be written.

/// Appends `text` as a JSON string.
pub fn string(out: &mut Vec<u8>, text: &str) {
    value(out, text);
}

/// Appends any serialisable value.
pub fn value<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("a Vec takes every byte, and our types have string keys");
}

/// The text of any serialisable value.
pub fn to_text<T: serde::Serialize + ?Sized>(item: &T) -> String {
    serde_json::to_string(item).expect("our types have string keys")
}
