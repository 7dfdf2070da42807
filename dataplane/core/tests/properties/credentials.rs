//! What strangers and operators hand in about who may call: tokens, key sets, keys, key files, rules, conditions, audit files.
//! Whatever it is made of, it is read or refused, without a panic and in steps that its size bounds.
//!
//! Inputs are random bytes, and good ones with bytes changed, left out, doubled or put elsewhere: most go wrong deep inside.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use ringway_core::audit::{Chain, Decision, Header, Kind, Record, Verifier};
use ringway_core::authorize::{Effect, RuleSpec, Rules};
use ringway_core::identify::access::Credentials;
use ringway_core::identify::api_key::{self, Pepper};
use ringway_core::identify::bearer::{CREDENTIAL_BYTES_MAX, Credential, Shown, credential};
use ringway_core::identify::claims::Expected;
use ringway_core::identify::jwk::{Source, read_jwk, read_jwks};
use ringway_core::identify::jwk_key::VerifyingKey;
use ringway_core::identify::jwk_pem::read_pem;
use ringway_core::identify::jws_algorithm::Algorithm;
use ringway_core::identify::key_ring::{KeyFile, KeyRing, NewKey, api_keys, mcp_api_keys};
use ringway_core::identify::key_set::KeySet;
use ringway_policy::AddressList;

const NOW_UNIX_S: u64 = 1_800_000_000;
/// No input here takes a millisecond; one that takes this long grows with something else than its size. Machines that do
/// much else at the same time are no reason.
const TIME_MAX: Duration = Duration::from_secs(5);

/// A change to bytes: where, how far it reaches, and what is done there.
type Change = (prop::sample::Index, u8, u8);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..6, any::<u8>()), 0..5)
}

fn changed(good: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (at, what, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        let end = (at + usize::from(*byte)).min(bytes.len());
        match what {
            0 => bytes[at] = *byte,
            1 => bytes[at] ^= 1 << (byte % 8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.insert(at, *byte),
            4 => {
                let doubled = bytes[at..end].to_vec();
                bytes.splice(at..at, doubled);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Good ones with changes, texts of the same alphabet, and anything.
fn like(good: Vec<Vec<u8>>, alphabet: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (prop::sample::select(good), changes()).prop_map(|(good, changes)| changed(&good, &changes)),
        1 => alphabet.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..400),
    ]
}

#[track_caller]
fn soon<R>(what: &str, run: impl FnOnce() -> R) -> R {
    let began = Instant::now();
    let result = run();
    assert!(began.elapsed() < TIME_MAX, "{what} took {:?}", began.elapsed());
    result
}

const SECRET: [u8; 32] = [7; 32];

fn token_of(header: &str, claims: &str) -> Vec<u8> {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).into_bytes()
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"k"}"#;
const CLAIMS: &str = r#"{"iss":"i","aud":["a","b"],"sub":"s","exp":4102444800.5,"nbf":1,"iat":1.5,"scope":"x y","roles":["r"],"permissions":["p"],"user_id":"u"}"#;

fn credentials() -> Credentials {
    let key = VerifyingKey::from_secret(Some("k"), Algorithm::Hs256, zeroize::Zeroizing::new(SECRET.into()));
    let expected = Expected { issuers: ["i".into()].into(), audiences: ["a".into()].into(), ..Expected::default() };
    let (file, _) = key_file();
    Credentials {
        tokens: Some((KeySet::new(vec![key.expect("a key")]).expect("a set"), expected)),
        keys: Some(
            KeyRing::new(file, mcp_api_keys("an-older-key-of-0123456789abcdef").expect("a key")).expect("a ring"),
        ),
        ..Credentials::default()
    }
}

fn key_file() -> (KeyFile, Vec<u8>) {
    let mut file = KeyFile::new(Pepper::new([3; 32]));
    let wanted = NewKey { name: "one".into(), ..NewKey::default() };
    let made = file.create(wanted, &[5; 9], &[9; 32], NOW_UNIX_S);
    let text = made.expect("a key").text.as_bytes().to_vec();
    (file, text)
}

/// Some JSON, as deep and odd as claims and headers may be.
fn some_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1e400".to_owned()),
        Just("-0".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "\\PC{0,12}".prop_map(|text| serde_json::to_string(&text).expect("a text")),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((member(), inner), 0..5).prop_map(|all| format!(
                "{{{}}}",
                all.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",")
            )),
        ]
    })
}

