//! The one door between threads: each shard has a bounded mailbox, and everybody may write to it. It never carries a
//! connection or anything else that belongs to one shard.

use std::sync::{Arc, OnceLock};

use ringway_core::session::Handle;

use crate::answer::Reply;
use crate::catalog::Catalog;
use crate::outbox::StreamEvent;

/// Letters that may wait at one shard. A request that finds the box full is answered 503.
const MAILBOX_LETTERS_MAX: usize = 4096;

/// What changed in a catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The tools.
    pub tools: bool,
    /// The prompts.
    pub prompts: bool,
    /// The resources or their templates.
    pub resources: bool,
}

/// A legacy HTTP request for a session that lives on another shard.
#[derive(Debug)]
pub struct Forwarded {
    /// The session.
    pub session: Handle,
    /// What to do with it.
    pub verb: ForwardedVerb,
    /// `MCP-Protocol-Version`.
    pub version: Option<Vec<u8>>,
    /// Where the answer goes.
    pub reply: async_channel::Sender<ForwardedAnswer>,
}

/// The verb of a forwarded request.
#[derive(Debug)]
pub enum ForwardedVerb {
    /// A message.
    Post(Vec<u8>),
    /// A stream, from the beginning or behind an event.
    Get(Option<Vec<u8>>),
    /// The end of the session.
    Delete,
}

/// The first thing a forwarded request is answered with.
#[derive(Debug)]
pub enum ForwardedAnswer {
    /// All there is.
    Reply(Reply),
    /// A stream whose events follow.
    Events {
        /// How event ids begin.
        id_prefix: Option<String>,
        /// The number of a first event without data.
        primes: Option<u64>,
        /// Whether it is a stream whatever comes.
        always_stream: bool,
        /// The events.
        events: async_channel::Receiver<StreamEvent>,
    },
}

/// A `tasks/*` request for a task that lives on another shard.
#[derive(Debug)]
pub struct TaskRequest {
    /// The task.
    pub task: Handle,
    /// Who asks.
    pub principal: String,
    /// What to do with it.
    pub verb: TaskVerb,
    /// Where the answer goes: the members of the result, or what is wrong.
    pub reply: async_channel::Sender<Result<String, String>>,
}

/// The verb of a task request.
#[derive(Clone, Debug)]
pub enum TaskVerb {
    /// How does it stand?
    Get,
    /// Here are answers.
    Update(serde_json::Map<String, serde_json::Value>),
    /// Stop.
    Cancel,
}

/// What can be put into a mailbox.
pub enum Letter {
    /// A newer catalog, and what to announce.
    Catalog(Arc<Catalog>, Changed),
    /// An announcement without a change.
    Announce(Changed),
    /// A resource changed.
    ResourceUpdated(Arc<str>),
    /// A task changed: its handle and `notifications/tasks` parameters.
    TaskChanged(Arc<str>, Arc<str>),
    /// A request for a session that lives here.
    Forwarded(Forwarded),
    /// A request for a task that lives here.
    Task(TaskRequest),
    /// Stop accepting, finish, end.
    Drain,
}

/// The mailboxes of all shards, known once they run.
#[derive(Clone, Default)]
pub struct Mailboxes(Arc<OnceLock<Vec<async_channel::Sender<Letter>>>>);

impl Mailboxes {
    /// Sets up one mailbox a shard. Only the first call counts.
    pub fn open(&self, shards: usize) -> Vec<async_channel::Receiver<Letter>> {
        let (senders, receivers) = (0..shards).map(|_| async_channel::bounded(MAILBOX_LETTERS_MAX)).unzip();
        // A second server on the same handle would be a bug of ours; its letters would go to the first.
        debug_assert!(self.0.get().is_none());
        let _ = self.0.set(senders);
        receivers
    }

    /// Sends to one shard. False when its box is full or it is gone.
    pub fn send(&self, shard: u16, letter: Letter) -> bool {
        let Some(senders) = self.0.get() else {
            return false;
        };
        senders.get(usize::from(shard)).is_some_and(|sender| sender.try_send(letter).is_ok())
    }

    /// Sends to every shard. A full box loses its oldest letter to it: what is announced must arrive, and a request
    /// that is dropped is answered 503 by the shard that waits for it.
    pub fn broadcast(&self, letter: impl Fn() -> Letter) {
        for sender in self.0.get().into_iter().flatten() {
            // Closed means that the shard has drained.
            let _ = sender.force_send(letter());
        }
    }
}
