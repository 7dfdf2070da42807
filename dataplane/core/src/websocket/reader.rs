//! Cuts a connection's bytes into messages, in place: payloads are unmasked where they were read, and fragments move down
//! over the heads between them. It never reads, answers or waits.

use super::close::Close;
use super::frame::{self, FrameHead, Opcode};
use super::text::TextCheck;
use crate::http::decoder::READ_BYTES;

/// A buffer that grew past this for one message is given back after it.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// Fragments of one message, at most: a client that sends thousands of them wants work, not an answer.
const FRAGMENTS_MAX: u32 = 64 << 10;
/// Fragments of one message without a byte, at most. Libraries end a message with one.
const EMPTY_FRAGMENTS_MAX: u32 = 100;

/// The outcome of one look at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Read more.
    Nothing,
    /// A message is whole: see [`Reader::message`], then [`Reader::consume`].
    Message,
    /// A control frame, whose payload [`Reader::control`] is until the next look.
    Control(Opcode),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Payload { head: FrameHead, taken_bytes: u64 },
    Whole,
}

/// The reading state of one connection.
#[derive(Debug)]
pub struct Reader {
    /// Zeroed room and bytes, in this order: the message as far as it is there, a gap, bytes not looked at, room.
    buffer: Vec<u8>,
    message_start: usize,
    message_end: usize,
    next: usize,
    filled: usize,
    state: State,
    /// Whether a message has begun and not ended.
    in_message: bool,
    control: (usize, usize),
    text: TextCheck,
    fragments: u32,
    empty_fragments: u32,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            buffer: Vec::new(),
            message_start: 0,
            message_end: 0,
            next: 0,
            filled: 0,
            state: State::Head,
            in_message: false,
            control: (0, 0),
            text: TextCheck::default(),
            fragments: 0,
            empty_fragments: 0,
        }
    }
}

impl Reader {
    /// Room for the next read, never empty.
    pub fn room(&mut self) -> &mut [u8] {
        const ROOM_BYTES_MIN: usize = READ_BYTES / 2;
        let held = self.message_end - self.message_start + self.filled - self.next;
        if held == 0 {
            self.move_down();
        }
        if self.buffer.len() - self.filled < ROOM_BYTES_MIN {
            // Moved only when that frees a good part, so that many small frames do not cost the square of a message.
            if self.buffer.len() - held >= ROOM_BYTES_MIN.max(self.buffer.len() / 4) {
                self.move_down();
            } else {
                // Doubling: a client pays for memory with bytes, not with a length it names.
                let grown = (self.buffer.len() * 2).max(READ_BYTES);
                self.buffer.resize(grown, 0);
            }
        }
        &mut self.buffer[self.filled..]
    }

    fn move_down(&mut self) {
        let message_bytes = self.message_end - self.message_start;
        self.buffer.copy_within(self.message_start..self.message_end, 0);
        self.buffer.copy_within(self.next..self.filled, message_bytes);
        self.filled -= self.next - message_bytes;
        (self.message_start, self.message_end, self.next) = (0, message_bytes, message_bytes);
    }

    /// Whether nothing is buffered: the next bytes begin a frame outside of any message and may come in a lent buffer.
    pub fn is_empty(&self) -> bool {
        self.next == self.filled && !self.in_message && matches!(self.state, State::Head)
    }

    /// Takes a buffer whose first `count` bytes were just read, in place of room of its own.
    pub fn lend(&mut self, buffer: Vec<u8>, count: usize) {
        debug_assert!(self.is_empty() && count <= buffer.len());
        self.buffer = buffer;
        (self.message_start, self.message_end, self.next, self.filled) = (0, 0, 0, count);
    }

    /// Gives the buffer up while nothing is in it, so that connections between messages hold none.
    pub fn give_back(&mut self) -> Option<Vec<u8>> {
        (self.is_empty() && !self.buffer.is_empty()).then(|| {
            (self.message_start, self.message_end, self.next, self.filled) = (0, 0, 0, 0);
            std::mem::take(&mut self.buffer)
        })
    }

    /// Says that `count` bytes were read into the room.
    pub fn filled(&mut self, count: usize) {
        debug_assert!(self.filled + count <= self.buffer.len());
        self.filled += count;
    }

