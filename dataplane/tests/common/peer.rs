//! An MCP client for tests, in either era: it numbers requests, writes the headers its revision wants, and hands every
//! message of the server to the [`Checker`]. What a client must not do is written with [`Wire`] instead.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::{Value, json};

use super::checker::{Checker, MODERN};
use super::wire::{self, Head, Response, Wire};

pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const ACCEPT: (&str, &str) = ("Accept", "application/json, text/event-stream");

/// A client on one connection. Its siblings have others and share what the server must remember.
pub struct Peer {
    pub wire: Wire,
    pub address: SocketAddr,
    pub session: Option<String>,
    /// What the client says it can be asked.
    pub capabilities: Value,
    /// HTTP status of the last answer.
    pub status: u16,
    /// What came on the last answer's stream before the answer.
    pub heard: Vec<Value>,
    /// The id of the last event.
    pub last_event: Option<String>,
    checker: Rc<RefCell<Checker>>,
    last_id: Rc<Cell<u64>>,
}

impl Peer {
    /// A client of 2026-07-28.
    pub fn modern(address: SocketAddr) -> Peer {
        Peer::over(Wire::connect(address), address, MODERN)
    }

    /// A client of an older revision, with a session.
    #[track_caller]
    pub fn legacy(address: SocketAddr, revision: &str) -> Peer {
        Peer::legacy_over(Wire::connect(address), address, revision, json!({}))
    }

    /// The same on a connection that is there already, with capabilities.
    #[track_caller]
    pub fn legacy_over(wire: Wire, address: SocketAddr, revision: &str, capabilities: Value) -> Peer {
        let mut peer = Peer::over(wire, address, revision);
        peer.capabilities = capabilities;
        let result = peer.initialize(revision);
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(peer.notify("notifications/initialized", json!({})), 202);
        peer
    }

    /// A client that has said nothing yet.
    pub fn over(wire: Wire, address: SocketAddr, revision: &str) -> Peer {
        Peer {
            wire,
            address,
            session: None,
            capabilities: json!({}),
            status: 0,
            heard: Vec::new(),
            last_event: None,
            checker: Rc::new(RefCell::new(Checker::new(revision))),
            last_id: Rc::default(),
        }
    }

    /// The same client on another connection.
    pub fn sibling(&self) -> Peer {
        self.sibling_over(Wire::connect(self.address))
    }

    /// The same client on another connection that is there already.
    pub fn sibling_over(&self, wire: Wire) -> Peer {
        Peer {
            wire,
            address: self.address,
            session: self.session.clone(),
            capabilities: self.capabilities.clone(),
            status: 0,
            heard: Vec::new(),
            last_event: None,
            checker: Rc::clone(&self.checker),
            last_id: Rc::clone(&self.last_id),
        }
    }

    /// Leaves without a word, and comes back on a new connection.
    pub fn reconnect(&mut self) {
        self.wire = Wire::connect(self.address);
    }

    pub fn revision(&self) -> String {
        self.checker.borrow().revision.clone()
    }

    fn is_modern(&self) -> bool {
        self.checker.borrow().revision == MODERN
    }

    /// The home shard that the session's name tells.
    pub fn home(&self) -> u16 {
        home_of(self.session.as_deref().expect("a session"))
    }

