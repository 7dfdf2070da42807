//! Bytes over a socket that never blocks, plain or in TLS. Knows nothing of requests and answers.
//!
//! Plain: one system call for what is sent, one for what is received, straight into the reader's memory. TLS: the same
//! two calls, with rustls between them and the bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustls::ClientConnection;

use crate::load::trust::Trust;

/// As much as one read takes. Larger than nearly every answer, so that one read is all it takes.
const READ_BYTES_MAX: usize = 64 << 10;
/// TLS may also hold a record, 16 KiB, of which the last read brought only the beginning.
const PLAIN_BYTES_MAX: usize = READ_BYTES_MAX + (32 << 10);

/// Memory that all connections of a thread read into, so that a thousand of them share its cache lines.
pub struct Scratch {
    pub bytes: Vec<u8>,
    sealed: Vec<u8>,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Nothing,
    /// So many, at the beginning of `Scratch::bytes`; `more` when the socket may hold others.
    Bytes {
        count: usize,
        more: bool,
    },
    Closed,
}

pub enum Transport {
    Plain(TcpStream),
    Tls(Box<Secured>),
}

pub struct Secured {
    stream: TcpStream,
    session: ClientConnection,
}

impl Scratch {
    pub fn new() -> Self {
        Self { bytes: vec![0; PLAIN_BYTES_MAX], sealed: vec![0; READ_BYTES_MAX] }
    }
}

/// Begins to connect; the poller tells when that is done, and `is_connected` how it went.
pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let family = if addr.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A request is sent in one piece and waits for nothing that could join it.
    sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, &addr) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

impl Transport {
    pub fn new(stream: TcpStream, trust: Option<&Trust>) -> Result<Self, String> {
        let Some(trust) = trust else {
            return Ok(Self::Plain(stream));
        };
        let mut session = ClientConnection::new(trust.config.clone(), trust.server_name.clone())
            .map_err(|error| format!("TLS: {error}"))?;
        // A request is taken whole; the bound on what waits here is the size of one request.
        session.set_buffer_limit(None);
        Ok(Self::Tls(Box::new(Secured { stream, session })))
    }

    pub fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(secured) => &secured.stream,
        }
    }

    /// Whether the connection stands; an error when it never will.
    pub fn is_connected(&self) -> io::Result<bool> {
        let stream = self.stream();
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether both sides agreed on keys; goes on with that as far as the socket lets it.
    pub fn is_secured(&mut self, scratch: &mut Scratch) -> io::Result<bool> {
        let Self::Tls(secured) = self else {
            return Ok(true);
        };
        while secured.session.is_handshaking() {
            secured.flush()?;
            match secured.receive(scratch)? {
                Received::Nothing => return Ok(!secured.session.is_handshaking()),
                Received::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                Received::Bytes { count, .. } if count > 0 => return Err(io::Error::other("data before its time")),
                Received::Bytes { .. } => {}
            }
        }
        secured.flush()?;
        Ok(true)
    }

    /// How many of `bytes` were taken; fewer than all when the socket has no room for more.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => loop {
                match stream.write(bytes) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                    sent => return sent,
                }
            },
            Self::Tls(secured) => {
                secured.session.writer().write_all(bytes)?;
                secured.flush()?;
                Ok(bytes.len())
            }
        }
    }

    /// Sends what was taken and is still here. Plain sockets keep nothing back.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(secured) => secured.flush(),
        }
    }

    pub fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(secured) => !secured.session.wants_write(),
        }
    }

    pub fn receive(&mut self, scratch: &mut Scratch) -> io::Result<Received> {
        match self {
            Self::Plain(stream) => receive(stream, &mut scratch.bytes[..READ_BYTES_MAX]),
            Self::Tls(secured) => secured.receive(scratch),
        }
    }

    /// The end as the protocol wants it; the socket closes when this is dropped.
    pub fn say_goodbye(&mut self) {
        if let Self::Tls(secured) = self {
            secured.session.send_close_notify();
            // What is lost with the connection is a courtesy.
            let _ = secured.flush();
        }
    }

    /// The end by a reset instead of a FIN: nothing lingers, and the server learns it as an error.
    pub fn reset(self) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(self.stream(), Some(Duration::ZERO))?)
    }
}

impl Secured {
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, scratch: &mut Scratch) -> io::Result<Received> {
        let (sealed_bytes, more) = match receive(&mut self.stream, &mut scratch.sealed)? {
            Received::Bytes { count, more } => (count, more),
            other => return Ok(other),
        };
        let mut sealed = &scratch.sealed[..sealed_bytes];
        let mut count = 0;
        while !sealed.is_empty() {
            self.session.read_tls(&mut sealed)?;
            if let Err(error) = self.session.process_new_packets() {
                // The alert that tells the server why.
                let _ = self.flush();
                return Err(io::Error::other(error));
            }
            match read_plain(&mut self.session, &mut scratch.bytes[count..])? {
                (read_bytes, false) => count += read_bytes,
                (0, true) if count == 0 => return Ok(Received::Closed),
                // Said goodbye after its last bytes; the socket's own end follows.
                (read_bytes, true) => return Ok(Received::Bytes { count: count + read_bytes, more: true }),
            }
        }
        self.flush()?;
        Ok(Received::Bytes { count, more })
    }
}

fn receive(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<Received> {
    loop {
        match stream.read(bytes) {
            Ok(0) => return Ok(Received::Closed),
            // A read that fills less than it could has emptied the socket; what comes later wakes the poller again.
            Ok(count) => return Ok(Received::Bytes { count, more: count == bytes.len() }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// All that was opened so far, and whether the server ended the session after it.
fn read_plain(session: &mut ClientConnection, bytes: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut count = 0;
    while count < bytes.len() {
        match session.reader().read(&mut bytes[count..]) {
            Ok(0) => return Ok((count, true)),
            Ok(read_bytes) => count += read_bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok((count, false))
}
