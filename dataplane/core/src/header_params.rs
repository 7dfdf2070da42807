//! Arguments mirrored in HTTP headers: `x-mcp-header` in a tool's input schema, `Mcp-Param-*` on the wire.
//!
//! The 2026-07-28 revision lets a tool name properties whose values a client repeats in headers, for intermediaries
//! that route without reading the body. The body decides; here the headers are held against it, and what differs is
//! refused (-32020), so that no intermediary was told something else than the tool is.
//! It never uses a header's value for anything else. Start at [`HeaderPlan::from_schema`] and [`HeaderPlan::check`].

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

/// The annotation in a schema.
const ANNOTATION: &str = "x-mcp-header";
/// A tool mirrors at most so many properties: all headers of a request are at most 100.
pub const HEADER_PARAMS_MAX: usize = 32;
/// The name after `Mcp-Param-` is at most so long.
pub const HEADER_NAME_BYTES_MAX: usize = 128;
/// Schemas nesting deeper are refused; as `schema::SCHEMA_DEPTH_MAX`, which counts arrays and maps as well.
const SCHEMA_DEPTH_MAX: usize = 64;
/// Integers beyond this differ between JSON parsers: 2^53 - 1.
const INTEGER_MAX: i64 = (1 << 53) - 1;
/// A value is shown in a refusal up to so many characters.
const VALUE_CHARS_MAX: usize = 80;

/// The properties of one tool's input that headers mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderPlan {
    params: Vec<Param>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Param {
    /// As annotated, after `Mcp-Param-`.
    name: Box<str>,
    name_lower: Box<str>,
    /// The properties that lead to the value.
    path: Vec<Box<str>>,
}

/// What a request has under one header name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderLookup<'a> {
    /// No such header.
    Absent,
    /// One, with this value.
    One(&'a [u8]),
    /// Several, which no two readers need understand alike.
    Repeated,
}

impl HeaderPlan {
    /// Finds the annotated properties of an input schema.
    ///
    /// # Errors
    /// Any annotation that breaks a rule makes the whole tool unusable over HTTP: clients must drop it.
    pub fn from_schema(input_schema: &Value) -> Result<HeaderPlan, HeaderPlanError> {
        let mut plan = HeaderPlan::default();
        let place = Place { path: Vec::new(), pure: true, depth: 0 };
        plan.visit(input_schema, &place)?;
        Ok(plan)
    }

