//! One client connection, on either pump: it feeds bytes and time to the core and performs what the core asks. It never
//! decides what a request means.

use std::rc::Rc;
use std::time::Duration;

use ringway_core::http::deadline::Overdue;
use ringway_core::http::decoder::{Decoder, Phase, Step};
use ringway_core::http::head::Method as HttpMethod;
use ringway_core::http::request_id::RequestId;
use ringway_core::identify::client_address::ClientAddress;
use ringway_core::refusal::Refusal;
use ringway_core::request_path::MCP_ALLOW;

use super::control::Control;
use super::lasting::Lasting;
use super::reply_to::{ReplyTo, write_reply};
use super::sending::{linger, sent, write};
use super::socket::Socket;
use super::{Shard, request, websocket};
use crate::answer::{Reply, poll_now};
use crate::metrics::Method;
use crate::record::{self, About, Finished};
use crate::who::Who;

/// Answers of pipelined requests are sent together up to this size.
pub const OUT_BYTES_MAX: usize = 64 << 10;

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

/// One connection.
pub struct Connection {
    /// Its shard.
    pub shard: Rc<Shard>,
    /// Where its client is.
    pub socket: Rc<Socket>,
    /// As deadlines see it.
    pub control: Rc<Control>,
    /// Makes requests of bytes.
    pub decoder: Decoder,
    /// What is written and not sent yet.
    pub out: Vec<u8>,
    /// Whether MCP is served here, and not what operators ask for.
    pub serves_mcp: bool,
    /// Who sent the last request, from where, and by which policy it was let in.
    pub last: Option<(Rc<Who>, Option<ClientAddress>, u64)>,
}

impl Connection {
    /// Serves it to its end. False when what is on its way is not to go any more.
    async fn run(&mut self) -> bool {
        loop {
            let step = self.decoder.step(&self.shard.limits());
            match step {
                Ok(Step::Request) => match request::serve(self).await {
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
