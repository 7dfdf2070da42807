//! The beginning of a connection of a configured proxy, where the PROXY protocol is required: a header says whose connection
//! it is before the first byte of TLS or HTTP, or the connection ends. It never reads a byte that is the client's, and
//! nobody else's header is read here.
//!
//! The time for the header is the one for a head, which ends the reading (see `control`); the bytes are bounded by
//! the core.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use ringway_core::identify::proxy_protocol::{self, BadProxyHeader, ProxyHeader};

use super::Shard;
use super::control::Control;
use super::socket::Socket;
use crate::metrics::ProxyHeaderEnd;

/// A shard complains of bad headers so often at the most: a proxy that is set up wrongly makes one with each connection.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Whether a connection that has just come has to begin with a header. One whose peer cannot be told is gone already.
pub fn is_expected(shard: &Shard, socket: &Socket) -> bool {
    let access = shard.access();
    access.proxy_protocol && socket.peer().is_none_or(|peer| access.expects_proxy_header(peer.ip()))
}

/// Reads the header, and takes its word on where the client is. False when the connection is over.
pub async fn perform(shard: &Shard, socket: &Socket, control: &Control) -> bool {
    let end = match read(socket).await {
        Ok(ProxyHeader::Proxied { source, .. }) => {
            socket.comes_from(source);
            ProxyHeaderEnd::Proxied
        }
        Ok(ProxyHeader::Local { .. }) => ProxyHeaderEnd::Local,
        Err(Failed::Bad(bad)) => ProxyHeaderEnd::Bad(bad),
        Err(Failed::Gone) if control.overdue.get().is_some() => ProxyHeaderEnd::Late,
        Err(Failed::Gone) => ProxyHeaderEnd::Gone,
    };
    shard.metrics.count_proxy_header(end);
    let is_good = matches!(end, ProxyHeaderEnd::Proxied | ProxyHeaderEnd::Local);
    if !is_good {
        shard.proxy_complaints.hear(shard, socket, end);
    }
    is_good
}

enum Failed {
    Bad(BadProxyHeader),
    Gone,
}

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Failed {
        Failed::Gone
    }
}

impl From<BadProxyHeader> for Failed {
    fn from(bad: BadProxyHeader) -> Failed {
        Failed::Bad(bad)
    }
}

async fn read(socket: &Socket) -> Result<ProxyHeader, Failed> {
    let mut header = Vec::new();
    loop {
        if let Some(read) = proxy_protocol::read(&header)? {
            return Ok(read);
        }
        let seen = header.len();
        header.resize(seen + proxy_protocol::missing_bytes(&header), 0);
        debug_assert!(header.len() <= proxy_protocol::PROXY_HEADER_BYTES_MAX, "longer ones are refused");
        let count = poll_fn(|cx| socket.raw().poll_read(cx, &mut header[seen..])).await?;
        if count == 0 {
            return Err(Failed::Gone);
        }
        header.truncate(seen + count);
    }
}

/// What a shard says of bad headers: the first, and then how many there were.
#[derive(Default)]
pub struct Complaints {
    last: Cell<Option<Duration>>,
    unsaid: Cell<u64>,
}

impl Complaints {
    fn hear(&self, shard: &Shard, socket: &Socket, end: ProxyHeaderEnd) {
        // A proxy whose health check only connects is not set up wrongly.
        if end == ProxyHeaderEnd::Gone {
            return;
        }
        let now = shard.now();
        if self.last.get().is_some_and(|last| now.saturating_sub(last) < COMPLAIN_EVERY) {
            self.unsaid.set(self.unsaid.get() + 1);
            return;
        }
        self.last.set(Some(now));
        let proxy = socket.peer().map(|peer| peer.ip());
        let (why, unsaid) = (end.label(), self.unsaid.take());
        tracing::warn!(
            ?proxy,
            why,
            unsaid,
            shard = shard.id,
            "a proxy did not say whose connection it is, and it was closed; access.proxy_protocol wants a header of version 2"
        );
    }
}
