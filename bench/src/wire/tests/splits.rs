//! Goal: where the kernel cuts the bytes never shows. Method: answers of every framing, several on one connection, cut
//! anywhere; what comes out is what comes out of whole answers.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::script;
use crate::wire::frame::bare;
use crate::wire::response::Malformed;
use crate::wire::script::Inbox;

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    status: u16,
    body: Vec<u8>,
    event_count: u32,
    closes: bool,
    session: Option<Vec<u8>>,
}

/// Hands the pieces of one answer to an inbox, which has to wait for the last of them.
fn take(inbox: &mut Inbox, pieces: &[&[u8]]) -> Result<Seen, Malformed> {
    let (last, first) = pieces.split_last().expect("a piece");
    for piece in first {
        assert_eq!(inbox.handle_bytes(piece)?, None, "{:?}", String::from_utf8_lossy(piece));
    }
    let answer = inbox.handle_bytes(last)?.expect("the answer is whole");
    Ok(Seen {
        status: answer.status,
        body: answer.body.to_vec(),
        event_count: answer.event_count,
        closes: answer.closes,
        session: answer.header("Mcp-Session-Id").map(<[u8]>::to_vec),
    })
}

/// No piece is empty: a read of nothing is the end of a connection.
fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len().max(1))).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.dedup();
    places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

fn inbox(face: &str) -> Inbox {
    let operation = if face == "http" { "get" } else { "call" };
    script(&format!("face = '{face}'\n[[mix]]\noperation = '{operation}'")).inbox()
}

const RESULT: &str = r#"{"jsonrpc":"2.0","id":100000000000,"result":{"content":[{"type":"text","text":"a\nb"}]}}"#;
const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;

/// An answer over HTTP as bytes, and what it says.
fn http_answer() -> impl Strategy<Value = (Vec<u8>, Seen)> {
    let body = prop_oneof![Just(RESULT.to_owned()), ".{0,40}", "x{300,3000}"];
    let framing = prop_oneof![Just("counted"), Just("chunked"), Just("events"), Just("counted events"), Just("none")];
    (body, framing, vec(any::<Index>(), 0..5), 0_u32..4, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(body, framing, chunk_cuts, event_count, closes, has_session, has_interim)| {
            let is_stream = framing.contains("events");
            let status = if framing == "none" { 202 } else { 200 };
            let (body, event_count) = match framing {
                "none" => (String::new(), 0),
                _ if is_stream => (RESULT.to_owned(), event_count),
                _ => (body, 0),
            };
            let text = if is_stream {
                let progress = format!("event: message\r\ndata: {PROGRESS}\r\n\r\n").repeat(event_count as usize);
                format!(": hello\n\nid: 1\nretry: 5\ndata:\n\n{progress}data: {body}\n\n")
            } else {
                body.clone()
            };
            let mut head = String::new();
            if has_interim {
                head += "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
            }
            head += &format!("HTTP/1.1 {status} OK\r\nDate: today\r\n");
            head += if closes { "connection: close\r\n" } else { "" };
            head += if has_session { "Mcp-Session-Id: s-1\r\n" } else { "" };
            head += if is_stream { "Content-Type: text/event-stream; charset=utf-8\r\n" } else { "" };
            let bytes = match framing {
                "none" => format!("{head}\r\n").into_bytes(),
                "chunked" | "events" => {
                    head += "Transfer-Encoding: chunked\r\n\r\n";
                    let chunks = cut(text.as_bytes(), &chunk_cuts).into_iter().filter(|chunk| !chunk.is_empty());
                    let chunks =
                        chunks.map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                    [head.into_bytes(), chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
                }
                _ => format!("{head}Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes(),
            };
            let session = has_session.then(|| b"s-1".to_vec());
            (bytes, Seen { status, body: body.into_bytes(), event_count, closes, session })
        },
    )
}

/// An answer over WebSocket: pings and notifications before it, in fragments or not.
fn frames() -> impl Strategy<Value = (Vec<u8>, Seen)> {
    let before = vec(prop_oneof![Just("ping"), Just("pong"), Just("event"), Just("event in fragments")], 0..5);
    let text = prop_oneof!["[a-z]{0,30}", "x{100,200}", "x{66000}"];
    (before, text, vec(any::<Index>(), 0..4)).prop_map(|(before, text, cuts)| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{text}"}}"#);
        let mut bytes = Vec::new();
        for what in &before {
            bytes.extend(match *what {
                "ping" => bare(0x89, b"?"),
                "pong" => bare(0x8a, b""),
                "event" => bare(0x81, PROGRESS.as_bytes()),
                _ => fragments(PROGRESS.as_bytes(), &cuts),
            });
        }
        bytes.extend(fragments(body.as_bytes(), &cuts));
        let event_count = before.iter().filter(|what| what.starts_with("event")).count() as u32;
        (bytes, Seen { status: 200, body: body.into_bytes(), event_count, closes: false, session: None })
    })
}

fn fragments(message: &[u8], cuts: &[Index]) -> Vec<u8> {
    let pieces = cut(message, cuts);
    let last = pieces.len() - 1;
    let mut bytes = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let opcode = u8::from(index == 0);
        bytes.extend(bare(opcode | if index == last { 0x80 } else { 0 }, piece));
        if index < last {
            bytes.extend(bare(0x89, b"between"));
        }
    }
    bytes
}

