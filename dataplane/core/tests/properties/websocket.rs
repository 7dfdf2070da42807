//! Bytes to messages: however frames are fragmented and bytes are cut, they read the same, and what is written reads back.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use ringway_core::websocket::frame::{self, Opcode};
use ringway_core::websocket::{Link, Step};
use ringway_policy::Limits;

use crate::framing::cut;

/// What a connection made of its bytes: the messages, and all that it sent.
#[derive(Debug, PartialEq)]
struct Seen {
    messages: Vec<String>,
    sent: Vec<u8>,
    over: bool,
}

fn limits() -> Limits {
    Limits { body_bytes_max: 4096, ..Limits::default() }
}

/// Feeds `pieces` one after the other, some of them in lent buffers.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let limits = limits();
    let mut link = Link::new(Duration::ZERO);
    let mut seen = Seen { messages: Vec::new(), sent: Vec::new(), over: false };
    for piece in pieces {
        let reader = link.reader();
        if reader.is_empty() && piece.len() % 2 == 1 {
            let mut room = reader.give_back().unwrap_or_default();
            room.resize(room.len().max(piece.len()), 0);
            room[..piece.len()].copy_from_slice(piece);
            reader.lend(room, piece.len());
        } else {
            reader.feed(piece);
        }
        link.handle_bytes(Duration::ZERO);
        loop {
            match link.step(&limits) {
                Step::NeedMore => break,
                Step::Message => {
                    let text = std::str::from_utf8(link.message()).expect("text was checked");
                    seen.messages.push(text.to_owned());
                    link.consume();
                }
                Step::Over => {
                    seen.over = true;
                    break;
                }
            }
        }
        link.poll_output(&mut seen.sent);
    }
    seen
}

/// A frame as a client sends it, with any first byte.
fn client_frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write_head(&mut bytes, Opcode::Text, payload.len(), Some(mask));
    bytes[0] = first;
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    frame::apply_mask(&mut bytes[start..], mask, 0);
    bytes
}

/// A message in fragments, with pings between them.
fn good_message() -> impl Strategy<Value = (Vec<u8>, String, Vec<u8>)> {
    let text = prop_oneof!["\\PC{0,60}", "[a-z]{100,400}", "[é日🎉]{0,300}"];
    (text, vec(any::<Index>(), 0..6), any::<[u8; 4]>(), vec(any::<u8>(), 0..20), any::<bool>()).prop_map(
        |(text, cuts, mask, payload, pings)| {
            let fragments = cut(text.as_bytes(), &cuts);
            let (mut bytes, mut pongs) = (Vec::new(), Vec::new());
            for (place, fragment) in fragments.iter().enumerate() {
                let is_last = place + 1 == fragments.len();
                let first = if is_last { 0x80 } else { 0 } | u8::from(place == 0);
                bytes.extend(client_frame(first, mask, fragment));
                if pings {
                    bytes.extend(client_frame(0x89, mask, &payload));
                    frame::write_head(&mut pongs, Opcode::Pong, payload.len(), None);
                    pongs.extend_from_slice(&payload);
                }
            }
            (bytes, text, pongs)
        },
    )
}

/// Frames of all sorts, good and bad, whole and not.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        4 => prop::sample::select(vec![0x81u8, 0x01, 0x00, 0x80, 0x89, 0x8a]),
        1 => prop::sample::select(vec![0x82u8, 0x88, 0x09, 0xc1, 0x83]),
    ];
    let payload = prop_oneof![3 => "[a-zé日]{0,50}".prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..200)];
    let frame =
        (first, any::<[u8; 4]>(), payload).prop_map(|(first, mask, payload)| client_frame(first, mask, &payload));
    let junk = vec(any::<u8>(), 0..16);
    vec(prop_oneof![12 => frame, 1 => junk], 0..20).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn good_messages_read_the_same_however_they_are_cut(
        parts in vec(good_message(), 0..6),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let (mut bytes, mut want) = (Vec::new(), Seen { messages: Vec::new(), sent: Vec::new(), over: false });
        for (part, text, pongs) in parts {
            bytes.extend(part);
            want.messages.push(text);
            want.sent.extend(pongs);
        }
        prop_assert_eq!(read(cut(&bytes, &cuts)), want);
    }

    #[test]
    fn bad_frames_end_the_connection_the_same_however_they_are_cut(
        bytes in garbage(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let whole = read([&bytes[..]]);
        prop_assert_eq!(&read(cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&read(bytes.chunks(1)), &whole);
    }

    #[test]
    fn what_is_sent_reads_back(texts in vec("\\PC{0,200}", 0..5), long in 60_000usize..70_000) {
        let link = Link::new(Duration::ZERO);
        let long = "x".repeat(long);
        let texts: Vec<&str> = texts.iter().map(String::as_str).chain([&*long]).collect();
        let mut sent = Vec::new();
        texts.iter().for_each(|text| link.write_message(text.as_bytes(), &mut sent));
        // A server's frames are a client's without the mask.
        let mut rest = &sent[..];
        for text in texts {
            let mut head = Vec::new();
            frame::write_head(&mut head, Opcode::Text, text.len(), None);
            prop_assert_eq!(rest.get(..head.len()), Some(&head[..]));
            rest = &rest[head.len()..];
            prop_assert_eq!(rest.get(..text.len()), Some(text.as_bytes()));
            rest = &rest[text.len()..];
        }
        prop_assert!(rest.is_empty());
    }
}
