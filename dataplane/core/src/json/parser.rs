//! simd-json with per-shard buffers, plus what it leaves open: duplicate keys and depth. A [`Value`] pairs the parsed
//! form with the original text, so that numbers and ids can be echoed as they came. It never keeps a caller's bytes.

use std::collections::HashSet;

use serde_json::{Map, Value as Tree};
use simd_json::{Buffers, Node, StaticNode, Tape};

use super::scan;

/// Arrays and objects inside each other; deeper is refused.
pub const DEPTH_MAX: usize = 64;
/// Values of one body; more would keep a shard from its other callers for tens of milliseconds.
pub const VALUES_MAX: usize = 1 << 18;
/// Up to this many keys are compared pairwise; beyond, a seeded hash set is cheaper.
const KEYS_COMPARED_MAX: usize = 12;
/// Room that is kept between requests.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// Why bytes are not JSON to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Not RFC 8259, or not UTF-8.
    Syntax,
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// More than [`VALUES_MAX`] values.
    TooMany,
    /// An object has a key twice, so that two readers may see two requests.
    DuplicateKey,
}

impl std::fmt::Display for JsonFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            JsonFault::Syntax => "Parse error: the body is not one JSON value in UTF-8",
            JsonFault::TooDeep => "Parse error: the body is nested more than 64 deep",
            JsonFault::TooMany => "Parse error: the body has more than 262144 values",
            JsonFault::DuplicateKey => "Parse error: an object has the same key twice",
        })
    }
}

impl std::error::Error for JsonFault {}

/// The reusable buffers of one shard.
pub struct JsonParser {
    buffers: Buffers,
    scratch: Vec<u8>,
    tape: Tape<'static>,
}

impl Default for JsonParser {
    fn default() -> Self {
        JsonParser { buffers: Buffers::new(4096), scratch: Vec::new(), tape: Tape(Vec::new()) }
    }
}

impl JsonParser {
    /// Parses `text` and hands the value to `then`. The value lives only inside: its buffers serve the next request.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn with<R>(&mut self, text: &[u8], then: impl FnOnce(Value<'_>) -> R) -> Result<R, JsonFault> {
        self.scratch.clear();
        self.scratch.extend_from_slice(text);
        self.scratch.resize(text.len() + simd_json::INPUT_PADDING, 0);
        let scratch_at = self.scratch.as_ptr() as usize;
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape_padded(&mut self.scratch, text.len(), &mut self.buffers, &mut tape);
        let outcome = match filled {
            Ok(()) => check(&tape.0).map(|()| {
                let source = Source { text, scratch_at };
                then(Value { nodes: &tape.0, source, start: Start::At(0) })
            }),
            Err(_) => Err(JsonFault::Syntax),
        };
        self.tape = tape.reset();
        if self.scratch.capacity() > KEPT_BYTES_MAX {
            *self = JsonParser::default();
        }
        outcome
    }
}

