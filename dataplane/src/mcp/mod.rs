//! MCP messages become plans, plans become work, work becomes answers: the part of the shell that knows methods. It
//! never touches a socket.

pub mod plan;

pub mod target;

pub mod lists;

pub mod at_once;

pub mod work;

pub mod http;

pub mod batch;

pub mod legacy;

pub mod pair;

pub mod listen;

pub mod tasks;
