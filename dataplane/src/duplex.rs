//! One client whose messages come and go at any time and in any order: on stdio, a WebSocket, the older HTTP+SSE pair.
//! A transport brings text in and takes messages out; everything between is here, for both eras at once. It never frames a
//! message and never touches a socket.

mod note;

pub mod output;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ringway_core::header_params::HeaderLookup;
use ringway_core::identify::{Lapse, Principal};
use ringway_core::mcp::RpcError;
use ringway_core::mcp::era::{Carrier, McpHeaders};
use ringway_core::mcp::rpc_error::PARSE;
use ringway_core::refusal::Refusal;
use ringway_core::session::Handle;

use crate::answer::{Answer, Events, Reply, Source};
use crate::mcp::batch::{self, Batch};
use crate::mcp::plan::{self, Plan, Via};
use crate::mcp::{http, lists, work};
use crate::metrics::Method;
use crate::outbox::StreamEvent;
use crate::record::{About, Ending};
use crate::session::Session;
use crate::shard::Shard;
use crate::shard::socket::Socket;
use crate::stall::Doing;
use crate::stop::{self, Stop};
use crate::trail::{self, NotRecorded};
use crate::who::Who;
use note::{End, Note};
use output::Output;

/// What differs between transports.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Calls and streams under way; one more is answered as overload.
    pub calls_max: usize,
    /// Bytes of messages that wait for a client that does not read; then no more of its own are taken.
    pub waiting_bytes_max: usize,
    /// Whether a client that is slower than what it asked for is left altogether, or told so call by call.
    pub leaves_slow: bool,
}

/// The client.
pub struct Duplex {
    shard: Rc<Shard>,
    output: Output,
    manner: Manner,
    /// Where the client is, for the records.
    socket: Option<Rc<Socket>>,
    /// Who it is.
    who: Rc<Who>,
    /// What `initialize` began.
    session: RefCell<Option<(Handle, Rc<Session>)>>,
    /// Calls and streams under way, by the text of their id.
    calls: RefCell<HashMap<Arc<str>, Stop>>,
    last_work: Cell<u64>,
    /// Messages whose answer is being handed out.
    answering: Cell<usize>,
    was_slow: Cell<bool>,
    /// Why it is to end, when it is for its credential.
    lapse: Cell<Option<Lapse>>,
}

/// A message that was read and not acted upon.
pub struct Taken {
    what: What,
    about: About,
    began: Instant,
}

enum What {
    Unreadable(RpcError),
    Batch(Batch),
    Planned(Plan),
}

impl Taken {
    /// The answer to what is not JSON at all.
    pub fn unreadable_reply(&self) -> Option<Reply> {
        match &self.what {
            What::Unreadable(error) => Some(Reply::error_with_status(400, None, error)),
            _ => None,
        }
    }
}

impl Duplex {
    /// A client that has said nothing yet.
    pub fn new(
        shard: Rc<Shard>,
        output: Output,
        manner: Manner,
        socket: Option<Rc<Socket>>,
        who: Rc<Who>,
    ) -> Rc<Duplex> {
        Rc::new(Duplex {
            shard,
            output,
            manner,
            socket,
            who,
            session: RefCell::default(),
            calls: RefCell::default(),
            last_work: Cell::new(0),
            answering: Cell::new(0),
            was_slow: Cell::new(false),
            lapse: Cell::new(None),
        })
    }

    /// Whether this is who opened it.
    pub fn is_of(&self, principal: &Principal) -> bool {
        let own = &self.who.principal;
        (own.kind, &own.name) == (principal.kind, &principal.name)
    }

    fn session(&self) -> Option<Rc<Session>> {
        self.session.borrow().as_ref().map(|(_, session)| Rc::clone(session))
    }

    /// Waits until what the client may see is there, so that reading its messages does not keep the shard.
    ///
    /// # Errors
    /// As [`Who::prepare`].
    pub async fn prepare(&self) -> Result<(), Refusal> {
        if self.who.is_prepared(&self.shard) {
            return Ok(());
        }
        let _hold = self.shard.waits.hold();
        self.who.prepare(&self.shard).await
    }

