//! A compiled condition: names are resolved, functions and fields known, patterns compiled. Built by `compile`, run by
//! `evaluate`.

use regex::Regex;

use super::number::Operation;
use super::value::Value;

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    Text(Box<str>),
    /// A list of constants, built once.
    Constants(Box<[Value<'static>]>),
    Fact(Fact),
    /// A variable of a loop.
    Local(usize),
    Field {
        of: Box<Node>,
        name: Box<str>,
    },
    Has {
        of: Box<Node>,
        name: Box<str>,
    },
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<[Node; 2]>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choose(Box<[Node; 3]>),
    /// True unless what it holds is false: also for a failure, which a later item of the loop may still outweigh.
    NotStrictlyFalse(Box<Node>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Matches {
        text: Box<Node>,
        pattern: Box<Regex>,
    },
    Fold(Box<Fold>),
}

/// What a condition is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    PrincipalName,
    PrincipalKind,
    PrincipalScopes,
    PrincipalRoles,
    PrincipalClaims,
    ItemKind,
    ItemName,
    Address,
    Arguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Not,
    Negate,
    Size,
    ToInt,
    ToUint,
    ToDouble,
    ToText,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Index,
    StartsWith,
    EndsWith,
    Contains,
    Number(Operation),
}

/// A loop, as the macros `all`, `exists`, `exists_one`, `map` and `filter` write it.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    pub(super) range: Node,
    pub(super) start: Node,
    /// Asked before each item; the loop ends when it is false.
    pub(super) goes_on: Node,
    pub(super) step: Step,
    pub(super) result: Node,
    /// Which local is the item.
    pub(super) item: usize,
    /// Which local is what came of the items so far.
    pub(super) sum: usize,
}

/// What is done with each item.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The sum becomes this.
    Replace(Node),
    /// The sum, a list, gets one more item, if the condition holds. Said apart so that a loop copies no list.
    Append { when: Option<Node>, item: Node },
}
