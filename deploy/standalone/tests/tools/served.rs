//! Against `ringway serve`: listing, every way to give arguments, and what each kind of failure ends with.

use std::net::TcpListener;

use serde_json::json;

use crate::common::{Ringway, told_address};
use crate::{Run, run_with, tools};

fn served() -> (Ringway, String) {
    let mut ringway =
        Ringway::start(&["serve", "--shards", "1", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let url = format!("http://{}/mcp", told_address(&mut ringway, "MCP"));
    (ringway, url)
}

#[test]
fn tools_are_listed() {
    let (_ringway, url) = served();
    let listed = tools(&url, &["list"]).json();
    assert_eq!(listed[0]["name"], "echo");
    assert_eq!(listed[0]["inputSchema"]["required"], json!(["text"]));
    let Run { code, out, err } = tools(&url, &["list", "-o", "table"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("NAME ") && lines[0].ends_with("  DESCRIPTION"), "{out}");
    assert!(lines[1].starts_with("echo ") && lines[1].ends_with("  Gives back the text it is given."), "{out}");
    // The environment names a server, too.
    let found = run_with(&["tools", "list"], &[("RINGWAY_URL", &url)], "");
    assert_eq!(found.json(), listed);
}

#[test]
fn arguments_come_in_every_way() {
    let (_ringway, url) = served();
    let file = std::env::temp_dir().join(format!("ringway-arguments-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"text": "é\n1"}"#).expect("a place for files");
    let at = format!("@{}", file.display());
    for (given, want) in [
        (vec!["text=12.50"], "12.50\n"),
        (vec!["text={}"], "{}\n"),
        (vec![r#"{"text":"a=b"}"#], "a=b\n"),
        (vec![at.as_str()], "é\n1\n"),
    ] {
        let called = tools(&url, &[&["call", "echo", "-o", "table"], &given[..]].concat());
        assert_eq!((called.code, called.out.as_str(), called.err.as_str()), (0, want, ""), "{given:?}");
    }
    std::fs::remove_file(&file).expect("it is ours");
    let called = run_with(&["tools", "call", "echo", "-", "--url", &url], &[], r#" {"text": "piped"} "#).json();
    assert_eq!(called["content"], json!([{ "type": "text", "text": "piped" }]));
    let usage = tools(&url, &["call", "get_resource_usage", "-o", "json"]).json();
    assert!(usage["structuredContent"].is_object(), "{usage}");
}

#[test]
fn what_fails_says_why() {
    let (_ringway, url) = served();
    tools(&url, &["call", "ecko", "text=x"]).check_refused(1, "did you mean `echo`?");
    tools(&url, &["call", "ecko", "{}"]).check_refused(1, "did you mean `echo`?");
    tools(&url, &["call", "zzz"]).check_refused(1, "no tool is named `zzz`");
    tools(&url, &["call", "echo", "-o", "text"]).check_refused(1, "missing required property `text`");
    // Programs get what the tool said, and learn of its failure by the code.
    let failed = tools(&url, &["call", "echo", "{}", "-o", "json"]);
    assert_eq!((failed.code, failed.err.as_str()), (1, ""));
    assert!(failed.out.contains(r#""isError": true"#), "{}", failed.out);
    tools(&url, &["call", "echo", "{text: x}"]).check_refused(2, "JSON object");
    tools(&url, &["call", "echo", "@no/such/file"]).check_refused(2, "no/such/file");
    tools(&url.replace("/mcp", "/elsewhere"), &["list"]).check_refused(1, "check the path");
    tools(&url.replace("http:", "https:"), &["list"]).check_refused(3, "TLS with");
    tools("localhost:9999", &["list"]).check_refused(2, "--url must");
    for wrong in [&["tools", "lst"][..], &["tools", "list", "--timeout", "never"], &["tools", "call"], &["tolls"]] {
        assert_eq!(run_with(wrong, &[], "").code, 2, "{wrong:?}");
    }
    let mistyped = run_with(&["tools", "lst"], &[], "").err;
    assert!(mistyped.contains("'list'"), "{mistyped}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // Bound and let go: nothing listens there.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let down = tools(&format!("http://{free}/mcp"), &["list"]);
    down.check_refused(3, &format!("nothing listens on {free}: start it with `ringway serve`"));
    // It takes the connection, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/mcp", silent.local_addr().expect("an address"));
    let late = run_with(&["tools", "list", "--url", &url, "--timeout", "200ms"], &[], "");
    late.check_refused(3, "within 200ms: give it more --timeout");
}

/// Goal: a proxy of the environment is for other machines. Method: one that is not there.
#[test]
fn this_machine_is_reached_past_a_proxy() {
    let (_ringway, url) = served();
    let proxy = [("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", ""), ("ALL_PROXY", "http://127.0.0.1:1")];
    let list = |url: &str| run_with(&["tools", "list", "--url", url], &proxy, "");
    assert_eq!(list(&url).json()[0]["name"], "echo");
    // Kept for documentation: nobody has it.
    list("http://192.0.2.1/mcp").check_refused(3, "192.0.2.1 leads through a proxy");
}
