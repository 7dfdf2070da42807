//! JSON as this server takes it: one strict reading (RFC 8259, no duplicate keys, bounded depth), values located so that
//! their text can be passed on untouched. It never builds a tree of its own.

pub mod parser;

pub mod scan;

pub mod write;

pub use parser::{JsonFault, JsonParser, Object, Value};
