//! JSON-RPC messages as they come in. Results stay text, so that what is printed is what was sent. It never decides
//! what an error means.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::trouble::Trouble;

/// Any message of a server.
#[derive(Deserialize)]
pub struct Message {
    pub id: Option<Value>,
    pub method: Option<String>,
    #[serde(default)]
    pub params: Value,
    pub result: Option<Box<RawValue>>,
    pub error: Option<ErrorObject>,
}

/// A JSON-RPC error.
#[derive(Debug, Deserialize)]
pub struct ErrorObject {
    pub code: i64,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub data: Value,
}

/// What a request came to.
pub enum Answer {
    Result(Box<RawValue>),
    Error {
        status: u16,
        error: ErrorObject,
    },
    /// An answer of HTTP alone; what it says of itself, shortened.
    Plain {
        status: u16,
        text: String,
    },
}

/// What a result says of itself, before anybody looks for what it is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub result_type: Option<String>,
    pub input_requests: Option<serde_json::Map<String, Value>>,
    pub request_state: Option<String>,
    #[serde(default)]
    pub is_error: bool,
    #[serde(default)]
    pub content: Vec<Value>,
    pub structured_content: Option<Box<RawValue>>,
}

/// A page of `tools/list`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub tools: Vec<Box<RawValue>>,
    /// An empty cursor is a cursor.
    pub next_cursor: Option<String>,
}

/// What is read of a tool; the rest is printed as it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub input_schema: Value,
}

impl Answer {
    /// The result, or the sentence that says why there is none.
    pub fn result(self, url: &str, method: &str) -> Result<Box<RawValue>, Trouble> {
        match self {
            Answer::Result(raw) => Ok(raw),
            Answer::Error { status: status @ (401 | 403), .. } => Err(Trouble::of_status(url, status, "")),
            Answer::Error { error, .. } => Err(Trouble::of_error(url, method, &error)),
            Answer::Plain { status, text } => Err(Trouble::of_status(url, status, &text)),
        }
    }
}
