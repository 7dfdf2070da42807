//! One TLS session as bytes: records in, what they held out, and the other way round. It never waits and owns no socket.
//!
//! rustls keeps no buffer here (its unbuffered API): records are opened where they were received, in memory that all
//! connections of a shard share, so that an idle connection holds none.

use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, HandshakeKind, ProtocolVersion, ServerConfig};

use crate::metrics::Agreed;

/// The largest record with its head: TLS 1.2 lets one grow by 2 KiB (RFC 5246 section 6.2.3).
const RECORD_BYTES_MAX: usize = 5 + (16 << 10) + (2 << 10);
/// Bytes that wait for the rest of their record, or of a handshake message in several: a client's certificates fit in.
pub const CARRY_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;
/// Bytes that are received at once.
pub const RECEIVE_BYTES: usize = 16 << 10;
/// Bytes that are sealed at once, two full records.
pub const SEAL_BYTES_MAX: usize = 32 << 10;
/// What a record adds: head, explicit nonce (TLS 1.2), content type (TLS 1.3), tag.
const RECORD_EXTRA_BYTES: usize = 5 + 8 + 1 + 16;

/// Memory that all sessions of a shard work in, one after another.
pub struct Scratch {
    /// Records as they come: what a session carries, and behind it what was received.
    pub incoming: Vec<u8>,
    /// Records as they go.
    pub outgoing: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { incoming: vec![0; CARRY_BYTES_MAX + RECEIVE_BYTES], outgoing: Vec::new() }
    }
}

/// One session.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// The beginning of a record whose end has not come.
    carry: Vec<u8>,
    /// What records held and nobody has read, from `taken` on.
    opened: Vec<u8>,
    taken: usize,
    /// The client has said that it sends no more.
    is_ended: bool,
    /// Why it is over.
    failure: Option<Error>,
    has_said_goodbye: bool,
}

impl Session {
    /// A session that waits for its client's first bytes.
    ///
    /// # Errors
    /// When there is no randomness, or `config` is no good.
    pub fn new(config: &Arc<ServerConfig>) -> Result<Session, Error> {
        Ok(Session {
            connection: UnbufferedServerConnection::new(Arc::clone(config))?,
            carry: Vec::new(),
            opened: Vec::new(),
            taken: 0,
            is_ended: false,
            failure: None,
            has_said_goodbye: false,
        })
    }

    /// Whether keys are still being agreed on.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether TLS 1.3 is spoken, and whether an earlier session was taken up, once keys are agreed on.
    pub fn agreed(&self) -> Agreed {
        Agreed {
            is_1_3: self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3),
            is_resumed: self.connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// The client's certificate, once keys are agreed on.
    pub fn client_certificate(&self) -> Option<&rustls::pki_types::CertificateDer<'static>> {
        self.connection.peer_certificates()?.first()
    }

    /// Whether the client has said that it sends no more.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Why it is over, if it broke.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Hands out what was opened and is still here.
    pub fn take(&mut self, room: &mut [u8]) -> usize {
        let waiting = &self.opened[self.taken..];
        let count = waiting.len().min(room.len());
        room[..count].copy_from_slice(&waiting[..count]);
        self.taken += count;
        if self.taken == self.opened.len() {
            // Freed: whoever sends in small pieces needs none.
            (self.opened, self.taken) = (Vec::new(), 0);
        }
        count
    }

    /// How much is carried; what comes next belongs so far behind the beginning of [`Scratch::incoming`].
    pub fn carried(&self) -> usize {
        self.carry.len()
    }

    /// Takes `count` bytes that were received into `incoming`, behind the room for what is carried. What their records held
    /// is in `room`, as many bytes as are returned, and the rest waits for [`Session::take`]. What they ask to be answered
    /// is appended to `outgoing`.
    pub fn open(&mut self, incoming: &mut [u8], count: usize, room: &mut [u8], outgoing: &mut Vec<u8>) -> usize {
        debug_assert_eq!(self.taken, self.opened.len(), "what was opened is read first");
        let carried = self.carry.len();
        incoming[..carried].copy_from_slice(&self.carry);
        self.carry.clear();
        let bytes = &mut incoming[..carried + count];
        let mut sink = Sink { room, filled: 0, rest: &mut self.opened };
        let used = match advance(&mut self.connection, bytes, &mut sink, outgoing, &mut self.is_ended) {
            Ok(used) => used,
            Err(error) => {
                self.failure = Some(error);
                return sink.filled;
            }
        };
        let filled = sink.filled;
        let left = &bytes[used..];
        if self.is_ended {
            // What follows the client's goodbye means nothing (RFC 8446 section 6.1).
        } else if left.len() > CARRY_BYTES_MAX {
            self.failure = Some(Error::General("a handshake message is too large".into()));
        } else {
            self.carry.extend_from_slice(left);
        }
        if self.carry.is_empty() {
            self.carry = Vec::new();
        }
        filled
    }

