//! Which era a message belongs to, and whether its headers agree with it. The body decides; headers only mirror it (MCP
//! 2026-07-28, transports). It never looks at a session.

use super::message::{Message, Notification, Request};
use super::rpc_error::{BAD_REQUEST_LEGACY, INVALID_PARAMS, UNSUPPORTED_VERSION};
use super::{Era, RpcError, Version};
use crate::header_params::decode_header_value;
use crate::json::{Object, Value};

/// Key of the revision a modern request claims.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Key of the capabilities a modern request declares.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Key of a modern client's name; optional.
pub const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// Key of the level from which a modern request wants log messages.
pub const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// The MCP headers of an HTTP request. `None` where absent; a repeated one is a refusal already found.
#[derive(Clone, Copy, Debug, Default)]
pub struct McpHeaders<'a> {
    /// `MCP-Protocol-Version`.
    pub version: Option<&'a [u8]>,
    /// `Mcp-Method`.
    pub method: Option<&'a [u8]>,
    /// `Mcp-Name`, still encoded.
    pub name: Option<&'a [u8]>,
    /// Whether one of them occurs more than once.
    pub repeated: bool,
}

/// How a message reached us.
#[derive(Clone, Copy, Debug)]
pub enum Carrier<'a> {
    /// By HTTP, with these headers.
    Http(McpHeaders<'a>),
    /// Without headers: by stdio, a WebSocket or the older HTTP+SSE pair.
    Duplex,
}

/// The outcome for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// A modern request, whose envelope and headers are good.
    Modern,
    /// A legacy message, speaking this revision unless its session says otherwise.
    Legacy(Version),
}

impl Selected {
    /// Its era.
    pub fn era(self) -> Era {
        match self {
            Selected::Modern => Era::Modern,
            Selected::Legacy(_) => Era::Legacy,
        }
    }
}

/// Chooses the era of `message`.
///
/// # Errors
/// What a modern or legacy client gets for an envelope or header that cannot be served, HTTP 400.
pub fn select(message: &Message<'_>, carrier: Carrier<'_>) -> Result<Selected, RpcError> {
    let headers = match carrier {
        Carrier::Http(headers) => headers,
        Carrier::Duplex => McpHeaders::default(),
    };
    if headers.repeated {
        return Err(RpcError::header_mismatch("Header mismatch: an MCP header appears more than once"));
    }
    let header_version = headers.version.map(|value| std::str::from_utf8(value).unwrap_or_default());
    let header_is_modern = header_version.and_then(Version::parse).is_some_and(|v| v.era() == Era::Modern);
    match message {
        Message::Request(request) => match claim(request.params) {
            Some(claim) => modern(request, claim, carrier).map(|()| Selected::Modern),
            None if request.method == "initialize" && header_is_modern => Err(RpcError::header_mismatch(
                "Header mismatch: `initialize` cannot reach the revision that MCP-Protocol-Version names",
            )),
            // `ping` exists only before 2026-07-28, so the body alone says which era it is.
            None if header_is_modern && request.method != "ping" => Err(missing_envelope()),
            None if header_is_modern => Ok(Selected::Legacy(Version::LEGACY_LATEST)),
            None => legacy(header_version),
        },
        Message::Notification(Notification { params, .. }) if claim(*params).is_some() || header_is_modern => {
            Ok(Selected::Modern)
        }
        Message::Notification(_) => legacy(header_version),
        Message::Response(_) if header_is_modern => {
            Err(RpcError::invalid_request("Invalid Request: 2026-07-28 has no client responses"))
        }
        Message::Response(_) => legacy(header_version),
    }
}

/// Checks the version header of a GET or DELETE, which only legacy revisions have.
///
/// # Errors
/// HTTP 400 for a revision that is not served or named twice, 405 for 2026-07-28.
pub fn select_without_body(headers: &McpHeaders<'_>) -> Result<(), RpcError> {
    if headers.repeated {
        return Err(RpcError::header_mismatch("Header mismatch: an MCP header appears more than once"));
    }
    match legacy(headers.version.map(|value| std::str::from_utf8(value).unwrap_or_default()))? {
        Selected::Legacy(version) if version.era() == Era::Modern => {
            Err(RpcError::invalid_request("2026-07-28 has POST only").with_status(405))
        }
        _ => Ok(()),
    }
}

/// Whether a message carries the modern envelope.
pub fn is_modern(message: &Message<'_>) -> bool {
    match message {
        Message::Request(Request { params, .. }) | Message::Notification(Notification { params, .. }) => {
            claim(*params).is_some()
        }
        Message::Response(_) => false,
    }
}

struct Claim<'a> {
    meta: Object<'a>,
    version: Value<'a>,
}

