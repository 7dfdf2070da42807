//! A ring with keys of every kind: who is found, and who is not and why.

use super::*;
use crate::identify::api_key::{DIGEST_BYTES, Pepper};
use crate::identify::key_ring::{Created, NewKey, Revocation};

const NOW: u64 = 1_800_000_000;
const OLDER: &str = "k7Gq2Lw9XcVb4NzRt6Yh1PmS";

fn file() -> KeyFile {
    KeyFile::new(Pepper::new([5; DIGEST_BYTES]))
}

fn create(file: &mut KeyFile, number: u8, wanted: NewKey) -> Created {
    file.create(wanted, &[number; 9], &[number ^ 0x5a; 32], NOW).expect("a key")
}

fn named(name: &str) -> NewKey {
    NewKey { name: name.into(), ..NewKey::default() }
}

#[track_caller]
fn ring(file: &KeyFile) -> KeyRing {
    KeyRing::from_json(&file.to_json()).expect("a file that was just written")
}

#[track_caller]
fn check(ring: &KeyRing, shown: &str, now_unix_s: u64, want: Result<&str, KeyError>) {
    let found = ring.find(shown.as_bytes(), now_unix_s);
    assert_eq!(found.as_ref().map(|principal| &*principal.name).map_err(|error| *error), want);
}

#[test]
fn a_key_is_found_as_it_was_made() {
    let mut file = file();
    let wanted = NewKey {
        name: "ci".into(),
        scopes: vec!["mcp:read".into()],
        roles: vec!["agent".into()],
        permissions: Some(vec!["tools/*".into()]),
        rate: Some(KeyRate { rate_rps: 100.0, burst: 200 }),
        expires_at_unix_s: Some(NOW + 10),
    };
    let Created { id, text } = create(&mut file, 1, wanted);
    let other = create(&mut file, 2, named("other"));
    let ring = ring(&file);
    let principal = ring.find(text.as_bytes(), NOW).expect("it is good");
    assert_eq!((&*principal.name, principal.kind), (id.as_str(), CredentialKind::ApiKey));
    assert!(principal.has_scope("mcp:read") && principal.has_role("agent"));
    assert_eq!(principal.expires_at_unix_s, Some(NOW + 10));
    assert_eq!(ring.rate(&principal), Some(KeyRate { rate_rps: 100.0, burst: 200 }));
    let key = ring.key(&id).expect("it is there");
    assert_eq!((&*key.name, key.created_at_unix_s), ("ci", Some(NOW)));
    assert_eq!(key.permissions.as_deref(), Some(&["tools/*".into()][..]));
    check(&ring, &other.text, NOW, Ok(&other.id));
    assert_eq!(ring.rate(&Principal::anonymous()), None);
    let elsewhere = Principal { name: id.as_str().into(), ..Principal::anonymous() };
    assert_eq!(ring.rate(&elsewhere), None, "a subject of a token may have any name");
    assert_eq!(format!("{ring:?}"), "KeyRing(2 keys)");
}

#[test]
fn what_is_no_key_is_refused_by_its_reason() {
    let mut file = file();
    let good = create(&mut file, 1, named("ci"));
    let other = create(&mut file, 2, named("other"));
    let ring = ring(&file);
    let mistyped = good.text.replace(&good.text[30..31], "!");
    let wrong_secret = api_key::text(&good.id, &[9; 32]);
    let unknown_id = api_key::text("zzzzzzzzzzzz", &[9; 32]);
    for (shown, want) in [
        (&wrong_secret[..], KeyError::Unknown),
        (&unknown_id, KeyError::Unknown),
        (&api_key::text("000000000000", &[9; 32]), KeyError::Unknown),
        (&good.text.replace(&good.id, &other.id), KeyError::Mistyped),
        (&mistyped, KeyError::Unknown),
        (&good.text[..64], KeyError::Unknown),
        ("", KeyError::Unknown),
        ("rw_", KeyError::Unknown),
        (&good.id, KeyError::Unknown),
        (&"x".repeat(SHOWN_BYTES_MAX), KeyError::Unknown),
        (&"x".repeat(SHOWN_BYTES_MAX + 1), KeyError::TooLong),
    ] {
        check(&ring, shown, NOW, Err(want));
    }
    let mut bytes = good.text.as_bytes().to_vec();
    let last = bytes.len() - 1;
    bytes[last] = if bytes[last] == b'0' { b'1' } else { b'0' };
    assert_eq!(ring.find(&bytes, NOW).expect_err("a slip"), KeyError::Mistyped);
    assert_eq!(ring.find(&[0xff; 65], NOW).expect_err("no text"), KeyError::Unknown);
    let empty = KeyRing::new(self::file(), Vec::new()).expect("no keys");
    check(&empty, &good.text, NOW, Err(KeyError::Unknown));
    check(&empty, OLDER, NOW, Err(KeyError::Unknown));
}

