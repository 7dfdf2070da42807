//! The bytes of one connection on their way to become an answer, whatever the face.

use crate::wire::http_inbox::HttpInbox;
use crate::wire::response::{Answer, Malformed};
use crate::wire::web_socket_inbox::WebSocketInbox;

#[derive(Debug)]
pub enum Inbox {
    Http(HttpInbox),
    WebSocket(WebSocketInbox),
}

impl Inbox {
    /// Hands out the answer once it is whole. Bytes of an answer that came in one piece are not copied.
    ///
    /// Over HTTP nothing comes unasked. A WebSocket's bytes are to be handed in also between requests: servers ping, and
    /// say when they close.
    pub fn handle_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        match self {
            Self::Http(inbox) => inbox.handle_bytes(bytes),
            Self::WebSocket(inbox) => inbox.handle_bytes(bytes),
        }
    }

    /// Events of the answer that is arriving (streams): lets the load time the first one.
    pub fn event_count(&self) -> u32 {
        match self {
            Self::Http(inbox) => inbox.event_count(),
            Self::WebSocket(inbox) => inbox.event_count(),
        }
    }

    /// To be called when a request is asked: events that came before it are not its own.
    pub fn forget_events(&mut self) {
        if let Self::WebSocket(inbox) = self {
            inbox.forget_events();
        }
    }

    /// Bytes to send because of what came in (WebSocket pong, or the answer to a close), if any.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        if let Self::WebSocket(inbox) = self {
            inbox.poll_output(out);
        }
    }

    /// Nothing is half there.
    pub fn is_between_messages(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::WebSocket(inbox) => inbox.is_between_messages(),
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self, Self::WebSocket(inbox) if inbox.is_closed())
    }
}
