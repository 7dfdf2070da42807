//! A value as conditions see it: borrowed from the call, the caller or the rule where it can be, so that comparing and
//! looking up copy nothing and allocate nothing. Only what an expression makes (a joined text, a mapped list) is owned.

use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::Failure;
use super::number;
use super::steps::Steps;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(Map<'a>),
}

/// A text.
#[derive(Clone, Debug)]
pub(super) enum Text<'a> {
    Lent(&'a str),
    Made(Arc<str>),
}

/// A list.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Json(&'a [Json]),
    Words(&'a [Box<str>]),
    Lent(&'a [Value<'a>]),
    Made(Arc<Vec<Value<'a>>>),
}

/// A map. What is made has at most as many entries as its expression, so it is looked through in order.
#[derive(Clone, Debug)]
pub(super) enum Map<'a> {
    Json(&'a JsonMap<String, Json>),
    Lent(&'a [(Value<'a>, Value<'a>)]),
    Made(Arc<Vec<(Value<'a>, Value<'a>)>>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Lent(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn of(json: &'a Json) -> Result<Value<'a>, Failure> {
        Ok(match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => number::of_json(number)?,
            Json::String(text) => Value::lent(text),
            Json::Array(items) => Value::List(List::Json(items)),
            Json::Object(fields) => Value::Map(Map::Json(fields)),
        })
    }

    pub(super) fn lent(text: &'a str) -> Value<'a> {
        Value::Text(Text::Lent(text))
    }

    /// The same without a share in what it owns: no counter that several shards would write.
    pub(super) fn lend(&'a self) -> Value<'a> {
        match self {
            Value::Text(text) => Value::lent(text),
            Value::List(List::Made(items)) => Value::List(List::Lent(items)),
            Value::Map(Map::Made(entries)) => Value::Map(Map::Lent(entries)),
            plain => plain.clone(),
        }
    }

    /// Whether it can be a key of a map.
    pub(super) fn is_key(&self) -> bool {
        matches!(self, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Text(_))
    }

    /// How it stands to another of its sort; numbers are one sort.
    pub(super) fn compare(&self, other: &Value<'_>, steps: &mut Steps) -> Result<Ordering, Failure> {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => {
                steps.take_text(one.len().min(other.len()))?;
                Ok((**one).cmp(other))
            }
            (Value::Bool(one), Value::Bool(other)) => Ok(one.cmp(other)),
            _ => number::compare(self, other).ok_or(Failure::WrongTypes),
        }
    }

    /// Whether both are the same. Values of different sorts differ; that is no failure.
    pub(super) fn equals(&self, other: &Value<'_>, steps: &mut Steps) -> Result<bool, Failure> {
        steps.take(1)?;
        Ok(match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => {
                one.len() == other.len() && {
                    steps.take_text(one.len())?;
                    **one == **other
                }
            }
            (Value::List(one), Value::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for index in 0..one.len() {
                    if !one.item(index)?.equals(&other.item(index)?, steps)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(one), Value::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for entry in one.entries() {
                    let (key, value) = entry?;
                    let same = match other.find(&key, steps)? {
                        Some(counterpart) => value.equals(&counterpart, steps)?,
                        None => false,
                    };
                    if !same {
                        return Ok(false);
                    }
                }
                true
            }
            _ => number::compare(self, other) == Some(Ordering::Equal),
        })
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            List::Json(items) => items.len(),
            List::Words(words) => words.len(),
            List::Lent(items) => items.len(),
            List::Made(items) => items.len(),
        }
    }

    pub(super) fn item(&self, index: usize) -> Result<Value<'a>, Failure> {
        match self {
            List::Json(items) => items.get(index).map(Value::of),
            List::Words(words) => words.get(index).map(|word| Ok(Value::lent(word))),
            List::Lent(items) => items.get(index).map(|item| Ok(item.lend())),
            List::Made(items) => items.get(index).map(|item| Ok(item.clone())),
        }
        .ok_or(Failure::NoSuchIndex)?
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Map::Json(fields) => fields.len(),
            Map::Lent(entries) => entries.len(),
            Map::Made(entries) => entries.len(),
        }
    }

    /// The value of a field, by its name.
    pub(super) fn field(&self, name: &str, steps: &mut Steps) -> Result<Option<Value<'a>>, Failure> {
        match self {
            Map::Json(fields) => fields.get(name).map(Value::of).transpose(),
            _ => self.find(&Value::lent(name), steps),
        }
    }

    /// Whether there is a field of this name, whatever it is.
    pub(super) fn has(&self, name: &str, steps: &mut Steps) -> Result<bool, Failure> {
        match self {
            Map::Json(fields) => Ok(fields.contains_key(name)),
            _ => Ok(self.find(&Value::lent(name), steps)?.is_some()),
        }
    }

    /// The value of a key.
    pub(super) fn find(&self, key: &Value<'_>, steps: &mut Steps) -> Result<Option<Value<'a>>, Failure> {
        if !key.is_key() && !matches!(key, Value::Double(_)) {
            return Err(Failure::WrongTypes);
        }
        match self {
            Map::Json(fields) => {
                let Value::Text(name) = key else { return Ok(None) };
                fields.get(&**name).map(Value::of).transpose()
            }
            Map::Lent(entries) => Ok(place(entries, key, steps)?.map(|at| entries[at].1.lend())),
            Map::Made(entries) => Ok(place(entries, key, steps)?.map(|at| entries[at].1.clone())),
        }
    }

    fn entries(&self) -> Box<dyn Iterator<Item = Result<(Value<'a>, Value<'a>), Failure>> + '_> {
        match self {
            Map::Json(fields) => Box::new(fields.iter().map(|(name, json)| Ok((Value::lent(name), Value::of(json)?)))),
            Map::Lent(entries) => Box::new(entries.iter().map(|(key, value)| Ok((key.lend(), value.lend())))),
            Map::Made(entries) => Box::new(entries.iter().map(|entry| Ok(entry.clone()))),
        }
    }

    /// Its keys, for a loop over them.
    pub(super) fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Map::Json(fields) => fields.keys().map(|name| Value::lent(name)).collect(),
            Map::Lent(entries) => entries.iter().map(|(key, _)| key.lend()).collect(),
            Map::Made(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }
}

/// Where the key stands among entries.
pub(super) fn place(
    entries: &[(Value<'_>, Value<'_>)],
    key: &Value<'_>,
    steps: &mut Steps,
) -> Result<Option<usize>, Failure> {
    for (at, (own, _)) in entries.iter().enumerate() {
        if own.equals(key, steps)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
