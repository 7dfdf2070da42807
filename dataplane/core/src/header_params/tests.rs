//! The rules of `x-mcp-header`, a row each, and what must be refused.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[track_caller]
fn plan(schema: Value) -> HeaderPlan {
    HeaderPlan::from_schema(&schema).unwrap_or_else(|error| panic!("{error}"))
}

/// `headers` are `name: value` lines; `want` is a part of the refusal, or empty.
#[track_caller]
fn check(schema: Value, arguments: Value, headers: &[(&str, &str)], want: &str) {
    let mut map: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        map.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    let got = plan(schema).check(Some(&arguments), |name| match map.get(name).map(Vec::as_slice) {
        None => HeaderLookup::Absent,
        Some([one]) => HeaderLookup::One(one.as_bytes()),
        Some(_) => HeaderLookup::Repeated,
    });
    let got = got.err().map(|mismatch| mismatch.to_string()).unwrap_or_default();
    assert!(got.contains(want) && got.is_empty() == want.is_empty(), "{arguments} {headers:?}: {got}");
}

fn mirrored(kind: &str) -> Value {
    json!({"type": "object", "properties": {"v": {"type": kind, "x-mcp-header": "Region"}, "other": {}}})
}

#[test]
fn values_are_compared() {
    let differs = "does not match body value";
    check(mirrored("string"), json!({"v": "eu"}), &[("Region", "eu")], "");
    check(mirrored("string"), json!({"v": "eu"}), &[("rEGION", " \teu\t ")], "");
    check(mirrored("string"), json!({"v": ""}), &[("Region", "")], "");
    check(mirrored("string"), json!({"v": "a\tb"}), &[("Region", "a\tb")], "");
    check(
        mirrored("string"),
        json!({"v": "y"}),
        &[("Region", "x")],
        "Header mismatch: Mcp-Param-Region header value 'x' does not match body value 'y'",
    );
    check(mirrored("string"), json!({"v": "EU"}), &[("Region", "eu")], differs);
    check(mirrored("string"), json!({"v": "42"}), &[("Region", "42.0")], differs);
    check(mirrored("string"), json!({"v": "é"}), &[("Region", "=?base64?w6k=?=")], "");
    check(mirrored("string"), json!({"v": " a"}), &[("Region", "=?base64?IGE=?=")], "");
    check(mirrored("string"), json!({"v": ""}), &[("Region", "=?base64??=")], "");
    check(mirrored("string"), json!({"v": "=?base64?w6k=?="}), &[("Region", "=?base64?w6k=?=")], differs);
    check(mirrored("string"), json!({"v": "=?BASE64?w6k=?="}), &[("Region", "=?BASE64?w6k=?=")], "");
    check(mirrored("boolean"), json!({"v": true}), &[("Region", "true")], "");
    check(mirrored("boolean"), json!({"v": true}), &[("Region", "True")], differs);
    check(mirrored("boolean"), json!({"v": false}), &[("Region", "true")], differs);
    check(mirrored("boolean"), json!({"v": true}), &[("Region", "=?base64?dHJ1ZQ==?=")], "");
    check(mirrored("string"), json!({"v": {"a": 1}}), &[("Region", "x")], "body value 'an object'");
    check(mirrored("string"), json!({"v": "a\u{0}b"}), &[("Region", "ab")], "body value 'a\\0b'");
}

