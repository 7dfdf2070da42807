//! What checking data against a schema can cost, worked out once from the schema alone.
//!
//! JSON Schema can be written so that a few lines take longer than the universe to check ("billion laughs" by
//! `$ref`), or so that checking nests deeper than a thread's stack, which aborts the process. Schemas come from
//! upstream servers, so both are an attack. This file follows every subschema and reference once and answers, for
//! data of a given depth, how many subschemas one value may meet and how deep the checks nest.
//! It never looks at data, and it never fetches a reference.
//! Start at [`Cost::of`]. The numbers are upper bounds: a schema refused here might have been harmless.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, Registry, Retrieve, Uri};
use serde_json::{Map, Value};

use super::{DATA_DEPTH_MAX, SCHEMA_NODES_MAX, SCHEMA_WORK_MAX, SchemaError};

/// The base of a schema that does not say its own `$id`, as in crate `jsonschema`.
const BASE_URI: &str = "json-schema:///";

/// The cost of checking data of each depth against one schema.
#[derive(Debug)]
pub(super) struct Cost {
    /// Subschemas that one value and what leads to it meet when each cycle of references is gone round once.
    /// This is what `is_valid` pays, since it remembers its answers inside cycles.
    pub(super) work_once: u64,
    /// By depth of the data; what explaining pays, which remembers nothing. Later depths cost what the last one does.
    work: Vec<u64>,
    /// By depth of the data: how deep checks nest. Later depths cost what the last one does.
    frames: Vec<u64>,
}

/// One subschema: which others it hands the same value to, and which it hands a part of the value to.
#[derive(Default)]
struct Node {
    here: Vec<usize>,
    /// `unevaluated*` checks everything beneath it a second time, to learn what was evaluated.
    here_twice: bool,
    /// Of these, one part of the value meets one, as with the entries of `properties`.
    one_of_parts: Vec<usize>,
    /// Each part of the value may meet all of these, as with `patternProperties`.
    all_of_parts: Vec<usize>,
}

impl Cost {
    /// Follows `schema` from its root. Refuses endless references, and work above [`SCHEMA_WORK_MAX`].
    pub(super) fn of(schema: &Value, draft: Draft) -> Result<Cost, SchemaError> {
        let nodes = Graph::build(schema, draft)?;
        let work_once = work_once(&nodes);
        if work_once > SCHEMA_WORK_MAX {
            return Err(SchemaError::TooMuch {
                what: "its subschemas, multiplied by the references between them, are",
                count_max: SCHEMA_WORK_MAX,
            });
        }
        let order = here_order(&nodes)?;
        let (mut work, mut frames) = (Vec::new(), Vec::new());
        let mut before: Vec<(u64, u64)> = vec![(0, 0); nodes.len()];
        for _ in 0..=DATA_DEPTH_MAX {
            let at = at_depth(&nodes, &order, &before);
            if at == before {
                break; // Nothing refers back to itself: deeper data costs no more.
            }
            work.push(at[0].0);
            frames.push(at[0].1);
            before = at;
        }
        Ok(Cost { work_once, work, frames })
    }

    /// Subschemas that one value at the end of a path of `depth` steps meets, with all on its way.
    pub(super) fn work(&self, depth: usize) -> u64 {
        at_or_last(&self.work, depth)
    }

    /// How deep checks nest for data of this depth.
    pub(super) fn frames(&self, depth: usize) -> u64 {
        at_or_last(&self.frames, depth)
    }
}

fn at_or_last(by_depth: &[u64], depth: usize) -> u64 {
    by_depth.get(depth).or(by_depth.last()).copied().unwrap_or(0)
}

/// Work and frames of every node for data one level deeper than `before`. `order` has targets before their users.
fn at_depth(nodes: &[Node], order: &[usize], before: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut at = vec![(0, 0); nodes.len()];
    for &index in order {
        let node = &nodes[index];
        let mut here_work = 0_u64;
        let mut frames = 0;
        for &other in &node.here {
            here_work = here_work.saturating_add(at[other].0);
            frames = frames.max(at[other].1);
        }
        if node.here_twice {
            here_work = here_work.saturating_mul(2);
        }
        let mut part_work = 0;
        for &other in &node.one_of_parts {
            part_work = part_work.max(before[other].0);
            frames = frames.max(before[other].1);
        }
        for &other in &node.all_of_parts {
            part_work = part_work.saturating_add(before[other].0);
            frames = frames.max(before[other].1);
        }
        at[index] = (here_work.saturating_add(part_work).saturating_add(1), frames + 1);
    }
    at
}

