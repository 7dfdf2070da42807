//! A running `ringway` that speaks TLS.
//!
//! Goal: files that are renewed are taken, bad ones change nothing and are told, and Ringway's own client reads what it serves.
//! Method: the binary as a child with certificates of its own; the log and the certificate that a client is shown say what is
//! in force.
#![forbid(unsafe_code)]

#[path = "../../../dataplane/tests/common/certificates.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of what is shared")]
mod certificates;
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use certificates::{Authority, Folder, Issued};
use common::{DEADLINE, Ringway};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, StreamOwned};

fn start(folder: &Folder, more: &[&str]) -> (Ringway, SocketAddr) {
    let free = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--shards", "1"];
    let files = ["--tls-certificate", "server.pem", "--tls-key", "server.key", "--set=reload.check_every=100ms"];
    let mut ringway = Ringway::start_in(&folder.path("."), &[&free[..], &files, more].concat());
    loop {
        let line = ringway.line().expect("a greeting");
        if let Some(url) = line.trim().strip_prefix("MCP") {
            let authority = url.trim().strip_prefix("https://").expect("TLS").split('/').next();
            return (ringway, authority.and_then(|text| text.parse().ok()).expect("an address"));
        }
    }
}

/// The certificate that a client is shown, once it is served.
fn shown(authority: &Authority, address: SocketAddr) -> Option<CertificateDer<'static>> {
    let session = ClientConnection::new(authority.anybody(), "localhost".try_into().ok()?).ok()?;
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stream.conn.peer_certificates()?.first().cloned()
}

#[track_caller]
fn await_shown(authority: &Authority, address: SocketAddr, issued: &Issued) {
    let began = Instant::now();
    while shown(authority, address).as_ref() != Some(&issued.der) {
        assert!(began.elapsed() < DEADLINE, "it is not shown");
    }
}

#[test]
fn renewed_files_are_taken_and_bad_ones_are_told() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let names = ["localhost", "127.0.0.1"];
    let first = authority.issue(&names);
    first.files(&folder, "server");
    let (mut ringway, address) = start(&folder, &[]);
    assert_eq!(shown(&authority, address).as_ref(), Some(&first.der));

    let second = authority.issue(&names);
    second.files(&folder, "server");
    ringway.log_line("configuration reloaded");
    await_shown(&authority, address, &second);

    // A certificate of another key.
    let third = authority.issue(&names);
    folder.write("server.pem", &third.certificate_pem());
    ringway.log_line("it is not the key of");
    ringway.log_line("configuration kept as it was");
    await_shown(&authority, address, &second);
    folder.write("server.key", &third.key_pem());
    ringway.log_line("configuration reloaded");
    await_shown(&authority, address, &third);

    ringway.signal("TERM");
    assert!(ringway.end().success());
}

#[test]
fn a_signal_is_enough() {
    let (authority, folder) = (Authority::new(), Folder::new());
    authority.issue(&["localhost", "127.0.0.1"]).files(&folder, "server");
    let (mut ringway, address) = start(&folder, &["--set=reload.watch=false"]);
    let second = authority.issue(&["localhost", "127.0.0.1"]);
    second.files(&folder, "server");
    ringway.signal("HUP");
    ringway.log_line("configuration reloaded");
    await_shown(&authority, address, &second);
    ringway.signal("TERM");
    assert!(ringway.end().success());
}

#[test]
fn its_own_client_reads_it() {
    let (authority, folder) = (Authority::new(), Folder::new());
    authority.issue(&["localhost", "127.0.0.1"]).files(&folder, "server");
    let ca = authority.file(&folder, "ca.pem");
    let (mut ringway, address) = start(&folder, &[]);
    let run = |trust: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        let url = format!("https://{address}/mcp");
        command.args(["tools", "call", "echo", "text=sealed", "--url", &url, "-o", "json"]);
        if trust {
            command.env("SSL_CERT_FILE", &ca);
        } else {
            command.env_remove("SSL_CERT_FILE");
        }
        command.output().expect("it runs")
    };
    let output = run(true);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("sealed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(run(false).status.code(), Some(0), "nobody vouches for it");
    ringway.signal("TERM");
    assert!(ringway.end().success());
}
