//! One client connection on glommio's own sockets, the portable pump: it feeds bytes and time to the core and performs
//! what the core asks. It never decides what a request means.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::FutureExt;
use ringway_core::http::deadline::{self, Overdue, Progress};
use ringway_core::http::decoder::{Decoder, Phase, Step};
use ringway_core::http::head::Method as HttpMethod;
use ringway_core::http::response::{self, Content, Extra};
use ringway_core::limits::Limits;
use ringway_core::mcp::sse;
use ringway_core::refusal::Refusal;
use ringway_core::request_path::{self, MCP_ALLOW, MCP_PATH, READ_ALLOW, Route};

use super::socket::Socket;
use super::{Shard, sweep};
use crate::answer::{Answer, Events, Reply, poll_now};
use crate::mcp::http;
use crate::metrics::Method;
use crate::net::{self, Direction};
use crate::observe;
use crate::outbox::StreamEvent;

/// Answers of pipelined requests are sent together up to this size.
const OUT_BYTES_MAX: usize = 64 << 10;
/// Bytes a client may send ahead while its request is being served.
const AHEAD_BYTES_MAX: usize = 64 << 10;
/// How soon a client should come back for the rest of a suspended stream.
const RETRY_MS: u32 = 500;
/// How long what a refused client still sends is read, so that it gets to see the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(1);

/// What deadlines and drain see of a connection.
pub struct Control {
    socket: Rc<Socket>,
    progress: Cell<Progress>,
    overdue: Cell<Option<Overdue>>,
}

impl Control {
    /// A connection that has just begun.
    pub fn new(socket: Rc<Socket>, now: Duration) -> Rc<Control> {
        // A connection that never sends a byte has as long as a head may take.
        let progress = Progress {
            phase: Phase::Head,
            phase_began: now,
            body_bytes: 0,
            window: (now, 0),
            write_blocked_since: None,
            serving: false,
        };
        Rc::new(Control { socket, progress: Cell::new(progress), overdue: Cell::new(None) })
    }

    /// Ends the connection's pending read or write when it has taken too long.
    pub fn enforce_deadline(&self, now: Duration, limits: &Limits) {
        if self.overdue.get().is_some() {
            return;
        }
        let mut progress = self.progress.get();
        let overdue = deadline::overdue(&mut progress, now, limits);
        self.progress.set(progress);
        if let Some(overdue) = overdue {
            self.overdue.set(Some(overdue));
            let direction = match overdue {
                Overdue::Head | Overdue::Body => Direction::Read,
                Overdue::Idle | Overdue::Write => Direction::Both,
            };
            net::shut_down(self.socket.fd(), direction);
        }
    }

    /// Ends a connection that waits for its next request, or has not sent a byte of its first.
    pub fn close_if_idle(&self) {
        let progress = self.progress.get();
        // A connection that has not sent a byte yet is in its first head, by its deadline.
        let waits = match progress.phase {
            Phase::Idle => true,
            Phase::Head => progress.body_bytes == 0,
            Phase::Body => false,
        };
        if waits && !progress.serving && progress.write_blocked_since.is_none() {
            net::shut_down(self.socket.fd(), Direction::Read);
        }
    }

    /// Ends the connection, whatever it does.
    pub fn close(&self) {
        net::shut_down(self.socket.fd(), Direction::Both);
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.get();
        change(&mut progress);
        self.progress.set(progress);
    }
}

/// Serves a connection to its end.
pub async fn serve(shard: Rc<Shard>, socket: Rc<Socket>, control: Rc<Control>, serves_mcp: bool) {
    let mut connection =
        Connection { shard, socket, control, decoder: Decoder::default(), out: Vec::new(), serves_mcp };
    connection.run().await;
}

struct Connection {
    shard: Rc<Shard>,
    socket: Rc<Socket>,
    control: Rc<Control>,
    decoder: Decoder,
    out: Vec<u8>,
    serves_mcp: bool,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It may carry another request.
    Continue,
    /// It ends when what is written has been sent.
    Close,
    /// It ends at once.
    Abort,
}

