//! One request on its connection, from its bytes to its answer: who asks, for what, and what is written back. It never decides
//! what any of it means, and reads nothing more from the client.

use std::rc::Rc;
use std::time::Instant;

use ringway_core::http::decoder::{Decoder, Request};
use ringway_core::http::head::{Method as HttpMethod, lines};
use ringway_core::http::request_id::{self, RequestId};
use ringway_core::http::response;
use ringway_core::identify::access::Rejection;
use ringway_core::identify::client_address::ClientAddress;
use ringway_core::json::Value;
use ringway_core::mcp::{Era, RpcError, render};
use ringway_core::refusal::Refusal;
use ringway_core::request_path::{self, Admitted, MCP_ALLOW, Requires, Route};
use ringway_policy::Faces;

use super::Shard;
use super::connection::{Connection, Then};
use super::control::Control;
use super::lasting::Lasting;
use super::reply_to::{ReplyTo, write_reply};
use super::sending::write;
use super::socket::Socket;
use super::stream::{Stream, Words};
use super::websocket;
use crate::answer::{Answer, Reply, Source};
use crate::credential;
use crate::explain;
use crate::face;
use crate::mcp::http::{self, Begun, First};
use crate::mcp::{listen, pair};
use crate::metrics::Method;
use crate::observe;
use crate::record::{self, About, Ending, Finished};
use crate::trail::{self, NotRecorded};
use crate::who::Who;

/// Serves the request that the connection's decoder holds.
pub async fn serve(connection: &mut Connection) -> Then {
    let Connection { shard, socket, control, decoder, out, serves_mcp, last } = connection;
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
    let origin = credential::address(shard, request, socket);
    let generation = shard.generation();
    let (known, route) = decide(shard, admitted, origin, socket, *serves_mcp, faces.as_ref());
    let who = known.clone().unwrap_or_else(|| Rc::clone(&shard.anonymous));
    *last = Some((Rc::clone(&who), origin, generation));
    let asked = Asked { shard, control, socket, request, faces, who, origin, generation };
    let route = asked.prepared(route).await;
    let rejection = route.as_ref().err().copied();
    let (answer, about) = asked.answer(route, &mut to).await;
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
        let (who, address, socket) = (known.as_ref(), origin.map(|origin| origin.address), Some(&**socket));
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
            let lasting = asked.lasting();
            let words = Words { note: &note, refused: &|| asked.lapsed(), parting: &|| asked.parting(&about) };
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

/// Stages 3 and 4 of a request: who sent it, if that was found out, and what it asks for.
fn decide(
    shard: &Shard,
    admitted: Result<Admitted<'_>, Refusal>,
    origin: Option<ClientAddress>,
    socket: &Socket,
    serves_mcp: bool,
    faces: Option<&Faces>,
) -> (Option<Rc<Who>>, Result<Route, Rejection>) {
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return (None, Err(refusal.into())),
    };
    let who = match credential::identify(shard, admitted.request(), origin, socket, serves_mcp) {
        Ok(who) => who,
        Err(rejection) => return (None, Err(rejection)),
    };
    let route = request_path::route(&admitted, faces).map_err(Rejection::from);
    let route = route.and_then(|route| credential::permit(shard, &who, route, serves_mcp).map(|()| route));
    (Some(who), route)
}

/// A request, and who asks.
struct Asked<'c> {
    shard: &'c Rc<Shard>,
    control: &'c Rc<Control>,
    socket: &'c Rc<Socket>,
    request: Request<'c>,
    faces: Option<Faces>,
    who: Rc<Who>,
    /// Where it comes from, where that matters.
    origin: Option<ClientAddress>,
    /// The policy by which it was let in.
    generation: u64,
}

