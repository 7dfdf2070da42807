//! The bytes of one WebSocket on their way to become answers, however the kernel cut them and the server fragmented them.
//!
//! A message with a method is a notification and is counted; any other one is the answer, and whether it is ours is for
//! `expect`. That text is UTF-8 is not checked: what is compared is bytes.

use std::ops::Range;

use crate::wire::envelope::{self, Kind};
use crate::wire::frame::{self, Frame, Opcode};
use crate::wire::response::{ANSWER_BYTES_MAX, Answer, Malformed};
use crate::wire::stamp::{COUNTER_FIRST, Digits};

#[derive(Debug, Default)]
pub struct WebSocketInbox {
    /// Bytes from the beginning of a frame that was not whole. At most one frame, and one read.
    kept: Vec<u8>,
    /// How many of them have been dealt with; an answer may have been lent out of them.
    done_bytes: usize,
    /// `None`: no fragmented message is on its way.
    fragments: Option<Vec<u8>>,
    /// An answer that was made of fragments.
    joined: Vec<u8>,
    event_count: u32,
    answered: bool,
    /// To be sent. Of several pings the newest is answered (RFC 6455, 5.5.3).
    reply: Option<(Opcode, Vec<u8>)>,
    closed: bool,
}

/// Where a message lies.
enum Place {
    Source(Range<usize>),
    Joined(Vec<u8>),
}

