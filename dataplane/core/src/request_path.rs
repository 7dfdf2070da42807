//! The way of a request, stage by stage: start here. Each stage returns the proof that the next one takes.
//!
//! 1. [`crate::http::Decoder`] cuts the bytes into one request, read one way, or refuses.
//! 2. [`admit`] checks that the caller may speak to this server at all: `Host`, `Origin`.
//! 3. [`crate::identify`] says who it is, from its address and its credential; [`is_open`] names the few paths that
//!    nobody is asked on.
//! 4. [`route`] finds what the path and method mean, and that the body can be read; [`Route::requires`] what for.
//! 5. [`crate::json::JsonParser`] parses the body; [`crate::mcp::message`] says what kind of message it is.
//! 6. [`crate::mcp::era`] chooses the era from the body and holds the headers to it.
//! 7. The shell calls the tool and writes what [`crate::mcp::render`] makes of its result.

use crate::face::{self, Face};
use crate::http::decoder::Request;
use crate::http::head::Method;
use crate::identify::metadata;
use crate::refusal::Refusal;
use ringway_policy::{AllowList, Faces, HostVerdict};

/// A request whose sender may speak to this server.
#[derive(Clone, Copy)]
pub struct Admitted<'b> {
    request: Request<'b>,
}

impl<'b> Admitted<'b> {
    /// The request.
    pub fn request(&self) -> Request<'b> {
        self.request
    }

    /// The checked origin, when the request came from a page.
    pub fn origin(&self) -> Option<&'b [u8]> {
        self.request.head.origin.bytes(self.request.bytes).filter(|origin| !origin.is_empty())
    }
}

listed! {
    /// What a request is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Route {
        /// A JSON-RPC message for the MCP endpoint.
        McpPost,
        /// A legacy client opens or resumes a stream.
        McpGet,
        /// A legacy client ends its session.
        McpDelete,
        /// A client asks for a WebSocket.
        WebSocket,
        /// A client opens the stream of the older HTTP+SSE pair.
        SseStream,
        /// A message for such a stream's client.
        SseMessage,
        /// A request to a way in beside MCP.
        Face(Face),
        /// The process is up.
        Livez,
        /// The process takes new work.
        Readyz,
        /// Health checks as JSON.
        Health,
        /// Prometheus text.
        Metrics,
        /// State as JSON.
        Status,
        /// Why a request was answered as it was.
        Explain,
        /// What OAuth clients need to know (RFC 9728).
        Metadata,
        /// A CORS preflight.
        Preflight,
        /// OPTIONS without CORS: what the path allows.
        Options,
    }
}

/// Who may have a route, where callers are asked who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requires {
    /// Everybody: it says nothing that is not meant for everybody.
    Nothing,
    /// Whoever is known.
    Caller,
    /// Whoever runs the server.
    Operator,
}

impl Route {
    /// Who may have it. Every route says so: one that is added is decided upon here.
    pub fn requires(self) -> Requires {
        match self {
            Route::Livez | Route::Readyz | Route::Metadata | Route::Preflight | Route::Options => Requires::Nothing,
            Route::McpPost
            | Route::McpGet
            | Route::McpDelete
            | Route::WebSocket
            | Route::SseStream
            | Route::SseMessage
            | Route::Face(_) => Requires::Caller,
            Route::Health | Route::Metrics | Route::Status | Route::Explain => Requires::Operator,
        }
    }
}

/// Whether a request is for one of the few things that everybody may have. Of anything else nobody unknown learns even
/// that it is there.
pub fn is_open(request: Request<'_>) -> bool {
    let path = request.path();
    if request.head.method == Method::Options {
        return true;
    }
    path == b"/livez" || path == b"/readyz" || is_metadata(path)
}

fn is_metadata(path: &[u8]) -> bool {
    path == metadata::ROOT_PATH.as_bytes() || path == metadata::MCP_PATH.as_bytes()
}

/// The path of the MCP endpoint.
pub const MCP_PATH: &[u8] = b"/mcp";
/// The methods of [`MCP_PATH`], for `Allow`.
pub const MCP_ALLOW: &str = "POST, GET, DELETE, OPTIONS";
/// The path of the WebSocket.
pub const WEBSOCKET_PATH: &[u8] = b"/ws";
/// The path of the stream of the older HTTP+SSE pair (MCP 2024-11-05).
pub const SSE_PATH: &[u8] = b"/sse";
/// The path of the messages of the older HTTP+SSE pair.
pub const MESSAGES_PATH: &[u8] = b"/messages";

/// Where it is asked why a request was answered as it was; the request's name follows.
pub const EXPLAIN_PATH: &[u8] = b"/explain/";

/// The methods of all other paths, for `Allow`.
pub const READ_ALLOW: &str = "GET, HEAD, OPTIONS";

/// Stage 2: `Host` and `Origin` (MCP transports, "Security Warning").
///
/// # Errors
/// [`Refusal::HostNotAllowed`], [`Refusal::OriginNotAllowed`], or framing when `Host` is not a host.
pub fn admit<'b>(request: Request<'b>, allowed: &AllowList) -> Result<Admitted<'b>, Refusal> {
    let head = request.head;
    if let Some(host) = head.host.bytes(request.bytes) {
        match allowed.host(host) {
            HostVerdict::Allowed => {}
            HostVerdict::Foreign => return Err(Refusal::HostNotAllowed),
            HostVerdict::Malformed => {
                return Err(Refusal::Framing("Host is not a host name or address"));
            }
        }
    }
    match head.origin.bytes(request.bytes) {
        _ if head.origin.count > 1 => Err(Refusal::OriginNotAllowed),
        Some(origin) if !origin.is_empty() && !allowed.origin(origin) => Err(Refusal::OriginNotAllowed),
        _ => Ok(Admitted { request }),
    }
}

