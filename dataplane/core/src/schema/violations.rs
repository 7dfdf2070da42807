//! What is wrong with data, in words that let a model repair its call.
//!
//! Each line names the place, what was expected there, and what was got, shortened. It never decides whether data is
//! valid, and never holds more than the first few violations. Start at [`Violations`] and [`describe`].

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::nearest::nearest;

/// The first so many violations are told; the others are counted.
pub const VIOLATIONS_MAX: usize = 8;
/// A value of the data or the schema is shown up to so many characters.
pub const VALUE_CHARS_MAX: usize = 80;
/// A list of allowed values, and a path, are shown up to so many characters.
const LIST_CHARS_MAX: usize = 240;
/// Alternatives within alternatives are looked into so deep: more would not help, and recursion needs a bound.
pub(super) const ALTERNATIVES_DEPTH_MAX: usize = 3;
/// At most so many known names are compared with an unknown one.
const NAMES_MAX: usize = 64;

/// What is wrong with data: never empty, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    lines: Vec<String>,
    more: usize,
}

impl Violations {
    /// One violation, told in one line.
    pub(super) fn one(line: String) -> Violations {
        Violations { lines: vec![line], more: 0 }
    }

    pub(super) fn from_errors<'a>(
        errors: impl IntoIterator<Item = ValidationError<'a>>,
        data: &Value,
        schema: &Value,
    ) -> Violations {
        let mut violations = Violations { lines: Vec::new(), more: 0 };
        for error in errors {
            violations.add(&error, data, schema);
        }
        if violations.lines.is_empty() {
            violations.push("the value does not match the schema".to_owned());
        }
        violations
    }

    /// The lines told, and how many more there are.
    #[must_use]
    pub fn lines(&self) -> (&[String], usize) {
        (&self.lines, self.more)
    }

    fn push(&mut self, line: String) {
        if self.lines.contains(&line) {
            return; // The same place can fail the same way in two branches of a schema.
        }
        if self.lines.len() < VIOLATIONS_MAX { self.lines.push(line) } else { self.more += 1 }
    }

    fn add(&mut self, error: &ValidationError<'_>, data: &Value, schema: &Value) {
        let path = Path::of(error.instance_path().as_str(), data);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = known_names(error, schema);
                for name in unexpected {
                    let mut line = format!("unknown property `{}`", path.join(name));
                    if let Some(meant) = nearest(name, &known) {
                        line.push_str(&format!(" (did you mean `{meant}`?)"));
                    }
                    self.push(line);
                }
            }
            _ => self.push(tell(error, data, ALTERNATIVES_DEPTH_MAX)),
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))?;
        if self.more > 0 { write!(formatter, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for Violations {}

/// One error with its place, in one line.
fn tell(error: &ValidationError<'_>, data: &Value, depth: usize) -> String {
    let path = Path::of(error.instance_path().as_str(), data);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("missing required property `{}`", path.join(name))
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            format!("unknown property `{}`", path.join(name))
        }
        _ => path.prefix(&describe(error, data, depth)),
    }
}

/// One error without its place: what was expected, and what was got. `depth` bounds alternatives in alternatives.
pub(super) fn describe(error: &ValidationError<'_>, data: &Value, depth: usize) -> String {
    let got = || shorten(error.instance());
    let expected = |what: String| format!("expected {what}, got {}", got());
    match error.kind() {
        ValidationErrorKind::Type { kind } => expected(types(kind)),
        ValidationErrorKind::Enum { options } => expected(one_of(options)),
        ValidationErrorKind::Constant { expected_value } => expected(shorten(expected_value)),
        ValidationErrorKind::Minimum { limit } => expected(format!("at least {}", shorten(limit))),
        ValidationErrorKind::Maximum { limit } => expected(format!("at most {}", shorten(limit))),
        ValidationErrorKind::ExclusiveMinimum { limit } => expected(format!("more than {}", shorten(limit))),
        ValidationErrorKind::ExclusiveMaximum { limit } => expected(format!("less than {}", shorten(limit))),
        ValidationErrorKind::MultipleOf { multiple_of } => expected(format!("a multiple of {}", shorten(multiple_of))),
        ValidationErrorKind::MinLength { limit } => expected(format!("at least {}", count(*limit, "character"))),
        ValidationErrorKind::MaxLength { limit } => expected(format!("at most {}", count(*limit, "character"))),
        ValidationErrorKind::MinItems { limit } => expected(format!("at least {}", count(*limit, "item"))),
        ValidationErrorKind::MaxItems { limit } => expected(format!("at most {}", count(*limit, "item"))),
        ValidationErrorKind::MinProperties { limit } => expected(format!(
            "at least {}",
            if *limit == 1 { "1 property".to_owned() } else { format!("{limit} properties") }
        )),
        ValidationErrorKind::MaxProperties { limit } => expected(format!(
            "at most {}",
            if *limit == 1 { "1 property".to_owned() } else { format!("{limit} properties") }
        )),
        ValidationErrorKind::AdditionalItems { limit } => expected(format!("at most {}", count(*limit as u64, "item"))),
        ValidationErrorKind::UnevaluatedItems { .. } => {
            format!("has items that are not allowed: {}", got())
        }
        ValidationErrorKind::UniqueItems => {
            format!("expected items that all differ, got {}", got())
        }
        ValidationErrorKind::Contains => {
            format!("expected certain items that are not there, got {}", got())
        }
        ValidationErrorKind::Pattern { pattern } => expected(format!("a string matching `{}`", shorten_text(pattern))),
        ValidationErrorKind::Format { format } => {
            expected(format!("a string in the format `{}`", shorten_text(format)))
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            no_alternative(error, context, data, depth)
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("matches several of the alternatives, expected exactly one to match; got {}", got())
        }
        ValidationErrorKind::Not { .. } => format!("has a shape that is forbidden here: {}", got()),
        ValidationErrorKind::FalseSchema => format!("not allowed here, got {}", got()),
        ValidationErrorKind::PropertyNames { error } => {
            format!("a property has a name that is not allowed: {}", describe(error, data, 0))
        }
        // The rest is rare; the library's own words would repeat the whole value, so it names the keyword.
        other => format!("does not satisfy `{}`, got {}", other.keyword(), got()),
    }
}

