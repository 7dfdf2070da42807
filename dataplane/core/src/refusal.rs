//! Every "no" that HTTP framing and admission can say, and the one table that maps each to its answer. Refusals of the
//! MCP layer, which need an id and data, are in `mcp::refusal`.

/// A request that is not served, through its sender's mistake, the operator's rule or a bound that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes could be read in more than one way, or in none (RFC 9112). The text says where the doubt is.
    Framing(&'static str),
    /// A transfer coding other than `chunked`.
    TransferCoding,
    /// An HTTP version other than 1.0 and 1.1.
    HttpVersion,
    /// A method no route here knows.
    MethodUnknown,
    /// The head passes its bound, in bytes or fields.
    HeadTooLarge,
    /// The target passes its bound.
    TargetTooLong,
    /// The body passes its bound.
    BodyTooLarge,
    /// A POST that says nothing about its body's length.
    LengthRequired,
    /// An expectation other than `100-continue`.
    Expectation,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body did not arrive in time, or too slowly.
    BodyTimeout,
    /// `Host` names a server this one does not answer for (DNS rebinding).
    HostNotAllowed,
    /// `Origin` names a page that may not call this server.
    OriginNotAllowed,
    /// The address it comes from may not call.
    AddressNotAllowed,
    /// It shows no credential, and one is asked for.
    Unauthenticated,
    /// The credential it shows is worth nothing here, or there are several.
    BadCredential,
    /// The credential is good, and not for this.
    NotPermitted,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is not `application/json`.
    MediaType,
    /// The body is compressed.
    ContentCoding,
    /// The client accepts no form in which this could be answered.
    NotAcceptable,
    /// `Mcp-Session-Id` appears twice, is not visible ASCII, or is a guess on a modern request.
    SessionIdMalformed,
    /// The path speaks WebSocket, and the request does not ask for it.
    UpgradeRequired,
    /// A version of WebSocket other than 13.
    WebSocketVersion,
    /// A WebSocket handshake that is malformed. The text says where.
    Handshake(&'static str),
    /// The shard holds all the connections it may.
    ConnectionsFull,
    /// The shard has all the requests in flight that it may.
    Overloaded,
    /// The shard holds all the sessions it may, and none is idle.
    SessionsFull,
    /// The server is draining.
    Draining,
}

/// How a refusal is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON-RPC error code of the body.
    pub code: i32,
    /// Value of the `reason` label of the refusal counter.
    pub label: &'static str,
    /// One sentence for whoever reads the answer.
    pub message: &'static str,
    /// Whether the connection ends: always where the next request's first byte is in doubt.
    pub closes: bool,
}

impl Refusal {
    /// The one table of answers.
    pub fn answer(self) -> Answer {
        use Refusal::*;
        let row = |status, code, label, message, closes| Answer { status, code, label, message, closes };
        match self {
            Framing(what) => row(400, -32600, "framing", what, true),
            TransferCoding => row(501, -32600, "transfer_coding", "Transfer-Encoding: only chunked is served", true),
            HttpVersion => row(505, -32600, "http_version", "HTTP/1.1 is served here", true),
            MethodUnknown => row(501, -32600, "method_unknown", "Unknown HTTP method", true),
            HeadTooLarge => row(431, -32600, "head_too_large", "The request head is too large", true),
            TargetTooLong => row(414, -32600, "target_too_long", "The request target is too long", true),
            BodyTooLarge => row(413, -32600, "body_too_large", "The request body is too large", true),
            LengthRequired => row(411, -32600, "length_required", "POST needs Content-Length or chunked coding", true),
            Expectation => row(417, -32600, "expectation", "Expect: only 100-continue is served", true),
            HeadTimeout => row(408, -32600, "head_timeout", "The request head did not arrive in time", true),
            BodyTimeout => row(408, -32600, "body_timeout", "The request body did not arrive in time", true),
            HostNotAllowed => row(403, -32600, "host", "Host is not one this server answers for (--allow-host)", false),
            OriginNotAllowed => row(403, -32600, "origin", "Origin may not call this server (--allow-origin)", false),
            AddressNotAllowed => row(403, -32600, "address", "This address may not call this server", false),
            Unauthenticated => {
                row(401, -32600, "unauthenticated", "A bearer token or an API key is needed here", false)
            }
            BadCredential => row(401, -32600, "credential", "The token or key is not valid here", false),
            NotPermitted => row(403, -32600, "permission", "The token or key does not allow this", false),
            NotFound => row(404, -32601, "not_found", "No such path", false),
            MethodNotAllowed => row(405, -32600, "method", "Method not allowed on this path", false),
            MediaType => row(415, -32600, "media_type", "Content-Type must be application/json (UTF-8)", false),
            ContentCoding => row(415, -32600, "content_coding", "Content-Encoding: only identity is served", false),
            NotAcceptable => {
                row(406, -32600, "not_acceptable", "Accept must allow application/json and text/event-stream", false)
            }
            SessionIdMalformed => row(400, -32600, "session_id", "Mcp-Session-Id is not one of this server's", false),
            UpgradeRequired => row(426, -32600, "upgrade_required", "This path speaks WebSocket only", false),
            WebSocketVersion => row(426, -32600, "websocket_version", "Sec-WebSocket-Version must be 13", false),
            // What follows could be frames.
            Handshake(what) => row(400, -32600, "handshake", what, true),
            ConnectionsFull => row(503, -32603, "connections_full", "Too many connections; try again soon", true),
            Overloaded => row(503, -32603, "overloaded", "Too many requests in flight; try again soon", false),
            SessionsFull => row(503, -32603, "sessions_full", "Too many sessions; try again soon", false),
            Draining => row(503, -32603, "draining", "The server is shutting down", true),
        }
    }

    /// Seconds for `Retry-After`, on the refusals that pass by themselves.
    pub fn retry_after_seconds(self) -> Option<u32> {
        matches!(self, Refusal::ConnectionsFull | Refusal::Overloaded | Refusal::SessionsFull | Refusal::Draining)
            .then_some(1)
    }
}
