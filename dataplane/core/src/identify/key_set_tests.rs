//! Goal: a token is verified with the one key it can mean, and a changed token never is. Method: the sample keys and tokens,
//! tokens signed here, and changes nobody thought of.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use super::super::jwk::{Source, read_jwks};
use super::super::jwk_samples::{JWK_ED, JWK_P256, JWK_P384, JWK_RSA, TOKENS};
use super::super::jws_algorithm::Algorithm;
use super::*;

const NOW: u64 = 1_800_000_000;

fn expected() -> Expected {
    let (issuer, audience) = ("https://issuer.test".into(), "https://mcp.test/mcp".into());
    Expected { issuers: [issuer].into(), audiences: [audience].into(), ..Expected::default() }
}

/// Each sample key under the id of each of its algorithms.
fn samples() -> KeySet {
    let keys = TOKENS.iter().map(|(algorithm, _)| {
        let jwk = match *algorithm {
            "ES256" => JWK_P256,
            "ES384" => JWK_P384,
            "EdDSA" => JWK_ED,
            _ => JWK_RSA,
        };
        jwk.replacen('{', &format!(r#"{{"kid":"{}","alg":"{algorithm}","#, algorithm.to_lowercase()), 1)
    });
    let set = format!(r#"{{"keys":[{}]}}"#, keys.collect::<Vec<_>>().join(","));
    let jwks = read_jwks(&set, Source::Published).expect("a set");
    assert_eq!(jwks.refused, []);
    KeySet::new(jwks.keys).expect("a set")
}

fn secret(kid: Option<&str>, byte: u8) -> VerifyingKey {
    VerifyingKey::from_secret(kid, Algorithm::Hs256, Zeroizing::new([byte; 32].into())).expect("a key")
}

fn hs256(header: &serde_json::Value, claims: &serde_json::Value, byte: u8) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn good_claims() -> serde_json::Value {
    json!({"iss": "https://issuer.test", "aud": "https://mcp.test/mcp", "sub": "agent-1", "exp": 4_102_444_800_u64})
}

#[test]
fn each_algorithm_verifies() {
    let set = samples();
    for (algorithm, token) in TOKENS {
        let principal = set.verify(token.as_bytes(), &expected(), NOW).expect(algorithm);
        assert_eq!(&*principal.name, "agent-1");
        assert!(principal.has_scope("tools:call"));
        assert_eq!(set.verify(token.as_bytes(), &expected(), 4_102_444_830).err(), Some(TokenError::Expired));
        // A signature is over these very bytes: that of each other token is not for this one.
        let (signed, _) = token.rsplit_once('.').expect("parts");
        for (_, other) in TOKENS.iter().filter(|(other, _)| *other != algorithm) {
            let (_, signature) = other.rsplit_once('.').expect("parts");
            let mixed = set.verify(format!("{signed}.{signature}").as_bytes(), &expected(), NOW);
            assert_eq!(mixed.err(), Some(TokenError::Signature));
        }
    }
}

#[test]
fn no_changed_letter_of_a_token_verifies() {
    let set = samples();
    for (algorithm, token) in TOKENS {
        for at in 0..token.len() {
            // The next letter of the alphabet, the letter in the other case, and what is in no alphabet.
            for change in [token.as_bytes()[at] ^ 1, token.as_bytes()[at] ^ 0x20, b'=', b'.', 0, 0xff] {
                let mut changed = token.as_bytes().to_vec();
                changed[at] = change;
                let is_changed = changed != token.as_bytes();
                assert!(!is_changed || set.verify_signature(&changed).is_err(), "{algorithm}: {change} at {at}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_token_is_good_until_a_byte_is_flipped_cut_or_added(
        subject in "[a-zA-Z0-9@._-]{1,64}",
        byte in any::<u8>(),
        at in any::<prop::sample::Index>(),
        bits in 1u8..,
    ) {
        let set = KeySet::new(vec![secret(Some("k"), byte)]).expect("a set");
        let mut claims = good_claims();
        claims["sub"] = subject.clone().into();
        let token = hs256(&json!({"alg": "HS256", "kid": "k"}), &claims, byte);
        let principal = set.verify(token.as_bytes(), &expected(), NOW).expect("good");
        prop_assert_eq!(&*principal.name, &*subject);
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= bits;
        prop_assert!(set.verify_signature(&changed).is_err());
        prop_assert!(set.verify_signature(&token.as_bytes()[..at]).is_err());
        changed[at] ^= bits;
        changed.insert(at, bits);
        prop_assert!(set.verify_signature(&changed).is_err());
    }

    #[test]
    fn a_token_of_another_key_is_not_good(own in any::<u8>(), other in any::<u8>()) {
        let set = KeySet::new(vec![secret(None, own)]).expect("a set");
        let token = hs256(&json!({"alg": "HS256"}), &good_claims(), other);
        prop_assert_eq!(set.verify(token.as_bytes(), &expected(), NOW).is_ok(), own == other);
    }

    #[test]
    fn an_ed25519_token_is_good_for_its_own_key(seed in any::<[u8; 32]>(), text in ".{0,200}") {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key())});
        let key = super::super::jwk::read_jwk(&jwk.to_string()).expect("a key");
        let set = KeySet::new(vec![key]).expect("a set");
        let signed = format!("eyJhbGciOiJFZERTQSJ9.{}", URL_SAFE_NO_PAD.encode(&text));
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())));
        let payload = set.verify_signature(token.as_bytes()).expect("good");
        prop_assert_eq!(payload.bytes(), text.as_bytes());
        prop_assert_eq!(samples().verify_signature(token.as_bytes()).err(), Some(TokenError::Signature));
    }

    #[test]
    fn no_bytes_do_harm(token in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[A-Za-z0-9_=-]{0,80}(\\.[A-Za-z0-9_=-]{0,80}){0,4}".prop_map(String::into_bytes),
        "\\PC{0,60}".prop_map(|header| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header)).into_bytes()),
    ]) {
        prop_assert!(samples().verify(&token, &expected(), NOW).is_err());
    }
}

