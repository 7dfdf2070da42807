//! A server that goes wrong in known ways, at every hundredth answer. A thread a connection; it looks for known words,
//! since a JSON parser would only hide what is on the wire.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Clone, Copy, PartialEq)]
pub enum Flaw {
    None,
    AnswersThePreviousRequest,
    Refuses,
    LongerBody,
    NoHttp,
    /// Without an answer.
    Closes,
    /// With the answer, and saying so.
    ClosesPolitely,
    /// After the answer, without a word.
    ClosesSilently,
    /// `initialize` is answered 500.
    RefusesToOpen,
    /// `initialize` is not answered at all.
    NeverOpens,
    /// Begins a stream of events that never ends, as fast as it can.
    Floods,
    /// With each tenth answer, in one packet and without a word.
    ClosesWithTheAnswer,
    /// Closes for good: nobody listens any more.
    Dies,
}

pub struct Flawed {
    pub addr: SocketAddr,
    pub seen: Arc<Seen>,
}

#[derive(Default)]
pub struct Seen {
    pub connections: AtomicU64,
    pub openings: AtomicU64,
    pub farewells: AtomicU64,
    /// Connections that ended in a reset.
    pub resets: AtomicU64,
    dead: AtomicBool,
}

impl Flawed {
    pub fn new(flaw: Flaw) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.dead.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream.unwrap(), flaw, &shared));
            }
        });
        Self { addr, seen }
    }
}

fn serve(mut stream: TcpStream, flaw: Flaw, seen: &Seen) {
    let mut previous = String::new();
    let mut answer_count = 0;
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream, seen) {
        if flaw == Flaw::Dies && (answer_count == 50 || seen.dead.swap(false, Ordering::SeqCst)) {
            seen.dead.store(true, Ordering::SeqCst);
            // Wakes the one that accepts, so that it sees that it is dead.
            let _ = TcpStream::connect(stream.local_addr().unwrap());
            return;
        }
        answer_count += 1;
        let is_flawed = answer_count % 100 == 0;
        if request.starts_with("DELETE") {
            seen.farewells.fetch_add(1, Ordering::SeqCst);
            let _ = send(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n");
            continue;
        }
        if request.contains("notifications/initialized") {
            send(&mut stream, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
            continue;
        }
        if request.contains("initialize") {
            seen.openings.fetch_add(1, Ordering::SeqCst);
            let status = if flaw == Flaw::RefusesToOpen { 500 } else { 200 };
            let body = concat!(
                r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#,
                r#""serverInfo":{"name":"flawed","version":"1"}}}"#
            );
            if flaw != Flaw::NeverOpens {
                let head = format!("Mcp-Session-Id: s-1\r\nContent-Length: {}", body.len());
                send(&mut stream, format!("HTTP/1.1 {status} X\r\n{head}\r\n\r\n{body}")).unwrap();
            }
            continue;
        }
        let between = |from: &str, to: &str| request.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let (id, text) = (between("\"id\":", ","), between("\"text\":\"", "\""));
        let right = format!(r#"{{"id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#);
        let (status, body) = match flaw {
            Flaw::AnswersThePreviousRequest if is_flawed => (200, previous),
            Flaw::Refuses if is_flawed => (503, right.clone()),
            Flaw::LongerBody if is_flawed => (200, format!("{right} ")),
            Flaw::Closes if is_flawed => return,
            Flaw::Floods if is_flawed => return flood(&mut stream),
            _ => (200, right.clone()),
        };
        previous = right;
        let protocol = if flaw == Flaw::NoHttp && is_flawed { "SMTP" } else { "HTTP/1.1" };
        let length = body.len();
        let close = if flaw == Flaw::ClosesPolitely && is_flawed { "Connection: close\r\n" } else { "" };
        let answer = format!("{protocol} {status} X\r\n{close}Content-Length: {length}\r\n\r\n{body}");
        let closes_with_it = flaw == Flaw::ClosesWithTheAnswer && answer_count % 10 == 0;
        if closes_with_it {
            rustix::net::sockopt::set_tcp_cork(&stream, true).unwrap();
        }
        if send(&mut stream, answer).is_err()
            || closes_with_it
            || (!close.is_empty())
            || (flaw == Flaw::ClosesSilently && is_flawed)
        {
            return;
        }
    }
}

/// In one piece: a head and a body written apart would wait for each other's acknowledgement.
fn send(stream: &mut TcpStream, answer: impl AsRef<str>) -> std::io::Result<()> {
    stream.write_all(answer.as_ref().as_bytes())
}

/// Until the other side has had enough.
fn flood(stream: &mut TcpStream) {
    let events = "data: {\"method\":\"notifications/progress\"}\n\n".repeat(4096);
    let chunk = format!("{:x}\r\n{events}\r\n", events.len());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut sent = send(stream, head);
    while sent.is_ok() {
        sent = send(stream, &chunk);
    }
}

fn read_request(stream: &mut TcpStream, seen: &Seen) -> Option<String> {
    let mut request = String::new();
    let mut scratch = [0; 4096];
    loop {
        let read_bytes = match stream.read(&mut scratch) {
            Ok(0) => return None,
            Ok(read_bytes) => read_bytes,
            Err(_) => {
                seen.resets.fetch_add(1, Ordering::SeqCst);
                return None;
            }
        };
        request += std::str::from_utf8(&scratch[..read_bytes]).unwrap();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length =
                head.split_once("content-length: ").map_or("0", |(_, after)| after.split("\r\n").next().unwrap());
            if body.len() == length.parse::<usize>().unwrap() {
                return Some(request);
            }
        }
    }
}
