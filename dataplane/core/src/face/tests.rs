//! Goal: paths, bodies and answers of the faces are translated to the letter. Method: tables, one row a case.

use ringway_policy::{Faces, Limits};
use serde_json::{Map, Value as Tree, json};

use super::outcome::{self, BAD_ARGUMENTS, LATE};
use super::*;
use crate::http::Decoder;
use crate::json::{JsonParser, Value};

const POST_JSON: &str = "Content-Type: application/json\r\n";

#[track_caller]
fn check_route(method: &str, path: &str, fields: &str, body: &str, want: Option<Result<Face, Refusal>>) {
    let length = body.len();
    let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{fields}\r\n{body}");
    let mut decoder = Decoder::default();
    decoder.feed(text.as_bytes());
    decoder.step(&Limits::default()).expect("good");
    let got = route(decoder.request().expect("whole"), &Faces::default());
    assert_eq!(got, want, "{method} {path} {fields:?} {body:?}");
}

#[test]
fn a_path_and_method_are_one_thing_or_refused() {
    let good = |face| Some(Ok(face));
    let bad = |refusal| Some(Err(refusal));
    check_route("GET", "/tools", "", "", good(Face::Tools));
    check_route("HEAD", "/tools", "", "", good(Face::Tools));
    check_route("GET", "/tools?x=1", "Accept: text/html\r\n", "", good(Face::Tools));
    check_route("POST", "/tools", POST_JSON, "{}", bad(Refusal::MethodNotAllowed));
    check_route("GET", "/tools/echo", "", "", good(Face::Tool));
    check_route("POST", "/tools/echo", POST_JSON, "{}", good(Face::Call));
    check_route("POST", "/tools/echo", "", "", good(Face::Call));
    check_route("POST", "/tools/echo", "", "{}", bad(Refusal::MediaType));
    check_route("POST", "/tools/echo", "Content-Type: text/plain\r\n", "{}", bad(Refusal::MediaType));
    check_route(
        "POST",
        "/tools/echo",
        &format!("{POST_JSON}Content-Encoding: br\r\n"),
        "x",
        bad(Refusal::ContentCoding),
    );
    check_route("DELETE", "/tools/echo", "", "", bad(Refusal::MethodNotAllowed));
    check_route("GET", "/tools/", "", "", None);
    check_route("GET", "/toolsx", "", "", None);
    check_route("GET", "/openapi.json", "", "", good(Face::Document));
    check_route("PUT", "/openapi.json", "", "", bad(Refusal::MethodNotAllowed));
    check_route("GET", "/api/mcp/status", "", "", good(Face::Status));
    check_route("GET", "/api/mcp/tools", "", "", good(Face::Tools));
    check_route("POST", "/api/mcp/execute-tool", POST_JSON, "{}", good(Face::Execute));
    check_route("GET", "/api/mcp/execute-tool", "", "", bad(Refusal::MethodNotAllowed));
    check_route("POST", "/command", POST_JSON, "{}", good(Face::Command));
    check_route("GET", "/command", "", "", bad(Refusal::MethodNotAllowed));
    check_route("POST", "/mcp", POST_JSON, "{}", None);
}

#[test]
fn a_face_that_is_off_is_not_there() {
    let without = |rest, command| Faces { rest, command, ..Faces::default() };
    for path in ["/tools", "/tools/echo", "/openapi.json", "/api/mcp/tools", "/api/mcp/execute-tool"] {
        assert!(allow(path.as_bytes(), &without(true, false)).is_some(), "{path}");
        assert!(allow(path.as_bytes(), &without(false, true)).is_none(), "{path}");
    }
    assert_eq!(allow(COMMAND_PATH, &without(false, true)), Some("POST, OPTIONS"));
    assert_eq!(allow(COMMAND_PATH, &without(true, false)), None);
    assert_eq!(allow(b"/tools/x", &Faces::default()), Some("GET, HEAD, POST, OPTIONS"));
}

#[test]
fn a_tool_name_is_decoded_once_and_strictly() {
    let name = |path: &str| tool_name(path.as_bytes()).map(Cow::into_owned).map_err(|problem| problem.status);
    assert_eq!(name("/tools/echo").as_deref(), Ok("echo"));
    assert_eq!(name("/tools/%65c%68o").as_deref(), Ok("echo"));
    assert_eq!(name("/tools/a%2Fb").as_deref(), Ok("a/b"));
    assert_eq!(name("/tools/%2565").as_deref(), Ok("%65"));
    for broken in ["/tools/%", "/tools/%6", "/tools/%zz", "/tools/%+1", "/tools/%ff", "/tools/a%C3"] {
        assert_eq!(name(broken), Err(400), "{broken}");
    }
}

