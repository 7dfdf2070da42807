//! How connections begin, before anybody asks for anything: headers of the PROXY protocol, and handshakes of TLS. Counted by one
//! shard for itself; the words are few and none comes from a caller.

use std::sync::atomic::{AtomicU64, Ordering};

use ringway_core::identify::proxy_protocol::BadProxyHeader;

use super::add;
use crate::tls::HandshakeFailure;

/// How the header of a configured proxy came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeaderEnd {
    /// It named a client.
    Proxied,
    /// The proxy spoke for itself.
    Local,
    /// It is none that is taken.
    Bad(BadProxyHeader),
    /// It took too long.
    Late,
    /// The connection ended before it.
    Gone,
}

impl ProxyHeaderEnd {
    /// As the `result` label.
    pub fn label(self) -> &'static str {
        match self {
            ProxyHeaderEnd::Proxied => "proxied",
            ProxyHeaderEnd::Local => "local",
            ProxyHeaderEnd::Bad(bad) => bad.word(),
            ProxyHeaderEnd::Late => "timeout",
            ProxyHeaderEnd::Gone => "closed",
        }
    }

    fn all() -> impl Iterator<Item = ProxyHeaderEnd> {
        use ProxyHeaderEnd::{Bad, Gone, Late, Local, Proxied};
        [Proxied, Local, Late, Gone].into_iter().chain(BadProxyHeader::ALL.map(Bad))
    }
}

/// How many ends a header may have.
const PROXY_HEADER_ENDS: usize = 4 + BadProxyHeader::ALL.len();

/// How keys were agreed on: the version of TLS, and whether an earlier session was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// TLS 1.3, and not 1.2.
    pub is_1_3: bool,
    /// By a ticket or session of before, which costs no signature.
    pub is_resumed: bool,
}

impl Agreed {
    const ALL: [Agreed; 4] = [
        Agreed { is_1_3: false, is_resumed: false },
        Agreed { is_1_3: false, is_resumed: true },
        Agreed { is_1_3: true, is_resumed: false },
        Agreed { is_1_3: true, is_resumed: true },
    ];

    /// As the labels `version` and `resumed`.
    pub fn labels(self) -> [&'static str; 2] {
        [if self.is_1_3 { "1.3" } else { "1.2" }, if self.is_resumed { "true" } else { "false" }]
    }
}

/// Samples of all of these.
pub const BEGINNINGS: usize = PROXY_HEADER_ENDS + Agreed::ALL.len() + HandshakeFailure::ALL.len();

/// Those of one shard.
pub struct Beginnings {
    proxy_headers: [AtomicU64; PROXY_HEADER_ENDS],
    agreed: [AtomicU64; Agreed::ALL.len()],
    failures: [AtomicU64; HandshakeFailure::ALL.len()],
}

impl Default for Beginnings {
    fn default() -> Beginnings {
        let zero = |_| AtomicU64::new(0);
        Beginnings {
            proxy_headers: std::array::from_fn(zero),
            agreed: std::array::from_fn(zero),
            failures: std::array::from_fn(zero),
        }
    }
}

impl Beginnings {
    /// Counts a header.
    pub fn count_proxy_header(&self, end: ProxyHeaderEnd) {
        count(&self.proxy_headers, ProxyHeaderEnd::all().position(|known| known == end));
    }

    /// Counts a handshake.
    pub fn count_handshake(&self, end: Result<Agreed, HandshakeFailure>) {
        match end {
            Ok(agreed) => count(&self.agreed, Agreed::ALL.iter().position(|known| *known == agreed)),
            Err(failure) => count(&self.failures, HandshakeFailure::ALL.iter().position(|known| *known == failure)),
        }
    }
}

fn count(counters: &[AtomicU64], place: Option<usize>) {
    debug_assert!(place.is_some(), "every end has a place");
    if let Some(place) = place {
        add(&counters[place], 1);
    }
}

/// What shards have counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginningCounts {
    proxy_headers: [u64; PROXY_HEADER_ENDS],
    agreed: [u64; Agreed::ALL.len()],
    failures: [u64; HandshakeFailure::ALL.len()],
}

impl BeginningCounts {
    /// Adds what a shard has.
    pub fn add(&mut self, shard: &Beginnings) {
        let sum = |sums: &mut [u64], counters: &[AtomicU64]| {
            sums.iter_mut().zip(counters).for_each(|(sum, counter)| *sum += counter.load(Ordering::Relaxed));
        };
        sum(&mut self.proxy_headers, &shard.proxy_headers);
        sum(&mut self.agreed, &shard.agreed);
        sum(&mut self.failures, &shard.failures);
    }

    /// Headers by how they came out.
    pub fn proxy_headers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ProxyHeaderEnd::all().map(ProxyHeaderEnd::label).zip(self.proxy_headers)
    }

    /// Handshakes that keys were agreed on in.
    pub fn agreed(&self) -> impl Iterator<Item = (Agreed, u64)> {
        Agreed::ALL.into_iter().zip(self.agreed)
    }

    /// Those that failed, by why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        HandshakeFailure::ALL.into_iter().map(HandshakeFailure::label).zip(self.failures)
    }
}
