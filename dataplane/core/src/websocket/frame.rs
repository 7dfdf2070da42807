//! One frame's head, read and written (RFC 6455 section 5.2), and the mask. It never looks at a payload's meaning.

use super::close::{CONTROL_BYTES_MAX, Close};

/// Bytes of a frame's head, at most: two, eight of length, four of mask.
pub const HEAD_BYTES_MAX: usize = 14;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that has begun.
    Continuation,
    /// Text.
    Text,
    /// Anything but text.
    Binary,
    /// The end.
    Close,
    /// Are you there?
    Ping,
    /// I am here.
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0,
            Opcode::Text => 1,
            Opcode::Binary => 2,
            Opcode::Close => 8,
            Opcode::Ping => 9,
            Opcode::Pong => 10,
        }
    }

    /// Whether such frames may come between the fragments of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Whether the message ends with this frame.
    pub is_final: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// Bytes of the payload.
    pub payload_bytes: u64,
    /// The mask.
    pub mask: [u8; 4],
    /// Bytes of the head itself.
    pub head_bytes: usize,
}

/// Reads a client's frame head from the start of `bytes`; `None` while it could still become good.
///
/// # Errors
/// The end of the connection, as soon as no continuation could make the head good.
pub fn read_head(bytes: &[u8]) -> Result<Option<FrameHead>, Close> {
    let broken = |reason| Err(Close::ours(Close::PROTOCOL, reason));
    let [first, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return broken("A reserved bit is set, and no extension was agreed");
    }
    let Some(opcode) = Opcode::of(first & 0x0f) else {
        return broken("A reserved opcode");
    };
    let is_final = first & 0x80 != 0;
    if opcode.is_control() && !is_final {
        return broken("A control frame has no fragments");
    }
    let [second, rest @ ..] = rest else {
        return Ok(None);
    };
    if second & 0x80 == 0 {
        return broken("A client masks its frames");
    }
    let short = second & 0x7f;
    if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
        return broken("A control frame has at most 125 bytes");
    }
    let (payload_bytes, rest) = match short {
        126 => {
            let Some((length, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let length = u16::from_be_bytes(*length);
            if length < 126 {
                return broken("A length must be as short as it can be");
            }
            (u64::from(length), rest)
        }
        127 => {
            let Some((length, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let length = u64::from_be_bytes(*length);
            if length > i64::MAX as u64 {
                return broken("A length has 63 bits");
            }
            if length <= u64::from(u16::MAX) {
                return broken("A length must be as short as it can be");
            }
            (length, rest)
        }
        _ => (u64::from(short), rest),
    };
    let Some((mask, rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let head_bytes = bytes.len() - rest.len();
    Ok(Some(FrameHead { is_final, opcode, payload_bytes, mask: *mask, head_bytes }))
}

/// Appends the head of an unfragmented frame. A mask is what clients have; a server's frames have none.
pub fn write_head(out: &mut Vec<u8>, opcode: Opcode, payload_bytes: usize, mask: Option<[u8; 4]>) {
    debug_assert!(!opcode.is_control() || payload_bytes <= CONTROL_BYTES_MAX);
    out.push(0x80 | opcode.bits());
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload_bytes {
        0..126 => out.push(masked | payload_bytes as u8),
        126..=0xffff => {
            out.push(masked | 126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(mask.as_ref().map_or(&[], |mask| &mask[..]));
}

/// Puts the mask on a payload's bytes, or takes it off: the bytes that begin at `offset` of the payload.
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut key = [0; 8];
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = mask[(offset as usize).wrapping_add(place) & 3];
    }
    let key_word = u64::from_ne_bytes(key);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key_word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: Result<Option<(Opcode, u64, usize)>, u16>) {
        let got = read_head(bytes).map(|head| head.map(|head| (head.opcode, head.payload_bytes, head.head_bytes)));
        assert_eq!(got.map_err(|close| close.code.expect("a code")), want, "{bytes:?}");
    }

    #[test]
    fn a_head_is_read_one_way_or_refused_at_once() {
        check(&[], Ok(None));
        check(&[0x81], Ok(None));
        check(&[0x81, 0x85, 1, 2, 3], Ok(None));
        check(&[0x81, 0x85, 1, 2, 3, 4], Ok(Some((Opcode::Text, 5, 6))));
        check(&[0x89, 0x80, 1, 2, 3, 4, 9], Ok(Some((Opcode::Ping, 0, 6))));
        check(&[0x82, 0xfe, 0, 126, 1, 2, 3, 4], Ok(Some((Opcode::Binary, 126, 8))));
        check(&[0x80, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], Ok(Some((Opcode::Continuation, 65536, 14))));
        check(&[0x81, 0xfe, 0], Ok(None));
        for reserved in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f] {
            check(&[reserved], Err(1002));
        }
        check(&[0x09], Err(1002));
        check(&[0x81, 0x05], Err(1002));
        check(&[0x89, 0xfe], Err(1002));
        check(&[0x81, 0xfe, 0, 125], Err(1002));
        check(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Err(1002));
        check(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Err(1002));
    }

    #[test]
    fn a_head_that_is_written_reads_back() {
        for payload_bytes in [0, 1, 125, 126, 65535, 65536, 1 << 30] {
            let mut out = Vec::new();
            write_head(&mut out, Opcode::Text, payload_bytes, Some([1, 2, 3, 4]));
            let head = read_head(&out).expect("good").expect("whole");
            let want = FrameHead {
                is_final: true,
                opcode: Opcode::Text,
                payload_bytes: payload_bytes as u64,
                mask: [1, 2, 3, 4],
                head_bytes: out.len(),
            };
            assert_eq!(head, want);
            let mut bare = Vec::new();
            write_head(&mut bare, Opcode::Text, payload_bytes, None);
            assert_eq!((bare[1] & 0x80, bare.len()), (0, out.len() - 4), "a server never masks");
        }
    }

    #[test]
    fn a_mask_goes_on_wherever_its_payload_is_cut() {
        let plain: Vec<u8> = (0..100).collect();
        let mut whole = plain.clone();
        apply_mask(&mut whole, [9, 8, 7, 6], 0);
        assert_eq!(whole[5], 5 ^ 8);
        for cut in 0..plain.len() {
            let mut parts = plain.clone();
            let (front, back) = parts.split_at_mut(cut);
            apply_mask(front, [9, 8, 7, 6], 0);
            apply_mask(back, [9, 8, 7, 6], cut as u64);
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }
}