impl Asked<'_> {
    /// Waits for what the caller may see: only of those who ask for what depends on it, and only where it takes its time.
    async fn prepared(&self, route: Result<Route, Rejection>) -> Result<Route, Rejection> {
        let Asked { shard, who, .. } = self;
        match route {
            Ok(route) if route.requires() == Requires::Caller && !who.is_prepared(shard) => {
                let prepared = held(shard, Box::pin(who.prepare(shard))).await;
                prepared.map(|()| route).map_err(Rejection::from)
            }
            route => route,
        }
    }

    /// What comes of it, and what it was about.
    async fn answer(&self, route: Result<Route, Rejection>, to: &mut ReplyTo<'_>) -> (Answer, About) {
        let Asked { shard, socket, request, who, .. } = self;
        let request = *request;
        // Boxed, each that may wait: a state machine this large would make every connection of a full shard cold memory.
        let (answer, about) = match route {
            Ok(Route::McpPost) => match http::begin(shard, request, who) {
                Begun::Answered(answer, about) => (answer, about),
                Begun::Unfinished(First::Batch(batch)) => {
                    // No stream, and yet it may last.
                    let (about, lasting) = (batch.about(), self.lasting());
                    let go_on = http::go_on(shard, request, First::Batch(batch), who);
                    let outcome = held(shard, Box::pin(lasting.during(go_on))).await;
                    outcome.unwrap_or_else(|lapse| {
                        (Reply { ending: Ending::Lapsed(lapse), ..self.lapsed() }.into(), about)
                    })
                }
                Begun::Unfinished(first) => held(shard, Box::pin(http::go_on(shard, request, first, who))).await,
            },
            Ok(Route::McpGet) => (held(shard, http::get(shard, request, who)).await, About::of(Method::Stream)),
            Ok(Route::McpDelete) => {
                (held(shard, http::delete(shard, request, who)).await, About::of(Method::EndSession))
            }
            Ok(Route::SseStream) => (pair::open(shard, socket, who), About::of(Method::Stream)),
            Ok(Route::SseMessage) => {
                (held(shard, Box::pin(pair::post(shard, request, who))).await.into(), About::of(Method::OfSession))
            }
            Ok(Route::WebSocket) => {
                let reply = websocket::handshake(shard, request);
                to.close &= reply.status != 101;
                (reply.into(), About::of(Method::Stream))
            }
            Ok(Route::Preflight) => (preflight(request).into(), About::of(Method::Probe)),
            Ok(Route::Options) => {
                let allow = request_path::allow(request.path(), self.faces.as_ref());
                (Reply::empty(204).field("Allow", allow).into(), About::of(Method::Probe))
            }
            Ok(Route::Face(asked)) => held(shard, Box::pin(face::answer(shard, asked, request, who))).await,
            Ok(Route::Explain) => {
                (held(shard, Box::pin(explain::answer(shard, request))).await.into(), About::of(Method::Probe))
            }
            Ok(Route::Metadata) => (credential::metadata(shard, request, socket).into(), About::of(Method::Probe)),
            Ok(route @ (Route::Livez | Route::Readyz | Route::Health | Route::Metrics | Route::Status)) => {
                (held(shard, Box::pin(observe::answer(shard, route))).await.into(), About::of(Method::Probe))
            }
            Err(Rejection { refusal, .. }) => {
                shard.metrics.count_refusal(refusal);
                to.close |= refusal.answer().closes;
                (self.refused(refusal).into(), About::of(Method::Refused))
            }
        };
        match answer {
            Answer::Events(events) if events.always_stream && !request.head.accept.event_stream() => {
                shard.metrics.count_refusal(Refusal::NotAcceptable);
                (Reply::refusal(Refusal::NotAcceptable, MCP_ALLOW).into(), about)
            }
            answer => (answer, about),
        }
    }

    /// From here on the connection carries something that ends with the caller's credential.
    fn lasting(&self) -> Lasting<'_> {
        Lasting::begin(self.shard, self.control, &self.who, self.origin, self.generation)
    }

    fn refused(&self, refusal: Refusal) -> Reply {
        let reply = face::refused(self.request.path(), self.faces.as_ref(), refusal);
        credential::challenge(self.shard, self.request, self.socket, refusal, reply)
    }

    /// The answer to whoever shows a credential that was good when the request came.
    fn lapsed(&self) -> Reply {
        self.refused(Refusal::BadCredential)
    }

    /// The last message to a client that waits for one, as those of 2026-07-28 do on each stream: for others it just ends.
    fn parting(&self, about: &About) -> Option<Vec<u8>> {
        if about.era != Some(Era::Modern) {
            return None;
        }
        let id = |value: Value<'_>| value.as_object()?.get("id").map(|id| id.text().to_owned());
        let id = self.shard.json.borrow_mut().with(self.request.body, id).ok().flatten()?;
        if about.method == Method::Listen {
            return Some(listen::last_words(self.shard, &id));
        }
        let answer = Refusal::BadCredential.answer();
        Some(render::error(Vec::new(), Some(&id), &RpcError::new(answer.code, answer.message)))
    }
}

fn preflight(request: Request<'_>) -> Reply {
    let wanted = lines(request.bytes, request.head, "access-control-request-headers").first().copied();
    let fields = response::preflight_fields(wanted).map(|(name, value)| (name, value.to_owned())).to_vec();
    Reply { fields, ..Reply::empty(204) }
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

fn finish(decoder: &mut Decoder, close: bool) -> Then {
    decoder.consume();
    if close { Then::Close } else { Then::Continue }
}
