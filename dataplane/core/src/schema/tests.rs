//! What a schema refuses to be, what it says of wrong data, and that neither can be made to take long.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CHECK_FRAMES_MAX, Schema, SchemaError};

#[track_caller]
fn schema(source: Value) -> Schema {
    Schema::compile(&source).unwrap_or_else(|error| panic!("{source} compiles: {error}"))
}

#[track_caller]
fn check(source: Value, data: Value, want: &str) {
    let got = schema(source).check(&data).map_err(|violations| violations.to_string());
    assert_eq!(got.err().unwrap_or_default(), want, "data {data}");
}

#[track_caller]
fn refused(source: Value, want: &str) {
    let started = Instant::now();
    match Schema::compile(&source) {
        Ok(_) => panic!("{source} must not compile"),
        Err(error) => assert!(error.to_string().contains(want), "{error} says: {want}"),
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn violations_say_what_to_repair() {
    let text = json!({"type": "object", "properties": {"text": {"type": "string"}, "size": {"type": ["integer", "null"]}},
        "required": ["text"], "additionalProperties": false});
    check(text.clone(), json!({"text": "a", "size": null}), "");
    check(text.clone(), json!({"text": 5}), "`text`: expected a string, got 5");
    check(text.clone(), json!({}), "missing required property `text`");
    check(text.clone(), json!({"text": "a", "txet": 1}), "unknown property `txet` (did you mean `text`?)");
    check(text.clone(), json!({"text": "a", "Text": 1}), "unknown property `Text` (did you mean `text`?)");
    check(text.clone(), json!({"text": "a", "colour": 1}), "unknown property `colour`");
    check(text.clone(), json!({"text": "a", "size": "x"}), "`size`: expected null or an integer, got \"x\"");
    check(text.clone(), json!([1]), "expected an object, got [1]");
    check(text, json!({"txt": 5}), "unknown property `txt` (did you mean `text`?)\nmissing required property `text`");

    let items = json!({"properties": {"items": {"items": {"properties": {"name": {"minLength": 2}, "a b": {"maximum": 3}},
        "required": ["name"]}}, "7": {"enum": ["x", "y"]}}});
    check(
        items.clone(),
        json!({"items": [{"name": "ab"}, {"name": "a"}]}),
        "`items[1].name`: expected at least 2 characters, got \"a\"",
    );
    check(items.clone(), json!({"items": [{}]}), "missing required property `items[0].name`");
    check(
        items.clone(),
        json!({"items": [{"name": "ab", "a b": 4}]}),
        "`items[0][\"a b\"]`: expected at most 3, got 4",
    );
    check(items, json!({"7": "z"}), "`7`: expected one of \"x\", \"y\", got \"z\"");

    check(json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!(1), "expected a string or null, got 1");
    check(
        json!({"oneOf": [{"type": "null"}, {"required": ["a"], "type": "object"}]}),
        json!({}),
        "matches none of 2 alternatives; the nearest says: missing required property `a`",
    );
    check(
        json!({"properties": {"o": {"oneOf": [{"properties": {"t": {"const": 1}}}, {"properties": {"t": {"const": 2}, "u": {"type": "string"}}}]}}}),
        json!({"o": {"t": 3, "u": 4}}),
        "`o`: matches none of 2 alternatives; the nearest says: `o.t`: expected 1, got 3",
    );
    check(json!({"pattern": "^[a-z]+$"}), json!("A"), "expected a string matching `^[a-z]+$`, got \"A\"");
    check(
        json!({"maximum": 9007199254740993_u64}),
        serde_json::from_str("9007199254740994").expect("JSON"),
        "expected at most 9007199254740993, got 9007199254740994",
    );
    // References are followed, and name the place in the data.
    check(
        json!({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"properties": {"text": {}}, "additionalProperties": false}}}),
        json!({"a": {"tex": 1}}),
        "unknown property `a.tex` (did you mean `text`?)",
    );
}

