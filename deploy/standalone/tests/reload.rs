//! A running `ringway` whose configuration changes.
//!
//! Goal: what is good is in force at once, what is bad changes nothing and is told, and no call fails meanwhile,
//! however the file is replaced.
//! Method: the binary as a child under load; the bound on bodies shows which configuration is in force; the log says
//! what became of each file.
#![forbid(unsafe_code)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use common::{DEADLINE, Ringway};

const FREE: [&str; 8] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
    "--shards",
    "2",
    // The log is read here, and is about state.
    "--set=access_log.enabled=false",
];

/// A directory of one test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("ringway-reload-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is in the system's temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn body_limit(bytes: usize) -> String {
    format!("reload:\n  check_every: 100ms\nlimits:\n  body_bytes_max: {bytes}\n")
}

/// As editors save: another file takes the name.
fn rename_over(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, file).expect("renamed");
}

#[track_caller]
fn address(ringway: &mut Ringway) -> SocketAddr {
    loop {
        let line = ringway.line().expect("a greeting");
        if let Some(url) = line.trim().strip_prefix("MCP") {
            let authority = url.trim().trim_start_matches("http://").split('/').next();
            return authority.and_then(|text| text.parse().ok()).expect("an address");
        }
    }
}

/// One keep-alive connection.
struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        Client(stream)
    }

    /// The status of an answer, once its body is there.
    fn status(&mut self) -> std::io::Result<u16> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        std::io::copy(&mut (&self.0).take(length.unwrap_or(0)), &mut std::io::sink())?;
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(std::io::ErrorKind::InvalidData.into())
    }

    fn ready(&mut self) -> std::io::Result<u16> {
        self.0.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        self.status()
    }

    /// Calls `echo` with a body of so many bytes.
    fn call(&mut self, bytes: usize) -> std::io::Result<u16> {
        let before = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":""#;
        let after = concat!(
            r#""},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
            r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#
        );
        let text = "x".repeat(bytes - before.len() - after.len());
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n\
             Content-Length: {bytes}\r\n\r\n{before}{text}{after}"
        );
        // An answer may come, and the connection close, before all of a body that is too large is sent.
        let written = self.0.write_all(request.as_bytes());
        self.status().or_else(|error| written.and(Err(error)))
    }
}

/// Waits until a body may have so many bytes and not one more, on every connection.
#[track_caller]
fn await_limit(address: SocketAddr, bytes: usize) {
    let began = Instant::now();
    let mut agreeing = 0;
    // Connections land on any shard; ten in a row have met both, or a thousandth of runs is luckier than it should be.
    while agreeing < 10 {
        let fits = Client::new(address).call(bytes).ok();
        let exceeds = Client::new(address).call(bytes + 1).ok();
        let agrees = fits == Some(200) && exceeds == Some(413);
        agreeing = if agrees { agreeing + 1 } else { 0 };
        assert!(began.elapsed() < DEADLINE, "{bytes} bytes are answered {fits:?}, one more {exceeds:?}");
    }
}

/// Clients that call without a pause until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicU64>,
    clients: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(address: SocketAddr) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicU64::new(0));
        let client = |index: usize| {
            let (stop, good) = (Arc::clone(&stop), Arc::clone(&good));
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let status = if index == 0 { client.ready() } else { client.call(400) };
                    match status {
                        Ok(200) => {
                            good.fetch_add(1, Ordering::Relaxed);
                        }
                        other => {
                            failed.push(format!("client {index}: {other:?}"));
                            client = Client::new(address);
                        }
                    }
                }
                failed
            })
        };
        let clients = (0..4).map(client).collect();
        Load { stop, good, clients }
    }

    /// Waits for so many more good answers, so that each configuration meets calls.
    #[track_caller]
    fn await_calls(&self, count: u64) {
        let began = Instant::now();
        let wanted = self.good.load(Ordering::Relaxed) + count;
        while self.good.load(Ordering::Relaxed) < wanted {
            assert!(began.elapsed() < DEADLINE, "calls are answered");
            std::thread::yield_now();
        }
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self.clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect();
        (self.good.load(Ordering::Relaxed), failed)
    }
}

const BAD: [&str; 5] = [
    "limits:\n  body_byte_max: 9KiB\n",
    "limits: {body_bytes_max: 9KiB\n",
    "limits:\n  body_bytes_max: 9KiB\n  head_bytes_max: 4KiB\n",
    "",
    "limits:\n  body_bytes_max: 9K\n",
];

