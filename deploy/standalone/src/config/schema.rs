//! The JSON Schema of the configuration (draft 2020-12), from the table: editors complete, explain and check with it.
//! It says what one value may be; `validate` also sees conflicts between keys.

use serde_json::{Map, Value as Json, json};

use super::keys::{self, Key, SECTIONS};
use super::kind::{Kind, Value};
use super::secret::SHOWN;
use super::settings::Settings;
use super::units::{SIZE_PATTERN, TIME_PATTERN};

/// The whole schema.
pub fn schema() -> Json {
    let mut top = Map::new();
    let schema = json!({ "type": "string", "description": "Where this schema is, for editors." });
    top.insert("$schema".into(), schema);
    for (name, summary) in SECTIONS {
        let keys = keys::all().filter(|key| key.parts().0 == Some(name));
        let properties: Map<String, Json> = keys.map(|key| (key.parts().1.to_owned(), property(key))).collect();
        let section = json!({
            "description": summary,
            // A section whose keys are all commented out is null.
            "type": ["object", "null"],
            "properties": properties,
            "additionalProperties": false,
        });
        top.insert(name.to_owned(), section);
    }
    for key in keys::all().filter(|key| key.parts().0.is_none()) {
        top.insert(key.path.to_owned(), property(key));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ringway:configuration",
        "title": "Ringway",
        "description": "The configuration of Ringway. Environment variables and flags win over it; \
                        `ringway config show` tells what is in force.",
        "type": ["object", "null"],
        "properties": top,
        "additionalProperties": false,
    })
}

/// A value as it stands in JSON.
pub fn json_of(key: &Key, value: Option<&Value>) -> Json {
    match value {
        None => Json::Null,
        Some(_) if key.secret => SHOWN.into(),
        Some(Value::Secret(_)) => SHOWN.into(),
        Some(Value::Flag(on)) => (*on).into(),
        Some(Value::Number(number)) => (*number).into(),
        Some(Value::Time(time)) => super::units::time_text(*time).into(),
        Some(Value::Text(text)) => text.as_str().into(),
        Some(Value::List(list)) => list.clone().into(),
    }
}

fn property(key: &Key) -> Json {
    let mut property = match of_kind(&key.kind) {
        Json::Object(property) => property,
        other => Map::from_iter([("const".to_owned(), other)]),
    };
    if key.absent.is_some() {
        property = Map::from_iter([("anyOf".to_owned(), json!([property, { "type": "null" }]))]);
    }
    property.insert("description".into(), description(key).into());
    property.insert("default".into(), json_of(key, (key.value)(&Settings::default()).as_ref()));
    if key.secret {
        property.insert("writeOnly".into(), true.into());
    }
    property.into()
}

/// The summary, and what else an editor should show.
fn description(key: &Key) -> String {
    let mut text = key.summary.to_owned();
    if let Kind::Choice(words) | Kind::Choices(words) = key.kind {
        let words: Vec<String> = words.iter().map(|(word, meaning)| format!("{word}: {meaning}")).collect();
        text.push_str(&format!(" {}.", words.join("; ")));
    }
    if let Some(meaning) = key.absent {
        text.push_str(&format!(" Absent or null: {meaning}."));
    }
    text.push_str(if key.live { " Changes while it runs." } else { " Changes with a restart." });
    let older = if key.older.is_empty() { String::new() } else { format!("; formerly {}", key.older.join(", ")) };
    let flag = key.flag.map(|flag| format!(", flag --{flag}")).unwrap_or_default();
    text.push_str(&format!(" Environment {}{flag}{older}.", key.variable()));
    text
}