#[test]
fn integers_are_compared_by_value() {
    let number = |text: &str| -> Value { serde_json::from_str(&format!("{{\"v\":{text}}}")).expect("JSON") };
    let same = [
        "42 42",
        "42.0 42",
        "42 42.0",
        "42 042",
        "4.2e1 42",
        "420E-1 42",
        "-1 -1",
        "-0 0",
        "0e99999 0",
        "9007199254740991 9007199254740991",
        "-9007199254740991 -9007199254740991",
        "1e3 1000.00",
    ];
    for row in same {
        let (body, header) = row.split_once(' ').expect("a row has two");
        check(mirrored("integer"), number(body), &[("Region", header)], "");
    }
    let different = [
        "42 43",
        "42 -42",
        "42 42.5",
        "42 +42",
        "42 4 2",
        "42 42.",
        "42 .42",
        "42 0x2A",
        "42 ",
        "42 -",
        "42 1e",
        "42 1e+",
        "42.5 42.5",
        "9007199254740992 9007199254740992",
        "9007199254740991.4 9007199254740991",
        "1e99999999999 0",
        "1e400 1e400",
    ];
    for row in different {
        let (body, header) = row.split_once(' ').expect("a row has two");
        check(mirrored("integer"), number(body), &[("Region", header)], "does not match");
    }
}

#[test]
fn headers_and_arguments_come_together() {
    check(mirrored("string"), json!({"v": "eu"}), &[], "Mcp-Param-Region header is missing");
    check(mirrored("string"), json!({"v": "eu"}), &[("Region", "eu"), ("region", "eu")], "more than once");
    check(mirrored("string"), json!({}), &[("Region", "a"), ("region", "b")], "more than once");
    check(mirrored("string"), json!({}), &[], "");
    check(mirrored("string"), json!({"v": null}), &[], "");
    check(mirrored("string"), json!({}), &[("Region", "eu")], "header is present, but");
    check(mirrored("string"), json!({"v": null}), &[("Region", "null")], "header is present, but");
    check(mirrored("string"), json!([]), &[], "");
    check(mirrored("string"), json!({"v": ["eu"]}), &[], "");
    check(mirrored("string"), json!({"other": 1}), &[("Unknown", "x")], "");

    let one = plan(mirrored("string"));
    assert!(one.check(None, |_| HeaderLookup::Absent).is_ok());
    assert!(one.check(None, |_| HeaderLookup::One(b"x")).is_err());
    assert!(plan(json!({"type": "object"})).is_empty());
    assert!(!one.is_empty());
}

#[test]
fn nested_properties_are_found() {
    let schema = json!({"properties": {"a": {"properties": {"b": {"type": "integer", "x-mcp-header": "B"}}}}});
    check(schema.clone(), json!({"a": {"b": 1}}), &[("b", "1")], "");
    check(schema.clone(), json!({"a": {"b": 1}}), &[], "Mcp-Param-B header is missing");
    check(schema.clone(), json!({"a": 1}), &[], "");
    check(schema, json!({"a": {}}), &[("b", "1")], "present");
    // A property may be called as the annotation is, and data may hold it.
    let innocent = json!({"properties": {"x-mcp-header": {"type": "string"}}, "default": {"x-mcp-header": "B"},
        "enum": [{"x-mcp-header": ""}], "const": {"x-mcp-header": 1}});
    assert!(plan(innocent).is_empty());
}

