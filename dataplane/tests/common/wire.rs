//! A client's end of one TCP connection: it writes what it is told, byte for byte, and reads HTTP/1.1 answers and event
//! streams. Reads have a deadline; nothing here sleeps, retries or knows MCP.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;

/// How long anything that must happen may take. Far above what it needs, so that a busy machine fails no test.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Where TLS is spoken, and how, so that whoever connects there does.
static SECURED: LazyLock<Mutex<HashMap<SocketAddr, Arc<ClientConfig>>>> = LazyLock::new(Mutex::default);

/// From here on, [`Wire::connect`] speaks TLS at that address, or does not.
pub fn speaks_tls(address: SocketAddr, config: Option<Arc<ClientConfig>>) {
    let mut secured = SECURED.lock().unwrap_or_else(PoisonError::into_inner);
    match config {
        Some(config) => secured.insert(address, config),
        None => secured.remove(&address),
    };
}

/// What a connection is made of.
enum Stream {
    Plain(TcpStream),
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Secured(stream) => &stream.sock,
        }
    }

    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(room),
            Stream::Secured(stream) => stream.read(room),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Secured(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}

/// One connection.
pub struct Wire {
    stream: Stream,
    /// Whether the server closed without saying so, where TLS has a word for it.
    pub is_cut: bool,
    unread: Vec<u8>,
    /// Text of an event stream, free of its chunk lines.
    events: String,
    /// Comments that an event stream had so far.
    pub comments: usize,
    /// Whether the last body or stream ended before its own end.
    pub torn: bool,
}

