//! A tool's JSON Schema as components of an OpenAPI 3.1 document: what references lead to becomes a component of its own,
//! since generators of clients follow no others, and draft 7 and 2019-09 become 2020-12, which OpenAPI speaks. A schema
//! that cannot be carried over faithfully is not carried over at all. Start at [`embed`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Where schemas are in a document.
pub const COMPONENTS: &str = "#/components/schemas/";

/// How a keyword holds schemas.
enum Holds {
    /// It is one, or an array of them.
    Some,
    /// An object of them.
    Named,
    /// None: its value is data.
    None,
}

fn holds(keyword: &str) -> Holds {
    match keyword {
        "additionalProperties"
        | "items"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema"
        | "additionalItems"
        | "allOf"
        | "anyOf"
        | "oneOf"
        | "prefixItems" => Holds::Some,
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "dependencies" => {
            Holds::Named
        }
        _ => Holds::None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Draft7,
    Draft2019,
    Draft2020,
}

/// Something in a schema has no place in an OpenAPI document.
struct Foreign;

/// The components of one schema.
#[derive(Debug, PartialEq)]
pub struct Embedded {
    /// The schema itself.
    pub root: Value,
    /// What it refers to, by the names of their components. Each begins with the root's and ends in `.part`.
    pub parts: Map<String, Value>,
}

/// `schema` as the component `key`. `None` when it cannot be carried over: dialects before draft 7, references to other
/// documents or to what is no schema, `$id` within.
pub fn embed(schema: &Value, key: &str) -> Option<Embedded> {
    let dialect = match schema.get("$schema").and_then(Value::as_str).map(|uri| uri.trim_end_matches('#')) {
        None | Some("https://json-schema.org/draft/2020-12/schema") => Dialect::Draft2020,
        Some("https://json-schema.org/draft/2019-09/schema") => Dialect::Draft2019,
        Some("http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema") => Dialect::Draft7,
        Some(_) => return None,
    };
    let mut places = Places::default();
    places.visit(schema, "").ok()?;
    let id = schema.get("$id").and_then(Value::as_str).map(|id| id.trim_end_matches('#'));
    let mut copier = Copier { dialect, names: BTreeMap::new(), leads: BTreeMap::new(), parts: Map::new() };
    let mut taken = BTreeMap::new();
    for reference in &places.references {
        let target = places.target(reference, id)?;
        let name = copier.names.entry(target).or_insert_with_key(|target| match target.is_empty() {
            true => key.to_owned(),
            false => part_name(key, target, &mut taken),
        });
        copier.leads.insert(reference.clone(), name.clone());
    }
    let root = copier.copy_inside(schema, "");
    // Data is not copied, nor what draft 7 ignores, and nothing may lead there.
    let is_there = |name: &String| name == key || copier.parts.contains_key(name);
    copier.names.values().all(is_there).then_some(Embedded { root, parts: copier.parts })
}

/// A name for the part at `pointer`: its last step, and a number when that was `taken` before. No step has the dash that
/// comes before a number.
fn part_name(key: &str, pointer: &str, taken: &mut BTreeMap<String, usize>) -> String {
    let step = pointer.rsplit('/').next().unwrap_or_default();
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    let step: String = step.chars().map(plain).collect();
    let count = taken.entry(step.clone()).or_default();
    *count += 1;
    if *count == 1 { format!("{key}.{step}.part") } else { format!("{key}.{step}-{count}.part") }
}

/// What a schema has where.
#[derive(Default)]
struct Places {
    /// The pointers of its anchors.
    anchors: BTreeMap<String, String>,
    /// Its references as they are written.
    references: BTreeSet<String>,
}

impl Places {
    fn visit(&mut self, schema: &Value, pointer: &str) -> Result<(), Foreign> {
        let Value::Object(members) = schema else { return Ok(()) };
        // Within another resource references mean something else.
        if !pointer.is_empty() && members.contains_key("$id") {
            return Err(Foreign);
        }
        for (keyword, value) in members {
            let here = format!("{pointer}/{}", escaped(keyword));
            match (keyword.as_str(), value) {
                ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                    self.anchors.insert(name.clone(), pointer.to_owned());
                }
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                    self.references.insert(reference.clone());
                }
                _ => {}
            }
            for (place, schema) in subschemas(keyword, value, &here) {
                self.visit(schema, &place)?;
            }
        }
        Ok(())
    }

    /// The pointer that a reference stands for.
    fn target(&self, reference: &str, id: Option<&str>) -> Option<String> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !document.is_empty() && id != Some(document) {
            return None;
        }
        let fragment = decoded(fragment)?;
        let is_pointer = fragment.is_empty() || fragment.starts_with('/');
        if is_pointer { Some(fragment) } else { self.anchors.get(&fragment).cloned() }
    }
}

/// The schemas that a keyword's value holds, with their pointers.
fn subschemas<'s>(keyword: &str, value: &'s Value, here: &str) -> Vec<(String, &'s Value)> {
    match (holds(keyword), value) {
        (Holds::Some, Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (format!("{here}/{index}"), item)).collect()
        }
        (Holds::Some, schema) => vec![(here.to_owned(), schema)],
        (Holds::Named, Value::Object(named)) => {
            named.iter().map(|(name, schema)| (format!("{here}/{}", escaped(name)), schema)).collect()
        }
        _ => Vec::new(),
    }
}

