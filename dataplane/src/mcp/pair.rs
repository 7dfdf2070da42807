//! The older HTTP+SSE pair (MCP 2024-11-05, transports): a GET opens a stream that carries everything to the client, and
//! tells where the client's messages go. The stream is the session: both end together. It never reads or writes a socket.

use std::rc::Rc;
use std::sync::Arc;

use ringway_core::http::decoder::Request;
use ringway_core::identify::Principal;
use ringway_core::mcp::rpc_error::SESSION_NOT_FOUND;
use ringway_core::mcp::{RpcError, sse};
use ringway_core::refusal::Refusal;
use ringway_core::session::Handle;

use crate::answer::{Answer, Events, Reply, Source, poll_now};
use crate::duplex::{Duplex, Manner, output};
use crate::mailbox::{Letter, PairMessage};
use crate::shard::Shard;
use crate::shard::socket::Socket;
use crate::stall::Doing;
use crate::who::Who;

/// Calls and streams under way of one client; one more is answered -32603. As many messages may wait to be answered; one
/// more is answered 503.
const CALLS_MAX: usize = 256;
/// Messages that wait for a client that does not read; then the calls that make them wait.
const MESSAGES_WAITING_MAX: usize = 64;
/// Their bytes; then posts are answered 503. The largest message fits, and many of the usual ones.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Opens a stream.
pub fn open(shard: &Rc<Shard>, socket: &Rc<Socket>, who: &Rc<Who>) -> Answer {
    if shard.draining.get() {
        shard.metrics.count_refusal(Refusal::Draining);
        return Reply::refusal(Refusal::Draining, "").into();
    }
    let (output, messages) = output::pair(MESSAGES_WAITING_MAX);
    let manner = Manner { calls_max: CALLS_MAX, waiting_bytes_max: WAITING_BYTES_MAX, leaves_slow: true };
    let client = Duplex::new(Rc::clone(shard), output, manner, Some(Rc::clone(socket)), Rc::clone(who));
    let handle = shard.new_handle();
    shard.pairs.borrow_mut().insert(handle, Rc::clone(&client));
    Answer::Events(Events {
        source: Source::Messages(messages),
        fields: Vec::new(),
        id_prefix: None,
        opening: Some(sse::endpoint(&format!("/messages?sessionId={handle}"))),
        primes: None,
        always_stream: true,
        translate: None,
        guard: Some(Box::new(Open { shard: Rc::clone(shard), handle, client })),
    })
}

/// Keeps a client in its shard's table for as long as its stream is open.
struct Open {
    shard: Rc<Shard>,
    handle: Handle,
    client: Rc<Duplex>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shard.pairs.borrow_mut().remove(&self.handle);
        self.client.end();
    }
}

/// Takes a message for the client that its target names, on whichever shard its stream is.
pub async fn post(shard: &Rc<Shard>, request: Request<'_>, who: &Rc<Who>) -> Reply {
    let query = request.head.query.of_bytes(request.bytes);
    let named = query.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(b"sessionId="));
    let Some(name) = named.filter(|name| !name.is_empty()) else {
        return Reply::error_with_status(400, None, &RpcError::new(-32000, "Bad Request: sessionId is missing"));
    };
    match Handle::parse(name) {
        Some(handle) if handle.home == shard.id => take(shard, handle, request.body, &who.principal).await,
        Some(handle) if usize::from(handle.home) < shard.shard_count => {
            let (reply, answer) = async_channel::bounded(1);
            let principal = Arc::clone(&who.principal);
            let message = PairMessage { pair: handle, principal, body: request.body.to_vec(), reply };
            if !shard.mailboxes.send(handle.home, Letter::PairMessage(message)) {
                return overloaded(shard);
            }
            answer.recv().await.unwrap_or_else(|_| overloaded(shard))
        }
        _ => unknown(),
    }
}

/// Takes a message that another shard was given.
pub async fn serve_forwarded(shard: Rc<Shard>, message: PairMessage) {
    let answer = take(&shard, message.pair, &message.body, &message.principal).await;
    // Closed means that the connection is gone, and nobody needs the answer.
    let _ = message.reply.try_send(answer);
}

async fn take(shard: &Rc<Shard>, handle: Handle, body: &[u8], sender: &Principal) -> Reply {
    let client = shard.pairs.borrow().get(&handle).cloned();
    // To anybody but who opened it, a stream is not there.
    let Some(client) = client.filter(|client| client.is_of(sender)) else {
        return unknown();
    };
    if client.is_full() || client.prepare().await.is_err() {
        return overloaded(shard);
    }
    let taken = client.read(body);
    let unreadable = taken.unreadable_reply();
    // Begun here, so that messages are acted upon in the order of their posts; the rest waits for the stream alone.
    let mut answer = Box::pin(async move {
        client.answer(taken).await;
    });
    if unreadable.is_none() && poll_now(&mut answer).await.is_none() {
        shard.spawn(Doing::Duplex, answer).detach();
    }
    unreadable.unwrap_or_else(|| Reply::empty(202))
}

fn unknown() -> Reply {
    Reply::error_with_status(404, None, &RpcError::new(SESSION_NOT_FOUND, "Session not found"))
}

fn overloaded(shard: &Shard) -> Reply {
    shard.metrics.count_refusal(Refusal::Overloaded);
    Reply::refusal(Refusal::Overloaded, "")
}
