//! Bytes to requests: however they are cut, they read the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use ringway_core::http::{Decoder, Step};
use ringway_policy::Limits;

/// What a decoder made of a connection's bytes.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Request { method: String, path: Vec<u8>, body: Vec<u8> },
    Refused(u16),
}

fn limits() -> Limits {
    Limits { body_bytes_max: 8192, ..Limits::default() }
}

/// Feeds `pieces` one after the other.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let limits = limits();
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            let room = decoder.room();
            let count = room.len().min(piece.len());
            room[..count].copy_from_slice(&piece[..count]);
            decoder.filled(count);
            piece = &piece[count..];
            loop {
                match decoder.step(&limits) {
                    Ok(Step::Request) => {
                        let request = decoder.request().expect("a whole request");
                        seen.push(Seen::Request {
                            method: format!("{:?}", request.head.method),
                            path: request.path().to_vec(),
                            body: request.body.to_vec(),
                        });
                        decoder.consume();
                    }
                    Ok(Step::NeedMore | Step::Continue) => break,
                    Err(refusal) => {
                        seen.push(Seen::Refused(refusal.answer().status));
                        return seen;
                    }
                }
            }
        }
    }
    seen
}

pub fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

fn good_request() -> impl Strategy<Value = (Vec<u8>, Seen)> {
    let fields = vec("[A-Za-z-]{1,12}: [ -~]{0,40}", 0..6);
    let body = vec(any::<u8>(), 0..600);
    let path = "/[a-z0-9]{0,12}";
    (path, fields, body, vec(1usize..200, 0..8), any::<bool>()).prop_map(|(path, fields, body, chunks, chunked)| {
        let mut bytes = format!("POST {path}?q=1 HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for field in fields {
            // Names that frame are this test's own business.
            bytes.extend(format!("X-{field}\r\n").into_bytes());
        }
        if chunked {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            let mut rest = &body[..];
            for size in chunks {
                let (data, behind) = rest.split_at(size.min(rest.len()));
                rest = behind;
                if !data.is_empty() {
                    bytes.extend(format!("{:X};x=\"y\"\r\n", data.len()).into_bytes());
                    bytes.extend([data, b"\r\n"].concat());
                }
            }
            if !rest.is_empty() {
                bytes.extend(format!("{:04x}\r\n", rest.len()).into_bytes());
                bytes.extend([rest, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\nX-Trailer: 1\r\n\r\n");
        } else {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
            bytes.extend(&body);
        }
        let seen = Seen::Request { method: "Post".into(), path: path.into_bytes(), body };
        (bytes, seen)
    })
}

/// Parts of heads and bodies, good and bad, in any order.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: &[&str] = &[
        "GET /livez HTTP/1.1\r\n",
        "POST /mcp HTTP/1.1\r\n",
        "GET http://a/x HTTP/1.0\r\n",
        "GET / HTTP/2.0\r\n",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 99999\r\n",
        "Content-Length: 3\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        " folded\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        "ffffffffffffffffff\r\n",
        "\r\n",
        "\n",
        "abc",
        "\0",
    ];
    let parts = vec(prop::sample::select(PARTS), 0..12).prop_map(|parts| parts.concat());
    let noise = vec(any::<u8>(), 0..60);
    // The end of a line makes whoever waits look.
    (parts, noise).prop_map(|(parts, noise)| [parts.as_bytes(), &noise, b"\r\n\r\n\r\n\r\n"].concat())
}

proptest! {
    #[test]
    fn good_requests_read_the_same_however_they_are_cut(
        requests in vec(good_request(), 1..4),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let want: Vec<Seen> = requests.into_iter().map(|(_, seen)| seen).collect();
        prop_assert_eq!(&decode([&bytes[..]]), &want);
        prop_assert_eq!(&decode(cut(&bytes, &cuts)), &want);
        prop_assert_eq!(&decode(bytes.chunks(1)), &want);
    }

    #[test]
    fn bad_requests_read_the_same_however_they_are_cut(
        good in good_request(),
        bytes in garbage(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let bytes = [good.0, bytes].concat();
        let want = decode([&bytes[..]]);
        prop_assert_eq!(&want[0], &good.1);
        prop_assert_eq!(&decode(cut(&bytes, &cuts)), &want);
        prop_assert_eq!(&decode(bytes.chunks(1)), &want);
    }
}