#[test]
fn violations_are_short() {
    let long = "é".repeat(1_000_000);
    let error = schema(json!({"type": "integer"})).check(&json!(long)).expect_err("a string is no integer").to_string();
    assert!(error.chars().count() < 130, "{error}");
    assert!(error.ends_with("é…"));
    let many: Vec<Value> = (0..20).map(|_| json!("x")).collect();
    let error = schema(json!({"items": {"type": "integer"}})).check(&json!(many)).expect_err("strings are no integers");
    assert_eq!(error.lines().0.len(), 8);
    assert!(error.to_string().ends_with("`[7]`: expected an integer, got \"x\"\nand 12 more"), "{error}");
    let deep = format!("{}1{}", "{\"aaaaaaaaaaaaaaaa\":".repeat(60), "}".repeat(60));
    let deep: Value = serde_json::from_str(&deep).expect("JSON");
    let error =
        schema(json!({"type": "object", "additionalProperties": {"$ref": "#"}})).check(&deep).expect_err("ends in 1");
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn a_schema_that_cannot_be_used_says_why() {
    refused(
        json!({"$schema": "https://example.com/own"}),
        "`$schema` is https://example.com/own, which is not supported",
    );
    refused(json!({"$schema": 4}), "`$schema` is 4");
    refused(json!({"$ref": "https://example.com/a.json#/b"}), "leads to https://example.com/a.json");
    refused(json!({"$ref": "file:///etc/passwd"}), "leads to file:///etc/passwd");
    refused(json!({"properties": {"a": {"$ref": "other.json"}}}), "other.json");
    refused(json!({"$ref": "#/$defs/no"}), "/$defs/no");
    refused(json!({"$ref": "#no"}), "'no'");
    refused(json!({"type": "strin"}), "`/type`: ");
    refused(json!({"required": "a"}), "`/required`: expected an array, got \"a\"");
    refused(json!([]), "a schema is an object or a boolean");
    refused(json!({"properties": {"a": {"pattern": "(?=a)b"}}}), "`/properties/a/pattern`: the regular expression");
    refused(json!({"pattern": "(a)\\1"}), "no back-references");
    refused(json!({"pattern": "\\p{L}{1000}"}), "compile to at most");
}

#[test]
fn other_dialects_are_honoured() {
    // In draft 7 a `$ref` hides what stands beside it; in 2020-12 it does not.
    let beside = json!({"definitions": {"a": {}}, "properties": {"x": {"$ref": "#/definitions/a", "type": "string"}}});
    let mut draft_7 = beside.clone();
    draft_7["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    assert!(schema(draft_7).check(&json!({"x": 1})).is_ok());
    assert!(schema(beside).check(&json!({"x": 1})).is_err());
    // The meta-schemas are known, and need no fetching.
    let meta = schema(json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}));
    assert!(meta.check(&json!({"type": "object"})).is_ok());
    assert!(meta.check(&json!({"type": 1})).is_err());
}