impl Connection {
    async fn run(&mut self) {
        loop {
            match self.decoder.step(&self.shard.limits) {
                Ok(Step::Request) => match self.serve_request().await {
                    Then::Continue if self.decoder.waiting_bytes() > 0 && self.out.len() < OUT_BYTES_MAX => {}
                    Then::Continue => {
                        if !self.flush().await {
                            return;
                        }
                    }
                    Then::Close => return self.close().await,
                    Then::Abort => return,
                },
                Ok(step) => {
                    if step == Step::Continue {
                        self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    if !self.flush().await || !self.read().await {
                        return;
                    }
                }
                Err(refusal) => {
                    self.refuse(refusal);
                    return self.close().await;
                }
            }
        }
    }

    /// Reads more bytes. False when the connection is over.
    async fn read(&mut self) -> bool {
        let phase = self.decoder.phase();
        if self.shard.draining.get() && phase == Phase::Idle {
            return false;
        }
        let now = self.shard.coarse_now.get();
        self.control.update(|progress| {
            // A new connection's first head counts from its beginning.
            let first_head = phase == Phase::Idle && progress.phase == Phase::Head;
            if progress.serving || (phase != progress.phase && !first_head) {
                progress.enter(phase, now);
            }
            progress.serving = false;
        });
        let Connection { shard, socket, decoder, .. } = self;
        let read = if decoder.is_empty() {
            if let Some(room) = decoder.give_back() {
                shard.buffers.give_room(room);
            }
            socket.read_lent(&shard.buffers, |room, count| decoder.lend(room, count)).await
        } else {
            let read = socket.read(decoder.room()).await;
            if let Ok(count) = read {
                decoder.filled(count);
            }
            read
        };
        match read {
            Ok(0) => {}
            Ok(count) => {
                self.control.update(|progress| progress.body_bytes += count as u64);
                return true;
            }
            Err(_) => return false,
        }
        let late = match self.control.overdue.get() {
            Some(Overdue::Head) if self.decoder.waiting_bytes() > 0 => Some(Refusal::HeadTimeout),
            Some(Overdue::Body) => Some(Refusal::BodyTimeout),
            // A head or body cut short: the client has given up, or cannot know that more was wanted.
            None if phase == Phase::Body => Some(Refusal::Framing("The connection ended inside a body")),
            None if phase == Phase::Head => Some(Refusal::Framing("The connection ended inside a head")),
            _ => None,
        };
        if let Some(refusal) = late {
            self.refuse(refusal);
            self.flush().await;
        }
        false
    }

    /// Sends what is written. False when the client is gone or takes no more.
    async fn flush(&mut self) -> bool {
        if self.out.is_empty() {
            return true;
        }
        let sent = write(&self.shard, &self.control, &self.socket, &self.out).await;
        self.shard.buffers.give_out(std::mem::take(&mut self.out));
        sent
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.shard.metrics.count_refusal(refusal);
        let is_head = self.decoder.method() == Some(HttpMethod::Head);
        let reply = Reply::refusal(refusal, MCP_ALLOW);
        write_reply(&mut self.out, &self.shard, &reply, refusal.answer().closes, is_head, None);
    }

    /// Sends what is written, and ends so that the client sees it.
    async fn close(&mut self) {
        if self.flush().await {
            linger(&self.socket).await;
        }
    }

    async fn serve_request(&mut self) -> Then {
        let Connection { shard, socket, control, decoder, out, serves_mcp } = self;
        let Some(request) = decoder.request() else {
            return Then::Abort;
        };
        let began = Instant::now();
        if out.capacity() == 0 {
            *out = shard.buffers.out();
        }
        control.update(|progress| progress.serving = true);
        let head = request.head;
        let close = !head.keep_alive || shard.draining.get();
        let is_head = head.method == HttpMethod::Head;
        let admitted = match request_path::admit(request, &shard.allowed) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                shard.metrics.count_refusal(refusal);
                let closes = close || refusal.answer().closes;
                write_reply(out, shard, &Reply::refusal(refusal, MCP_ALLOW), closes, is_head, None);
                return finish(decoder, closes);
            }
        };
        let origin = admitted.origin().map(<[u8]>::to_vec);
        let cors = origin.as_deref();
        let (answer, method) = match request_path::route(&admitted, *serves_mcp) {
            // Boxed, as below: a state machine this large would make every connection of a full shard cold memory.
            Ok(Route::McpPost) => Box::pin(http::post(shard, request)).await,
            Ok(Route::McpGet) => (http::get(shard, request).await, Method::Stream),
            Ok(Route::McpDelete) => (http::delete(shard, request).await, Method::EndSession),
            Ok(Route::Preflight) => {
                let wanted = head.preflight_headers.bytes(request.bytes);
                response::write_preflight(out, cors.unwrap_or_default(), wanted, close, &sweep::date(shard));
                return finish(decoder, close);
            }
            Ok(Route::Options) => {
                let allow = if request.path() == MCP_PATH { MCP_ALLOW } else { READ_ALLOW };
                (Reply::empty(204).field("Allow", allow).into(), Method::Probe)
            }
            Ok(route) => (observe::answer(shard, route).into(), Method::Probe),
            Err(refusal) => {
                shard.metrics.count_refusal(refusal);
                let allow = if request.path() == MCP_PATH { MCP_ALLOW } else { READ_ALLOW };
                (Reply::refusal(refusal, allow).into(), Method::Refused)
            }
        };
        match answer {
            Answer::Reply(reply) => {
                write_reply(out, shard, &reply, close, is_head, cors);
                shard.metrics.observe(method, reply.status, began.elapsed());
                finish(decoder, close)
            }
            Answer::Events(events) if events.always_stream && !head.accept.event_stream() => {
                let refusal = Refusal::NotAcceptable;
                shard.metrics.count_refusal(refusal);
                let reply = Reply::refusal(refusal, MCP_ALLOW);
                write_reply(out, shard, &reply, close, is_head, cors);
                shard.metrics.observe(method, reply.status, began.elapsed());
                finish(decoder, close)
            }
            Answer::Events(events) => {
                // Answers to earlier pipelined requests must not wait for this one.
                if !out.is_empty() {
                    let sent = write(shard, control, socket, out).await;
                    out.clear();
                    if !sent {
                        return Then::Abort;
                    }
                }
                let stream = Stream {
                    shard,
                    control,
                    socket,
                    out,
                    cors,
                    close,
                    json: head.accept.json(),
                    event_stream: head.accept.event_stream(),
                    chunked: head.knows_chunks,
                    committed: false,
                };
                let (then, ahead, status) = Box::pin(stream.run(events)).await;
                shard.metrics.observe(method, status, began.elapsed());
                if then == Then::Abort {
                    return Then::Abort;
                }
                let then = finish(decoder, then == Then::Close);
                feed(decoder, &ahead);
                then
            }
        }
    }
}

