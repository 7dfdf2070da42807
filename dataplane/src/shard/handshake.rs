//! The beginning of a connection in TLS: keys are agreed on before its first request, in its turn and in its time. Whoever
//! speaks plain HTTP is told so. It never serves a request.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;

use ringway_core::http::decoder::Phase;
use ringway_core::refusal::Refusal;

use super::control::{Control, Handshaking};
use super::secured::Secured;
use super::sending::LINGER;
use super::socket::Socket;
use super::{Shard, accept};
use crate::answer::poll_now;
use crate::context::within;
use crate::metrics::Agreed;
use crate::net::Direction;
use crate::tls::session::{RECEIVE_BYTES, Session};
use crate::tls::{HandshakeFailure, Tls};

/// What somebody is told who speaks plain HTTP.
const PLAIN: Refusal = Refusal::Framing("TLS is spoken here; call https:// instead of http://");

/// Why there is no session.
enum Failed {
    /// The client speaks HTTP.
    IsPlain,
    /// It is gone, or was too slow.
    Gone,
    /// It never had its turn.
    Crowded,
    /// What it sent is not acceptable; the alert that says so waits to be sent.
    Session(rustls::Error),
}

impl Failed {
    /// As it is counted. `overdue` says whether it was cut off, and whether its own time was up then, and not the patience of
    /// others.
    fn kind(&self, overdue: impl Fn() -> Option<bool>) -> HandshakeFailure {
        match self {
            Failed::IsPlain => HandshakeFailure::Plain,
            Failed::Crowded => HandshakeFailure::Crowded,
            Failed::Session(error) => HandshakeFailure::from(error),
            Failed::Gone => match overdue() {
                Some(true) => HandshakeFailure::Late,
                Some(false) => HandshakeFailure::Crowded,
                None => HandshakeFailure::Gone,
            },
        }
    }
}

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Failed {
        Failed::Gone
    }
}

impl From<rustls::Error> for Failed {
    fn from(error: rustls::Error) -> Failed {
        Failed::Session(error)
    }
}

/// Agrees on keys, as soon as the shard has room for it. False when the connection is over.
pub async fn perform(shard: &Rc<Shard>, socket: &Socket, control: &Control, tls: &Tls) -> bool {
    let time_max = tls.handshake_time_max();
    let until = shard.now() + time_max;
    control.handshake.set(Some(Handshaking { until, under_way_since: None }));
    let mut entering = pin!(shard.handshakes.enter(tls.handshakes_max()));
    let under_way = match poll_now(&mut entering).await {
        Some(under_way) => Some(under_way),
        // Its deadline shuts the socket, and this does not look at it.
        None => within(time_max, entering).await,
    };
    let agreed = match under_way {
        Some(_under_way) => {
            control.handshake.set(Some(Handshaking { until, under_way_since: Some(shard.now()) }));
            agree(shard, socket, tls).await
        }
        None => Err(Failed::Crowded),
    };
    control.handshake.set(None);
    shard.metrics.count_handshake(match &agreed {
        Ok(agreed) => Ok(*agreed),
        Err(failed) => Err(failed.kind(|| control.overdue.get().map(|_| shard.now() > until))),
    });
    match agreed {
        Ok(_) => {
            control.update(|progress| progress.enter(Phase::Head, shard.now()));
            // Read here once, and not when a request asks whose it is.
            if let Some(certificate) = socket.client_certificate() {
                tracing::debug!(shard = shard.id, name = certificate.common_name, "a client has shown its certificate");
            }
            return true;
        }
        Err(Failed::Gone | Failed::Crowded) => {}
        Err(Failed::IsPlain) => accept::answer_once(shard, socket, PLAIN, &[]).await,
        Err(Failed::Session(error)) => {
            tracing::debug!(%error, shard = shard.id, client = ?socket.peer(), "no TLS with this client");
            part(socket).await;
        }
    }
    false
}

async fn agree(shard: &Rc<Shard>, socket: &Socket, tls: &Tls) -> Result<Agreed, Failed> {
    let mut received = Vec::new();
    poll_fn(|cx| {
        let mut scratch = shard.scratch.borrow_mut();
        let polled = socket.raw().poll_read(cx, &mut scratch.incoming[..RECEIVE_BYTES]);
        polled.map_ok(|count| received.extend_from_slice(&scratch.incoming[..count]))
    })
    .await?;
    // A handshake begins with 22 (RFC 8446 section 5.1), a method with a letter.
    match received.first() {
        None => return Err(Failed::Gone),
        Some(first) if first.is_ascii_alphabetic() => return Err(Failed::IsPlain),
        Some(_) => {}
    }
    let secured = socket.secure(Secured::new(Session::new(tls.config())?, &shard.scratch));
    loop {
        shard.handshakes.run(|| secured.advance(&received)).await?;
        received.clear();
        socket.flushed(&|| ()).await?;
        if !secured.is_handshaking() {
            return Ok(secured.agreed());
        }
        if poll_fn(|cx| secured.poll_carry(socket.raw(), cx, &mut received)).await? == 0 {
            return Err(Failed::Gone);
        }
    }
}

/// Sends the alert, and closes so that the client gets to see it.
async fn part(socket: &Socket) {
    let parting = async {
        if socket.sent(|| ()).await.is_err() {
            return;
        }
        socket.shut_down(Direction::Write);
        let mut sink = [0; 2048];
        while matches!(poll_fn(|cx| socket.raw().poll_read(cx, &mut sink)).await, Ok(1..)) {}
    };
    within(LINGER, parting).await;
}
