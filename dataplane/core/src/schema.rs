//! JSON Schema, compiled once and checked on every call: what a tool takes, and what it gives.
//!
//! The dialect is 2020-12 unless `$schema` names another that is known (2019-09, and drafts 7, 6 and 4). Everything a
//! schema can ask for is bounded here, since schemas come from upstream servers: its size, its depth, its regular
//! expressions (linear-time matching only, so no look-around and no back-references), and what checking can cost.
//! It never fetches a reference, from the network or from a file, and it never changes the data.
//! Start at [`Schema::compile`] and [`Schema::check`].

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ReferencingError, Validator};
use serde_json::Value;

mod cost;
mod violations;

use cost::Cost;
pub use violations::Violations;

/// A schema nests its JSON at most so deep. The JSON parser stops at 128; the compiler recurses with larger frames.
pub const SCHEMA_DEPTH_MAX: usize = 64;
/// A schema has at most so many JSON values. The largest published tool schemas have some thousands.
pub const SCHEMA_VALUES_MAX: usize = 50_000;
/// A schema has at most so many subschemas that can be reached from its root.
pub const SCHEMA_NODES_MAX: usize = 10_000;
/// One value meets at most so many subschemas: about a millisecond of checking.
pub const SCHEMA_WORK_MAX: u64 = 100_000;
/// A schema has at most so many regular expressions.
pub const PATTERNS_MAX: usize = 256;
/// A regular expression is at most so long.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// All regular expressions of a schema have at most so many of `\d`, `\s`, `\w` and their opposites; each is translated
/// from ECMA-262 in a pass of its own, which makes the translation quadratic in their number.
pub const PATTERN_CLASSES_MAX: usize = 128;
/// A compiled regular expression, and the cache it fills while matching, take at most so much memory each.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Data nests at most so deep.
pub const DATA_DEPTH_MAX: usize = 128;
/// Values of the data times subschemas that each may meet: about a tenth of a second, for which a shard serves nobody else.
pub const CHECK_WORK_MAX: u64 = 5_000_000;
/// Checks nest at most so deep: about 0.7 MiB of stack, measured in a debug build.
pub const CHECK_FRAMES_MAX: u64 = 2000;
/// As [`CHECK_WORK_MAX`], for listing everything that is wrong, which costs about a microsecond a subschema.
const EXPLAIN_WORK_MAX: u64 = 200_000;
/// Subschemas that one value may meet when only the first thing that is wrong is named.
const EXPLAIN_FIRST_WORK_MAX: u64 = 20_000;

/// A compiled schema.
pub struct Schema {
    validator: Validator,
    cost: Cost,
    /// Kept to name the nearest known property when a call has an unknown one.
    source: Value,
}

