//! Goal: each operation takes its right answer and no other. Method: the answers of servers as they are, and as they
//! must not be.

use super::{digits, script};
use crate::wire::expect::Wrong;
use crate::wire::response::Answer;

const TEXT: &str =
    "100000000007 and every core goes around its own ring, answers what it was asked, then listens again.";

#[track_caller]
fn check(toml: &str, event_count: u32, body: &str, want: Result<(), Wrong>) {
    let answer = Answer { status: 200, head: b"", body: body.as_bytes(), event_count, closes: false };
    assert_eq!(script(toml).check(0, digits(7), &answer), want, "{body}");
}

fn result(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":100000000007,"result":{{{members}}}}}"#)
}

const WRONG: Result<(), Wrong> = Err(Wrong::Content);

#[test]
fn a_call_of_echo() {
    let right = result(&format!(r#""content":[{{"type":"text","text":"{TEXT}"}}]"#));
    for group in ["", "era = 'legacy'\n", "face = 'web_socket'\n"] {
        let toml = format!("{group}[[mix]]\noperation = 'call'");
        check(&toml, 0, &right, Ok(()));
        check(&toml, 0, &right.replace("000007,", "000008,"), WRONG);
        check(&toml, 0, &right.replace("000007 and", "000008 and"), WRONG);
        check(&toml, 0, &right.replace("again", "AGAIN"), WRONG);
        check(&toml, 0, &right.replace("}}", ",\"isError\":true}}"), WRONG);
        check(&toml, 0, &right.replace("\"result\"", "\"error\""), WRONG);
        check(&toml, 0, "", WRONG);
    }
}

#[test]
fn what_is_called_otherwise() {
    let other = "[[mix]]\noperation = 'call'\ntool = 'now'";
    check(other, 0, &result(r#""content":[]"#), Ok(()));
    check(other, 0, &result(r#""content":[],"isError":true"#), WRONG);
    let stream = "[[mix]]\noperation = 'stream'\ntool = 'slow'";
    check(stream, 1, &result(""), Ok(()));
    check(stream, 0, &result(""), WRONG);
    check(&format!("{stream}\nexpect = {{ events_min = 0 }}"), 0, &result(""), Ok(()));
    check(&format!("{stream}\nexpect = {{ events_min = 3 }}"), 2, &result(""), WRONG);
}

#[test]
fn lists_and_discovery() {
    let list = "[[mix]]\noperation = 'list'";
    check(list, 0, &result(r#""tools":[]"#), Ok(()));
    check(list, 0, &result(r#""prompts":[]"#), WRONG);
    check("face = 'rest'\n[[mix]]\noperation = 'list'", 0, r#"{"tools":[]}"#, Ok(()));
    check("face = 'rest'\n[[mix]]\noperation = 'list'", 0, r#"{"error":1}"#, WRONG);
    check("[[mix]]\noperation = 'discover'", 0, &result(r#""supportedVersions":[]"#), Ok(()));
    check("era = 'legacy'\n[[mix]]\noperation = 'discover'", 0, &result(""), Ok(()));
    check("era = 'legacy'\n[[mix]]\noperation = 'discover'", 0, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, WRONG);
}

#[test]
fn faces_of_older_systems() {
    let rest = format!(r#"{{"content":[{{"type":"text","text":"{TEXT}"}}],"isError":false}}"#);
    check("face = 'rest'\n[[mix]]\noperation = 'call'", 0, &rest, Ok(()));
    check("face = 'rest'\n[[mix]]\noperation = 'call'", 0, &rest.replace("false", "true"), WRONG);
    let command = format!(r#"{{"success":true,"data":"{TEXT}","error":null,"timestamp":"T"}}"#);
    check("face = 'command'\n[[mix]]\noperation = 'call'", 0, &command, Ok(()));
    check("face = 'command'\n[[mix]]\noperation = 'call'", 0, &command.replace("true", "false"), WRONG);
    check("face = 'http'\n[[mix]]\noperation = 'get'", 0, "whatever", Ok(()));
}

#[test]
fn what_the_workload_expects_instead() {
    let call = "[[mix]]\noperation = 'call'\nexpect = ";
    let constant = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    check(&format!("{call}{{ constant = true }}"), 0, constant, Ok(()));
    check(&format!("{call}{{ constant = true }}"), 0, &constant.replace("result", "error"), WRONG);
    check(&format!("{call}{{ contains = ['n {{{{_counter}}}}'] }}"), 0, "n 100000000007", Ok(()));
    check(&format!("{call}{{ contains = ['n {{{{_counter}}}}'] }}"), 0, "n 100000000008", WRONG);
    check(&format!("{call}{{ contains = [], body_bytes = 3 }}"), 0, "four", Err(Wrong::Length));
    check(&format!("{call}{{ status = 503 }}"), 0, constant, Err(Wrong::Status));
}

#[test]
fn a_constant_answer_keeps_its_length() {
    let mut script = script("[[mix]]\noperation = 'call'\nexpect = { constant = true }");
    let body = r#"{"result":{}}"#;
    let mut check = |count: u64, body: &str| {
        script.check(
            0,
            digits(count),
            &Answer { status: 200, head: b"", body: body.as_bytes(), event_count: 0, closes: false },
        )
    };
    assert_eq!(check(1, body), Ok(()));
    assert_eq!(check(2, body), Ok(()));
    assert_eq!(check(3, r#"{"result": {}}"#), Err(Wrong::Length));
}