/// Ends the output, then reads and drops what the client still sends for a moment: closing with unread bytes would reset
/// the connection, and the client would never see the answer.
pub async fn linger(socket: &Socket) {
    net::shut_down(socket.fd(), Direction::Write);
    let drain = async {
        let mut sink = vec![0; 16 << 10];
        while matches!(socket.read(&mut sink).await, Ok(1..)) {}
    };
    crate::context::within(LINGER, drain).await;
}

fn finish(decoder: &mut Decoder, close: bool) -> Then {
    decoder.consume();
    if close { Then::Close } else { Then::Continue }
}

/// Hands bytes that were read ahead to the decoder.
fn feed(decoder: &mut Decoder, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = decoder.room();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        decoder.filled(count);
        bytes = &bytes[count..];
    }
}

async fn write(shard: &Shard, control: &Control, socket: &Socket, bytes: &[u8]) -> bool {
    let blocked = || control.update(|progress| progress.write_blocked_since = Some(shard.coarse_now.get()));
    let mut written = std::pin::pin!(socket.write_all(bytes, blocked));
    let outcome = match poll_now(&mut written).await {
        Some(outcome) => outcome,
        None => {
            blocked();
            written.await
        }
    };
    control.update(|progress| progress.write_blocked_since = None);
    outcome.is_ok()
}

