//! Cuts a connection's bytes into requests. The shell reads into [`Decoder::room`]; the decoder says when a request is
//! whole, and refuses as soon as no continuation could be good. It never reads, waits or answers.

use super::chunked::Chunked;
use super::head::{self, Framing, Head, Method};
use crate::refusal::Refusal;
use ringway_policy::Limits;

/// Bytes of a buffer to read into, and the least that is read at once.
pub const READ_BYTES: usize = 4 << 10;
/// A buffer that grew past this for one request is given back after it.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// What a connection is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// A head has begun.
    Head,
    /// A body is arriving.
    Body,
}

/// The outcome of one look at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read more.
    NeedMore,
    /// Read more, and tell the client to go on (`100 Continue`) first.
    Continue,
    /// A request is whole: see [`Decoder::request`], then [`Decoder::consume`].
    Request,
}

#[derive(Clone, Debug)]
enum State {
    /// `checked` bytes were looked at already; the next look is due at the end of a line, or at `look_at` bytes.
    Head {
        checked: usize,
        look_at: usize,
    },
    Length {
        length: usize,
    },
    Chunked {
        chunked: Chunked,
        raw: usize,
    },
    Whole {
        body_bytes: usize,
        raw_end: usize,
    },
}

impl State {
    const AT_START: State = State::Head { checked: 0, look_at: 1 };
}

/// One whole request: its head, and the bytes to which the head's spans refer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'b> {
    /// The head.
    pub head: &'b Head,
    /// The request's bytes, from its first.
    pub bytes: &'b [u8],
    /// The decoded body.
    pub body: &'b [u8],
}

impl<'b> Request<'b> {
    /// The path, without query.
    pub fn path(&self) -> &'b [u8] {
        self.head.path.of_bytes(self.bytes)
    }
}

/// The framing state of one connection.
#[derive(Debug)]
pub struct Decoder {
    /// Zeroed room and bytes; `filled` of it are bytes, the current request begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    state: State,
    /// The head, once it is whole. Beside the state, which changes more often: it is large to move.
    head: Option<Head>,
    /// Bytes from the request's first to the body's first, once the head is whole.
    head_bytes: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { buffer: Vec::new(), start: 0, filled: 0, state: State::AT_START, head: None, head_bytes: 0 }
    }
}