/// Status line and fields of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The value of a field; names in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn is_stream(&self) -> bool {
        self.field("content-type") == Some("text/event-stream")
    }

    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Response {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("a JSON body: {error} in {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    pub kind: Option<String>,
    pub id: Option<String>,
    pub retry: Option<String>,
    pub data: String,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Wire {
        let secured = SECURED.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        let stream = TcpStream::connect(address).expect("the server listens");
        match secured {
            Some(config) => Wire::secured(stream, config, "localhost"),
            None => Wire::over(stream),
        }
    }

    /// A connection in TLS to a server of that name. Keys are agreed on with the first bytes.
    pub fn secured(stream: TcpStream, config: Arc<ClientConfig>, name: &str) -> Wire {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let session = ClientConnection::new(config, name).expect("a client");
        let mut wire = Wire::over(stream);
        let Stream::Plain(stream) = wire.stream else { unreachable!("it is plain") };
        wire.stream = Stream::Secured(Box::new(StreamOwned::new(session, stream)));
        wire
    }

    /// What is known of its TLS.
    pub fn session(&mut self) -> &mut ClientConnection {
        match &mut self.stream {
            Stream::Secured(stream) => &mut stream.conn,
            Stream::Plain(_) => panic!("this is plain"),
        }
    }

    /// Agrees on keys.
    pub fn shake_hands(&mut self) -> std::io::Result<()> {
        match &mut self.stream {
            Stream::Secured(stream) => {
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Ok(())
            }
            Stream::Plain(_) => Ok(()),
        }
    }

    pub fn over(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        stream.set_write_timeout(Some(DEADLINE)).expect("a time");
        stream.set_nodelay(true).expect("a TCP socket");
        let stream = Stream::Plain(stream);
        Wire { stream, is_cut: false, unread: Vec::new(), events: String::new(), comments: 0, torn: false }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Sends to a server that may have closed already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends bytes past TLS.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let mut socket = self.stream.socket();
        socket.write_all(bytes).expect("the server reads");
    }

    /// Sends the end of input and reads on.
    pub fn half_close(&mut self) {
        if let Stream::Secured(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            return stream.flush().expect("an open socket");
        }
        self.shut_down(Shutdown::Write);
    }

    pub fn shut_down(&mut self, how: Shutdown) {
        self.stream.socket().shutdown(how).expect("an open socket");
    }

    /// Reads some more. False when the server has closed, gently or not.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut room = [0; 16 << 10];
        match self.stream.read(&mut room) {
            Ok(0) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&room[..count]);
                true
            }
            // The kernel may interrupt a thread that has made and closed a ring, as the server's start does.
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => false,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.is_cut = true;
                false
            }
            Err(error) => panic!("no answer within {DEADLINE:?}: {error}"),
        }
    }

    /// The next so many bytes; `None` when the server closed before them.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill() {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    #[track_caller]
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.take(at + 2)?;
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// The next answer's head; `None` when the server closed instead.
    #[track_caller]
    pub fn try_head(&mut self) -> Option<Head> {
        let status_line = self.line()?;
        let mut words = status_line.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"), "{status_line:?}");
        let status = words.next().and_then(|status| status.parse().ok());
        let mut fields = Vec::new();
        loop {
            let line = self.line().expect("a head has an end");
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").expect("a field has a value");
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Head { status: status.expect("a status is a number"), fields })
    }

    #[track_caller]
    pub fn head(&mut self) -> Head {
        self.try_head().expect("an answer before the end")
    }

    /// The next whole answer.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        let head = self.head();
        let body = self.body(&head);
        Response { head, body }
    }

    /// The next whole answer; `None` when the server closed instead.
    #[track_caller]
    pub fn try_response(&mut self) -> Option<Response> {
        let head = self.try_head()?;
        let body = self.body(&head);
        Some(Response { head, body })
    }

    #[track_caller]
    pub fn body(&mut self, head: &Head) -> Vec<u8> {
        if head.field("transfer-encoding") == Some("chunked") {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
            assert!(!self.torn, "a body has an end");
            return body;
        }
        let Some(length) = head.field("content-length") else {
            return match head.status {
                100 | 204 => Vec::new(),
                _ => self.rest(),
            };
        };
        let length = length.parse().expect("Content-Length is a number");
        self.take(length).expect("a body has an end")
    }

    /// Whether the server ends the connection, gently or not, before another byte of an answer.
    #[track_caller]
    pub fn is_refused(&mut self) -> bool {
        loop {
            match self.stream.read(&mut [0]) {
                Ok(count) => return count == 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::WouldBlock, "no end within {DEADLINE:?}");
                    return true;
                }
            }
        }
    }

    /// Everything until the server closes.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the server closes without another byte.
    #[track_caller]
    pub fn ends(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// The next chunk; `None` at the end, which is torn when the server closed before it.
    #[track_caller]
    fn chunk(&mut self) -> Option<Vec<u8>> {
        self.torn = true;
        let size = self.line()?;
        let size = usize::from_str_radix(&size, 16).expect("a chunk has a size");
        let mut data = self.take(size + 2)?;
        assert_eq!(data.split_off(size), b"\r\n", "a chunk has an end");
        self.torn = false;
        (size > 0).then_some(data)
    }

    /// The next event; `None` at the end of the stream, which is torn when the server closed before it.
    #[track_caller]
    pub fn event(&mut self) -> Option<Event> {
        loop {
            while let Some((text, rest)) = self.events.split_once("\n\n") {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.events = rest;
                if let Some(event) = self.read_event(&text) {
                    return Some(event);
                }
            }
            let chunk = self.chunk()?;
            self.events.push_str(std::str::from_utf8(&chunk).expect("events are UTF-8"));
        }
    }

    fn read_event(&mut self, text: &str) -> Option<Event> {
        let mut event = Event::default();
        let mut has_field = false;
        for line in text.lines() {
            if line.starts_with(':') {
                self.comments += 1;
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = Some(value.to_owned()),
                "data" => event.data.push_str(value),
                "event" => {
                    assert!(matches!(value, "message" | "endpoint"), "{value:?}");
                    event.kind = Some(value.to_owned());
                }
                other => panic!("an event has no field {other:?}"),
            }
            has_field = true;
        }
        has_field.then_some(event)
    }
}

/// The bytes of a request.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    for (name, value) in fields {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if method == "POST" || !body.is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}
