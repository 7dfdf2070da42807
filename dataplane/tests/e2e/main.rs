//! The server from outside, over real sockets on free ports: what each era of MCP and HTTP itself promise a client. The
//! pumps are tested here, the rules beside their code. What counts a process's descriptors or memory is in `bounds`.

#[path = "../common/mod.rs"]
mod common;

mod http;
mod identify;

mod lasting;

mod matrix;

mod proxied;

mod views;

mod legacy;

mod legacy_streams;

mod batch;

mod modern;

mod at_once;

mod rounds;

mod listen;

mod tasks;

mod rest;

mod command;

mod duplex;

mod websocket;

mod sse_pair;

mod drain;

mod policy;

mod request_ids;

mod access_log;
mod audit;

mod builtin;

mod health;

mod metrics;
