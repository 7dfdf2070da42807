//! TLS, against a server on rustls: whom it trusts, and whether sessions are resumed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, Stream};

use crate::load::run;
use crate::load::tests::plan;
use crate::stand_in::answer::{Answer, request_bytes};

struct Secured {
    addr: SocketAddr,
    resumed: Arc<AtomicU64>,
    /// Where the authority's certificate lies; goes with this.
    ca: PathBuf,
}

impl Secured {
    /// Its certificate is for `localhost` and 127.0.0.1.
    fn new(name: &str) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let issuer = Issuer::new(authority, authority_key);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let ca_path = std::env::temp_dir().join(format!("ringway-bench-{}-{name}.pem", std::process::id()));
        std::fs::write(&ca_path, pem(ca.der())).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let resumed = Arc::new(AtomicU64::new(0));
        let shared = resumed.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, resumed) = (config.clone(), shared.clone());
                std::thread::spawn(move || serve(stream.unwrap(), config, &resumed));
            }
        });
        Self { addr, resumed, ca: ca_path }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
    }
}

fn serve(mut stream: std::net::TcpStream, config: Arc<ServerConfig>, resumed: &AtomicU64) {
    // Two records would otherwise wait for each other's acknowledgement.
    stream.set_nodelay(true).unwrap();
    let mut session = ServerConnection::new(config).unwrap();
    let mut tls = Stream::new(&mut session, &mut stream);
    let (mut bytes, mut scratch, mut out) = (Vec::new(), [0; 4096], Vec::new());
    let mut is_counted = false;
    while let Ok(read_bytes @ 1..) = tls.read(&mut scratch) {
        if !std::mem::replace(&mut is_counted, true) && tls.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
            resumed.fetch_add(1, Ordering::SeqCst);
        }
        bytes.extend_from_slice(&scratch[..read_bytes]);
        while let Some(count) = request_bytes(&bytes).unwrap() {
            out.clear();
            Answer::Echo.write(&bytes[..count], &mut out);
            // In two records, so that an answer comes in parts.
            let (first, second) = out.split_at(out.len() / 2);
            tls.write_all(first).unwrap();
            tls.flush().unwrap();
            tls.write_all(second).unwrap();
            bytes.drain(..count);
        }
    }
}

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63] as char;
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn measured(server: &Secured, clients: &str) -> Result<crate::record::Measured, String> {
    let mut plan = plan(server.addr, "seconds = 0.4, warmup_s = 0.0", clients);
    plan.target.is_tls = true;
    run(&plan, &mut || {}, &mut |_| {}).map(|outcome| outcome.measured)
}

#[test]
fn a_trusted_server_passes() {
    let server = Secured::new("trusted");
    let ca = server.ca.display();
    for server_name in ["", ", server_name = \"localhost\""] {
        let clients = format!("connections = 4\ntls = {{ ca = \"{ca}\"{server_name} }}");
        let measured = measured(&server, &clients).unwrap();
        assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
        assert!(measured.answer_count > 20, "{measured:?}");
    }
}

#[test]
fn who_is_not_trusted_is_named_before_the_run() {
    let server = Secured::new("untrusted");
    let ca = server.ca.display();
    for tls in [format!("ca = \"{ca}\", server_name = \"elsewhere.example\""), String::new()] {
        let why = measured(&server, &format!("connections = 4\ntls = {{ {tls} }}")).unwrap_err();
        // A machine without authorities of its own says that.
        assert!(why.starts_with(&format!("TLS with {}: ", server.addr)) || why.starts_with("tls: no cert"), "{why}");
    }
    let trusting = measured(&server, "connections = 4\ntls = { verify = false, server_name = \"elsewhere.example\" }");
    assert_eq!(trusting.unwrap().errors.total(), 0);
}

#[test]
fn sessions_are_resumed_where_the_workload_says_so() {
    for (resume, want) in [(true, true), (false, false)] {
        let server = Secured::new(if resume { "resuming" } else { "not-resuming" });
        let ca = server.ca.display();
        let clients =
            format!("connections = 2\nchurn = {{ requests = 3 }}\ntls = {{ ca = \"{ca}\", resume = {resume} }}");
        let measured = measured(&server, &clients).unwrap();
        assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
        assert!(measured.connection_count.churned > 2, "{measured:?}");
        assert_eq!(server.resumed.load(Ordering::SeqCst) > 0, want);
    }
}
