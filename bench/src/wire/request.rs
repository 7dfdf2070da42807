//! One HTTP/1.1 request as text: parts in, wire bytes out. Never opens a socket and never judges an answer.

use crate::wire::stamp::{Digits, Stamped};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST /mcp HTTP/1.1`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request's bytes, but for what one connection adds to its head.
#[derive(Clone, Debug)]
pub struct Template {
    before: Stamped,
    after: Stamped,
}

impl Request {
    pub fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: headers.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            body: body.into(),
        }
    }

    /// Reads a request as people write it in a file: line ends may be LF or CRLF; `Host` and `Content-Length` may be
    /// left out, since `render` fills them in.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let (head, body) = split_head(file).ok_or("no empty line after the head")?;
        let head = std::str::from_utf8(head).map_err(|_| "the head is not UTF-8")?;
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        if line.split(' ').count() != 3 || !line.ends_with(" HTTP/1.1") {
            return Err(format!("the first line is not `METHOD target HTTP/1.1`: {line:?}"));
        }
        let headers = lines.map(parse_header).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { line, headers, body: body.into() })
    }

    /// A header of the user's takes the place of one of ours by that name.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(present, _)| present.eq_ignore_ascii_case(name))
    }

    /// The bytes for the wire.
    pub fn render(&self, host: &str) -> Template {
        let mut head = format!("{}\r\n", self.line);
        if !self.has_header("host") {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let is_framed = self.has_header("content-length") || self.has_header("transfer-encoding");
        // A POST without a body says so: some servers wait for one otherwise.
        if !is_framed && (!self.body.is_empty() || self.line.starts_with("POST ")) {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        Template { before: Stamped::new(head.into()), after: Stamped::new([b"\r\n", &self.body[..]].concat()) }
    }
}

impl Template {
    /// `lines`: headers of the connection's own, each with its line end.
    pub fn append(&self, digits: Digits, lines: &[u8], out: &mut Vec<u8>) {
        self.before.append(digits, out);
        out.extend_from_slice(lines);
        self.after.append(digits, out);
    }
}

/// `Name: value`.
fn parse_header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon in header {line:?}"))?;
    Ok((name.trim().into(), value.trim().into()))
}

fn split_head(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = memchr::memmem::find(file, b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = memchr::memmem::find(file, b"\n\n").map(|at| (at, at + 2));
    let (head_end, body_start) = [crlf, lf].into_iter().flatten().min()?;
    Some((&file[..head_end], &file[body_start..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::COUNTER_FIRST;

    #[track_caller]
    fn check(file: &str, lines: &str, want: &str) {
        let mut out = Vec::new();
        let template = Request::parse(file.as_bytes()).expect("a request").render("h:1");
        template.append(Digits::of(COUNTER_FIRST + 3), lines.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn a_file_with_bare_line_feeds_goes_out_complete() {
        check(
            "POST /mcp HTTP/1.1\nAccept: a/b\n\n{\"a\":\n\n{{_counter}}}",
            "",
            "POST /mcp HTTP/1.1\r\nHost: h:1\r\nAccept: a/b\r\nContent-Length: 20\r\n\r\n{\"a\":\n\n100000000003}",
        );
        check("POST / HTTP/1.1\n\n", "A: b\r\n", "POST / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\nA: b\r\n\r\n");
        check("GET /{{_counter}} HTTP/1.1\n\n", "", "GET /100000000003 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    }

    #[test]
    fn what_the_file_says_is_not_overruled() {
        let file = "GET / HTTP/1.1\r\nHOST: other\r\ncontent-length: 0\r\n\r\n";
        check(file, "", file);
        let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        check(chunked, "", chunked);
    }

    #[test]
    fn a_header_is_there_once() {
        let request = Request::new("GET", "/", &[("Accept", "*/*"), ("A", "b")], "").with_header("accept", "text/html");
        assert_eq!(request.headers, [("A".into(), "b".into()), ("accept".into(), "text/html".into())]);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for file in [&b"POST /mcp HTTP/1.1\n"[..], b"hello\n\n", b"GET / HTTP/1.1\nno colon\n\n"] {
            assert!(Request::parse(file).is_err(), "{}", String::from_utf8_lossy(file));
        }
    }
}
