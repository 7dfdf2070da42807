//! Keys that an issuer publishes, as a server with `auth.jwks_url` follows them.
//!
//! Goal: a key that comes is taken, one that goes is refused, and while the issuer is away the last ones hold.
//! Method: a stub of an issuer whose answer changes, tokens signed here, the binary as a child.
#![forbid(unsafe_code)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::stub::{self, Stub};
use common::{DEADLINE, Ringway, told_address};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

/// An issuer's key.
struct Key {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(id: &'static str, seed: u8) -> Key {
        Key { id, pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes") }
    }

    fn published(&self) -> serde_json::Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": x })
    }

    fn token(&self) -> String {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "EdDSA", "kid": self.id, "typ": "JWT" }));
        let claims = part(json!({
            "iss": "https://issuer.example", "aud": "https://mcp.example/mcp", "sub": "agent", "exp": 4_102_444_800_u64,
        }));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn status(address: SocketAddr, token: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time");
    write!(
        stream,
        "GET /tools HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

#[track_caller]
fn becomes(address: SocketAddr, token: &str, want: u16) {
    let deadline = Instant::now() + DEADLINE;
    while status(address, token) != want {
        assert!(Instant::now() < deadline, "it never becomes {want}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn keys_come_and_go_and_hold_while_the_issuer_is_away() {
    let (first, second) = (Key::new("first", 1), Key::new("second", 2));
    let answer = Arc::new(Mutex::new(stub::json(200, &json!({ "keys": [first.published()] }))));
    let told = Arc::clone(&answer);
    let issuer = Stub::start(move |_| told.lock().expect("whole").clone());
    let url = format!("auth.jwks_url={}", issuer.url());
    let mut ringway = Ringway::start(&[
        "serve",
        "--shards",
        "1",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--set",
        &url,
        "--set",
        "auth.jwks_refresh=1s",
        "--set",
        "auth.audiences=https://mcp.example/mcp",
        "--set",
        "auth.issuers=https://issuer.example",
        "--set",
        "reload.check_every=100ms",
    ]);
    let address = told_address(&mut ringway, "MCP");
    assert_eq!(status(address, &first.token()), 200);
    assert_eq!(status(address, &second.token()), 401);
    *answer.lock().expect("whole") = stub::json(200, &json!({ "keys": [second.published()] }));
    becomes(address, &second.token(), 200);
    assert_eq!(status(address, &first.token()), 401, "a key that is gone is refused, though its token was remembered");
    *answer.lock().expect("whole") = stub::plain(500, "", "away");
    ringway.log_line("published keys cannot be had");
    assert_eq!(status(address, &second.token()), 200, "the last ones hold");
}