#[test]
fn endless_references_are_refused() {
    for endless in [
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
        json!({"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
    ] {
        assert_eq!(Schema::compile(&endless).map(|_| ()), Err(SchemaError::EndlessReference), "{endless}");
    }
    // A way through the data ends with the data.
    schema(json!({"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}));
}

/// Each definition uses the next one twice.
fn doubling(count: usize, keyword: &str) -> Value {
    let mut definitions = serde_json::Map::new();
    for index in 0..count {
        let next = json!({"$ref": format!("#/$defs/d{}", index + 1)});
        definitions.insert(format!("d{index}"), json!({keyword: [next, next]}));
    }
    definitions.insert(format!("d{count}"), json!({"type": "string"}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn exponential_schemas_are_refused_or_quick() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        refused(doubling(60, keyword), "multiplied by the references");
        schema(doubling(8, keyword));
    }
    // Through properties too, where each step needs deeper data.
    let mut definitions = serde_json::Map::new();
    for index in 0..60 {
        let next = json!({"properties": {"a": {"$ref": format!("#/$defs/d{}", index + 1)}}});
        definitions.insert(format!("d{index}"), json!({"allOf": [next, next]}));
    }
    definitions.insert("d60".to_owned(), json!({"type": "string"}));
    refused(json!({"$ref": "#/$defs/d0", "$defs": definitions}), "multiplied by the references");
    // `unevaluatedProperties` looks twice at what is beneath it.
    let mut twice = json!({"type": "object"});
    for _ in 0..25 {
        twice = json!({"allOf": [twice], "unevaluatedProperties": false});
    }
    refused(twice, "multiplied by the references");
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({"leaf": 1}), |inner, _| json!({"a": inner}))
}

#[test]
fn recursive_schemas_take_polynomial_time() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let branches = json!([
            {"properties": {"a": {"$ref": "#"}}, "required": ["x"]},
            {"properties": {"a": {"$ref": "#"}, "leaf": {"type": "string"}}},
        ]);
        let schema = schema(json!({keyword: branches}));
        for depth in [3, 10, 30, 100] {
            let started = Instant::now();
            assert!(schema.check(&nested(depth)).is_err());
            assert!(started.elapsed() < Duration::from_secs(5), "{keyword} at {depth}");
        }
    }
    // Many definitions, each leading to all the others.
    let all: Vec<Value> = (0..12)
        .map(|index| json!({"properties": {"a": {"$ref": format!("#/$defs/d{index}")}, "leaf": {"const": index}}}))
        .collect();
    let definitions: serde_json::Map<String, Value> =
        (0..12).map(|index| (format!("d{index}"), json!({"oneOf": all, "minProperties": 1}))).collect();
    if let Ok(schema) = Schema::compile(&json!({"$ref": "#/$defs/d0", "$defs": definitions})) {
        let started = Instant::now();
        assert!(schema.check(&nested(100)).is_err());
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

/// Goal: neither compiling nor checking overflows the stack, whose overflow cannot be caught.
/// Method: the deepest that the bounds allow, on half of the smallest stack that serves (2 MiB).
#[test]
fn the_deepest_allowed_fits_the_stack() {
    let run = || {
        let wrap = |inner: Value, count: usize| {
            (0..count).fold(inner, |schema, index| match index % 5 {
                0 => json!({"allOf": [schema]}),
                1 => json!({"anyOf": [schema, {"minProperties": 9}]}),
                2 => json!({"if": {"minProperties": 1}, "then": schema}),
                3 => json!({"oneOf": [{"minProperties": 9}, schema]}),
                _ => json!({"$ref": "#/$defs/one", "dependentSchemas": {"a": schema}}),
            })
        };
        let mut checked = 0;
        for levels in 0..29 {
            let mut source = wrap(json!({"properties": {"a": {"$ref": "#"}, "leaf": {"type": "string"}}}), levels);
            source["$defs"] = json!({"one": {"type": "object"}});
            let schema = schema(source);
            for depth in [1, 20, 60, 126] {
                let _ = schema.check(&nested(depth));
                checked += u32::from(schema.cost.frames(depth) <= CHECK_FRAMES_MAX);
            }
        }
        assert!(checked > 50, "most of these are within bounds: {checked}");
        // Definitions that refer to each other in a long chain.
        let definitions: serde_json::Map<String, Value> = (0..3000)
            .map(|index| {
                (
                    format!("d{index}"),
                    json!({"properties": {"a": {"$ref": format!("#/$defs/d{}", (index + 1) % 3000)}}}),
                )
            })
            .collect();
        let _ = schema(json!({"$ref": "#/$defs/d0", "$defs": definitions})).check(&nested(100));
        let definitions: serde_json::Map<String, Value> = (0..1900)
            .map(|index| (format!("d{index}"), json!({"allOf": [{"$ref": format!("#/$defs/d{}", index + 1)}]})))
            .chain([("d1900".to_owned(), json!({"type": "string"}))])
            .collect();
        let _ = schema(json!({"$ref": "#/$defs/d0", "$defs": definitions})).check(&json!(1));
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run).expect("a thread starts");
    assert!(thread.join().is_ok());
}

/// Without the bound this overflows the stack: each level of the data goes through a hundred references.
#[test]
fn checks_that_would_nest_too_deep_are_refused() {
    let definitions: serde_json::Map<String, Value> = (0..100)
        .map(|index| (format!("d{index}"), json!({"allOf": [{"$ref": format!("#/$defs/d{}", index + 1)}]})))
        .chain([("d100".to_owned(), json!({"properties": {"a": {"$ref": "#/$defs/d0"}, "leaf": {"type": "integer"}}}))])
        .collect();
    let schema = schema(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
    assert_eq!(schema.check(&nested(5)), Ok(()));
    let error = schema.check(&nested(100)).expect_err("too deep").to_string();
    assert!(error.contains("101 levels deep, too deep for this schema"), "{error}");
}

#[test]
fn what_is_too_large_is_refused() {
    let deep = (0..40).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    refused(deep, "nests are more than 64");
    refused(json!({"enum": vec![0; 50_000]}), "JSON values are more than");
    let many: Vec<Value> = (0..300).map(|_| json!({"pattern": "^a.*b"})).collect();
    refused(json!({"anyOf": many}), "regular expressions are more than");
    refused(json!({"pattern": "a".repeat(2000)}), "bytes of one of its regular expressions");
    refused(json!({"patternProperties": {"\\s".repeat(200): {}}}), "`\\d`, `\\s` and `\\w`");
    let many: serde_json::Map<String, Value> = (0..10_001).map(|index| (index.to_string(), json!({}))).collect();
    refused(json!({"properties": many}), "subschemas are more than");

    let any = schema(json!({}));
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert!(any.check(&serde_json::from_str(&deep).expect("JSON")).is_ok());
    let deeper = (0..130).fold(json!(1), |inner, _| json!([inner]));
    assert!(any.check(&deeper).expect_err("too deep").to_string().contains("deeper than 128"));
    let costly = schema(
        json!({"items": doubling(12, "allOf")["$defs"]["d12"], "allOf": vec![json!({"items": {"type": "integer"}}); 400]}),
    );
    let error = costly.check(&json!(vec![1; 200_000])).expect_err("too large").to_string();
    assert!(error.contains("too many to check"), "{error}");
}

/// Goal: no pattern makes matching slow. Method: patterns on which backtracking engines take exponential time.
#[test]
fn patterns_match_in_linear_time() {
    for pattern in
        ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*a){20}", "^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}$"]
    {
        let Ok(schema) = Schema::compile(&json!({"pattern": pattern})) else {
            continue;
        };
        let started = Instant::now();
        let _ = schema.check(&json!(format!("{}!", "a".repeat(50_000))));
        assert!(started.elapsed() < Duration::from_secs(2), "{pattern}: {:?}", started.elapsed());
    }
}

fn sendable<T: Send + Sync + std::fmt::Debug>() {}

#[test]
fn a_schema_crosses_threads() {
    sendable::<Schema>();
}
