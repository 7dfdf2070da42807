//! The OpenAPI 3.1 document of a server's tools: one operation a tool, with every answer that the REST face gives. It is
//! rendered from definitions alone and never asks a tool anything.

use serde_json::{Map, Value, json};

use super::embed::{COMPONENTS, Embedded, anything, embed};
use crate::mcp::types::ToolDefinition;

/// The version of the specification that the document follows.
pub const OPENAPI: &str = "3.1.0";

/// A tool as the document shows it.
pub struct Listed<'a> {
    /// What it is.
    pub definition: &'a ToolDefinition,
    /// Whether a call without a body is a good call.
    pub takes_nothing: bool,
}

/// The answers of every operation besides 200. The first are about the call, the others about the request's form.
const PROBLEMS: [(u16, &str, &str); 16] = [
    (400, "BadRequest", "The body is not one JSON value with distinct keys, or the request cannot be read."),
    (403, "Forbidden", "`Host` or `Origin` is not one that this server answers."),
    (404, "UnknownTool", "There is no such tool, or none any more."),
    (408, "TooSlow", "The request did not arrive in time."),
    (409, "NeedsMcp", "The tool asks its caller questions, or becomes a task, which only MCP can carry."),
    (413, "TooLarge", "The body is larger than this server takes."),
    (414, "TargetTooLong", "The request target is longer than this server takes."),
    (415, "NotJson", "The body is not `application/json` in UTF-8, or is compressed."),
    (417, "Expectation", "The request expects something other than `100-continue`."),
    (
        422,
        "BadArguments",
        "The arguments break the tool's schema; the message says where, what is expected and what came.",
    ),
    (431, "HeadTooLarge", "The header fields are larger or more than this server takes."),
    (500, "Internal", "The call ended in a fault of the server or an error of the tool's own."),
    (501, "NotImplemented", "The method or transfer coding is not known."),
    (503, "Overloaded", "The server has all the calls in flight that it takes, or shuts down. Try again."),
    (504, "Late", "The call did not finish in time, and was stopped."),
    (505, "HttpVersion", "The HTTP version is not served."),
];

/// Renders the document. `name` and `version` are the server's.
pub fn document<'a>(name: &str, version: &str, tools: impl Iterator<Item = Listed<'a>>) -> Vec<u8> {
    let (mut paths, mut schemas) = (Map::new(), common_schemas());
    for tool in tools {
        let name = &tool.definition.name;
        paths.insert(format!("/tools/{name}"), json!({ "post": operation(&tool, &mut schemas) }));
    }
    let document = json!({
        "openapi": OPENAPI,
        "info": {
            "title": name,
            "version": version,
            "summary": "The tools of an MCP server, called by plain HTTP.",
        },
        "servers": [{ "url": "/", "description": "Where this document came from." }],
        "paths": paths,
        "components": { "schemas": schemas, "responses": problem_responses() },
    });
    document.to_string().into_bytes()
}

fn operation(tool: &Listed<'_>, schemas: &mut Map<String, Value>) -> Value {
    let definition = tool.definition;
    let name = &definition.name;
    let input = add(schemas, &format!("{name}.input"), &definition.input_schema, Some("object"), name);
    let result = match &definition.output_schema {
        None => schema_at("ToolResult"),
        Some(output) => {
            let output = add(schemas, &format!("{name}.output"), output, None, name);
            let key = format!("{name}.result");
            schemas.insert(key.clone(), structured_result(&output));
            // A failure need not satisfy the schema of success.
            json!({ "oneOf": [schema_at(&key), schema_at("ToolFailure")] })
        }
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({ "description": "The tool's result.", "content": of_json(&result) }));
    for (status, problem, _) in PROBLEMS {
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{problem}") }));
    }
    let mut operation = json!({
        "operationId": name,
        "tags": ["tools"],
        "requestBody": { "required": !tool.takes_nothing, "content": of_json(&input) },
        "responses": responses,
    });
    let texts = [("summary", definition.title.as_ref()), ("description", definition.description.as_ref())];
    for (member, text) in texts {
        if let (Some(text), Some(members)) = (text, operation.as_object_mut()) {
            members.insert(member.into(), text.as_str().into());
        }
    }
    operation
}

/// Adds a tool's schema to the components, and gives the reference to it.
fn add(schemas: &mut Map<String, Value>, key: &str, schema: &Value, kind: Option<&str>, name: &str) -> Value {
    match embed(schema, key) {
        Some(Embedded { root, parts }) => {
            schemas.insert(key.to_owned(), root);
            schemas.extend(parts);
        }
        None => {
            schemas.insert(key.to_owned(), anything(kind, name));
        }
    }
    schema_at(key)
}

fn schema_at(key: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{key}") })
}

fn of_json(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

/// A good result with an output schema behind it: its structured part is always there.
fn structured_result(output: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["content", "structuredContent", "isError"],
        "properties": {
            "content": { "type": "array", "items": schema_at("Content") },
            "structuredContent": output,
            "isError": { "const": false },
        },
    })
}

/// Names without a dot, so that no tool's schema has one of them; those of two tools differ, since what follows a tool's
/// name is one of `.input`, `.output` and `.result`, or ends in `.part` with no dot within.
fn common_schemas() -> Map<String, Value> {
    let content = json!({ "type": "array", "items": schema_at("Content") });
    let result = |is_error: Value| {
        json!({
            "type": "object",
            "required": ["content", "isError"],
            "properties": {
                "content": content,
                "structuredContent": { "description": "The result for programs, when the tool gives one." },
                "isError": is_error,
            },
        })
    };
    let schemas = json!({
        "Content": {
            "description": "One piece of a result (MCP ContentBlock).",
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": { "type": "string", "enum": ["text", "image", "audio", "resource", "resource_link"] },
                "text": { "type": "string" },
                "data": { "type": "string", "contentEncoding": "base64" },
                "mimeType": { "type": "string" },
                "uri": { "type": "string" },
                "name": { "type": "string" },
                "resource": { "type": "object" },
            },
        },
        "ToolResult": result(json!({ "type": "boolean", "description": "Whether the tool failed." })),
        "ToolFailure": result(json!({ "const": true })),
        "Problem": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": { "type": "integer", "description": "The JSON-RPC code that MCP gives." },
                        "message": { "type": "string" },
                    },
                },
            },
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

fn problem_responses() -> Value {
    let problem = of_json(&schema_at("Problem"));
    let response = |(status, name, description): (u16, &str, &str)| {
        let mut response = json!({ "description": description, "content": problem });
        if let (503, Some(members)) = (status, response.as_object_mut()) {
            let header =
                json!({ "description": "Seconds to wait.", "required": true, "schema": { "type": "integer" } });
            members.insert("headers".into(), json!({ "Retry-After": header }));
        }
        (name.to_owned(), response)
    };
    PROBLEMS.into_iter().map(response).collect::<Map<_, _>>().into()
}
