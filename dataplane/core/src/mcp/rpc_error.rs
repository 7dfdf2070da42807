//! JSON-RPC errors with the HTTP status each era gives them (MCP 2026-07-28, "Error handling"). It never writes them:
//! see `render`.

use std::borrow::Cow;

/// The code of a parse error.
pub const PARSE: i32 = -32700;
/// The code of a message that is not a request.
pub const INVALID_REQUEST: i32 = -32600;
/// The code of an unknown method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// The code of bad parameters, an unknown tool or prompt, a bad cursor.
pub const INVALID_PARAMS: i32 = -32602;
/// The code of a fault of ours.
pub const INTERNAL: i32 = -32603;
/// Headers and body disagree (2026-07-28).
pub const HEADER_MISMATCH: i32 = -32020;
/// The request needs a capability its client did not declare (2026-07-28).
pub const MISSING_CAPABILITY: i32 = -32021;
/// The revision is not served (2026-07-28).
pub const UNSUPPORTED_VERSION: i32 = -32022;
/// A resource that does not exist, in legacy revisions.
pub const RESOURCE_NOT_FOUND_LEGACY: i32 = -32002;
/// What SDKs use for a bad legacy HTTP request.
pub const BAD_REQUEST_LEGACY: i32 = -32000;
/// What SDKs use for an unknown session.
pub const SESSION_NOT_FOUND: i32 = -32001;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// JSON-RPC code.
    pub code: i32,
    /// One sentence.
    pub message: Cow<'static, str>,
    /// `data` as JSON text.
    pub data: Option<String>,
    /// HTTP status, while the answer is not yet a stream.
    pub status: u16,
}

impl RpcError {
    /// An error that a handler found: HTTP stays 200.
    pub fn new(code: i32, message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError { code, message: message.into(), data: None, status: 200 }
    }

    /// The same with another HTTP status.
    pub fn with_status(mut self, status: u16) -> RpcError {
        self.status = status;
        self
    }

    /// The same with `data`.
    pub fn with_data(mut self, data: &serde_json::Value) -> RpcError {
        self.data = Some(data.to_string());
        self
    }

    /// Parameters that cannot be served.
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError::new(INVALID_PARAMS, message)
    }

    /// A message that is not what it must be.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError::new(INVALID_REQUEST, message).with_status(400)
    }

    /// A fault of ours; the text tells no inner detail.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError::new(INTERNAL, message)
    }

    /// A method that does not exist, or whose capability is not offered. 404 in the modern era, 200 before.
    pub fn method_not_found(era: super::Era) -> RpcError {
        let status = if era == super::Era::Modern { 404 } else { 200 };
        RpcError::new(METHOD_NOT_FOUND, "Method not found").with_status(status)
    }

    /// Headers that disagree with the body.
    pub fn header_mismatch(message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError::new(HEADER_MISMATCH, message).with_status(400)
    }

    /// The same as `era` words it: codes that only 2026-07-28 has become an invalid request, with HTTP 200 as any error
    /// of a handler had before.
    pub fn worded_for(self, era: super::Era) -> RpcError {
        let modern_only = matches!(self.code, UNSUPPORTED_VERSION..=HEADER_MISMATCH);
        if era == super::Era::Modern || !modern_only {
            return self;
        }
        RpcError { code: INVALID_REQUEST, status: 200, ..self }
    }

    /// A capability the client must declare; `required` in the shape of `ClientCapabilities`.
    pub fn missing_capability(required: &serde_json::Value) -> RpcError {
        let data = serde_json::json!({ "requiredCapabilities": required });
        RpcError::new(MISSING_CAPABILITY, "Missing required client capability").with_status(400).with_data(&data)
    }
}
