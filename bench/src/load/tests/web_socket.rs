//! WebSockets that end as their protocol wants it, from the server's side.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::load::tests::load;

/// Answers each call, and at each tenth one sends a close frame: behind the answer or in its place, in a packet of its
/// own. Then it waits for the client to go, as a server does that has to hear the client's close first.
fn closing_server(answers_the_tenth: bool) -> SocketAddr {
    server(move |stream| close(stream, answers_the_tenth))
}

fn server(serve: impl Fn(TcpStream) -> Option<()> + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    addr
}

fn upgrade(stream: &mut TcpStream) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    read(stream)?;
    let upgrade = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.write_all([upgrade, accept].concat().as_bytes()).ok()
}

fn close(mut stream: TcpStream, answers_the_tenth: bool) -> Option<()> {
    upgrade(&mut stream)?;
    for _ in 0..9 {
        answer(&mut stream)?;
    }
    if answers_the_tenth {
        answer(&mut stream)?;
    } else {
        read(&mut stream)?;
    }
    stream.write_all(&[0x88, 0x02, 0x03, 0xe9]).ok()?;
    while read(&mut stream).is_some() {}
    Some(())
}

/// To a call of echo with 100 bytes: a masked frame with two bytes of length.
fn answer(stream: &mut TcpStream) -> Option<()> {
    let frame = read(stream)?;
    let (key, masked) = frame.get(4..)?.split_at_checked(4)?;
    let call: Vec<u8> = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    let call: serde_json::Value = serde_json::from_slice(&call).ok()?;
    let (id, text) = (&call["id"], &call["params"]["arguments"]["text"]);
    let message = format!(r#"{{"id":{id},"result":{{"content":[{{"type":"text","text":{text}}}]}}}}"#);
    let length = (message.len() as u16).to_be_bytes();
    stream.write_all(&[&[0x81, 126, length[0], length[1]], message.as_bytes()].concat()).ok()
}

/// One frame, or one head: each comes in one piece.
fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).ok().filter(|&count| count > 0)?;
    bytes.truncate(count);
    Some(bytes)
}

/// Goal: a client to whom the server has said goodbye asks nothing more there, and comes back. Method: a server that
/// never closes its socket; thinking, so that no call is on its way already.
#[test]
fn a_close_between_requests_ends_the_connection() {
    let clients = "connections = 2\nface = \"web_socket\"\nthink = { mean_ms = 5.0 }";
    let measured = load(closing_server(true), "seconds = 1.0, warmup_s = 0.0", clients).unwrap().measured;
    assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
    assert!(measured.answer_count > 40 && measured.connection_count.reconnected >= 4, "{measured:?}");
}

#[test]
fn a_close_in_place_of_an_answer_loses_the_request() {
    let clients = "connections = 2\nface = \"web_socket\"";
    let measured = load(closing_server(false), "seconds = 0.5, warmup_s = 0.0", clients).unwrap().measured;
    assert!(measured.errors.lost > 2, "{:?}", measured.errors);
    assert_eq!(measured.errors.lost, measured.errors.total());
    assert!(measured.answer_count >= 9 * measured.errors.lost, "{measured:?}");
}

/// Goal: an event that comes behind an answer is not the next request's first. Method: a call has none of its own; the
/// client thinks until the late one is there.
#[test]
fn an_event_behind_an_answer_is_not_the_next_request_s() {
    let addr = server(|mut stream| {
        upgrade(&mut stream)?;
        loop {
            answer(&mut stream)?;
            std::thread::sleep(std::time::Duration::from_millis(1));
            stream.write_all(b"\x81\x0e{\"method\":\"a\"}").ok()?;
        }
    });
    let clients = "connections = 1\nface = \"web_socket\"\nthink = { mean_ms = 100.0 }";
    let measured = load(addr, "seconds = 0.8, warmup_s = 0.0", clients).unwrap().measured;
    assert!(measured.answer_count > 1 && measured.errors.total() == 0, "{measured:?}");
    assert_eq!(measured.first_event, None);
}