#[test]
fn a_hundred_reloads_under_load_fail_no_call() {
    let directory = Directory::new("load");
    let file = directory.file("ringway.yaml");
    rename_over(&file, &body_limit(2048));
    let mut ringway = Ringway::start_in(&directory.0, &[&FREE[..], &["--set=reload.watch=false"]].concat());
    let address = address(&mut ringway);
    await_limit(address, 2048);
    let load = Load::start(address);
    let mut limit = 2048;
    for round in 0..100 {
        if round % 2 == 0 {
            limit = if limit == 2048 { 3000 } else { 2048 };
            rename_over(&file, &body_limit(limit));
            ringway.signal("HUP");
            let line = ringway.log_line("configuration changed");
            assert!(line.contains("limits.body_bytes_max"), "{line}");
            ringway.log_line("configuration reloaded");
            await_limit(address, limit);
        } else {
            rename_over(&file, BAD[round / 2 % BAD.len()]);
            ringway.signal("HUP");
            ringway.log_line("configuration kept as it was");
            assert_eq!(Client::new(address).call(limit).ok(), Some(200), "the old limit stays");
        }
        load.await_calls(20);
    }
    await_limit(address, limit);
    let (good, failed) = load.end();
    assert_eq!(failed, [] as [String; 0], "beside {good} good ones");
    assert!(good >= 2000, "{good}");
    ringway.signal("TERM");
    assert_eq!(ringway.end().code(), Some(0));
}

#[test]
fn a_changed_file_is_noticed_however_it_is_replaced() {
    let directory = Directory::new("watch");
    // As Kubernetes mounts a ConfigMap: the file is a link into a directory that is a link that is swapped.
    let mount = |number: usize, bytes: usize| {
        let folder = directory.file(&format!("..{number}"));
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::write(folder.join("ringway.yaml"), body_limit(bytes)).expect("written");
        let link = directory.file("..new");
        std::os::unix::fs::symlink(&folder, &link).expect("a link");
        std::fs::rename(&link, directory.file("..data")).expect("swapped");
    };
    mount(1, 2000);
    let file = directory.file("ringway.yaml");
    std::os::unix::fs::symlink("..data/ringway.yaml", &file).expect("a link");
    let mut ringway = Ringway::start_in(&directory.0, &FREE);
    let address = address(&mut ringway);
    await_limit(address, 2000);
    mount(2, 2001);
    await_limit(address, 2001);
    mount(3, 2002);
    await_limit(address, 2002);
    rename_over(&file, &body_limit(2003));
    await_limit(address, 2003);
    std::fs::write(&file, body_limit(2004)).expect("written in place");
    await_limit(address, 2004);

    // Gone, then there again: the old one stays meanwhile.
    std::fs::remove_file(&file).expect("removed");
    let line = ringway.log_line("there is no such file");
    assert!(line.contains("ringway.yaml"), "{line}");
    await_limit(address, 2004);
    std::fs::write(&file, body_limit(2005)).expect("written again");
    await_limit(address, 2005);
}

#[test]
fn what_was_done_with_a_file_is_told() {
    let directory = Directory::new("told");
    let file = directory.file("ringway.yaml");
    let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    rename_over(&file, &body_limit(2000));
    let mut ringway = Ringway::start_in(&directory.0, &[&FREE[..], &["--set=reload.watch=false"]].concat());
    let address = address(&mut ringway);

    ringway.signal("HUP");
    ringway.log_line("nothing changed");

    // Flags win, also over a new file; what needs a restart is named and stays; a secret is not told.
    let text = format!("server:\n  shards: 1\n  state_key: {key}\nlog:\n  format: pretty\n  level: debug\n");
    rename_over(&file, &format!("{text}{}", body_limit(2500)));
    ringway.signal("HUP");
    let changed = ringway.log_line("configuration changed");
    assert!(changed.contains(r#""key":"limits.body_bytes_max""#), "{changed}");
    assert!(changed.contains(r#""from":"2000""#) && changed.contains(r#""to":"2500""#), "{changed}");
    assert!(changed.contains("ringway.yaml:10:3"), "{changed}");
    assert!(ringway.log_line("configuration changed").contains(r#""key":"log.level""#));
    let waits = ringway.log_line("needs a restart");
    assert!(waits.contains("server.state_key") && waits.contains("********") && !waits.contains(key), "{waits}");
    assert!(ringway.log_line("needs a restart").contains("log.format"));
    ringway.log_line("configuration reloaded");
    await_limit(address, 2500);

    rename_over(&file, "limits:\n  body_byte_max: 1\n  typo: 2\n");
    ringway.signal("HUP");
    assert!(ringway.log_line("ERROR").contains("limits.body_byte_max"));
    assert!(ringway.log_line("ERROR").contains("limits.typo"));
    assert!(ringway.log_line("ERROR").contains(r#""errors":2"#));
    await_limit(address, 2500);

    // A level that leaves out good news is in force for the next reload.
    rename_over(&file, &format!("log:\n  level: error\n{}", body_limit(2500)));
    ringway.signal("HUP");
    assert!(ringway.log_line("configuration changed").contains("log.level"));
    rename_over(&file, &format!("log:\n  level: error\n{}", body_limit(2600)));
    ringway.signal("HUP");
    await_limit(address, 2600);
    rename_over(&file, "typo: 1\n");
    ringway.signal("HUP");
    let next = ringway.log_line("");
    assert!(next.contains("there is no key typo"), "{next}");
}
