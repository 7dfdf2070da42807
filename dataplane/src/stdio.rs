//! MCP over standard input and output: one JSON message a line (MCP transports, "stdio"). One process serves one client,
//! in either era and in both at once. Nothing but messages is ever written to standard output.

use std::io::{BufRead, Read, Write};
use std::rc::Rc;

use ringway_core::mcp::RpcError;
use ringway_core::mcp::rpc_error::PARSE;

use crate::context::within;
use crate::duplex::output::Messages;
use crate::duplex::{Duplex, Manner, output};
use crate::shard::{Setup, Shard, Up, sweep};
use crate::stall::Doing;

/// How often it is looked whether the server drains while no line comes.
const LOOK_FOR_DRAIN_EVERY: std::time::Duration = std::time::Duration::from_millis(250);
/// Lines read ahead of the shard.
const LINES_WAITING_MAX: usize = 64;
/// Messages that wait for a client that does not read; then the calls that make them wait.
const MESSAGES_WAITING_MAX: usize = 256;

/// Serves until input ends and everything that was asked is answered, or the drain time is up.
pub async fn run(setup: Setup) {
    let shard = Shard::new(&setup);
    let stalls = Rc::clone(&shard.stalls);
    stalls.watch(Doing::Duplex, serve(shard, setup)).await;
}

async fn serve(shard: Rc<Shard>, setup: Setup) {
    let _up = Up::new(&setup.observatory);
    // Nobody waits for a sweep: input is looked after as it comes.
    let (sweeps, _) = async_channel::bounded(1);
    // Deadlines have no connections here; the rest of a sweep is as in any shard.
    let sweeping = shard.spawn(Doing::Sweep, sweep::run(Rc::clone(&shard), setup.ticks, sweeps));
    let (lines, input) = async_channel::bounded(LINES_WAITING_MAX);
    let (output, messages) = output::pair(MESSAGES_WAITING_MAX);
    let line_bytes_max = shard.limits().body_bytes_max;
    let reader = std::thread::Builder::new().name("stdin".into());
    let writer = std::thread::Builder::new().name("stdout".into());
    let started = reader.spawn(move || read_lines(&lines, line_bytes_max)).is_ok();
    let Ok(writer) = writer.spawn(move || write_lines(&messages)) else {
        return;
    };
    let letters = {
        let (of_task, letters) = (Rc::clone(&shard), setup.letters);
        shard.spawn(Doing::Letters, async move {
            while let Some(letter) = letters.next().await {
                of_task.take(letter);
            }
        })
    };
    // Its own bounds are the shard's, which it has for itself.
    let manner = Manner { calls_max: usize::MAX, waiting_bytes_max: usize::MAX, leaves_slow: false };
    let client = Duplex::new(Rc::clone(&shard), output, manner, None, Rc::clone(&shard.anonymous));
    while started && !shard.draining.get() {
        let Some(read) = within(LOOK_FOR_DRAIN_EVERY, input.recv()).await else { continue };
        let Ok(line) = read else { break };
        let taken = match line {
            Line::Whole(line) => client.read(&line),
            Line::TooLong => client.unreadable(RpcError::new(PARSE, "Parse error: the line is too long")),
        };
        client.answer(taken).await;
    }
    finish(&shard, &client).await;
    letters.cancel().await;
    sweeping.cancel().await;
    drop(client);
    // The writer ends when the last sender is gone, and everything is out then. A blocked client is not waited for.
    let _ = glommio::executor().spawn_blocking(move || writer.join()).await;
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

fn read_lines(lines: &async_channel::Sender<Line>, line_bytes_max: usize) {
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let limit = line_bytes_max as u64 + 1;
        match Read::by_ref(&mut input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut letter = Line::Whole(Vec::new());
        if line.last() != Some(&b'\n') && line.len() > line_bytes_max {
            letter = Line::TooLong;
            if skip_line(&mut input).is_err() {
                return;
            }
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if let Line::Whole(whole) = &mut letter {
            if line.is_empty() {
                continue;
            }
            *whole = line;
        }
        if lines.send_blocking(letter).is_err() {
            return;
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let room = input.fill_buf()?;
        let (used, done) = match room.iter().position(|&byte| byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (room.len(), room.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

fn write_lines(messages: &Messages) {
    let mut output = std::io::stdout().lock();
    while let Some(mut message) = messages.recv_blocking() {
        message.push(b'\n');
        // One write a message: a client never sees half a line from us.
        if output.write_all(&message).and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

/// Waits for the answers that are still due; streams that have no end of their own are ended.
async fn finish(shard: &Shard, client: &Duplex) {
    for (_, listen) in shard.listens.borrow().iter() {
        listen.finish(shard);
    }
    let deadline = shard.now() + shard.limits().drain_time_max;
    while !client.is_done() && shard.now() < deadline {
        glommio::timer::sleep(std::time::Duration::from_millis(2)).await;
    }
    // What is left holds the way out, and the process would outlive its client.
    client.end();
}
