//! A request head, read once and strictly: one way to frame the body, known fields located, everything else ignored.
//! It never decides what a field means to MCP.

use std::mem::MaybeUninit;

use super::{Span, media};
use crate::refusal::Refusal;
use ringway_policy::Limits;

/// Header fields a request may have at the very most; [`Limits::head_fields_max`] sets fewer. More are answered 431.
pub const FIELDS_MAX: usize = 256;
/// Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one).
const LEADING_CRLF_MAX: usize = 2;

/// The methods that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `POST`
    Post,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// A registered method that no route here serves.
    Other,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// One field's place and how often it occurred. Only the first occurrence is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field {
    span: Span,
    /// Occurrences; 0 means absent.
    pub count: u8,
}

impl Field {
    fn add(&mut self, span: Span) {
        if self.count == 0 {
            self.span = span;
        }
        self.count = self.count.saturating_add(1);
    }

    /// The first value, if there is one.
    pub fn bytes(self, request: &[u8]) -> Option<&[u8]> {
        (self.count > 0).then(|| self.span.of_bytes(request))
    }

    /// The first value as text, if it is there and is UTF-8.
    pub fn text(self, request: &[u8]) -> Option<&str> {
        std::str::from_utf8(self.bytes(request)?).ok()
    }
}

/// What a request head says. Spans are relative to the request's first byte.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path, without query.
    pub path: Span,
    /// The query, without `?`; empty when there is none.
    pub query: Span,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
    /// Whether the client knows the chunked coding: HTTP/1.0 does not.
    pub knows_chunks: bool,
    /// How the body is framed.
    pub framing: Framing,
    /// Whether the head says how the body is framed. Without that there is none (RFC 9112 section 6.3).
    pub says_length: bool,
    /// Whether the client waits for `100 Continue`.
    pub expects_continue: bool,
    /// What `Accept` allows.
    pub accept: media::Accept,
    /// Whether the body is JSON in UTF-8.
    pub json_body: bool,
    /// Whether the body has a content coding.
    pub content_coded: bool,
    /// `Host`.
    pub host: Field,
    /// `Origin`.
    pub origin: Field,
    /// `Authorization`: a secret, which is never logged and never passed on.
    pub authorization: Field,
    /// `X-API-Key`: a secret likewise.
    pub api_key: Field,
    /// `MCP-Protocol-Version`.
    pub mcp_version: Field,
    /// `Mcp-Method`.
    pub mcp_method: Field,
    /// `Mcp-Name`.
    pub mcp_name: Field,
    /// `Mcp-Session-Id`.
    pub session_id: Field,
    /// `Last-Event-ID`.
    pub last_event_id: Field,
    /// `If-None-Match`.
    pub if_none_match: Field,
    /// `X-Request-Id`.
    pub request_id: Field,
    /// `X-Correlation-Id`.
    pub correlation_id: Field,
    /// `traceparent` (W3C Trace Context).
    pub trace_parent: Field,
    /// Whether the client asks to go on in the WebSocket protocol: `Connection: upgrade` and `Upgrade: websocket`.
    pub upgrades: bool,
    /// `Sec-WebSocket-Key`.
    pub websocket_key: Field,
    /// `Sec-WebSocket-Version`.
    pub websocket_version: Field,
    /// Whether `Sec-WebSocket-Protocol` offers `mcp`, in any of its fields.
    pub offers_mcp: bool,
    /// Whether there is `Access-Control-Request-Method`, which makes an OPTIONS a preflight.
    pub is_preflight: bool,
    /// `Mcp-Param-*`: the name's part behind the prefix, and the value.
    pub mcp_params: Vec<(Span, Span)>,
    /// Bytes from the request's first byte to the body's first.
    pub head_bytes: usize,
}

/// The values of all fields of that name, in their order, of a head that was read. For what few requests are asked for: it
/// looks at every line again.
pub fn lines<'b>(bytes: &'b [u8], head: &Head, name: &str) -> Vec<&'b [u8]> {
    let text = &bytes[..head.head_bytes.min(bytes.len())];
    let fields = text.split(|&byte| byte == b'\n').filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        line[..colon].eq_ignore_ascii_case(name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
    });
    fields.collect()
}

/// Reads a head from the start of `bytes`. `Ok(None)` means that more bytes are needed.
///
/// # Errors
/// A [`Refusal`] as soon as no continuation could make the head good.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<Head>, Refusal> {
    let skipped = leading_empty_lines(bytes)?;
    let rest = &bytes[skipped..];
    if rest.is_empty() {
        return Ok(None);
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let status = httparse::ParserConfig::default()
        .parse_request_with_uninit_headers(&mut request, rest, &mut fields)
        .map_err(refuse)?;
    let httparse::Status::Complete(length) = status else {
        refuse_bare_line_ends(rest)?;
        return still_within(rest, limits).map(|()| None);
    };
    refuse_bare_line_ends(&rest[..length])?;
    if length > limits.head_bytes_max || request.headers.len() > limits.head_fields_max {
        return Err(Refusal::HeadTooLarge);
    }
    read(bytes, &request, skipped + length, limits).map(Some)
}