    /// Reads one message and decides what to do about it.
    pub fn read(&self, text: &[u8]) -> Taken {
        let began = Instant::now();
        let shard = &self.shard;
        // On standard input nobody shows a credential: whoever starts the process is known to the system.
        if self.socket.is_some() && self.has_lapsed() {
            self.output.close();
            let refusal = Refusal::BadCredential.answer();
            return self.unreadable(RpcError::new(refusal.code, refusal.message));
        }
        let session = self.session();
        let no_params = |_: &str| HeaderLookup::Absent;
        let via = Via { carrier: Carrier::Duplex, params: &no_params, session: session.as_ref(), who: &self.who };
        let batch_max = shard.limits().batch_max;
        let read = shard.json.borrow_mut().with(text, |value| match Batch::read(value, batch_max) {
            Some(batch) => {
                let about = batch.about();
                (What::Batch(batch), about)
            }
            None => {
                let (plan, about) = plan::plan(shard, value, &via);
                (What::Planned(plan), about)
            }
        });
        match read {
            Ok((what, about)) => Taken { what, about, began },
            Err(fault) => self.unreadable(RpcError::new(PARSE, fault.to_string())),
        }
    }

    /// A message that the transport could not take.
    pub fn unreadable(&self, error: RpcError) -> Taken {
        Taken { what: What::Unreadable(error), about: About::of(Method::Invalid), began: Instant::now() }
    }

    /// Acts on a message. What answers by itself goes on beside this; what is answered at once waits for the output.
    pub async fn answer(self: &Rc<Duplex>, taken: Taken) {
        let _answering = Answering::new(self);
        let note = Note::new(self, taken.about, taken.began);
        let reply = match taken.what {
            What::Unreadable(error) => Reply::error_with_status(400, None, &error),
            What::Batch(batch) => match self.refusal(None) {
                Some(reply) => reply,
                None => return self.begin_batch(batch, note),
            },
            What::Planned(Plan::Initialize { id, version, capabilities }) => {
                let session = Session::of_connection(version, capabilities, Rc::clone(&self.who.key));
                match self.begin_session(session) {
                    Ok(()) => {
                        Reply::json(200, lists::initialize(&self.shard, &self.who.view(&self.shard), &id, version))
                    }
                    Err(refusal) => self.refuse(refusal, Some(&id)),
                }
            }
            What::Planned(Plan::Cancel { id }) => {
                let call = self.calls.borrow_mut().remove(id.as_str());
                if let Some(call) = call {
                    call.stop();
                }
                Reply::empty(202)
            }
            What::Planned(plan) => {
                let id = id_of(&plan);
                match id.as_deref().and_then(|id| self.refusal(Some(id))) {
                    Some(reply) => reply,
                    None => match self.carry_out(plan).await {
                        Answer::Reply(reply) => reply,
                        Answer::Events(events) => return self.follow(events, id, note),
                    },
                }
            }
        };
        note.end.set(End::of(&reply));
        if reply.body.is_empty() {
            return;
        }
        match note.submit() {
            Ok(None) => self.send(reply.body).await,
            // Beside the reading of messages: as many may wait for the disk as calls may be under way.
            Ok(Some(durable)) if self.calls.borrow().len() < self.manner.calls_max => {
                let client = Rc::clone(self);
                self.track(None, async move { client.send_recorded(durable.await.is_ok(), reply.body).await });
            }
            Ok(Some(durable)) => self.send_recorded(durable.await.is_ok(), reply.body).await,
            Err(NotRecorded) => self.send_recorded(false, reply.body).await,
        }
    }

    /// Sends an answer whose record is on disk, or that it is not.
    async fn send_recorded(&self, is_recorded: bool, answer: Vec<u8>) {
        self.send(if is_recorded { answer } else { trail::not_recorded(&self.shard, &answer) }).await;
    }

    /// Why work that may take a while is not begun.
    fn refusal(&self, id: Option<&str>) -> Option<Reply> {
        if self.shard.draining.get() {
            return Some(self.refuse(Refusal::Draining, id));
        }
        let calls = self.calls.borrow();
        if calls.len() >= self.manner.calls_max {
            return Some(self.refuse(Refusal::Overloaded, id));
        }
        id.filter(|id| calls.contains_key(*id)).map(|id| {
            let error = RpcError::invalid_request("Invalid Request: a request with this `id` is in flight");
            Reply::error_with_status(200, Some(id), &error)
        })
    }