fn check(nodes: &[Node<'_>]) -> Result<(), JsonFault> {
    if nodes.len() > VALUES_MAX {
        return Err(JsonFault::TooMany);
    }
    let end = check_value(nodes, 0, 0)?;
    if end == nodes.len() { Ok(()) } else { Err(JsonFault::Syntax) }
}

/// Checks the value at `at` and returns the index behind it. Recursion is bounded by [`DEPTH_MAX`].
fn check_value(nodes: &[Node<'_>], at: usize, depth: usize) -> Result<usize, JsonFault> {
    let mut next = at + 1;
    match nodes.get(at).ok_or(JsonFault::Syntax)? {
        Node::Object { len, .. } => {
            if depth == DEPTH_MAX {
                return Err(JsonFault::TooDeep);
            }
            for _ in 0..*len {
                next = check_value(nodes, next + 1, depth + 1)?;
            }
            check_keys(nodes, at + 1, *len)?;
        }
        Node::Array { len, .. } => {
            if depth == DEPTH_MAX {
                return Err(JsonFault::TooDeep);
            }
            for _ in 0..*len {
                next = check_value(nodes, next, depth + 1)?;
            }
        }
        Node::String(_) | Node::Static(_) => {}
    }
    Ok(next)
}

fn check_keys(nodes: &[Node<'_>], first: usize, count: usize) -> Result<(), JsonFault> {
    if count > KEYS_COMPARED_MAX {
        let mut seen = HashSet::with_capacity_and_hasher(count, ahash::RandomState::new());
        let mut keys = Keys { nodes, at: first, left: count };
        return if keys.all(|(key, _)| seen.insert(key)) { Ok(()) } else { Err(JsonFault::DuplicateKey) };
    }
    let mut keys = Keys { nodes, at: first, left: count };
    while let Some((key, _)) = keys.next() {
        let later = Keys { nodes, at: keys.at, left: keys.left };
        if later.into_iter().any(|(other, _)| other == key) {
            return Err(JsonFault::DuplicateKey);
        }
    }
    Ok(())
}

fn behind(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes.get(at) {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => at + 1 + count,
        _ => at + 1,
    }
}

/// The keys of an object with the index of each value's node.
struct Keys<'a> {
    nodes: &'a [Node<'a>],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Keys<'a> {
    type Item = (&'a str, usize);
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let Node::String(key) = self.nodes.get(self.at)? else {
            return None;
        };
        let value = self.at + 1;
        self.at = behind(self.nodes, value);
        Some((key, value))
    }
}

/// The original text, and where in memory the parser's copy of it begins.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a [u8],
    scratch_at: usize,
}

impl Source<'_> {
    /// Where in the original text a string of the parsed form begins. simd-json unescapes strings where they stand, so that
    /// they begin at the same index in its copy of the text and in the original.
    fn place_of(self, text: &str) -> Option<usize> {
        (text.as_ptr() as usize).checked_sub(self.scratch_at)
    }

    /// Whether such a string stands there without an escape.
    fn is_plain(self, text: &str) -> bool {
        let original = self.place_of(text).and_then(|at| self.text.get(at..=at + text.len()));
        original.is_some_and(|original| original.ends_with(b"\"") && memchr::memchr(b'\\', original).is_none())
    }
}

/// Where a value's text begins.
#[derive(Clone, Copy)]
enum Start {
    /// At this index.
    At(usize),
    /// Behind the key whose text begins at this index.
    BehindKey(usize),
}

/// A parsed value, and where its text is. The text is only looked for when it is asked for.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    nodes: &'a [Node<'a>],
    source: Source<'a>,
    start: Start,
}

