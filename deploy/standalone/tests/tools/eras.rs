//! How the era of a server is found out: what falls back to `initialize`, what does not, and what a session is sent.

use serde_json::{Value, json};

use crate::common::stub::{Asked, Stub, json as json_answer, plain};
use crate::{said, tool, tools};

/// A server of 2025-06-18, which meets `server/discover` with this answer.
fn older(meets: impl Fn(&Asked) -> String + Send + 'static) -> Stub {
    Stub::start(move |asked| match asked.method() {
        "server/discover" => meets(asked),
        "initialize" => {
            let result = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {} });
            let message = json!({ "jsonrpc": "2.0", "id": asked.body["id"], "result": result });
            plain(200, "Content-Type: application/json\r\nMcp-Session-Id: s-1\r\n", &message.to_string())
        }
        "notifications/initialized" => plain(202, "", ""),
        "tools/list" => asked.result(json!({ "tools": [tool("old")] })),
        "tools/call" => asked.result(json!({ "content": [{ "type": "text", "text": "done" }] })),
        _ => plain(200, "", ""),
    })
}

const HTML: &str = "Content-Type: text/html\r\n";

#[test]
fn servers_from_before_are_spoken_to_as_they_know_it() {
    fn unsupported(data: Value) -> Value {
        json!({ "code": -32022, "message": "Unsupported protocol version", "data": data })
    }
    type Meets = fn(&Asked) -> String;
    let ways: [(&str, Meets); 9] = [
        ("an unknown method", |asked| asked.error(200, json!({ "code": -32601, "message": "Method not found" }))),
        ("the same as 2026-07-28 has it", |asked| asked.error(404, json!({ "code": -32601, "message": "No" }))),
        ("an SDK's no", |_| {
            json_answer(
                400,
                &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32000, "message": "Bad Request: Server not initialized" } }),
            )
        }),
        ("an invalid request", |asked| asked.error(400, json!({ "code": -32600, "message": "no session" }))),
        ("a plain 400", |_| plain(400, HTML, "<h1>Bad Request</h1>")),
        ("a plain 404", |_| plain(404, HTML, "")),
        ("a plain 405", |_| plain(405, "Allow: GET\r\n", "")),
        ("older revisions in its error", |asked| asked.error(400, unsupported(json!({ "supported": ["2025-11-25"] })))),
        ("older revisions alone", |asked| asked.result(json!({ "supportedVersions": ["2025-11-25"] }))),
    ];
    for (way, meets) in ways {
        let stub = older(meets);
        let listed = tools(&stub.url(), &["list"]).json();
        assert_eq!(listed[0]["name"], "old", "{way}");
        let methods = stub.methods();
        assert_eq!(methods, ["server/discover", "initialize", "notifications/initialized", "tools/list", ""], "{way}");
    }
}