#[test]
fn unknown_names_are_told_short_with_what_was_meant() {
    let unknown = |name: &str| Problem::unknown("tool", name, ["echo", "get_metrics"].into_iter());
    assert_eq!(unknown("eco").message, "Unknown tool: eco (did you mean echo?)");
    assert_eq!((unknown("x").status, &*unknown("x").message), (404, "Unknown tool: x"));
    assert!(unknown(&"é".repeat(5000)).message.len() < 300);
}

#[test]
fn entity_tags_are_compared_weakly() {
    for (field, known) in [
        ("\"a1\"", true),
        ("W/\"a1\"", true),
        ("\"b\" , \"a1\"", true),
        ("*", true),
        ("\"a\"", false),
        ("a1", false),
        ("", false),
    ] {
        assert_eq!(knows_tag(field.as_bytes(), "\"a1\""), known, "{field}");
    }
}

type Read<T> = fn(Value<'_>) -> Result<T, Problem>;
type Call = (String, Map<String, Tree>);
type Row<'r> = (Read<Call>, &'r str, Result<Call, String>);

fn read<T>(read: Read<T>, body: &str) -> Result<T, String> {
    let parsed = JsonParser::default().with(body.as_bytes(), read).expect("good JSON");
    parsed.map_err(|problem| format!("{} {}", problem.status, problem.message))
}

