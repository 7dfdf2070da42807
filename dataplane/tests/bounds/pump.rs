//! What a pump of client sockets must survive, whichever it is: few buffers, slow writers and readers, deep pipelines,
//! connections that end with an answer on its way, and places that are used again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::alone;
use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, until};
use crate::common::peer::{META_CAPABILITIES, META_VERSION, Peer, text_of};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};
use crate::faults::descriptors;

/// A call of echo whose answer holds `text` and `id`.
fn call(id: usize, text: &str) -> Vec<u8> {
    let mut params = json!({ "name": "echo", "arguments": { "text": text } });
    params["_meta"] = json!({ META_VERSION: MODERN, META_CAPABILITIES: {} });
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
    let fields = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "echo"),
    ];
    request("POST", "/mcp", &fields, body.to_string().as_bytes())
}

/// Reads the answer to [`call`]; whether it is the right one.
#[track_caller]
fn expect(wire: &mut Wire, id: usize, text: &str) {
    let answer = wire.response().json();
    assert_eq!(answer["id"], id);
    assert!(text_of(&answer["result"]) == text, "the answer to {id} is another's");
}

/// Few bytes for all that is received.
fn with_buffers(bytes: u64) -> Fixture {
    Fixture::with(|options| options.io.receive_bytes = bytes)
}

#[test]
fn few_buffers_serve_many_in_turn() {
    const CLIENTS: usize = 48;
    const CALLS: usize = 40;
    let _alone = alone();
    let fixture = with_buffers(2 * 4096);
    let address = fixture.address;
    let clients: Vec<_> = (0..CLIENTS).map(|client| thread::spawn(move || serve_client(address, client))).collect();
    clients.into_iter().for_each(|client| client.join().expect("every answer was right"));

    fn serve_client(address: SocketAddr, client: usize) {
        let mut wire = Wire::connect(address);
        // Each of another size, and together far more than there are buffers.
        let text = char::from(b'a' + (client % 26) as u8).to_string().repeat(100 + client * 211);
        wire.send((0..CALLS).flat_map(|id| call(id, &text)).collect::<Vec<u8>>());
        for id in 0..CALLS {
            expect(&mut wire, id, &text);
        }
    }
}

#[test]
fn bytes_may_come_one_at_a_time() {
    let _alone = alone();
    let fixture = with_buffers(4096);
    let mut wire = Wire::connect(fixture.address);
    for id in 0..3 {
        for byte in call(id, "slowly") {
            wire.send([byte]);
        }
        expect(&mut wire, id, "slowly");
    }
}

#[test]
fn a_deep_pipeline_is_answered_in_order() {
    const DEPTH: usize = 500;
    let _alone = alone();
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    for _ in 0..4 {
        wire.send((0..DEPTH).flat_map(|id| call(id, "deep")).collect::<Vec<u8>>());
        (0..DEPTH).for_each(|id| expect(&mut wire, id, "deep"));
    }
}

#[test]
fn a_large_message_comes_and_goes_through_few_buffers() {
    let _alone = alone();
    let fixture = with_buffers(4 * 4096);
    let text = "x".repeat(900_000);
    let mut wire = Wire::connect(fixture.address);
    for id in 0..4 {
        wire.send(call(id, &text));
        expect(&mut wire, id, &text);
    }
}

#[test]
fn those_who_do_not_read_hold_up_nobody_else_and_lose_nothing() {
    const SLOW: usize = 3;
    const CALLS: usize = 12_000;
    let _alone = alone();
    let fixture = Fixture::start();
    let text = "s".repeat(2_000);
    let slow: Vec<TcpStream> =
        (0..SLOW).map(|_| TcpStream::connect(fixture.address).expect("the server listens")).collect();
    let write = |stream: &TcpStream| {
        let (mut stream, text) = (stream.try_clone().expect("a socket"), text.clone());
        // It is held back when the server has taken as much as it will.
        thread::spawn(move || (0..CALLS).try_for_each(|id| stream.write_all(&call(id, &text))))
    };
    let writers: Vec<_> = slow.iter().map(write).collect();
    let mut other = Peer::modern(fixture.address);
    let mut serve_other = |count: usize| {
        for number in 0..count {
            let text = number.to_string();
            assert_eq!(text_of(&other.tool("echo", json!({ "text": text }))), text);
        }
    };
    serve_other(200);
    assert!(writers.iter().all(|writer| !writer.is_finished()), "{CALLS} calls fit into no buffer");
    // They take a little at a time, so that many sends begin and block again.
    let mut wires: Vec<Wire> = slow.into_iter().map(Wire::over).collect();
    for id in 0..CALLS {
        wires.iter_mut().for_each(|wire| expect(wire, id, &text));
        if id % 200 == 0 {
            serve_other(5);
        }
    }
    for writer in writers {
        writer.join().expect("no panic").expect("the server takes all of it");
    }
}

