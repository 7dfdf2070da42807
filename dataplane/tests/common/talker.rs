//! A client whose messages come and go at any time: on a WebSocket, or with the older HTTP+SSE pair. It hands every message
//! of the server to the [`Checker`]; what a client must not do is written frame by frame.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::checker::{Checker, MODERN};
use super::wire::{self, Wire};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const MASK: [u8; 4] = [0x5a, 0x00, 0xff, 0x31];

/// The fields of a good handshake.
pub const HANDSHAKE: [(&str, &str); 5] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Protocol", "mcp"),
];

/// The transports a talker has.
pub const TRANSPORTS: [&str; 2] = ["websocket", "pair"];

pub enum Transport {
    WebSocket(Wire),
    Pair { stream: Wire, posts: Wire, target: String },
}

pub struct Talker {
    pub transport: Transport,
    /// What the client says it can be asked.
    pub capabilities: Value,
    /// What came before the last answer.
    pub heard: Vec<Value>,
    /// Pings of the server.
    pub pings: usize,
    /// Why the server closed.
    pub close_code: Option<u16>,
    checker: Checker,
    last_id: u64,
}

impl Talker {
    /// A client that has said nothing yet.
    #[track_caller]
    pub fn over(transport: Transport, revision: &str) -> Talker {
        Talker {
            transport,
            capabilities: json!({}),
            heard: Vec::new(),
            pings: 0,
            close_code: None,
            checker: Checker::new(revision),
            last_id: 0,
        }
    }

    /// A client of any revision, in a legacy one with a session.
    #[track_caller]
    pub fn connect(address: SocketAddr, transport: &str, revision: &str, capabilities: Value) -> Talker {
        let transport = match transport {
            "websocket" => Transport::WebSocket(shake_hands(Wire::connect(address))),
            _ => open_pair(Wire::connect(address), Wire::connect(address)),
        };
        let mut talker = Talker::over(transport, revision);
        talker.capabilities = capabilities;
        if revision != MODERN {
            talker.initialize(revision);
        }
        talker
    }

    /// A client on a WebSocket, which speaks 2026-07-28.
    #[track_caller]
    pub fn modern(address: SocketAddr) -> Talker {
        Talker::connect(address, "websocket", MODERN, json!({}))
    }

    #[track_caller]
    pub fn initialize(&mut self, revision: &str) {
        self.checker.revision = revision.to_owned();
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": self.capabilities, "clientInfo": info });
        let result = self.result("initialize", params);
        assert_eq!(result["protocolVersion"], revision);
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    }

    /// From here on the client speaks another revision.
    pub fn speak(&mut self, revision: &str) {
        self.checker.revision = revision.to_owned();
    }

    fn is_modern(&self) -> bool {
        self.checker.revision == MODERN
    }

    /// A request with a new id, and the envelope where the revision has one.
    pub fn message(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        self.message_with_id(json!(self.last_id), method, params)
    }

