//! The head of an HTTP/1.1 answer: status, and how its body is told from what follows. Never looks at the body.

use memchr::memchr;

use crate::wire::response::{ANSWER_BYTES_MAX, Malformed};

/// Several times what servers send; Ringway's has some 200 bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub framing: Framing,
    pub is_event_stream: bool,
    pub closes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Counted(usize),
    Chunked,
}

/// A head, its bytes (without the empty line), and what follows it.
pub type Split<'a> = (Head, &'a [u8], &'a [u8]);

/// `None` while it is not whole. Interim answers (100 Continue, 103 Early Hints) before it are passed over.
pub fn read(mut bytes: &[u8]) -> Result<Option<Split<'_>>, Malformed> {
    loop {
        let split = read_one(bytes)?;
        match split {
            // 101 is nothing that a request of ours asks for once a connection is open.
            Some((Head { status: 101, .. }, ..)) => return Err(Malformed::NoStatusLine),
            Some((Head { status: 102..=199 | 100, .. }, _, rest)) => bytes = rest,
            _ => return Ok(split),
        }
    }
}

/// As `read`, of the very next head, interim or not.
pub fn read_one(bytes: &[u8]) -> Result<Option<Split<'_>>, Malformed> {
    let Some(mut at) = memchr(b'\n', bytes).map(|at| at + 1) else {
        // It would be found out later in any case; so a server of another kind is told at once.
        return if bytes.len() > HEAD_BYTES_MAX { Err(Malformed::TooLarge) } else { Ok(None) };
    };
    let status = status(&bytes[..at])?;
    let mut fields = Fields::default();
    loop {
        let Some(line_bytes) = memchr(b'\n', &bytes[at..]) else {
            return if bytes.len() > HEAD_BYTES_MAX { Err(Malformed::TooLarge) } else { Ok(None) };
        };
        let line = &bytes[at..at + line_bytes];
        if let b"\r" | b"" = line {
            let (head, rest) = (&bytes[..at], &bytes[at + line_bytes + 1..]);
            return Ok(Some((fields.end(status)?, head, rest)));
        }
        fields.read(line)?;
        at += line_bytes + 1;
    }
}

/// The value of a header, trimmed; the first one where there are several.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut lines = head.split(|&byte| byte == b'\n').skip(1);
    lines.find_map(|line| value_of(line, name.as_bytes()))
}

