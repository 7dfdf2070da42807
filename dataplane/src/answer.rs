//! What a request is answered with: a whole reply, or events as they come, from this shard or another. It never writes
//! them: the connection does.

use std::future::poll_fn;
use std::task::{Context, Poll};

use ringway_core::http::response;
use ringway_core::mcp::{RpcError, render};
use ringway_core::refusal::Refusal;
use ringway_core::websocket::handshake;

use crate::duplex::output::Messages;
use crate::outbox::{Reader, StreamEvent};
use crate::record::Ending;

/// Header fields of an answer beyond the fixed ones.
pub type Fields = Vec<(&'static str, String)>;

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, absent without a body.
    pub content_type: Option<&'static str>,
    /// More header fields.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// How the request ended.
    pub ending: Ending,
}

impl Reply {
    /// A JSON reply.
    pub fn json(status: u16, body: Vec<u8>) -> Reply {
        Reply { status, content_type: Some(response::JSON), fields: Vec::new(), body, ending: Ending::Good }
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Reply {
        Reply { status, content_type: None, fields: Vec::new(), body: Vec::new(), ending: Ending::Good }
    }

    /// A JSON-RPC error with the HTTP status that belongs to it.
    pub fn error(id: Option<&str>, error: &RpcError) -> Reply {
        Reply::error_with_status(error.status, id, error)
    }

    /// A JSON-RPC error with another HTTP status.
    pub fn error_with_status(status: u16, id: Option<&str>, error: &RpcError) -> Reply {
        let ending = Ending::Error(error.code);
        Reply { ending, ..Reply::json(status, render::error(Vec::new(), id, error)) }
    }

    /// The same with another header field.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.fields.push((name, value.into()));
        self
    }

    /// The answer to a refusal.
    pub fn refusal(refusal: Refusal, allow: &'static str) -> Reply {
        Reply::refusal_of(refusal, None, allow)
    }

    /// The answer to the refusal of a request that could be read.
    pub fn refusal_of(refusal: Refusal, id: Option<&str>, allow: &'static str) -> Reply {
        let answer = refusal.answer();
        let error = RpcError::new(answer.code, answer.message);
        let mut reply = Reply::error_with_status(answer.status, id, &error);
        if let Some(seconds) = refusal.retry_after_seconds() {
            reply = reply.field("Retry-After", seconds.to_string());
        }
        match answer.status {
            405 => reply.field("Allow", allow),
            // RFC 9110 section 15.5.22 and RFC 6455 section 4.2.2.
            426 => reply
                .field("Upgrade", "websocket")
                .field("Connection", "Upgrade")
                .field("Sec-WebSocket-Version", handshake::VERSION),
            _ => reply,
        }
    }
}

/// Makes the reply of a face from a call's JSON-RPC reply.
pub type Translate = Box<dyn Fn(Reply) -> Reply>;

/// Events as they come.
pub struct Events {
    /// Where they come from.
    pub source: Source,
    /// What a stream's head carries besides the fixed fields.
    pub fields: Fields,
    /// How event ids begin, when the stream can be resumed.
    pub id_prefix: Option<String>,
    /// The bytes of a first event that is not a message.
    pub opening: Option<Vec<u8>>,
    /// The number of a first event without data, for clients that know such (MCP 2025-11-25): what comes back with it
    /// gets what is behind it.
    pub primes: Option<u64>,
    /// Whether this is a stream from its first byte on, whatever comes.
    pub always_stream: bool,
    /// Makes the one answer of a face from the last message; such an answer is never a stream.
    pub translate: Option<Translate>,
    /// Dropped with the answer: a modern call ends with its connection.
    pub guard: Option<Box<dyn std::any::Any>>,
}

impl Events {
    /// The reply as the face says it that asked.
    pub fn translated(&self, reply: Reply) -> Reply {
        match &self.translate {
            Some(translate) => translate(reply),
            None => reply,
        }
    }
}

/// Where events come from.
pub enum Source {
    /// From an outbox of this shard.
    Local(Reader),
    /// From another shard, and how the request ended as far as is known.
    Remote(async_channel::Receiver<StreamEvent>, Ending),
    /// Messages of a client that has this stream for all of its answers.
    Messages(Messages),
}

impl Source {
    /// The next event.
    pub async fn next(&mut self, committed: bool) -> StreamEvent {
        match self {
            Source::Local(reader) => poll_fn(|cx: &mut Context<'_>| reader.poll_next(committed, cx)).await,
            Source::Messages(messages) => match messages.recv().await {
                Some(text) => StreamEvent::Message { number: 0, text, answers: None },
                None => StreamEvent::End(Ending::Good),
            },
            Source::Remote(receiver, ended) => match receiver.recv().await {
                // The home shard did not know whether we had committed.
                Ok(StreamEvent::Sole { ending, text, .. }) if committed => {
                    *ended = ending;
                    StreamEvent::Message { number: 1, text, answers: Some(ending) }
                }
                Ok(event) => event,
                Err(_) => StreamEvent::End(*ended),
            },
        }
    }
}

/// What a request is answered with.
pub enum Answer {
    /// A whole reply.
    Reply(Reply),
    /// Events as they come.
    Events(Events),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer::Reply(reply)
    }
}

/// Polls `future` once, without waiting.
pub async fn poll_now<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Waits for the end of `events` and returns the last message, the answer without what came before it, and how the request
/// ended.
pub async fn last_message(mut events: Events) -> (Option<Vec<u8>>, Ending) {
    let mut last = None;
    loop {
        match events.source.next(false).await {
            StreamEvent::Message { text, .. } => last = Some(text),
            StreamEvent::Sole { text, ending, .. } => return (Some(text), ending),
            StreamEvent::Suspend => {}
            StreamEvent::End(ending) => return (last, ending),
            StreamEvent::Overflow => return (last, Ending::Cancelled),
        }
    }
}