impl Decoder {
    /// Room for the next read, never empty.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 && (self.filled == self.start || self.buffer.len() - self.filled < READ_BYTES) {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.filled < READ_BYTES / 2 {
            // Doubling: a client pays for memory with bytes, not with a Content-Length.
            let grown = (self.buffer.len() * 2).max(READ_BYTES);
            self.buffer.resize(grown, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Whether nothing is buffered: the next bytes begin a request and may come in a lent buffer.
    pub fn is_empty(&self) -> bool {
        self.start == self.filled && matches!(self.state, State::Head { .. })
    }

    /// Takes a buffer whose first `count` bytes were just read, in place of room of its own.
    pub fn lend(&mut self, buffer: Vec<u8>, count: usize) {
        debug_assert!(self.is_empty() && count <= buffer.len());
        self.buffer = buffer;
        (self.start, self.filled) = (0, count);
    }

    /// Gives the buffer up while nothing is in it, so that connections between requests hold none.
    pub fn give_back(&mut self) -> Option<Vec<u8>> {
        (self.is_empty() && !self.buffer.is_empty()).then(|| {
            (self.start, self.filled) = (0, 0);
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

    /// Takes the bytes that wait, for another protocol that goes on from here.
    pub fn take_rest(&mut self) -> Vec<u8> {
        debug_assert!(matches!(self.state, State::Head { .. }));
        let rest = self.buffer[self.start..self.filled].to_vec();
        self.start = self.filled;
        rest
    }

    /// Bytes that wait behind the requests already taken.
    pub fn waiting_bytes(&self) -> usize {
        self.filled - self.start
    }

    /// What the connection is in the middle of.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Head { .. } if self.filled == self.start => Phase::Idle,
            State::Head { .. } => Phase::Head,
            _ => Phase::Body,
        }
    }

    /// Looks at the bytes.
    ///
    /// # Errors
    /// The [`Refusal`] to answer; nothing more can be read from this connection if it closes.
    pub fn step(&mut self, limits: &Limits) -> Result<Step, Refusal> {
        let mut told_to_continue = false;
        loop {
            let available = self.filled - self.start;
            match &mut self.state {
                State::Head { checked, look_at } => {
                    let bytes = &self.buffer[self.start..self.filled];
                    let waits = available < *look_at && memchr::memchr(b'\n', &bytes[*checked..]).is_none();
                    *checked = available;
                    if waits {
                        return Ok(Step::NeedMore);
                    }
                    let Some(head) = head::parse(bytes, limits)? else {
                        // Looking again only after some growth keeps a line that drips in from costing its square; of
                        // lines a head has few.
                        *look_at = available + 1 + available / 8;
                        return Ok(Step::NeedMore);
                    };
                    told_to_continue = head.expects_continue && available == head.head_bytes;
                    self.state = match head.framing {
                        Framing::Length(length) if length > limits.body_bytes_max as u64 => {
                            return Err(Refusal::BodyTooLarge);
                        }
                        Framing::Length(length) => State::Length { length: length as usize },
                        Framing::Chunked => State::Chunked { chunked: Chunked::default(), raw: head.head_bytes },
                    };
                    self.head_bytes = head.head_bytes;
                    self.head = Some(head);
                }
                State::Length { length } => {
                    let whole = self.head_bytes + *length;
                    if available < whole {
                        return Ok(if told_to_continue { Step::Continue } else { Step::NeedMore });
                    }
                    self.state = State::Whole { body_bytes: *length, raw_end: whole };
                }
                State::Chunked { chunked, raw } => {
                    let bytes = &mut self.buffer[self.start..self.filled];
                    let (taken, done) =
                        chunked.decode(bytes, self.head_bytes, *raw, available, limits.body_bytes_max)?;
                    *raw = taken;
                    if !done {
                        self.close_gap();
                        return Ok(if told_to_continue { Step::Continue } else { Step::NeedMore });
                    }
                    let body_bytes = chunked.decoded_bytes;
                    self.state = State::Whole { body_bytes, raw_end: taken };
                }
                State::Whole { .. } => return Ok(Step::Request),
            }
        }
    }

    /// Moves undecoded bytes down to the decoded ones, so that chunk lines do not pile up in the buffer.
    fn close_gap(&mut self) {
        let State::Chunked { chunked, raw } = &mut self.state else {
            return;
        };
        let decoded_end = self.head_bytes + chunked.decoded_bytes;
        let gap = *raw - decoded_end;
        if gap >= READ_BYTES {
            self.buffer.copy_within(self.start + *raw..self.filled, self.start + decoded_end);
            self.filled -= gap;
            *raw = decoded_end;
        }
    }

    /// The whole request, once [`Step::Request`] was said.
    pub fn request(&self) -> Option<Request<'_>> {
        let State::Whole { body_bytes, .. } = self.state else {
            return None;
        };
        let bytes = &self.buffer[self.start..self.filled];
        let body = &bytes[self.head_bytes..self.head_bytes + body_bytes];
        Some(Request { head: self.head.as_ref()?, bytes, body })
    }

    /// Forgets the request just served.
    pub fn consume(&mut self) {
        let State::Whole { raw_end, .. } = self.state else {
            return;
        };
        self.start += raw_end;
        self.state = State::AT_START;
        self.head = None;
        if self.start == self.filled {
            (self.start, self.filled) = (0, 0);
            if self.buffer.len() > KEPT_BYTES_MAX {
                self.buffer = Vec::new();
            }
        }
    }

    /// The method of the request being read, once its head is whole: an answer to HEAD has no body.
    pub fn method(&self) -> Option<Method> {
        self.head.as_ref().map(|head| head.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_head_is_whole_as_soon_as_its_end_is_there() {
        let limits = Limits::default();
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(20_000));
        for cut in [1, 4_096, 20_010, text.len() - 3, text.len() - 1] {
            let mut decoder = Decoder::default();
            for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                assert_eq!(decoder.step(&limits), Ok(Step::NeedMore), "cut at {cut}");
                decoder.feed(part);
            }
            assert_eq!(decoder.step(&limits), Ok(Step::Request), "cut at {cut}");
        }
    }
}
