//! What a token costs: found in the cache of a shard, hashed as another design would have it, and verified. It prints
//! nanoseconds per call, the least of several rounds; run it with `--release` on a machine that does nothing else.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use ringway_core::identify::claims::Expected;
use ringway_core::identify::jwk_key::VerifyingKey;
use ringway_core::identify::jws_algorithm::Algorithm;
use ringway_core::identify::key_set::KeySet;
use ringway_core::identify::token_cache::TokenCache;

const ROUNDS: u32 = 25;
const CALLS: u32 = 20_000;
const NOW_UNIX_S: u64 = 1_800_000_000;

fn nanoseconds<R>(calls: u32, mut call: impl FnMut(u32) -> R) -> f64 {
    let round = |call: &mut dyn FnMut(u32) -> R| {
        let start = Instant::now();
        for index in 0..calls {
            black_box(call(index));
        }
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..ROUNDS).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min)
}

fn token(bytes: usize, number: u32) -> Vec<u8> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let claims = |pad: usize| {
        let pad = "x".repeat(pad);
        format!(r#"{{"iss":"i","aud":"a","sub":"{number:08}","exp":4102444800,"scope":"tools:call","pad":"{pad}"}}"#)
    };
    let head = |pad| format!("eyJhbGciOiJIUzI1NiJ9.{}", URL_SAFE_NO_PAD.encode(claims(pad)));
    let pad = bytes.saturating_sub(head(0).len() + 44) * 3 / 4;
    let signed = head(pad);
    let tag = hmac::sign(&secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).into_bytes()
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "bytes  hit 1  hit 1000  miss  sha256  memcmp  verify (ns)")?;
    for bytes in [270, 700, 2000, 8000] {
        let tokens: Vec<Vec<u8>> = (0..1000).map(|number| token(bytes, number)).collect();
        let mut cache = TokenCache::default();
        for (index, token) in tokens.iter().enumerate() {
            cache.insert(token, Rc::new(index), u64::MAX, 0, NOW_UNIX_S);
        }
        let stranger = token(bytes, 1000);
        let one = nanoseconds(CALLS, |_| cache.get(black_box(&tokens[7]), NOW_UNIX_S).cloned().is_some());
        let many = nanoseconds(CALLS, |index| {
            // An order that a prefetcher does not see.
            cache.get(black_box(&tokens[(index as usize * 617) % 1000]), NOW_UNIX_S).cloned().is_some()
        });
        let miss = nanoseconds(CALLS, |_| cache.get(black_box(&stranger), NOW_UNIX_S).is_none());
        let sha256 = nanoseconds(CALLS, |_| digest::digest(&digest::SHA256, black_box(&stranger)));
        let copy = stranger.clone();
        let memcmp = nanoseconds(CALLS, |_| black_box(&stranger) == black_box(&copy));
        let key = VerifyingKey::from_secret(None, Algorithm::Hs256, zeroize::Zeroizing::new([7; 32].into()));
        let keys = KeySet::new(vec![key.map_err(std::io::Error::other)?]).map_err(std::io::Error::other)?;
        let expected = Expected { issuers: ["i".into()].into(), audiences: ["a".into()].into(), ..Expected::default() };
        let verify = nanoseconds(CALLS / 20, |_| keys.verify(black_box(&stranger), &expected, NOW_UNIX_S).is_ok());
        keys.verify(&stranger, &expected, NOW_UNIX_S).map_err(|error| std::io::Error::other(error.word()))?;
        let length = stranger.len();
        writeln!(out, "{length:5}  {one:5.0}  {many:8.0}  {miss:4.0}  {sha256:6.0}  {memcmp:6.0}  {verify:6.0}")?;
    }
    Ok(())
}
