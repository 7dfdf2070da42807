//! Has each message of a duplex client recorded once, however it ends: answered, cancelled, or left with its connection. It
//! never sees what a message says.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::Duplex;
use crate::answer::Reply;
use crate::audit::Durable;
use crate::record::{self, About, Ending, Finished};
use crate::trail::NotRecorded;

/// How a message ended, as far as is known.
#[derive(Clone, Copy)]
pub struct End {
    /// The HTTP status it would have had.
    pub status: u16,
    /// Beyond that.
    pub ending: Ending,
    /// Bytes of what was sent.
    pub bytes: u64,
}

impl End {
    /// The end that a reply is.
    pub fn of(reply: &Reply) -> End {
        End { status: reply.status, ending: reply.ending, bytes: reply.body.len() as u64 }
    }
}

impl Default for End {
    fn default() -> Self {
        End { status: 200, ending: Ending::Good, bytes: 0 }
    }
}

/// Has a message recorded when it is over, also when it was cancelled.
pub struct Note {
    client: Rc<Duplex>,
    about: About,
    began: Instant,
    /// How it ended so far.
    pub end: Cell<End>,
    is_submitted: Cell<bool>,
}

impl Note {
    /// A message that was read at `began`.
    pub fn new(client: &Rc<Duplex>, about: About, began: Instant) -> Note {
        Note { client: Rc::clone(client), about, began, end: Cell::default(), is_submitted: Cell::default() }
    }

    /// Has it recorded as it ended, before its answer goes out. What comes back is to be waited for.
    ///
    /// # Errors
    /// The audit log has no place for it, and there is to be no answer without.
    pub fn submit(&self) -> Result<Option<Durable>, NotRecorded> {
        if self.is_submitted.replace(true) {
            return Ok(None);
        }
        let Note { client, about, began, end, .. } = self;
        let End { status, ending, bytes } = end.get();
        let ending = match (ending, client.lapse()) {
            (Ending::Cancelled, Some(lapse)) => Ending::Lapsed(lapse),
            _ => ending,
        };
        let request_id = client.shard.new_request_id();
        let (request_id, socket) = (request_id.as_str(), client.socket.as_deref());
        record::finished(
            &client.shard,
            &Finished {
                about,
                ending,
                status,
                took: began.elapsed(),
                bytes,
                request_id,
                who: Some(&client.who),
                address: client.who.address,
                rejection: None,
                socket,
            },
        )
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // One that has no answer is waited for by nobody.
        let _ = self.submit();
    }
}