#[test]
fn who_ends_with_an_answer_on_its_way_leaves_nothing_and_gets_nothing_of_others() {
    const ROUNDS: usize = 300;
    let _alone = alone();
    let fixture = Fixture::start();
    let before = descriptors();
    for round in 0..ROUNDS {
        // Half of them with a reset; some with a call that is under way.
        let mut one = TcpStream::connect(fixture.address).expect("the server listens");
        if round % 2 == 0 {
            SockRef::from(&one).set_linger(Some(Duration::ZERO)).expect("a time");
        }
        one.write_all(&call(round, "gone")).expect("the server reads");
        drop(one);
        let mut held = Peer::modern(fixture.address);
        let message = held.message("tools/call", json!({ "name": "hold", "arguments": {} }));
        held.send(&message);
        fixture.stage.expect(Beat::Entered);
        drop(held);
        fixture.stage.expect(Beat::Dropped);
        // Its place is used again.
        let mut next = Wire::connect(fixture.address);
        let text = format!("round {round}");
        next.send(call(round, &text));
        expect(&mut next, round, &text);
    }
    until("descriptors are back", || descriptors() <= before);
}

#[test]
fn who_has_sent_its_last_gets_every_answer() {
    const CALLS: usize = 2_000;
    let _alone = alone();
    let fixture = Fixture::start();
    let stream = TcpStream::connect(fixture.address).expect("the server listens");
    let mut sender = stream.try_clone().expect("a socket");
    let writer = thread::spawn(move || {
        (0..CALLS).for_each(|id| sender.write_all(&call(id, &"last".repeat(1000))).expect("the server reads"));
        sender.shutdown(std::net::Shutdown::Write).expect("an open socket");
    });
    // Long after its end was sent, the first is read.
    thread::sleep(Duration::from_millis(200));
    let mut wire = Wire::over(stream);
    (0..CALLS).for_each(|id| expect(&mut wire, id, &"last".repeat(1000)));
    writer.join().expect("all was sent");
    assert!(wire.ends());
}

#[test]
fn a_churn_of_connections_leaves_nothing() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let _alone = alone();
    let fixture = Fixture::start();
    // One of each kind before: what is kept for the next is no leak.
    churn(fixture.address, 9);
    let open = || fixture.status()["connections"].as_u64().expect("a number");
    let (before, open_before) = (descriptors(), open());
    let address = fixture.address;
    let threads: Vec<_> = (0..THREADS).map(|_| thread::spawn(move || churn(address, EACH))).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("every answer was right"));
    until("connections are closed", || open() <= open_before);
    until("descriptors are back", || descriptors() <= before);

    fn churn(address: SocketAddr, count: usize) {
        for id in 0..count {
            let mut stream = TcpStream::connect(address).expect("the server listens");
            let one = call(id, "churn");
            match id % 3 {
                0 => {
                    let mut wire = Wire::over(stream);
                    wire.send(&one);
                    expect(&mut wire, id, "churn");
                }
                1 => {
                    // A reset with the answer on its way.
                    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a time");
                    stream.write_all(&one).expect("the server reads");
                }
                _ => {
                    stream.write_all(&one[..one.len() / 2]).expect("the server reads");
                    stream.shutdown(std::net::Shutdown::Write).expect("an open socket");
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).expect("the server closes");
                    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
                }
            }
        }
    }
}
