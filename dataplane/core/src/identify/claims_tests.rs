//! Goal: a token is good for whom, by whom and when it says, and a caller comes out of it. Method: one good set of claims,
//! changed in one place each, signed each time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use zeroize::Zeroizing;

use super::super::jwk_key::VerifyingKey;
use super::super::jws::Jws;
use super::super::jws_algorithm::Algorithm;
use super::*;

const NOW: u64 = 1_800_000_000;

fn payload(text: &str) -> Payload {
    let secret = [7; 32];
    let signed = format!("eyJhbGciOiJIUzI1NiJ9.{}", URL_SAFE_NO_PAD.encode(text));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    let key = VerifyingKey::from_secret(None, Algorithm::Hs256, Zeroizing::new(secret.into())).expect("a key");
    Jws::parse(token.as_bytes()).and_then(|jws| jws.verify(&key)).expect("signed")
}

fn expected() -> Expected {
    Expected {
        issuers: ["I".into(), "J".into()].into(),
        audiences: ["A".into(), "B".into()].into(),
        ..Expected::default()
    }
}

/// Good claims with this member instead; what is not JSON takes it away.
fn with(name: &str, value: &str) -> String {
    let own = [("iss", r#""I""#), ("aud", r#""A""#), ("sub", r#""s""#), ("exp", "1800000100")];
    let mut members: Vec<_> = own.iter().filter(|(own, _)| *own != name).copied().collect();
    if value != "-" {
        members.push((name, value));
    }
    let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

fn verdict(text: &str, expected: &Expected) -> Result<Principal, TokenError> {
    super::check(&payload(text), expected, NOW)
}

#[track_caller]
fn claim(name: &str, value: &str, want: Option<TokenError>) {
    assert_eq!(verdict(&with(name, value), &expected()).err(), want, "{name}: {value}");
}

#[test]
fn a_caller_comes_out_of_good_claims() {
    let text = r#"{"iss":"J","aud":["x","B"],"sub":"agent-1","exp":1800000100,"scope":"b a","role":"r","n":1.10}"#;
    let principal = verdict(text, &expected()).expect("good");
    assert_eq!((&*principal.name, principal.kind), ("agent-1", CredentialKind::Jwt));
    assert_eq!((principal.scopes.join(" "), principal.roles.join(" ")), ("a b".into(), "r".into()));
    assert_eq!(principal.expires_at_unix_s, Some(1_800_000_130));
    assert_eq!(principal.claims["n"].to_string(), "1.10");
    assert_eq!(principal.claims.len(), 7);
}

#[test]
fn times_have_a_leeway_and_no_more() {
    let expired = Some(TokenError::Expired);
    for (value, want) in [
        ("1800000000", None),
        ("1799999971", None),
        ("1799999970", expired),
        ("1799999970.9", expired),
        ("1799999971.0", None),
        ("1.8e9", None),
        ("253402300799", None),
        ("0", expired),
        ("-0.0", expired),
        ("0.5", expired),
    ] {
        claim("exp", value, want);
    }
    for name in ["nbf", "iat"] {
        for (value, want) in [
            ("0", None),
            ("1800000030", None),
            ("1800000029.5", None),
            ("1800000030.5", Some(TokenError::Early)),
            ("1800000031", Some(TokenError::Early)),
            ("-", None),
        ] {
            claim(name, value, want);
        }
    }
}

#[test]
fn a_time_is_a_number_of_seconds() {
    for (name, of) in [("exp", Claim::Expiry), ("nbf", Claim::NotBefore), ("iat", Claim::IssuedAt)] {
        for odd in [
            "\"1800000100\"",
            "null",
            "true",
            "[1800000100]",
            "{}",
            "-1",
            "-0.5",
            "1e300",
            "1e999",
            "253402300800",
            "1800000100000",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "-1e300",
        ] {
            let error = verdict(&with(name, odd), &expected()).err();
            // Some are no JSON number to begin with.
            let is_right =
                error == Some(TokenError::Invalid(of)) || (odd == "1e999" && error == Some(TokenError::Payload));
            assert!(is_right, "{name}: {odd} {error:?}");
        }
    }
}

#[test]
fn what_is_required_must_be_there() {
    let missing = |claim| Some(TokenError::Missing(claim));
    claim("exp", "-", missing(Claim::Expiry));
    claim("iss", "-", missing(Claim::Issuer));
    claim("aud", "-", missing(Claim::Audience));
    claim("sub", "-", missing(Claim::Subject));
    let nothing = Required { expiry: false, issuer: false, audience: false, subject: false };
    let lax = Expected { required: nothing, ..expected() };
    let principal = verdict("{}", &lax).expect("nothing is required");
    assert_eq!((&*principal.name, principal.expires_at_unix_s), ("-", None));
    // What is there is looked at all the same.
    for (name, value) in [("exp", "1"), ("iss", r#""x""#), ("aud", r#""x""#), ("sub", "1"), ("nbf", "1900000000")] {
        assert!(verdict(&with(name, value), &lax).is_err(), "{name}");
    }
}

#[test]
fn older_tokens_have_an_expiry_and_a_user_id() {
    let older = Expected { required: Required::EXPIRY_AND_SUBJECT, ..Expected::default() };
    let principal = verdict(r#"{"exp":1800000100,"user_id":"u-1"}"#, &older).expect("good");
    assert_eq!(&*principal.name, "u-1");
    assert_eq!(verdict(r#"{"user_id":"u-1"}"#, &older).err(), Some(TokenError::Missing(Claim::Expiry)));
    assert_eq!(verdict(r#"{"exp":1800000100}"#, &older).err(), Some(TokenError::Missing(Claim::Subject)));
    let for_another = r#"{"exp":1800000100,"user_id":"u-1","aud":"elsewhere"}"#;
    assert_eq!(verdict(for_another, &older).err(), Some(TokenError::Audience));
    let issued = r#"{"exp":1800000100,"user_id":"u-1","iss":"anybody"}"#;
    assert!(verdict(issued, &older).is_ok());
}

#[test]
fn issuer_and_audience_are_compared_as_they_are_written() {
    let (issuer, audience) = (Some(TokenError::Issuer), Some(TokenError::Audience));
    for (value, want) in
        [(r#""I""#, None), (r#""\u0049""#, None), (r#""i""#, issuer), (r#""I/""#, issuer), (r#""""#, issuer)]
    {
        claim("iss", value, want);
    }
    for (value, want) in [
        (r#""B""#, None),
        (r#"["x","A"]"#, None),
        ("[]", audience),
        (r#"[""]"#, audience),
        (r#""a""#, audience),
        (r#""A ""#, audience),
        (r#""A,B""#, audience),
        (r#""""#, audience),
        (r#"["x","y"]"#, audience),
    ] {
        claim("aud", value, want);
    }
    for odd in ["1", "null", "{}", "true"] {
        claim("iss", odd, Some(TokenError::Invalid(Claim::Issuer)));
        claim("aud", odd, Some(TokenError::Invalid(Claim::Audience)));
    }
    claim("iss", r#"["I"]"#, Some(TokenError::Invalid(Claim::Issuer)));
    for odd in [r#"[["A"]]"#, r#"["A",1]"#, r#"[1,"A"]"#, "[null]"] {
        claim("aud", odd, Some(TokenError::Invalid(Claim::Audience)));
    }
}

#[test]
fn one_subject_of_two_issuers_is_two_callers() {
    let several = Expected { names_issuer: true, ..expected() };
    let name = |issuer| verdict(&with("iss", issuer), &several).map(|principal| principal.name);
    assert_eq!(name(r#""I""#), Ok("I#s".into()));
    assert_eq!(name(r#""J""#), Ok("J#s".into()));
    let required = Required { issuer: false, ..Required::ALL };
    let lax = Expected { required, ..several };
    assert_eq!(verdict(&with("iss", "-"), &lax).err(), Some(TokenError::Missing(Claim::Issuer)));
}

#[test]
fn a_payload_is_one_object() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(700), "]".repeat(700));
    for odd in ["", "[]", "1", "{", r#"{"sub":"a","sub":"b"}"#, r#"{"x":{"y":1,"y":2}}"#, "\"\\ud800\"", &deep] {
        assert_eq!(verdict(odd, &expected()).err(), Some(TokenError::Payload), "{odd}");
    }
    claim("x", r#"{"sub":"other"}"#, None);
    claim("scope", "1", Some(TokenError::Invalid(Claim::Scope)));
    claim("roles", "1", Some(TokenError::Invalid(Claim::Role)));
}

#[test]
fn the_end_of_time_overflows_nothing() {
    let text = with("exp", "253402300799");
    let endless = Expected { leeway_s: u64::MAX, ..expected() };
    assert!(super::check(&payload(&text), &endless, 0).is_ok());
    assert_eq!(super::check(&payload(&text), &expected(), u64::MAX).err(), Some(TokenError::Expired));
}