impl<'a> Value<'a> {
    /// The value's text, exactly as it came.
    pub fn text(self) -> &'a str {
        // The parser has checked that the whole body is UTF-8, and the scanner cuts at ASCII bytes.
        std::str::from_utf8(self.bytes()).unwrap_or_default().trim_matches([' ', '\t', '\r', '\n'])
    }

    fn bytes(self) -> &'a [u8] {
        let text = self.source.text;
        let start = match self.start {
            Start::At(start) => start,
            Start::BehindKey(key) => scan::behind_key(text, key),
        };
        scan::value_at(text, start)
    }

    /// Bytes of the whole text that this value is a part of.
    pub fn whole_bytes(self) -> usize {
        self.source.text.len()
    }

    /// The string, unescaped.
    pub fn as_str(self) -> Option<&'a str> {
        match self.nodes.first() {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether this is an integer, written as one.
    pub fn is_integer(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Static(StaticNode::I64(_) | StaticNode::U64(_))))
    }

    /// Whether this is any number.
    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self.nodes.first(), Some(Node::Static(StaticNode::F64(_))))
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Static(StaticNode::Null)))
    }

    /// The object.
    pub fn as_object(self) -> Option<Object<'a>> {
        match self.nodes.first() {
            Some(Node::Object { len, .. }) => Some(Object { value: self, len: *len }),
            _ => None,
        }
    }

    /// The elements, when this is an array.
    pub fn as_array(self) -> Option<impl Iterator<Item = Value<'a>>> {
        let Some(Node::Array { len, .. }) = self.nodes.first() else {
            return None;
        };
        let whole = self.source.text;
        let mut texts = scan::elements(self.bytes());
        let mut at = 1;
        Some((0..*len).map_while(move |_| {
            let end = behind(self.nodes, at);
            let nodes = self.nodes.get(at..end)?;
            let text = texts.next()?;
            at = end;
            let start = Start::At(text.as_ptr() as usize - whole.as_ptr() as usize);
            Some(Value { nodes, start, ..self })
        }))
    }

    /// Whether this is an array, and of how many elements.
    pub fn array_len(self) -> Option<usize> {
        match self.nodes.first() {
            Some(Node::Array { len, .. }) => Some(*len),
            _ => None,
        }
    }

    /// The value as a tree that keeps every number's text. `None` where serde_json is stricter than simd-json.
    pub fn to_tree(self) -> Option<Tree> {
        let mut tree = Tree::Null;
        self.fill(&mut tree).then_some(tree)
    }

    /// Makes `tree` the value, as [`Value::to_tree`] has it, in the memory that it holds: strings are written over strings,
    /// members over members. False where there is no such tree, and nothing is to be read from it then.
    #[must_use]
    pub fn fill(self, tree: &mut Tree) -> bool {
        match (self.nodes.first(), &mut *tree) {
            (Some(Node::String(text)), Tree::String(former)) if self.source.is_plain(text) => {
                former.clear();
                former.push_str(text);
            }
            (Some(Node::String(text)), _) if self.source.is_plain(text) => *tree = Tree::String((*text).to_owned()),
            (Some(Node::Static(StaticNode::Bool(value))), _) => *tree = Tree::Bool(*value),
            (Some(Node::Static(StaticNode::Null)), _) => *tree = Tree::Null,
            (Some(Node::Object { len, .. }), Tree::Object(members)) => {
                return Object { value: self, len: *len }.fill(members);
            }
            (Some(Node::Object { len, .. }), _) => {
                let mut members = Map::new();
                let filled = Object { value: self, len: *len }.fill(&mut members);
                *tree = Tree::Object(members);
                return filled;
            }
            // What has escapes or is a number is read as serde_json reads it.
            _ => match serde_json::from_str(self.text()) {
                Ok(read) => *tree = read,
                Err(_) => return false,
            },
        }
        true
    }
}

/// An object: members by name.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    value: Value<'a>,
    len: usize,
}

