//! What a call came to, read from the JSON-RPC text that answers it: its pieces are passed on as they stand. It never
//! judges a tool's result.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Problem;
use crate::mcp::rpc_error::{INTERNAL, INVALID_PARAMS, INVALID_REQUEST, MISSING_CAPABILITY};

/// The status of arguments that break the input schema.
pub const BAD_ARGUMENTS: u16 = 422;
/// The status of a call that did not finish in time.
pub const LATE: u16 = 504;

/// A tool's result, good or `isError`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallResult<'a> {
    /// The content blocks, as JSON text.
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    /// The structured result, as JSON text.
    #[serde(borrow, default, deserialize_with = "present")]
    pub structured_content: Option<&'a RawValue>,
    /// Whether the tool failed.
    #[serde(default)]
    pub is_error: bool,
    #[serde(borrow)]
    result_type: Option<Cow<'a, str>>,
}

/// A structured result may be `null`, which is not the same as none.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    result: Option<CallResult<'a>>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Error<'a> {
    code: i32,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

impl CallResult<'_> {
    /// The texts of the content, a line each; `None` when a piece is something else.
    pub fn text(&self) -> Option<String> {
        let pieces: Vec<Piece<'_>> = serde_json::from_str(self.content?.get()).ok()?;
        let texts: Option<Vec<_>> = pieces.into_iter().map(|piece| piece.text).collect();
        Some(texts?.join("\n"))
    }
}

/// Reads the answer to a call. `status` is the one that came with it.
///
/// # Errors
/// What kept the call from having a result, with the HTTP status that says so.
pub fn read(status: u16, text: &[u8]) -> Result<CallResult<'_>, Problem> {
    let unreadable = || Problem::new(500, INTERNAL, "The answer of the call cannot be read");
    // Borrowed pieces need text. What the server has written is UTF-8.
    let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
    let message: Message<'_> = serde_json::from_str(text).map_err(|_| unreadable())?;
    if let Some(error) = message.error {
        return Err(problem(status, error.code, error.message.into_owned()));
    }
    let result = message.result.ok_or_else(unreadable)?;
    if status == BAD_ARGUMENTS {
        return Err(Problem::bad_body(result.text().unwrap_or_default()));
    }
    // Only a caller who can be asked gets another kind of result.
    if result.result_type.as_deref().is_some_and(|kind| kind != "complete") {
        return Err(problem(status, MISSING_CAPABILITY, String::new()));
    }
    Ok(result)
}

fn problem(status: u16, code: i32, message: String) -> Problem {
    match (status, code) {
        (503 | LATE, _) => Problem::new(status, code, message),
        (_, INVALID_PARAMS) => Problem::new(422, code, message),
        (_, INVALID_REQUEST) => Problem::new(400, code, message),
        (_, MISSING_CAPABILITY) => Problem::new(
            409,
            code,
            "The tool asks its caller questions or becomes a task, which only MCP can carry: call it at /mcp",
        ),
        _ => Problem::new(500, code, message),
    }
}
