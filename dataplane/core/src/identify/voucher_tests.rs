//! Goal: whoever was known is known for as long as what vouches for it is taken, and no longer; what is changed beside it takes
//! nothing from anybody. Method: principals of every kind, and what an operator may change, as a table.

use ring::hmac;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::identify::api_key::Pepper;
use crate::identify::bearer::Credential;
use crate::identify::claims::{Expected, Required};
use crate::identify::jwk_key::VerifyingKey;
use crate::identify::jws_algorithm::Algorithm;
use crate::identify::key_ring::{Created, KeyFile, KeyRing, NewKey, api_keys};
use crate::identify::key_set::KeySet;

const NOW: u64 = 1_800_000_000;
const OLDER: &str = "k7Gq2Lw9XcVb4NzRt6Yh1PmS";
const OTHER: &str = "x8Hr3Mv0YdWc5PaSu7Zi2QnT";

fn file() -> (KeyFile, Created) {
    let mut file = KeyFile::new(Pepper::new([5; 32]));
    let wanted = NewKey { name: "ci".into(), scopes: vec!["read".into()], ..NewKey::default() };
    let created = file.create(wanted, &[1; 9], &[2; 32], NOW).expect("a key");
    (file, created)
}

fn with_keys(file: KeyFile, older: &str) -> Credentials {
    let older = if older.is_empty() { Vec::new() } else { api_keys(older).expect("good keys") };
    let keys = KeyRing::new(file, older).expect("a ring");
    Credentials { keys: Some(keys), ..Credentials::default() }
}

#[track_caller]
fn check(credentials: &Credentials, principal: &Principal, now_unix_s: u64, want: Option<Lapse>) {
    assert_eq!(credentials.standing(principal, now_unix_s).err(), want);
}

#[test]
fn a_key_counts_while_it_is_the_same_and_not_taken_back() {
    let (was, Created { id, text }) = file();
    let known = |credentials: &Credentials| credentials.identify(Credential::ApiKey(text.as_bytes()), NOW);
    let principal = known(&with_keys(was, "")).expect("it is good");
    let changed = |change: &dyn Fn(&mut KeyFile)| {
        let (mut file, _) = file();
        change(&mut file);
        with_keys(file, "")
    };
    check(&changed(&|_| {}), &principal, NOW, None);
    let more = changed(&|file| {
        file.create(NewKey { name: "b".into(), ..NewKey::default() }, &[9; 9], &[8; 32], NOW).expect("a key");
    });
    check(&more, &principal, NOW, None);
    let revoked = changed(&|file| {
        file.revoke(&id, NOW).expect("it is there");
    });
    check(&revoked, &principal, NOW, Some(Lapse::Revoked));
    check(&with_keys(KeyFile::new(Pepper::new([5; 32])), ""), &principal, NOW, Some(Lapse::Revoked));
    check(&Credentials::default(), &principal, NOW, Some(Lapse::Revoked));
    // One of the same id that is another: its secret, or what it may do.
    let mut other = KeyFile::new(Pepper::new([5; 32]));
    let wanted = NewKey { name: "ci".into(), scopes: vec!["read".into()], ..NewKey::default() };
    other.create(wanted, &[1; 9], &[3; 32], NOW).expect("a key");
    check(&with_keys(other, ""), &principal, NOW, Some(Lapse::Revoked));
    let mut narrow = KeyFile::new(Pepper::new([5; 32]));
    narrow.create(NewKey { name: "ci".into(), ..NewKey::default() }, &[1; 9], &[2; 32], NOW).expect("a key");
    check(&with_keys(narrow, ""), &principal, NOW, Some(Lapse::Revoked));
    let scoped = Credentials { scopes: ["write".into()].into(), ..changed(&|_| {}) };
    check(&scoped, &principal, NOW, Some(Lapse::Revoked));
}

#[test]
fn a_rotated_key_counts_for_its_grace() {
    let (was, Created { id, text }) = file();
    let before = with_keys(was, "").identify(Credential::ApiKey(text.as_bytes()), NOW).expect("it is good");
    let (mut file, _) = file();
    file.rotate(&id, &[7; 32], 60, NOW).expect("it is there");
    let rotated = with_keys(file, "");
    check(&rotated, &before, NOW + 59, None);
    assert_eq!(rotated.standing(&before, NOW), Ok(Some(NOW + 60)), "that is when to look again");
    check(&rotated, &before, NOW + 60, Some(Lapse::Expired));
}

