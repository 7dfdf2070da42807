//! Tokens that somebody built to be believed, and requests that show them oddly, from `corpus/jwt.jsonl`,
//! `corpus/jws_wycheproof.jsonl` and `corpus/http1.jsonl` beneath `$RINGWAY_SHARED`.
//!
//! Goal: what is good is taken, what is bad is not, and where we differ from a row it is written here why.
//! Method: every row; those of `jwt.jsonl` through a whole key set and its claims, the vectors of Wycheproof as far as the
//! signature, with the key or the key set that each row has; requests as far as the credential they show.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use ringway_core::http::head;
use ringway_core::identify::bearer::{Credential, CredentialError, Shown, credential};
use ringway_core::identify::claims::{Expected, Required};
use ringway_core::identify::jwk::{Source, read_jwk, read_jwks};
use ringway_core::identify::jwk_key::VerifyingKey;
use ringway_core::identify::jwk_pem::read_pem;
use ringway_core::identify::jws::Jws;
use ringway_core::identify::jws_algorithm::Algorithm;
use ringway_core::identify::key_set::KeySet;
use serde_json::Value;
use zeroize::Zeroizing;

/// The files of the corpus, or `None` and a word about it.
fn corpus(name: &str) -> Option<String> {
    let Some(shared) = std::env::var_os("RINGWAY_SHARED") else {
        eprintln!("skipped: RINGWAY_SHARED is not set to the folder with corpus/{name}");
        return None;
    };
    let path = PathBuf::from(shared).join("corpus").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display())))
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
}

/// Rows whose clock is their own say so; for the others any day of the years in which their good tokens are good.
const NOW_UNIX_S: u64 = 1_800_000_000;

fn key_set(keys: &Value) -> KeySet {
    let name = |name: &str| keys[name]["alg"].as_str().and_then(Algorithm::parse).expect("an algorithm");
    let pem = |kid: &str, of: &str| {
        read_pem(keys[of]["public_pem"].as_str().expect("a PEM"), Some(kid), Some(name(kid))).expect("a key")
    };
    let secret = keys["hs1"]["secret_utf8"].as_str().expect("a secret").as_bytes();
    let secret = VerifyingKey::from_secret(Some("hs1"), name("hs1"), Zeroizing::new(secret.into())).expect("a key");
    // The rogue keys are not ours.
    let ps1 = keys["ps1"]["same_key_as"].as_str().expect("a name");
    KeySet::new(vec![secret, pem("rs1", "rs1"), pem("es1", "es1"), pem("ed1", "ed1"), pem("ps1", ps1)]).expect("a set")
}

#[test]
fn every_token_is_judged_as_it_should_be() {
    let (Some(keys), Some(tokens)) = (corpus("jwt_keys.json"), corpus("jwt.jsonl")) else { return };
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    let verifier = &keys["verifier"];
    let text = |name: &str| verifier[name].as_str().expect("a text").into();
    let expected = Expected { issuers: [text("iss")].into(), audiences: [text("aud")].into(), ..Expected::default() };
    assert_eq!((verifier["leeway_s"].as_u64(), expected.required), (Some(expected.leeway_s), Required::ALL));
    let set = key_set(&keys);
    let (mut wrong, mut either) = (Vec::new(), 0);
    let rows = rows(&tokens);
    for row in &rows {
        let now = row["clock"].as_u64().unwrap_or(NOW_UNIX_S);
        let verdict = set.verify(row["text"].as_str().expect("a token").as_bytes(), &expected, now);
        let word = verdict.map_or_else(|error| error.word(), |_| "accepted");
        match row["expect"]["verdict"].as_str() {
            Some("accept") if word == "accepted" => {}
            Some("reject") if word != "accepted" => {}
            Some("either") => {
                either += 1;
                eprintln!("{}: either is right, and it is {word}", row["name"]);
            }
            _ => wrong.push(format!("{}: {word}, {}", row["name"], row["expect"])),
        }
    }
    eprintln!("{} tokens, {either} of them could be judged either way, {} wrong", rows.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() >= 85, "the corpus is whole: {}", rows.len());
}

/// Vectors that Wycheproof accepts and we do not: what we say instead.
const STRICTER: [(&str, &str); 6] = [
    // The key is for PS256, by its own `alg`, and the token is signed with PS384: a key has one algorithm here (RFC 8725
    // section 3.1).
    ("wycheproof/json_web_signature_test/346", "algorithm_of_other_key"),
    ("wycheproof/json_web_signature_test/350", "algorithm_of_other_key"),
    // P-521, which `ring` has not.
    ("wycheproof/json_web_signature_test/347", "of a type that is not served"),
    ("wycheproof/json_web_signature_test/351", "of a type that is not served"),
    // A `?` in the header and in the payload, for readers that skip what is not of the alphabet. RFC 7515 section 5.2 has
    // them refused: no characters are left out.
    ("wycheproof/json_web_signature_test/372", "malformed"),
    ("wycheproof/json_web_signature_test/373", "signature"),
];
/// Vectors that Wycheproof rejects for a padding which their text has lost: key and token are those of one that it accepts.
const ACCEPTED_ELSEWHERE: (&str, [&str; 2]) = (
    "wycheproof/json_web_signature_test/357",
    ["wycheproof/json_web_signature_test/367", "wycheproof/json_web_signature_test/370"],
);

