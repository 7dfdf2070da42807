//! `ringway serve` as an operator meets it: how it starts, why it does not, how it ends.
//!
//! Goal: SIGTERM drains and exits with 0; what keeps it from starting is said in a sentence, with exit code 2.
//! Method: the binary as a child on free ports.
#![forbid(unsafe_code)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{DEADLINE, Ringway, told_address};

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time");
    stream
}

#[test]
fn sigterm_ends_what_waits_and_exits_well() {
    for signal in ["TERM", "INT"] {
        let mut ringway = Ringway::start(&[&["serve", "--shards", "2"], &FREE[..]].concat());
        let address = told_address(&mut ringway, "MCP");
        let mut idle = connect(address);
        let silent = connect(address);
        let mut room = [0; 512];
        let deadline = Instant::now() + DEADLINE;
        // The greeting comes with the first shard, readiness with the last.
        loop {
            idle.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
            let count = idle.read(&mut room).expect("an answer");
            if room[..count].starts_with(b"HTTP/1.1 200 OK\r\n") {
                break;
            }
            assert!(room[..count].starts_with(b"HTTP/1.1 503 "));
            assert!(Instant::now() < deadline, "it does not get ready");
        }

        let body = r#"{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
        let mut listener = connect(address);
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                    MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n";
        write!(listener, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("it reads");
        let mut seen = String::new();
        while !seen.contains("acknowledged") {
            let count = listener.read(&mut room).expect("a stream");
            assert!(count > 0, "{seen}");
            seen.push_str(std::str::from_utf8(&room[..count]).expect("UTF-8"));
        }
        ringway.signal(signal);
        seen.clear();
        listener.read_to_string(&mut seen).expect("the stream's end");
        assert!(seen.contains(r#""id":7,"result":{"#), "{seen}");
        assert!(seen.ends_with("0\r\n\r\n"), "{seen}");
        assert_eq!(ringway.end().code(), Some(0), "{signal}");
        let log = ringway.errors();
        assert!(log.iter().all(|line| line.contains(r#""level":"INFO""#)), "{log:?}");
        assert!(log.iter().any(|line| line.contains(r#""message":"drained""#)), "{log:?}");
        drop(silent);
    }
}

#[track_caller]
fn check_refused(mut ringway: Ringway, want: &str) {
    let status = ringway.end();
    let errors = ringway.errors();
    assert_eq!(status.code(), Some(2), "{errors:?}");
    let found = errors.iter().find(|line| line.contains(want));
    let line = found.unwrap_or_else(|| panic!("no {want:?} in {errors:?}"));
    assert!(line.starts_with("ringway: "), "{line}");
    assert!(errors.len() <= 3, "a sentence each: {errors:?}");
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string()));
    let (_held, address) = taken.expect("an address");
    let with = |arguments: &[&str]| Ringway::start(&[&["serve"], arguments].concat());
    let free = |first: &[&str]| with(&[first, &FREE[..]].concat());
    check_refused(with(&["--listen", &address]), &address);
    let admin = ["--listen", "127.0.0.1:0", "--admin-listen", &address];
    check_refused(with(&admin), &address);
    check_refused(free(&["--shards", "0"]), "--shards");
    check_refused(free(&["--shards", "1000000"]), "--shards");
    check_refused(free(&["--cpus", "4095"]), "4095");
    check_refused(free(&["--allow-host", "two words"]), "--allow-host");
    check_refused(free(&["--allow-origin", "two words"]), "--allow-origin");
    // clap says what it thinks of the rest in its own words.
    let mut ringway = free(&["--cpus", "5-2"]);
    assert_eq!(ringway.end().code(), Some(2));
}

#[test]
fn what_the_machine_does_not_grant_is_said() {
    let arguments = [&["serve", "--shards", "2"], &FREE[..]].concat();
    for (limits, want) in [("-l 64", "locked memory"), ("-n 48", "open files")] {
        check_refused(Ringway::start_limited(limits, &arguments), want);
        check_refused(Ringway::start_limited(limits, &["stdio"]), want);
    }
}

/// Whether a client gets an answer there.
fn is_answered(stream: &mut TcpStream) -> bool {
    let mut room = [0; 512];
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").is_ok()
        && stream.read(&mut room).is_ok_and(|count| room[..count].starts_with(b"HTTP/1.1 200 OK\r\n"))
}

/// Goal: without descriptors those who are there are served and nobody waits for ever, and afterwards everybody is.
/// Method: more connections than the process may have, on either pump.
#[test]
fn out_of_descriptors_it_serves_whom_it_has_and_later_everybody() {
    for driver in ["io.driver=auto", "io.driver=glommio"] {
        let arguments = [&["serve", "--shards", "1", "--set", driver], &FREE[..]].concat();
        let mut ringway = Ringway::start_limited("-n 160", &arguments);
        let address = told_address(&mut ringway, "MCP");
        let mut early = connect(address);
        assert!(is_answered(&mut early), "{driver}");
        let crowd: Vec<TcpStream> = (0..300).map(|_| connect(address)).collect();
        ringway.log_line("connections cannot be accepted");
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(10));
            assert!(is_answered(&mut early), "{driver}: one that is there is served on");
        }
        drop(crowd);
        let deadline = Instant::now() + DEADLINE;
        // One more may be turned away while the crowd goes.
        while !is_answered(&mut connect(address)) {
            assert!(Instant::now() < deadline, "{driver}: it is not served afterwards");
        }
        ringway.signal("TERM");
        assert_eq!(ringway.end().code(), Some(0), "{driver}");
        let complaints = ringway.errors().iter().filter(|line| line.contains("connections cannot be accepted")).count();
        // Once a shortage: a descriptor that is free for a moment ends one.
        assert!(complaints < 8, "{driver}: {complaints} more complaints");
    }
}

/// Goal: whoever cannot start ends, and does not wait for somebody to read why. Method: a log that is a pipe nobody
/// reads, and standard error that is full.
#[test]
fn what_nobody_reads_does_not_keep_it_from_ending() {
    let pipe = std::env::temp_dir().join(format!("ringway-pipe-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let run = |stderr: Stdio| {
        let log = format!("log.file={}", pipe.display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        command.arg("serve").args(FREE).args(["--set", &log]).stdout(Stdio::null()).stderr(stderr);
        let mut child = command.spawn().expect("it starts");
        let (sender, ended) = std::sync::mpsc::channel();
        let errors = child.stderr.take();
        let id = child.id();
        std::thread::spawn(move || sender.send(child.wait()));
        let code = ended.recv_timeout(DEADLINE).map(|status| status.expect("an end").code());
        if code.is_err() {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        let mut text = String::new();
        if let Some(mut errors) = errors {
            errors.read_to_string(&mut text).expect("UTF-8");
        }
        (code, text)
    };
    let (code, text) = run(Stdio::piped());
    assert_eq!(code, Ok(Some(2)), "{text}");
    assert!(text.contains("the log cannot be written") && text.contains("log.file"), "{text}");

    let (_unread, mut full) = std::io::pipe().expect("a pipe");
    // What a pipe of Linux holds.
    full.write_all(&[b' '; 65536]).expect("room");
    assert_eq!(run(full.into()).0, Ok(Some(2)));
    std::fs::remove_file(&pipe).expect("it goes");
}
