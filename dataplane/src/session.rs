//! A legacy session: what `initialize` agreed, its streams, the calls in flight and the questions put to its client. It
//! lives on one shard, or with one stdio process, and never outlives it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use ringway_core::mcp::types::LogLevel;
use ringway_core::mcp::{Version, render};
use ringway_core::session::table::Resident;
use ringway_policy::Limits;
use serde_json::Value;

use crate::outbox::Outbox;
use crate::who::Who;

/// The stream that a GET opens.
pub const STANDALONE: u32 = 0;
/// Streams of calls that a session keeps for a client that comes back.
const STREAMS_KEPT_MAX: usize = 16;
/// Resources a session may subscribe to.
const SUBSCRIPTIONS_MAX: usize = 1024;
/// Questions that may wait for a client at once.
const QUESTIONS_MAX: usize = 256;

/// Ends a call.
pub type Cancel = Box<dyn FnOnce()>;

/// A call in flight.
struct Running {
    who: Rc<Who>,
    cancel: Cancel,
}

/// The session.
pub struct Session {
    /// What `initialize` agreed.
    pub version: Version,
    /// Whose it is: to anybody else it is not there.
    pub owner: Rc<str>,
    /// What the client can be asked.
    pub capabilities: Rc<Value>,
    /// From which level on the client wants log messages.
    pub log_level: Cell<Option<LogLevel>>,
    subscriptions: RefCell<HashSet<String>>,
    streams: RefCell<BTreeMap<u32, Rc<Outbox>>>,
    last_stream: Cell<u32>,
    calls: RefCell<HashMap<String, Running>>,
    questions: RefCell<HashMap<String, async_channel::Sender<Result<Value, Value>>>>,
    last_question: Cell<u64>,
    /// Whether its client can come back on another connection, so that streams of calls are kept for it.
    can_come_back: bool,
}

impl Resident for Session {
    fn is_in_use(&self) -> bool {
        !self.calls.borrow().is_empty() || self.streams.borrow().values().any(|stream| stream.has_reader())
    }
}

