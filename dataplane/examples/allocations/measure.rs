//! Sends calls of `echo` over one kept connection and tells what each of them allocates on the thread of its shard, beside
//! what the reactor takes for the same reads and writes when there is no server at all. It never reads a clock.
//!
//! Timers, which tick some times a second, are not part of a request. So windows of requests are counted one by one, and
//! the one with the fewest allocations is told: what happens once in 200 requests is seen, what happens less often is not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream};
use std::os::fd::{FromRawFd, IntoRawFd};

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpListener;
use glommio::{LocalExecutorBuilder, Placement};
use ringway_dataplane::{Options, Server, ToolDefinition, ToolResult, builtin, tool_fn};

use super::counting::{allocations, count_this_thread};

/// Requests before the count begins: buffers grow, tables fill.
const WARM_UP_REQUESTS: u64 = 2_000;
/// Windows that are counted.
const WINDOWS: u64 = 50;
/// Requests of a window: some milliseconds of them, between the ticks of a shard's timers.
const WINDOW_REQUESTS: u64 = 200;
/// The tool that has its shard counted.
const MARK: &str = "mark";
/// An answer as long as that to a call of echo, head and all.
const CONSTANT: &[u8] = &[b'x'; 400];

/// What was counted.
pub struct Counted {
    /// Requests.
    pub requests: u64,
    /// Allocations of a request, without those of the reactor.
    pub allocations_per_request: f64,
    /// What the reactor allocates for the read and the write of a request.
    pub reactor_allocations_per_request: f64,
}

/// Counts.
pub fn measure() -> Counted {
    let reactor = reactor();
    let all = server();
    Counted {
        requests: WINDOWS * WINDOW_REQUESTS,
        allocations_per_request: all - reactor,
        reactor_allocations_per_request: reactor,
    }
}

/// The window with the fewest, per request.
fn windows(mut exchange: impl FnMut()) -> f64 {
    (0..WARM_UP_REQUESTS).for_each(|_| exchange());
    let counts = (0..WINDOWS).map(|_| {
        let before = allocations();
        (0..WINDOW_REQUESTS).for_each(|_| exchange());
        allocations() - before
    });
    counts.min().unwrap_or_default() as f64 / WINDOW_REQUESTS as f64
}

/// A whole server of one shard.
fn server() -> f64 {
    let mark = tool_fn(ToolDefinition::new(MARK, "Counts what its thread allocates."), |_, _| async move {
        count_this_thread();
        Ok(ToolResult::text("counted"))
    });
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { listen: loopback, shards: Some(1), handle_signals: false, ..Options::default() };
    let server = Server::builder("allocations", "1").tool(builtin::echo()).tool(mark).build();
    let running = server.and_then(|server| server.start(options)).expect("the server starts");
    let mut stream = connect(running.address);
    ask(&mut stream, &call(MARK, "{}"), "counted");
    let text = "a hundred characters or so, as an agent sends to a small tool, none of which JSON has to escape";
    let echo = call("echo", &format!(r#"{{"text":"{text}"}}"#));
    let counted = windows(|| ask(&mut stream, &echo, text));
    drop(stream);
    running.stop().expect("the shard ends well");
    counted
}

/// The reactor alone: a task that reads what is there and answers it with constant bytes. No timer sleeps beside it, as
/// none does in a shard: the reactor allocates in every turn for timers that are not due.
fn reactor() -> f64 {
    let listener = StdListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serve = move || async move {
        // SAFETY: the descriptor is owned by `listener`, which gives it up here.
        let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
        let mut stream = listener.accept().await.expect("one client comes");
        let mut room = [0; 4096];
        count_this_thread();
        while matches!(stream.read(&mut room).await, Ok(1..)) {
            stream.write_all(CONSTANT).await.expect("the client reads");
        }
    };
    let builder = LocalExecutorBuilder::new(Placement::Unbound).io_memory(64 << 10).ring_depth(256);
    let thread = builder.spawn(serve).expect("the reactor starts");
    let mut stream = connect(address);
    let request = call("echo", "{}");
    let mut room = [0; CONSTANT.len()];
    let counted = windows(|| {
        stream.write_all(&request).expect("it is sent");
        stream.read_exact(&mut room).expect("it is answered");
    });
    drop(stream);
    thread.join().expect("the reactor ends well");
    counted
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_nodelay(true).expect("a socket option");
    stream
}

/// A modern call.
fn call(tool: &str, arguments: &str) -> Vec<u8> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments},{meta}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: {tool}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One request and its answer, which must be right.
fn ask(stream: &mut TcpStream, request: &[u8], want: &str) {
    stream.write_all(request).expect("it is sent");
    let mut room = [0; 4096];
    // A short answer on loopback comes in one piece.
    let count = stream.read(&mut room).expect("it is answered");
    let text = String::from_utf8_lossy(&room[..count]);
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(want), "{text}");
}
