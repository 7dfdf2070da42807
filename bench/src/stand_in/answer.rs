//! What the stand-in answers: the same to all, or what an echo tool would. Pure, and knows just enough of HTTP and JSON
//! to find where a request ends, its id and its text.

use memchr::{memchr, memmem};

/// A request larger than this is refused by closing.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// About what an echo of 100 characters makes, with the head it has.
pub const BODY_BYTES: usize = 200;

const BEFORE_ID: &str = r#"{"jsonrpc":"2.0","id":"#;
const BEFORE_TEXT: &str = r#","result":{"resultType":"complete","content":[{"type":"text","text":""#;
const AFTER_TEXT: &str = r#""}]}}"#;
const CONSTANT_ID: &str = "100000000000";

#[derive(Clone, Debug)]
pub enum Answer {
    Constant(Vec<u8>),
    Echo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Answer {
    /// An answer whose body has so many bytes, whatever was asked.
    pub fn constant(body_bytes: usize) -> Result<Self, String> {
        let frame_bytes = BEFORE_ID.len() + CONSTANT_ID.len() + BEFORE_TEXT.len() + AFTER_TEXT.len();
        let text_bytes = body_bytes
            .checked_sub(frame_bytes)
            .ok_or_else(|| format!("--body-bytes: an answer has {frame_bytes} bytes at the least"))?;
        let mut bytes = Vec::new();
        write_answer(CONSTANT_ID.as_bytes(), "x".repeat(text_bytes).as_bytes(), &mut bytes);
        Ok(Self::Constant(bytes))
    }

    pub fn write(&self, request: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Constant(bytes) => out.extend_from_slice(bytes),
            Self::Echo => {
                let id = after(request, b"\"id\":").map_or(&b"null"[..], json_number);
                let text = after(request, b"\"text\":").map_or(&b""[..], json_string);
                write_answer(id, text, out);
            }
        }
    }
}

/// Where the first request in `bytes` ends; `None` until all of it is there.
pub fn request_bytes(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    if bytes.len() > REQUEST_BYTES_MAX {
        return Err(Malformed);
    }
    let Some(head_end) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let mut body_bytes = 0;
    for line in bytes[..head_end].split(|&byte| byte == b'\n') {
        let Some(colon) = memchr(b':', line) else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(line[colon + 1..].trim_ascii()).map_err(|_| Malformed)?;
            body_bytes = value.parse().ok().filter(|&bytes| bytes <= REQUEST_BYTES_MAX).ok_or(Malformed)?;
        } else if line[..colon].eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(Malformed);
        }
    }
    let end = head_end + 4 + body_bytes;
    Ok((end <= bytes.len()).then_some(end))
}

fn write_answer(id: &[u8], text: &[u8], out: &mut Vec<u8>) {
    let body_bytes = BEFORE_ID.len() + id.len() + BEFORE_TEXT.len() + text.len() + AFTER_TEXT.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {body_bytes}\r\n\r\n");
    for part in [head.as_bytes(), BEFORE_ID.as_bytes(), id, BEFORE_TEXT.as_bytes(), text, AFTER_TEXT.as_bytes()] {
        out.extend_from_slice(part);
    }
}

fn after<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memmem::find(bytes, key).map(|at| bytes[at + key.len()..].trim_ascii_start())
}

fn json_number(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| matches!(byte, b',' | b'}')).unwrap_or(bytes.len());
    bytes[..end].trim_ascii_end()
}

/// What stands between the quotes, escapes as they are.
fn json_string(bytes: &[u8]) -> &[u8] {
    let Some(bytes) = bytes.strip_prefix(b"\"") else {
        return b"";
    };
    let mut is_escaped = false;
    let end = bytes.iter().position(|&byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    &bytes[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = concat!(
        "POST /mcp HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 76\r\n\r\n",
        r#"{"jsonrpc":"2.0","id": 42 ,"params":{"arguments":{"text":"a \"word\" \\"}}}"#,
        "\n"
    );

    #[test]
    fn a_request_ends_where_it_says() {
        let bytes = REQUEST.as_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(request_bytes(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(request_bytes(bytes), Ok(Some(bytes.len())));
        assert_eq!(request_bytes(&[bytes, b"POST"].concat()), Ok(Some(bytes.len())));
        assert_eq!(request_bytes(b"GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
        assert_eq!(request_bytes(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), Err(Malformed));
        assert_eq!(request_bytes(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Malformed));
    }

    #[test]
    fn echo_carries_id_and_text() {
        let mut out = Vec::new();
        Answer::Echo.write(REQUEST.as_bytes(), &mut out);
        let out = String::from_utf8(out).unwrap();
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["id"], 42);
        assert_eq!(body["result"]["content"][0]["text"], "a \"word\" \\");
    }

    #[test]
    fn a_constant_answer_has_the_length_asked_for() {
        let mut out = Vec::new();
        Answer::constant(BODY_BYTES).unwrap().write(b"", &mut out);
        let body = &out[memmem::find(&out, b"\r\n\r\n").unwrap() + 4..];
        assert_eq!(body.len(), BODY_BYTES);
        serde_json::from_slice::<serde_json::Value>(body).unwrap();
        assert!(Answer::constant(10).unwrap_err().contains("at the least"));
    }
}