struct Copier {
    dialect: Dialect,
    /// The components of what is referred to, by its pointer.
    names: BTreeMap<String, String>,
    /// The same by each reference as it is written.
    leads: BTreeMap<String, String>,
    parts: Map<String, Value>,
}

impl Copier {
    /// The schema at `pointer`, or a reference to the part that it has become.
    fn copy(&mut self, schema: &Value, pointer: &str) -> Value {
        let copy = self.copy_inside(schema, pointer);
        let Some(name) = self.names.get(pointer) else { return copy };
        self.parts.insert(name.clone(), copy);
        json!({ "$ref": format!("{COMPONENTS}{name}") })
    }

    fn copy_inside(&mut self, schema: &Value, pointer: &str) -> Value {
        match schema {
            Value::Object(members) => self.copy_members(members, pointer),
            other => other.clone(),
        }
    }

    fn copy_members(&mut self, members: &Map<String, Value>, pointer: &str) -> Value {
        let mut copy = Map::new();
        let is_old = self.dialect == Dialect::Draft7;
        // Draft 7 ignores what stands beside a reference, but something may lead there.
        let only_reference = is_old && members.contains_key("$ref");
        for (keyword, value) in members {
            let here = format!("{pointer}/{}", escaped(keyword));
            let is_told = ["$ref", "$defs", "definitions", "title", "description"].contains(&keyword.as_str());
            if (only_reference && !is_told) || (is_old && is_later(keyword)) {
                continue;
            }
            match (keyword.as_str(), value) {
                // What names places has done its work, and OpenAPI's own words mean nothing in a tool's schema.
                ("$schema" | "$id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "$vocabulary", _) => {}
                ("discriminator" | "xml" | "externalDocs", _) => {}
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                    if let Some(name) = self.leads.get(reference) {
                        copy.insert("$ref".into(), format!("{COMPONENTS}{name}").into());
                    }
                }
                ("$defs" | "definitions", value) => {
                    for (place, schema) in subschemas(keyword, value, &here) {
                        self.copy(schema, &place);
                    }
                }
                ("items", Value::Array(items)) if self.dialect != Dialect::Draft2020 => {
                    copy.insert("prefixItems".into(), self.copy_all(items, &here));
                    if let Some(rest) = members.get("additionalItems") {
                        copy.insert("items".into(), self.copy(rest, &format!("{pointer}/additionalItems")));
                    }
                }
                ("additionalItems", _) => {}
                ("dependencies", Value::Object(named)) if is_old => self.copy_dependencies(&mut copy, named, &here),
                (_, value) => {
                    let copied = self.copy_value(keyword, value, &here);
                    copy.insert(keyword.clone(), copied);
                }
            }
        }
        copy.into()
    }

    fn copy_value(&mut self, keyword: &str, value: &Value, here: &str) -> Value {
        match (holds(keyword), value) {
            (Holds::Some, Value::Array(items)) => self.copy_all(items, here),
            (Holds::Some, schema) => self.copy(schema, here),
            (Holds::Named, Value::Object(named)) => {
                let copied = named.iter();
                let copied = copied.map(|(name, value)| (name.clone(), self.copy(value, &join(here, name))));
                copied.collect::<Map<_, _>>().into()
            }
            _ => value.clone(),
        }
    }

    fn copy_all(&mut self, items: &[Value], here: &str) -> Value {
        items.iter().enumerate().map(|(index, item)| self.copy(item, &format!("{here}/{index}"))).collect()
    }

    /// Draft 7 has one keyword for what later ones split in two.
    fn copy_dependencies(&mut self, copy: &mut Map<String, Value>, named: &Map<String, Value>, here: &str) {
        let (mut names, mut schemas) = (Map::new(), Map::new());
        for (name, value) in named {
            match value {
                Value::Array(_) => names.insert(name.clone(), value.clone()),
                _ => schemas.insert(name.clone(), self.copy(value, &join(here, name))),
            };
        }
        for (keyword, members) in [("dependentRequired", names), ("dependentSchemas", schemas)] {
            if !members.is_empty() {
                copy.insert(keyword.into(), members.into());
            }
        }
    }
}

/// Keywords that draft 7 does not know and 2020-12 does.
fn is_later(keyword: &str) -> bool {
    const LATER: [&str; 9] = [
        "dependentRequired",
        "dependentSchemas",
        "maxContains",
        "minContains",
        "prefixItems",
        "unevaluatedItems",
        "unevaluatedProperties",
        "$dynamicRef",
        "$recursiveRef",
    ];
    LATER.contains(&keyword)
}

fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escaped(name))
}

/// A name as a step of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn decoded(fragment: &str) -> Option<String> {
    super::percent_decoded(fragment.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// What stands where a schema cannot be carried over. `kind` is the JSON type that is known all the same.
pub fn anything(kind: Option<&str>, name: &str) -> Value {
    let mut schema = json!({ "description": format!("Described in full by GET /tools/{name}.") });
    if let (Some(kind), Some(members)) = (kind, schema.as_object_mut()) {
        members.insert("type".into(), kind.into());
    }
    schema
}
