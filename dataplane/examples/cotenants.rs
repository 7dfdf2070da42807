//! What else lives on a shard while clients keep it busy: tools that wait for a timer of 1 ms, for another thread, and for a
//! task behind a socket pair, and tell how late each was. `bench/cotenants.py` runs it beside loads. It puts no load itself.
//!
//! ```text
//! cargo build --release -p ringway-dataplane --example cotenants
//! target/release/examples/cotenants ring 127.0.0.1:7411 0
//! ```

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::UnixStream;
use ringway_dataplane::{
    Driver, Options, Server, StartError, Tool, ToolDefinition, ToolError, ToolResult, builtin, tool_fn,
};
use serde_json::{Value, json};

/// How long the timer sleeps, and how far apart another thread's wakes are.
const INTERVAL: Duration = Duration::from_millis(1);
/// Bytes of a round trip.
const MESSAGE: [u8; 64] = [7; 64];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = match &words[..] {
        [driver, listen, cpus] => options(driver, listen, cpus),
        _ => Err("usage: cotenants ring|glommio ADDRESS:PORT CPUS".into()),
    };
    match options.map(|options| server().and_then(|server| server.run(options))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(usage) => fail(&usage),
    }
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn options(driver: &str, listen: &str, cpus: &str) -> Result<Options, String> {
    let driver = match driver {
        "ring" => Driver::Ring,
        "glommio" => Driver::Glommio,
        other => return Err(format!("cotenants: {other} is neither ring nor glommio")),
    };
    let listen = listen.parse().map_err(|_| format!("cotenants: {listen} is no address with a port"))?;
    let cpus = cpus.parse().map_err(|_| format!("cotenants: {cpus} is no list of cores like 0-3"))?;
    let mut options = Options { listen, cpus: Some(cpus), ..Options::default() };
    options.io.driver = driver;
    Ok(options)
}

fn server() -> Result<Server, StartError> {
    builtin::add_to(Server::builder("cotenants", env!("CARGO_PKG_VERSION")))
        .tool(measured("timer", "How late a timer of 1 ms is.", timer))
        .tool(measured("wake", "How long a wake by another thread takes.", wake))
        .tool(measured("pair", "How long a round trip to a task behind a socket pair takes.", pair))
        .tool(tool_fn(
            ToolDefinition::new("report", "What the last detached measurement found."),
            |_arguments, _context| async move {
                FOUND
                    .take()
                    .map(|found| ToolResult::text(found.to_string()))
                    .ok_or_else(|| ToolError::failed("nothing has been found yet"))
            },
        ))
        .build()
}

thread_local! {
    /// What a detached measurement of this shard found.
    static FOUND: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// A tool that measures for `seconds`: while its call is under way, or `detached`, in a task that no call waits for.
fn measured<Fut>(name: &str, about: &str, measure: fn(Duration) -> Fut) -> impl Tool
where
    Fut: Future<Output = Vec<Duration>> + 'static,
{
    let definition = ToolDefinition::new(name, about).input(json!({
        "type": "object",
        "properties": {
            "seconds": { "type": "number", "minimum": 0.1, "maximum": 60 },
            "detached": { "type": "boolean" }
        },
        "required": ["seconds"]
    }));
    tool_fn(definition, move |arguments, _context| async move {
        let seconds = arguments.number("seconds")?;
        let measuring = async move { summary(measure(Duration::from_secs_f64(seconds)).await) };
        if arguments.value("detached") != Some(&Value::Bool(true)) {
            return Ok(ToolResult::text(measuring.await.to_string()));
        }
        glommio::spawn_local(async move {
            FOUND.set(Some(measuring.await));
        })
        .detach();
        Ok(ToolResult::text("under way"))
    })
}

async fn timer(time: Duration) -> Vec<Duration> {
    let (began, mut late) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let slept = Instant::now();
        glommio::timer::sleep(INTERVAL).await;
        late.push(slept.elapsed().saturating_sub(INTERVAL));
    }
    late
}

async fn wake(time: Duration) -> Vec<Duration> {
    let (sender, wakes) = async_channel::unbounded();
    let began = Instant::now();
    let waker = std::thread::spawn(move || {
        while began.elapsed() < time && sender.send_blocking(Instant::now()).is_ok() {
            std::thread::sleep(INTERVAL);
        }
    });
    let mut late = Vec::new();
    while let Ok(sent) = wakes.recv().await {
        late.push(sent.elapsed());
    }
    // It has ended: its end of the channel is gone.
    let _ = waker.join();
    late
}

async fn pair(time: Duration) -> Vec<Duration> {
    let Ok((mut near, mut far)) = UnixStream::pair() else { return Vec::new() };
    let echo = glommio::spawn_local(async move {
        let mut message = MESSAGE;
        while far.read_exact(&mut message).await.is_ok() && far.write_all(&message).await.is_ok() {}
    });
    let (began, mut took) = (Instant::now(), Vec::new());
    let mut message = MESSAGE;
    while began.elapsed() < time {
        let asked = Instant::now();
        if near.write_all(&MESSAGE).await.is_err() || near.read_exact(&mut message).await.is_err() {
            break;
        }
        took.push(asked.elapsed());
    }
    drop(near);
    echo.await;
    took
}

/// Microseconds.
fn summary(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map(|time| time.as_secs_f64() * 1e6)
    };
    json!({ "count": times.len(), "p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1.0) })
}
