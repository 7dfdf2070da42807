//! One answer that comes in pieces: plain JSON when the answer is all that ever comes, a stream of events otherwise. It
//! never runs the call that makes them.

use std::rc::Rc;

use futures_lite::FutureExt;
use ringway_core::http::response::{self, Content};
use ringway_core::identify::Lapse;
use ringway_core::mcp::sse;
use ringway_core::refusal::Refusal;

use super::connection::{OUT_BYTES_MAX, Then};
use super::control::Control;
use super::lasting::Lasting;
use super::reply_to::{ReplyTo, write_reply};
use super::request::{held, unrecorded};
use super::sending::write;
use super::socket::Socket;
use super::watch::{Gone, Watch};
use super::{Shard, sweep};
use crate::answer::{Events, Reply, poll_now};
use crate::audit::Durable;
use crate::outbox::StreamEvent;
use crate::record::Ending;
use crate::trail::{self, NotRecorded};

/// How soon a client should come back for the rest of a suspended stream.
const RETRY_MS: u32 = 500;

/// One answer that comes in pieces.
pub struct Stream<'c> {
    /// The shard.
    pub shard: &'c Rc<Shard>,
    /// The connection, as deadlines see it.
    pub control: &'c Rc<Control>,
    /// Where it goes.
    pub socket: &'c Rc<Socket>,
    /// What is written and not sent yet.
    pub out: &'c mut Vec<u8>,
    /// What of the request shapes the head.
    pub to: ReplyTo<'c>,
    /// Whether the client takes JSON.
    pub json: bool,
    /// Whether the client takes a stream.
    pub event_stream: bool,
    /// Whether the stream has chunks; otherwise it ends with the connection.
    pub chunked: bool,
    /// For how long whoever asked may have it.
    pub lasting: &'c Lasting<'c>,
    /// What only the request's connection can say.
    pub words: &'c Words<'c>,
    /// Whether a stream has begun.
    pub committed: bool,
    /// HTTP status.
    pub status: u16,
    /// How the request ended.
    pub ending: Ending,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Whether it is recorded how the request ended.
    pub is_recorded: bool,
}

/// Has it recorded how a request ended, with its status and bytes.
type Note<'c> = dyn Fn(Ending, u16, u64) -> Result<Option<Durable>, NotRecorded> + 'c;

/// What an answer's stream asks of the connection, which knows the request.
pub struct Words<'c> {
    /// Has the request recorded.
    pub note: &'c Note<'c>,
    /// The answer to whoever shows a credential that is worth nothing.
    pub refused: &'c dyn Fn() -> Reply,
    /// The last message of a stream whose client waits for one, when its credential has lapsed.
    pub parting: &'c dyn Fn() -> Option<Vec<u8>>,
}

/// What became of an answer and its connection.
pub struct Sent {
    /// Whether the connection goes on.
    pub then: Then,
    /// What the client sent meanwhile.
    pub ahead: Vec<u8>,
}

enum Next {
    Event(StreamEvent),
    Gone(Gone),
    Lapsed(Lapse),
    Quiet,
}