#[test]
fn annotations_that_break_a_rule_are_refused() {
    let refused = |schema: Value, want: &str| {
        let error = HeaderPlan::from_schema(&schema).expect_err("a rule is broken").to_string();
        assert!(error.contains(want), "{schema}: {error}");
    };
    for name in [
        json!(""),
        json!("a b"),
        json!("é"),
        json!("a:b"),
        json!("a\r\nb"),
        json!(1),
        json!(null),
        json!("a".repeat(129)),
    ] {
        refused(json!({"properties": {"v": {"type": "string", "x-mcp-header": name}}}), "`v`: must be a header name");
    }
    for kind in [json!("number"), json!("object"), json!(["string", "null"]), json!(null)] {
        refused(json!({"properties": {"v": {"type": kind, "x-mcp-header": "A"}}}), "needs a property whose `type`");
    }
    refused(json!({"properties": {"v": {"x-mcp-header": "A"}}}), "needs a property whose `type`");
    let one = json!({"type": "string", "x-mcp-header": "A"});
    refused(
        json!({"properties": {"v": one, "w": {"properties": {"x": {"type": "string", "x-mcp-header": "a"}}}}}),
        "same header name",
    );
    refused(json!({"type": "string", "x-mcp-header": "A"}), "through `properties` alone");
    let inner = json!({"properties": {"v": one}});
    for keyword in [
        "items",
        "contains",
        "additionalProperties",
        "unevaluatedProperties",
        "not",
        "if",
        "then",
        "else",
        "propertyNames",
        "unevaluatedItems",
        "contentSchema",
        "additionalItems",
    ] {
        refused(json!({keyword: inner}), "through `properties` alone");
        refused(json!({"properties": {"p": {keyword: one}}}), "through `properties` alone");
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems", "items"] {
        refused(json!({keyword: [{}, inner]}), "through `properties` alone");
    }
    for keyword in ["$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies"] {
        refused(json!({keyword: {"k": inner}}), "through `properties` alone");
    }
    let many: Map<String, Value> = (0..33)
        .map(|index| (format!("p{index}"), json!({"type": "string", "x-mcp-header": format!("H{index}")})))
        .collect();
    refused(json!({"properties": many}), "more than 32");
    let deep = (0..80).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    refused(deep, "deeper than 64");
}

#[test]
fn header_values_are_decoded() {
    let decoded =
        |raw: &str| decode_header_value(raw.as_bytes()).map(Cow::into_owned).map_err(|error| error.to_string());
    for (raw, want) in [
        ("a", "a"),
        (" a b\t", "a b"),
        ("", ""),
        (" ", ""),
        ("=?base64?w6k=?=", "é"),
        (" =?base64?w6k=?= ", "é"),
        ("=?base64?=", "=?base64?="),
        ("=?base64?w6k=", "=?base64?w6k="),
        ("w6k=?=", "w6k=?="),
        ("=?Base64?w6k=?=", "=?Base64?w6k=?="),
        ("=?base64?Cg==?=", "\n"),
        ("x=?base64?w6k=?=", "x=?base64?w6k=?="),
    ] {
        assert_eq!(decoded(raw).as_deref(), Ok(want), "{raw}");
    }
    for raw in [
        "=?base64?w6k?=",
        "=?base64?w6k==?=",
        "=?base64?w6l=?=",
        "=?base64?w-k=?=",
        "=?base64?w6 k=?=",
        "=?base64?/w==?=",
        "=?base64?*?=",
    ] {
        assert!(decoded(raw).expect_err(raw).contains("base64"), "{raw}");
    }
    for raw in ["é", "a\nb", "a\rb", "a\0", "\x7f"] {
        assert!(decoded(raw).expect_err(raw).contains("characters"), "{raw}");
    }
    assert!(decode_header_value(b"\xff").is_err());
    let named = decode_header_value(b"\xff").expect_err("no ASCII").named("Mcp-Name");
    assert!(named.to_string().starts_with("Header mismatch: Mcp-Name header value has"));
}

proptest! {
    #[test]
    fn what_a_client_encodes_is_decoded(text in ".*") {
        let raw = format!("=?base64?{}?=", STANDARD.encode(&text));
        let decoded = decode_header_value(raw.as_bytes());
        prop_assert_eq!(decoded.map(Cow::into_owned), Ok(text));
    }

    #[test]
    fn decoding_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode_header_value(&raw);
    }

    #[test]
    fn integers_are_themselves(value in -INTEGER_MAX..=INTEGER_MAX, zeros in 0_usize..4) {
        prop_assert_eq!(integer(&value.to_string()), Some(value));
        prop_assert_eq!(integer(&format!("{value}.0{}", "0".repeat(zeros))), Some(value));
        prop_assert_eq!(integer(&format!("{value}{}e-{zeros}", "0".repeat(zeros))), Some(value));
    }

    #[test]
    fn numbers_never_panic(text in "[-+0-9.eE]{0,30}") {
        let _ = integer(&text);
    }
}