fn of_kind(kind: &Kind) -> Json {
    let words = |choices: &[(&str, &str)]| choices.iter().map(|(word, _)| Json::from(*word)).collect::<Vec<_>>();
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Bytes(least, most) => json!({ "anyOf": [
            { "type": "integer", "minimum": least, "maximum": most },
            { "type": "string", "pattern": SIZE_PATTERN },
        ] }),
        Kind::Time(..) => json!({ "type": "string", "pattern": TIME_PATTERN }),
        Kind::Choice(choices) => {
            // A word that looks like a number is one to YAML.
            let numbers = choices.iter().filter_map(|(word, _)| Some(json!(word.parse::<f64>().ok()?)));
            json!({ "enum": words(choices).into_iter().chain(numbers).collect::<Vec<_>>() })
        }
        Kind::Choices(choices) => json!({
            "type": "array", "uniqueItems": true, "items": { "enum": words(choices) },
        }),
        Kind::Address => {
            json!({ "type": "string", "pattern": "^([0-9.]+|\\[[0-9a-fA-F:.]+(%[0-9]+)?\\]):[0-9]{1,5}$" })
        }
        Kind::Cpus => json!({ "anyOf": [
            { "type": "string", "pattern": "^ *[0-9]+( *- *[0-9]+)? *(, *[0-9]+( *- *[0-9]+)? *)*$" },
            { "type": "integer", "minimum": 0, "maximum": 4095 },
            { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 4095 },
                { "type": "string", "pattern": "^[0-9]+(-[0-9]+)?$" },
            ] } },
        ] }),
        Kind::Hosts => json!({
            "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "^[^ /]+$" },
        }),
        Kind::Origins => json!({
            "type": "array", "uniqueItems": true,
            "items": { "type": "string", "pattern": "^(\\*|[a-zA-Z][a-zA-Z0-9+.-]*://[^ /]+)$" },
        }),
        Kind::Certificates => json!({
            "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "^[^:]+:[^:]+$" },
        }),
        Kind::Word => json!({ "type": "string", "pattern": "^[^ ]+$" }),
        Kind::Words => {
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "^[^ ]+$" } })
        }
        Kind::Networks => json!({
            "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "^[0-9a-fA-F:]*[.:][0-9a-fA-F.:]+(/[0-9]{1,3})?$" },
        }),
        Kind::Url => json!({ "type": "string", "pattern": "^https?://[^ #]+$" }),
        Kind::Secret => json!({ "type": "string", "minLength": 1 }),
        Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::StateKey => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::problem::Findings;
    use super::super::{init, source_file, yaml};
    use super::*;

    /// What an editor sees of a file: YAML as JSON.
    fn as_json(node: &yaml::Node) -> Json {
        use super::super::kind::{Style, plain_type};
        match &node.body {
            yaml::Body::Null | yaml::Body::Refused => Json::Null,
            yaml::Body::Scalar(scalar) => match plain_type(&scalar.text).filter(|_| scalar.style == Style::Plain) {
                Some("a number") => serde_json::from_str(&scalar.text).unwrap_or(Json::Null),
                Some("true or false") => (scalar.text.to_lowercase() == "true").into(),
                _ => scalar.text.as_str().into(),
            },
            yaml::Body::List(items) => items.iter().map(as_json).collect(),
            yaml::Body::Map(entries) => {
                let members = entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.value)));
                Json::Object(members.collect())
            }
        }
    }

    #[test]
    fn it_is_a_schema() {
        assert_eq!(jsonschema::meta::validate(&schema()).map_err(|error| error.to_string()), Ok(()));
    }

    #[test]
    fn what_init_writes_is_good() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        for text in [init::text(), init::uncommented(&init::text())] {
            let mut findings = Findings::default();
            let mut said = Vec::new();
            source_file::interpret(&Arc::from("init"), text.as_bytes(), &mut said, &mut findings);
            assert_eq!(findings.errors, []);
            let root = yaml::parse(&text).root;
            let errors: Vec<_> =
                validator.iter_errors(&as_json(&root.expect("a tree"))).map(|error| error.to_string()).collect();
            assert_eq!(errors, [] as [String; 0]);
        }
    }

    /// Editors must not say of a value what the program does not. Where only the program can know (a size with a unit
    /// beyond its bounds) the schema lets it pass.
    #[test]
    fn schema_and_program_agree() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        let values = [
            "true",
            "false",
            "yes",
            "\"true\"",
            "0",
            "1",
            "100",
            "4096",
            "70000",
            "99999999999999999999",
            "-1",
            "1.5",
            "4MiB",
            "\"4MiB\"",
            "4M",
            "\"4096\"",
            "30s",
            "1h30m",
            "30",
            "0s",
            "dev",
            "prod",
            "info",
            "INFO",
            "json",
            "none",
            "null",
            "~",
            "[]",
            "[a]",
            "[a, a]",
            "[enterprise, mcpo]",
            "[enterprise, enterprise]",
            "[1]",
            "127.0.0.1:9999",
            "localhost:1",
            "\"[::1]:80\"",
            "2-5",
            "\"0,2\"",
            "[0, 2]",
            "[mcp.example.com]",
            "[\"*\"]",
            "[https://a.example]",
            "[\"a b\"]",
            "{a: 1}",
            "\"\"",
            "logs/a.log",
            "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
        ];
        for key in keys::all() {
            for value in values {
                let text = match key.parts() {
                    (Some(section), name) => format!("{section}:\n  {name}: {value}\n"),
                    (None, name) => format!("{name}: {value}\n"),
                };
                let mut findings = Findings::default();
                source_file::interpret(&Arc::from("file"), text.as_bytes(), &mut Vec::new(), &mut findings);
                let root = yaml::parse(&text).root;
                let editor = validator.is_valid(&as_json(&root.expect("a tree")));
                let program = findings.errors.is_empty();
                let finer = value.ends_with(['s', 'm', 'B', '"']) || value == "[0, 2]";
                assert!(editor || !program, "an editor would mark what is good: {text}");
                assert!(program || !editor || finer, "an editor lets pass what is bad: {text}{:?}", findings.errors);
            }
        }
    }
}
