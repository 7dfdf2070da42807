//! The names that conditions know: variables, their fields, operators and functions; and what to say of any other.

use cel::common::ast::operators;

use super::node::{Binary, Fact, Unary};
use super::number::Operation;
use crate::nearest::nearest;

pub(super) const VARIABLES: [&str; 4] = ["principal", "address", "item", "args"];
pub(super) const PRINCIPAL_FIELDS: [&str; 5] = ["name", "kind", "scopes", "roles", "claims"];
pub(super) const ITEM_FIELDS: [&str; 2] = ["kind", "name"];
pub(super) const FUNCTIONS: [&str; 15] = [
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
];

pub(super) fn unary(name: &str, is_method: bool) -> Option<Unary> {
    Some(match (name, is_method) {
        (operators::LOGICAL_NOT, false) => Unary::Not,
        (operators::NEGATE, false) => Unary::Negate,
        ("size", _) => Unary::Size,
        ("int", false) => Unary::ToInt,
        ("uint", false) => Unary::ToUint,
        ("double", false) => Unary::ToDouble,
        ("string", false) => Unary::ToText,
        _ => return None,
    })
}

pub(super) fn binary(name: &str, is_method: bool) -> Option<Binary> {
    Some(match (name, is_method) {
        (operators::EQUALS, false) => Binary::Equal,
        (operators::NOT_EQUALS, false) => Binary::NotEqual,
        (operators::LESS, false) => Binary::Less,
        (operators::LESS_EQUALS, false) => Binary::LessEqual,
        (operators::GREATER, false) => Binary::Greater,
        (operators::GREATER_EQUALS, false) => Binary::GreaterEqual,
        (operators::IN, false) => Binary::In,
        (operators::INDEX, false) => Binary::Index,
        (operators::ADD, false) => Binary::Number(Operation::Add),
        (operators::SUBSTRACT, false) => Binary::Number(Operation::Subtract),
        (operators::MULTIPLY, false) => Binary::Number(Operation::Multiply),
        (operators::DIVIDE, false) => Binary::Number(Operation::Divide),
        (operators::MODULO, false) => Binary::Number(Operation::Remainder),
        ("startsWith", true) => Binary::StartsWith,
        ("endsWith", true) => Binary::EndsWith,
        ("contains", true) => Binary::Contains,
        _ => return None,
    })
}

pub(super) fn known_field(of: &str, field: &str) -> Result<Fact, String> {
    Ok(match (of, field) {
        ("principal", "name") => Fact::PrincipalName,
        ("principal", "kind") => Fact::PrincipalKind,
        ("principal", "scopes") => Fact::PrincipalScopes,
        ("principal", "roles") => Fact::PrincipalRoles,
        ("principal", "claims") => Fact::PrincipalClaims,
        ("item", "kind") => Fact::ItemKind,
        ("item", "name") => Fact::ItemName,
        ("principal", unknown) => return Err(unknown_name("field of `principal`:", unknown, &PRINCIPAL_FIELDS)),
        (_, unknown) => return Err(unknown_name("field of `item`:", unknown, &ITEM_FIELDS)),
    })
}

pub(super) fn usage(function: &str) -> &'static str {
    match function {
        "size" => "size(x)",
        "startsWith" => "x.startsWith(y)",
        "endsWith" => "x.endsWith(y)",
        "contains" => "x.contains(y)",
        "matches" => "x.matches(\"^a+$\")",
        "has" => "has(x.field)",
        "all" | "exists" | "exists_one" | "map" | "filter" => "list.all(item, item > 0)",
        _ => "int(x)",
    }
}

pub(super) fn unknown_name(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("unknown {what} {name:?}; did you mean {near:?}?"),
        None => format!("unknown {what} {name:?}; known are {}", listed(known)),
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    names.join(", ")
}
