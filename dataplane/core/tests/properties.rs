//! Properties of the core, over inputs nobody thought of.
//!
//! Goal: what is decoded does not depend on how bytes were cut, what goes out comes back, and what is bounded stays so.
//! Method: proptest; each stateful part beside a model that is too simple to be wrong.
#![forbid(unsafe_code)]

#[path = "properties/framing.rs"]
mod framing;

#[path = "properties/json.rs"]
mod json;

#[path = "properties/names.rs"]
mod names;

#[path = "properties/websocket.rs"]
mod websocket;

#[path = "properties/state.rs"]
mod state;

#[path = "properties/ring.rs"]
mod ring;

#[path = "properties/addresses.rs"]
mod addresses;

#[path = "properties/credentials.rs"]
mod credentials;
