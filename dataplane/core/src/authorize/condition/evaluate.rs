//! Runs a compiled condition over one call. Each node takes a step of a budget, work over texts and lists takes steps for
//! its size, and the depth is the condition's own, so that every run ends soon, whatever the caller sent. It cannot panic:
//! whatever has no answer is a [`Failure`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::compile::LOOPS_MAX;
use super::node::{Binary, Fact, Fold, Node, Step, Unary};
use super::number::{self, Operation};
use super::steps::Steps;
use super::value::{List, Map, Text, Value, place};
use super::{Facts, Failure};

type Answer<'a> = Result<Value<'a>, Failure>;

/// One evaluation.
pub(super) struct Run<'a> {
    facts: &'a Facts<'a>,
    address: &'a str,
    steps: Steps,
    /// Of each loop its item and its sum. A failed sum stays one until the loop says otherwise.
    locals: [Answer<'a>; 2 * LOOPS_MAX],
}

impl<'a> Run<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, address: &'a str) -> Run<'a> {
        Run { facts, address, steps: Steps::all(), locals: [const { Ok(Value::Null) }; 2 * LOOPS_MAX] }
    }

    /// Whether the condition is true.
    pub(super) fn holds(mut self, root: &'a Node) -> Result<bool, Failure> {
        self.bool(root)
    }

    fn bool(&mut self, node: &'a Node) -> Result<bool, Failure> {
        match self.value(node)? {
            Value::Bool(bool) => Ok(bool),
            _ => Err(Failure::NotTrueOrFalse),
        }
    }

    fn value(&mut self, node: &'a Node) -> Answer<'a> {
        self.steps.take(1)?;
        match node {
            Node::Constant(value) => Ok(value.lend()),
            Node::Text(text) => Ok(Value::lent(text)),
            Node::Constants(items) => Ok(Value::List(List::Lent(items))),
            Node::Fact(fact) => Ok(self.fact(*fact)),
            Node::Local(local) => self.locals[*local].clone(),
            Node::Field { of, name } => match self.value(of)? {
                Value::Map(map) => map.field(name, &mut self.steps)?.ok_or(Failure::NoSuchField),
                _ => Err(Failure::WrongTypes),
            },
            Node::Has { of, name } => match self.value(of)? {
                Value::Map(map) => map.has(name, &mut self.steps).map(Value::Bool),
                _ => Err(Failure::WrongTypes),
            },
            Node::Unary(unary, operand) => {
                let operand = self.value(operand)?;
                self.unary(*unary, &operand)
            }
            Node::Binary(binary, operands) => {
                let [one, other] = &**operands;
                let (one, other) = (self.value(one)?, self.value(other)?);
                self.binary(*binary, &one, &other)
            }
            Node::And(operands) => self.decided_by(false, operands),
            Node::Or(operands) => self.decided_by(true, operands),
            Node::Choose(parts) => {
                let [test, one, other] = &**parts;
                if self.bool(test)? { self.value(one) } else { self.value(other) }
            }
            Node::NotStrictlyFalse(operand) => Ok(Value::Bool(self.bool(operand).unwrap_or(true))),
            Node::List(items) => {
                let items = items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Value::List(List::Made(Arc::new(items))))
            }
            Node::Map(entries) => self.map(entries),
            Node::Matches { text, pattern } => match self.value(text)? {
                Value::Text(text) => {
                    self.steps.take_match(text.len())?;
                    Ok(Value::Bool(pattern.is_match(&text)))
                }
                _ => Err(Failure::WrongTypes),
            },
            Node::Fold(fold) => self.fold(fold),
        }
    }

    fn fact(&self, fact: Fact) -> Value<'a> {
        let Facts { principal, kind, name, arguments, .. } = *self.facts;
        match fact {
            Fact::PrincipalName => Value::lent(&principal.name),
            Fact::PrincipalKind => Value::lent(principal.kind.word()),
            Fact::PrincipalScopes => Value::List(List::Words(&principal.scopes)),
            Fact::PrincipalRoles => Value::List(List::Words(&principal.roles)),
            Fact::PrincipalClaims => Value::Map(Map::Json(&principal.claims)),
            Fact::ItemKind => Value::lent(kind.word()),
            Fact::ItemName => Value::lent(name),
            Fact::Address => Value::lent(self.address),
            Fact::Arguments => Value::Map(Map::Json(arguments)),
        }
    }

    /// `&&` and `||`: an operand that decides alone outweighs whatever the other one is, also a failure.
    fn decided_by(&mut self, decider: bool, operands: &'a [Node; 2]) -> Answer<'a> {
        let [one, other] = operands;
        let one = self.bool(one);
        if one == Ok(decider) {
            return Ok(Value::Bool(decider));
        }
        let other = self.bool(other);
        if other == Ok(decider) {
            return Ok(Value::Bool(decider));
        }
        one.and(other).map(Value::Bool)
    }

    fn unary(&mut self, unary: Unary, operand: &Value<'a>) -> Answer<'a> {
        match (unary, operand) {
            (Unary::Not, Value::Bool(bool)) => Ok(Value::Bool(!bool)),
            (Unary::Not, _) => Err(Failure::WrongTypes),
            (Unary::Negate, number) => number::negate(number),
            (Unary::Size, Value::Text(text)) => {
                self.steps.take_text(text.len())?;
                Ok(size(text.chars().count()))
            }
            (Unary::Size, Value::List(list)) => Ok(size(list.len())),
            (Unary::Size, Value::Map(map)) => Ok(size(map.len())),
            (Unary::Size, _) => Err(Failure::WrongTypes),
            (Unary::ToText, value) => text(value),
            (conversion, value) => {
                if let Value::Text(text) = value {
                    self.steps.take_text(text.len())?;
                }
                match conversion {
                    Unary::ToInt => number::to_int(value),
                    Unary::ToUint => number::to_uint(value),
                    _ => number::to_double(value),
                }
            }
        }
    }

    fn binary(&mut self, binary: Binary, one: &Value<'a>, other: &Value<'a>) -> Answer<'a> {
        let steps = &mut self.steps;
        Ok(Value::Bool(match binary {
            Binary::Equal => one.equals(other, steps)?,
            Binary::NotEqual => !one.equals(other, steps)?,
            Binary::Less => one.compare(other, steps)? == Ordering::Less,
            Binary::LessEqual => one.compare(other, steps)? != Ordering::Greater,
            Binary::Greater => one.compare(other, steps)? == Ordering::Greater,
            Binary::GreaterEqual => one.compare(other, steps)? != Ordering::Less,
            Binary::In => contains(other, one, steps)?,
            Binary::Index => return indexed(one, other, steps),
            Binary::Number(operation) => return operate(operation, one, other, steps),
            Binary::StartsWith | Binary::EndsWith | Binary::Contains => {
                let (Value::Text(text), Value::Text(part)) = (one, other) else { return Err(Failure::WrongTypes) };
                steps.take_text(text.len())?;
                match binary {
                    Binary::StartsWith => text.starts_with(&**part),
                    Binary::EndsWith => text.ends_with(&**part),
                    _ => text.contains(&**part),
                }
            }
        }))
    }

    fn map(&mut self, nodes: &'a [(Node, Node)]) -> Answer<'a> {
        let mut entries = Vec::with_capacity(nodes.len());
        for (key, value) in nodes {
            let (key, value) = (self.value(key)?, self.value(value)?);
            if !key.is_key() {
                return Err(Failure::WrongTypes);
            }
            if place(&entries, &key, &mut self.steps)?.is_some() {
                return Err(Failure::DuplicateKey);
            }
            entries.push((key, value));
        }
        Ok(Value::Map(Map::Made(Arc::new(entries))))
    }

    fn fold(&mut self, fold: &'a Fold) -> Answer<'a> {
        let items = match self.value(&fold.range)? {
            Value::List(list) => list,
            Value::Map(map) => {
                self.steps.take(map.len())?;
                List::Made(Arc::new(map.keys()))
            }
            _ => return Err(Failure::WrongTypes),
        };
        self.locals[fold.sum] = self.value(&fold.start);
        let mut made = Vec::new();
        for index in 0..items.len() {
            self.steps.take(1)?;
            if !self.bool(&fold.goes_on)? {
                break;
            }
            self.locals[fold.item] = items.item(index);
            match &fold.step {
                Step::Replace(sum) => self.locals[fold.sum] = self.value(sum),
                Step::Append { when, item } => {
                    let fits = when.as_ref().map_or(Ok(true), |when| self.bool(when))?;
                    if fits {
                        made.push(self.value(item)?);
                    }
                }
            }
        }
        if matches!(fold.step, Step::Append { .. }) {
            self.locals[fold.sum] = Ok(Value::List(List::Made(Arc::new(made))));
        }
        self.value(&fold.result)
    }
}

fn size<'a>(count: usize) -> Value<'a> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `string(…)`. Of a double there is no one text, so there is none.
fn text<'a>(value: &Value<'a>) -> Answer<'a> {
    match value {
        Value::Text(_) => Ok(value.clone()),
        Value::Int(int) => Ok(Value::Text(Text::Made(int.to_string().into()))),
        Value::Uint(uint) => Ok(Value::Text(Text::Made(uint.to_string().into()))),
        Value::Bool(bool) => Ok(Value::lent(if *bool { "true" } else { "false" })),
        _ => Err(Failure::WrongTypes),
    }
}

