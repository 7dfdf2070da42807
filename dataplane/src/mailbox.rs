//! The one door between threads: each shard has a bounded mailbox, and everybody may write to it. It never carries a
//! connection or anything else that belongs to one shard.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ringway_core::identify::Principal;
use ringway_core::session::Handle;

use crate::answer::Reply;
use crate::outbox::StreamEvent;
use crate::record::RemoteAbout;
use crate::ring::bell::Bell;

/// Requests that may wait at one shard.
pub const REQUESTS_MAX: usize = 4096;
/// News that may wait at one shard.
const NEWS_MAX: usize = 256;

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
    /// The shard that has the connection.
    pub from: u16,
    /// The session.
    pub session: Handle,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// From where.
    pub address: Option<IpAddr>,
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
    Reply(RemoteAbout, Reply),
    /// A stream whose events follow.
    Events {
        /// What the request was about.
        about: RemoteAbout,
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

/// A message for a client of the older HTTP+SSE pair whose stream another shard has.
#[derive(Debug)]
pub struct PairMessage {
    /// The client.
    pub pair: Handle,
    /// Who sends it.
    pub principal: Arc<Principal>,
    /// The message.
    pub body: Vec<u8>,
    /// Where the answer to the post goes; the message's own goes to the stream.
    pub reply: async_channel::Sender<Reply>,
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
    /// Something changed: what to announce. What is in force is found at the server, so that a lost letter loses none.
    Announce(Changed),
    /// A resource changed.
    ResourceUpdated(Arc<str>),
    /// A task changed: whose it is, its handle, and `notifications/tasks` parameters.
    TaskChanged(Arc<str>, Arc<str>, Arc<str>),
    /// A request for a session that lives here.
    Forwarded(Forwarded),
    /// A message for a client whose stream is here.
    PairMessage(PairMessage),
    /// A request for a task that lives here.
    Task(TaskRequest),
    /// What is remembered of a request of this name?
    Explain(Arc<str>, async_channel::Sender<Vec<serde_json::Value>>),
    /// Stop accepting, finish, end.
    Drain,
}

/// One shard's end of its mailbox.
pub struct Letters {
    news: async_channel::Receiver<Letter>,
    requests: async_channel::Receiver<Letter>,
}

impl Letters {
    /// The next letter, news first; `None` when nobody can write any more.
    pub async fn next(&self) -> Option<Letter> {
        let news = async { self.news.recv().await.ok() };
        futures_lite::future::or(news, async { self.requests.recv().await.ok() }).await
    }

    /// The next letter that is there already.
    pub fn next_now(&self) -> Option<Letter> {
        self.news.try_recv().or_else(|_| self.requests.try_recv()).ok()
    }

    /// Takes no more, and drops what is there: whoever waits for an answer learns that none will come.
    pub fn close(&self) {
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
    }
}

struct Slot {
    /// What every shard must learn. When it is full the oldest goes: news are followed by newer ones.
    news: async_channel::Sender<Letter>,
    /// What somebody waits for. When it is full the sender is told, and answers 503.
    requests: async_channel::Sender<Letter>,
    /// How a shard hears of it that waits where it hears nothing else.
    bell: OnceLock<Arc<Bell>>,
}

impl Slot {
    fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
    }
}

#[derive(Default)]
struct Post {
    slots: OnceLock<Vec<Slot>>,
    draining: AtomicBool,
}

/// The mailboxes of all shards, known once they run.
#[derive(Clone, Default)]
pub struct Mailboxes(Arc<Post>);

impl Mailboxes {
    /// Sets up one mailbox a shard. Only the first call counts.
    pub fn open(&self, shards: usize) -> Vec<Letters> {
        let mut slots = Vec::new();
        let mut letters = Vec::new();
        for _ in 0..shards {
            let (news, news_end) = async_channel::bounded(NEWS_MAX);
            let (requests, requests_end) = async_channel::bounded(REQUESTS_MAX);
            slots.push(Slot { news, requests, bell: OnceLock::new() });
            letters.push(Letters { news: news_end, requests: requests_end });
        }
        // A second server on the same handle would be a bug of ours; its letters would go to the first.
        debug_assert!(self.0.slots.get().is_none());
        let _ = self.0.slots.set(slots);
        letters
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.slots.get().into_iter().flatten()
    }

    /// Sends a request to one shard. False when its box is full or it is gone.
    pub fn send(&self, shard: u16, letter: Letter) -> bool {
        self.slots().nth(usize::from(shard)).is_some_and(|slot| {
            let is_taken = slot.requests.try_send(letter).is_ok();
            slot.ring();
            is_taken
        })
    }

    /// Has a shard look at what it was sent beside its mailbox.
    pub fn wake(&self, shard: u16) {
        if let Some(slot) = self.slots().nth(usize::from(shard)) {
            slot.ring();
        }
    }

    /// Has a shard's bell rung with each letter from here on. Only the first call counts.
    pub fn hang(&self, shard: u16, bell: Arc<Bell>) {
        if let Some(slot) = self.slots().nth(usize::from(shard)) {
            // A shard has one ring in its life.
            let _ = slot.bell.set(bell);
        }
    }

    /// Requests that wait at each shard.
    pub fn waiting(&self) -> Vec<usize> {
        self.slots().map(|slot| slot.requests.len()).collect()
    }

    /// Sends news to every shard.
    pub fn broadcast(&self, letter: impl Fn() -> Letter) {
        for slot in self.slots() {
            // Closed means that the shard has drained.
            let _ = slot.news.force_send(letter());
            slot.ring();
        }
    }

    /// Sends to every shard what it can do without when its box is full.
    pub fn suggest(&self, letter: impl Fn() -> Letter) {
        for slot in self.slots() {
            // A listener that misses a change polls (MCP tasks).
            let _ = slot.requests.try_send(letter());
            slot.ring();
        }
    }

    /// Tells every shard to drain. The flag cannot be lost; the letter only makes it quick.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.broadcast(|| Letter::Drain);
    }

    /// Whether shards are to drain.
    pub fn are_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }
}