/// The work of the root when a reference back to a node that is being followed counts one.
fn work_once(nodes: &[Node]) -> u64 {
    #[derive(Clone, Copy)]
    enum State {
        New,
        Open,
        Done(u64),
    }
    let mut states = vec![State::New; nodes.len()];
    // An explicit stack: a chain of references is as long as the schema is large.
    let mut stack = vec![(0_usize, false)];
    while let Some((index, leaving)) = stack.pop() {
        let node = &nodes[index];
        if leaving {
            let work = |&other: &usize| match states[other] {
                State::Done(work) => work,
                State::New | State::Open => 1,
            };
            let here = node.here.iter().map(work).fold(0, u64::saturating_add);
            let one = node.one_of_parts.iter().map(work).max().unwrap_or(0);
            let all = node.all_of_parts.iter().map(work).fold(0, u64::saturating_add);
            let here = if node.here_twice { here.saturating_mul(2) } else { here };
            states[index] = State::Done([here, one, all].into_iter().fold(1, u64::saturating_add));
        } else if matches!(states[index], State::New) {
            states[index] = State::Open;
            stack.push((index, true));
            let others = node.here.iter().chain(&node.one_of_parts).chain(&node.all_of_parts);
            stack.extend(others.filter(|&&other| matches!(states[other], State::New)).map(|&other| (other, false)));
        }
    }
    match states[0] {
        State::Done(work) => work,
        State::New | State::Open => u64::MAX,
    }
}

/// Nodes so that each comes after those it hands its own value to; a cycle of these would never end.
fn here_order(nodes: &[Node]) -> Result<Vec<usize>, SchemaError> {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut waits_for: Vec<usize> = nodes.iter().map(|node| node.here.len()).collect();
    for (index, node) in nodes.iter().enumerate() {
        for &other in &node.here {
            users[other].push(index);
        }
    }
    let mut order: Vec<usize> = (0..nodes.len()).filter(|&index| waits_for[index] == 0).collect();
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        next += 1;
        for &user in &users[index] {
            waits_for[user] -= 1;
            if waits_for[user] == 0 {
                order.push(user);
            }
        }
    }
    if order.len() == nodes.len() { Ok(order) } else { Err(SchemaError::EndlessReference) }
}

/// The subschemas reachable from the root; node 0 is the root.
struct Graph<'a> {
    registry: &'a Registry<'a>,
    nodes: Vec<Node>,
    /// By address: a subschema is one place in one document, and the documents stay where they are.
    indexes: HashMap<usize, usize>,
    waiting: Vec<Place<'a>>,
    /// Every subschema of the document, by address.
    places: HashMap<usize, Place<'a>>,
    /// Where each `$dynamicAnchor` of the document may lead.
    dynamic: HashMap<&'a str, Vec<Place<'a>>>,
}

/// A subschema, and what its relative references are relative to.
#[derive(Clone)]
struct Place<'a> {
    value: &'a Value,
    base: Arc<Uri<String>>,
    draft: Draft,
}

struct NeverFetch;

impl Retrieve for NeverFetch {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("references to other documents are not followed".into())
    }
}

impl Graph<'_> {
    fn build(schema: &Value, draft: Draft) -> Result<Vec<Node>, SchemaError> {
        let registry = Registry::new()
            .draft(draft)
            .retriever(NeverFetch)
            .add(BASE_URI, schema)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| SchemaError::reference(&error))?;
        let base = jsonschema::uri::from_str(BASE_URI).map_err(|error| SchemaError::reference(&error))?;
        let mut graph = Graph {
            registry: &registry,
            nodes: Vec::new(),
            indexes: HashMap::new(),
            waiting: Vec::new(),
            places: HashMap::new(),
            dynamic: HashMap::new(),
        };
        let root = graph.place(schema, &Arc::new(base), draft)?;
        graph.gather(&root)?;
        graph.index(root)?;
        while let Some(place) = graph.waiting.pop() {
            graph.follow(&place)?;
        }
        Ok(graph.nodes)
    }
}

