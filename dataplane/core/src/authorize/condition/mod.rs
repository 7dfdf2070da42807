//! Conditions of rules, in CEL (the Common Expression Language): compiled when they are loaded, bounded in steps when they
//! run. The crate `cel` reads them, with the grammar and the macros of the language; they run here, because its interpreter
//! has no budget, allocates for each name, and compares large integers as doubles.
//!
//! A condition sees
//!
//! | variable | what |
//! |---|---|
//! | `principal.name`, `.kind`, `.scopes`, `.roles`, `.claims` | the caller; `kind` is `anonymous`, `jwt`, `api_key` or `certificate` |
//! | `item.kind`, `item.name` | what is asked for; `kind` is `tool`, `resource`, `template` or `prompt` |
//! | `address` | where the caller is, as text without a port; empty if that is unknown |
//! | `args` | the arguments of the call |
//!
//! and has the operators of CEL, `size`, `startsWith`, `endsWith`, `contains`, `matches` with a written pattern, `int`,
//! `uint`, `double`, `string`, `has`, and the loops `all`, `exists`, `exists_one`, `map` and `filter`. There is no time, no
//! bytes, and nothing that reaches outside.
//!
//! Values of different sorts are never equal, as in CEL: `args.amount == 5` is false, not a failure, when a caller sends
//! `"5"`. A deny rule had better say what it lets pass: `!(args.amount < 100)`.

mod compile;
mod evaluate;
mod failure;
mod names;
mod node;
mod number;
mod steps;
#[cfg(test)]
mod tests;
mod value;

use std::fmt::{self, Write};
use std::net::IpAddr;

use serde_json::{Map, Value};

pub use failure::Failure;

use super::Kind;
use crate::identify::Principal;

/// What a condition may ask.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) principal: &'a Principal,
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) address: Option<IpAddr>,
    pub(super) arguments: &'a Map<String, Value>,
}

/// Which facts of a single call a condition asks for. One that asks for neither has one answer for a caller and an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) arguments: bool,
    pub(super) address: bool,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    root: node::Node,
    reads: Reads,
}

impl Condition {
    /// Compiles a condition; the error says what to fix.
    pub(super) fn compile(text: &str) -> Result<Condition, String> {
        compile::compile(text).map(|(root, reads)| Condition { root, reads })
    }

    pub(super) fn reads(&self) -> Reads {
        self.reads
    }

    /// Whether its answer may differ between two calls of one caller to one item.
    pub(super) fn is_dynamic(&self) -> bool {
        self.reads != Reads::default()
    }

    /// Whether it is true of a call.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        let address = match facts.address {
            Some(address) if self.reads.address => AddressText::of(address),
            _ => AddressText::EMPTY,
        };
        evaluate::Run::new(facts, address.as_str()).holds(&self.root)
    }
}

/// The longest address as text: eight groups of four digits, and seven colons.
const ADDRESS_BYTES_MAX: usize = 39;

/// An address as text, without an allocation.
struct AddressText {
    bytes: [u8; ADDRESS_BYTES_MAX],
    count: usize,
}

impl AddressText {
    const EMPTY: AddressText = AddressText { bytes: [0; ADDRESS_BYTES_MAX], count: 0 };

    /// A mapped address (RFC 4291 section 2.5.5.2) is written as the IPv4 address that it is.
    fn of(address: IpAddr) -> AddressText {
        let mut text = AddressText::EMPTY;
        match write!(text, "{}", address.to_canonical()) {
            Ok(()) => text,
            Err(_) => AddressText::EMPTY,
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.count]).unwrap_or_default()
    }
}

impl Write for AddressText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.count + part.len();
        let place = self.bytes.get_mut(self.count..end).ok_or(fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.count = end;
        Ok(())
    }
}
