//! An answer, and the ways in which bytes fail to become one. Never judges whether it is the right answer; that is `expect`.

use crate::wire::head;

/// An answer larger than this is a fault of the server under test, not something to buffer. Of a stream, it is the bound
/// of one message.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Over WebSocket, which has none: 200.
    pub status: u16,
    /// Status line and headers; over WebSocket empty.
    pub head: &'a [u8],
    /// Of a stream: its last message.
    pub body: &'a [u8],
    /// Notifications that came before it.
    pub event_count: u32,
    /// The server said it closes the connection after this answer.
    pub closes: bool,
}

impl Answer<'_> {
    /// The value of a header, trimmed; the first one where there are several.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        head::header(self.head, name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    NoStatusLine,
    /// Neither length nor chunks: it would end with the connection, and a keep-alive answer does not.
    NoBodyLength,
    BadBodyLength,
    BadChunk,
    TooLarge,
    /// We never have two requests in flight on a connection, so a second answer belongs to someone else.
    BytesAfterAnswer,
    /// A WebSocket frame that RFC 6455 forbids.
    BadFrame,
    /// Only clients mask.
    MaskedFrame,
    /// MCP's messages are text.
    BinaryMessage,
}