fn write_reply(out: &mut Vec<u8>, shard: &Shard, reply: &Reply, close: bool, is_head: bool, cors: Option<&[u8]>) {
    let content = reply.content_type.map_or(Content::Empty, |kind| Content::Sized(kind, reply.body.len()));
    let fields: Vec<(&'static str, &str)> = reply.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let extra = Extra { fields: &fields, cors_origin: cors };
    response::write_head(out, reply.status, content, close, &sweep::date(shard), extra);
    if !is_head {
        out.extend_from_slice(&reply.body);
    }
}

/// One answer that comes in pieces.
struct Stream<'c> {
    shard: &'c Rc<Shard>,
    control: &'c Rc<Control>,
    socket: &'c Rc<Socket>,
    out: &'c mut Vec<u8>,
    cors: Option<&'c [u8]>,
    close: bool,
    json: bool,
    event_stream: bool,
    /// Whether the stream has chunks; otherwise it ends with the connection.
    chunked: bool,
    committed: bool,
}

enum Next {
    Event(StreamEvent),
    Gone(Gone),
    Quiet,
}

impl Stream<'_> {
    /// Sends events until the last. Returns what becomes of the connection, what was read ahead, and the status.
    async fn run(mut self, mut events: Events) -> (Then, Vec<u8>, u16) {
        let watch = Watch::start(Rc::clone(self.socket));
        let mut status = 200;
        // A client that takes no stream gets the last message, which is the answer.
        let mut last = None;
        if events.always_stream {
            self.commit(&events);
        }
        let then = loop {
            if !self.out.is_empty() {
                // What is ready goes out together, up to a bound: a source on another shard may never run dry.
                let ready = if self.out.len() < OUT_BYTES_MAX {
                    poll_now(&mut Box::pin(events.source.next(self.committed))).await
                } else {
                    None
                };
                let Some(event) = ready else {
                    if !self.flush().await {
                        break Then::Abort;
                    }
                    continue;
                };
                if let Some(then) = self.take(event, &events, &mut last, &mut status) {
                    break then;
                }
                continue;
            }
            let next = {
                let event = async { Next::Event(events.source.next(self.committed).await) };
                let gone = async { Next::Gone(watch.gone().await) };
                let quiet = async {
                    glommio::timer::sleep(self.shard.limits.keep_alive_every).await;
                    Next::Quiet
                };
                event.or(gone).or(quiet).await
            };
            match next {
                Next::Event(event) => {
                    if let Some(then) = self.take(event, &events, &mut last, &mut status) {
                        break then;
                    }
                }
                // A legacy call outlives its connection (MCP transports), so that one half closed gets its answer; a
                // modern one ends with it, and a stream that nobody may read any more ends too.
                Next::Gone(Gone::Sending) if events.guard.is_none() && !events.always_stream => {}
                Next::Gone(_) => break Then::Abort,
                Next::Quiet if self.event_stream => {
                    self.commit(&events);
                    self.write(sse::KEEP_ALIVE);
                }
                Next::Quiet => {}
            }
        };
        let ahead = watch.stop().await;
        // What is written goes out with the connection's next flush.
        (then, ahead, status)
    }

    /// Takes one event; `Some` when it is the last.
    fn take(
        &mut self,
        event: StreamEvent,
        events: &Events,
        last: &mut Option<Vec<u8>>,
        status: &mut u16,
    ) -> Option<Then> {
        let go_on = if self.close { Then::Close } else { Then::Continue };
        match event {
            StreamEvent::Sole { status: found, text } if self.json => {
                *status = found;
                let reply = Reply { fields: events.fields.clone(), ..Reply::json(found, text) };
                write_reply(self.out, self.shard, &reply, self.close, false, self.cors);
                Some(go_on)
            }
            StreamEvent::Message { number, text } if self.event_stream => {
                self.commit(events);
                let id = events.id_prefix.as_ref().map(|prefix| format!("{prefix}{number:x}"));
                let mut event = Vec::with_capacity(text.len() + 64);
                sse::event(&mut event, id.as_deref(), &text);
                self.write(&event);
                None
            }
            StreamEvent::Sole { text, .. } => {
                self.commit(events);
                let mut event = Vec::with_capacity(text.len() + 64);
                sse::event(&mut event, None, &text);
                self.write(&event);
                self.write_end();
                Some(go_on)
            }
            StreamEvent::Message { text, .. } => {
                *last = Some(text);
                None
            }
            // A client that takes no stream could not come back for the rest of one.
            StreamEvent::Suspend if !self.event_stream => None,
            StreamEvent::Suspend | StreamEvent::End => {
                match last.take() {
                    Some(text) => {
                        write_reply(self.out, self.shard, &Reply::json(200, text), self.close, false, self.cors);
                    }
                    None => {
                        self.commit(events);
                        self.write_end();
                    }
                }
                Some(go_on)
            }
            StreamEvent::Overflow => {
                self.shard.metrics.count_overflow();
                Some(Then::Abort)
            }
        }
    }

    /// Begins the stream: from here on the status is 200.
    fn commit(&mut self, events: &Events) {
        if std::mem::replace(&mut self.committed, true) {
            return;
        }
        let fields: Vec<(&'static str, &str)> =
            events.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let extra = Extra { fields: &fields, cors_origin: self.cors };
        response::write_head(
            self.out,
            200,
            if self.chunked { Content::Events } else { Content::EventsToTheEnd },
            self.close,
            &sweep::date(self.shard),
            extra,
        );
        if let (Some(number), Some(prefix)) = (events.primes, &events.id_prefix) {
            let mut event = Vec::new();
            sse::priming(&mut event, &format!("{prefix}{number:x}"), RETRY_MS);
            self.write(&event);
        }
    }

    fn write(&mut self, text: &[u8]) {
        if self.chunked {
            response::write_chunk(self.out, text);
        } else {
            self.out.extend_from_slice(text);
        }
    }

    fn write_end(&mut self) {
        if self.chunked {
            response::write_last_chunk(self.out);
        }
    }

    async fn flush(&mut self) -> bool {
        let sent = write(self.shard, self.control, self.socket, self.out).await;
        self.out.clear();
        sent
    }
}

