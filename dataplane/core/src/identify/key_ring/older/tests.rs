//! Tables for keys of the environment: every shape is read, and no error shows a key.

use super::*;

const ONE: &str = "k7Gq2Lw9XcVb4NzRt6Yh1PmS";
const TWO: &str = "d8Ue3Jf0Tz5Wq1Ks9Bn7Xm2V";

fn names(text: &str) -> Vec<(String, String)> {
    let keys = api_keys(text).unwrap_or_else(|error| panic!("{error}"));
    keys.iter().map(|key| (key.id.clone(), key.text.to_string())).collect()
}

fn of(id: &str, key: &str) -> (String, String) {
    (id.to_owned(), key.to_owned())
}

#[track_caller]
fn refused(text: &str, want: &str) {
    let error = api_keys(text).expect_err("a mistake").to_string();
    assert!(error.contains(want), "no {want:?} in {error}");
    assert!(error.starts_with("API_KEYS: ") && error.lines().count() == 1, "{error}");
    for secret in [ONE, TWO, "hunter2", "dev-key-12345"] {
        assert!(!error.contains(secret), "{error}");
    }
}

#[test]
fn a_list_is_read() {
    let keys = mcp_api_keys(&format!(" {ONE} ,,{TWO},\n")).expect("a list");
    assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["mcp-api-keys-1", "mcp-api-keys-2"]);
    assert_eq!(keys[1].text(), TWO.as_bytes());
    for empty in ["", " , ", "\n"] {
        assert!(mcp_api_keys(empty).is_err_and(|error| error.to_string().contains("no key in it")));
    }
}

#[test]
fn every_shape_is_read_in_its_order() {
    let both = [of("api-keys-1", TWO), of("api-keys-2", ONE)];
    assert_eq!(names(&format!("{TWO},{ONE}")), both);
    assert_eq!(names(&format!(r#"["{TWO}","{ONE}"]"#)), both);
    assert_eq!(names(&format!(r#" {{"{TWO}": {{}}, "{ONE}": null}} "#)), both);
    assert_eq!(names(&format!(r#"{{"{TWO}": true, "{ONE}": ["read"]}}"#)), both);
    assert_eq!(names(&format!(r#"[{{"key":"{TWO}"}},{{"api_key":"{ONE}"}}]"#)), both);
    let named = [of("ci", TWO), of("ci-2", ONE)];
    assert_eq!(names(&format!(r#"{{"{TWO}": "ci", "{ONE}": {{"name":"ci"}}}}"#)), named);
    assert_eq!(names(&format!(r#"{{"{TWO}": false, "{ONE}": {{"active": false}}}}"#)), []);
}

#[test]
fn what_is_said_of_a_key_is_kept() {
    let text = format!(
        r#"{{"{ONE}": {{"name": "ci", "permissions": ["read", "tools/*"], "scopes": "mcp:read mcp:write", "role": "agent",
        "rate_limit": 120, "expires_at": "2027-01-31T00:00:00Z", "description": "of the build", "created_at": 5}},
        "{TWO}": {{"rate_limit": {{"per_second": 3}}, "burst": 9, "expires": 1800000000.5, "permissions": null}}}}"#
    );
    let keys = api_keys(&text).expect("keys");
    let one = &keys[0];
    assert_eq!(one.permissions.as_deref(), Some(&["read".to_owned(), "tools/*".to_owned()][..]));
    assert_eq!(
        (&one.scopes[..], &one.roles[..]),
        (&["mcp:read".to_owned(), "mcp:write".to_owned()][..], &["agent".to_owned()][..])
    );
    assert_eq!(one.rate, Some(KeyRate { rate_rps: 2.0, burst: 120 }));
    assert_eq!(one.expires_at_unix_s, Some(1_801_353_600));
    let two = &keys[1];
    assert_eq!((two.rate, two.permissions.as_ref()), (Some(KeyRate { rate_rps: 3.0, burst: 9 }), None));
    assert_eq!(two.expires_at_unix_s, Some(1_800_000_000));
    assert_eq!(format!("{one:?}"), "OlderKey(ci)");
}

#[test]
fn mistakes_are_named_by_their_place() {
    refused("", "no key in it");
    refused("{}", "no key in it");
    refused(&format!(r#"{{"{ONE}": "#), "line 1 column");
    refused(&format!(r#"{{"{ONE}": {{}}}} {TWO}"#), "line 1 column");
    refused(&format!(r#"["{ONE}", 5]"#), "key 2: it is neither a text nor an object");
    refused(&format!(r#"["{ONE}", {{"name": "ci"}}]"#), "key 2: it has no text `key`");
    refused(&format!(r#"[{{"key":"{ONE}","token":"{TWO}"}}]"#), "key 1: it has two fields");
    refused(&format!(r#"{{"{ONE}": 5}}"#), "key 1: a number says nothing");
    refused(
        &format!(r#"{{"{ONE}": {{"permisions": []}}}}"#),
        "key 1: an unknown field is in it; did you mean `permissions`?",
    );
    refused(&format!(r#"{{"{ONE}": {{"{TWO}": []}}}}"#), "key 1: an unknown field is in it");
    refused(&format!(r#"{{"{ONE}": {{"permissions": [5]}}}}"#), "key 1: `permissions` is neither");
    refused(&format!(r#"{{"{ONE}": {{"permissions": ["a\"b"]}}}}"#), "key 1: permission 1 is no word");
    refused(&format!(r#"{{"{ONE}": {{"name": "a\nb"}}}}"#), "key 1: a name is");
    refused(&format!(r#"{{"{ONE}": {{"name": 5}}}}"#), "key 1: `name` is not a text");
    refused(&format!(r#"{{"{ONE}": {{"active": "yes"}}}}"#), "key 1: `active` is neither true nor false");
    refused(&format!(r#"{{"{ONE}": {{"expires": "hunter2"}}}}"#), "key 1: `expires` is no time");
    refused(&format!(r#"{{"{ONE}": {{"rate_limit": "hunter2"}}}}"#), "key 1: `rate_limit` is no rate");
    refused(&format!(r#"{{"{ONE}": {{"rate_limit": 0}}}}"#), "key 1: `rate_limit`: a rate is more than 0");
    refused(&format!(r#"{{"{ONE}": {{"burst": 5}}}}"#), "key 1: `burst` needs a `rate_limit`");
    refused("dev-key-12345", "key 1 is a well-known default");
    refused(&format!("{ONE},hunter2"), "key 2 has 7 bytes, and needs 16");
    refused(&format!(r#"["{ONE}", "two words {TWO}"]"#), "key 2: it has blanks");
    refused(&"k7Gq2Lw9Xc".repeat(200).to_string(), "key 1: it is longer than");
}