fn refuse(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::HeadTooLarge,
        httparse::Error::Version => Refusal::HttpVersion,
        httparse::Error::HeaderName => Refusal::Framing("A header name has a character that is not allowed"),
        httparse::Error::HeaderValue => Refusal::Framing("A header value has a character that is not allowed"),
        httparse::Error::NewLine => Refusal::Framing("A line must end in CR LF"),
        _ => Refusal::Framing("The request line cannot be read"),
    }
}

fn leading_empty_lines(bytes: &[u8]) -> Result<usize, Refusal> {
    let mut skipped = 0;
    while let Some(b"\r\n") = bytes.get(skipped..skipped + 2) {
        skipped += 2;
        if skipped > 2 * LEADING_CRLF_MAX {
            return Err(Refusal::Framing("Too many empty lines before the request line"));
        }
    }
    match &bytes[skipped..] {
        [b'\r'] => Ok(bytes.len()),
        [b'\r' | b'\n', ..] => Err(Refusal::Framing("A line must end in CR LF")),
        _ => Ok(skipped),
    }
}

/// httparse takes a bare LF as a line end; RFC 9112 section 2.2 lets us decline, since peers differ about it.
fn refuse_bare_line_ends(head: &[u8]) -> Result<(), Refusal> {
    for at in memchr::memchr_iter(b'\n', head) {
        if at == 0 || head[at - 1] != b'\r' {
            return Err(Refusal::Framing("A line must end in CR LF"));
        }
    }
    Ok(())
}

fn still_within(partial: &[u8], limits: &Limits) -> Result<(), Refusal> {
    const METHOD_BYTES_MAX: usize = 32;
    if partial.len() > limits.target_bytes_max + METHOD_BYTES_MAX {
        let line = memchr::memchr(b'\r', partial).unwrap_or(partial.len());
        if line > limits.target_bytes_max + METHOD_BYTES_MAX {
            return Err(Refusal::TargetTooLong);
        }
    }
    if partial.len() > limits.head_bytes_max { Err(Refusal::HeadTooLarge) } else { Ok(()) }
}

