//! A server that answers as it is told, and remembers what it was asked. It never checks a request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub verb: String,
    pub headers: BTreeMap<String, String>,
    /// `null` when there is none.
    pub body: Value,
}

impl Asked {
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The answer to this request.
    pub fn result(&self, result: Value) -> String {
        json(200, &serde_json::json!({ "jsonrpc": "2.0", "id": self.body["id"], "result": result }))
    }

    /// The same with a JSON-RPC error.
    pub fn error(&self, status: u16, error: Value) -> String {
        json(status, &serde_json::json!({ "jsonrpc": "2.0", "id": self.body["id"], "error": error }))
    }
}

/// An answer in JSON.
pub fn json(status: u16, body: &Value) -> String {
    plain(status, "Content-Type: application/json\r\n", &body.to_string())
}

/// An answer with these header lines.
pub fn plain(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// An answer that is an event stream, which ends with its connection.
pub fn events(stream: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{stream}")
}

/// The server. It ends with its test's process.
pub struct Stub {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    pub fn start(answer: impl Fn(&Asked) -> String + Send + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some((mut stream, request)) = stream.ok().and_then(read) else {
                    continue;
                };
                kept.lock().expect("no test panics with it").push(request.clone());
                // A client that has left is not missed.
                let _ = stream.write_all(answer(&request).as_bytes());
            }
        });
        Stub { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with it").clone()
    }

    pub fn methods(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.method().to_owned()).collect()
    }
}

fn read(stream: TcpStream) -> Option<(TcpStream, Asked)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let verb = line.split(' ').next()?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some((reader.into_inner(), Asked { verb, headers, body }))
}