    /// Begins a session and returns the result of `initialize`.
    #[track_caller]
    pub fn initialize(&mut self, revision: &str) -> Value {
        let params = json!({
            "protocolVersion": revision,
            "capabilities": self.capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        let message = self.message("initialize", params);
        self.checker.borrow_mut().sent(&message);
        let fields = [ACCEPT, ("Content-Type", "application/json")];
        let body = message.to_string();
        self.wire.send(wire::request("POST", "/mcp", &fields, body.as_bytes()));
        let head = self.wire.head();
        self.session = head.field("mcp-session-id").map(str::to_owned);
        let answer = self.finish(head);
        assert_eq!(self.status, 200, "{answer}");
        answer["result"].clone()
    }

    /// A request with a new id, and the envelope where the revision has one.
    pub fn message(&self, method: &str, params: Value) -> Value {
        self.last_id.set(self.last_id.get() + 1);
        self.message_with_id(json!(self.last_id.get()), method, params)
    }

    pub fn message_with_id(&self, id: Value, method: &str, mut params: Value) -> Value {
        if self.is_modern() {
            let meta = &mut params["_meta"];
            meta[META_VERSION] = json!(MODERN);
            meta[META_CAPABILITIES] = self.capabilities.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    /// Sends a message with the fields that belong to it.
    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        let fields = self.fields(message);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send_with(&fields, message);
    }

    /// Sends a message with these fields and no others.
    #[track_caller]
    pub fn send_with(&mut self, fields: &[(&str, &str)], message: &Value) {
        self.checker.borrow_mut().sent(message);
        let body = message.to_string();
        self.wire.send(wire::request("POST", "/mcp", fields, body.as_bytes()));
    }

    /// The fields a good client sends with a message.
    pub fn fields(&self, message: &Value) -> Vec<(&'static str, String)> {
        let mut fields = vec![(ACCEPT.0, ACCEPT.1.to_owned()), ("Content-Type", "application/json".to_owned())];
        let revision = self.revision();
        if self.is_modern() {
            fields.push(("MCP-Protocol-Version", revision));
            if let Some(method) = message["method"].as_str() {
                fields.push(("Mcp-Method", method.to_owned()));
                let mirrored = match method {
                    "tools/call" | "prompts/get" => "name",
                    "resources/read" => "uri",
                    _ => "taskId",
                };
                if let Some(name) = message["params"][mirrored].as_str() {
                    fields.push(("Mcp-Name", name.to_owned()));
                }
            }
            return fields;
        }
        if revision.as_str() >= "2025-06-18" {
            fields.push(("MCP-Protocol-Version", revision));
        }
        if let Some(session) = &self.session {
            fields.push(("Mcp-Session-Id", session.clone()));
        }
        fields
    }

    /// The answer that is due: the last message, after those of its stream.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        let head = self.wire.head();
        self.finish(head)
    }

    #[track_caller]
    fn finish(&mut self, head: Head) -> Value {
        self.status = head.status;
        self.heard.clear();
        if !head.is_stream() {
            let body = self.wire.body(&head);
            let response = Response { head, body };
            let message = response.json();
            self.received(&message);
            return message;
        }
        while let Some(message) = self.next() {
            self.heard.push(message);
        }
        assert!(!self.wire.torn, "the stream has an end");
        self.heard.pop().expect("a stream has an answer")
    }

    #[track_caller]
    fn received(&self, message: &Value) {
        self.checker.borrow_mut().received(message, self.status);
    }

    /// The next message of the open stream; `None` at its end.
    #[track_caller]
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let event = self.wire.event()?;
            if event.id.is_some() {
                assert!(!self.is_modern(), "modern streams cannot be resumed");
                self.last_event = event.id;
            }
            if event.data.is_empty() {
                let known = self.revision().as_str() >= "2025-11-25";
                assert!(known, "older clients choke on an event without data");
                continue;
            }
            let message: Value = serde_json::from_str(&event.data).expect("an event has JSON");
            self.received(&message);
            return Some(message);
        }
    }

    /// The next message of the open stream, which must be there.
    #[track_caller]
    pub fn expect(&mut self) -> Value {
        self.next().expect("a message before the stream's end")
    }

    /// Sends a request and returns the answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let message = self.message(method, params);
        self.send(&message);
        let answer = self.answer();
        if answer.get("id").is_some() {
            assert_eq!(answer["id"], message["id"]);
        }
        answer
    }

    /// Sends a request and returns its result.
    #[track_caller]
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        assert_eq!(self.status, 200);
        answer["result"].clone()
    }

    /// Sends a request and returns the HTTP status and code of its error.
    #[track_caller]
    pub fn error(&mut self, method: &str, params: Value) -> (u16, i64) {
        let answer = self.call(method, params);
        let code = answer["error"]["code"].as_i64();
        (self.status, code.unwrap_or_else(|| panic!("{method}: {answer}")))
    }

    /// Calls a tool and returns the result.
    #[track_caller]
    pub fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": name, "arguments": arguments }))
    }

    /// Sends a request whose answer is a stream, and leaves the stream open. Its id is returned.
    #[track_caller]
    pub fn open(&mut self, method: &str, params: Value) -> Value {
        let message = self.message(method, params);
        self.send(&message);
        let head = self.wire.head();
        self.status = head.status;
        assert!(head.is_stream(), "{method} is answered by {head:?}");
        message["id"].clone()
    }

    /// Sends a notification and returns the HTTP status.
    #[track_caller]
    pub fn notify(&mut self, method: &str, params: Value) -> u16 {
        self.post(json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Sends what gets no answer, and returns the HTTP status.
    #[track_caller]
    pub fn post(&mut self, message: Value) -> u16 {
        self.send(&message);
        let response = self.wire.response();
        if response.head.status == 202 {
            assert_eq!(response.text(), "");
        }
        response.head.status
    }

    /// Opens the session's stream, or takes one up again behind an event.
    #[track_caller]
    pub fn get(&mut self, last_event: Option<&str>) -> Head {
        let session = self.session.clone().expect("a session");
        let mut fields = vec![("Accept", "text/event-stream"), ("Mcp-Session-Id", &*session)];
        if let Some(id) = last_event {
            fields.push(("Last-Event-ID", id));
        }
        self.wire.send(wire::request("GET", "/mcp", &fields, b""));
        let head = self.wire.head();
        self.status = head.status;
        head
    }

    /// Ends the session and returns the HTTP status.
    #[track_caller]
    pub fn delete(&mut self) -> u16 {
        let session = self.session.clone().expect("a session");
        let fields = [("Mcp-Session-Id", &*session)];
        self.wire.send(wire::request("DELETE", "/mcp", &fields, b""));
        self.wire.response().head.status
    }
}

/// The home shard that a handle tells.
pub fn home_of(handle: &str) -> u16 {
    u16::from_str_radix(&handle[..4], 16).expect("a handle begins with its shard")
}

/// The text of a tool's result.
#[track_caller]
pub fn text_of(result: &Value) -> &str {
    let text = result["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("a text: {result}"))
}