fn verifies(key: &Value, token: &str) -> Result<(), String> {
    let word = |error: ringway_core::identify::token_error::TokenError| error.word().to_owned();
    let text = key.to_string();
    if key.get("keys").is_some() {
        let jwks = read_jwks(&text, Source::Own).map_err(|error| error.to_string())?;
        let refused: Vec<_> = jwks.refused.iter().map(ToString::to_string).collect();
        let set = KeySet::new(jwks.keys).map_err(|error| error.to_string())?;
        return set
            .verify_signature(token.as_bytes())
            .map(drop)
            .map_err(|error| format!("{} {refused:?}", word(error)));
    }
    let key = read_jwk(&text).map_err(|error| error.to_string())?;
    Jws::parse(token.as_bytes()).and_then(|jws| jws.verify(&key)).map(drop).map_err(word)
}

#[test]
fn every_vector_of_wycheproof_is_judged_as_it_should_be() {
    let Some(vectors) = corpus("jws_wycheproof.jsonl") else { return };
    let mut wrong = Vec::new();
    let rows = rows(&vectors);
    for row in &rows {
        let name = row["name"].as_str().expect("a name");
        let verdict = verifies(&row["key"], row["text"].as_str().expect("a token"));
        let stricter = STRICTER.iter().find(|(own, _)| *own == name).map(|(_, why)| *why);
        let is_right = match (row["expect"]["verdict"].as_str(), stricter) {
            (Some("accept"), None) => verdict.is_ok(),
            (Some("accept"), Some(why)) => verdict.as_ref().is_err_and(|error| error.contains(why)),
            (Some("reject"), None) if ACCEPTED_ELSEWHERE.1.contains(&name) => {
                let same = rows.iter().find(|row| row["name"] == ACCEPTED_ELSEWHERE.0).expect("is there");
                same["text"] == row["text"] && same["key"] == row["key"] && verdict.is_ok()
            }
            (Some("reject"), None) => verdict.is_err(),
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name} ({}): {verdict:?}, {}", row["comment"], row["expect"]["verdict"]));
        }
    }
    eprintln!("{} vectors, {} stricter than they ask, {} wrong", rows.len(), STRICTER.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows.len(), 470, "the corpus is whole");
}

/// What the odd requests show. Those whose credential is well formed are refused by whoever knows the keys.
const SHOWN: [(&str, Result<Credential<'static>, CredentialError>); 12] = [
    ("auth-none", Ok(Credential::None)),
    ("auth-empty", Err(CredentialError::Malformed)),
    ("auth-basic", Err(CredentialError::OtherScheme)),
    ("auth-wrong", Ok(Credential::Bearer(b"wrong"))),
    ("auth-two", Err(CredentialError::Duplicate)),
    ("auth-comma", Err(CredentialError::Malformed)),
    ("auth-nbsp", Err(CredentialError::Malformed)),
    ("auth-query", Ok(Credential::None)),
    ("auth-key-empty", Err(CredentialError::Malformed)),
    ("auth-key-wrong", Ok(Credential::ApiKey(b"nope"))),
    ("auth-key-prefix", Ok(Credential::ApiKey(b"a"))),
    ("auth-both-conflict", Err(CredentialError::Two)),
];

#[test]
fn every_odd_request_shows_what_it_shows() {
    let Some(requests) = corpus("http1.jsonl") else { return };
    let rows = rows(&requests);
    let mut checked = 0;
    for row in rows.iter().filter(|row| row["family"] == "auth-header") {
        let text = row["text"].as_str().expect("a request").replace("{{PATH}}", "/mcp").replace("{{HOST}}", "a");
        let text = text.replace("{{EXTRA}}", "").replace("{{LEN}}", "0").replace("{{BODY}}", "");
        // What is not ASCII is one byte on the wire.
        let bytes: Vec<u8> = text.replace("{{TOKEN}}", "good").chars().map(|letter| letter as u8).collect();
        let head = head::parse(&bytes, &ringway_policy::Limits::default()).expect("a good head").expect("complete");
        let got = credential(Shown::of(head.authorization, &bytes), Shown::of(head.api_key, &bytes));
        if let Some((_, want)) = SHOWN.iter().find(|(name, _)| row["name"] == *name) {
            checked += 1;
            assert_eq!(got, *want, "{}", row["name"]);
        }
    }
    assert_eq!(checked, SHOWN.len(), "the corpus is whole");
}
