//! The command form: `{"command","token","params"}` in, `{"success","data","error","timestamp"}` out, as clients of the
//! enterprise server know it. The token is taken and not looked at. It never touches a socket or a clock.

use serde_json::{Map, Value as Tree};

use super::Problem;
use super::outcome::CallResult;
use super::rest::{kind, members, optional_object};
use crate::json::{Value, write};

/// The tool that a command names, and its arguments.
///
/// # Errors
/// 422 when the body is no object, or has no command.
pub fn read(body: Value<'_>) -> Result<(String, Map<String, Tree>), Problem> {
    let members = members(body)?;
    let command = members.get("command").ok_or_else(|| Problem::bad_body("missing required property `command`"))?;
    let name = command.as_str();
    let name = name.ok_or_else(|| Problem::bad_body(format!("`command`: expected a string, got {}", kind(command))))?;
    Ok((name.to_owned(), optional_object("params", members.get("params"))?))
}

/// The body of a result. Its data is the structured result, else the text, else the content blocks.
pub fn result(result: &CallResult<'_>, timestamp: &str) -> Vec<u8> {
    let text = result.text();
    if result.is_error {
        return body(b"null", Some(text.as_deref().unwrap_or("The tool failed")), timestamp);
    }
    match (result.structured_content, text, result.content) {
        (Some(structured), ..) => body(structured.get().as_bytes(), None, timestamp),
        (None, Some(text), _) => body(write::to_text(&text).as_bytes(), None, timestamp),
        (None, None, content) => body(content.map_or("null", |content| content.get()).as_bytes(), None, timestamp),
    }
}

/// The body of a problem.
pub fn problem(problem: &Problem, timestamp: &str) -> Vec<u8> {
    body(b"null", Some(&problem.message), timestamp)
}

fn body(data: &[u8], error: Option<&str>, timestamp: &str) -> Vec<u8> {
    let mut out = format!("{{\"success\":{},\"data\":", error.is_none()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b",\"error\":");
    write::value(&mut out, &error);
    out.extend_from_slice(b",\"timestamp\":");
    write::string(&mut out, timestamp);
    out.push(b'}');
    out
}