    pub fn message_with_id(&self, id: Value, method: &str, mut params: Value) -> Value {
        if self.is_modern() {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        self.checker.sent(message);
        assert_eq!(self.send_text(&message.to_string()), 202);
    }

    /// Sends any text; the status of its post, where it has one.
    #[track_caller]
    pub fn send_text(&mut self, text: &str) -> u16 {
        match &mut self.transport {
            Transport::WebSocket(wire) => {
                wire.send(frame(0x81, text.as_bytes()));
                202
            }
            Transport::Pair { posts, target, .. } => {
                let fields = [("Content-Type", "application/json")];
                posts.send(wire::request("POST", target, &fields, text.as_bytes()));
                posts.response().head.status
            }
        }
    }

    /// The wire on which the server's messages come.
    pub fn wire(&mut self) -> &mut Wire {
        match &mut self.transport {
            Transport::WebSocket(wire) => wire,
            Transport::Pair { stream, .. } => stream,
        }
    }

    /// The next message; `None` at the end, whose code is in `close_code`.
    #[track_caller]
    pub fn next(&mut self) -> Option<Value> {
        let text = match &mut self.transport {
            Transport::Pair { stream, .. } => stream.event()?.data.into_bytes(),
            Transport::WebSocket(wire) => loop {
                let (first, payload) = next_frame(wire)?;
                match first {
                    0x81 => break payload,
                    0x89 => self.pings += 1,
                    0x8a => {}
                    0x88 => {
                        self.close_code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                        return None;
                    }
                    other => panic!("a server sends no frame {other:#x}"),
                }
            },
        };
        let message: Value = serde_json::from_slice(&text).expect("a message is JSON");
        let is_unread = message.get("error").is_some() && message.get("id").is_none();
        self.checker.received(&message, if is_unread { 400 } else { 200 });
        Some(message)
    }

    #[track_caller]
    pub fn expect(&mut self) -> Value {
        self.next().expect("a message before the end")
    }

    /// The answer to a request, after what comes before it.
    #[track_caller]
    pub fn answer(&mut self, id: &Value) -> Value {
        self.heard.clear();
        loop {
            let message = self.expect();
            if message.get("method").is_none() && message.get("id") == Some(id) {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// Sends a request and leaves it; its id is returned.
    #[track_caller]
    pub fn begin(&mut self, method: &str, params: Value) -> Value {
        let message = self.message(method, params);
        self.send(&message);
        message["id"].clone()
    }

    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(&id)
    }

    #[track_caller]
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        answer["result"].clone()
    }

    #[track_caller]
    pub fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": name, "arguments": arguments }))
    }

    #[track_caller]
    pub fn cancel(&mut self, id: &Value) {
        let params = json!({ "requestId": id });
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
    }

    /// Sends a frame, on a WebSocket.
    #[track_caller]
    pub fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.wire().send(frame(first, payload));
    }

    /// Reads to the end, which must be the server's Close.
    #[track_caller]
    pub fn close_code(&mut self) -> u16 {
        while self.next().is_some() {}
        let code = self.close_code.expect("a close code");
        assert!(self.wire().ends(), "nothing comes behind a Close");
        code
    }
}

/// Makes a connection a WebSocket.
#[track_caller]
pub fn shake_hands(mut wire: Wire) -> Wire {
    wire.send(wire::request("GET", "/ws", &HANDSHAKE, b""));
    let head = wire.head();
    assert_eq!(head.status, 101, "{head:?}");
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(head.field("sec-websocket-protocol"), Some("mcp"));
    assert_eq!((head.field("connection"), head.field("upgrade")), (Some("Upgrade"), Some("websocket")));
    for none in ["content-length", "transfer-encoding", "sec-websocket-extensions"] {
        assert_eq!(head.field(none), None);
    }
    wire
}

/// Opens the stream of the HTTP+SSE pair.
#[track_caller]
pub fn open_pair(mut stream: Wire, posts: Wire) -> Transport {
    stream.send(wire::request("GET", "/sse", &[("Accept", "text/event-stream")], b""));
    let head = stream.head();
    assert!(head.status == 200 && head.is_stream(), "{head:?}");
    let event = stream.event().expect("a first event");
    assert_eq!(event.kind.as_deref(), Some("endpoint"));
    assert!(event.data.starts_with("/messages?sessionId="), "{event:?}");
    Transport::Pair { stream, posts, target: event.data }
}

/// A client's frame; `first` is its first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The next frame of a server: its first byte and payload; `None` when it closed.
#[track_caller]
pub fn next_frame(wire: &mut Wire) -> Option<(u8, Vec<u8>)> {
    let head = wire.take(2)?;
    let length = match head[1] {
        126 => u64::from(u16::from_be_bytes(wire.take(2)?.try_into().expect("two bytes"))),
        127 => u64::from_be_bytes(wire.take(8)?.try_into().expect("eight bytes")),
        short => {
            assert!(short < 126, "a server masks nothing");
            u64::from(short)
        }
    };
    Some((head[0], wire.take(length as usize)?))
}
