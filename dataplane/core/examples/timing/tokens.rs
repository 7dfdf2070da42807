//! Tokens: a wrong signature does not tell where it is wrong. What a token says in the clear may be told apart by the time:
//! an unknown key id is refused before anything is computed, and a claim only after the signature is found good.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ringway_core::identify::access::Credentials;
use ringway_core::identify::api_key::{DIGEST_BYTES, Pepper};
use ringway_core::identify::bearer::Credential;
use ringway_core::identify::claims::Expected;
use ringway_core::identify::jwk_key::VerifyingKey;
use ringway_core::identify::jws_algorithm::Algorithm;
use ringway_core::identify::key_ring::{KeyFile, KeyRing};
use ringway_core::identify::key_set::KeySet;
use ringway_core::identify::token_cache::TokenCache;

use super::dudect::{Pair, Random};
use super::random;

const NOW_UNIX_S: u64 = 1_800_000_000;
/// Texts of each class: with 2000, as of keys, what is peculiar to some of them was seen in one run of seven (4.5).
const TEXTS: usize = 20_000;
const SECRET: [u8; 32] = [7; 32];
const TAG_BYTES: usize = 32;

/// What is signed of a token: some 200 bytes.
fn signed() -> String {
    let claims = r#"{"iss":"https://issuer.test","aud":"https://mcp.test/mcp","sub":"agent-1","exp":4102444800,"scope":"mcp:call"}"#;
    let header = r#"{"alg":"HS256","typ":"JWT","kid":"hs1"}"#;
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn tag(signed: &str) -> [u8; TAG_BYTES] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    hmac::sign(&key, signed.as_bytes()).as_ref().try_into().expect("SHA-256 has so many bytes")
}

fn assembled(signed: &str, tag: [u8; TAG_BYTES]) -> Vec<u8> {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).into_bytes()
}

/// Tokens whose signature is right but for one byte.
fn wrong_at(at: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let signed = signed();
    let right = tag(&signed);
    let one = |_| {
        let mut tag = right;
        tag[at] ^= (random.next() % 255 + 1) as u8;
        assembled(&signed, tag)
    };
    (0..TEXTS).map(one).collect()
}

fn credentials() -> Credentials {
    let key = VerifyingKey::from_secret(Some("hs1"), Algorithm::Hs256, zeroize::Zeroizing::new(SECRET.into()));
    let expected = Expected {
        issuers: ["https://issuer.test".into()].into(),
        audiences: ["https://mcp.test/mcp".into()].into(),
        ..Expected::default()
    };
    let keys = KeyRing::new(KeyFile::new(Pepper::new(random::<DIGEST_BYTES>())), Vec::new()).expect("a ring");
    Credentials {
        tokens: Some((KeySet::new(vec![key.expect("a key")]).expect("a set"), expected)),
        keys: Some(keys),
        ..Credentials::default()
    }
}

/// What must look alike.
pub fn pairs(random: &mut Random) -> Vec<Pair> {
    let credentials = Rc::new(credentials());
    let signed = signed();
    let good = assembled(&signed, tag(&signed));
    assert!(credentials.identify(Credential::Bearer(&good), NOW_UNIX_S).is_ok(), "the right one is taken");
    let both = |random: &mut Random| [wrong_at(0, random), wrong_at(TAG_BYTES - 1, random)];

    let set = Rc::clone(&credentials);
    let signature = Pair {
        name: "signature, first byte against last byte",
        texts: both(random),
        refuses: Box::new(move |token| {
            set.tokens.as_ref().is_some_and(|(keys, _)| keys.verify_signature(token).is_err())
        }),
    };
    // As a shard does it: the right token is remembered, and one that is nearly it is looked for before it is judged.
    let mut remembered = TokenCache::default();
    remembered.insert(&good, Rc::new(()), u64::MAX, 0, NOW_UNIX_S);
    let decision = Pair {
        name: "a shard's decision beside the remembered right token, first byte against last byte",
        texts: both(random),
        refuses: Box::new(move |token| {
            remembered.get(token, NOW_UNIX_S).is_none()
                && credentials.identify(Credential::Bearer(token), NOW_UNIX_S).is_err()
        }),
    };
    vec![signature, decision]
}