fn read(
    bytes: &[u8],
    request: &httparse::Request<'_, '_>,
    head_bytes: usize,
    limits: &Limits,
) -> Result<Head, Refusal> {
    const BAD_TARGET: Refusal = Refusal::Framing("The request target cannot be read");
    let http_1_1 = request.version == Some(1);
    let target = request.path.ok_or(BAD_TARGET)?;
    if target.len() > limits.target_bytes_max {
        return Err(Refusal::TargetTooLong);
    }
    let span = |part: &[u8]| Span::of(part, bytes).ok_or(BAD_TARGET);
    let mut head = Head {
        method: method(request.method.unwrap_or_default())?,
        path: Span::default(),
        query: Span::default(),
        keep_alive: http_1_1,
        knows_chunks: http_1_1,
        framing: Framing::Length(0),
        says_length: false,
        expects_continue: false,
        accept: media::Accept::default(),
        json_body: false,
        content_coded: false,
        host: Field::default(),
        origin: Field::default(),
        authorization: Field::default(),
        api_key: Field::default(),
        mcp_version: Field::default(),
        mcp_method: Field::default(),
        mcp_name: Field::default(),
        session_id: Field::default(),
        last_event_id: Field::default(),
        if_none_match: Field::default(),
        request_id: Field::default(),
        correlation_id: Field::default(),
        trace_parent: Field::default(),
        upgrades: false,
        websocket_key: Field::default(),
        websocket_version: Field::default(),
        offers_mcp: false,
        is_preflight: false,
        mcp_params: Vec::new(),
        head_bytes,
    };
    let mut length: Option<u64> = None;
    let mut transfer_codings = 0;
    let mut content_types = 0;
    let (mut upgrade_to_websocket, mut connection_upgrade) = (false, false);
    for field in request.headers.iter() {
        let (name, value) = (field.name.as_bytes(), field.value);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            4 if is("host") => head.host.add(span(value)?),
            6 if is("accept") => head.accept.add(value),
            6 if is("origin") => head.origin.add(span(value)?),
            6 if is("expect") => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::Expectation);
                }
                head.expects_continue = http_1_1;
            }
            8 if is("mcp-name") => head.mcp_name.add(span(value)?),
            7 if is("upgrade") => upgrade_to_websocket |= lists_token(value, b"websocket"),
            9 if is("x-api-key") => head.api_key.add(span(value)?),
            10 if is("connection") => {
                head.keep_alive &= !lists_token(value, b"close");
                connection_upgrade |= lists_token(value, b"upgrade");
            }
            10 if is("mcp-method") => head.mcp_method.add(span(value)?),
            11 if is("traceparent") => head.trace_parent.add(span(value)?),
            12 if is("x-request-id") => head.request_id.add(span(value)?),
            12 if is("content-type") => {
                content_types += 1;
                head.json_body = content_types == 1 && media::is_json(value);
            }
            13 if is("authorization") => head.authorization.add(span(value)?),
            13 if is("if-none-match") => head.if_none_match.add(span(value)?),
            13 if is("last-event-id") => head.last_event_id.add(span(value)?),
            14 if is("content-length") => {
                let former = length.replace(content_length(value)?);
                if former.is_some() {
                    return Err(Refusal::Framing("Content-Length appears twice"));
                }
            }
            14 if is("mcp-session-id") => head.session_id.add(span(value)?),
            16 if is("content-encoding") => head.content_coded |= !value.eq_ignore_ascii_case(b"identity"),
            16 if is("x-correlation-id") => head.correlation_id.add(span(value)?),
            17 if is("sec-websocket-key") => head.websocket_key.add(span(value)?),
            17 if is("transfer-encoding") => {
                transfer_codings += 1;
                if transfer_codings > 1 {
                    return Err(Refusal::Framing("Transfer-Encoding appears twice"));
                }
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::TransferCoding);
                }
            }
            20 if is("mcp-protocol-version") => head.mcp_version.add(span(value)?),
            21 if is("sec-websocket-version") => head.websocket_version.add(span(value)?),
            22 if is("sec-websocket-protocol") => {
                // These names are compared as they are (RFC 6455 section 4.1).
                head.offers_mcp |= value.split(|&byte| byte == b',').any(|offer| offer.trim_ascii() == b"mcp");
            }
            29 if is("access-control-request-method") => head.is_preflight = true,
            11.. if name[..10].eq_ignore_ascii_case(b"mcp-param-") => {
                head.mcp_params.push((span(&name[10..])?, span(value)?));
            }
            _ => {}
        }
    }
    head.framing = match (transfer_codings > 0, length) {
        (true, Some(_)) => {
            return Err(Refusal::Framing("Content-Length and Transfer-Encoding exclude each other"));
        }
        (true, None) if !http_1_1 => {
            return Err(Refusal::Framing("HTTP/1.0 has no Transfer-Encoding"));
        }
        (true, None) => Framing::Chunked,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::Length(0),
    };
    head.says_length = transfer_codings > 0 || length.is_some();
    if head.host.count > 1 || (http_1_1 && head.host.count == 0) {
        return Err(Refusal::Framing("HTTP/1.1 needs exactly one Host"));
    }
    head.upgrades = http_1_1 && upgrade_to_websocket && connection_upgrade;
    let (path, query) = path(target, &head, bytes)?;
    head.path = span(path.as_bytes())?;
    if !query.is_empty() {
        head.query = span(query.as_bytes())?;
    }
    Ok(head)
}

/// RFC 9112 section 3.2: origin-form, absolute-form for our own host, or `*` for OPTIONS. Path and query.
fn path<'t>(target: &'t str, head: &Head, bytes: &[u8]) -> Result<(&'t str, &'t str), Refusal> {
    let local = if target.starts_with('/') || (target == "*" && head.method == Method::Options) {
        target
    } else {
        let scheme_end = if target.get(..7).is_some_and(|s| s.eq_ignore_ascii_case("http://")) {
            7
        } else if target.get(..8).is_some_and(|s| s.eq_ignore_ascii_case("https://")) {
            8
        } else {
            return Err(Refusal::Framing("The request target must be a path"));
        };
        let rest = &target[scheme_end..];
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let host = head.host.text(bytes).unwrap_or_default();
        if !rest[..authority_end].eq_ignore_ascii_case(host) {
            return Err(Refusal::Framing("The request target names another host than Host"));
        }
        let path = &rest[authority_end..];
        if path.is_empty() { "/" } else { path }
    };
    // A literal that is not inside the request has no span; `/` for an empty absolute path is found in the scheme.
    let local = if std::ptr::eq(local, "/") { &target[5..6] } else { local };
    Ok(local.split_once('?').unwrap_or((local, "")))
}

