//! How long scrapes stop a shard: a tool turns on each shard as often as it is let and notes the longest time between two
//! turns, once in peace and once while /metrics, with as many series as there can be, is scraped. Run by hand, with
//! `cargo run --release -p ringway-dataplane --example scrape_stop`; it judges nothing.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ringway_dataplane::{Options, Server, StartError, ToolDefinition, ToolResult, builtin, tool_fn};

const SHARDS: usize = 2;
const TOOLS: usize = 150;
const TIME: Duration = Duration::from_secs(10);
const STOPS_US: [u64; 6] = [25, 50, 100, 200, 400, 800];

thread_local! {
    static TURNS: Cell<bool> = const { Cell::new(false) };
}

fn main() -> Result<(), StartError> {
    let turns = ToolDefinition::new("turns", "Turns, and tells its longest stop.").call_time_max(TIME * 2);
    let mut builder = builtin::add_to(Server::builder("scrape_stop", "1")).tool(tool_fn(turns, |_, _| async {
        if TURNS.replace(true) {
            return Ok(ToolResult::text(""));
        }
        let (mut counts, mut longest, mut turns) = ([0u64; STOPS_US.len()], Duration::ZERO, 0u64);
        let (began, mut last) = (Instant::now(), cpu());
        while began.elapsed() < TIME {
            futures_lite::future::yield_now().await;
            let now = cpu();
            let stop = now - last;
            for (count, at_least) in counts.iter_mut().zip(STOPS_US) {
                *count += u64::from(stop >= Duration::from_micros(at_least));
            }
            (last, longest, turns) = (now, longest.max(stop), turns + 1);
        }
        TURNS.set(false);
        Ok(ToolResult::text(format!("{turns} turns, {counts:?} of {STOPS_US:?} µs and more, longest {longest:?}")))
    }));
    for number in 0..TOOLS {
        let definition = ToolDefinition::new(format!("tool-{number}"), "One of many.");
        builder = builder.tool(tool_fn(definition, |_, _| async { Ok(ToolResult::text("good")) }));
    }
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options { listen: loopback, shards: Some(SHARDS), handle_signals: false, ..Options::default() };
    options.policy.metrics.enterprise = true;
    options.policy.metrics.mcpo = true;
    let running = builder.build()?.start(options)?;
    let address = running.address;
    for number in 0..TOOLS {
        call(address, &format!("tool-{number}"));
    }
    say(&format!("a scrape has {} bytes", get(address, "/metrics")));
    // The probe is the measure of what any request costs.
    for path in [None, Some("/livez"), Some("/metrics")] {
        let goes_on = Arc::new(AtomicBool::new(true));
        // Enough calls that each shard gets one.
        let calls: Vec<_> = (0..8 * SHARDS).map(|_| std::thread::spawn(move || call(address, "turns"))).collect();
        let of_thread = Arc::clone(&goes_on);
        let scraper = std::thread::spawn(move || {
            let mut count = 0;
            while let (Some(path), true) = (path, of_thread.load(Ordering::Relaxed)) {
                get(address, path);
                count += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            count
        });
        let answers: Vec<String> = calls.into_iter().filter_map(|call| call.join().ok()).collect();
        goes_on.store(false, Ordering::Relaxed);
        say(&format!("{} of {path:?}; stops by processor time:", scraper.join().unwrap_or(0)));
        answers.iter().filter(|answer| !answer.is_empty()).for_each(|answer| say(&format!("  {answer}")));
    }
    running.stop()
}

/// The processor time of this thread: what the machine does for others stops a shard too, and is not our doing.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours and has the form the kernel fills.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn say(line: &str) {
    // Standard output that is closed leaves nobody to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn get(address: SocketAddr, path: &str) -> usize {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    exchange(address, &request).map_or(0, |text| text.len())
}

fn call(address: SocketAddr, tool: &str) -> String {
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#);
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, \
                text/event-stream\r\nConnection: close\r\nMCP-Protocol-Version: 2025-06-18\r\n";
    let answer = exchange(address, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).unwrap_or_default();
    let text = answer.split("\"text\":\"").nth(1).and_then(|rest| rest.split('"').next());
    text.map_or(answer.clone(), str::to_owned)
}