/// Goal: digests are bound to their pepper: a file's keys are worth nothing under another.
#[test]
fn another_pepper_knows_no_key() {
    let mut file = file();
    let key = create(&mut file, 1, named("ci"));
    let other = KeyFile { pepper: Pepper::new([6; DIGEST_BYTES]), keys: file.keys.clone() };
    check(&ring(&other), &key.text, NOW, Err(KeyError::Unknown));
    check(&ring(&file), &key.text, NOW, Ok(&key.id));
}

#[test]
fn a_key_ends_when_it_expires_or_is_revoked() {
    let mut file = file();
    let short = create(&mut file, 1, NewKey { expires_at_unix_s: Some(NOW + 5), ..named("short") });
    let other = create(&mut file, 2, named("other"));
    let ring_before = ring(&file);
    check(&ring_before, &short.text, NOW + 4, Ok(&short.id));
    check(&ring_before, &short.text, NOW + 5, Err(KeyError::Expired));
    assert_eq!(file.revoke(&other.id, NOW + 1), Ok(Revocation::Revoked));
    assert_eq!(file.revoke(&other.id, NOW + 9), Ok(Revocation::AlreadyAt(NOW + 1)));
    let ring = ring(&file);
    check(&ring, &other.text, NOW, Err(KeyError::Revoked));
    check(&ring, &api_key::text(&other.id, &[9; 32]), NOW, Err(KeyError::Unknown));
    assert_eq!(ring.key(&other.id).and_then(|key| key.revoked_at_unix_s), Some(NOW + 1));
    let late = NewKey { expires_at_unix_s: Some(NOW), ..named("late") };
    assert!(file.create(late, &[3; 9], &[3; 32], NOW).is_err());
}

#[test]
fn a_rotated_key_has_two_secrets_for_a_while() {
    let mut file = file();
    let key = create(&mut file, 1, NewKey { expires_at_unix_s: Some(NOW + 1000), ..named("ci") });
    let rotated = file.rotate(&key.id, &[77; 32], 100, NOW).expect("it is active");
    assert_eq!((rotated.previous_until_unix_s, rotated.has_ended_older), (NOW + 100, false));
    let both = ring(&file);
    check(&both, &rotated.text, NOW, Ok(&key.id));
    check(&both, &key.text, NOW + 99, Ok(&key.id));
    check(&both, &key.text, NOW + 100, Err(KeyError::Superseded));
    let found = both.find_key(key.text.as_bytes(), NOW).expect("in its grace");
    assert_eq!(found.expires_at_unix_s, Some(NOW + 100), "whoever remembers it must forget it in time");
    assert_eq!(both.find(key.text.as_bytes(), NOW).expect("too").expires_at_unix_s, Some(NOW + 100));
    assert_eq!(both.find(rotated.text.as_bytes(), NOW).expect("too").expires_at_unix_s, Some(NOW + 1000));

    let third = file.rotate(&key.id, &[78; 32], 100, NOW + 1).expect("it is active");
    assert!(third.has_ended_older);
    let three = ring(&file);
    check(&three, &key.text, NOW + 1, Err(KeyError::Unknown));
    check(&three, &rotated.text, NOW + 1, Ok(&key.id));
    let fourth = file.rotate(&key.id, &[79; 32], 0, NOW + 2).expect("it is active");
    let four = ring(&file);
    check(&four, &third.text, NOW + 2, Err(KeyError::Unknown));
    check(&four, &fourth.text, NOW + 2, Ok(&key.id));

    file.revoke(&key.id, NOW + 3).expect("it is there");
    check(&ring(&file), &fourth.text, NOW + 3, Err(KeyError::Revoked));
    let error = file.rotate(&key.id, &[80; 32], 0, NOW + 4).err().expect("it is revoked").to_string();
    assert!(error.contains("is revoked: make another"), "{error}");
}