fn method(name: &str) -> Result<Method, Refusal> {
    Ok(match name {
        "POST" => Method::Post,
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PUT" | "PATCH" | "TRACE" | "QUERY" => Method::Other,
        _ => return Err(Refusal::MethodUnknown),
    })
}

/// RFC 9110 section 8.6: digits only; a sign, a list or an overflow is doubt.
fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    const BAD: Refusal = Refusal::Framing("Content-Length must be one number");
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).ok_or(BAD)
}

fn lists_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, want: Result<Framing, Refusal>) {
        let text = format!("{lines}\r\n\r\n");
        let got = parse(text.as_bytes(), &Limits::default()).map(|head| head.expect("complete").framing);
        assert_eq!(got, want, "{lines:?}");
    }

    #[test]
    fn a_body_is_framed_one_way_or_refused() {
        let framing = |text| Err(Refusal::Framing(text));
        check("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 12", Ok(Framing::Length(12)));
        check("POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cHunked", Ok(Framing::Chunked));
        check("GET / HTTP/1.1\r\nHost: a", Ok(Framing::Length(0)));
        check("POST / HTTP/1.1\r\nHost: a", Ok(Framing::Length(0)));
        check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1", framing("Content-Length must be one number"));
        check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1", framing("Content-Length must be one number"));
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1",
            framing("Content-Length appears twice"),
        );
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            framing("Content-Length and Transfer-Encoding exclude each other"),
        );
        check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", Err(Refusal::TransferCoding));
        check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", framing("HTTP/1.0 has no Transfer-Encoding"));
        check("GET / HTTP/1.1", framing("HTTP/1.1 needs exactly one Host"));
        check("GET / HTTP/1.1\r\nHost: a\r\nX: 1\n2: 3", framing("A line must end in CR LF"));
        check("BREW / HTTP/1.1\r\nHost: a", Err(Refusal::MethodUnknown));
        check("GET / HTTP/1.2\r\nHost: a", Err(Refusal::HttpVersion));
    }

    #[test]
    fn a_target_is_a_path_of_our_own_host() {
        let path_of = |target: &str| {
            let text = format!("GET {target} HTTP/1.1\r\nHost: me:1\r\n\r\n");
            let head = parse(text.as_bytes(), &Limits::default())?.expect("complete");
            Ok::<_, Refusal>(String::from_utf8_lossy(head.path.of_bytes(text.as_bytes())).into_owned())
        };
        assert_eq!(path_of("/mcp?x=1").as_deref(), Ok("/mcp"));
        assert_eq!(path_of("http://me:1/mcp").as_deref(), Ok("/mcp"));
        assert_eq!(path_of("http://me:1").as_deref(), Ok("/"));
        assert!(path_of("http://other/mcp").is_err());
        assert!(path_of("http://a:b@me:1/mcp").is_err());
        assert!(path_of("mcp").is_err());
        assert!(path_of("*").is_err());
    }

    #[test]
    fn a_query_is_what_is_behind_the_first_question_mark() {
        let query_of = |target: &str| {
            let text = format!("GET {target} HTTP/1.1\r\nHost: me:1\r\n\r\n");
            let head = parse(text.as_bytes(), &Limits::default()).expect("good").expect("complete");
            String::from_utf8_lossy(head.query.of_bytes(text.as_bytes())).into_owned()
        };
        assert_eq!(query_of("/messages?sessionId=a&b=?"), "sessionId=a&b=?");
        assert_eq!(query_of("http://me:1?x"), "x");
        assert_eq!(query_of("/mcp"), "");
        assert_eq!(query_of("/mcp?"), "");
    }

    #[test]
    fn an_upgrade_needs_both_fields() {
        let upgrades = |fields: &str| {
            let text = format!("GET /ws HTTP/1.1\r\nHost: me\r\n{fields}\r\n");
            parse(text.as_bytes(), &Limits::default()).expect("good").expect("complete").upgrades
        };
        assert!(upgrades("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"));
        assert!(!upgrades("Connection: Upgrade\r\nUpgrade: h2c\r\n"));
        assert!(!upgrades("Upgrade: websocket\r\n"));
        assert!(!upgrades("Connection: upgrade\r\n"));
    }

    #[test]
    fn a_head_has_bounds() {
        let limits = Limits::default();
        let long_target = format!("GET /{}", "a".repeat(limits.target_bytes_max + 40));
        assert_eq!(parse(long_target.as_bytes(), &limits).err(), Some(Refusal::TargetTooLong));
        let long_head = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(limits.head_bytes_max));
        assert_eq!(parse(long_head.as_bytes(), &limits).err(), Some(Refusal::HeadTooLarge));
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(limits.head_fields_max));
        assert_eq!(parse(many.as_bytes(), &limits).err(), Some(Refusal::HeadTooLarge));
    }
}