    /// Takes bytes that were read elsewhere.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.filled(count);
            bytes = &bytes[count..];
        }
    }

    /// Looks at the bytes.
    ///
    /// # Errors
    /// The end of the connection; nothing more can be read from it.
    pub fn step(&mut self, message_bytes_max: usize) -> Result<Found, Close> {
        loop {
            match self.state {
                State::Head => {
                    let Some(head) = frame::read_head(&self.buffer[self.next..self.filled])? else {
                        return Ok(Found::Nothing);
                    };
                    if !head.opcode.is_control() {
                        self.begin_fragment(&head, message_bytes_max)?;
                    }
                    self.next += head.head_bytes;
                    if !self.in_message || self.message_start == self.message_end {
                        (self.message_start, self.message_end) = (self.next, self.next);
                    }
                    self.state = State::Payload { head, taken_bytes: 0 };
                }
                State::Payload { head, .. } if head.opcode.is_control() => {
                    let end = self.next + head.payload_bytes as usize;
                    if end > self.filled {
                        return Ok(Found::Nothing);
                    }
                    frame::apply_mask(&mut self.buffer[self.next..end], head.mask, 0);
                    self.control = (self.next, end);
                    self.next = end;
                    if !self.in_message {
                        (self.message_start, self.message_end) = (end, end);
                    }
                    self.state = State::Head;
                    return Ok(Found::Control(head.opcode));
                }
                State::Payload { head, taken_bytes } => {
                    let there = (self.filled - self.next) as u64;
                    let count = there.min(head.payload_bytes - taken_bytes);
                    self.take_text(count as usize, head.mask, taken_bytes)?;
                    if taken_bytes + count < head.payload_bytes {
                        self.state = State::Payload { head, taken_bytes: taken_bytes + count };
                        return Ok(Found::Nothing);
                    }
                    self.state = State::Head;
                    if head.is_final {
                        self.text.finish().map_err(|_| NOT_UTF_8)?;
                        self.state = State::Whole;
                    }
                }
                State::Whole => return Ok(Found::Message),
            }
        }
    }

    /// Whether a fragment may begin here, and fits.
    fn begin_fragment(&mut self, head: &FrameHead, message_bytes_max: usize) -> Result<(), Close> {
        match (head.opcode, self.in_message) {
            (Opcode::Binary, _) => return Err(Close::ours(Close::UNSUPPORTED, "Messages are text")),
            (Opcode::Continuation, false) => {
                return Err(Close::ours(Close::PROTOCOL, "A continuation of nothing"));
            }
            (Opcode::Text, true) => {
                return Err(Close::ours(Close::PROTOCOL, "A message has begun and not ended"));
            }
            _ => {}
        }
        if !self.in_message {
            self.in_message = true;
            (self.message_start, self.message_end) = (self.next, self.next);
            (self.fragments, self.empty_fragments) = (0, 0);
        }
        let so_far = (self.message_end - self.message_start) as u64;
        if head.payload_bytes > (message_bytes_max as u64).saturating_sub(so_far) {
            return Err(Close::ours(Close::TOO_LARGE, "The message is too large"));
        }
        self.fragments += 1;
        self.empty_fragments += u32::from(head.payload_bytes == 0);
        if self.fragments > FRAGMENTS_MAX || self.empty_fragments > EMPTY_FRAGMENTS_MAX {
            return Err(Close::ours(Close::POLICY, "Too many fragments"));
        }
        Ok(())
    }

    fn take_text(&mut self, count: usize, mask: [u8; 4], offset: u64) -> Result<(), Close> {
        let piece = self.next..self.next + count;
        frame::apply_mask(&mut self.buffer[piece.clone()], mask, offset);
        self.text.check(&self.buffer[piece.clone()]).map_err(|_| NOT_UTF_8)?;
        if self.message_end != self.next {
            self.buffer.copy_within(piece, self.message_end);
        }
        self.message_end += count;
        self.next += count;
        debug_assert!(self.message_end <= self.next && self.next <= self.filled);
        Ok(())
    }

    /// The whole message, once [`Found::Message`] was said.
    pub fn message(&self) -> &[u8] {
        debug_assert!(matches!(self.state, State::Whole));
        &self.buffer[self.message_start..self.message_end]
    }

    /// The payload of the control frame that the last look found.
    pub fn control(&self) -> &[u8] {
        &self.buffer[self.control.0..self.control.1]
    }

    /// Forgets the message just served.
    pub fn consume(&mut self) {
        if !matches!(self.state, State::Whole) {
            return;
        }
        self.state = State::Head;
        self.in_message = false;
        (self.message_start, self.message_end) = (self.next, self.next);
        if self.next == self.filled {
            (self.message_start, self.message_end, self.next, self.filled) = (0, 0, 0, 0);
            if self.buffer.len() > KEPT_BYTES_MAX {
                self.buffer = Vec::new();
            }
        }
    }
}

