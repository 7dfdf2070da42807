//! Takes connections off a listener through glommio, one task a listener: its accept must not be raced or polled again and
//! again; and begins to serve those of either pump. It never serves a request.

use std::fs::File;
use std::net::TcpListener as StdListener;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::FutureExt;
use glommio::net::TcpListener;
use ringway_core::http::response;
use ringway_core::refusal::Refusal;

use super::control::Control;
use super::socket::Socket;
use super::{Shard, handshake, proxied, sweep};
use super::{connection, sending};
use crate::stall::Doing;

/// How long accepting pauses when the process is out of descriptors.
pub const PAUSE: Duration = Duration::from_millis(10);
/// Connections of the admin listener.
const OPERATORS_MAX: usize = 256;
/// Connections being told that there are too many; beyond, they are closed without a word.
const TURNED_AWAY_MAX: usize = 256;

/// Accepts until the task is cancelled.
pub async fn run(shard: Rc<Shard>, listener: StdListener, serves_mcp: bool) {
    // SAFETY: the descriptor is owned by `listener`, which gives it up here.
    let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
    let mut reserve = reserve();
    let mut complained = false;
    loop {
        match listener.accept().await {
            Ok(stream) => {
                complained = false;
                admit(&shard, Socket::of_glommio(stream), serves_mcp);
            }
            Err(error) => {
                if !complained {
                    // Once a shortage, not once a failed accept.
                    tracing::warn!(%error, shard = shard.id, "connections cannot be accepted");
                    complained = true;
                }
                // Out of descriptors: the reserve lets one caller in to be turned away instead of hanging, and the
                // pause keeps this from spinning while the others wait in the backlog.
                shard.metrics.count_accept_error();
                drop(reserve.take());
                if let Some(Ok(stream)) = crate::context::within(PAUSE, listener.accept()).await {
                    drop(stream);
                }
                reserve = self::reserve();
                glommio::timer::sleep(PAUSE).await;
            }
        }
    }
}

/// A descriptor to give up when there are no others.
pub fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Serves a connection in a task of its own, or turns it away.
pub fn admit(shard: &Rc<Shard>, socket: Socket, serves_mcp: bool) {
    // Operators have connections of their own: a shard that is full of callers is busy, not ill.
    let counter = if serves_mcp { &shard.callers } else { &shard.operators };
    let (count, count_max) = (counter.get(), if serves_mcp { shard.limits().connections_max } else { OPERATORS_MAX });
    if count >= count_max + TURNED_AWAY_MAX {
        return;
    }
    counter.set(count + 1);
    let socket = Rc::new(socket);
    let control = Control::new(Rc::clone(&socket), shard.now());
    let key = shard.connections.borrow_mut().insert(Rc::clone(&control));
    shard.metrics.connection_opened();
    // What is in force as it comes stays its own.
    let tls = if serves_mcp { shard.tls() } else { None };
    let has_header = serves_mcp && proxied::is_expected(shard, &socket);
    let shard = Rc::clone(shard);
    let stalls = Rc::clone(&shard.stalls);
    glommio::spawn_local(async move {
        let _registered = Registered { shard: Rc::clone(&shard), key, serves_mcp };
        let serving = async {
            if count >= count_max {
                // An answer in TLS would cost a handshake: one too many is closed without a word.
                if tls.is_some() {
                    shard.metrics.count_refusal(Refusal::ConnectionsFull);
                } else {
                    answer_once(&shard, &socket, Refusal::ConnectionsFull, &[("Retry-After", "1")]).await;
                }
                return;
            }
            if has_header && !Box::pin(proxied::perform(&shard, &socket, &control)).await {
                return;
            }
            let is_ready = match &tls {
                Some(tls) => Box::pin(handshake::perform(&shard, &socket, &control, tls)).await,
                None => true,
            };
            drop(tls);
            if is_ready {
                connection::serve(Rc::clone(&shard), socket, control, serves_mcp).await;
            }
        };
        if stalls.watch(Doing::Connection, AssertUnwindSafe(serving).catch_unwind()).await.is_err() {
            shard.metrics.count_panic();
        }
    })
    .detach();
}

/// Keeps a connection in its shard's table for as long as it is served.
struct Registered {
    shard: Rc<Shard>,
    key: usize,
    serves_mcp: bool,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let counter = if self.serves_mcp { &self.shard.callers } else { &self.shard.operators };
        counter.set(counter.get() - 1);
        self.shard.connections.borrow_mut().try_remove(self.key);
        self.shard.metrics.connection_closed();
    }
}

/// Answers a connection that is not served, and ends it.
pub async fn answer_once(shard: &Rc<Shard>, socket: &Socket, refusal: Refusal, fields: &[(&'static str, &str)]) {
    let mut out = Vec::new();
    let reply = crate::answer::Reply::refusal(refusal, "");
    shard.metrics.count_refusal(refusal);
    let content = response::Content::Sized(response::JSON, reply.body.len());
    let id = shard.new_request_id();
    let extra = response::Extra { fields, request_id: Some(id.as_bytes()), ..response::Extra::default() };
    response::write_head(&mut out, reply.status, content, true, &sweep::date(shard), extra);
    out.extend_from_slice(&reply.body);
    // A caller that is gone already needs no answer; one that has sent its request must not get a reset instead.
    let written = async { socket.write_all(&out, || ()).await.is_ok() && socket.sent(|| ()).await.is_ok() };
    if crate::context::within(sending::LINGER, written).await == Some(true) {
        sending::linger(socket).await;
    }
}