/// `item in container`.
fn contains(container: &Value<'_>, item: &Value<'_>, steps: &mut Steps) -> Result<bool, Failure> {
    match container {
        Value::List(list) => {
            for index in 0..list.len() {
                if list.item(index)?.equals(item, steps)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => Ok(map.find(item, steps)?.is_some()),
        _ => Err(Failure::WrongTypes),
    }
}

/// `container[key]`.
fn indexed<'a>(container: &Value<'a>, key: &Value<'_>, steps: &mut Steps) -> Answer<'a> {
    match container {
        Value::List(list) => list.item(number::index(key)?),
        Value::Map(map) => map.find(key, steps)?.ok_or(Failure::NoSuchField),
        _ => Err(Failure::WrongTypes),
    }
}

fn operate<'a>(operation: Operation, one: &Value<'a>, other: &Value<'a>, steps: &mut Steps) -> Answer<'a> {
    match (operation, one, other) {
        (Operation::Add, Value::Text(one), Value::Text(other)) => {
            steps.take_text(one.len() + other.len())?;
            Ok(Value::Text(Text::Made([&**one, &**other].concat().into())))
        }
        (Operation::Add, Value::List(one), Value::List(other)) => {
            steps.take(one.len() + other.len())?;
            let items = (0..one.len()).map(|index| one.item(index));
            let items = items.chain((0..other.len()).map(|index| other.item(index))).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::List(List::Made(Arc::new(items))))
        }
        _ => number::operate(operation, one, other),
    }
}
