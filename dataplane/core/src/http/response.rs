//! Response heads, written straight behind each other into the connection's output: one contiguous write an answer. It
//! never copies a client's bytes except an origin that was checked.

/// The content of an answer, as far as its head names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No body and no `Content-Type`; `Content-Length: 0`, or none at all for 101, 204 and 304 (RFC 9110 section 8.6).
    Empty,
    /// A body of this type and length.
    Sized(&'static str, usize),
    /// Server-sent events in the chunked coding.
    Events,
    /// Server-sent events that end with the connection, for HTTP/1.0 (RFC 9112 section 6.3).
    EventsToTheEnd,
}

/// JSON, the type of nearly every answer.
pub const JSON: &str = "application/json";
/// Plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Header fields beyond the fixed ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra<'a> {
    /// Names and values, already free of control characters.
    pub fields: &'a [(&'static str, &'a str)],
    /// The checked `Origin` to allow, as CORS wants it.
    pub cors_origin: Option<&'a [u8]>,
    /// The request's name, for `X-Request-Id`: visible ASCII.
    pub request_id: Option<&'a [u8]>,
    /// What came as `X-Correlation-Id`.
    pub correlation_id: Option<&'a str>,
}

/// The current time for `Date` (RFC 9110 section 6.6.1), 29 bytes, renewed by the shell each second.
pub type DateText = [u8; 29];

/// Appends a response head. `close` says that the connection ends behind this answer.
pub fn write_head(out: &mut Vec<u8>, status: u16, content: Content, close: bool, date: &DateText, extra: Extra<'_>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status_line(status).as_bytes());
    out.extend_from_slice(b"\r\nDate: ");
    out.extend_from_slice(date);
    match content {
        Content::Empty if status < 200 || status == 204 || status == 304 => {}
        Content::Empty => out.extend_from_slice(b"\r\nContent-Length: 0"),
        Content::Sized(kind, bytes) => {
            out.extend_from_slice(b"\r\nContent-Type: ");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(b"\r\nContent-Length: ");
            out.extend_from_slice(itoa::Buffer::new().format(bytes).as_bytes());
        }
        Content::Events | Content::EventsToTheEnd => {
            out.extend_from_slice(
                b"\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no",
            );
            if content == Content::Events {
                out.extend_from_slice(b"\r\nTransfer-Encoding: chunked");
            }
        }
    }
    if close {
        out.extend_from_slice(b"\r\nConnection: close");
    }
    if let Some(id) = extra.request_id {
        push_field(out, "X-Request-Id", id);
    }
    if let Some(id) = extra.correlation_id {
        push_field(out, "X-Correlation-Id", id.as_bytes());
    }
    for (name, value) in extra.fields {
        push_field(out, name, value.as_bytes());
    }
    if let Some(origin) = extra.cors_origin {
        out.extend_from_slice(b"\r\nAccess-Control-Allow-Origin: ");
        out.extend_from_slice(origin);
        out.extend_from_slice(
            b"\r\nVary: Origin\r\nAccess-Control-Expose-Headers: Mcp-Session-Id, MCP-Protocol-Version, Retry-After, X-Request-Id, ETag",
        );
    }
    out.extend_from_slice(b"\r\n\r\n");
}

fn push_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    debug_assert!(value.iter().all(|byte| *byte >= b' '));
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
}

/// The fields of an answer to a CORS preflight whose origin was checked. Whatever fields the page wants to send it may:
/// they are checked when they come, and `Mcp-Param-*` has no fixed names.
pub fn preflight_fields(wanted: Option<&[u8]>) -> [(&'static str, &str); 3] {
    let listed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
    let wanted = wanted.filter(|names| names.iter().all(listed)).and_then(|names| std::str::from_utf8(names).ok());
    [
        ("Access-Control-Allow-Methods", "POST, GET, DELETE, OPTIONS"),
        ("Access-Control-Allow-Headers", wanted.unwrap_or("Content-Type, Accept, Authorization")),
        ("Access-Control-Max-Age", "600"),
    ]
}

/// Appends one chunk of the chunked coding; an empty `data` would end the body and is skipped.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        out.push(HEX[data.len() >> (4 * digit) & 15]);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk.
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

fn status_line(status: u16) -> &'static str {
    match status {
        101 => "101 Switching Protocols",
        200 => "200 OK",
        202 => "202 Accepted",
        204 => "204 No Content",
        304 => "304 Not Modified",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Method Not Allowed",
        406 => "406 Not Acceptable",
        408 => "408 Request Timeout",
        409 => "409 Conflict",
        411 => "411 Length Required",
        413 => "413 Content Too Large",
        414 => "414 URI Too Long",
        415 => "415 Unsupported Media Type",
        417 => "417 Expectation Failed",
        422 => "422 Unprocessable Content",
        426 => "426 Upgrade Required",
        429 => "429 Too Many Requests",
        431 => "431 Request Header Fields Too Large",
        501 => "501 Not Implemented",
        503 => "503 Service Unavailable",
        504 => "504 Gateway Timeout",
        505 => "505 HTTP Version Not Supported",
        _ => "500 Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_read_back() {
        let mut out = Vec::new();
        for bytes in [1, 15, 16, 255, 256, 70_000] {
            write_chunk(&mut out, &vec![b'x'; bytes]);
        }
        write_last_chunk(&mut out);
        let filled = out.len();
        let mut chunked = super::super::chunked::Chunked::default();
        let done = chunked.decode(&mut out, 0, 0, filled, 1 << 20).expect("well-formed");
        assert_eq!((done, chunked.decoded_bytes), ((filled, true), 70_543));
    }
}
