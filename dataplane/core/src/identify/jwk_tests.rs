//! Goal: a key is read as one key of one algorithm, or a message says which and why not. Method: the sample keys, changed in
//! one place each.

use serde_json::{Value, json};

use super::super::jwk_samples::{JWK_ED, JWK_P256, JWK_P384, JWK_RSA};
use super::*;

/// `jwk` with these members; `null` takes one away.
fn with(jwk: &str, changes: Value) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).expect("JSON");
    let members = jwk.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    jwk.to_string()
}

const OCT: &str = r#"{"kty":"oct","k":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"}"#;

#[track_caller]
fn algorithm(jwk: &str, want: Algorithm) {
    assert_eq!(read_jwk(jwk).map(|key| key.algorithm()), Ok(want), "{jwk}");
}

#[track_caller]
fn refused(jwk: &str, want: KeyReason) {
    assert_eq!(read_jwk(jwk).expect_err("refused").reason, want, "{jwk}");
}

#[test]
fn a_key_without_alg_has_the_usual_one() {
    algorithm(OCT, Algorithm::Hs256);
    algorithm(JWK_RSA, Algorithm::Rs256);
    algorithm(JWK_P256, Algorithm::Es256);
    algorithm(JWK_P384, Algorithm::Es384);
    algorithm(JWK_ED, Algorithm::EdDsa);
}

