//! Frames one HTTP/1.1 answer: is it whole, what is its status, where is its body. Pure: bytes in, answer out.
//!
//! Knows what a keep-alive answer needs (`Content-Length` or chunks) and calls the rest malformed. Never judges whether
//! the answer is the right one; that is `expect`.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// An answer larger than this is a fault of the server under test, not something to buffer.
const ANSWER_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a [u8],
    pub body: Cow<'a, [u8]>,
    /// The server said it closes the connection after this answer.
    pub closes: bool,
}

impl Answer<'_> {
    /// The value of a header, trimmed; the first one where there are several.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        headers(self.head).find(|(present, _)| present.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    NoStatusLine,
    NoBodyLength,
    BadBodyLength,
    BadChunk,
    TooLarge,
    /// We never have two requests in flight on a connection, so a second answer belongs to someone else.
    BytesAfterAnswer,
}

/// Collects the bytes of one connection until they are one whole answer.
#[derive(Debug, Default)]
pub struct Inbox {
    kept: Vec<u8>,
    answered: bool,
}

impl Inbox {
    /// An answer that arrives in one piece is handed out of `bytes` without a copy.
    pub fn handle_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        if self.answered {
            self.kept.clear();
            self.answered = false;
        }
        if self.kept.is_empty() {
            let answer = frame(bytes)?;
            if answer.is_none() {
                self.kept.extend_from_slice(bytes);
            }
            return Ok(answer);
        }
        self.kept.extend_from_slice(bytes);
        let answer = frame(&self.kept)?;
        self.answered = answer.is_some();
        Ok(answer)
    }
}

/// `None` until the answer is whole. Starts over at every call: answers worth measuring come in one or two pieces.
fn frame(bytes: &[u8]) -> Result<Option<Answer<'_>>, Malformed> {
    if bytes.len() > ANSWER_BYTES_MAX {
        return Err(Malformed::TooLarge);
    }
    let Some(head_end) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, after_head) = (&bytes[..head_end + 2], &bytes[head_end + 4..]);
    let status = status(head)?;
    let (length, closes) = framing(head, status)?;
    let (body, rest) = match length {
        BodyLength::Bytes(length) => {
            if after_head.len() < length {
                return Ok(None);
            }
            let (body, rest) = after_head.split_at(length);
            (Cow::Borrowed(body), rest)
        }
        BodyLength::Chunked => match join_chunks(after_head)? {
            Some((body, rest)) => (Cow::Owned(body), rest),
            None => return Ok(None),
        },
    };
    if !rest.is_empty() {
        return Err(Malformed::BytesAfterAnswer);
    }
    Ok(Some(Answer { status, head, body, closes }))
}

fn status(head: &[u8]) -> Result<u16, Malformed> {
    match head {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'1',
            b' ',
            a @ b'2'..=b'5',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            ..,
        ] => Ok(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')),
        _ => Err(Malformed::NoStatusLine),
    }
}

enum BodyLength {
    Bytes(usize),
    Chunked,
}

fn framing(head: &[u8], status: u16) -> Result<(BodyLength, bool), Malformed> {
    let mut length = None;
    let mut chunked = false;
    let mut closes = false;
    for (name, value) in headers(head) {
        // The lengths come first: most headers are told apart without comparing them.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => length = Some(decimal(value)?),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => chunked = value.eq_ignore_ascii_case(b"chunked"),
            10 if name.eq_ignore_ascii_case(b"connection") => closes = value.eq_ignore_ascii_case(b"close"),
            _ => {}
        }
    }
    let length = match (length, chunked) {
        (Some(_), true) => return Err(Malformed::BadBodyLength),
        (None, true) => BodyLength::Chunked,
        (Some(length), false) => BodyLength::Bytes(length),
        (None, false) if status == 204 || status == 304 => BodyLength::Bytes(0),
        (None, false) => return Err(Malformed::NoBodyLength),
    };
    Ok((length, closes))
}

