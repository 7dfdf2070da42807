//! The OpenAPI document, as a whole and schema by schema.
//!
//! Goal: a tool's schema means the same in the document as on its own, whatever its references; never less is taken.
//! Method: schemas are embedded, compiled from where they stand in the document, and checked against the same data as the
//! original: by a table, and by the official tests for 2020-12 when `$RINGWAY_SHARED` is set.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ringway_core::face::embed::{Embedded, embed};
use ringway_core::face::openapi::{Listed, document};
use ringway_core::mcp::types::ToolDefinition;
use ringway_core::schema::Schema;
use serde_json::{Value, json};

const KEY: &str = "t.input";

/// The schema as a reader of the document resolves it.
fn in_document(Embedded { root, mut parts }: Embedded) -> Value {
    parts.insert(KEY.into(), root);
    json!({ "$ref": "#/components/schemas/t.input", "components": { "schemas": parts } })
}

#[track_caller]
fn check(schema: Value, good: &[Value], bad: &[Value]) {
    let embedded = embed(&schema, KEY).unwrap_or_else(|| panic!("not carried over: {schema}"));
    // With an id of its own, or in another dialect, references to components would lead elsewhere.
    assert!(["$id", "$schema"].iter().all(|keyword| embedded.root.get(keyword).is_none()), "{embedded:?}");
    let embedded = in_document(embedded);
    let [alone, there] =
        [&schema, &embedded].map(|schema| Schema::compile(schema).unwrap_or_else(|error| panic!("{error}: {schema}")));
    for (data, wanted) in good.iter().map(|data| (data, true)).chain(bad.iter().map(|data| (data, false))) {
        assert_eq!(alone.check(data).is_ok(), wanted, "alone: {data}");
        assert_eq!(there.check(data).is_ok(), wanted, "embedded as {embedded:#}: {data}");
    }
}

#[test]
fn a_schema_means_the_same_where_it_stands() {
    let tree = |reference: &str| json!({ "type": "object", "properties": { "left": { "$ref": reference }, "n": { "type": "integer" } } });
    let deep = [json!({ "left": { "left": { "n": 1 } } })];
    let wrong = [json!({ "left": { "left": { "n": "1" } } })];
    check(tree("#"), &deep, &wrong);
    let mut named = tree("https://example.com/tree#");
    named["$id"] = json!("https://example.com/tree");
    check(named, &deep, &wrong);
    let mut anchored = tree("#node");
    anchored["$anchor"] = json!("node");
    check(anchored, &deep, &wrong);
    let mut dynamic = tree("#node");
    dynamic["$dynamicAnchor"] = json!("node");
    dynamic["properties"]["left"] = json!({ "$dynamicRef": "#node" });
    check(dynamic, &deep, &wrong);
    // Definitions with names that need escaping.
    check(
        json!({
            "properties": { "a": { "$ref": "#/$defs/a%20b~1c~0d%25" }, "b": { "$ref": "#/properties/a" } },
            "$defs": { "a b/c~d%": { "type": "string" } },
        }),
        &[json!({ "a": "x", "b": "y" })],
        &[json!({ "a": 1 }), json!({ "b": 1 })],
    );
    // Parts whose names are alike.
    check(
        json!({
            "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "#/properties/c/properties/a" },
                "c": { "properties": { "a": { "type": "integer" } } }, "d": { "$ref": "#/$defs/a." } },
            "$defs": { "a": { "type": "string" }, "a.": { "type": "null" } },
            "dependencies": { "b": ["a"] },
        }),
        &[json!({ "a": "x", "b": 1, "c": { "a": 1 }, "d": null })],
        &[
            json!({ "a": 1 }),
            json!({ "a": "", "b": "x" }),
            json!({ "b": 1 }),
            json!({ "c": { "a": "x" } }),
            json!({ "d": "x" }),
        ],
    );
    // What looks like a reference and is data, or a property's name.
    check(
        json!({
            "properties": {
                "$ref": { "const": { "$ref": "#/nowhere" } },
                "$id": { "type": "string" },
                "example": { "enum": [{ "$ref": "x" }], "default": { "$ref": "#/y" } },
            },
        }),
        &[json!({ "$ref": { "$ref": "#/nowhere" }, "$id": "a", "example": { "$ref": "x" } })],
        &[json!({ "$ref": {} }), json!({ "$id": 1 })],
    );
    // OpenAPI's own words, as pydantic writes them.
    check(
        json!({
            "oneOf": [{ "$ref": "#/$defs/cat" }],
            "discriminator": { "mapping": { "cat": "#/$defs/cat" }, "propertyName": "kind" },
            "$defs": { "cat": { "properties": { "kind": { "const": "cat" } } } },
        }),
        &[json!({ "kind": "cat" })],
        &[json!({ "kind": "dog" })],
    );
}

const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

