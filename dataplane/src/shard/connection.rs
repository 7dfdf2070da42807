//! One client connection, on either pump: it feeds bytes and time to the core and performs what the core asks. It never
//! decides what a request means.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ringway_core::http::deadline::Overdue;
use ringway_core::http::decoder::{Decoder, Phase, Request, Step};
use ringway_core::http::head::{Method as HttpMethod, lines};
use ringway_core::http::request_id::{self, RequestId};
use ringway_core::http::response::{self, Content, Extra};
use ringway_core::identify::access::Rejection;
use ringway_core::identify::client_address::ClientAddress;
use ringway_core::json::Value;
use ringway_core::mcp::{Era, RpcError, render};
use ringway_core::refusal::Refusal;
use ringway_core::request_path::{self, Admitted, MCP_ALLOW, Requires, Route};
use ringway_policy::Faces;

use super::control::Control;
use super::lasting::Lasting;
use super::socket::Socket;
use super::stream::{Stream, Words};
use super::websocket;
use super::{Shard, sweep};
use crate::answer::{Answer, Reply, Source, poll_now};
use crate::credential;
use crate::explain;
use crate::face;
use crate::mcp::http::{self, Begun, First};
use crate::mcp::{listen, pair};
use crate::metrics::Method;
use crate::net::Direction;
use crate::observe;
use crate::record::{self, About, Ending, Finished};
use crate::trail::{self, NotRecorded};
use crate::who::Who;

/// Answers of pipelined requests are sent together up to this size.
pub const OUT_BYTES_MAX: usize = 64 << 10;
/// How long what a refused client still sends is read, so that it gets to see the answer instead of a reset.
pub const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub async fn serve(shard: Rc<Shard>, socket: Rc<Socket>, control: Rc<Control>, serves_mcp: bool) {
    let mut connection =
        Connection { shard, socket, control, decoder: Decoder::default(), out: Vec::new(), serves_mcp, last: None };
    if !connection.run().await {
        return;
    }
    // What is on its way still goes. A connection that was overdue once has no deadline any more, so that this has its own.
    let mut sent = std::pin::pin!(connection.socket.finish());
    if poll_now(&mut sent).await.is_none() {
        let time_max = connection.shard.limits().write_stall_max;
        crate::context::within(time_max, sent).await;
    }
}

struct Connection {
    shard: Rc<Shard>,
    socket: Rc<Socket>,
    control: Rc<Control>,
    decoder: Decoder,
    out: Vec<u8>,
    serves_mcp: bool,
    /// Who sent the last request, from where, and by which policy it was let in.
    last: Option<(Rc<Who>, Option<ClientAddress>, u64)>,
}