impl Schema {
    /// Compiles a schema. Blocks for up to some hundred milliseconds on the largest schemas allowed.
    ///
    /// # Errors
    /// Says what in the schema is wrong, or unsupported, or above a bound.
    pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
        let draft = dialect(schema)?;
        check_size(schema)?;
        let validator = jsonschema::options()
            .with_draft(draft)
            .offline()
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(PATTERN_COMPILED_BYTES_MAX)
                    .dfa_size_limit(PATTERN_COMPILED_BYTES_MAX),
            )
            .build(schema)
            .map_err(|error| SchemaError::build(&error, schema))?;
        let cost = Cost::of(schema, draft)?;
        Ok(Schema { validator, cost, source: schema.clone() })
    }

    /// The schema as it was given, to show to others.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Checks data.
    ///
    /// # Errors
    /// Lists what is wrong, for whoever made the data to repair it.
    pub fn check(&self, data: &Value) -> Result<(), Violations> {
        let size = measure(data, DATA_DEPTH_MAX).ok_or_else(|| {
            Violations::one(format!("the value nests deeper than {DATA_DEPTH_MAX} levels; make it flatter"))
        })?;
        if self.cost.frames(size.depth) > CHECK_FRAMES_MAX {
            return Err(Violations::one(format!(
                "the value nests {} levels deep, too deep for this schema; make it flatter",
                size.depth
            )));
        }
        if size.values.saturating_mul(self.cost.work_once) > CHECK_WORK_MAX {
            return Err(Violations::one(format!(
                "it has {} values inside, too many to check against this schema; send fewer",
                size.values
            )));
        }
        if self.validator.is_valid(data) { Ok(()) } else { Err(self.explain(data, size)) }
    }

    /// Only for data that is not valid. `is_valid` remembers answers where explaining does not, so data may be cheap
    /// to refuse and hopeless to explain.
    #[cold]
    fn explain(&self, data: &Value, size: Size) -> Violations {
        let work = self.cost.work(size.depth);
        if size.values.saturating_mul(work) <= EXPLAIN_WORK_MAX {
            return Violations::from_errors(self.validator.iter_errors(data), data, &self.source);
        }
        if work <= EXPLAIN_FIRST_WORK_MAX
            && let Err(error) = self.validator.validate(data)
        {
            return Violations::from_errors([error], data, &self.source);
        }
        Violations::one("the value does not match the schema, which is too entangled to say where".to_owned())
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Schema").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The dialect that `$schema` names.
fn dialect(schema: &Value) -> Result<Draft, SchemaError> {
    if !(schema.is_object() || schema.is_boolean()) {
        return Err(SchemaError::Invalid {
            at: String::new(),
            problem: format!("a schema is an object or a boolean, not {}", violations::shorten(schema)),
        });
    }
    match schema.get("$schema") {
        None => Ok(Draft::Draft202012),
        Some(Value::String(uri)) => match Draft::from_schema_uri(uri) {
            Draft::Unknown => Err(SchemaError::Dialect { dialect: violations::shorten_text(uri) }),
            known => Ok(known),
        },
        Some(other) => Err(SchemaError::Dialect { dialect: violations::shorten(other) }),
    }
}

/// Bounds what compiling recurses into or multiplies, before anything is compiled.
fn check_size(schema: &Value) -> Result<(), SchemaError> {
    let too_much = |what, count_max: usize| SchemaError::TooMuch { what, count_max: count_max as u64 };
    let size =
        measure(schema, SCHEMA_DEPTH_MAX).ok_or_else(|| too_much("the levels it nests are", SCHEMA_DEPTH_MAX))?;
    if size.values > SCHEMA_VALUES_MAX as u64 {
        return Err(too_much("its JSON values are", SCHEMA_VALUES_MAX));
    }
    let patterns = patterns(schema);
    if patterns.len() > PATTERNS_MAX {
        return Err(too_much("its regular expressions are", PATTERNS_MAX));
    }
    if patterns.iter().any(|pattern| pattern.len() > PATTERN_BYTES_MAX) {
        return Err(too_much("the bytes of one of its regular expressions are", PATTERN_BYTES_MAX));
    }
    if patterns.iter().copied().map(class_count).sum::<usize>() > PATTERN_CLASSES_MAX {
        return Err(too_much("the `\\d`, `\\s` and `\\w` of its regular expressions are", PATTERN_CLASSES_MAX));
    }
    Ok(())
}

/// Everything that may be compiled as a regular expression; a few things in `const` or `enum` are counted too.
fn patterns(schema: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let mut waiting = vec![schema];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(map) => {
                found.extend(map.get("pattern").and_then(Value::as_str));
                if let Some(Value::Object(by_pattern)) = map.get("patternProperties") {
                    found.extend(by_pattern.keys().map(String::as_str));
                }
                waiting.extend(map.values());
            }
            _ => {}
        }
    }
    found
}

fn class_count(pattern: &str) -> usize {
    let escapes = pattern.as_bytes().windows(2);
    escapes.filter(|pair| pair[0] == b'\\' && b"dDsSwW".contains(&pair[1])).count()
}

#[derive(Clone, Copy)]
struct Size {
    /// Steps from the root to the deepest value.
    depth: usize,
    values: u64,
}

