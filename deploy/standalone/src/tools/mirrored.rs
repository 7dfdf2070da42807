//! Headers that repeat what the body says (2026-07-28): names that do not fit a header, and the parameters a tool's
//! schema marks with `x-mcp-header`. It never decides when they are sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Keywords whose value is data, not a schema.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// Keywords whose value is schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// One marked parameter.
#[derive(Debug, PartialEq)]
struct Mark {
    path: Vec<String>,
    name: String,
}

/// A value as a header carries it.
pub fn header_value(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_trimmed = text.trim_matches([' ', '\t']) == text;
    if is_plain && is_trimmed && !(text.starts_with("=?base64?") && text.ends_with("?=")) {
        text.to_owned()
    } else {
        format!("=?base64?{}?=", STANDARD.encode(text))
    }
}

/// The `Mcp-Param-*` headers of a call. `None`: the schema marks what cannot be a header, and a client must not offer
/// such a tool.
pub fn parameters(schema: &Value, arguments: &Value) -> Option<Vec<(String, String)>> {
    let mut marks = Vec::new();
    collect(schema, &mut Vec::new(), true, &mut marks)?;
    let mut fields = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        if marks[..index].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&mark.name)) {
            return None;
        }
        let text = match mark.path.iter().try_fold(arguments, |value, key| value.get(key)) {
            Some(Value::String(text)) => header_value(text),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            // Absent, null, or what the server will refuse by its schema.
            _ => continue,
        };
        fields.push((format!("Mcp-Param-{}", mark.name), text));
    }
    Some(fields)
}

/// `is_reached`: by a chain of `properties` alone, so that there is one value at most.
fn collect(schema: &Value, path: &mut Vec<String>, is_reached: bool, marks: &mut Vec<Mark>) -> Option<()> {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => {
            return items.iter().try_for_each(|item| collect(item, path, false, marks));
        }
        _ => return Some(()),
    };
    if let Some(mark) = members.get("x-mcp-header") {
        let name = mark.as_str().filter(|name| is_token(name))?;
        let fits = matches!(members.get("type")?.as_str()?, "string" | "integer" | "boolean");
        if !is_reached || path.is_empty() || !fits {
            return None;
        }
        marks.push(Mark { path: path.clone(), name: name.to_owned() });
    }
    for (keyword, value) in members {
        match value {
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                for (name, schema) in named {
                    path.push(name.clone());
                    collect(schema, path, is_reached && keyword == "properties", marks)?;
                    path.pop();
                }
            }
            _ if DATA.contains(&keyword.as_str()) => {}
            _ => collect(value, path, false, marks)?,
        }
    }
    Some(())
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: what a header can say is said as it is, anything else in base64. Method: a row a reason.
    #[test]
    fn values_fit_a_header() {
        for (text, want) in [
            ("echo", "echo"),
            ("two words", "two words"),
            ("", ""),
            ("é", "=?base64?w6k=?="),
            (" x", "=?base64?IHg=?="),
            ("a\nb", "=?base64?YQpi?="),
            ("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="),
        ] {
            assert_eq!(header_value(text), want);
        }
    }

    /// Goal: marked parameters are mirrored, absent ones are not. Method: a nested schema.
    #[test]
    fn marked_parameters_are_mirrored() {
        let marked = |kind: &str, name: &str| json!({ "type": kind, "x-mcp-header": name });
        let inner = json!({ "type": "object", "properties": { "zone": marked("string", "Zone") } });
        let schema = json!({ "type": "object", "properties": {
            "region": marked("string", "Region"), "count": marked("integer", "Count"),
            "dry": marked("boolean", "Dry"), "at": inner, "x-mcp-header": { "type": "string" },
        } });
        let arguments = json!({ "region": "é", "count": 7, "dry": null, "at": { "zone": "b" } });
        let mut fields = parameters(&schema, &arguments).expect("a good schema");
        fields.sort();
        let want = [("Mcp-Param-Count", "7"), ("Mcp-Param-Region", "=?base64?w6k=?="), ("Mcp-Param-Zone", "b")];
        assert_eq!(fields, want.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// Goal: a mark that names no single value, or no header, makes a tool unfit. Method: a row a reason.
    #[test]
    fn unfit_marks_are_found() {
        let mark = json!({ "type": "string", "x-mcp-header": "Region" });
        for schema in [
            json!({ "properties": { "a": { "type": "number", "x-mcp-header": "A" } } }),
            json!({ "properties": { "a": { "type": "string", "x-mcp-header": "" } } }),
            json!({ "properties": { "a": { "type": "string", "x-mcp-header": "a b" } } }),
            json!({ "properties": { "a": { "type": "string", "x-mcp-header": 7 } } }),
            json!({ "properties": { "a": { "x-mcp-header": "A" } } }),
            json!({ "properties": { "a": mark, "b": mark } }),
            json!({ "properties": { "a": { "items": mark } } }),
            json!({ "anyOf": [{ "properties": { "a": mark } }] }),
            json!({ "$defs": { "a": mark } }),
            json!({ "type": "string", "x-mcp-header": "Root" }),
        ] {
            assert_eq!(parameters(&schema, &json!({})), None, "{schema}");
        }
        let data = json!({ "properties": { "a": { "type": "object", "default": mark } } });
        assert_eq!(parameters(&data, &json!({})), Some(vec![]));
    }
}
