//! Members of a record's JSON object, appended one by one: a name with its comma, colon and quote as they stand in the line,
//! and a value. It allocates nothing where `out` has room, since a record is written for each call.

use std::io::Write;
use std::net::IpAddr;

use super::record::Bounded;
use crate::json::write;

/// A text as a member's value.
pub(super) trait Text {
    /// Whether there is none.
    fn is_empty(&self) -> bool;

    /// Appends it as JSON, both quotes with it.
    fn push(&self, out: &mut Vec<u8>);
}

impl Text for &str {
    fn is_empty(&self) -> bool {
        str::is_empty(self)
    }

    fn push(&self, out: &mut Vec<u8>) {
        write::string(out, self);
    }
}

impl Text for Bounded<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&self, out: &mut Vec<u8>) {
        write::string(out, self.0);
        if !self.1.is_empty() {
            // Inside the quotes.
            out.pop();
            out.extend_from_slice(self.1.as_bytes());
            out.push(b'"');
        }
    }
}

/// Text of which it is known that nothing in it is escaped.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a>(pub &'a [u8]);

impl Text for Plain<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.0);
        out.push(b'"');
    }
}

/// Whether these bytes are ASCII of which JSON escapes nothing. It looks at all of them, which is done for many at once.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let is_other = |byte: u8| !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\';
    !bytes.iter().fold(false, |found, byte| found | is_other(*byte))
}

/// Appends a text, if there is one. `name` ends with the colon.
pub(super) fn text(out: &mut Vec<u8>, name: &'static [u8], value: impl Text) {
    if !value.is_empty() {
        out.extend_from_slice(name);
        value.push(out);
    }
}

/// Appends a number, if there is one. `name` ends with the colon.
pub(super) fn number(out: &mut Vec<u8>, name: &'static [u8], value: Option<u64>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Appends an address. `name` ends with the colon.
pub(super) fn address(out: &mut Vec<u8>, name: &'static [u8], value: IpAddr) {
    out.extend_from_slice(name);
    out.push(b'"');
    match value {
        // The formatting machinery takes as long as the rest of the record.
        IpAddr::V4(address) => {
            for (index, part) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(part).as_bytes());
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_json_writes_as_it_is() {
        for byte in 0..=u8::MAX {
            let bytes = [b'a', byte];
            let is_same = std::str::from_utf8(&bytes).is_ok_and(|text| write::to_text(text) == format!("\"{text}\""));
            // DEL may stand as it is, and nobody has it in a name.
            assert_eq!(is_plain(&bytes), is_same && byte != 0x7f, "{byte}");
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn addresses_are_written_as_they_are_shown() {
        for text in ["0.0.0.0", "255.255.255.255", "192.0.2.7", "::1", "2001:db8::1", "::ffff:192.0.2.7"] {
            let mut out = Vec::new();
            address(&mut out, b"", text.parse().expect("an address"));
            assert_eq!(String::from_utf8_lossy(&out), format!("\"{text}\""));
        }
    }
}
