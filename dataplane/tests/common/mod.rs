//! What the end-to-end tests share: a server with tools made for testing, a blocking client that speaks HTTP by hand,
//! and the check that every message of the server passes. Start with [`fixture::Fixture`] and [`peer::Peer`].
#![allow(dead_code, reason = "each test binary uses its own part of what is shared")]

pub mod wire;

pub mod certificates;

pub mod checker;

pub mod peer;

pub mod talker;

pub mod fixture;

pub mod tools;
