//! Ways in beside MCP: REST, its OpenAPI document, and the command form. A face only translates: paths and bodies into a
//! call, the JSON-RPC answer of that call into its own words. It never runs a tool and never decides who may.

pub mod outcome;

pub mod rest;

pub mod command;

pub mod openapi;

pub mod embed;

use std::borrow::Cow;

use ringway_policy::Faces;

use crate::http::decoder::Request;
use crate::http::head::Method;
use crate::mcp::rpc_error::{INVALID_PARAMS, PARSE};
use crate::nearest::nearest_few;
use crate::refusal::Refusal;

listed! {
    /// What a request to a face is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Face {
        /// All tools.
        Tools,
        /// One tool, named by the path.
        Tool,
        /// Call the tool that the path names.
        Call,
        /// The OpenAPI document.
        Document,
        /// State, in the compatibility set.
        Status,
        /// Call the tool that the body names, in the compatibility set.
        Execute,
        /// The command form.
        Command,
    }
}

/// Where the command form is.
pub const COMMAND_PATH: &[u8] = b"/command";
const TOOL_PREFIX: &[u8] = b"/tools/";

/// What can be asked at `path`: by GET and HEAD, and by POST. `None` when it belongs to no face that is served.
fn offers(path: &[u8], faces: &Faces) -> Option<(Option<Face>, Option<Face>)> {
    Some(match path {
        COMMAND_PATH => return faces.command.then_some((None, Some(Face::Command))),
        _ if !faces.rest => return None,
        b"/tools" | b"/api/mcp/tools" => (Some(Face::Tools), None),
        b"/openapi.json" => (Some(Face::Document), None),
        b"/api/mcp/status" => (Some(Face::Status), None),
        b"/api/mcp/execute-tool" => (None, Some(Face::Execute)),
        _ if path.len() > TOOL_PREFIX.len() && path.starts_with(TOOL_PREFIX) => (Some(Face::Tool), Some(Face::Call)),
        _ => return None,
    })
}

/// The methods of a path, for `Allow`; `None` when it belongs to no face.
pub fn allow(path: &[u8], faces: &Faces) -> Option<&'static str> {
    Some(match offers(path, faces)? {
        (Some(_), Some(_)) => "GET, HEAD, POST, OPTIONS",
        (None, _) => "POST, OPTIONS",
        (Some(_), None) => crate::request_path::READ_ALLOW,
    })
}

/// What `request` asks a face for; `None` when its path belongs to none.
///
/// # Errors
/// 405, and 415 for a body that is not JSON. `Accept` is not looked at: there is one form of answer.
pub fn route(request: Request<'_>, faces: &Faces) -> Option<Result<Face, Refusal>> {
    let (read, post) = offers(request.path(), faces)?;
    let head = request.head;
    let face = match head.method {
        Method::Get | Method::Head => read,
        Method::Post => post,
        _ => None,
    };
    let has_body = head.method == Method::Post && !request.body.is_empty();
    Some(match face {
        None => Err(Refusal::MethodNotAllowed),
        Some(_) if has_body && head.content_coded => Err(Refusal::ContentCoding),
        // No body at all stands for no arguments, and has no type.
        Some(_) if has_body && !head.json_body => Err(Refusal::MediaType),
        Some(face) => Ok(face),
    })
}

/// The tool that a path names, percent-decoded.
///
/// # Errors
/// 400 when the encoding is broken. A name that no tool can have is left to the look-up.
pub fn tool_name(path: &[u8]) -> Result<Cow<'_, str>, Problem> {
    let broken = || Problem::new(400, PARSE, "The path is not percent-encoded UTF-8 (RFC 3986)");
    let name = path.strip_prefix(TOOL_PREFIX).unwrap_or_default();
    if memchr::memchr(b'%', name).is_none() {
        return std::str::from_utf8(name).map(Cow::Borrowed).map_err(|_| broken());
    }
    let decoded = percent_decoded(name).ok_or_else(broken)?;
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| broken())
}

/// `None` when an escape is not two hexadecimal digits.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(*bytes.next()?).to_digit(16).map(|digit| digit as u8);
        decoded.push((digit()? << 4) | digit()?);
    }
    Some(decoded)
}

/// Why a request gets no result, before a face words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// JSON-RPC code, the same as MCP gives.
    pub code: i32,
    /// One sentence, or a line for each violation.
    pub message: Cow<'static, str>,
}

impl Problem {
    /// A problem with all it tells.
    pub fn new(status: u16, code: i32, message: impl Into<Cow<'static, str>>) -> Problem {
        Problem { status, code, message: message.into() }
    }

    /// A body that is JSON, and not what it must be.
    pub fn bad_body(message: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(422, INVALID_PARAMS, message)
    }

    /// The answer to a name that no tool has. `what` is "tool" or "command".
    pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
        const CHARS_MAX: usize = 128;
        const NAMES_MAX: usize = 3;
        let mut shown: String = name.chars().take(CHARS_MAX).collect();
        if shown.len() < name.len() {
            shown.push('…');
        }
        let mut message = format!("Unknown {what}: {shown}");
        let near = nearest_few(name, known, NAMES_MAX);
        if !near.is_empty() {
            message.push_str(&format!(" (did you mean {}?)", near.join(", ")));
        }
        Problem::new(404, INVALID_PARAMS, message)
    }
}

/// Whether `If-None-Match` names this entity tag (RFC 9110 section 13.1.2, weak comparison).
pub fn knows_tag(if_none_match: &[u8], tag: &str) -> bool {
    if_none_match.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).any(|known| {
        let opaque = known.strip_prefix(b"W/").unwrap_or(known);
        opaque == b"*" || opaque == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests;
