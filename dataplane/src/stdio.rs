//! MCP over standard input and output: one JSON message a line (MCP transports, "stdio"). One process serves one client,
//! in either era and in both at once. Nothing but messages is ever written to standard output.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ringway_core::header_params::HeaderLookup;
use ringway_core::http::request_id::RequestId;
use ringway_core::mcp::era::Carrier;
use ringway_core::mcp::rpc_error::{INTERNAL, PARSE};
use ringway_core::mcp::{RpcError, render};

use crate::answer::{Answer, Events, Reply};
use crate::context::within;
use crate::mcp::plan::{self, Plan, Via};
use crate::mcp::{http, lists, work};
use crate::metrics::Method;
use crate::outbox::StreamEvent;
use crate::record::{self, About, Ending, Finished};
use crate::session::Session;
use crate::shard::{Setup, Shard, Up, sweep};
use crate::stop::{self, Stop};

/// How often it is looked whether the server drains while no line comes.
const LOOK_FOR_DRAIN_EVERY: std::time::Duration = std::time::Duration::from_millis(250);
/// Lines read ahead of the shard.
const LINES_WAITING_MAX: usize = 64;
/// Messages that wait for a client that does not read; then the calls that make them wait.
const MESSAGES_WAITING_MAX: usize = 256;

/// Serves until input ends and everything that was asked is answered, or the drain time is up.
pub async fn run(setup: Setup) {
    let shard = Shard::new(&setup);
    let _up = Up::new(&setup.observatory);
    // Deadlines have no connections here; the rest of a sweep is as in any shard.
    let sweeping = shard.spawn(sweep::run(Rc::clone(&shard)));
    let (lines, input) = async_channel::bounded(LINES_WAITING_MAX);
    let (output, messages) = async_channel::bounded(MESSAGES_WAITING_MAX);
    let line_bytes_max = shard.limits().body_bytes_max;
    let reader = std::thread::Builder::new().name("stdin".into());
    let writer = std::thread::Builder::new().name("stdout".into());
    let started = reader.spawn(move || read_lines(&lines, line_bytes_max)).is_ok();
    let Ok(writer) = writer.spawn(move || write_lines(&messages)) else {
        return;
    };
    let letters = {
        let (of_task, letters) = (Rc::clone(&shard), setup.letters);
        shard.spawn(async move {
            while let Some(letter) = letters.next().await {
                of_task.take(letter);
            }
        })
    };
    let client = Rc::new(Client {
        shard,
        output,
        session: RefCell::default(),
        calls: RefCell::default(),
        last_work: Cell::new(0),
    });
    while started && !client.shard.draining.get() {
        let Some(read) = within(LOOK_FOR_DRAIN_EVERY, input.recv()).await else { continue };
        let Ok(line) = read else { break };
        match line {
            Line::Whole(line) => Client::take(&client, line).await,
            Line::TooLong => {
                let error = RpcError::new(PARSE, "Parse error: the line is too long");
                client.send(render::error(Vec::new(), None, &error)).await;
            }
        }
    }
    client.finish().await;
    letters.cancel().await;
    sweeping.cancel().await;
    drop(client);
    // The writer ends when the last sender is gone, and everything is out then. A blocked client is not waited for.
    let _ = glommio::executor().spawn_blocking(move || writer.join()).await;
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

fn read_lines(lines: &async_channel::Sender<Line>, line_bytes_max: usize) {
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let limit = line_bytes_max as u64 + 1;
        match Read::by_ref(&mut input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut letter = Line::Whole(Vec::new());
        if line.last() != Some(&b'\n') && line.len() > line_bytes_max {
            letter = Line::TooLong;
            if skip_line(&mut input).is_err() {
                return;
            }
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if let Line::Whole(whole) = &mut letter {
            if line.is_empty() {
                continue;
            }
            *whole = line;
        }
        if lines.send_blocking(letter).is_err() {
            return;
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let room = input.fill_buf()?;
        let (used, done) = match room.iter().position(|&byte| byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (room.len(), room.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

fn write_lines(messages: &async_channel::Receiver<Vec<u8>>) {
    let mut output = std::io::stdout().lock();
    while let Ok(mut message) = messages.recv_blocking() {
        message.push(b'\n');
        // One write a message: a client never sees half a line from us.
        if output.write_all(&message).and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

/// A request on its way to whoever counts it.
struct Note {
    shard: Rc<Shard>,
    about: About,
    began: Instant,
}

impl Note {
    fn take(self, ending: Ending, bytes: usize) {
        let Note { shard, about, began } = self;
        let request_id = RequestId::Made(shard.new_request_id());
        let finished = Finished {
            about: &about,
            ending,
            status: 200,
            took: began.elapsed(),
            bytes: bytes as u64,
            request_id: request_id.as_str(),
            socket: None,
        };
        record::finished(&shard, &finished);
    }
}

struct Client {
    shard: Rc<Shard>,
    output: async_channel::Sender<Vec<u8>>,
    /// What `initialize` began.
    session: RefCell<Option<Rc<Session>>>,
    /// Modern calls and streams under way, by the text of their id.
    calls: RefCell<HashMap<Arc<str>, Stop>>,
    last_work: Cell<u64>,
}

impl Client {
    async fn send(&self, message: Vec<u8>) {
        // Closed means that the client reads no more; its end of input will follow.
        let _ = self.output.send(message).await;
    }

    async fn send_reply(&self, reply: Reply) {
        if !reply.body.is_empty() {
            self.send(reply.body).await;
        }
    }

    async fn take(client: &Rc<Client>, line: Vec<u8>) {
        let shard = &client.shard;
        let began = Instant::now();
        let session = client.session.borrow().clone();
        let no_params = |_: &str| HeaderLookup::Absent;
        let via = Via { carrier: Carrier::Stdio, params: &no_params, session: session.as_ref() };
        let planned =
            shard.json.borrow_mut().with(&line, |value| match http::batch_texts(value, shard.limits().batch_max) {
                Some(texts) => Err(texts),
                None => Ok((plan::plan(shard, value, &via), id_of(value))),
            });
        let note = |about| Note { shard: Rc::clone(shard), about, began };
        match planned {
            Err(fault) => {
                let reply = Reply::error(None, &RpcError::new(PARSE, fault.to_string()));
                note(About::of(Method::Invalid)).take(reply.ending, reply.body.len());
                client.send(reply.body).await;
            }
            Ok(Err(texts)) => {
                let note = note(About::of(Method::Batch));
                // Beside the reading of lines, so that what is in a batch can be cancelled.
                let of_task = Rc::clone(client);
                Client::track(client, None, async move {
                    let error = RpcError::invalid_request("Invalid Request: this revision has no batches");
                    let shard = &of_task.shard;
                    let answer = http::local_batch(shard, session.as_ref(), &Default::default(), texts).await;
                    let reply = match answer {
                        Some(Answer::Reply(reply)) => reply,
                        _ => Reply::error(None, &error),
                    };
                    note.take(reply.ending, reply.body.len());
                    of_task.send_reply(reply).await;
                });
            }
            Ok(Ok(((plan, about), id))) => {
                Client::carry_out(Rc::clone(client), plan, note(about), id, session).await;
            }
        }
    }

    async fn carry_out(client: Rc<Client>, plan: Plan, note: Note, id: Option<String>, session: Option<Rc<Session>>) {
        let shard = Rc::clone(&client.shard);
        let answer = match plan {
            Plan::Initialize { id, version, capabilities } => {
                let message = lists::initialize(&shard, &id, version);
                client.begin_session(Session::new(version, capabilities));
                note.take(Ending::Good, message.len());
                return client.send(message).await;
            }
            Plan::Cancel { id } => {
                let call = client.calls.borrow_mut().remove(id.as_str());
                if let Some(call) = call {
                    call.stop();
                }
                return note.take(Ending::Good, 0);
            }
            Plan::Work(planned) => {
                let route = match (&planned.caller.session, session) {
                    (Some(_), Some(session)) => work::Route::Session(session),
                    _ => work::Route::Connection,
                };
                work::start(&shard, *planned, route).await
            }
            other => http::carry_out(&shard, other, session.as_ref()).await,
        };
        match answer {
            Answer::Reply(reply) => {
                note.take(reply.ending, reply.body.len());
                client.send_reply(reply).await;
            }
            Answer::Events(events) => Client::follow(client, events, note, id),
        }
    }

    fn begin_session(self: &Rc<Client>, session: Rc<Session>) {
        let events = session.standalone(&self.shard.limits()).attach(0);
        let events = Events {
            source: crate::answer::Source::Local(events),
            fields: Vec::new(),
            id_prefix: None,
            primes: None,
            always_stream: true,
            translate: None,
            guard: None,
        };
        if let Some(former) = self.session.replace(Some(session)) {
            former.end();
        }
        let client = Rc::clone(self);
        self.shard
            .spawn(async move {
                // A session's own stream keeps what it can, and never overflows.
                let _ = client.forward(events).await;
            })
            .detach();
    }

    /// Sends the messages of a call or stream as they come.
    fn follow(client: Rc<Client>, events: Events, note: Note, id: Option<String>) {
        let of_task = Rc::clone(&client);
        let answers = id.clone();
        Client::track(&client, id, async move {
            let (ended, bytes) = of_task.forward(events).await;
            if let (None, Some(id)) = (ended, answers) {
                let error = RpcError::internal("The client reads more slowly than the call speaks");
                of_task.send(render::error(Vec::new(), Some(&id), &error)).await;
            }
            note.take(ended.unwrap_or(Ending::Error(INTERNAL)), bytes);
        });
    }

    /// Runs work that answers by itself, known by the id it answers.
    fn track(client: &Rc<Client>, id: Option<String>, work: impl Future<Output = ()> + 'static) {
        let number = client.last_work.get() + 1;
        client.last_work.set(number);
        // An id is JSON text, which never looks like this.
        let key: Arc<str> = id.unwrap_or_else(|| format!("#{number}")).into();
        let (of_task, of_key) = (Rc::clone(client), Arc::clone(&key));
        let (stop, stopped) = stop::pair();
        client.calls.borrow_mut().insert(key, stop);
        let work = async move {
            work.await;
            of_task.calls.borrow_mut().remove(&of_key);
        };
        client.shard.spawn(stopped.run(work)).detach();
    }

    /// Sends events until the last. How they ended, unless the client was too slow for them, and their bytes.
    async fn forward(&self, mut events: Events) -> (Option<Ending>, usize) {
        let mut bytes = 0;
        loop {
            match events.source.next(true).await {
                StreamEvent::Message { text, .. } | StreamEvent::Sole { text, .. } => {
                    bytes += text.len();
                    self.send(text).await;
                }
                // There is no other connection to come back on.
                StreamEvent::Suspend => {}
                StreamEvent::End(ending) => return (Some(ending), bytes),
                StreamEvent::Overflow => return (None, bytes),
            }
        }
    }

    /// Waits for the answers that are still due; streams that have no end of their own are ended.
    async fn finish(&self) {
        for (_, listen) in self.shard.listens.borrow().iter() {
            listen.finish(&self.shard);
        }
        let deadline = self.shard.now() + self.shard.limits().drain_time_max;
        while !self.calls.borrow().is_empty() && self.shard.now() < deadline {
            glommio::timer::sleep(std::time::Duration::from_millis(2)).await;
        }
        // What is left holds the way out, and the process would outlive its client.
        let calls: Vec<_> = self.calls.borrow_mut().drain().collect();
        calls.iter().for_each(|(_, call)| call.stop());
        let session = self.session.borrow_mut().take();
        if let Some(session) = session {
            session.end();
        }
    }
}

fn id_of(value: ringway_core::json::Value<'_>) -> Option<String> {
    Some(value.as_object()?.get("id")?.text().to_owned())
}
