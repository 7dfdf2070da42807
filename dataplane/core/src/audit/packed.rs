//! A record with its texts, in one piece of memory of a fixed size that is used again: how a record goes from a shard to the
//! thread that writes. It never allocates.

use super::member::{Plain, is_plain};
use super::record::{Fixed, Record, TEXT_BYTES_MAX, TEXTS, bound};

/// Bytes of all texts.
const BYTES: usize = {
    let (mut sum, mut index) = (0, 0);
    while index < TEXTS {
        sum += TEXT_BYTES_MAX[index];
        index += 1;
    }
    sum
};

/// A record with its texts.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Everything but the texts.
    fixed: Fixed,
    /// Where each text ends; the next begins there.
    ends: [u16; TEXTS],
    /// The texts, one after the other, so that a short record is few cache lines.
    bytes: [u8; BYTES],
}

const _: () = assert!(BYTES <= u16::MAX as usize, "ends are of 16 bits");

impl Default for Packed {
    fn default() -> Packed {
        Packed { fixed: Fixed::default(), ends: [0; TEXTS], bytes: [0; BYTES] }
    }
}

impl Packed {
    /// Takes a record in place of the one that is there. Texts are cut at their bounds.
    pub fn pack(&mut self, record: &Record<'_>) {
        self.fixed = record.fixed();
        let mut end = 0;
        for (index, text) in record.texts().into_iter().enumerate() {
            if !text.is_empty() {
                let (kept, cut) = bound(text, TEXT_BYTES_MAX[index]);
                for part in [kept, cut] {
                    self.bytes[end..end + part.len()].copy_from_slice(part.as_bytes());
                    end += part.len();
                }
            }
            self.ends[index] = end as u16;
        }
    }

    /// The record.
    pub fn record(&self) -> Record<'_> {
        // Text went in, and was cut between characters.
        self.fixed.with_texts(self.texts().map(|bytes| std::str::from_utf8(bytes).unwrap_or_default()))
    }

    /// Appends the record's members behind its number, each with a comma before it.
    pub(super) fn write_members(&self, out: &mut Vec<u8>) {
        let end = usize::from(self.ends[TEXTS - 1]);
        // One look at all texts, in place of two at each of them.
        if is_plain(&self.bytes[..end]) {
            self.fixed.write_members(self.texts().map(Plain), out);
        } else {
            self.record().write_members(out);
        }
    }

    fn texts(&self) -> [&[u8]; TEXTS] {
        let mut begin = 0;
        self.ends.map(|end| {
            let bytes = &self.bytes[begin..usize::from(end)];
            begin = usize::from(end);
            bytes
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Decision, Kind};
    use super::*;

    #[test]
    fn a_record_comes_out_as_it_went_in() {
        let mut packed = Packed::default();
        let record = Record {
            at_unix_us: 7,
            kind: Kind::ToolCall,
            principal: "ada",
            client: Some(std::net::IpAddr::from([127, 0, 0, 1])),
            tool: "écho",
            decision: Some(Decision::Allowed),
            generation: Some(1),
            arguments: Some([1; 32]),
            lost: 3,
            detail: "d",
            ..Record::default()
        };
        packed.pack(&record);
        assert_eq!(packed.record(), record);
        packed.pack(&Record::default());
        assert_eq!(packed.record(), Record::default(), "nothing is left of the one before");
        let members = |packed: &Packed, record: &Record<'_>| {
            let (mut of_packed, mut of_record) = (Vec::new(), Vec::new());
            packed.write_members(&mut of_packed);
            record.write_members(&mut of_record);
            assert_eq!(String::from_utf8_lossy(&of_packed), String::from_utf8_lossy(&of_record));
        };
        for tool in ["écho", "echo", "", "\"", "\u{1}"] {
            let record = Record { tool, ..record };
            packed.pack(&record);
            assert_eq!(packed.record(), record);
            members(&packed, &record);
        }
        let long = "é".repeat(600);
        packed.pack(&Record::default().with_texts([&long; TEXTS]));
        assert!(packed.record().texts().iter().all(|text| text.ends_with("é…")));
        assert!(packed.record().texts().iter().zip(TEXT_BYTES_MAX).all(|(text, max)| text.len() <= max));
    }
}