#[test]
fn keys_of_the_environment_are_found_without_an_id() {
    let mut file = file();
    let own = create(&mut file, 1, named("ci"));
    let elsewhere = api_key::text("0123456789ab", &[3; 32]);
    let older = mcp_api_keys(&format!("{OLDER},{}", *elsewhere)).expect("two keys");
    let ring = KeyRing::new(KeyFile::from_json(&file.to_json()).expect("a file"), older).expect("three keys");
    check(&ring, OLDER, NOW, Ok("mcp-api-keys-1"));
    check(&ring, &elsewhere, NOW, Ok("mcp-api-keys-2"));
    check(&ring, &own.text, NOW, Ok(&own.id));
    check(&ring, &OLDER[1..], NOW, Err(KeyError::Unknown));
    check(&ring, &OLDER.to_lowercase(), NOW, Err(KeyError::Unknown));
    let expiring = api_keys(&format!(r#"{{"{OLDER}": {{"name": "x", "expires": {NOW}}}}}"#)).expect("a key");
    let ring = KeyRing::new(self::file(), expiring).expect("a key");
    check(&ring, OLDER, NOW - 1, Ok("x"));
    check(&ring, OLDER, NOW, Err(KeyError::Expired));
}

#[test]
fn keys_that_cannot_be_told_apart_are_refused() {
    let twice = mcp_api_keys(&format!("{OLDER},{OLDER}")).expect("a list");
    let error = KeyRing::new(file(), twice).expect_err("twice the same").to_string();
    assert!(error.contains("are the same") && !error.contains(OLDER), "{error}");
    let one = api_keys(&format!(r#"{{"{OLDER}": "ci"}}"#)).expect("a key");
    let other = api_keys(r#"{"d8Ue3Jf0Tz5Wq1Ks9Bn7Xm2V": "ci"}"#).expect("a key");
    let error = KeyRing::new(file(), one.into_iter().chain(other).collect()).expect_err("one name").to_string();
    assert!(error.contains("two keys are called `ci`"), "{error}");
}

#[test]
fn a_file_comes_back_and_shows_no_key() {
    let mut file = file();
    let key = create(&mut file, 1, named("Jürgens Agent"));
    file.rotate(&key.id, &[7; 32], 60, NOW).expect("it is active");
    let text = file.to_json();
    assert_eq!(*KeyFile::from_json(&text).expect("as it was written").to_json(), *text);
    assert!(!text.contains(&key.text[16..]));
    let shown = format!("{file:?}");
    assert!(shown.contains(&key.id) && !shown.contains("05050505"), "{shown}");
}

#[test]
fn a_file_that_is_none_is_refused_by_its_place_alone() {
    let mut file = file();
    create(&mut file, 1, named("ci"));
    let text = file.to_json();
    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = KeyFile::from_json(text).expect_err("no key file").to_string();
        assert!(error.contains(want), "no {want:?} in {error}");
        assert!(!error.contains("05050505") && !error.contains("hunter2"), "{error}");
    }
    refused("", "line 1 column 0: this is not JSON");
    refused("{}", "not what a key file of format 1 has there");
    refused("[]", "not what a key file");
    refused(&text[..text.len() - 9], "this is not JSON");
    refused(&text.replace("\"format\": 1", "\"format\": 2"), "its format is 2, and this Ringway reads format 1");
    refused(&text.replace("\"pepper\"", "\"hunter2\""), "line 3 column");
    refused(&text.replace("0505\",", "\","), "pepper is not 64");
    refused(&text.replace("\"created_at_unix_s\": 1800000000", "\"created_at_unix_s\": \"hunter2\""), "line 10 column");
    refused(&text.replace("\"digest\": \"", "\"digest\": \"hunter2"), "not what a key file");
    refused(&text.replace("\"name\": \"ci\"", "\"name\": \"\""), "a name is 1 to");
    refused(&text.replace("\"id\": \"", "\"id\": \"hunter2"), "an id is 12 letters");
    let record =
        text[text.find("    {").expect("a record")..text.rfind("    }").expect("its end")].to_owned() + "    }";
    refused(&text.replace(&record, &format!("{record},\n{record}")), "two keys have the id");
}

#[test]
fn ids_that_are_none_are_not_repeated() {
    let mut file = file();
    let key = create(&mut file, 1, named("ci"));
    for bad in [key.text.as_str(), "hunter2", ""] {
        let error = file.revoke(bad, NOW).expect_err("no id").to_string();
        assert!(error.contains("no id of a key") && (bad.is_empty() || !error.contains(bad)), "{error}");
    }
    let error = file.revoke("zzzzzzzzzzzz", NOW).expect_err("no key").to_string();
    assert!(error.contains("there is no key `zzzzzzzzzzzz`"), "{error}");
    for wanted in [named(""), NewKey { scopes: vec!["a b".into()], ..named("x") }] {
        assert!(file.create(wanted, &[9; 9], &[9; 32], NOW).is_err());
    }
    assert_eq!(file.keys().len(), 1);
    assert!(file.create(named("x"), &[1; 9], &[9; 32], NOW).is_err(), "the id is taken");
}