/// `HTTP/1.1 200 OK`. HTTP/1.0 closes after each answer, and other statuses do not exist.
fn status(line: &[u8]) -> Result<u16, Malformed> {
    match line.strip_prefix(b"HTTP/1.1 ") {
        Some(&[a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ' | b'\r' | b'\n', ..]) => {
            Ok(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => Err(Malformed::NoStatusLine),
    }
}

/// The headers that matter here.
#[derive(Default)]
struct Fields {
    length: Option<usize>,
    is_chunked: bool,
    is_event_stream: bool,
    closes: bool,
}

impl Fields {
    /// The first letter comes first: most headers are passed over after a look at it.
    fn read(&mut self, line: &[u8]) -> Result<(), Malformed> {
        match line.first() {
            Some(b'C' | b'c') => {
                if let Some(value) = value_of(line, b"content-length") {
                    let is_second = self.length.replace(decimal(value)?).is_some();
                    return if is_second { Err(Malformed::BadBodyLength) } else { Ok(()) };
                } else if let Some(value) = value_of(line, b"content-type") {
                    let media = value.split(|&byte| byte == b';').next().unwrap_or_default();
                    self.is_event_stream = media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
                } else if let Some(value) = value_of(line, b"connection") {
                    let mut options = value.split(|&byte| byte == b',');
                    self.closes = options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
                }
            }
            Some(b'T' | b't') => {
                if let Some(value) = value_of(line, b"transfer-encoding") {
                    let is_second = std::mem::replace(&mut self.is_chunked, true);
                    // Nothing else was asked for.
                    if is_second || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Malformed::BadBodyLength);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self, status: u16) -> Result<Head, Malformed> {
        let framing = match (self.length, self.is_chunked) {
            (Some(_), true) => return Err(Malformed::BadBodyLength),
            // These have no body, whatever their headers say (RFC 9112, 6.3).
            (_, _) if status < 200 || status == 204 || status == 304 => Framing::Counted(0),
            (Some(length), false) if length > ANSWER_BYTES_MAX => return Err(Malformed::TooLarge),
            (Some(length), false) => Framing::Counted(length),
            (None, true) => Framing::Chunked,
            // Accepted, as notifications are: nothing to say, and some servers do not say that either.
            (None, false) if status == 202 => Framing::Counted(0),
            (None, false) => return Err(Malformed::NoBodyLength),
        };
        Ok(Head { status, framing, is_event_stream: self.is_event_stream, closes: self.closes })
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, after) = line.split_at_checked(name.len())?;
    let value = after.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(value: &[u8]) -> Result<usize, Malformed> {
    if value.is_empty() || value.len() > 15 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::BadBodyLength);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, want: Head) {
        let (head, lines, rest) = read(bytes.as_bytes()).expect("well-formed").expect("whole");
        assert_eq!(head, want, "{bytes}");
        assert_eq!(rest, b"rest");
        assert!(lines.ends_with(b"\r\n") && !lines.ends_with(b"\r\n\r\n"));
    }

    const PLAIN: Head = Head { status: 200, framing: Framing::Counted(5), is_event_stream: false, closes: false };

    #[test]
    fn headers_are_found_in_any_case() {
        check("HTTP/1.1 200 OK\r\ncontent-LENGTH:5\r\nX: y\r\n\r\nrest", PLAIN);
        check(
            "HTTP/1.1 200 OK\r\nConnection: Foo, CLOSE\r\nContent-Length: 5 \r\n\r\nrest",
            Head { closes: true, ..PLAIN },
        );
        let stream = Head { framing: Framing::Chunked, is_event_stream: true, ..PLAIN };
        check(
            "HTTP/1.1 200\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-encoding: Chunked\r\n\r\nrest",
            stream,
        );
        let none = Head { framing: Framing::Counted(0), ..PLAIN };
        check("HTTP/1.1 202 Accepted\r\n\r\nrest", Head { status: 202, ..none });
        check("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nrest", Head { status: 204, ..none });
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        check(&format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrest"), PLAIN);
        assert_eq!(read(hints.as_bytes()), Ok(None));
    }

    #[test]
    fn a_header_is_found_by_name() {
        let head = b"HTTP/1.1 200 OK\r\nX: y\r\nMCP-session-id:  s 1\t\r\nX: z\r\n";
        assert_eq!(header(head, "Mcp-Session-Id"), Some(&b"s 1"[..]));
        assert_eq!(header(head, "x"), Some(&b"y"[..]));
        assert_eq!(header(head, "absent"), None);
    }

    #[test]
    fn what_is_no_head_is_malformed() {
        #[track_caller]
        fn check(bytes: &str, want: Malformed) {
            assert_eq!(read(bytes.as_bytes()), Err(want), "{bytes}");
        }
        check("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Malformed::NoStatusLine);
        check("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", Malformed::NoStatusLine);
        check("HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", Malformed::NoStatusLine);
        check("SSH-2.0-OpenSSH\r\n", Malformed::NoStatusLine);
        check("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", Malformed::NoStatusLine);
        check("HTTP/1.1 200 OK\r\n\r\n", Malformed::NoBodyLength);
        check("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Malformed::BadBodyLength);
        check("HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n", Malformed::BadBodyLength);
        check("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Malformed::BadBodyLength);
        check("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::BadBodyLength);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Malformed::BadBodyLength);
        check("HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n", Malformed::TooLarge);
        check(&"x".repeat(HEAD_BYTES_MAX + 1), Malformed::TooLarge);
        check(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_BYTES_MAX)), Malformed::TooLarge);
    }
}
