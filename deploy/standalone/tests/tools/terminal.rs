//! On a terminal: text instead of JSON, progress while a call runs, and nothing that steers the terminal. The terminal
//! is util-linux's `script`; without it there is nothing to test here.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::common::stub::{Asked, Stub, events};
use crate::{discovered, said};

fn answer(asked: &Asked) -> String {
    if asked.method() == "server/discover" {
        return discovered(asked);
    }
    let token = &asked.body["params"]["_meta"]["progressToken"];
    let mut stream = String::new();
    if !token.is_null() {
        let params = json!({ "progressToken": token, "progress": 1, "total": 2, "message": "half\u{1b}[2J way" });
        let news = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        stream.push_str(&format!("data: {news}\n\n"));
    }
    let answer = json!({ "jsonrpc": "2.0", "id": asked.body["id"], "result": said("done\u{1b}[2J") });
    events(&format!("{stream}data: {answer}\n\n"))
}

/// Everything a terminal is sent; `None` where there is no terminal to have.
fn on_terminal(stub: &Stub, flags: &str) -> Option<String> {
    let command = format!("{} tools call slow --url {} {flags}", env!("CARGO_BIN_EXE_ringway"), stub.url());
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null());
    script.output().ok().map(|output| String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn a_terminal_shows_progress_and_text() {
    let stub = Stub::start(answer);
    let Some(shown) = on_terminal(&stub, "") else {
        return;
    };
    assert!(shown.contains("\r\u{1b}[K 50 %  1/2  half\u{fffd}[2J way\r\u{1b}[K"), "{shown:?}");
    assert!(shown.ends_with("done\u{fffd}[2J\r\n"), "{shown:?}");
    let quiet = on_terminal(&stub, "--quiet");
    assert_eq!(quiet.as_deref(), Some("done\u{fffd}[2J\r\n"));
    let json = on_terminal(&stub, "-q -o json").expect("a terminal");
    assert!(json.contains(r#""text": "done\u001b[2J""#), "{json:?}");
}