fn member() -> impl Strategy<Value = &'static str> {
    const NAMES: [&str; 14] =
        ["alg", "kid", "typ", "crit", "b64", "iss", "aud", "sub", "exp", "nbf", "iat", "scope", "roles", "x"];
    prop::sample::select(&NAMES[..])
}

proptest! {
    #[test]
    fn no_token_is_a_panic_and_only_the_signed_one_is_good(
        token in like(vec![token_of(HEADER, CLAIMS)], "[A-Za-z0-9_=.-]{0,300}"),
    ) {
        let judged = soon("a token", || credentials().identify(Credential::Bearer(&token), NOW_UNIX_S));
        prop_assert!(judged.is_err() || token == token_of(HEADER, CLAIMS));
    }

    #[test]
    fn no_signed_nonsense_is_a_panic(header in some_json(), claims in some_json()) {
        let mut credentials = credentials();
        for (header, claims) in [(HEADER, claims.as_str()), (header.as_str(), CLAIMS), (header.as_str(), claims.as_str())] {
            let token = token_of(header, claims);
            let _ = soon("a signed token", || credentials.identify(Credential::Bearer(&token), NOW_UNIX_S));
        }
        if let Some((_, expected)) = &mut credentials.tokens {
            expected.required = ringway_core::identify::claims::Required { expiry: false, issuer: false, audience: false, subject: false };
        }
        let _ = soon("claims that need nothing", || credentials.identify(Credential::Bearer(&token_of(HEADER, &claims)), NOW_UNIX_S));
    }

    #[test]
    fn no_field_is_a_panic_or_a_credential_that_is_too_large(
        authorization in prop::option::of(like(vec![b"Bearer abc.def.ghi".to_vec(), b"bearer  a==".to_vec()], "[Bb]earer {0,3}[ -~]{0,40}")),
        key in prop::option::of(like(vec![key_file().1], "[ -~]{0,40}")),
        counts in any::<[bool; 2]>(),
        pad in 0usize..3 * CREDENTIAL_BYTES_MAX,
    ) {
        let padded = authorization.as_ref().map(|value| [value.as_slice(), &vec![b'a'; pad]].concat());
        for authorization in [authorization, padded] {
            let shown = |value: &Option<Vec<u8>>, twice| u8::from(value.is_some()) + u8::from(value.is_some() && twice);
            let authorization_shown = Shown { first: authorization.as_deref(), count: shown(&authorization, counts[0]) };
            let key_shown = Shown { first: key.as_deref(), count: shown(&key, counts[1]) };
            match soon("a credential", || credential(authorization_shown, key_shown)) {
                Ok(Credential::Bearer(bytes) | Credential::ApiKey(bytes)) => prop_assert!((1..=CREDENTIAL_BYTES_MAX).contains(&bytes.len())),
                Ok(Credential::None) => prop_assert!(authorization.is_none() && key.is_none()),
                Err(_) => {}
            }
        }
    }

    #[test]
    fn no_key_is_a_panic_and_only_the_given_one_is_good(key in like(vec![key_file().1], "rw_[0-9A-Za-z._-]{0,80}")) {
        let credentials = credentials();
        for shown in [Credential::ApiKey(&key), Credential::Bearer(&key)] {
            let judged = soon("a key", || credentials.identify(shown, NOW_UNIX_S));
            prop_assert!(judged.is_err() || key == key_file().1);
        }
        let _ = api_key::shown_id(&key);
    }

    #[test]
    fn no_key_file_is_a_panic_and_what_is_read_can_be_written(
        file in like(vec![key_file().0.to_json().as_bytes().to_vec()], "[\\[\\]{}\":,a-z0-9 ]{0,200}"),
    ) {
        let text = String::from_utf8_lossy(&file);
        if let Ok(read) = soon("a key file", || KeyFile::from_json(&text)) {
            let written = read.to_json();
            let again = KeyFile::from_json(&written).expect("what was written");
            prop_assert_eq!(again.keys().len(), read.keys().len());
        }
        let _ = soon("older keys", || (api_keys(&text).is_ok(), mcp_api_keys(&text).is_ok()));
    }

    #[test]
    fn no_published_key_is_a_panic(
        jwk in like(
            vec![
                br#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"1","x":"KJwobYr7x7Yoa9p_OaTIO9ob3F0Rp5i26BydKUQqh44","y":"67h4YRjsgjJRcEhR3hnVUBWExpoi5Ab1Qoo-qNEMWRk"}]}"#.to_vec(),
                br#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_vec(),
                br#"{"kty":"RSA","alg":"RS256","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs","e":"AQAB"}"#.to_vec(),
            ],
            "[\\[\\]{}\":,a-zA-Z0-9_ -]{0,200}",
        ),
        pem in like(vec![b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAOmaE91Dk6+LEhHfW+AAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n".to_vec()], "[ -~\\n]{0,200}"),
    ) {
        let text = String::from_utf8_lossy(&jwk);
        for source in [Source::Own, Source::Published] {
            let _ = soon("a key set", || read_jwks(&text, source).is_ok());
        }
        let _ = soon("a key", || read_jwk(&text).is_ok());
        let pem = String::from_utf8_lossy(&pem);
        let _ = soon("a PEM", || read_pem(&pem, Some("1"), Some(Algorithm::EdDsa)).is_ok());
    }

    #[test]
    fn no_rule_is_a_panic(
        rule in like(
            vec![br#"{"name":"a.b-c","effect":"deny","principals":["api_key:ci-*"],"roles":["r?"],"scopes":["s"],"tools":["get_*","*"],"resources":["file:///*"],"prompts":["p"],"when":"args.amount < 1000 && principal.roles.exists(r, r == 'a') || address.startsWith('10.')"}"#.to_vec()],
            "[\\[\\]{}\":,a-z*?]{0,200}",
        ),
        condition in like(
            vec![
                b"!(args.amount < 1000)".to_vec(),
                b"size(args.text) > 5 ? item.name in ['a', \"b\"] : has(args.x) && args.x.matches('^a+$')".to_vec(),
                b"principal.claims['a'].all(x, x.map(y, y + 1).size() == 2)".to_vec(),
            ],
            "[a-z0-9.()\\[\\]{}!&|<>=+*/%?:,'\" -]{0,200}",
        ),
    ) {
        let spec = |text: &[u8]| serde_json::from_slice::<RuleSpec>(text).ok();
        let mut with_condition = spec(br#"{"name":"a","effect":"allow"}"#).expect("a rule");
        with_condition.when = Some(String::from_utf8_lossy(&condition).into_owned());
        for specs in [spec(&rule).into_iter().collect(), vec![with_condition]] {
            let _ = soon("a rule", || Rules::compile(specs, Effect::Deny).is_ok());
        }
    }

    #[test]
    fn no_network_is_a_panic(
        entry in like(
            vec![b"10.0.0.0/8".to_vec(), b"2001:db8::/32".to_vec(), b"::ffff:10.0.0.0/104".to_vec(), b"::1".to_vec()],
            "[0-9a-f:./%]{0,50}",
        ),
    ) {
        let entry = String::from_utf8_lossy(&entry).into_owned();
        let _ = soon("a network", || AddressList::parse(&[entry]).is_ok());
    }

    #[test]
    fn no_audit_file_is_a_panic_and_only_the_written_one_is_whole(
        changes in changes(), noise in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..300,
    ) {
        let good = audit_file();
        let bytes = changed(&good, &changes);
        let verified = soon("an audit file", || verified(&bytes, piece));
        // A last line without an end is what a crash leaves; records that are gone at either end are an anchor's to find.
        let whole = &bytes[..bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)];
        let is_part = whole.is_empty() || good.windows(whole.len()).any(|part| part == whole);
        prop_assert!(verified.is_err() || is_part, "only whole records as they were written may pass");
        let _ = soon("noise", || self::verified(&noise, piece).is_ok());
    }
}

fn verified(bytes: &[u8], piece: usize) -> Result<(), ringway_core::audit::Broken> {
    let mut verifier = Verifier::new(None);
    verifier.begin_file("audit-1.log")?;
    for piece in bytes.chunks(piece) {
        verifier.handle_bytes(piece)?;
    }
    verifier.finish().map(drop)
}

fn audit_file() -> Vec<u8> {
    let mut chain = Chain::beginning();
    let mut out = Vec::new();
    chain.push_header(&Header { at_unix_us: 1, process: "ringway (1)", started_unix_us: 1, file: 1 }, &mut out);
    for index in 0..4 {
        let record = Record {
            at_unix_us: index,
            kind: Kind::ToolCall,
            principal: "somebody \"\n",
            decision: Some(Decision::Allowed),
            ..Record::default()
        };
        chain.push(&record, &mut out);
    }
    out
}