#[test]
fn a_session_is_named_and_ended() {
    let stub = older(|_| plain(404, "", ""));
    let called = tools(&stub.url(), &["call", "old", "{}", "-o", "table"]);
    assert_eq!((called.code, called.out.as_str()), (0, "done\n"), "{}", called.err);
    let asked = stub.asked();
    let [_, initialize, initialized, call, end] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(initialize.header("mcp-session-id"), None);
    assert_eq!(initialize.header("mcp-protocol-version"), None);
    assert_eq!(initialize.body["params"]["protocolVersion"], "2025-11-25");
    for later in [initialized, call, end] {
        assert_eq!(later.header("mcp-session-id"), Some("s-1"));
        assert_eq!(later.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(later.header("mcp-method"), None);
    }
    assert_eq!(call.body["params"], json!({ "name": "old", "arguments": {} }));
    assert_eq!(end.verb, "DELETE");
}

#[test]
fn what_says_nothing_of_an_era_is_no_reason_to_fall_back() {
    type Meets = fn(&Asked) -> String;
    let ways: [(&str, Meets); 10] = [
        ("--header 'Authorization: Bearer", |_| plain(401, "WWW-Authenticate: Bearer\r\n", "")),
        ("(401)", |asked| asked.error(401, json!({ "code": -32000, "message": "who are you" }))),
        ("does not allow", |_| plain(403, "", "")),
        ("name http://elsewhere/mcp with --url", |_| plain(307, "Location: http://elsewhere/mcp\r\n", "")),
        ("try again in 7 s", |_| plain(503, "Retry-After: 7\r\n", "")),
        ("status 500: oh no", |_| plain(500, "Content-Type: text/plain\r\n", "oh\nno")),
        ("not MCP: check the path", |_| plain(200, HTML, "<h1>Welcome</h1>")),
        ("header (-32020)", |asked| asked.error(400, json!({ "code": -32020, "message": "header" }))),
        ("[\"2031-01-01\"]", |asked| {
            asked.error(400, json!({ "code": -32022, "message": "", "data": { "supported": ["2031-01-01"] } }))
        }),
        ("not MCP: key must be a string", |_| plain(200, "Content-Type: application/json\r\n", "{oops")),
    ];
    for (want, meets) in ways {
        let stub = older(meets);
        tools(&stub.url(), &["list"]).check_refused(1, want);
        assert_eq!(stub.methods(), ["server/discover"], "{want}");
    }
}

#[test]
fn a_server_of_neither_era_is_refused() {
    let stub = Stub::start(|_| plain(404, HTML, "<h1>Not Found</h1>"));
    tools(&stub.url(), &["list"]).check_refused(1, "does not serve MCP (404)");
    assert_eq!(stub.methods(), ["server/discover", "initialize"]);
    let stub = Stub::start(|asked| match asked.method() {
        "initialize" => asked.result(json!({ "protocolVersion": "1999-01-01" })),
        _ => plain(404, "", ""),
    });
    tools(&stub.url(), &["list"]).check_refused(1, "revision 1999-01-01");
}

/// Goal: a token goes out with every request and comes back in no message. Method: servers that like it and do not.
#[test]
fn a_token_is_sent_and_never_said() {
    let stub = older(|asked| {
        if asked.header("authorization") == Some("Bearer sesame") { plain(404, "", "") } else { plain(401, "", "") }
    });
    let flags = ["call", "old", "{}", "--header", "Authorization: Bearer sesame", "--header", "X-Team: a: b"];
    assert_eq!(tools(&stub.url(), &flags).json()["content"], said("done")["content"]);
    for asked in stub.asked() {
        assert_eq!((asked.header("authorization"), asked.header("x-team")), (Some("Bearer sesame"), Some("a: b")));
    }
    let told = |headers: &str, url: &str| {
        crate::run_with(&["tools", "list", "--url", url], &[("RINGWAY_HEADER", headers)], "")
    };
    assert_eq!(told("Authorization: Bearer sesame\nX-Team: b\n", &stub.url()).code, 0);
    assert_eq!(stub.asked().last().and_then(|asked| asked.header("x-team").map(str::to_owned)).as_deref(), Some("b"));
    for (headers, url, code) in [
        ("Authorization: Bearer open-sesame", stub.url(), 1),
        ("Authorization Bearer sesame", stub.url(), 2),
        ("Bearer sesame: x", stub.url(), 2),
        ("Mcp-Name: sesame", stub.url(), 2),
        ("Authorization: sesame\u{7}", stub.url(), 2),
        ("Authorization: Bearer sesame", "http://127.0.0.1:1/mcp".to_owned(), 3),
    ] {
        let ended = told(headers, &url);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(!format!("{ended:?}").contains("sesame"), "{ended:?}");
    }
    let help = crate::run_with(&["tools", "list", "--help"], &[("RINGWAY_HEADER", "Authorization: sesame")], "");
    assert!(help.out.contains("RINGWAY_HEADER") && !help.out.contains("sesame"), "{}", help.out);
}