/// The session has as many of something as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Session {
    /// A session that `initialize` begins.
    pub fn new(version: Version, capabilities: Value, owner: Rc<str>) -> Rc<Session> {
        Session::with(version, capabilities, owner, true)
    }

    /// A session that ends with its connection, on which everything is sent.
    pub fn of_connection(version: Version, capabilities: Value, owner: Rc<str>) -> Rc<Session> {
        Session::with(version, capabilities, owner, false)
    }

    fn with(version: Version, capabilities: Value, owner: Rc<str>, can_come_back: bool) -> Rc<Session> {
        Rc::new(Session {
            version,
            owner,
            capabilities: Rc::new(capabilities),
            log_level: Cell::new(None),
            subscriptions: RefCell::default(),
            streams: RefCell::default(),
            last_stream: Cell::new(STANDALONE),
            calls: RefCell::default(),
            questions: RefCell::default(),
            last_question: Cell::new(0),
            can_come_back,
        })
    }

    /// A stream for a call, kept for resumption where its client can come back. The oldest finished ones make room.
    pub fn open_stream(&self, limits: &Limits) -> (u32, Rc<Outbox>) {
        if !self.can_come_back {
            let id = self.last_stream.get() + 1;
            self.last_stream.set(id);
            return (id, Outbox::plain(limits));
        }
        let mut streams = self.streams.borrow_mut();
        streams.retain(|_, stream| !stream.was_answered_plainly());
        // More than one may have to go: calls that ran side by side end without anybody making room.
        while streams.len() >= STREAMS_KEPT_MAX {
            let oldest = streams.iter().find(|(_, stream)| stream.is_finished() && !stream.has_reader());
            let Some(id) = oldest.map(|(id, _)| *id) else {
                break;
            };
            streams.remove(&id);
        }
        let id = self.last_stream.get() + 1;
        self.last_stream.set(id);
        let outbox = Outbox::resumable(limits);
        streams.insert(id, Rc::clone(&outbox));
        (id, outbox)
    }

    /// Forgets a stream whose answer was given in full.
    pub fn close_stream(&self, id: u32) {
        self.streams.borrow_mut().remove(&id);
    }

    /// The stream of that number.
    pub fn stream(&self, id: u32) -> Option<Rc<Outbox>> {
        self.streams.borrow().get(&id).cloned()
    }

    /// The stream for messages that belong to no call, opened on first use.
    pub fn standalone(&self, limits: &Limits) -> Rc<Outbox> {
        Rc::clone(self.streams.borrow_mut().entry(STANDALONE).or_insert_with(|| Outbox::resumable(limits)))
    }

    /// Sends a message that belongs to no call, when the client has opened a stream for such.
    pub fn announce(&self, message: Vec<u8>) {
        if let Some(stream) = self.stream(STANDALONE) {
            stream.push(message);
        }
    }

    /// Whether a call with this id is in flight.
    pub fn has_call(&self, id: &str) -> bool {
        self.calls.borrow().contains_key(id)
    }

    /// Remembers a call in flight, so that the client can cancel it.
    pub fn begin_call(&self, id: &str, who: Rc<Who>, cancel: Cancel) {
        let former = self.calls.borrow_mut().insert(id.to_owned(), Running { who, cancel });
        debug_assert!(former.is_none(), "an id in use was refused before");
    }

    /// Forgets a call that ended.
    pub fn end_call(&self, id: &str) {
        self.calls.borrow_mut().remove(id);
    }

    /// Cancels a call, if it is in flight.
    pub fn cancel_call(&self, id: &str) {
        let call = self.calls.borrow_mut().remove(id);
        if let Some(Running { cancel, .. }) = call {
            cancel();
        }
    }

    /// Cancels the calls of some, where they may outlive a connection; others end with theirs.
    pub fn cancel_calls_of(&self, is_one: impl Fn(&Who) -> bool) {
        if self.can_come_back {
            let calls: Vec<Running> =
                self.calls.borrow_mut().extract_if(|_, call| is_one(&call.who)).map(|(_, call)| call).collect();
            calls.into_iter().for_each(|call| (call.cancel)());
        }
    }

    /// Ends everything the session has going.
    pub fn end(&self) {
        let calls: Vec<Running> = self.calls.borrow_mut().drain().map(|(_, call)| call).collect();
        calls.into_iter().for_each(|call| (call.cancel)());
        self.questions.borrow_mut().clear();
        let streams: Vec<_> = self.streams.borrow().values().cloned().collect();
        streams.iter().for_each(|stream| stream.end());
    }

    /// Follows a resource.
    ///
    /// # Errors
    /// When the session follows as many as it may.
    pub fn subscribe(&self, uri: &str) -> Result<(), Full> {
        let mut subscriptions = self.subscriptions.borrow_mut();
        if subscriptions.len() >= SUBSCRIPTIONS_MAX && !subscriptions.contains(uri) {
            return Err(Full);
        }
        subscriptions.insert(uri.to_owned());
        Ok(())
    }

    /// Follows a resource no more.
    pub fn unsubscribe(&self, uri: &str) {
        self.subscriptions.borrow_mut().remove(uri);
    }

    /// Whether a change of this resource is to be announced.
    pub fn follows(&self, uri: &str) -> bool {
        self.subscriptions.borrow().contains(uri)
    }

    /// Puts a question to the client on `outbox`.
    ///
    /// # Errors
    /// When too many questions wait already.
    pub fn ask(
        self: &Rc<Session>,
        outbox: &Outbox,
        method: &str,
        params: impl FnOnce(&str) -> Value,
    ) -> Result<Asked, Full> {
        let mut questions = self.questions.borrow_mut();
        if questions.len() >= QUESTIONS_MAX {
            return Err(Full);
        }
        self.last_question.set(self.last_question.get() + 1);
        let id = format!("ringway-{}", self.last_question.get());
        let (sender, answer) = async_channel::bounded(1);
        outbox.push(render::request(&id, method, &params(&id)));
        questions.insert(id.clone(), sender);
        Ok(Asked { session: Rc::clone(self), id, answer })
    }

    /// Takes a client's answer. Unknown and late ones are ignored.
    pub fn answer(&self, id: &str, outcome: Result<Value, Value>) {
        let sender = self.questions.borrow_mut().remove(id);
        if let Some(sender) = sender {
            // Full or closed means that nobody waits any more.
            let _ = sender.try_send(outcome);
        }
    }
}

/// A question that waits for its answer. Dropping it withdraws it, so that a call that is cancelled leaves none behind.
pub struct Asked {
    session: Rc<Session>,
    id: String,
    answer: async_channel::Receiver<Result<Value, Value>>,
}

impl Asked {
    /// The client's result or error; `None` when the session ended.
    pub async fn answer(&self) -> Option<Result<Value, Value>> {
        self.answer.recv().await.ok()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.session.questions.borrow_mut().remove(&self.id);
    }
}
