//! Goal: a token is read in one way or not at all, and chooses nothing. Method: headers and spellings, each signed well, so
//! that only what is tested can be the reason.

use ring::hmac;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;

const SECRET: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

fn key() -> VerifyingKey {
    VerifyingKey::from_secret(None, Algorithm::Hs256, Zeroizing::new(SECRET.into())).expect("a key")
}

fn signed(signed: String) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn token(header: &str, payload: &str) -> String {
    signed(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)))
}

#[track_caller]
fn check(token: &str, want: Result<&str, TokenError>) {
    let payload = Jws::parse(token.as_bytes()).and_then(|jws| jws.verify(&key()));
    let text = payload.map(|payload| String::from_utf8_lossy(payload.bytes()).into_owned());
    assert_eq!(text, want.map(str::to_owned), "{token}");
}

#[track_caller]
fn check_header(header: serde_json::Value, want: Result<&str, TokenError>) {
    check(&token(&header.to_string(), "x"), want);
}

#[test]
fn a_token_has_three_parts_in_one_spelling() {
    let good = token(r#"{"alg":"HS256"}"#, r#"{"a":1}"#);
    check(&good, Ok(r#"{"a":1}"#));
    check(&token(r#"{"alg":"HS256"}"#, ""), Ok(""));
    let (head, tail) = good.split_at(good.rfind('.').expect("a dot") + 1);
    for odd in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        head.to_owned(),
        head.trim_end_matches('.').to_owned(),
        tail.to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{head}{}", tail.replace(['-', '_'], "+")) + "+",
        format!("{good}\u{e4}"),
    ] {
        check(&odd, Err(TokenError::Malformed));
    }
    // Two bytes are eighteen bits of three characters: the last has two that mean nothing.
    check(&signed(format!("{}.e31", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#))), Err(TokenError::Malformed));
    check(&signed(format!("{}.e30", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#))), Ok("{}"));
    check(&signed(format!("{}.e30=", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#))), Err(TokenError::Malformed));
}

#[test]
fn a_header_is_one_object() {
    for odd in ["", "[]", "1", "\"HS256\"", "null", "{", r#"{"alg":"HS256"}x"#, r#"{"alg":"HS256",}"#, "\u{feff}{}"] {
        check(&token(odd, "x"), Err(TokenError::Header));
    }
    check(&token(r#"{"alg":"HS256","alg":"none"}"#, "x"), Err(TokenError::Header));
    check(&token(r#"{"alg":"none","alg":"HS256"}"#, "x"), Err(TokenError::Header));
    check(&token(r#"{"alg":"HS256","\u0061lg":"HS256"}"#, "x"), Err(TokenError::Header));
    check(&token(r#"{"alg":"HS256","x":{"y":1,"y":1}}"#, "x"), Err(TokenError::Header));
    let deep = |count| format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(count), "]".repeat(count));
    check(&token(&deep(63), "x"), Ok("x"));
    check(&token(&deep(64), "x"), Err(TokenError::Header));
    check(&token(&deep(2000), "x"), Err(TokenError::Header));
    let not_text = [&b"{\"alg\":\"HS256\",\"x\":\""[..], &[0xff], b"\"}"].concat();
    let not_text = signed(format!("{}.eA", URL_SAFE_NO_PAD.encode(not_text)));
    check(&not_text, Err(TokenError::Header));
}

#[test]
fn the_algorithm_is_the_keys() {
    for none in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256\0", " HS256", "ES512", "dir"] {
        check_header(json!({ "alg": none }), Err(TokenError::AlgorithmUnknown));
    }
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Hs256) {
        check_header(json!({ "alg": algorithm.word() }), Err(TokenError::AlgorithmOfOtherKey));
    }
    for odd in [json!(256), json!(null), json!(["HS256"]), json!({"a": "HS256"})] {
        check_header(json!({ "alg": odd }), Err(TokenError::Header));
    }
    check_header(json!({"typ": "JWT"}), Err(TokenError::Header));
}

#[test]
fn a_kid_is_text() {
    let kid = |header: &str| Jws::parse(token(header, "x").as_bytes()).map(|jws| jws.kid);
    assert_eq!(kid(r#"{"alg":"HS256"}"#), Ok(None));
    assert_eq!(kid(r#"{"alg":"HS256","kid":"../a\u0000"}"#), Ok(Some("../a\0".into())));
    for odd in ["1", "null", "[\"a\"]", "{\"a\":1}", "true"] {
        assert_eq!(kid(&format!(r#"{{"alg":"HS256","kid":{odd}}}"#)), Err(TokenError::Header), "{odd}");
    }
}

#[test]
fn extensions_are_refused_and_keys_in_headers_left_alone() {
    for name in ["crit", "b64", "cty"] {
        for value in [json!([]), json!(["exp"]), json!("JWT"), json!(false), json!(true), json!(null)] {
            check_header(json!({ "alg": "HS256", name: value }), Err(TokenError::Extension));
        }
    }
    for name in ["jwk", "jku", "x5u", "x5c", "x5t", "zip", "unheard-of"] {
        check_header(json!({ "alg": "HS256", name: "http://127.0.0.1:1/" }), Ok("x"));
    }
}

#[test]
fn a_type_is_that_of_a_token() {
    for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+JWT"] {
        check_header(json!({ "alg": "HS256", "typ": good }), Ok("x"));
    }
    for odd in ["", "JOSE", "dpop+jwt", "logout+jwt", "secevent+jwt", "application/", "text/jwt", "JWT ", "id+jwt", "ä"]
    {
        check_header(json!({ "alg": "HS256", "typ": odd }), Err(TokenError::Type));
    }
    for odd in [json!(null), json!(1), json!(["JWT"])] {
        check_header(json!({ "alg": "HS256", "typ": odd }), Err(TokenError::Type));
    }
}

#[test]
fn a_token_has_a_bound() {
    let of_bytes = |bytes: usize| {
        let empty = token(r#"{"alg":"HS256"}"#, "").len();
        signed(format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), "A".repeat(bytes - empty)))
    };
    let most = of_bytes(TOKEN_BYTES_MAX);
    assert_eq!(most.len(), TOKEN_BYTES_MAX);
    assert!(Jws::parse(most.as_bytes()).and_then(|jws| jws.verify(&key())).is_ok());
    check(&of_bytes(TOKEN_BYTES_MAX + 4), Err(TokenError::TooLarge));
    check(&".".repeat(1 << 20), Err(TokenError::TooLarge));
}

#[test]
fn a_payload_is_only_there_when_it_is_signed() {
    let other = VerifyingKey::from_secret(None, Algorithm::Hs256, Zeroizing::new([1; 32].into())).expect("a key");
    let token = token(r#"{"alg":"HS256"}"#, "x");
    let jws = Jws::parse(token.as_bytes()).expect("well formed");
    assert_eq!(jws.verify(&other), Err(TokenError::Signature));
    let swapped = token.replacen(".eA.", ".eQ.", 1);
    check(&swapped, Err(TokenError::Signature));
}