    fn refuse(&self, refusal: Refusal, id: Option<&str>) -> Reply {
        self.shard.metrics.count_refusal(refusal);
        Reply::refusal_of(refusal, id, "")
    }

    async fn carry_out(&self, plan: Plan) -> Answer {
        let session = self.session();
        match plan {
            Plan::Work(planned) => {
                let route = match (&planned.caller.session, session) {
                    (Some(_), Some(session)) => work::Route::Session(session),
                    _ => work::Route::Connection,
                };
                work::start(&self.shard, *planned, route).await
            }
            other => http::carry_out(&self.shard, other, session.as_ref(), &self.who).await,
        }
    }

    fn begin_batch(self: &Rc<Duplex>, batch: Batch, note: Note) {
        // Beside the reading of messages: a batch is answered when the slowest of its calls is.
        let client = Rc::clone(self);
        self.track(None, async move {
            let session = client.session();
            let headers = McpHeaders::default();
            let reply = batch::carry_out(&client.shard, session.as_ref(), &headers, batch, &client.who).await;
            note.end.set(End::of(&reply));
            if reply.body.is_empty() {
                return;
            }
            let is_recorded = match note.submit() {
                Ok(None) => true,
                Ok(Some(durable)) => durable.await.is_ok(),
                Err(NotRecorded) => false,
            };
            client.send_recorded(is_recorded, reply.body).await;
        });
    }

    /// Begins a session, which ends the former one, and sends what belongs to none of its calls from here on.
    fn begin_session(self: &Rc<Duplex>, session: Rc<Session>) -> Result<(), Refusal> {
        let shard = &self.shard;
        // Nobody learns its name: it is in the table to be counted, bounded, and told what changes.
        let handle = shard.new_handle();
        let evicted = shard.sessions.borrow_mut().insert(handle, Rc::clone(&session), shard.now());
        if let Some(evicted) = evicted.map_err(|_| Refusal::SessionsFull)? {
            evicted.end();
        }
        let mut source = Source::Local(session.standalone(&shard.limits()).attach(0));
        self.end_session();
        self.session.replace(Some((handle, session)));
        let client = Rc::clone(self);
        let announcing = async move {
            // A session's own stream keeps what it can, and never overflows.
            client.forward(&mut source, None).await;
        };
        shard.spawn(Doing::Duplex, announcing).detach();
        Ok(())
    }

    fn end_session(&self) {
        let former = self.session.borrow_mut().take();
        if let Some((handle, session)) = former {
            self.shard.sessions.borrow_mut().remove(&handle);
            session.end();
        }
    }

    /// Sends the messages of a call or stream as they come.
    fn follow(self: &Rc<Duplex>, events: Events, id: Option<String>, note: Note) {
        let client = Rc::clone(self);
        self.track(id.clone(), async move {
            // All of it: its guard ends the call with this future.
            let mut events = events;
            if !events.always_stream {
                // Until its last message a call has no answer, and a client that leaves ends it here.
                note.end.set(End { ending: Ending::Cancelled, ..note.end.get() });
            }
            if client.forward(&mut events.source, Some(&note)).await {
                client.was_slower_than(id.as_deref()).await;
            }
        });
    }

    async fn was_slower_than(&self, id: Option<&str>) {
        self.shard.metrics.count_overflow();
        if self.manner.leaves_slow {
            self.was_slow.set(true);
            self.output.close();
            return;
        }
        if let (Some(id), Some(session)) = (id, self.session()) {
            session.cancel_call(id);
        }
        let error = RpcError::internal("The client reads more slowly than the call speaks");
        self.send(Reply::error(id, &error).body).await;
    }

    /// Runs work that answers by itself, known by the id it answers.
    fn track(self: &Rc<Duplex>, id: Option<String>, work: impl Future<Output = ()> + 'static) {
        let number = self.last_work.get() + 1;
        self.last_work.set(number);
        // An id is JSON text, which never looks like this.
        let key: Arc<str> = id.unwrap_or_else(|| format!("#{number}")).into();
        let (client, of_key) = (Rc::clone(self), Arc::clone(&key));
        let (stop, stopped) = stop::pair();
        self.calls.borrow_mut().insert(key, stop);
        let work = async move {
            work.await;
            client.calls.borrow_mut().remove(&of_key);
            client.part_if_done();
        };
        self.shard.spawn(Doing::Duplex, stopped.run(work)).detach();
    }