/// Reads while an answer is on its way: notices a client that leaves, and keeps what it sends ahead.
struct Watch {
    state: Rc<WatchState>,
    task: glommio::Task<()>,
}

/// What a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// It sends no more, and may still read.
    Sending,
    /// It is gone.
    Altogether,
}

#[derive(Default)]
struct WatchState {
    gone: Cell<Option<Gone>>,
    waker: RefCell<Option<Waker>>,
    ahead: RefCell<Vec<u8>>,
}

impl Watch {
    fn start(socket: Rc<Socket>) -> Watch {
        let state = Rc::new(WatchState::default());
        let of_task = Rc::clone(&state);
        let task = glommio::spawn_local(async move {
            let mut room = [0; 2048];
            // A client that fills its allowance is read no further: TCP holds it back until its answer is done.
            while of_task.ahead.borrow().len() < AHEAD_BYTES_MAX {
                match socket.read(&mut room).await {
                    Ok(count) if count > 0 => of_task.ahead.borrow_mut().extend_from_slice(&room[..count]),
                    outcome => {
                        // The end of what the client sends may be the end of its request only; an error is not.
                        of_task.gone.set(Some(if outcome.is_ok() { Gone::Sending } else { Gone::Altogether }));
                        if let Some(waker) = of_task.waker.borrow_mut().take() {
                            waker.wake();
                        }
                        return;
                    }
                }
            }
        });
        Watch { state, task }
    }

    async fn gone(&self) -> Gone {
        std::future::poll_fn(|cx| {
            if let Some(gone) = self.state.gone.take() {
                return Poll::Ready(gone);
            }
            self.state.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    async fn stop(self) -> Vec<u8> {
        self.task.cancel().await;
        self.state.ahead.take()
    }
}