impl<'a> Graph<'a> {
    /// `value` inside `base`, unless it has an `$id` of its own.
    fn place(&self, value: &'a Value, base: &Arc<Uri<String>>, draft: Draft) -> Result<Place<'a>, SchemaError> {
        let draft = match draft.detect(value) {
            Draft::Unknown => draft,
            known => known,
        };
        let base = match draft.create_resource_ref(value).id() {
            Some(id) => {
                self.registry.resolve_uri(&base.borrow(), id).map_err(|error| SchemaError::reference(&error))?
            }
            None => Arc::clone(base),
        };
        Ok(Place { value, base, draft })
    }

    /// Remembers every subschema beneath `root`, and every `$dynamicAnchor`: which of them a `$dynamicRef` means
    /// depends on the way taken.
    fn gather(&mut self, root: &Place<'a>) -> Result<(), SchemaError> {
        let mut waiting = vec![root.clone()];
        while let Some(place) = waiting.pop() {
            if let Some(name) = place.value.get("$dynamicAnchor").and_then(Value::as_str) {
                self.dynamic.entry(name).or_default().push(place.clone());
            }
            for child in place.draft.subresources_of(place.value) {
                waiting.push(self.place(child, &place.base, place.draft)?);
            }
            self.places.insert(address(place.value), place);
        }
        Ok(())
    }

    fn index(&mut self, place: Place<'a>) -> Result<usize, SchemaError> {
        let address = address(place.value);
        if let Some(&index) = self.indexes.get(&address) {
            return Ok(index);
        }
        let index = self.nodes.len();
        if index >= SCHEMA_NODES_MAX {
            return Err(SchemaError::TooMuch { what: "its subschemas are", count_max: SCHEMA_NODES_MAX as u64 });
        }
        self.nodes.push(Node::default());
        self.indexes.insert(address, index);
        self.waiting.push(place);
        Ok(index)
    }

    fn follow(&mut self, place: &Place<'a>) -> Result<(), SchemaError> {
        let index = self.index(place.clone())?;
        let Value::Object(schema) = place.value else {
            return Ok(());
        };
        let mut node = Node::default();
        for (keyword, value) in schema {
            match keyword.as_str() {
                "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => {
                    self.children(place, value, Shape::List, &mut node.here)?;
                }
                "dependentSchemas" | "dependencies" => self.children(place, value, Shape::Map, &mut node.here)?,
                "properties" => self.children(place, value, Shape::Map, &mut node.one_of_parts)?,
                "prefixItems" | "items" | "additionalItems" | "additionalProperties" => {
                    self.children(place, value, Shape::List, &mut node.one_of_parts)?;
                }
                "patternProperties" => self.children(place, value, Shape::Map, &mut node.all_of_parts)?,
                "contains" | "propertyNames" => self.children(place, value, Shape::List, &mut node.all_of_parts)?,
                "unevaluatedItems" | "unevaluatedProperties" => {
                    node.here_twice = true;
                    self.children(place, value, Shape::List, &mut node.all_of_parts)?;
                }
                _ => {}
            }
        }
        self.references(place, schema, &mut node.here)?;
        self.nodes[index] = node;
        Ok(())
    }

    fn children(
        &mut self,
        place: &Place<'a>,
        value: &'a Value,
        shape: Shape,
        edges: &mut Vec<usize>,
    ) -> Result<(), SchemaError> {
        let mut child = |value: &'a Value| -> Result<(), SchemaError> {
            let child = self.place(value, &place.base, place.draft)?;
            edges.push(self.index(child)?);
            Ok(())
        };
        match (shape, value) {
            (Shape::Map, Value::Object(map)) => map.values().try_for_each(&mut child),
            (Shape::Map, _) => Ok(()),
            (Shape::List, Value::Array(list)) => list.iter().try_for_each(&mut child),
            (Shape::List, value) => child(value),
        }
    }

    fn references(
        &mut self,
        place: &Place<'a>,
        schema: &'a Map<String, Value>,
        edges: &mut Vec<usize>,
    ) -> Result<(), SchemaError> {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = schema.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            let base: Uri<String> = (*place.base).clone();
            let resolved =
                self.registry.resolver(base).lookup(reference).map_err(|error| SchemaError::reference(&error))?;
            let target = resolved.contents();
            let target = match self.places.get(&address(target)) {
                Some(place) => place.clone(),
                // Beside the keywords that hold subschemas, or in a meta-schema. Its `$id` is in the base already.
                None => Place { value: target, base: resolved.resolver().base_uri(), draft: place.draft },
            };
            // What crate `jsonschema` skips: a reference to the very schema it stands in.
            if !std::ptr::eq(target.value, place.value) {
                edges.push(self.index(target)?);
            }
            if keyword == "$dynamicRef"
                && let Some((_, anchor)) = reference.rsplit_once('#')
            {
                for target in self.dynamic.get(anchor).cloned().unwrap_or_default() {
                    let other = self.index(target)?;
                    if !edges.contains(&other) {
                        edges.push(other);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Two subschemas are the same where they stand at the same place, however alike they look.
fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

#[derive(Clone, Copy)]
enum Shape {
    /// One subschema, or an array of them.
    List,
    /// An object whose values are subschemas.
    Map,
}