#[test]
fn bodies_name_a_call_or_say_what_is_wrong() {
    let call = |name: &str, arguments: Tree| Ok((name.to_owned(), arguments.as_object().cloned().unwrap_or_default()));
    let bad = |text: &str| Err(text.to_owned());
    let rows: [Row<'_>; 18] = [
        (rest::execution, r#"{"tool_name":"t","parameters":{"a":1}}"#, call("t", json!({"a":1}))),
        (rest::execution, r#"{"name":"t","arguments":{"a":1}}"#, call("t", json!({"a":1}))),
        (rest::execution, r#"{"tool":"t","params":{"a":1},"other":2}"#, call("t", json!({"a":1}))),
        (rest::execution, r#"{"tool":"t"}"#, call("t", json!({}))),
        (rest::execution, r#"{"tool":"t","params":null}"#, call("t", json!({}))),
        (rest::execution, "{}", bad("422 missing required property `tool_name`")),
        (rest::execution, r#"{"tool":1}"#, bad("422 `tool_name`: expected a string, got a number")),
        (
            rest::execution,
            r#"{"tool":"a","name":"b"}"#,
            bad("422 only one of `tool_name`, `name`, `tool` may be given"),
        ),
        (rest::execution, r#"{"tool":"a","params":[]}"#, bad("422 `parameters`: expected an object, got an array")),
        (rest::execution, "[]", bad("422 the body: expected an object, got an array")),
        (command::read, r#"{"command":"c","token":"s","params":{"a":1.50}}"#, call("c", json!({"a": number("1.50")}))),
        (command::read, r#"{"command":"c","token":null}"#, call("c", json!({}))),
        (command::read, r#"{"command":"c","params":null}"#, call("c", json!({}))),
        (command::read, r#"{"command":true}"#, bad("422 `command`: expected a string, got a boolean")),
        (command::read, r#"{"token":"s"}"#, bad("422 missing required property `command`")),
        (command::read, r#"{"command":"c","params":"{}"}"#, bad("422 `params`: expected an object, got a string")),
        (command::read, "null", bad("422 the body: expected an object, got null")),
        (command::read, "7", bad("422 the body: expected an object, got a number")),
    ];
    for (reader, body, want) in rows {
        assert_eq!(read(reader, body), want, "{body}");
    }
    assert_eq!(
        read(rest::arguments, "[1]").map(Tree::Object),
        Err("422 the arguments: expected an object, got an array".into())
    );
    assert_eq!(
        read(rest::arguments, r#"{"big":123456789012345678901234567890}"#).map(Tree::Object).ok(),
        Some(json!({"big": number("123456789012345678901234567890")}))
    );
}

/// A number that keeps its text.
fn number(text: &str) -> Tree {
    serde_json::from_str(text).expect("a number")
}

fn answered(result: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":0,"result":{{"_meta":{{"s":{{}}}},"resultType":"complete",{result}}}}}"#)
        .into_bytes()
}

#[track_caller]
fn check_result(result: &str, rest_body: &str, command_body: &str) {
    let text = answered(result);
    let outcome = outcome::read(200, &text).expect("a result");
    assert_eq!(String::from_utf8(rest::result(&outcome)).as_deref(), Ok(rest_body));
    assert_eq!(String::from_utf8(command::result(&outcome, "T")).as_deref(), Ok(command_body));
}

#[test]
fn results_are_told_in_each_faces_words() {
    check_result(
        r#""content":[{"type":"text","text":"a\nb"}]"#,
        r#"{"content":[{"type":"text","text":"a\nb"}],"isError":false}"#,
        r#"{"success":true,"data":"a\nb","error":null,"timestamp":"T"}"#,
    );
    check_result(
        r#""content":[{"type":"text","text":"{}"}],"structuredContent":{"n":1.10}"#,
        r#"{"content":[{"type":"text","text":"{}"}],"structuredContent":{"n":1.10},"isError":false}"#,
        r#"{"success":true,"data":{"n":1.10},"error":null,"timestamp":"T"}"#,
    );
    check_result(
        r#""content":[],"structuredContent":null"#,
        r#"{"content":[],"structuredContent":null,"isError":false}"#,
        r#"{"success":true,"data":null,"error":null,"timestamp":"T"}"#,
    );
    check_result(
        r#""content":[{"type":"image","data":"AA","mimeType":"image/png"}]"#,
        r#"{"content":[{"type":"image","data":"AA","mimeType":"image/png"}],"isError":false}"#,
        r#"{"success":true,"data":[{"type":"image","data":"AA","mimeType":"image/png"}],"error":null,"timestamp":"T"}"#,
    );
    check_result(
        r#""content":[{"type":"text","text":"no \"such\" disk"}],"isError":true"#,
        r#"{"content":[{"type":"text","text":"no \"such\" disk"}],"isError":true}"#,
        r#"{"success":false,"data":null,"error":"no \"such\" disk","timestamp":"T"}"#,
    );
}

#[test]
fn what_kept_a_call_from_its_result_has_a_status() {
    let error = |code: i32| format!(r#"{{"jsonrpc":"2.0","id":0,"error":{{"code":{code},"message":"m","data":1}}}}"#);
    let rows = [
        (200, error(-32602), 422),
        (200, error(-32603), 500),
        (LATE, error(-32603), 504),
        (503, error(-32603), 503),
        (400, error(-32021), 409),
        (400, error(-32600), 400),
        (200, error(-32099), 500),
        (200, r#"{"jsonrpc":"2.0","id":0,"result":{"resultType":"input_required","requestState":"x"}}"#.into(), 409),
        (200, r#"{"jsonrpc":"2.0","id":0,"result":{"resultType":"task","taskId":"x"}}"#.into(), 409),
        (200, "nonsense".into(), 500),
        (200, "{}".into(), 500),
    ];
    for (status, text, want) in rows {
        let problem = outcome::read(status, text.as_bytes()).expect_err(&text);
        assert_eq!(problem.status, want, "{status} {text}");
    }
    let broken = answered(r#""content":[{"type":"text","text":"Invalid arguments: x"}],"isError":true"#);
    let problem = outcome::read(BAD_ARGUMENTS, &broken).expect_err("arguments that do not fit");
    assert_eq!((problem.status, &*problem.message), (422, "Invalid arguments: x"));
    assert_eq!(rest::problem(&problem), br#"{"error":{"code":-32602,"message":"Invalid arguments: x"}}"#);
    assert!(outcome::read(200, &broken).expect("a tool's own failure").is_error);
    let told = String::from_utf8(command::problem(&problem, "T")).expect("UTF-8");
    assert_eq!(told, r#"{"success":false,"data":null,"error":"Invalid arguments: x","timestamp":"T"}"#);
}

#[test]
fn a_deep_result_is_passed_on() {
    // Deeper than the parser of requests goes: a tool may give what a caller may not send.
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let text = answered(&format!(r#""content":[],"structuredContent":{deep}"#));
    let result = outcome::read(200, &text).expect("a result");
    assert_eq!(result.structured_content.map(|raw| raw.get()), Some(&*deep));
}