    /// Whether no property is mirrored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Holds the headers against the arguments. `header` is asked for each mirrored property, with the header's name
    /// after `mcp-param-` in lower case. Other `Mcp-Param-*` headers are nobody's business.
    ///
    /// # Errors
    /// Names the first header that is missing, differs, or is there without its argument.
    pub fn check<'h>(
        &self,
        arguments: Option<&Value>,
        header: impl Fn(&str) -> HeaderLookup<'h>,
    ) -> Result<(), HeaderMismatch> {
        for param in &self.params {
            let body =
                arguments.and_then(|arguments| param.path.iter().try_fold(arguments, |value, name| value.get(&**name)));
            check_one(body.filter(|value| !value.is_null()), header(&param.name_lower))
                .map_err(|mismatch| mismatch.named(&format!("Mcp-Param-{}", param.name)))?;
        }
        Ok(())
    }

    fn visit(&mut self, schema: &Value, place: &Place<'_>) -> Result<(), HeaderPlanError> {
        let Value::Object(schema) = schema else {
            return Ok(());
        };
        if place.depth > SCHEMA_DEPTH_MAX {
            return Err(place.error(Problem::TooDeep));
        }
        if let Some(annotation) = schema.get(ANNOTATION) {
            self.add(annotation, schema, place)?;
        }
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    for (name, value) in properties {
                        self.visit(value, &place.below(name, true))?;
                    }
                }
                (
                    "patternProperties" | "dependentSchemas" | "dependencies" | "$defs" | "definitions",
                    Value::Object(map),
                ) => {
                    for (name, value) in map {
                        self.visit(value, &place.below(name, false))?;
                    }
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(list)) => {
                    for value in list {
                        self.visit(value, &place.below(keyword, false))?;
                    }
                }
                (
                    "items"
                    | "additionalItems"
                    | "unevaluatedItems"
                    | "contains"
                    | "additionalProperties"
                    | "unevaluatedProperties"
                    | "propertyNames"
                    | "not"
                    | "if"
                    | "then"
                    | "else"
                    | "contentSchema",
                    value,
                ) => self.visit(value, &place.below(keyword, false))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        annotation: &Value,
        schema: &Map<String, Value>,
        place: &Place<'_>,
    ) -> Result<(), HeaderPlanError> {
        let is_token =
            |name: &&str| !name.is_empty() && name.len() <= HEADER_NAME_BYTES_MAX && name.bytes().all(is_tchar);
        let Some(name) = annotation.as_str().filter(is_token) else {
            return Err(place.error(Problem::Name));
        };
        if !place.pure || place.path.is_empty() {
            return Err(place.error(Problem::Place));
        }
        if !matches!(schema.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err(place.error(Problem::Type));
        }
        let name_lower = name.to_ascii_lowercase().into_boxed_str();
        if self.params.iter().any(|known| known.name_lower == name_lower) {
            return Err(place.error(Problem::Repeated));
        }
        if self.params.len() == HEADER_PARAMS_MAX {
            return Err(place.error(Problem::TooMany));
        }
        let path = place.path.iter().map(|&name| name.into()).collect();
        self.params.push(Param { name: name.into(), name_lower, path });
        Ok(())
    }
}

/// Where in the schema the walk is.
struct Place<'a> {
    path: Vec<&'a str>,
    /// Only `properties` led here, so the path is one through the arguments too.
    pure: bool,
    depth: usize,
}

impl<'a> Place<'a> {
    fn below(&self, name: &'a str, by_property: bool) -> Place<'a> {
        let path = self.path.iter().copied().chain([name]).collect();
        Place { path, pure: self.pure && by_property, depth: self.depth + 1 }
    }

    fn error(&self, problem: Problem) -> HeaderPlanError {
        HeaderPlanError { at: shorten(&self.path.join(".")), problem }
    }
}

/// RFC 9110, 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why an input schema's annotations cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPlanError {
    at: String,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Name,
    Place,
    Type,
    Repeated,
    TooMany,
    TooDeep,
}

impl fmt::Display for HeaderPlanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the input schema" } else { &self.at };
        write!(formatter, "`{ANNOTATION}` at `{at}`: ")?;
        match self.problem {
            Problem::Name => {
                write!(formatter, "must be a header name of 1 to {HEADER_NAME_BYTES_MAX} letters, digits and `-`")
            }
            Problem::Place => {
                formatter.write_str("may only stand on a property that is reached through `properties` alone")
            }
            Problem::Type => formatter.write_str("needs a property whose `type` is `string`, `integer` or `boolean`"),
            Problem::Repeated => formatter.write_str("another property has the same header name (case is ignored)"),
            Problem::TooMany => write!(formatter, "more than {HEADER_PARAMS_MAX} properties have one"),
            Problem::TooDeep => write!(formatter, "the schema nests deeper than {SCHEMA_DEPTH_MAX} levels"),
        }
    }
}

impl std::error::Error for HeaderPlanError {}