#[test]
fn a_key_of_the_environment_counts_whatever_the_pepper_is() {
    let ring =
        |pepper: u8, keys: serde_json::Value| with_keys(KeyFile::new(Pepper::new([pepper; 32])), &keys.to_string());
    let known = ring(1, json!({ OLDER: { "name": "ci", "expires_at": NOW + 10 } }));
    let principal = known.identify(Credential::ApiKey(OLDER.as_bytes()), NOW).expect("it is good");
    // A server without a file draws another pepper whenever it reads its configuration.
    let later = ring(2, json!({ OLDER: { "name": "ci", "expires_at": NOW + 10 } }));
    check(&later, &principal, NOW, None);
    check(&later, &principal, NOW + 10, Some(Lapse::Expired));
    check(&ring(2, json!({ OTHER: { "name": "ci" } })), &principal, NOW, Some(Lapse::Revoked));
    check(&ring(2, json!({ OLDER: { "name": "other" } })), &principal, NOW, Some(Lapse::Revoked));
    check(
        &ring(2, json!({ OLDER: { "name": "ci", "expires_at": NOW + 5 } })),
        &principal,
        NOW + 5,
        Some(Lapse::Expired),
    );
    // A name that stands where an id would.
    let long = format!("{}0123456789ab", "n".repeat(20));
    let known = ring(1, json!({ OLDER: { "name": long } }));
    let principal = known.identify(Credential::ApiKey(OLDER.as_bytes()), NOW).expect("it is good");
    check(&ring(1, json!({ OTHER: { "name": long } })), &principal, NOW, Some(Lapse::Revoked));
}

fn key(byte: u8) -> VerifyingKey {
    VerifyingKey::from_secret(Some("k"), Algorithm::Hs256, Zeroizing::new([byte; 32].into())).expect("a key")
}

fn token(byte: u8) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "sub": "ann", "iss": "https://a.test", "aud": ["x", "mcp"], "exp": NOW + 10 });
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "kid": "k" })), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn a_token_counts_while_its_key_and_what_is_expected_of_it_do() {
    let expected = || Expected {
        issuers: ["https://a.test".into()].into(),
        audiences: ["mcp".into()].into(),
        leeway_s: 0,
        ..Expected::default()
    };
    let with = |keys: Vec<VerifyingKey>, expected: Expected| Credentials {
        tokens: Some((KeySet::new(keys).expect("a set"), expected)),
        ..Credentials::default()
    };
    let shown = token(1);
    let known = with(vec![key(1)], expected());
    let principal = known.identify(Credential::Bearer(shown.as_bytes()), NOW).expect("it is good");
    check(&known, &principal, NOW + 9, None);
    check(&known, &principal, NOW + 10, Some(Lapse::Expired));
    let second = VerifyingKey::from_secret(Some("l"), Algorithm::Hs256, Zeroizing::new([2; 32].into())).expect("a key");
    check(&with(vec![key(1), second], expected()), &principal, NOW, None);
    check(&with(vec![key(2)], expected()), &principal, NOW, Some(Lapse::Revoked));
    check(&with(Vec::new(), expected()), &principal, NOW + 10, Some(Lapse::Revoked));
    check(&Credentials::default(), &principal, NOW, Some(Lapse::Revoked));
    for changed in [
        Expected { issuers: ["https://b.test".into()].into(), ..expected() },
        Expected { audiences: ["other".into()].into(), ..expected() },
        Expected { names_issuer: true, ..expected() },
    ] {
        check(&with(vec![key(1)], changed), &principal, NOW, Some(Lapse::Revoked));
    }
    let lax = Expected { required: Required::EXPIRY_AND_SUBJECT, ..expected() };
    check(&with(vec![key(1)], lax), &principal, NOW, None);
}

#[test]
fn who_showed_nothing_is_nobody_where_something_is_asked_for() {
    check(&Credentials::default(), &Principal::anonymous(), NOW, Some(Lapse::Revoked));
    let certificate = Principal { kind: CredentialKind::Certificate, ..Principal::anonymous() };
    check(&Credentials::default(), &certificate, NOW, Some(Lapse::Revoked));
    check(&Credentials { certificates: Some(Box::default()), ..Credentials::default() }, &certificate, NOW, None);
}

#[test]
fn vouchers_are_told_apart_and_never_shown() {
    assert_ne!(Voucher::of(&[b"ab", b"c"]), Voucher::of(&[b"a", b"bc"]));
    assert_eq!(Voucher::of(&[b"a"]), Voucher::of(&[b"a"]));
    assert_eq!(format!("{:?}", Voucher::of(&[b"a"])), "Voucher(********)");
}