/// The size of a value, or `None` where it nests deeper than `depth_max`.
fn measure(value: &Value, depth_max: usize) -> Option<Size> {
    fn add(value: &Value, depth: usize, depth_max: usize, size: &mut Size) -> Option<()> {
        if depth > depth_max {
            return None;
        }
        size.depth = size.depth.max(depth);
        size.values += 1;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| add(item, depth + 1, depth_max, size)),
            Value::Object(map) => map.values().try_for_each(|item| add(item, depth + 1, depth_max, size)),
            _ => Some(()),
        }
    }
    let mut size = Size { depth: 0, values: 0 };
    add(value, 0, depth_max, &mut size)?;
    Some(size)
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaError {
    /// `$schema` names a dialect that is not supported.
    Dialect {
        /// What `$schema` says.
        dialect: String,
    },
    /// A reference leads to another document; none is ever fetched.
    ExternalReference {
        /// The document.
        uri: String,
    },
    /// A reference leads nowhere.
    BrokenReference {
        /// What is wrong with it.
        problem: String,
    },
    /// A reference leads back to its own subschema without going into the data.
    EndlessReference,
    /// A regular expression cannot be matched in linear time and bounded memory, or is not one.
    Pattern {
        /// The regular expression.
        pattern: String,
        /// The place in the schema, as a JSON pointer.
        at: String,
    },
    /// A bound is exceeded.
    TooMuch {
        /// What there is too much of, ending in a verb.
        what: &'static str,
        /// The bound.
        count_max: u64,
    },
    /// A keyword has a value that it cannot have.
    Invalid {
        /// The place in the schema, as a JSON pointer.
        at: String,
        /// What is wrong there.
        problem: String,
    },
}

impl SchemaError {
    fn build(error: &jsonschema::ValidationError<'_>, schema: &Value) -> SchemaError {
        // Errors of compiling are about the schema: it is the instance of its meta-schema.
        let at = error.instance_path().as_str().to_owned();
        match error.kind() {
            ValidationErrorKind::Referencing(error) => SchemaError::reference(error),
            ValidationErrorKind::Format { format } if format == "regex" => {
                SchemaError::Pattern { pattern: violations::shorten(error.instance()), at }
            }
            _ => SchemaError::Invalid {
                at,
                problem: violations::describe(error, schema, violations::ALTERNATIVES_DEPTH_MAX),
            },
        }
    }

    fn reference(error: &ReferencingError) -> SchemaError {
        match error {
            ReferencingError::Unretrievable { uri, .. } => {
                SchemaError::ExternalReference { uri: violations::shorten_text(uri) }
            }
            other => SchemaError::BrokenReference { problem: violations::shorten_text(&other.to_string()) },
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaError::Dialect { dialect } => write!(
                formatter,
                "`$schema` is {dialect}, which is not supported; use https://json-schema.org/draft/2020-12/schema"
            ),
            SchemaError::ExternalReference { uri } => write!(
                formatter,
                "a `$ref` leads to {uri}, which is not in the schema and is never fetched; move it into `$defs`"
            ),
            SchemaError::BrokenReference { problem } => {
                write!(formatter, "a `$ref` cannot be followed: {problem}")
            }
            SchemaError::EndlessReference => {
                formatter.write_str("a `$ref` leads back to itself without going into a property or item")
            }
            SchemaError::Pattern { pattern, at } => write!(
                formatter,
                "{}: the regular expression {pattern} cannot be used; it must compile to at most \
                 {PATTERN_COMPILED_BYTES_MAX} bytes and have no look-around and no back-references",
                Pointer(at)
            ),
            SchemaError::TooMuch { what, count_max } => {
                write!(formatter, "the schema is too large: {what} more than {count_max}")
            }
            SchemaError::Invalid { at, problem } => write!(formatter, "{}: {problem}", Pointer(at)),
        }
    }
}

impl std::error::Error for SchemaError {}

/// A place in a schema; its root has an empty pointer, which would not show.
struct Pointer<'a>(&'a str);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { formatter.write_str("the schema") } else { write!(formatter, "`{}`", self.0) }
    }
}

#[cfg(test)]
mod tests;
