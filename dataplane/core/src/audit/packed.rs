//! A record with its texts, in one piece of memory of a fixed size that is used again: how a record goes from a shard to the
//! thread that writes. It never allocates.

use super::record::{Record, TEXT_BYTES_MAX, TEXTS, bound};

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
    rest: Record<'static>,
    /// Where each text ends; the next begins there.
    ends: [u16; TEXTS],
    /// The texts, one after the other, so that a short record is few cache lines.
    bytes: [u8; BYTES],
}

const _: () = assert!(BYTES <= u16::MAX as usize, "ends are of 16 bits");

impl Default for Packed {
    fn default() -> Packed {
        Packed { rest: Record::default(), ends: [0; TEXTS], bytes: [0; BYTES] }
    }
}

impl Packed {
    /// Takes a record in place of the one that is there. Texts are cut at their bounds.
    pub fn pack(&mut self, record: &Record<'_>) {
        self.rest = record.with_texts([""; TEXTS]);
        let mut end = 0;
        for (index, text) in record.texts().into_iter().enumerate() {
            let (kept, cut) = bound(text, TEXT_BYTES_MAX[index]);
            for part in [kept, cut] {
                self.bytes[end..end + part.len()].copy_from_slice(part.as_bytes());
                end += part.len();
            }
            self.ends[index] = end as u16;
        }
    }

    /// The record.
    pub fn record(&self) -> Record<'_> {
        let mut begin = 0;
        self.rest.with_texts(self.ends.map(|end| {
            let bytes = &self.bytes[begin..usize::from(end)];
            begin = usize::from(end);
            // Text went in, and was cut between characters.
            std::str::from_utf8(bytes).unwrap_or_default()
        }))
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
        let long = "é".repeat(600);
        packed.pack(&Record::default().with_texts([&long; TEXTS]));
        assert!(packed.record().texts().iter().all(|text| text.ends_with("é…")));
        assert!(packed.record().texts().iter().zip(TEXT_BYTES_MAX).all(|(text, max)| text.len() <= max));
    }
}