const NOT_UTF_8: Close = Close::ours(Close::NOT_UTF_8, "Text must be UTF-8");

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A client's frame; `first` is its first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::write_head(&mut bytes, Opcode::Text, payload.len(), Some(MASK));
        bytes[0] = first;
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        frame::apply_mask(&mut bytes[start..], MASK, 0);
        bytes
    }

    /// What a reader makes of frames that come together: texts, `!` and the payload of control frames, or a close code.
    fn read(frames: &[Vec<u8>]) -> Vec<String> {
        let mut reader = Reader::default();
        reader.feed(&frames.concat());
        let mut seen = Vec::new();
        loop {
            match reader.step(1000) {
                Ok(Found::Nothing) => return seen,
                Ok(Found::Message) => {
                    seen.push(String::from_utf8(reader.message().to_vec()).expect("text was checked"));
                    reader.consume();
                }
                Ok(Found::Control(_)) => seen.push(format!("!{}", String::from_utf8_lossy(reader.control()))),
                Err(close) => {
                    seen.push(close.code.expect("a code").to_string());
                    return seen;
                }
            }
        }
    }

    #[test]
    fn fragments_join_around_control_frames() {
        let joined = [frame(0x01, b"one "), frame(0x89, b"p"), frame(0x00, b""), frame(0x8a, b""), frame(0x80, b"two")];
        let mut frames = joined.to_vec();
        frames.push(frame(0x81, b"next"));
        assert_eq!(read(&frames), ["!p", "!", "one two", "next"]);
        assert_eq!(read(&[frame(0x81, b""), frame(0x81, b"x")]), ["", "x"]);
        // An empty first fragment, and a control frame before the message has a byte.
        assert_eq!(read(&[frame(0x01, b""), frame(0x89, b"p"), frame(0x80, b"x")]), ["!p", "x"]);
        let (front, back) = "é".as_bytes().split_at(1);
        assert_eq!(read(&[frame(0x01, front), frame(0x80, back)]), ["é"]);
    }

    #[test]
    fn what_is_no_message_ends_the_connection_with_its_code() {
        assert_eq!(read(&[frame(0x80, b"x")]), ["1002"], "a continuation of nothing");
        assert_eq!(read(&[frame(0x01, b"x"), frame(0x81, b"y")]), ["1002"], "a message inside another");
        assert_eq!(read(&[frame(0x82, b"x")]), ["1003"]);
        assert_eq!(read(&[frame(0x01, b"x"), frame(0x82, b"y")]), ["1003"]);
        assert_eq!(read(&[frame(0x81, b"\xff")]), ["1007"]);
        assert_eq!(read(&[frame(0x01, b"\xc3"), frame(0x80, b"")]), ["1007"], "cut inside a character");
        let half = frame(0x01, b"ab\xed\xa0");
        assert_eq!(read(&[half[..half.len() - 1].to_vec()]), Vec::<String>::new());
        assert_eq!(read(&[half]), ["1007"], "before the message ends");
    }

    #[test]
    fn a_message_has_bounds() {
        assert_eq!(read(&[frame(0x81, &[b'x'; 1000])])[0].len(), 1000);
        let too_long = frame(0x81, &[b'x'; 1001]);
        assert_eq!(read(&[too_long[..8].to_vec()]), ["1009"], "by its head alone");
        assert_eq!(read(&[frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 401])]), ["1009"]);
        let mut frames = vec![frame(0x01, b"")];
        frames.resize(EMPTY_FRAGMENTS_MAX as usize, frame(0x00, b""));
        frames.push(frame(0x80, b"x"));
        assert_eq!(read(&frames), ["x"]);
        frames.insert(1, frame(0x00, b""));
        assert_eq!(read(&frames), ["1008"]);
    }

    #[test]
    fn many_small_fragments_cost_what_they_weigh() {
        let mut reader = Reader::default();
        reader.feed(&frame(0x01, b"x"));
        for _ in 0..20_000 {
            assert_eq!(reader.step(1 << 20), Ok(Found::Nothing));
            reader.feed(&frame(0x00, b"x"));
        }
        assert_eq!(reader.step(1 << 20), Ok(Found::Nothing));
        reader.feed(&frame(0x80, b"x"));
        assert_eq!(reader.step(1 << 20), Ok(Found::Message));
        assert_eq!(reader.message().len(), 20_002);
        assert!(reader.buffer.len() <= 64 << 10, "heads do not pile up: {}", reader.buffer.len());
    }
}