impl Connection {
    /// Serves it to its end. False when what is on its way is not to go any more.
    async fn run(&mut self) -> bool {
        loop {
            let step = self.decoder.step(&self.shard.limits());
            match step {
                Ok(Step::Request) => match self.serve_request().await {
                    Then::Continue if self.decoder.waiting_bytes() > 0 && self.out.len() < OUT_BYTES_MAX => {}
                    Then::Continue => {
                        if !self.flush().await {
                            return false;
                        }
                    }
                    Then::Close => {
                        self.close().await;
                        return true;
                    }
                    Then::Upgrade => {
                        self.upgrade().await;
                        return true;
                    }
                    Then::Abort => return false,
                },
                Ok(step) => {
                    if step == Step::Continue {
                        self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    if !self.flush().await {
                        return false;
                    }
                    if !self.read().await {
                        return true;
                    }
                }
                Err(refusal) => {
                    self.refuse(refusal);
                    self.close().await;
                    return true;
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

    /// Answers what could not be read as a request.
    fn refuse(&mut self, refusal: Refusal) {
        let Connection { shard, socket, decoder, out, .. } = self;
        shard.metrics.count_refusal(refusal);
        let to = ReplyTo {
            request_id: RequestId::Made(shard.new_request_id()),
            correlation_id: None,
            cors: None,
            close: refusal.answer().closes,
            is_head: decoder.method() == Some(HttpMethod::Head),
        };
        let bytes_before = out.len();
        let reply = Reply::refusal(refusal, MCP_ALLOW);
        write_reply(out, shard, &reply, &to);
        // What cannot be read is nobody's.
        let _ = record::finished(
            shard,
            &Finished {
                about: &About::of(Method::Refused),
                ending: reply.ending,
                status: reply.status,
                took: Duration::ZERO,
                bytes: (out.len() - bytes_before) as u64,
                request_id: to.request_id.as_str(),
                who: None,
                address: None,
                rejection: None,
                socket: Some(socket),
            },
        );
    }

    /// Sends what is written, and ends so that the client sees it.
    async fn close(&mut self) {
        if self.flush().await && sent(&self.shard, &self.control, &self.socket).await {
            linger(&self.socket).await;
        }
    }

    /// Goes on as a WebSocket. Boxed: it is large, and few connections are one.
    async fn upgrade(&mut self) {
        if !self.flush().await {
            return;
        }
        let ahead = self.decoder.take_rest();
        if let Some(room) = self.decoder.give_back() {
            self.shard.buffers.give_room(room);
        }
        let (shard, socket, control) = (Rc::clone(&self.shard), Rc::clone(&self.socket), Rc::clone(&self.control));
        let Some((who, address, generation)) = self.last.take() else { return };
        let lasting = Lasting::begin(&shard, &self.control, &who, address, generation);
        Box::pin(websocket::serve(Rc::clone(&shard), socket, control, Rc::clone(&who), ahead)).await;
        drop(lasting);
    }

    async fn serve_request(&mut self) -> Then {
        let Connection { shard, socket, control, decoder, out, serves_mcp, last } = self;
        let Some(request) = decoder.request() else {
            return Then::Abort;
        };
        let began = Instant::now();
        if out.capacity() == 0 {
            *out = shard.buffers.out();
        }
        control.update(|progress| progress.serving = true);
        let head = request.head;
        let given = request_id::given(head, request.bytes);
        let mut to = ReplyTo {
            request_id: given.map_or_else(|| RequestId::Made(shard.new_request_id()), RequestId::Given),
            correlation_id: request_id::correlation(head, request.bytes),
            cors: None,
            // What follows a wish to upgrade may be frames, or sent through a proxy that takes the wish for granted.
            close: !head.keep_alive || head.upgrades || shard.draining.get(),
            is_head: head.method == HttpMethod::Head,
        };
        let admitted = request_path::admit(request, &shard.allowed());
        to.cors = admitted.as_ref().ok().and_then(Admitted::origin);
        let faces = serves_mcp.then(|| shard.policy().faces);
        let address = credential::address(shard, request, socket);
        let generation = shard.generation();
        let (known, route) = decide(shard, admitted, address, socket, *serves_mcp, faces.as_ref());
        let (origin, address) = (address, address.map(|address| address.address));
        let who = known.clone().unwrap_or_else(|| Rc::clone(&shard.anonymous));
        *last = Some((Rc::clone(&who), origin, generation));
        let route = match route {
            // Only of those who ask for what depends on it, and only where it takes its time.
            Ok(route) if route.requires() == Requires::Caller && !who.is_prepared(shard) => {
                let prepared = held(shard, Box::pin(who.prepare(shard))).await;
                prepared.map(|()| route).map_err(Rejection::from)
            }
            route => route,
        };
        let rejection = route.as_ref().err().copied();
        let (answer, about) = match route {
            Ok(Route::McpPost) => match http::begin(shard, request, &who) {
                Begun::Answered(answer, about) => (answer, about),
                // No stream, and yet it may last.
                Begun::Unfinished(First::Batch(batch)) => {
                    let about = batch.about();
                    let lasting = Lasting::begin(shard, control, &who, origin, generation);
                    let go_on = http::go_on(shard, request, First::Batch(batch), &who);
                    let outcome = held(shard, Box::pin(lasting.during(go_on))).await;
                    outcome.unwrap_or_else(|lapse| {
                        let reply = lapsed(shard, request, socket, faces.as_ref());
                        (Reply { ending: Ending::Lapsed(lapse), ..reply }.into(), about)
                    })
                }
                // Boxed, as below: a state machine this large would make every connection of a full shard cold memory.
                Begun::Unfinished(first) => held(shard, Box::pin(http::go_on(shard, request, first, &who))).await,
            },
            Ok(Route::McpGet) => (held(shard, http::get(shard, request, &who)).await, About::of(Method::Stream)),
            Ok(Route::McpDelete) => {
                (held(shard, http::delete(shard, request, &who)).await, About::of(Method::EndSession))
            }
            Ok(Route::SseStream) => (pair::open(shard, socket, &who), About::of(Method::Stream)),
            Ok(Route::SseMessage) => {
                (held(shard, Box::pin(pair::post(shard, request, &who))).await.into(), About::of(Method::OfSession))
            }
            Ok(Route::WebSocket) => {
                let reply = websocket::handshake(shard, request);
                to.close &= reply.status != 101;
                (reply.into(), About::of(Method::Stream))
            }
            Ok(Route::Preflight) => {
                let fields = response::preflight_fields(
                    lines(request.bytes, head, "access-control-request-headers").first().copied(),
                );
                let fields = fields.map(|(name, value)| (name, value.to_owned())).to_vec();
                (Reply { fields, ..Reply::empty(204) }.into(), About::of(Method::Probe))
            }
            Ok(Route::Options) => {
                let allow = request_path::allow(request.path(), faces.as_ref());
                (Reply::empty(204).field("Allow", allow).into(), About::of(Method::Probe))
            }
            Ok(Route::Face(asked)) => held(shard, Box::pin(face::answer(shard, asked, request, &who))).await,
            Ok(Route::Explain) => {
                (held(shard, Box::pin(explain::answer(shard, request))).await.into(), About::of(Method::Probe))
            }
            Ok(Route::Metadata) => (credential::metadata(shard, request, socket).into(), About::of(Method::Probe)),
            Ok(route) => (held(shard, Box::pin(observe::answer(shard, route))).await.into(), About::of(Method::Probe)),
            Err(Rejection { refusal, .. }) => {
                shard.metrics.count_refusal(refusal);
                to.close |= refusal.answer().closes;
                let reply = face::refused(request.path(), faces.as_ref(), refusal);
                (credential::challenge(shard, request, socket, refusal, reply).into(), About::of(Method::Refused))
            }
        };
        let answer = match answer {
            Answer::Events(events) if events.always_stream && !head.accept.event_stream() => {
                shard.metrics.count_refusal(Refusal::NotAcceptable);
                Reply::refusal(Refusal::NotAcceptable, MCP_ALLOW).into()
            }
            answer => answer,
        };
        let note = |ending, status, bytes| {
            // A call was let in, and its record says how it ended. Of what is no call there is none but that it was cut off.
            let lapsed = match ending {
                Ending::Lapsed(lapse) if about.method != Method::ToolsCall => {
                    Some(Rejection { refusal: Refusal::BadCredential, why: lapse.word() })
                }
                _ => None,
            };
            let rejection = rejection.or(lapsed);
            let (took, request_id) = (began.elapsed(), to.request_id.as_str());
            let socket = Some(&**socket);
            let who = known.as_ref();
            let finished =
                Finished { about: &about, ending, status, took, bytes, request_id, who, address, rejection, socket };
            record::finished(shard, &finished)
        };
        match answer {
            Answer::Reply(reply) => {
                let bytes_before = out.len();
                write_reply(out, shard, &reply, &to);
                let recorded = note(reply.ending, reply.status, (out.len() - bytes_before) as u64);
                let is_recorded = match recorded {
                    Ok(None) => true,
                    Ok(Some(durable)) => held(shard, Box::pin(durable)).await.is_ok(),
                    Err(NotRecorded) => false,
                };
                if !is_recorded {
                    out.truncate(bytes_before);
                    write_reply(out, shard, &unrecorded(), &to);
                }
                shard.buffers.give_out(reply.body);
                let (close, upgraded) = (to.close, reply.status == 101);
                let then = finish(decoder, close);
                if upgraded { Then::Upgrade } else { then }
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
                let lasting = Lasting::begin(shard, control, &who, origin, generation);
                let words = Words {
                    note: &note,
                    refused: &|| lapsed(shard, request, socket, faces.as_ref()),
                    parting: &|| parting(shard, request, &about),
                };
                let stream = Stream {
                    lasting: &lasting,
                    words: &words,
                    is_recorded: false,
                    shard,
                    control,
                    socket,
                    out,
                    to,
                    json: head.accept.json() || events.translate.is_some(),
                    event_stream: head.accept.event_stream() && events.translate.is_none(),
                    chunked: head.knows_chunks,
                    committed: false,
                    status: 200,
                    ending: Ending::Good,
                    bytes: 0,
                };
                // A call of this shard is counted itself. One of another is waited for; a stream that lasts is rung for.
                let is_remote = matches!(events.source, Source::Remote(..)) && !events.always_stream;
                let run = Box::pin(stream.run(events));
                let sent = if is_remote { held(shard, run).await } else { run.await };
                drop(lasting);
                if sent.then == Then::Abort {
                    return Then::Abort;
                }
                let then = finish(decoder, sent.then == Then::Close);
                decoder.feed(&sent.ahead);
                then
            }
        }
    }
}

/// Stages 3 and 4 of a request: who sent it, if that was found out, and what it asks for.
fn decide(
    shard: &Shard,
    admitted: Result<Admitted<'_>, Refusal>,
    address: Option<ClientAddress>,
    socket: &Socket,
    serves_mcp: bool,
    faces: Option<&Faces>,
) -> (Option<Rc<Who>>, Result<Route, Rejection>) {
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return (None, Err(refusal.into())),
    };
    let who = match credential::identify(shard, admitted.request(), address, socket, serves_mcp) {
        Ok(who) => who,
        Err(rejection) => return (None, Err(rejection)),
    };
    let route = request_path::route(&admitted, faces).map_err(Rejection::from);
    let route = route.and_then(|route| credential::permit(shard, &who, route, serves_mcp).map(|()| route));
    (Some(who), route)
}

/// The answer to whoever shows a credential that was good when the request came.
fn lapsed(shard: &Shard, request: Request<'_>, socket: &Socket, faces: Option<&Faces>) -> Reply {
    let refusal = Refusal::BadCredential;
    credential::challenge(shard, request, socket, refusal, face::refused(request.path(), faces, refusal))
}

/// The last message to a client that waits for one, as those of 2026-07-28 do on each stream: for others it just ends.
fn parting(shard: &Shard, request: Request<'_>, about: &About) -> Option<Vec<u8>> {
    if about.era != Some(Era::Modern) {
        return None;
    }
    let id = |value: Value<'_>| value.as_object()?.get("id").map(|id| id.text().to_owned());
    let id = shard.json.borrow_mut().with(request.body, id).ok().flatten()?;
    if about.method == Method::Listen {
        return Some(listen::last_words(shard, &id));
    }
    let answer = Refusal::BadCredential.answer();
    Some(render::error(Vec::new(), Some(&id), &RpcError::new(answer.code, answer.message)))
}

/// The answer in place of one whose record is not on disk. What it did is done; who asked for it must not take it for recorded.
pub fn unrecorded() -> Reply {
    Reply::error(None, &RpcError::internal(trail::CANNOT_WRITE).with_status(503)).field("Retry-After", "1")
}

/// Waits for `future`, which waits for something else than the client.
pub async fn held<F: Future>(shard: &Rc<Shard>, future: F) -> F::Output {
    let _hold = shard.waits.hold();
    future.await
}

/// Ends the output, then reads and drops what the client still sends for a moment: closing with unread bytes would reset
/// the connection, and the client would never see the answer.
pub async fn linger(socket: &Socket) {
    let drain = async {
        if socket.finish().await.is_err() {
            return;
        }
        socket.shut_down(Direction::Write);
        let mut sink = vec![0; 16 << 10];
        while matches!(socket.read(&mut sink).await, Ok(1..)) {}
    };
    crate::context::within(LINGER, drain).await;
}

fn finish(decoder: &mut Decoder, close: bool) -> Then {
    decoder.consume();
    if close { Then::Close } else { Then::Continue }
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It may carry another request.
    Continue,
    /// It ends when what is written has been sent.
    Close,
    /// It goes on as a WebSocket.
    Upgrade,
    /// It ends at once.
    Abort,
}

/// Sends bytes. False when the client is gone or takes no more.
pub async fn write(shard: &Shard, control: &Control, socket: &Socket, bytes: &[u8]) -> bool {
    let blocked = || control.write_is_blocked(shard.coarse_now.get());
    timed(control, blocked, socket.write_all(bytes, blocked)).await
}

/// Waits until what was written has gone out. False as [`write`].
pub async fn sent(shard: &Shard, control: &Control, socket: &Socket) -> bool {
    let blocked = || control.write_is_blocked(shard.coarse_now.get());
    timed(control, blocked, socket.sent(blocked)).await
}

/// Waits for a write by its deadline: a client that takes nothing is cut off.
async fn timed(control: &Control, blocked: impl Fn(), write: impl Future<Output = io::Result<()>>) -> bool {
    let mut write = std::pin::pin!(write);
    let outcome = match poll_now(&mut write).await {
        Some(outcome) => outcome,
        None => {
            blocked();
            write.await
        }
    };
    control.update(|progress| progress.write_blocked_since = None);
    outcome.is_ok()
}

/// What of a request shapes the head of its answer.
#[derive(Clone, Copy)]
pub struct ReplyTo<'r> {
    /// Its name.
    pub request_id: RequestId<'r>,
    /// Its `X-Correlation-Id`.
    pub correlation_id: Option<&'r str>,
    /// Its checked origin.
    pub cors: Option<&'r [u8]>,
    /// Whether the connection ends behind the answer.
    pub close: bool,
    /// Whether it is HEAD, whose answer has no body.
    pub is_head: bool,
}

impl ReplyTo<'_> {
    /// The head's fields beyond the fixed ones.
    pub fn extra<'a>(&'a self, fields: &'a [(&'static str, &'a str)]) -> Extra<'a> {
        Extra {
            fields,
            cors_origin: self.cors,
            request_id: Some(self.request_id.as_str()),
            correlation_id: self.correlation_id,
        }
    }
}

/// Writes a whole reply behind what is written already.
pub fn write_reply(out: &mut Vec<u8>, shard: &Shard, reply: &Reply, to: &ReplyTo<'_>) {
    let content = reply.content_type.map_or(Content::Empty, |kind| Content::Sized(kind, reply.body.len()));
    let fields: Vec<(&'static str, &str)> = reply.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    response::write_head(out, reply.status, content, to.close, &sweep::date(shard), to.extra(&fields));
    if !to.is_head {
        out.extend_from_slice(&reply.body);
    }
}
