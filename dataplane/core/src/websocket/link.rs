//! One connection after its handshake: it takes bytes and time, and hands out messages and what to send. It owns no socket
//! and no clock, and once it has said Close it says and hears nothing more.

use std::time::Duration;

use ringway_policy::Limits;

use super::close::Close;
use super::frame::{self, Opcode};
use super::reader::{Found, Reader};

/// Answers to pings that wait to be sent. When it is full only the newest ping is answered, as RFC 6455 section 5.5.3
/// allows: a flood of pings costs no more than this.
const PONGS_BYTES_MAX: usize = 4 << 10;
/// Control frames of a client in [`CONTROLS_WINDOW`], as for HTTP/2's: a good client sends one in seconds.
const CONTROLS_MAX: u32 = 1000;
/// The time over which control frames are counted.
const CONTROLS_WINDOW: Duration = Duration::from_secs(10);

/// The outcome of one look at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read more.
    NeedMore,
    /// A message is whole: see [`Link::message`], then [`Link::consume`].
    Message,
    /// The connection ends when what waits has been sent.
    Over,
}

/// The connection. Times are since any fixed start.
#[derive(Debug)]
pub struct Link {
    reader: Reader,
    /// Pongs to send.
    pongs: Vec<u8>,
    /// A ping of our own or the Close, to send behind them.
    last_words: Vec<u8>,
    is_closing: bool,
    /// When bytes came last.
    heard: Duration,
    /// When the client was asked for a sign of life, unless bytes came since then.
    pinged: Option<Duration>,
    /// Since when a frame or message is unfinished.
    unfinished_since: Option<Duration>,
    controls: u32,
    controls_since: Duration,
}

impl Link {
    /// A connection whose handshake was accepted at `now`.
    pub fn new(now: Duration) -> Link {
        Link {
            reader: Reader::default(),
            pongs: Vec::new(),
            last_words: Vec::new(),
            is_closing: false,
            heard: now,
            pinged: None,
            unfinished_since: None,
            controls: 0,
            controls_since: now,
        }
    }

    /// Where bytes are read to.
    pub fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// Says that bytes were read.
    pub fn handle_bytes(&mut self, now: Duration) {
        self.heard = now;
        self.pinged = None;
    }

    /// Looks at the bytes.
    pub fn step(&mut self, limits: &Limits) -> Step {
        loop {
            if self.is_closing {
                return Step::Over;
            }
            match self.reader.step(limits.body_bytes_max) {
                Ok(Found::Nothing) => {
                    match self.reader.is_empty() {
                        true => self.unfinished_since = None,
                        false => self.unfinished_since = self.unfinished_since.or(Some(self.heard)),
                    }
                    return Step::NeedMore;
                }
                Ok(Found::Message) => {
                    self.unfinished_since = None;
                    return Step::Message;
                }
                Ok(Found::Control(opcode)) => self.handle_control(opcode),
                Err(close) => self.close(&close),
            }
        }
    }

    fn handle_control(&mut self, opcode: Opcode) {
        self.controls += 1;
        if self.controls > CONTROLS_MAX {
            return self.close(&Close::ours(Close::POLICY, "Too many control frames"));
        }
        match opcode {
            Opcode::Ping => {
                let payload = self.reader.control();
                if self.pongs.len() + frame::HEAD_BYTES_MAX + payload.len() > PONGS_BYTES_MAX {
                    self.pongs.clear();
                }
                frame::write_head(&mut self.pongs, Opcode::Pong, payload.len(), None);
                self.pongs.extend_from_slice(payload);
            }
            Opcode::Close => match Close::read(self.reader.control()) {
                Ok(close) => self.close(&close.echo()),
                Err(close) => self.close(&close),
            },
            // That bytes came says all that a pong could.
            _ => {}
        }
    }

    /// The whole message, once [`Step::Message`] was said.
    pub fn message(&self) -> &[u8] {
        self.reader.message()
    }