impl Stream<'_> {
    /// Sends events until the last.
    pub async fn run(mut self, mut events: Events) -> Sent {
        let watch = Watch::start(self.shard, Rc::clone(self.socket));
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
                if let Some(then) = self.take(event, &events, &mut last).await {
                    break then;
                }
                continue;
            }
            let next = {
                let event = async { Next::Event(events.source.next(self.committed).await) };
                let gone = async { Next::Gone(watch.gone().await) };
                let quiet = async {
                    let keep_alive_every = self.shard.limits().keep_alive_every;
                    glommio::timer::sleep(keep_alive_every).await;
                    Next::Quiet
                };
                // Told first: what is ready at the same turn is not for them any more.
                let lapsed = async { Next::Lapsed(self.lasting.lapsed().await) };
                lapsed.or(event).or(gone).or(quiet).await
            };
            match next {
                Next::Event(event) => {
                    if let Some(then) = self.take(event, &events, &mut last).await {
                        break then;
                    }
                }
                Next::Lapsed(lapse) => break self.end_lapsed(lapse),
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
        // A stream that lasts until somebody leaves has no other end; a call has not been answered.
        if then == Then::Abort && !events.always_stream {
            self.ending = Ending::Cancelled;
        }
        let ahead = watch.stop().await;
        if !self.is_recorded {
            // What is written goes out with the connection's next flush. There was no answer that it would have to wait for.
            let bytes = self.bytes + self.out.len() as u64;
            let _ = (self.words.note)(self.ending, self.status, bytes);
        }
        Sent { then, ahead }
    }

    /// Ends an answer that is not for whoever asked any more: 401 where nothing was said yet.
    fn end_lapsed(&mut self, lapse: Lapse) -> Then {
        self.shard.metrics.count_refusal(Refusal::BadCredential);
        self.ending = Ending::Lapsed(lapse);
        if !self.committed {
            let reply = (self.words.refused)();
            self.status = reply.status;
            write_reply(self.out, self.shard, &reply, &self.to);
        } else {
            if let Some(text) = (self.words.parting)() {
                self.write_event(None, &text);
            }
            self.write_end();
        }
        self.go_on()
    }

    fn go_on(&self) -> Then {
        if self.to.close { Then::Close } else { Then::Continue }
    }

    /// Has the answer recorded that is written behind the first `before` bytes, and waits where it must not go out before that.
    /// What was written before it goes. `None` when the client is gone; false when there is to be no answer.
    async fn record(&mut self, before: usize) -> Option<bool> {
        self.is_recorded = true;
        let bytes = self.bytes + self.out.len() as u64;
        let durable = match (self.words.note)(self.ending, self.status, bytes) {
            Ok(None) => return Some(true),
            Err(NotRecorded) => return Some(false),
            Ok(Some(durable)) => durable,
        };
        let answer = self.out.split_off(before);
        if !self.out.is_empty() && !self.flush().await {
            return None;
        }
        let is_recorded = held(self.shard, Box::pin(durable)).await.is_ok();
        *self.out = answer;
        Some(is_recorded)
    }

    /// Answers with a whole reply, the last message translated for whoever asked.
    async fn reply(&mut self, reply: Reply) -> Then {
        (self.status, self.ending) = (reply.status, reply.ending);
        let before = self.out.len();
        write_reply(self.out, self.shard, &reply, &self.to);
        match self.record(before).await {
            None => return Then::Abort,
            Some(true) => {}
            Some(false) => {
                self.out.truncate(before);
                write_reply(self.out, self.shard, &unrecorded(), &self.to);
            }
        }
        self.go_on()
    }

    /// Sends the answer as an event. False when the client is gone.
    async fn answer(&mut self, id: Option<&str>, ending: Ending, text: &[u8]) -> bool {
        self.ending = ending;
        let before = self.out.len();
        self.write_event(id, text);
        match self.record(before).await {
            None => return false,
            Some(true) => {}
            Some(false) => {
                self.out.truncate(before);
                let text = trail::not_recorded(self.shard, text);
                self.write_event(id, &text);
            }
        }
        true
    }

    /// Takes one event; `Some` when it is the last.
    async fn take(&mut self, event: StreamEvent, events: &Events, last: &mut Option<Vec<u8>>) -> Option<Then> {
        match event {
            StreamEvent::Sole { status, ending, text } if self.json => {
                let reply = Reply { fields: events.fields.clone(), ending, ..Reply::json(status, text) };
                Some(self.reply(events.translated(reply)).await)
            }
            StreamEvent::Message { number, text, answers } if self.event_stream => {
                self.commit(events);
                let id = events.id_prefix.as_ref().map(|prefix| format!("{prefix}{number:x}"));
                match answers.filter(|_| !events.always_stream) {
                    Some(ending) if !self.answer(id.as_deref(), ending, &text).await => return Some(Then::Abort),
                    Some(_) => {}
                    None => self.write_event(id.as_deref(), &text),
                }
                None
            }
            StreamEvent::Sole { ending, text, .. } => {
                self.commit(events);
                if !self.answer(None, ending, &text).await {
                    return Some(Then::Abort);
                }
                self.write_end();
                Some(self.go_on())
            }
            StreamEvent::Message { text, .. } => {
                *last = Some(text);
                None
            }
            // A client that takes no stream could not come back for the rest of one.
            StreamEvent::Suspend if !self.event_stream => None,
            StreamEvent::Suspend | StreamEvent::End(_) => {
                if let StreamEvent::End(ending) = event {
                    self.ending = ending;
                }
                match last.take() {
                    Some(text) => {
                        let reply = events.translated(Reply { ending: self.ending, ..Reply::json(200, text) });
                        Some(self.reply(reply).await)
                    }
                    None => {
                        self.commit(events);
                        self.write_end();
                        Some(self.go_on())
                    }
                }
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
        response::write_head(
            self.out,
            200,
            if self.chunked { Content::Events } else { Content::EventsToTheEnd },
            self.to.close,
            &sweep::date(self.shard),
            self.to.extra(&fields),
        );
        if let Some(opening) = &events.opening {
            self.write(opening);
        }
        if let (Some(number), Some(prefix)) = (events.primes, &events.id_prefix) {
            let mut event = Vec::new();
            sse::priming(&mut event, &format!("{prefix}{number:x}"), RETRY_MS);
            self.write(&event);
        }
    }

    fn write_event(&mut self, id: Option<&str>, text: &[u8]) {
        let mut event = Vec::with_capacity(text.len() + 64);
        sse::event(&mut event, id, text);
        self.write(&event);
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
        self.bytes += self.out.len() as u64;
        let sent = write(self.shard, self.control, self.socket, self.out).await;
        self.out.clear();
        sent
    }
}
