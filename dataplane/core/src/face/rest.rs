//! The REST face: a tool is called by POST with its arguments as the body, and answers with the members of an MCP
//! `CallToolResult`. It never touches a socket.

use serde_json::{Map, Value as Tree};

use super::Problem;
use super::outcome::CallResult;
use crate::json::{Object, Value, write};

/// The arguments of `POST /tools/{name}`.
///
/// # Errors
/// 422 when the body is no object.
pub fn arguments(body: Value<'_>) -> Result<Map<String, Tree>, Problem> {
    object(body).ok_or_else(|| Problem::bad_body(format!("the arguments: expected an object, got {}", kind(body))))
}

/// The call that `POST /api/mcp/execute-tool` names, in any of the spellings its clients use.
///
/// # Errors
/// 422 when there is no such member, or a member stands there twice under two names.
pub fn execution(body: Value<'_>) -> Result<(String, Map<String, Tree>), Problem> {
    let members = members(body)?;
    let name = one_of(members, &["tool_name", "name", "tool"])?;
    let name = name.ok_or_else(|| Problem::bad_body("missing required property `tool_name`"))?;
    let text = name.as_str();
    let name = text.ok_or_else(|| Problem::bad_body(format!("`tool_name`: expected a string, got {}", kind(name))))?;
    let parameters = one_of(members, &["parameters", "arguments", "params"])?;
    Ok((name.to_owned(), optional_object("parameters", parameters)?))
}

/// The members of a body that must be an object.
pub(super) fn members(body: Value<'_>) -> Result<Object<'_>, Problem> {
    body.as_object().ok_or_else(|| Problem::bad_body(format!("the body: expected an object, got {}", kind(body))))
}

/// An object that may be left out or null.
pub(super) fn optional_object(name: &str, value: Option<Value<'_>>) -> Result<Map<String, Tree>, Problem> {
    match value.filter(|value| !value.is_null()) {
        None => Ok(Map::new()),
        Some(value) => {
            object(value).ok_or_else(|| Problem::bad_body(format!("`{name}`: expected an object, got {}", kind(value))))
        }
    }
}

/// The one of these members that is there.
fn one_of<'a>(members: Object<'a>, names: &[&str]) -> Result<Option<Value<'a>>, Problem> {
    let mut found = names.iter().filter_map(|name| members.get(name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Problem::bad_body(format!("only one of `{}` may be given", names.join("`, `")))),
        (first, None) => Ok(first),
    }
}

fn object(value: Value<'_>) -> Option<Map<String, Tree>> {
    value.as_object()?;
    match value.to_tree()? {
        Tree::Object(members) => Some(members),
        _ => None,
    }
}

pub(super) fn kind(value: Value<'_>) -> &'static str {
    match () {
        () if value.is_null() => "null",
        () if value.as_str().is_some() => "a string",
        () if value.is_number() => "a number",
        () if value.array_len().is_some() => "an array",
        // An object is only told about where serde_json is stricter than simd-json.
        () if value.as_object().is_some() => "an object that cannot be read",
        () => "a boolean",
    }
}

/// The body of a result: the members of an MCP `CallToolResult`, `isError` always among them.
pub fn result(result: &CallResult<'_>) -> Vec<u8> {
    let mut out = b"{\"content\":".to_vec();
    out.extend_from_slice(result.content.map_or("[]", |content| content.get()).as_bytes());
    if let Some(structured) = result.structured_content {
        out.extend_from_slice(b",\"structuredContent\":");
        out.extend_from_slice(structured.get().as_bytes());
    }
    out.extend_from_slice(if result.is_error { b",\"isError\":true}" } else { b",\"isError\":false}" });
    out
}

/// The body of a problem.
pub fn problem(problem: &Problem) -> Vec<u8> {
    let mut out = format!("{{\"error\":{{\"code\":{},\"message\":", problem.code).into_bytes();
    write::string(&mut out, &problem.message);
    out.extend_from_slice(b"}}");
    out
}

/// The body that lists tools which are JSON text already.
pub fn list(tools: &[Vec<u8>]) -> Vec<u8> {
    [&b"{\"tools\":["[..], &tools.join(&b","[..]), b"]}"].concat()
}