/// Nothing fits: name the types where only those differ, else what the nearest alternative lacks.
fn no_alternative(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    data: &Value,
    depth: usize,
) -> String {
    // An alternative that is of another type altogether.
    let other_type = |errors: &Vec<ValidationError<'static>>| match errors.as_slice() {
        [inner] if inner.instance_path() == error.instance_path() => match inner.kind() {
            ValidationErrorKind::Type { kind } => Some(types(kind)),
            _ => None,
        },
        _ => None,
    };
    let got = || shorten(error.instance());
    let types: Vec<String> = context.iter().filter_map(other_type).collect();
    if !types.is_empty() && types.len() == context.len() {
        return format!("expected {}, got {}", types.join(" or "), got());
    }
    // One of the right type that lacks little is the one that was meant.
    let told = context.iter().filter(|errors| !errors.is_empty());
    let nearest = told.min_by_key(|errors| (other_type(errors).is_some(), errors.len()));
    match nearest.and_then(|errors| errors.first()) {
        Some(inner) if depth > 0 => {
            let inner = tell(inner, data, depth - 1);
            format!("matches none of {} alternatives; the nearest says: {inner}", context.len())
        }
        _ => format!("matches none of {} alternatives, got {}", context.len(), got()),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => with_article(*one).to_owned(),
        TypeKind::Multiple(set) => set.iter().map(with_article).collect::<Vec<_>>().join(" or "),
    }
}

fn with_article(one: JsonType) -> &'static str {
    match one {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn one_of(options: &Value) -> String {
    let Some(options) = options.as_array() else {
        return shorten(options);
    };
    let mut list = String::from("one of ");
    for (index, option) in options.iter().enumerate() {
        if list.len() > LIST_CHARS_MAX {
            list.push_str(&format!(" and {} more", options.len() - index));
            break;
        }
        if index > 0 {
            list.push_str(", ");
        }
        list.push_str(&shorten(option));
    }
    list
}

fn count(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A value as JSON, cut after [`VALUE_CHARS_MAX`] characters; costs no more for a value of megabytes.
pub(super) fn shorten(value: &Value) -> String {
    /// Refuses to grow far beyond what is shown.
    struct Bounded(Vec<u8>);
    impl std::io::Write for Bounded {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = (VALUE_CHARS_MAX * 4 + 4).saturating_sub(self.0.len());
            if room == 0 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            let taken = room.min(bytes.len());
            self.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut bounded = Bounded(Vec::new());
    // It fails only once there is more than enough to show.
    let _ = serde_json::to_writer(&mut bounded, value);
    shorten_text(&String::from_utf8_lossy(&bounded.0))
}

/// A text cut after [`VALUE_CHARS_MAX`] characters.
pub(super) fn shorten_text(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A place in the data, as `items[2].name`; empty for the data itself.
struct Path(String);

impl Path {
    /// From a JSON pointer; the data tells an index from a property whose name is a number.
    fn of(pointer: &str, data: &Value) -> Path {
        let mut path = Path(String::new());
        let mut at = Some(data);
        for token in pointer.split('/').skip(1) {
            let name = token.replace("~1", "/").replace("~0", "~");
            match at {
                Some(Value::Array(items)) => {
                    path.0.push_str(&format!("[{name}]"));
                    at = name.parse().ok().and_then(|index: usize| items.get(index));
                }
                at_object => {
                    path = Path(path.join(&name));
                    at = at_object.and_then(|value| value.get(&name));
                }
            }
        }
        path
    }

    fn join(&self, name: &str) -> String {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
        let shown = if plain { shorten_text(name) } else { shorten(&Value::from(name)) };
        let start = match self.0.char_indices().rev().nth(LIST_CHARS_MAX) {
            None => self.0.as_str().into(),
            Some((at, _)) => std::borrow::Cow::Owned(format!("…{}", &self.0[at..])),
        };
        match (plain, start.is_empty()) {
            (true, true) => shown,
            (true, false) => format!("{start}.{shown}"),
            (false, _) => format!("{start}[{shown}]"),
        }
    }

    fn prefix(&self, line: &str) -> String {
        if self.0.is_empty() { line.to_owned() } else { format!("`{}`: {line}", self.0) }
    }
}

/// The property names that stand beside the keyword that refused another one.
fn known_names<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Vec<&'a str> {
    let beside = error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    match schema.pointer(&format!("{beside}/properties")) {
        Some(Value::Object(known)) => known.keys().map(String::as_str).take(NAMES_MAX).collect(),
        _ => Vec::new(),
    }
}