impl<'a> Object<'a> {
    /// The member's value.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let mut keys = Keys { nodes: self.value.nodes, at: 1, left: self.len };
        let (key, at) = keys.find(|(key, _)| *key == name)?;
        self.member(key, at)
    }

    fn member(self, key: &str, at: usize) -> Option<Value<'a>> {
        let nodes = self.value.nodes.get(at..behind(self.value.nodes, at))?;
        // Nothing before the key needs to be scanned.
        let key_at = self.value.source.place_of(key)?;
        debug_assert_eq!(self.value.source.text.get(key_at.wrapping_sub(1)), Some(&b'"'));
        Some(Value { nodes, start: Start::BehindKey(key_at), ..self.value })
    }

    /// The member's string.
    pub fn str(self, name: &str) -> Option<&'a str> {
        let mut keys = Keys { nodes: self.value.nodes, at: 1, left: self.len };
        let (_, at) = keys.find(|(key, _)| *key == name)?;
        match self.value.nodes.get(at) {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether there is such a member.
    pub fn has(self, name: &str) -> bool {
        Keys { nodes: self.value.nodes, at: 1, left: self.len }.any(|(key, _)| key == name)
    }

    /// Makes `members` those of the object, in the memory that they hold. False as for [`Value::fill`].
    #[must_use]
    pub fn fill(self, members: &mut Map<String, Tree>) -> bool {
        for (key, at) in (Keys { nodes: self.value.nodes, at: 1, left: self.len }) {
            if !self.value.source.is_plain(key) {
                let read = serde_json::from_str(self.value.text());
                return read.map(|read| *members = read).is_ok();
            }
            let Some(value) = self.member(key, at) else { return false };
            let filled = match members.get_mut(key) {
                Some(former) => value.fill(former),
                None => value.to_tree().is_some_and(|tree| members.insert(key.to_owned(), tree).is_none()),
            };
            if !filled {
                return false;
            }
        }
        // No key is there twice, so that as many members are the same members.
        if members.len() != self.len {
            members.retain(|key, _| self.has(key));
        }
        true
    }

    /// The members in their order.
    pub fn members(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let keys = Keys { nodes: self.value.nodes, at: 1, left: self.len };
        keys.map_while(move |(key, at)| Some((key, self.member(key, at)?)))
    }

    /// The object as a value.
    pub fn value(self) -> Value<'a> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<JsonFault> {
        JsonParser::default().with(text.as_bytes(), |_| ()).err()
    }

    #[test]
    fn one_reading_or_none() {
        assert_eq!(fault(r#"{"a":1,"b":{"a":2}}"#), None);
        assert_eq!(fault(r#"{"a":1,"a":2}"#), Some(JsonFault::DuplicateKey));
        assert_eq!(fault(r#"{"a":1,"\u0061":2}"#), Some(JsonFault::DuplicateKey));
        assert_eq!(fault(r#"[[{"x":[],"x":0}]]"#), Some(JsonFault::DuplicateKey));
        let many: String = (0..40).map(|key| format!(r#""{key}":0,"#)).collect();
        assert_eq!(fault(&format!(r#"{{{many}"z":0}}"#)), None);
        assert_eq!(fault(&format!(r#"{{{many}"7":0}}"#)), Some(JsonFault::DuplicateKey));
        assert_eq!(fault(&format!("{}{}", "[".repeat(64), "]".repeat(64))), None);
        assert_eq!(fault(&format!("{}{}", "[".repeat(65), "]".repeat(65))), Some(JsonFault::TooDeep));
        assert_eq!(fault(&format!("[{}1]", "1,".repeat(VALUES_MAX))), Some(JsonFault::TooMany));
        for bad in ["", "{", "1 2", "[1,]", "{\"a\":NaN}", "\u{feff}1", "\"\u{1}\"", "nul"] {
            assert_eq!(fault(bad), Some(JsonFault::Syntax), "{bad:?}");
        }
    }

    #[test]
    fn text_survives_untouched() {
        let body = r#" { "n" : 9007199254740993 , "big":123456789012345678901234567890, "f":1.10, "\u0073":"a\"}b", "o":{"k":[1, 2]} } "#;
        JsonParser::default()
            .with(body.as_bytes(), |value| {
                let object = value.as_object().expect("an object");
                let text = |name: &str| object.get(name).map(|value| value.text());
                assert_eq!(text("n"), Some("9007199254740993"));
                assert_eq!(text("big"), Some("123456789012345678901234567890"));
                assert_eq!(text("f"), Some("1.10"));
                assert_eq!(text("s"), Some(r#""a\"}b""#));
                assert_eq!(object.str("s"), Some("a\"}b"));
                assert_eq!(text("o"), Some(r#"{"k":[1, 2]}"#));
                let numbers = object.get("o").and_then(Value::as_object).and_then(|o| o.get("k"));
                let texts: Vec<_> = numbers.and_then(Value::as_array).expect("array").map(Value::text).collect();
                assert_eq!(texts, ["1", "2"]);
            })
            .expect("good JSON");
    }
}