/// The header lines of a head that ends in CRLF; the status line is skipped.
fn headers(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = memchr(b'\n', head).map_or(&[][..], |at| &head[at + 1..]);
    std::iter::from_fn(move || {
        let line_end = memchr(b'\n', rest)?;
        let line = &rest[..line_end];
        rest = &rest[line_end + 1..];
        let colon = memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        Some((&line[..colon], value.trim_ascii()))
    })
}

fn decimal(value: &[u8]) -> Result<usize, Malformed> {
    if value.is_empty() || value.len() > 9 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::BadBodyLength);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

/// The joined chunks, and what follows them.
type Joined<'a> = (Vec<u8>, &'a [u8]);

/// `None` until the last chunk is there.
fn join_chunks(mut rest: &[u8]) -> Result<Option<Joined<'_>>, Malformed> {
    let mut body = Vec::new();
    loop {
        let Some(line_end) = memmem::find(rest, b"\r\n") else {
            return if rest.len() > 64 { Err(Malformed::BadChunk) } else { Ok(None) };
        };
        let size = rest[..line_end].split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.filter(|&size| size <= ANSWER_BYTES_MAX).ok_or(Malformed::BadChunk)?;
        rest = &rest[line_end + 2..];
        if rest.len() < size + 2 {
            return Ok(None);
        }
        if &rest[size..size + 2] != b"\r\n" {
            return Err(Malformed::BadChunk);
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
        if size == 0 {
            return Ok(Some((body, rest)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nX: y\r\nConnection: close\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";
    const EMPTY: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

    /// Goal: where the kernel cuts the bytes never shows. Method: every cut into two, and byte by byte; the inbox is
    /// used twice to see that the first answer leaves nothing behind.
    #[track_caller]
    fn check_any_split(bytes: &[u8], status: u16, body: &[u8]) {
        for cut in 0..=bytes.len() {
            let mut inbox = Inbox::default();
            for _ in 0..2 {
                if cut < bytes.len() {
                    assert_eq!(inbox.handle_bytes(&bytes[..cut]), Ok(None), "cut at {cut}");
                    check_answer(inbox.handle_bytes(&bytes[cut..]), status, body);
                } else {
                    check_answer(inbox.handle_bytes(bytes), status, body);
                }
            }
        }
        let mut inbox = Inbox::default();
        let (last, first) = bytes.split_last().unwrap();
        for byte in first {
            assert_eq!(inbox.handle_bytes(std::slice::from_ref(byte)), Ok(None));
        }
        check_answer(inbox.handle_bytes(std::slice::from_ref(last)), status, body);
    }

    #[track_caller]
    fn check_answer(got: Result<Option<Answer<'_>>, Malformed>, status: u16, body: &[u8]) {
        let answer = got.unwrap().expect("the answer is whole");
        assert_eq!((answer.status, &*answer.body), (status, body));
    }

    #[test]
    fn any_split_frames_the_same() {
        check_any_split(PLAIN, 200, b"hello");
        check_any_split(CHUNKED, 404, b"hello");
        check_any_split(EMPTY, 204, b"");
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let answer = frame(PLAIN).unwrap().unwrap();
        assert!(answer.closes);
        assert_eq!(answer.header("x"), Some(&b"y"[..]));
        assert_eq!(answer.header("absent"), None);
    }

    #[test]
    fn what_cannot_be_framed_is_malformed() {
        #[track_caller]
        fn check(bytes: &[u8], want: Malformed) {
            assert_eq!(frame(bytes), Err(want), "{}", String::from_utf8_lossy(bytes));
        }
        check(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Malformed::NoStatusLine);
        check(b"HTTP/1.1 100 Continue\r\n\r\n", Malformed::NoStatusLine);
        check(b"HTTP/1.1 200 OK\r\n\r\n", Malformed::NoBodyLength);
        check(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Malformed::BadBodyLength);
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::BadBodyLength);
        check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Malformed::BadChunk);
        check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", Malformed::BadChunk);
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1", Malformed::BytesAfterAnswer);
    }
}