#[test]
fn draft_7_becomes_2020_12() {
    check(
        json!({ "$schema": DRAFT_7, "items": [{ "type": "integer" }], "additionalItems": { "$ref": "#/definitions/s" },
            "definitions": { "s": { "type": "string" } } }),
        &[json!([1, "a", "b"])],
        &[json!(["a"]), json!([1, 2])],
    );
    check(
        json!({ "$schema": DRAFT_7, "properties": { "a": { "$ref": "#/definitions/s", "maxLength": 1 } },
            "definitions": { "s": { "type": "string" } } }),
        &[json!({ "a": "long" })],
        &[json!({ "a": 1 })],
    );
    check(
        json!({ "$schema": DRAFT_7, "properties": { "a": { "items": [{ "type": "string" }] },
            "b": { "$ref": "#/properties/a/items/0" } } }),
        &[json!({ "a": ["x"], "b": "y" })],
        &[json!({ "a": [1] }), json!({ "b": 1 })],
    );
    check(
        json!({ "$schema": DRAFT_7, "dependencies": { "a": ["b"], "c": { "required": ["d"] } }, "minContains": 3,
            "not": { "dependentRequired": { "z": ["y"] }, "required": ["z"] } }),
        &[json!({ "a": 1, "b": 1 }), json!({ "c": 1, "d": 1 })],
        &[json!({ "a": 1 }), json!({ "c": 1 }), json!({ "z": 1 })],
    );
}

#[test]
fn what_cannot_be_carried_over_is_said_to_be_so() {
    let inner = json!({ "$ref": "inner", "$defs": { "i": { "$id": "inner", "type": "string" } } });
    let draft_4 = json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "object" });
    let elsewhere = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
    let odd_place =
        json!({ "properties": { "a": { "$ref": "#/x-types/s" } }, "x-types": { "s": { "type": "string" } } });
    let ignored = json!({ "$schema": DRAFT_7, "definitions": { "s": { "type": "object" } },
        "properties": { "a": { "$ref": "#/definitions/s", "properties": { "x": { "type": "string" } } },
            "b": { "$ref": "#/properties/a/properties/x" } } });
    for schema in [inner, draft_4, elsewhere, odd_place, ignored] {
        assert!(Schema::compile(&schema).is_ok(), "{schema} is good on its own");
        assert_eq!(embed(&schema, KEY), None, "{schema}");
    }
}

#[test]
fn the_official_tests_pass_where_schemas_stand() {
    let Some(shared) = std::env::var_os("RINGWAY_SHARED") else {
        eprintln!("skipped: RINGWAY_SHARED is not set to the folder with corpus/jsonschema_2020_12.jsonl");
        return;
    };
    let path = PathBuf::from(shared).join("corpus/jsonschema_2020_12.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display()));
    let (mut carried, mut left, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let (schema, data) = (&row["schema"], &row["data"]);
        if Schema::compile(schema).is_err() {
            continue;
        }
        let Some(embedded) = embed(schema, KEY) else {
            left.insert(schema.to_string());
            continue;
        };
        carried += 1;
        let embedded = in_document(embedded);
        let there = Schema::compile(&embedded).map(|there| there.check(data).is_ok());
        if there.as_ref().ok() != Some(&(row["expect"]["verdict"] == "accept")) {
            wrong.push(format!("{}: {there:?} from {embedded}", row["name"]));
        }
    }
    eprintln!("{carried} rows carried over, {} schemas were not, {} wrong", left.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(carried > 1100, "the corpus is whole: {carried}");
}

#[test]
fn each_tool_is_one_operation_and_every_reference_leads_somewhere() {
    let plain = ToolDefinition::new("plain", "Does little.");
    let rich = ToolDefinition::new("rich.tool-1", "Does more.")
        .title("Rich")
        .input(json!({ "type": "object", "required": ["p"], "properties": { "p": { "$ref": "#/$defs/point" } },
            "$defs": { "point": { "type": "array", "items": { "$ref": "#/$defs/n" } }, "n": { "type": "number" } } }))
        .output(json!({ "type": "array", "items": { "$ref": "#" } }));
    let foreign = ToolDefinition::new("foreign", "Has an old schema.")
        .input(json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "object" }));
    let definitions = [plain, rich, foreign];
    let listed =
        definitions.iter().map(|definition| Listed { definition, takes_nothing: definition.name != "rich.tool-1" });
    let document: Value = serde_json::from_slice(&document("s", "1", listed)).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "s");
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/tools/foreign", "/tools/plain", "/tools/rich.tool-1"]);
    let rich = &paths["/tools/rich.tool-1"]["post"];
    assert_eq!((&rich["operationId"], &rich["requestBody"]["required"]), (&json!("rich.tool-1"), &json!(true)));
    assert_eq!(paths["/tools/plain"]["post"]["requestBody"]["required"], false);
    assert_eq!(document["components"]["schemas"]["foreign.input"]["type"], "object");
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => waiting.extend(members.values()),
            _ => {}
        }
    }
    assert!(references > 50);
}