impl WebSocketInbox {
    /// An answer that is one frame and arrives in one piece is handed out of `bytes` without a copy. To be called also
    /// between requests: servers ping.
    pub fn handle_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        self.begin();
        let is_kept = !self.kept.is_empty();
        let mut kept = std::mem::take(&mut self.kept);
        if is_kept {
            kept.extend_from_slice(bytes);
        }
        let (answer, done_bytes) = self.take_frames(if is_kept { &kept } else { bytes })?;
        if is_kept {
            self.done_bytes = done_bytes;
        } else {
            kept.extend_from_slice(&bytes[done_bytes..]);
        }
        self.kept = kept;
        let Some(place) = answer else {
            return Ok(None);
        };
        self.answered = true;
        let body = match place {
            Place::Source(range) if is_kept => &self.kept[range],
            Place::Source(range) => &bytes[range],
            Place::Joined(message) => {
                self.joined = message;
                &self.joined
            }
        };
        Ok(Some(Answer { status: 200, head: b"", body, event_count: self.event_count, closes: self.closed }))
    }

    pub fn event_count(&self) -> u32 {
        self.event_count
    }

    /// What came since the last answer belongs to no request.
    pub fn forget_events(&mut self) {
        self.event_count = 0;
    }

    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        if let Some((opcode, payload)) = self.reply.take() {
            // No counter is in it, and if it were, it would be left alone.
            frame::masked(opcode, &payload).append(Digits::of(COUNTER_FIRST), out);
        }
    }

    /// Nothing is half there.
    pub fn is_between_messages(&self) -> bool {
        self.kept.len() == self.done_bytes && self.fragments.is_none()
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Forgets what was handed out by the last call.
    fn begin(&mut self) {
        self.kept.drain(..self.done_bytes);
        self.done_bytes = 0;
        if std::mem::take(&mut self.answered) {
            self.event_count = 0;
        }
    }

    /// The answer among the frames, and how many bytes the whole ones have.
    fn take_frames(&mut self, source: &[u8]) -> Result<(Option<Place>, usize), Malformed> {
        let (mut answer, mut at) = (None, 0);
        while let Some(frame) = Frame::read(&source[at..])? {
            if self.closed {
                return Err(Malformed::BytesAfterAnswer);
            }
            let payload = at + frame.head_bytes..at + frame.head_bytes + frame.payload_bytes;
            at = payload.end;
            let Some(place) = self.handle_frame(frame, payload.clone(), &source[payload])? else {
                continue;
            };
            let message = match &place {
                Place::Source(range) => &source[range.clone()],
                Place::Joined(message) => message,
            };
            if envelope::kind(message) == Kind::Method {
                // What comes behind an answer belongs to nobody's request.
                self.event_count += u32::from(answer.is_none());
            } else if answer.replace(place).is_some() {
                return Err(Malformed::BytesAfterAnswer);
            }
        }
        Ok((answer, at))
    }

    /// A message, where one ends with this frame.
    fn handle_frame(&mut self, frame: Frame, range: Range<usize>, payload: &[u8]) -> Result<Option<Place>, Malformed> {
        match (frame.opcode, &mut self.fragments) {
            (Opcode::Ping, _) => self.reply = Some((Opcode::Pong, payload.to_vec())),
            (Opcode::Pong, _) => {}
            (Opcode::Close, _) => {
                self.closed = true;
                // The status goes back, the reason need not (RFC 6455, 5.5.1). The server ends the connection.
                self.reply = Some((Opcode::Close, payload.iter().copied().take(2).collect()));
            }
            (Opcode::Binary, _) => return Err(Malformed::BinaryMessage),
            (Opcode::Text, None) if frame.is_final => return Ok(Some(Place::Source(range))),
            (Opcode::Text, None) => self.fragments = Some(payload.to_vec()),
            (Opcode::Continuation, Some(fragments)) => {
                if fragments.len() + payload.len() > ANSWER_BYTES_MAX {
                    return Err(Malformed::TooLarge);
                }
                fragments.extend_from_slice(payload);
                return Ok(if frame.is_final { self.fragments.take().map(Place::Joined) } else { None });
            }
            (Opcode::Text, Some(_)) | (Opcode::Continuation, None) => return Err(Malformed::BadFrame),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{bare, unmasked};

    const ANSWER: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    const NOTIFICATION: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;

    fn answer(events: u32) -> Option<(u32, Vec<u8>)> {
        Some((events, ANSWER.to_vec()))
    }

    fn take(inbox: &mut WebSocketInbox, bytes: &[u8]) -> Result<Option<(u32, Vec<u8>)>, Malformed> {
        Ok(inbox.handle_bytes(bytes)?.map(|answer| (answer.event_count, answer.body.to_vec())))
    }

    #[test]
    fn notifications_are_counted_up_to_the_answer() {
        let mut inbox = WebSocketInbox::default();
        let stream = [bare(0x81, NOTIFICATION), bare(0x81, NOTIFICATION), bare(0x81, ANSWER)].concat();
        assert_eq!(take(&mut inbox, &stream), Ok(answer(2)));
        assert_eq!(take(&mut inbox, &bare(0x81, NOTIFICATION)), Ok(None));
        assert_eq!(inbox.event_count(), 1);
        let late = [bare(0x81, ANSWER), bare(0x81, NOTIFICATION)].concat();
        assert_eq!(take(&mut inbox, &late), Ok(answer(1)));
        assert_eq!(take(&mut inbox, &bare(0x81, ANSWER)), Ok(answer(0)));
    }

    #[test]
    fn a_ping_is_answered_wherever_it_comes() {
        let mut inbox = WebSocketInbox::default();
        let (begin, end) = ANSWER.split_at(9);
        let stream = [bare(0x01, begin), bare(0x89, b"first"), bare(0x00, b""), bare(0x89, b"newest"), bare(0x80, end)];
        assert_eq!(take(&mut inbox, &stream.concat()), Ok(answer(0)));
        let mut out = Vec::new();
        inbox.poll_output(&mut out);
        assert_eq!(unmasked(&out), [(10, "newest".to_owned())]);
        inbox.poll_output(&mut out);
        assert_eq!(unmasked(&out).len(), 1, "once");
        assert_eq!(take(&mut inbox, &bare(0x8a, b"")), Ok(None));
        assert!(inbox.is_between_messages());
        assert_eq!(take(&mut inbox, &bare(0x8a, b"long")[..3]), Ok(None));
        assert!(!inbox.is_between_messages());
    }

    #[test]
    fn a_close_is_answered_and_told() {
        let mut inbox = WebSocketInbox::default();
        let goodbye = [bare(0x81, ANSWER), bare(0x88, &[3, 0xe9, b'b', b'y', b'e'])].concat();
        let closes = inbox.handle_bytes(&goodbye).map(|answer| answer.map(|answer| answer.closes));
        assert_eq!(closes, Ok(Some(true)));
        let mut out = Vec::new();
        inbox.poll_output(&mut out);
        assert_eq!((out[0], out[1], out.len()), (0x88, 0x82, 8));
        assert_eq!(take(&mut inbox, &bare(0x81, ANSWER)), Err(Malformed::BytesAfterAnswer));
        let mut inbox = WebSocketInbox::default();
        assert_eq!(take(&mut inbox, &bare(0x88, b"")), Ok(None));
        assert!(inbox.is_closed());
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        #[track_caller]
        fn check(frames: &[Vec<u8>], want: Malformed) {
            let mut inbox = WebSocketInbox::default();
            assert_eq!(take(&mut inbox, &frames.concat()), Err(want), "{frames:?}");
        }
        check(&[bare(0x81, ANSWER), bare(0x81, ANSWER)], Malformed::BytesAfterAnswer);
        check(&[bare(0x80, ANSWER)], Malformed::BadFrame);
        check(&[bare(0x01, b"{"), bare(0x81, ANSWER)], Malformed::BadFrame);
        check(&[bare(0x82, ANSWER)], Malformed::BinaryMessage);
        check(&[vec![0x81, 0x80, 0, 0, 0, 0]], Malformed::MaskedFrame);
        let half = vec![b'x'; ANSWER_BYTES_MAX / 2 + 1];
        check(&[bare(0x01, &half), bare(0x80, &half)], Malformed::TooLarge);
    }
}