    /// Sends events until the last. True when the client was too slow for them.
    async fn forward(&self, source: &mut Source, note: Option<&Note>) -> bool {
        let unheard = Cell::default();
        let end = note.map_or(&unheard, |note| &note.end);
        loop {
            match source.next(true).await {
                StreamEvent::Message { text, answers: None, .. } => {
                    end.set(End { bytes: end.get().bytes + text.len() as u64, ..end.get() });
                    self.send(text).await;
                }
                StreamEvent::Message { text, answers: Some(ending), .. } | StreamEvent::Sole { text, ending, .. } => {
                    end.set(End { ending, bytes: end.get().bytes + text.len() as u64, ..end.get() });
                    let is_recorded = match note.map(Note::submit) {
                        None | Some(Ok(None)) => true,
                        Some(Ok(Some(durable))) => durable.await.is_ok(),
                        Some(Err(NotRecorded)) => false,
                    };
                    self.send_recorded(is_recorded, text).await;
                }
                // There is no other connection to come back on.
                StreamEvent::Suspend => {}
                StreamEvent::End(ending) => {
                    end.set(End { ending, ..end.get() });
                    return false;
                }
                StreamEvent::Overflow => return true,
            }
        }
    }

    async fn send(&self, message: Vec<u8>) {
        self.output.send(message).await;
    }

    /// Whether as much waits for the client to read as may. Calls under way do not count: one more is refused as such,
    /// and what cancels them or answers their questions must come through.
    pub fn is_full(&self) -> bool {
        self.answering.get() >= self.manner.calls_max || self.output.waiting_bytes() >= self.manner.waiting_bytes_max
    }

    /// Waits until the client has read enough of what waits for it. For whoever reads its messages.
    pub async fn room(&self) {
        self.output.room(self.manner.waiting_bytes_max).await;
    }

    /// Whether nothing is under way.
    pub fn is_done(&self) -> bool {
        self.calls.borrow().is_empty() && self.answering.get() == 0
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Why it ends, when it is for its credential.
    pub fn lapse(&self) -> Option<Lapse> {
        self.lapse.get()
    }

    fn has_lapsed(&self) -> bool {
        // A sweep finds the rest; the second in which a credential expires may be over before.
        let end = self.who.principal.expires_at_unix_s;
        self.lapse.get().is_some() || end.is_some_and(|end| end <= self.shard.coarse_unix_s.get())
    }

    /// Ends everything that is under way: its credential is worth nothing.
    pub fn handle_lapse(&self, lapse: Lapse) {
        self.lapse.set(Some(lapse));
        self.end();
    }

    /// Whether the client was left for being slow.
    pub fn was_slow(&self) -> bool {
        self.was_slow.get()
    }

    /// Ends the output of a draining server when everything that was asked is answered.
    pub fn part_if_done(&self) {
        if self.shard.draining.get() && self.is_done() {
            self.output.close();
        }
    }

    /// Ends everything that is under way: the client is gone.
    pub fn end(&self) {
        let calls: Vec<_> = self.calls.borrow_mut().drain().collect();
        calls.iter().for_each(|(_, call)| call.stop());
        self.end_session();
        self.output.close();
    }
}

/// The id under which work that may take a while is known; what is answered at once needs none.
fn id_of(plan: &Plan) -> Option<String> {
    match plan {
        Plan::Work(planned) => Some(planned.id.clone()),
        Plan::Listen { id, .. } | Plan::Task { id, .. } => Some(id.clone()),
        _ => None,
    }
}

/// Counts a message whose answer is being handed out.
struct Answering(Rc<Duplex>);

impl Answering {
    fn new(client: &Rc<Duplex>) -> Answering {
        client.answering.set(client.answering.get() + 1);
        Answering(Rc::clone(client))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get() - 1);
        self.0.part_if_done();
    }
}
