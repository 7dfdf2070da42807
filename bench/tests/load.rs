//! The built program against small servers of our own: it must pass a right one and fail each way of being wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic, and its line says where")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

/// How a server goes wrong, at every hundredth answer.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    AnswersThePreviousRequest,
    Refuses,
    LongerBody,
    Closes,
    Stalls,
}

#[test]
fn a_right_server_passes_in_both_loops() {
    for rate in ["", "--rate 2000"] {
        let (exit_code, report) = load(Flaw::None, &format!("--preset echo-modern {rate}"));
        assert_eq!(exit_code, 0, "{report}");
        assert!(number(&report, "answer_count") > 100.0, "{report}");
        assert_eq!(number(&report, "error_count"), 0.0, "{report}");
    }
}

#[test]
fn a_legacy_server_gets_its_session_back() {
    let (exit_code, report) = load(Flaw::None, "--preset echo-legacy");
    assert_eq!(exit_code, 0, "{report}");
}

#[test]
fn every_kind_of_wrong_answer_fails_the_run() {
    #[track_caller]
    fn check(flaw: Flaw, count_name: &str) {
        let (exit_code, report) = load(flaw, "--preset echo-modern");
        assert_eq!(exit_code, 1, "{report}");
        assert!(number(&report, count_name) > 0.0, "{report}");
    }
    check(Flaw::AnswersThePreviousRequest, "wrong_content_count");
    check(Flaw::Refuses, "wrong_status_count");
    check(Flaw::LongerBody, "wrong_length_count");
    check(Flaw::Closes, "lost_count");
}

/// Goal: the open loop charges a stall to all requests that were due in it. Method: at 1,000 a
/// second on one connection, the server stands still for 20 ms at every hundredth answer.
#[test]
fn the_open_loop_sees_a_stall() {
    let (exit_code, report) = load(Flaw::Stalls, "--preset echo-modern --rate 1000 --connections 1");
    assert_eq!(exit_code, 0, "{report}");
    // 20 of every 100 requests are due in a stall; a closed loop would show it in 1 of 100.
    assert!(number(&report, "latency_us_p90") > 5_000.0, "{report}");
}

#[test]
fn without_a_server_it_says_so() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = ringway_bench(addr, "--preset get");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("connect"));
}

fn load(flaw: Flaw, options: &str) -> (i32, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap(), flaw));
        }
    });
    let output = ringway_bench(addr, &format!("--connections 4 {options}"));
    let report = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), report)
}

fn ringway_bench(addr: SocketAddr, options: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_ringway-bench"))
        .args([
            "load",
            "--addr",
            &addr.to_string(),
            "--seconds",
            "0.5",
            "--warmup-s",
            "0.1",
            "--wait",
            "sleep",
            "--json",
        ])
        .args(options.split_whitespace())
        .output()
        .unwrap()
}

fn number(report: &str, name: &str) -> f64 {
    let (_, after) = report.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {report}"));
    after.split([',', '}']).next().unwrap().parse().unwrap()
}

/// Answers what a request of ours holds between known words; a JSON parser would only hide what is on the wire.
fn serve(mut stream: TcpStream, flaw: Flaw) {
    let mut previous = String::new();
    let mut answer_count = 0;
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream) {
        answer_count += 1;
        let is_flawed = answer_count % 100 == 0;
        if request.starts_with("DELETE") {
            assert!(request.contains("Mcp-Session-Id: s-1\r\n"));
            send(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            continue;
        }
        if request.contains("\"initialize\"") {
            let body = r#"{"jsonrpc":"2.0","id":0,"result":{}}"#;
            let length = body.len();
            send(
                &mut stream,
                format!("HTTP/1.1 200 OK\r\nMcp-Session-Id: s-1\r\nContent-Length: {length}\r\n\r\n{body}"),
            )
            .unwrap();
            continue;
        }
        if request.contains("notifications/initialized") {
            send(&mut stream, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
            continue;
        }
        assert!(request.contains("2026-07-28") || request.contains("Mcp-Session-Id: s-1\r\n"), "{request}");
        let between = |from: &str, to: &str| request.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let (id, text) = (between("\"id\":", ","), between("\"text\":\"", "\""));
        let right = format!(r#"{{"id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#);
        let (status, body) = match flaw {
            Flaw::AnswersThePreviousRequest if is_flawed => (200, previous),
            Flaw::Refuses if is_flawed => (503, right.clone()),
            Flaw::LongerBody if is_flawed => (200, format!("{right} ")),
            Flaw::Closes if is_flawed => return,
            _ => (200, right.clone()),
        };
        if flaw == Flaw::Stalls && is_flawed {
            std::thread::sleep(Duration::from_millis(20));
        }
        previous = right;
        let length = body.len();
        if send(&mut stream, format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")).is_err() {
            return;
        }
    }
}

/// In one piece: a head and a body written apart would wait for each other's acknowledgement.
fn send(stream: &mut TcpStream, answer: impl AsRef<str>) -> std::io::Result<()> {
    stream.write_all(answer.as_ref().as_bytes())
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = String::new();
    let mut scratch = [0; 4096];
    loop {
        let read_bytes = stream.read(&mut scratch).ok().filter(|&read_bytes| read_bytes > 0)?;
        request += std::str::from_utf8(&scratch[..read_bytes]).unwrap();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let body_bytes = head
                .split_once("Content-Length: ")
                .map_or(0, |(_, after)| after.split("\r\n").next().unwrap().parse().unwrap());
            if body.len() == body_bytes {
                return Some(request);
            }
        }
    }
}
