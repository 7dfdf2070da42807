//! One HTTP/1.1 request as text: parts in, wire bytes out. Never opens a socket and never judges an answer.

use crate::wire::stamp::Stamped;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST /mcp HTTP/1.1`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
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

    /// The bytes for the wire. `extra` headers come last; they are for what one connection learned (a session id).
    pub fn render(&self, host: &str, extra: &[(String, String)]) -> Stamped {
        let mut head = format!("{}\r\n", self.line);
        if !self.has_header("host") {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in self.headers.iter().chain(extra) {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.has_header("content-length") && !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        Stamped::new([head.as_bytes(), &self.body].concat())
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(present, _)| present.eq_ignore_ascii_case(name))
    }
}

/// `Name: value`, as in a file or after `--header`.
pub fn parse_header(line: &str) -> Result<(String, String), String> {
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

    #[test]
    fn a_file_with_bare_line_feeds_goes_out_complete() {
        let request = Request::parse(b"POST /mcp HTTP/1.1\nAccept: a/b\n\n{\"a\":\n\n1}").unwrap();
        assert_eq!(
            String::from_utf8_lossy(request.render("h:1", &[]).as_bytes()),
            "POST /mcp HTTP/1.1\r\nHost: h:1\r\nAccept: a/b\r\nContent-Length: 9\r\n\r\n{\"a\":\n\n1}"
        );
    }

    #[test]
    fn what_the_file_says_is_not_overruled() {
        let file = b"GET / HTTP/1.1\r\nHOST: other\r\ncontent-length: 0\r\n\r\n";
        let rendered = Request::parse(file).unwrap().render("h:1", &[]);
        assert_eq!(
            String::from_utf8_lossy(rendered.as_bytes()),
            "GET / HTTP/1.1\r\nHOST: other\r\ncontent-length: 0\r\n\r\n"
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for file in [&b"POST /mcp HTTP/1.1\n"[..], b"hello\n\n", b"GET / HTTP/1.1\nno colon\n\n"] {
            assert!(Request::parse(file).is_err(), "{}", String::from_utf8_lossy(file));
        }
    }
}