fn claim(params: Option<Object<'_>>) -> Option<Claim<'_>> {
    let meta = params?.get("_meta")?.as_object()?;
    Some(Claim { meta, version: meta.get(META_VERSION)? })
}

fn missing_envelope() -> RpcError {
    let missing = [META_VERSION, META_CAPABILITIES];
    RpcError::new(INVALID_PARAMS, "Invalid params: a 2026-07-28 request needs its `_meta` envelope")
        .with_status(400)
        .with_data(&serde_json::json!({ "missing": missing }))
}

fn legacy(header_version: Option<&str>) -> Result<Selected, RpcError> {
    let Some(name) = header_version else {
        return Ok(Selected::Legacy(Version::LEGACY_ASSUMED));
    };
    Version::parse(name).map(Selected::Legacy).ok_or_else(|| {
        let served: Vec<_> = Version::ALL.iter().map(|version| version.name()).collect();
        let text = format!("Bad Request: Unsupported protocol version (supported versions: {})", served.join(", "));
        RpcError::new(BAD_REQUEST_LEGACY, text).with_status(400)
    })
}

/// The modern ladder: envelope, then agreement of the headers, then the revision.
fn modern(request: &Request<'_>, claim: Claim<'_>, carrier: Carrier<'_>) -> Result<(), RpcError> {
    let bad = |text: String| Err(RpcError::new(INVALID_PARAMS, text).with_status(400));
    let Some(version) = claim.version.as_str() else {
        return bad(format!("Invalid params: `_meta.{META_VERSION}` must be a string"));
    };
    match claim.meta.get(META_CAPABILITIES) {
        None => {
            return bad(format!("Invalid params: `_meta` is missing {META_CAPABILITIES}"));
        }
        Some(value) if value.as_object().is_none() => {
            return bad(format!("Invalid params: `_meta.{META_CAPABILITIES}` must be an object"));
        }
        Some(_) => {}
    }
    if claim.meta.get(META_CLIENT).is_some_and(|value| value.as_object().is_none()) {
        return bad(format!("Invalid params: `_meta.{META_CLIENT}` must be an object"));
    }
    if let Carrier::Http(headers) = carrier {
        agree("MCP-Protocol-Version", headers.version, version)?;
        agree("Mcp-Method", headers.method, request.method)?;
        if let Some(mirrored) = mirrored_name(request.method) {
            let name = request.params.and_then(|params| params.str(mirrored));
            if let Some(name) = name {
                agree("Mcp-Name", headers.name, name)?;
            }
        }
    }
    match Version::parse(version) {
        Some(known) if known.era() == Era::Modern => Ok(()),
        _ => Err(RpcError::new(UNSUPPORTED_VERSION, "Unsupported protocol version")
            .with_status(400)
            .with_data(&serde_json::json!({ "supported": ["2026-07-28"], "requested": version }))),
    }
}

/// The parameter that `Mcp-Name` mirrors.
fn mirrored_name(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

fn agree(name: &str, header: Option<&[u8]>, body: &str) -> Result<(), RpcError> {
    let Some(header) = header else {
        return Err(RpcError::header_mismatch(format!("Header mismatch: {name} is missing")));
    };
    // The usual case needs no decoding.
    if header == body.as_bytes() {
        return Ok(());
    }
    let decoded = decode_header_value(header)
        .map_err(|_| RpcError::header_mismatch(format!("Header mismatch: {name} cannot be decoded")))?;
    if decoded == body {
        return Ok(());
    }
    Err(RpcError::header_mismatch(format!(
        "Header mismatch: {name} header value '{decoded}' does not match body value '{body}'"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonParser;
    use crate::mcp::message;

    const MODERN: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    #[track_caller]
    fn check(method: &str, params: &str, headers: [Option<&str>; 3], want: Result<Selected, i32>) {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
        let [version, mcp_method, name] = headers.map(|header| header.map(str::as_bytes));
        let headers = McpHeaders { version, method: mcp_method, name, repeated: false };
        let got = JsonParser::default()
            .with(text.as_bytes(), |value| {
                let message = message::read(value).expect("a message");
                select(&message, Carrier::Http(headers)).map_err(|error| error.code)
            })
            .expect("good JSON");
        assert_eq!(got, want, "{method} {params} {headers:?}");
    }

    #[test]
    fn the_body_decides_and_headers_must_agree() {
        let v26 = Some("2026-07-28");
        let call = format!(r#""name":"x",{MODERN}"#);
        let junk = MODERN.replace("2026-07-28", "v999.0.0");
        let bare = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
        let legacy = |version| Ok(Selected::Legacy(version));
        check("tools/list", MODERN, [v26, Some("tools/list"), None], Ok(Selected::Modern));
        check("tools/call", &call, [v26, Some("tools/call"), Some("x")], Ok(Selected::Modern));
        check("tools/call", &call, [v26, Some("tools/call"), Some("=?base64?eA==?=")], Ok(Selected::Modern));
        check("tools/call", &call, [v26, Some("tools/call"), Some("y")], Err(-32020));
        check("tools/call", &call, [v26, Some("tools/call"), None], Err(-32020));
        check("tools/list", MODERN, [v26, Some("TOOLS/LIST"), None], Err(-32020));
        check("tools/list", MODERN, [v26, None, None], Err(-32020));
        check("tools/list", MODERN, [None, Some("tools/list"), None], Err(-32020));
        check("tools/list", &junk, [v26, Some("tools/list"), None], Err(-32020));
        check("tools/list", &junk, [Some("v999.0.0"), Some("tools/list"), None], Err(-32022));
        check("tools/list", bare, [v26, Some("tools/list"), None], Err(-32602));
        check("server/discover", "", [v26, None, None], Err(-32602));
        check("initialize", "", [v26, None, None], Err(-32020));
        check("ping", "", [v26, Some("ping"), None], legacy(Version::V2025_11_25));
        check("tools/list", "", [None, None, None], legacy(Version::V2025_03_26));
        check("tools/list", "", [Some("2025-06-18"), None, None], legacy(Version::V2025_06_18));
        check("tools/list", "", [Some("1999-01-01"), None, None], Err(-32000));
    }
}
