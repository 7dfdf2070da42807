//! The `ringway` binary as a child: its lines read by a deadline, its end waited for. Whatever happens it does not
//! outlive its test.
#![allow(dead_code, reason = "each test binary uses its own part of what is shared")]

#[path = "../../../../dataplane/tests/common/checker.rs"]
pub mod checker;
pub mod stub;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything that must happen may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running `ringway`.
pub struct Ringway {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Receiver<String>,
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            // A stream that is not text, or a test that has ended, ends this.
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Ringway {
    pub fn start(arguments: &[&str]) -> Ringway {
        Ringway::run(Command::new(env!("CARGO_BIN_EXE_ringway")).args(arguments))
    }

    /// The same in a directory, where its configuration may be.
    pub fn start_in(directory: &std::path::Path, arguments: &[&str]) -> Ringway {
        Ringway::run(Command::new(env!("CARGO_BIN_EXE_ringway")).current_dir(directory).args(arguments))
    }

    /// The same under limits, in the words of `ulimit`.
    pub fn start_limited(limits: &str, arguments: &[&str]) -> Ringway {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limits} && exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_ringway"));
        Ringway::run(shell.args(arguments))
    }

    fn run(command: &mut Command) -> Ringway {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let input = child.stdin.take();
        let output = lines(child.stdout.take().expect("a pipe"));
        let errors = lines(child.stderr.take().expect("a pipe"));
        Ringway { child, input, output, errors }
    }

    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let input = self.input.as_mut().expect("open input");
        input.write_all(bytes.as_ref()).expect("it reads");
    }

    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line of standard output; `None` at its end.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError;
        match self.output.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {DEADLINE:?}"),
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next line of standard error that contains `part`.
    #[track_caller]
    pub fn log_line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.errors.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no line with {part:?} within {DEADLINE:?}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Everything it said on standard error, but what only tells how slow the machine was.
    pub fn errors(&mut self) -> Vec<String> {
        let is_of_the_machine =
            |line: &String| line.contains("a task kept its shard") || line.contains("a task keeps its shard");
        self.errors.iter().filter(|line| !is_of_the_machine(line)).collect()
    }
}

impl Drop for Ringway {
    fn drop(&mut self) {
        // It has ended already, or it must.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address on the greeting's line that begins with `name`.
#[track_caller]
pub fn told_address(ringway: &mut Ringway, name: &str) -> SocketAddr {
    loop {
        let line = ringway.line().expect("a greeting");
        let Some(url) = line.trim().strip_prefix(name) else {
            continue;
        };
        let authority = url.trim().trim_start_matches("http://").split('/').next();
        return authority.and_then(|text| text.parse().ok()).expect("an address");
    }
}
