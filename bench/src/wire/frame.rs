//! WebSocket frames (RFC 6455, section 5) as a client sees them: its own go out masked, a server's come in bare.
//! Never looks at what a payload says.

use crate::wire::response::{ANSWER_BYTES_MAX, Malformed};
use crate::wire::stamp::Stamped;

/// One key for all frames. A mask keeps a browser's script from choosing what goes over the wire; here nobody's script
/// runs, and the server has the same work with any key but zero.
const MASK_KEY: [u8; 4] = *b"Ring";

/// What a control frame may carry (RFC 6455, 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
        [Continuation, Text, Binary, Close, Ping, Pong].into_iter().find(|&opcode| opcode as u8 == bits)
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A whole frame of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub is_final: bool,
    pub opcode: Opcode,
    pub head_bytes: usize,
    pub payload_bytes: usize,
}

impl Frame {
    /// The frame at the start of `bytes`; `None` until it is whole.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        // Reserved bits are for extensions, and we agree to none.
        let opcode = Opcode::of(first & 0x0f).filter(|_| first & 0x70 == 0).ok_or(Malformed::BadFrame)?;
        let is_final = first & 0x80 != 0;
        if second & 0x80 != 0 {
            return Err(Malformed::MaskedFrame);
        }
        if opcode.is_control() && (!is_final || usize::from(*second) > CONTROL_BYTES_MAX) {
            return Err(Malformed::BadFrame);
        }
        let (payload_bytes, head_bytes, shortest) = match second {
            126 => {
                let Some(length) = rest.first_chunk() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*length)), 4, 126)
            }
            127 => {
                let Some(length) = rest.first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*length), 10, 0x1_0000)
            }
            &length => (u64::from(length), 2, 0),
        };
        if payload_bytes < shortest {
            return Err(Malformed::BadFrame);
        }
        let payload_bytes = usize::try_from(payload_bytes).ok().filter(|&bytes| bytes <= ANSWER_BYTES_MAX);
        let payload_bytes = payload_bytes.ok_or(Malformed::TooLarge)?;
        let is_whole = bytes.len() - head_bytes >= payload_bytes;
        Ok(is_whole.then_some(Self { is_final, opcode, head_bytes, payload_bytes }))
    }
}

/// A client's frame, ready to be stamped and sent.
pub fn masked(opcode: Opcode, payload: &[u8]) -> Stamped {
    debug_assert!(!opcode.is_control() || payload.len() <= CONTROL_BYTES_MAX);
    let mut bytes = vec![0x80 | opcode as u8];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK_KEY);
    let payload_at = bytes.len();
    bytes.extend_from_slice(payload);
    Stamped::masked(bytes, payload_at, MASK_KEY)
}

/// A server's frame, for tests; its length is written as short as it can be.
#[cfg(test)]
pub fn bare(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    [bytes, payload.to_vec()].concat()
}

/// What a client's frames say, for tests: opcode and payload of each, which is in hexadecimal where it is no text.
#[cfg(test)]
pub fn unmasked(mut bytes: &[u8]) -> Vec<(u8, String)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(second & 0x80, 0x80, "a client masks");
        assert_eq!(first & 0xf0, 0x80, "one frame a message");
        let (length, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("8 bytes")) as usize, &rest[8..]),
            length => (usize::from(length), rest),
        };
        let (key, rest) = rest.split_at(4);
        let payload: Vec<u8> = rest[..length].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let hexadecimal = || payload.iter().map(|byte| format!("{byte:02x}")).collect();
        frames.push((first & 0x0f, str::from_utf8(&payload).map_or_else(|_| hexadecimal(), str::to_owned)));
        bytes = &rest[length..];
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::{COUNTER_FIRST, COUNTER_MARK, Digits};

    #[test]
    fn lengths_of_every_form_are_read_and_written() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let payload = "x".repeat(length);
            let bytes = bare(0x81, payload.as_bytes());
            let frame = Frame::read(&bytes).expect("right").expect("whole");
            assert_eq!((frame.is_final, frame.opcode, frame.payload_bytes), (true, Opcode::Text, length));
            assert_eq!(frame.head_bytes + frame.payload_bytes, bytes.len());
            assert_eq!(Frame::read(&bytes[..bytes.len() - 1]), Ok(None), "{length}");
            let mut out = Vec::new();
            masked(Opcode::Text, payload.as_bytes()).append(Digits::of(COUNTER_FIRST), &mut out);
            assert_eq!(unmasked(&out), [(1, payload)]);
        }
    }

    #[test]
    fn the_counter_is_stamped_under_the_mask() {
        let frame = masked(Opcode::Text, format!("{{\"id\":{COUNTER_MARK}}}").as_bytes());
        let mut out = Vec::new();
        frame.append(Digits::of(COUNTER_FIRST + 9), &mut out);
        assert_eq!(unmasked(&out), [(1, r#"{"id":100000000009}"#.to_owned())]);
    }

    #[test]
    fn what_a_server_may_not_send_is_malformed() {
        #[track_caller]
        fn check(bytes: &[u8], want: Malformed) {
            assert_eq!(Frame::read(bytes), Err(want), "{bytes:?}");
        }
        check(&[0x81, 0x81], Malformed::MaskedFrame);
        check(&[0xc1, 0], Malformed::BadFrame);
        check(&[0x91, 0], Malformed::BadFrame);
        check(&[0x83, 0], Malformed::BadFrame);
        check(&[0x8b, 0], Malformed::BadFrame);
        check(&[0x09, 0], Malformed::BadFrame);
        check(&[0x89, 126], Malformed::BadFrame);
        check(&[0x81, 126, 0, 125], Malformed::BadFrame);
        check(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Malformed::BadFrame);
        check(&[0x81, 127, 0, 0, 0, 0, 0, 0x80, 0, 1], Malformed::TooLarge);
        check(&[0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0], Malformed::TooLarge);
    }
}