#[test]
fn alg_fixes_the_algorithm_and_must_be_for_the_key() {
    let mut count = 0;
    for own in Algorithm::ALL {
        for jwk in [OCT, JWK_RSA, JWK_P256, JWK_P384, JWK_ED] {
            let usual = read_jwk(jwk).expect("a key").algorithm().family();
            let read = read_jwk(&with(jwk, json!({ "alg": own.word() })));
            match read {
                Ok(key) => assert_eq!((key.algorithm(), own.family()), (own, usual)),
                Err(KeyError { reason: KeyReason::AlgorithmOfOtherKey { algorithm, key }, .. }) => {
                    assert_eq!((algorithm, key), (own, usual));
                    assert_ne!(own.family(), usual);
                }
                // The secret is long enough for one hash only.
                Err(error) => {
                    assert_eq!(own.family(), Family::Secret);
                    assert!(matches!(error.reason, KeyReason::SecretTooShort { bytes: 32, .. }), "{error}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 2);
    algorithm(&with(JWK_ED, json!({"alg": "Ed25519"})), Algorithm::EdDsa);
    for other in ["none", "RSA-OAEP", "ES512", "rs256", ""] {
        refused(&with(JWK_RSA, json!({ "alg": other })), KeyReason::AlgorithmUnknown);
    }
}

#[test]
fn a_key_for_something_else_is_refused() {
    refused(&with(JWK_RSA, json!({"use": "enc"})), KeyReason::OtherUse);
    refused(&with(JWK_RSA, json!({"key_ops": ["encrypt"]})), KeyReason::OtherUse);
    refused(&with(JWK_RSA, json!({"key_ops": []})), KeyReason::OtherUse);
    refused(&with(JWK_RSA, json!({"use": "sig", "key_ops": ["sign"]})), KeyReason::OtherUse);
    algorithm(&with(JWK_RSA, json!({"use": "sig", "key_ops": ["sign", "verify"]})), Algorithm::Rs256);
    refused(&with(JWK_RSA, json!({"d": "AQAB"})), KeyReason::Private);
    refused(&with(JWK_ED, json!({"d": 1})), KeyReason::Private);
}

#[test]
fn what_is_missing_or_unreadable_is_named() {
    refused("{}", KeyReason::Missing("kty"));
    refused(&with(OCT, json!({"k": null})), KeyReason::Missing("k"));
    refused(&with(JWK_RSA, json!({"n": null})), KeyReason::Missing("n"));
    refused(&with(JWK_RSA, json!({"e": null})), KeyReason::Missing("e"));
    refused(&with(JWK_RSA, json!({"e": "AQ"})), KeyReason::RsaExponent);
    refused(&with(JWK_P256, json!({"crv": null})), KeyReason::Missing("crv"));
    refused(&with(JWK_P256, json!({"x": null})), KeyReason::Missing("x"));
    refused(&with(JWK_P256, json!({"y": null})), KeyReason::Missing("y"));
    refused(&with(JWK_P256, json!({"crv": "P-384"})), KeyReason::Malformed("the point"));
    refused(&with(JWK_P256, json!({"crv": "P-521"})), KeyReason::TypeUnknown);
    refused(&with(JWK_P256, json!({"kty": "RSA"})), KeyReason::Missing("n"));
    refused(&with(JWK_P256, json!({"y": "AAAA"})), KeyReason::Malformed("y"));
    refused(&with(JWK_ED, json!({"crv": "X25519"})), KeyReason::TypeUnknown);
    refused(&with(JWK_ED, json!({"kty": "AKP"})), KeyReason::TypeUnknown);
    for odd in ["MDEy\u{20}", "MDE=", "MDEyMzQ1+A", "MDF", "*"] {
        refused(&with(OCT, json!({ "k": odd })), KeyReason::Malformed("k"));
    }
}

#[test]
fn a_message_names_the_key_and_not_what_is_in_it() {
    let short = with(OCT, json!({"kid": "first", "k": "aHVzaA"}));
    let message = read_jwk(&short).expect_err("short").to_string();
    assert!(message.starts_with("key \"first\": a secret of 4 bytes; HS256 needs at least 32"), "{message}");
    for odd in [r#"{"kty":"oct","k":"hush","k":"hush"}"#, r#"{"kty":"oct","k":["hush"]}"#, r#"{"kty":"oct","k":"hush""#]
    {
        let error = read_jwk(odd).expect_err("odd");
        assert!(matches!(error.reason, KeyReason::Json { line: 1, .. }), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let error = read_jwks(r#"{"keys":"hush"}"#, Source::Own).expect_err("no set");
    assert!(!error.to_string().contains("hush") && error.to_string().starts_with("the key set: "), "{error}");
    assert_eq!(read_jwk(&with(OCT, json!({"kid": "k".repeat(257)}))).expect_err("long").reason, KeyReason::KidTooLong);
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}],"other":1}}"#, keys.join(","))
}

#[test]
fn a_set_keeps_its_good_keys_and_says_what_the_others_are() {
    let text = set(&[
        with(JWK_RSA, json!({"kid": "a", "alg": "RS256"})),
        with(JWK_RSA, json!({"kid": "b", "use": "enc", "alg": "RSA-OAEP"})),
        with(JWK_P256, json!({"crv": "P-521"})),
        "7".to_owned(),
        with(JWK_ED, json!({"kid": "c"})),
    ]);
    for source in [Source::Own, Source::Published] {
        let jwks = read_jwks(&text, source).expect("a set");
        let kids: Vec<_> = jwks.keys.iter().map(VerifyingKey::kid).collect();
        assert_eq!(kids, [Some("a"), Some("c")]);
        let names: Vec<_> = jwks.refused.iter().map(|error| &*error.key).collect();
        assert_eq!(names, ["key \"b\"", "key 3 of the set", "key 4 of the set"]);
    }
    for none in ["{}", "[]", "", r#"{"keys":{}}"#, r#"{"keys":[]} x"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(matches!(read_jwks(none, Source::Own), Err(KeyError { reason: KeyReason::Json { .. }, .. })), "{none}");
    }
    assert!(read_jwks(r#"{"keys":[]}"#, Source::Own).expect("a set").keys.is_empty());
}

#[test]
fn a_secret_is_not_published_and_not_beside_public_keys() {
    let secret = with(OCT, json!({"kid": "s"}));
    let alone = set(std::slice::from_ref(&secret));
    assert_eq!(read_jwks(&alone, Source::Own).expect("a set").keys.len(), 1);
    let published = KeyError { key: "key \"s\"".into(), reason: KeyReason::SecretPublished };
    assert_eq!(read_jwks(&alone, Source::Published).err(), Some(published.clone()));
    let mixed = set(&[secret, JWK_ED.to_owned()]);
    assert_eq!(read_jwks(&mixed, Source::Own).err(), Some(published));
}

#[test]
fn a_broken_key_takes_the_good_one_of_its_id_with_it() {
    let good = with(JWK_RSA, json!({"kid": "a"}));
    let broken = with(JWK_RSA, json!({"kid": "a", "e": "AQ"}));
    for keys in [[good.clone(), broken.clone()], [broken, good.clone()]] {
        let want = KeyError { key: "key \"a\"".into(), reason: KeyReason::Twice(Algorithm::Rs256) };
        assert_eq!(read_jwks(&set(&keys), Source::Published).err(), Some(want));
    }
    let for_others = with(JWK_RSA, json!({"kid": "a", "use": "enc"}));
    let jwks = read_jwks(&set(&[good, for_others]), Source::Published).expect("a set");
    assert_eq!((jwks.keys.len(), jwks.refused.len()), (1, 1));
}

#[test]
fn a_set_has_bounds() {
    let keys = vec![JWK_ED.to_owned(); KEYS_MAX + 1];
    assert_eq!(read_jwks(&set(&keys[1..]), Source::Own).expect("a set").keys.len(), KEYS_MAX);
    let error = read_jwks(&set(&keys), Source::Own).expect_err("one too many");
    assert_eq!(error.reason, KeyReason::TooMany { count_max: KEYS_MAX });
    let large = format!(r#"{{"keys":[]{}}}"#, " ".repeat(JWKS_BYTES_MAX));
    assert!(matches!(read_jwks(&large, Source::Own), Err(KeyError { reason: KeyReason::TooLarge { .. }, .. })));
    assert!(matches!(read_jwk(&large), Err(KeyError { reason: KeyReason::TooLarge { .. }, .. })));
}
