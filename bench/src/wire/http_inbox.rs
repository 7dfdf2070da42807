//! The bytes of one HTTP/1.1 connection on their way to become an answer, however the kernel cut them.
//!
//! Every byte is looked at once. Knows what a keep-alive answer needs (`Content-Length` or chunks) and calls the rest
//! malformed. Of a stream of events the answer is the last message.

use memchr::memmem;

use crate::wire::chunks::Chunks;
use crate::wire::events::Events;
use crate::wire::head::{self, Framing, Head};
use crate::wire::response::{ANSWER_BYTES_MAX, Answer, Malformed};

#[derive(Debug, Default)]
pub struct HttpInbox {
    stage: Stage,
    head_bytes: Vec<u8>,
    body: Vec<u8>,
    chunks: Chunks,
    events: Events,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Head,
    Body(Head),
    Answered,
}

impl HttpInbox {
    /// A counted answer that arrives in one piece is handed out of `bytes` without a copy.
    pub fn handle_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        if let Stage::Answered = self.stage {
            self.clear();
        }
        let (head, body_part) = match self.stage {
            Stage::Body(head) => (head, bytes),
            _ if self.head_bytes.is_empty() => match head::read(bytes)? {
                None => {
                    self.head_bytes.extend_from_slice(bytes);
                    return Ok(None);
                }
                Some((head, head_bytes, rest)) => {
                    if head.framing == Framing::Counted(rest.len()) && !head.is_event_stream {
                        let Head { status, closes, .. } = head;
                        return Ok(Some(Answer { status, head: head_bytes, body: rest, event_count: 0, closes }));
                    }
                    self.head_bytes.extend_from_slice(head_bytes);
                    (head, rest)
                }
            },
            _ => match self.end_head(bytes)? {
                None => return Ok(None),
                Some(head_and_rest) => head_and_rest,
            },
        };
        self.stage = Stage::Body(head);
        let Some(rest) = self.take_body(head, body_part)? else {
            return Ok(None);
        };
        if !rest.is_empty() {
            return Err(Malformed::BytesAfterAnswer);
        }
        self.stage = Stage::Answered;
        let body = if head.is_event_stream { self.events.message() } else { &self.body };
        let (event_count, closes) = (self.events.notification_count(), head.closes);
        Ok(Some(Answer { status: head.status, head: &self.head_bytes, body, event_count, closes }))
    }

    pub fn event_count(&self) -> u32 {
        self.events.notification_count()
    }

    fn clear(&mut self) {
        self.stage = Stage::Head;
        self.head_bytes.clear();
        self.body.clear();
        self.chunks = Chunks::default();
        self.events.clear();
    }

    /// A head of which a part came before. Returns what of `bytes` is not head.
    fn end_head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Head, &'a [u8])>, Malformed> {
        let kept_bytes = self.head_bytes.len();
        self.head_bytes.extend_from_slice(bytes);
        // A head ends with an empty line, of which two bytes may have come; before them nothing has to be looked at again.
        let unseen = &self.head_bytes[kept_bytes.saturating_sub(2)..];
        let has_end = [&b"\n\r\n"[..], b"\n\n"].iter().any(|end| memmem::find(unseen, end).is_some());
        if !has_end && self.head_bytes.len() <= head::HEAD_BYTES_MAX {
            return Ok(None);
        }
        let Some((head, head_bytes, rest)) = head::read(&self.head_bytes)? else {
            // Interim answers are whole heads, each small enough; together they have the bound of one.
            let is_too_large = self.head_bytes.len() > head::HEAD_BYTES_MAX;
            return if is_too_large { Err(Malformed::TooLarge) } else { Ok(None) };
        };
        let rest = &bytes[bytes.len() - rest.len()..];
        self.head_bytes = head_bytes.to_vec();
        Ok(Some((head, rest)))
    }

    /// Once the body has ended: what follows it.
    fn take_body<'a>(&mut self, head: Head, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let Self { body, chunks, events, .. } = self;
        let keep = |data: &[u8], body: &mut Vec<u8>| {
            if body.len() + data.len() > ANSWER_BYTES_MAX {
                return Err(Malformed::TooLarge);
            }
            body.extend_from_slice(data);
            Ok(())
        };
        match (head.framing, head.is_event_stream) {
            (Framing::Chunked, true) => chunks.decode(bytes, |data| events.handle_bytes(data)),
            (Framing::Chunked, false) => chunks.decode(bytes, |data| keep(data, body)),
            (Framing::Counted(length), is_event_stream) => {
                let missing_bytes = length - body.len();
                let (data, rest) = bytes.split_at(bytes.len().min(missing_bytes));
                // Kept also where it is a stream of events, to know how much has come.
                keep(data, body)?;
                if is_event_stream {
                    events.handle_bytes(data)?;
                }
                Ok((data.len() == missing_bytes).then_some(rest))
            }
        }
    }
}