fn check_one(body: Option<&Value>, header: HeaderLookup<'_>) -> Result<(), HeaderMismatch> {
    match (body, header) {
        (_, HeaderLookup::Repeated) => Err(Difference::Repeated.into()),
        (None, HeaderLookup::Absent) => Ok(()),
        (None, HeaderLookup::One(_)) => Err(Difference::Unexpected.into()),
        // No client can write these in a header, and the schema will refuse them with better words.
        (Some(Value::Array(_) | Value::Object(_)), HeaderLookup::Absent) => Ok(()),
        (Some(_), HeaderLookup::Absent) => Err(Difference::Missing.into()),
        (Some(body), HeaderLookup::One(raw)) => {
            let header = decode_header_value(raw)?;
            let same = match body {
                Value::String(text) => *text == header,
                Value::Bool(flag) => *header == *flag.to_string(),
                Value::Number(number) => same_number(number, &header),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            };
            if same {
                return Ok(());
            }
            let body = match body {
                Value::String(text) => shorten(text),
                Value::Array(_) => "an array".to_owned(),
                Value::Object(_) => "an object".to_owned(),
                other => shorten(&other.to_string()),
            };
            Err(Difference::Value { header: shorten(&header), body }.into())
        }
    }
}

/// Integers are the same by value (`42.0` is `42`), where every JSON parser sees the same value.
fn same_number(body: &Number, header: &str) -> bool {
    match (integer(body.as_str()), integer(header)) {
        (Some(body), Some(header)) => body == header,
        _ => false,
    }
}

/// The integer that a decimal number is, if it is one and within ±[`INTEGER_MAX`].
fn integer(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (mantissa, exponent.parse::<i32>().ok()?)
        }
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    // All digits as one number, and where the point is in them once the exponent has moved it.
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let (mut value, mut place) = (0_i64, 0_i64);
    for digit in digits.bytes().map(|byte| i64::from(byte - b'0')) {
        if place < point {
            value = value.checked_mul(10)?.checked_add(digit)?;
        } else if digit != 0 {
            return None; // A fraction.
        }
        place += 1;
    }
    while place < point && value != 0 {
        value = value.checked_mul(10)?;
        place += 1;
    }
    (value <= INTEGER_MAX).then_some(if negative { -value } else { value })
}

/// The text of a header value: blanks at the ends are not part of it, and `=?base64?…?=` holds any UTF-8.
///
/// # Errors
/// Refuses bytes other than printable ASCII, blank and tab, and base64 that is not exact.
pub fn decode_header_value(raw: &[u8]) -> Result<Cow<'_, str>, HeaderMismatch> {
    let raw = trim_blanks(raw);
    if !raw.iter().all(|&byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(Difference::Characters.into());
    }
    let text = std::str::from_utf8(raw).map_err(|_| Difference::Characters)?;
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| Difference::Base64)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Difference::Base64.into())
}

fn trim_blanks(mut raw: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = raw {
        raw = rest;
    }
    raw
}

/// A header does not say what the body says; answered with 400 and -32020.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMismatch {
    header: Option<Box<str>>,
    difference: Difference,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Difference {
    Missing,
    Unexpected,
    Repeated,
    Characters,
    Base64,
    Value { header: String, body: String },
}

impl HeaderMismatch {
    /// The same, saying which header it is about.
    #[must_use]
    pub fn named(self, header: &str) -> HeaderMismatch {
        HeaderMismatch { header: Some(header.into()), ..self }
    }
}

impl From<Difference> for HeaderMismatch {
    fn from(difference: Difference) -> HeaderMismatch {
        HeaderMismatch { header: None, difference }
    }
}

impl fmt::Display for HeaderMismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Header mismatch: ")?;
        if let Some(header) = &self.header {
            write!(formatter, "{header} ")?;
        }
        match &self.difference {
            Difference::Missing => formatter.write_str("header is missing, but the body has the value"),
            Difference::Unexpected => formatter.write_str("header is present, but the body has no such value"),
            Difference::Repeated => formatter.write_str("header is present more than once"),
            Difference::Characters => {
                formatter.write_str("header value has characters that need `=?base64?…?=` around their base64")
            }
            Difference::Base64 => formatter.write_str("header value is not valid base64 of UTF-8, padded with `=`"),
            Difference::Value { header, body } => {
                write!(formatter, "header value '{header}' does not match body value '{body}'")
            }
        }
    }
}

impl std::error::Error for HeaderMismatch {}

/// Cut, and without control characters, to show to others.
fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(VALUE_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
