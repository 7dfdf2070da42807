//! Sends calls of `echo` over one kept connection and tells what each of them allocates on the thread of its shard: first
//! all of it, then who does it. It never reads a clock.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ringway_dataplane::{Options, Server, ToolDefinition, ToolResult, builtin, tool_fn};

use super::counting;

/// Requests before the count begins: buffers grow, tables fill.
const WARM_UP_REQUESTS: u64 = 2_000;
/// Requests whose allocations are counted.
const REQUESTS: u64 = 10_000;
/// Windows of requests of which it is looked at who allocates. A shard has ticks of its own, four a second, which are no
/// request's: the window with the fewest allocations is told.
const WINDOWS: u64 = 5;
/// Requests of such a window.
const WINDOW_REQUESTS: u64 = 100;
/// The tool that has its shard counted.
const MARK: &str = "mark";

/// What was counted.
pub struct Counted {
    /// Allocations of a request that are not the reactor's: everything from its bytes to those of its answer.
    pub own: f64,
    /// All of them: the reactor allocates for each read that has to wait, and in each of its turns, of which a request on an
    /// idle shard has one or two.
    pub all: f64,
}

/// Counts on a server of one shard, one at a time: with options changed by `change`, asked with these fields besides, each with its
/// end.
pub fn measure(change: impl FnOnce(&mut Options), fields: &str) -> Counted {
    counting::tell_apart(false);
    let mark = tool_fn(ToolDefinition::new(MARK, "Counts what its thread allocates."), |_, _| async move {
        counting::count_this_thread();
        Ok(ToolResult::text("counted"))
    });
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options { listen: loopback, shards: Some(1), handle_signals: false, ..Options::default() };
    change(&mut options);
    let server = Server::builder("allocations", "1").tool(builtin::echo()).tool(mark).build();
    let running = server.and_then(|server| server.start(options)).expect("the server starts");
    let mut stream = TcpStream::connect(running.address).expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    ask(&mut stream, &call(MARK, "{}", fields), "counted");
    let text = "a hundred characters or so, as an agent sends to a small tool, none of which JSON has to escape";
    let echo = call("echo", &format!(r#"{{"text":"{text}"}}"#), fields);
    (0..WARM_UP_REQUESTS).for_each(|_| ask(&mut stream, &echo, text));
    let before = counting::all();
    (0..REQUESTS).for_each(|_| ask(&mut stream, &echo, text));
    let all = (counting::all() - before) as f64 / REQUESTS as f64;
    counting::tell_apart(true);
    let windows = (0..WINDOWS).map(|_| {
        let before = counting::own();
        (0..WINDOW_REQUESTS).for_each(|_| ask(&mut stream, &echo, text));
        counting::own() - before
    });
    let own = windows.min().unwrap_or_default() as f64 / WINDOW_REQUESTS as f64;
    drop(stream);
    running.stop().expect("the shard ends well");
    Counted { own, all }
}

/// A modern call.
fn call(tool: &str, arguments: &str, fields: &str) -> Vec<u8> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments},{meta}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: {tool}\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
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