/// Stage 3: path, method, media types. `faces` are the ways in that are served besides MCP; `None` on the admin listener,
/// which serves neither.
///
/// # Errors
/// 404, 405, 406, 411, 415, or 400 for a session id that is repeated or not visible ASCII.
pub fn route(admitted: &Admitted<'_>, faces: Option<&Faces>) -> Result<Route, Refusal> {
    let request = admitted.request;
    let head = request.head;
    if head.method == Method::Options {
        let preflight = head.is_preflight && admitted.origin().is_some();
        return Ok(if preflight { Route::Preflight } else { Route::Options });
    }
    let path = request.path();
    if path == MCP_PATH && faces.is_some() {
        check_session_id(request)?;
        return match head.method {
            Method::Post if !head.says_length => Err(Refusal::LengthRequired),
            Method::Post if head.content_coded => Err(Refusal::ContentCoding),
            Method::Post if !head.json_body => Err(Refusal::MediaType),
            Method::Post if !head.accept.json() && !head.accept.event_stream() => Err(Refusal::NotAcceptable),
            Method::Post => Ok(Route::McpPost),
            Method::Get if !head.accept.event_stream() => Err(Refusal::NotAcceptable),
            Method::Get => Ok(Route::McpGet),
            Method::Delete => Ok(Route::McpDelete),
            _ => Err(Refusal::MethodNotAllowed),
        };
    }
    if let Some(decided) = faces.and_then(|faces| streaming(request, faces)) {
        return decided;
    }
    if let Some(asked) = faces.and_then(|faces| face::route(request, faces)) {
        return asked.map(Route::Face);
    }
    let route = match path {
        b"/livez" => Route::Livez,
        b"/readyz" => Route::Readyz,
        b"/health" => Route::Health,
        b"/metrics" => Route::Metrics,
        b"/status" => Route::Status,
        path if path.starts_with(EXPLAIN_PATH) && path.len() > EXPLAIN_PATH.len() => Route::Explain,
        path if faces.is_some() && is_metadata(path) => Route::Metadata,
        _ => return Err(Refusal::NotFound),
    };
    if matches!(head.method, Method::Get | Method::Head) { Ok(route) } else { Err(Refusal::MethodNotAllowed) }
}

/// The part of stage 3 for the other transports of MCP; `None` for other paths, and for transports that are off.
fn streaming(request: Request<'_>, faces: &Faces) -> Option<Result<Route, Refusal>> {
    let head = request.head;
    Some(match (request.path(), head.method) {
        (WEBSOCKET_PATH, _) if !faces.websocket => return None,
        (SSE_PATH | MESSAGES_PATH, _) if !faces.sse => return None,
        (WEBSOCKET_PATH, Method::Get) => Ok(Route::WebSocket),
        (SSE_PATH, Method::Get) if !head.accept.event_stream() => Err(Refusal::NotAcceptable),
        (SSE_PATH, Method::Get) => Ok(Route::SseStream),
        (MESSAGES_PATH, Method::Post) if !head.says_length => Err(Refusal::LengthRequired),
        (MESSAGES_PATH, Method::Post) if head.content_coded => Err(Refusal::ContentCoding),
        (MESSAGES_PATH, Method::Post) if !head.json_body => Err(Refusal::MediaType),
        (MESSAGES_PATH, Method::Post) => Ok(Route::SseMessage),
        (WEBSOCKET_PATH | SSE_PATH | MESSAGES_PATH, _) => Err(Refusal::MethodNotAllowed),
        _ => return None,
    })
}

/// The methods of a path, for `Allow`; `faces` as for [`route`].
pub fn allow(path: &[u8], faces: Option<&Faces>) -> &'static str {
    match faces {
        Some(_) if path == MCP_PATH => MCP_ALLOW,
        Some(faces) if path == MESSAGES_PATH && faces.sse => "POST, OPTIONS",
        Some(faces) if (path == WEBSOCKET_PATH && faces.websocket) || (path == SSE_PATH && faces.sse) => "GET, OPTIONS",
        Some(faces) => face::allow(path, faces).unwrap_or(READ_ALLOW),
        None => READ_ALLOW,
    }
}

/// A session id is one field of visible ASCII (MCP transports, "Session Management"); anything else is an attack.
fn check_session_id(request: Request<'_>) -> Result<(), Refusal> {
    let field = request.head.session_id;
    let Some(id) = field.bytes(request.bytes) else { return Ok(()) };
    if field.count == 1 && id.iter().all(u8::is_ascii_graphic) { Ok(()) } else { Err(Refusal::SessionIdMalformed) }
}

/// Whether a server could have minted this session id, which needs 128 random bits: fewer characters cannot hold them.
/// A modern request has no session and its id is ignored; one that is a guess is refused all the same.
pub fn is_plausible_session_id(id: &[u8]) -> bool {
    (16..=256).contains(&id.len())
}