proptest! {
    #[test]
    fn http_answers_are_the_same_however_they_are_cut(
        answers in vec((http_answer(), vec(any::<Index>(), 0..8)), 1..4),
    ) {
        let mut inbox = inbox("mcp");
        for ((bytes, want), cuts) in &answers {
            prop_assert_eq!(&take(&mut inbox, &[bytes]), &Ok(want.clone()));
            prop_assert_eq!(&take(&mut inbox, &cut(bytes, cuts)), &Ok(want.clone()));
        }
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut(answers in vec((frames(), vec(any::<Index>(), 0..8)), 1..4)) {
        let mut inbox = inbox("web_socket");
        for ((bytes, want), cuts) in &answers {
            prop_assert_eq!(&take(&mut inbox, &[bytes]), &Ok(want.clone()));
            prop_assert_eq!(&take(&mut inbox, &cut(bytes, cuts)), &Ok(want.clone()));
        }
    }

    /// Goal: what comes behind an answer is never taken for a part of it, and never passes.
    #[test]
    fn bytes_behind_an_answer_are_malformed((bytes, _) in http_answer(), cuts in vec(any::<Index>(), 0..3)) {
        let more = [&bytes[..], b"H"].concat();
        let mut inbox = inbox("mcp");
        let (mut malformed, mut answered) = (false, false);
        for piece in cut(&more, &cuts) {
            match inbox.handle_bytes(piece) {
                Err(error) => {
                    prop_assert_eq!(error, Malformed::BytesAfterAnswer);
                    malformed = true;
                    break;
                }
                Ok(answer) => answered |= answer.is_some(),
            }
        }
        // Cut right behind the answer, the byte is the beginning of another one.
        prop_assert!(malformed != answered);
    }

    #[test]
    fn nothing_panics(face in prop_oneof![Just("mcp"), Just("web_socket")], mut bytes in prop_oneof![
        vec(any::<u8>(), 0..200),
        http_answer().prop_map(|answer| answer.0),
        frames().prop_map(|answer| answer.0),
    ], flips in vec((any::<Index>(), any::<u8>()), 0..4), cuts in vec(any::<Index>(), 0..4)) {
        for (at, byte) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut inbox = inbox(face);
        if !bytes.is_empty() {
            for piece in cut(&bytes, &cuts) {
                if inbox.handle_bytes(piece).is_err() {
                    break;
                }
                inbox.poll_output(&mut Vec::new());
            }
        }
    }
}

/// Byte by byte, since a property tries few cuts.
#[test]
fn every_single_byte_may_come_alone() {
    let stream = format!("data: {PROGRESS}\n\ndata: {RESULT}\n\n");
    let chunks = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{stream}\r\n0\r\n\r\n", stream.len());
    let bytes = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{chunks}");
    let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
    let seen = take(&mut inbox("mcp"), &pieces).expect("well-formed");
    assert_eq!((seen.event_count, seen.body), (1, RESULT.as_bytes().to_vec()));
}

/// Goal: the load can time the first event while the result is still to come.
#[test]
fn events_are_counted_as_they_come() {
    let mut inbox = inbox("mcp");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(inbox.handle_bytes(head.as_bytes()), Ok(None));
    for count in 1..=3 {
        let event = format!("data: {PROGRESS}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        assert_eq!(inbox.handle_bytes(chunk.as_bytes()), Ok(None));
        assert_eq!(inbox.event_count(), count);
    }
}

/// Goal: an answer of megabytes in many small reads costs its length, not its square. Method: 4 MB in pieces of 100
/// bytes; looked at anew each time, that would be 80 GB of bytes, minutes of work.
#[test]
fn a_large_answer_in_small_pieces_is_read_once() {
    let message = format!(r#"{{"result":"{}"}}"#, "x".repeat(4 << 20));
    let event = format!("data: {message}\n\n");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let stream = format!("{head}{:x}\r\n{event}\r\n0\r\n\r\n", event.len()).into_bytes();
    let counted = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{message}", message.len()).into_bytes();
    for (face, bytes) in [("mcp", stream), ("mcp", counted), ("web_socket", bare(0x81, message.as_bytes()))] {
        let pieces: Vec<&[u8]> = bytes.chunks(100).collect();
        let began = std::time::Instant::now();
        let seen = take(&mut inbox(face), &pieces).expect("well-formed");
        assert!(seen.body == message.as_bytes());
        assert!(began.elapsed().as_secs() < 10, "{face}: {:?}", began.elapsed());
    }
}

/// Goal: a server that announces an answer for ever fills no memory. Method: interim heads, each of them whole.
#[test]
fn interim_answers_have_a_bound_together() {
    let mut inbox = inbox("mcp");
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
    let endless =
        (0..1000).map(|_| inbox.handle_bytes(&interim).map(|answer| answer.is_some())).find(|it| *it != Ok(false));
    assert_eq!(endless, Some(Err(Malformed::TooLarge)));
}