#[test]
fn a_kid_names_one_key_and_none_means_the_only_one() {
    let token = |kid: Option<&str>| {
        let header = kid.map_or(json!({"alg": "HS256"}), |kid| json!({"alg": "HS256", "kid": kid}));
        hs256(&header, &good_claims(), 1)
    };
    let check = |keys: Vec<VerifyingKey>, kid, want: Option<TokenError>| {
        let set = KeySet::new(keys).expect("a set");
        let verdict = set.verify(token(kid).as_bytes(), &expected(), NOW);
        assert_eq!(verdict.err(), want, "{kid:?} {set:?}");
    };
    let public = || super::super::jwk::read_jwk(&JWK_ED.replacen('{', r#"{"kid":"e","#, 1)).expect("a key");
    let (unknown, ambiguous) = (Some(TokenError::KeyUnknown), Some(TokenError::KeyAmbiguous));
    check(vec![], None, unknown);
    check(vec![secret(Some("a"), 1), secret(Some("b"), 2)], Some("a"), None);
    check(vec![secret(Some("a"), 2), secret(Some("b"), 1)], Some("a"), Some(TokenError::Signature));
    check(vec![secret(Some("a"), 1)], Some("A"), unknown);
    check(vec![secret(Some("a"), 1)], Some(""), unknown);
    check(vec![secret(Some("a"), 1)], None, None);
    check(vec![secret(Some("a"), 1), public()], None, None);
    check(vec![secret(Some("a"), 1), public()], Some("e"), Some(TokenError::AlgorithmOfOtherKey));
    check(vec![secret(Some("a"), 1), secret(Some("b"), 2)], None, ambiguous);
    check(vec![secret(None, 1), secret(Some("b"), 2)], None, ambiguous);
    // The operator's key without an id is meant by an id that no other key has.
    check(vec![secret(None, 1), secret(Some("b"), 2)], Some("a"), None);
    check(vec![secret(None, 1), secret(Some("a"), 2)], Some("a"), Some(TokenError::Signature));
    check(vec![public()], None, unknown);
}

#[test]
fn keys_of_a_set_can_be_told_apart() {
    let twice = |kid| KeySet::new(vec![secret(kid, 1), secret(kid, 2)]).expect_err("twice");
    assert_eq!(twice(Some("a")), KeyError { key: "key \"a\"".into(), reason: KeyReason::Twice(Algorithm::Hs256) });
    assert_eq!(&*twice(None).key, "a key without kid");
    let many = |count: usize| KeySet::new((0..count).map(|index| secret(Some(&index.to_string()), 1)).collect());
    assert_eq!(many(KEYS_MAX).map(|set| set.keys().len()), Ok(KEYS_MAX));
    assert_eq!(many(KEYS_MAX + 1).expect_err("too many").reason, KeyReason::TooMany { count_max: KEYS_MAX });
    // One id for two algorithms: a token says which.
    let bytes = || Zeroizing::new(vec![9; 64].into());
    let keys =
        [Algorithm::Hs256, Algorithm::Hs512].map(|algorithm| VerifyingKey::from_secret(Some("a"), algorithm, bytes()));
    assert!(KeySet::new(keys.into_iter().map(|key| key.expect("a key")).collect()).is_ok());
}

#[test]
fn a_set_is_for_all_shards() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&samples());
}

#[test]
fn every_refusal_reads_the_same_to_the_caller() {
    let set = samples();
    let words = ["", "a.b.c", TOKENS[0].1].map(|token| {
        let error = set.verify(token.as_bytes(), &Expected::default(), NOW).expect_err("refused");
        (error.to_string(), error.word())
    });
    assert!(words.iter().all(|(shown, _)| *shown == words[0].0));
    assert_ne!(words[0].1, words[2].1);
}
