//! A rule as the operator writes it, and what may be wrong with it. Nothing here is decided or compiled.

use std::fmt;

use serde::Deserialize;

/// What a rule does where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It lets the caller see and use the item, unless another rule denies it.
    Allow,
    /// It hides the item from the caller and answers a call as one to an unknown item.
    Deny,
}

/// One rule, as it is written. An empty list says nothing: a rule whose lists are all empty speaks of everybody and
/// everything. The three lists of callers must all fit, and in each list one entry is enough. Of the three lists of items the
/// one for the item's kind must fit; when all three are empty, every item does.
///
/// All entries are globs: `*` is any run of characters, `?` one character.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its name in logs and audit: unique, of `a-z`, `0-9`, `.`, `_` and `-`.
    pub name: String,
    /// What it does where it applies.
    pub effect: Effect,
    /// Names of callers. A kind of credential and a colon before it speaks only of callers with that kind, as in
    /// `api_key:ci-*`: a token's subject and a key's id may be the same word without being the same caller.
    #[serde(default)]
    pub principals: Vec<String>,
    /// Roles of callers, of which they have one.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Scopes of callers, of which they have one.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Names of tools.
    #[serde(default)]
    pub tools: Vec<String>,
    /// URIs of resources, and of resource templates as they are written.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Names of prompts.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// A condition in CEL over `principal`, `address`, `item` and `args`.
    #[serde(default)]
    pub when: Option<String>,
}

/// Something in a rule that must be fixed before any rule is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule {
    /// Which rule, counted from 0 in the order of the operator's list.
    pub index: usize,
    /// Its name, as it is written.
    pub name: String,
    /// Which field of it; empty when it is the list of rules itself.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for BadRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadRule { index, name, field, problem } = self;
        if field.is_empty() {
            return write!(out, "rules: {problem}");
        }
        write!(out, "rules[{index}] {name:?}, field `{field}`: {problem}")
    }
}

impl std::error::Error for BadRule {}