    /// Seals up to [`SEAL_BYTES_MAX`] of `bytes` into `outgoing`; how many.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    pub fn seal(&mut self, bytes: &[u8], outgoing: &mut Vec<u8>) -> Result<usize, Error> {
        let count = bytes.len().min(SEAL_BYTES_MAX);
        let extra = (count / (16 << 10) + 1) * RECORD_EXTRA_BYTES;
        self.write(outgoing, count + extra, |mut traffic, room| traffic.encrypt(&bytes[..count], room))?;
        Ok(count)
    }

    /// Says that nothing more is sent, once.
    pub fn say_goodbye(&mut self, outgoing: &mut Vec<u8>) {
        const ALERT_BYTES: usize = 2 + RECORD_EXTRA_BYTES;
        if !std::mem::replace(&mut self.has_said_goodbye, true) && self.failure.is_none() {
            // What cannot be said is not missed: the connection ends all the same.
            let _ = self.write(outgoing, ALERT_BYTES, |mut traffic, room| traffic.queue_close_notify(room));
        }
    }

    /// Lets `write` put records of about so many bytes behind `outgoing`.
    fn write(
        &mut self,
        outgoing: &mut Vec<u8>,
        bytes: usize,
        write: impl Fn(WriteTraffic<'_, rustls::server::ServerConnectionData>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        let mut room_bytes = bytes;
        loop {
            // Not of an empty slice: rustls remembers how much of what is carried it has seen.
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(&mut self.carry);
            debug_assert_eq!(discard, 0, "what is carried is the beginning of a record");
            match state? {
                ConnectionState::WriteTraffic(traffic) => {
                    let start = outgoing.len();
                    outgoing.resize(start + room_bytes, 0);
                    match write(traffic, &mut outgoing[start..]) {
                        Ok(written) => {
                            outgoing.truncate(start + written);
                            return Ok(());
                        }
                        Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                            outgoing.truncate(start);
                            debug_assert!(required_size > room_bytes, "more room is enough");
                            room_bytes = required_size;
                        }
                        Err(EncryptError::EncryptExhausted) => {
                            outgoing.truncate(start);
                            return Err(Error::EncryptError);
                        }
                    }
                }
                ConnectionState::EncodeTlsData(encoding) => encode(encoding, outgoing),
                ConnectionState::TransmitTlsData(sending) => sending.done(),
                ConnectionState::PeerClosed => self.is_ended = true,
                // Not yet, or no longer.
                _ => return Err(Error::HandshakeNotComplete),
            }
        }
    }
}

/// Where what records held goes: to the reader as far as it has room, the rest is kept.
struct Sink<'a> {
    room: &'a mut [u8],
    filled: usize,
    rest: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let room = &mut self.room[self.filled..];
        let count = if self.rest.is_empty() { room.len().min(bytes.len()) } else { 0 };
        room[..count].copy_from_slice(&bytes[..count]);
        self.filled += count;
        self.rest.extend_from_slice(&bytes[count..]);
    }
}

/// Acts on every whole record of `bytes`; how many of them are used up.
fn advance(
    connection: &mut UnbufferedServerConnection,
    bytes: &mut [u8],
    sink: &mut Sink<'_>,
    outgoing: &mut Vec<u8>,
    is_ended: &mut bool,
) -> Result<usize, Error> {
    let mut used = 0;
    loop {
        let UnbufferedStatus { mut discard, state, .. } = connection.process_tls_records(&mut bytes[used..]);
        let goes_on = match state {
            Ok(ConnectionState::ReadTraffic(mut records)) => {
                while let Some(record) = records.next_record() {
                    let record = record?;
                    discard += record.discard;
                    sink.put(record.payload);
                }
                true
            }
            Ok(ConnectionState::EncodeTlsData(encoding)) => {
                encode(encoding, outgoing);
                true
            }
            Ok(ConnectionState::TransmitTlsData(sending)) => {
                sending.done();
                true
            }
            Ok(ConnectionState::PeerClosed) => {
                *is_ended = true;
                true
            }
            // Nothing more can be made of what has come. Early data is never offered, and so never there.
            Ok(_) => false,
            Err(error) => {
                tell(connection, outgoing);
                return Err(error);
            }
        };
        used += discard;
        if !goes_on {
            return Ok(used);
        }
    }
}

/// Appends the alert that tells a client why its session is over.
fn tell(connection: &mut UnbufferedServerConnection, outgoing: &mut Vec<u8>) {
    // Only while something waits: it is handed out before rustls looks at what came, of which it must see all or nothing.
    while connection.wants_write() {
        match connection.process_tls_records(&mut []).state {
            Ok(ConnectionState::EncodeTlsData(encoding)) => encode(encoding, outgoing),
            Ok(ConnectionState::ReadTraffic(mut records)) => while records.next_record().is_some() {},
            _ => return,
        }
    }
}

fn encode(
    mut encoding: rustls::unbuffered::EncodeTlsData<'_, rustls::server::ServerConnectionData>,
    outgoing: &mut Vec<u8>,
) {
    let start = outgoing.len();
    let mut room_bytes = 0;
    loop {
        outgoing.resize(start + room_bytes, 0);
        match encoding.encode(&mut outgoing[start..]) {
            Ok(written) => return outgoing.truncate(start + written),
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => room_bytes = required_size,
            Err(EncodeError::AlreadyEncoded) => return outgoing.truncate(start),
        }
    }
}