    /// Forgets the message just served.
    pub fn consume(&mut self) {
        self.reader.consume();
    }

    /// Appends a message to what is sent, in one frame. Behind a Close nothing is sent.
    pub fn write_message(&self, text: &[u8], out: &mut Vec<u8>) {
        if self.is_closing {
            return;
        }
        out.reserve(frame::HEAD_BYTES_MAX + text.len());
        frame::write_head(out, Opcode::Text, text.len(), None);
        out.extend_from_slice(text);
    }

    /// Ends the connection. The first end counts.
    pub fn close(&mut self, close: &Close) {
        if std::mem::replace(&mut self.is_closing, true) {
            return;
        }
        frame::write_head(&mut self.last_words, Opcode::Close, close.payload_bytes(), None);
        close.write(&mut self.last_words);
    }

    /// Whether the connection ends when what waits has been sent.
    pub fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Whether a control frame waits to be sent.
    pub fn has_output(&self) -> bool {
        !self.pongs.is_empty() || !self.last_words.is_empty()
    }

    /// Appends the control frames that wait to what is sent.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pongs);
        out.append(&mut self.last_words);
    }

    /// Acts on the time: asks a silent client for a sign of life, ends one that gives none, and one whose message does not
    /// end. `is_heard` is false while its bytes are not being read, so that its silence is ours.
    pub fn handle_time(&mut self, now: Duration, is_heard: bool, limits: &Limits) {
        if now.saturating_sub(self.controls_since) >= CONTROLS_WINDOW {
            (self.controls, self.controls_since) = (0, now);
        }
        if self.is_closing {
            return;
        }
        if !is_heard {
            (self.heard, self.pinged) = (now, None);
            self.unfinished_since = self.unfinished_since.map(|_| now);
            return;
        }
        if self.unfinished_since.is_some_and(|since| now.saturating_sub(since) > limits.body_time_max) {
            return self.close(&Close::ours(Close::POLICY, "The message did not arrive in time"));
        }
        // However late this is called, nobody is left who was not asked.
        match self.pinged {
            Some(asked) if now.saturating_sub(asked) > limits.write_stall_max => {
                self.close(&Close::ours(Close::GOING_AWAY, "No sign of life"));
            }
            None if now.saturating_sub(self.heard) > limits.keep_alive_every => {
                self.pinged = Some(now);
                frame::write_head(&mut self.last_words, Opcode::Ping, 0, None);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECS: fn(u64) -> Duration = Duration::from_secs;

    fn masked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::write_head(&mut bytes, opcode, payload.len(), Some([0; 4]));
        bytes.extend_from_slice(payload);
        bytes
    }

    fn heard(link: &mut Link, bytes: &[u8]) -> Step {
        link.reader().feed(bytes);
        link.handle_bytes(SECS(0));
        link.step(&Limits::default())
    }

    fn output(link: &mut Link) -> Vec<u8> {
        let mut out = Vec::new();
        link.poll_output(&mut out);
        assert!(!link.has_output());
        out
    }

    #[test]
    fn a_close_is_answered_with_its_code_and_ends_both_ways() {
        let mut link = Link::new(SECS(0));
        let close = masked(Opcode::Close, &[3, 232, b'o', b'k']);
        assert_eq!(heard(&mut link, &[close, masked(Opcode::Text, b"late")].concat()), Step::Over);
        let mut behind = Vec::new();
        link.write_message(b"behind", &mut behind);
        assert_eq!(behind, b"");
        link.close(&Close::ours(Close::PROTOCOL, "behind"));
        assert_eq!(output(&mut link), b"\x88\x02\x03\xe8");
        assert_eq!(link.step(&Limits::default()), Step::Over);
        let mut silent = Link::new(SECS(0));
        assert_eq!(heard(&mut silent, &masked(Opcode::Close, b"")), Step::Over);
        assert_eq!(output(&mut silent), b"\x88\x00", "no code is answered with none");
    }

    #[test]
    fn each_ping_has_its_answer_until_there_are_too_many() {
        let mut link = Link::new(SECS(0));
        let pings = [masked(Opcode::Ping, b"a"), masked(Opcode::Ping, b"b"), masked(Opcode::Pong, b"c")].concat();
        assert_eq!(heard(&mut link, &pings), Step::NeedMore);
        assert_eq!(output(&mut link), b"\x8a\x01a\x8a\x01b");
        let flood = masked(Opcode::Ping, &[b'x'; 125]).repeat(CONTROLS_MAX as usize - 3);
        assert_eq!(heard(&mut link, &flood), Step::NeedMore);
        assert!(link.pongs.len() <= PONGS_BYTES_MAX);
        link.handle_time(CONTROLS_WINDOW, true, &Limits::default());
        assert_eq!(heard(&mut link, &flood), Step::NeedMore, "a new window");
        assert_eq!(heard(&mut link, &flood), Step::Over);
        assert!(output(&mut link).windows(4).any(|bytes| bytes == [0x88, 25, 3, 240]), "1008");
    }

    #[test]
    fn a_silent_client_is_asked_once_and_then_left() {
        let limits = Limits { keep_alive_every: SECS(15), write_stall_max: SECS(30), ..Limits::default() };
        let mut link = Link::new(SECS(0));
        link.handle_time(SECS(15), true, &limits);
        assert_eq!(output(&mut link), b"");
        link.handle_time(SECS(16), true, &limits);
        link.handle_time(SECS(17), true, &limits);
        assert_eq!(output(&mut link), b"\x89\x00");
        link.reader().feed(&masked(Opcode::Pong, b""));
        link.handle_bytes(SECS(18));
        assert_eq!(link.step(&limits), Step::NeedMore);
        link.handle_time(SECS(34), true, &limits);
        assert_eq!(output(&mut link), b"\x89\x00");
        link.handle_time(SECS(64), true, &limits);
        assert!(!link.is_closing());
        link.handle_time(SECS(65), true, &limits);
        assert_eq!(&output(&mut link)[2..4], 1001u16.to_be_bytes());
        // A clock that jumps leaves nobody who was not asked.
        let mut late = Link::new(SECS(0));
        late.handle_time(SECS(600), true, &limits);
        assert!(!late.is_closing() && output(&mut late) == b"\x89\x00");
        // A client that is not read cannot answer.
        let mut unread = Link::new(SECS(0));
        unread.handle_time(SECS(600), false, &limits);
        unread.handle_time(SECS(601), true, &limits);
        assert_eq!(output(&mut unread), b"");
    }

    #[test]
    fn a_message_must_end_in_time() {
        let limits = Limits { body_time_max: SECS(30), keep_alive_every: SECS(600), ..Limits::default() };
        for begun in [vec![0x81], masked(Opcode::Text, b"half")[..8].to_vec(), vec![0x01, 0x80, 0, 0, 0, 0]] {
            let mut link = Link::new(SECS(0));
            assert_eq!(heard(&mut link, &begun), Step::NeedMore);
            link.handle_time(SECS(30), true, &limits);
            assert!(!link.is_closing());
            // More of it buys no more time.
            link.handle_bytes(SECS(30));
            assert_eq!(link.step(&limits), Step::NeedMore);
            link.handle_time(SECS(31), true, &limits);
            assert_eq!(&output(&mut link)[2..4], 1008u16.to_be_bytes());
        }
        let mut link = Link::new(SECS(0));
        assert_eq!(heard(&mut link, &masked(Opcode::Text, b"whole")), Step::Message);
        link.consume();
        assert_eq!(link.step(&limits), Step::NeedMore);
        link.handle_time(SECS(31), true, &limits);
        assert!(!link.is_closing());
    }
}
