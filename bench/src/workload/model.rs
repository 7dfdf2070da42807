//! The types of a workload, key by key as TOML has them: who calls, what, how often. They hold what was written and
//! judge nothing; `check` does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret;

/// One workload: a pace that all clients share, and one or more groups of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The file's name where the file says none.
    #[serde(default)]
    pub name: String,
    /// One sentence for reports: what it stands for.
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub load: Pace,
    pub clients: Vec<Clients>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Open loop: so many requests a second over all clients. Absent: closed loop.
    pub rate_rps: Option<u64>,
    pub arrivals: Arrivals,
    /// Measured, after the warm-up.
    pub seconds: f64,
    pub warmup_s: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rate_rps: None, arrivals: Arrivals::Even, seconds: 10.0, warmup_s: 1.0 }
    }
}

/// How due times of the open loop lie: `n / rate`, or with exponential gaps of that mean (independent callers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    #[default]
    Even,
    Poisson,
}

/// Connections that are alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    #[serde(default)]
    pub name: String,
    #[serde(default = "connections")]
    pub connections: usize,
    #[serde(default)]
    pub face: Face,
    #[serde(default)]
    pub era: Era,
    /// Instead of the face's own: `/mcp`, `/ws`, `/tools`, `/command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Sent with each request. `${NAME}` is taken from the environment. Values of headers that identify a caller are
    /// never written to a report.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", serialize_with = "secret::hide")]
    pub headers: BTreeMap<String, String>,
    /// One header a connection, in turn: many callers. `${NAME}` as in `headers`; never written to a report.
    #[serde(default, skip_serializing)]
    pub credentials: Vec<Credential>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Absent: connections stay for the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// Between an answer and the connection's next request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    pub mix: Vec<Share>,
}

fn connections() -> usize {
    64
}

/// By which door clients come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// MCP's Streamable HTTP.
    #[default]
    Mcp,
    /// MCP over WebSocket.
    WebSocket,
    /// `GET /tools`, `POST /tools/{name}`.
    Rest,
    /// The older systems' `{"command","params"}`.
    Command,
    /// Plain HTTP: only operation `get` and `request`.
    Http,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// 2026-07-28: no session.
    #[default]
    Modern,
    /// 2025-11-25: `initialize` first, a session where the server keeps one.
    Legacy,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub header: String,
    pub value: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}: …)", self.header)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file of authorities to trust. Absent: the machine's own. A relative path begins at the workload's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The name the certificate must carry. Absent: the target's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// `false` accepts any certificate; for a test server on loopback only.
    #[serde(default = "yes")]
    pub verify: bool,
    /// Whether new connections may resume an older one's TLS session.
    #[serde(default = "yes")]
    pub resume: bool,
}

fn yes() -> bool {
    true
}

/// A connection is closed after so many requests and made anew; making it counts into the latency of the request that
/// waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    pub requests: u32,
    /// Of the closings, this share is a reset instead of a FIN. From 0 to 1.
    #[serde(default)]
    pub reset_ratio: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Think {
    pub mean_ms: f64,
    #[serde(default)]
    pub spread: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    #[default]
    Constant,
    Exponential,
}

/// About what an agent sends to a small tool.
pub const TEXT_BYTES: usize = 100;

/// One operation's part of a mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// What reports call it. Absent: made of the operation and the tool.
    #[serde(default)]
    pub name: String,
    pub operation: Operation,
    #[serde(default = "one")]
    pub weight: u32,
    /// `call`, `stream`: the tool. Absent: `echo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// `call`, `stream`: a JSON object as text, for tools other than echo. `{{_counter}}` becomes 12 digits, other ones
    /// in each request; `{{_text}}` becomes a text of `text_bytes`, which begins with the counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// The sizes of the text, taken in turn. Absent: [`TEXT_BYTES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_bytes: Vec<usize>,
    /// `request`: a file with an HTTP/1.1 request. A relative path begins at the workload's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// `get`: what to get. Absent: `/livez`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default)]
    pub expect: Expectation,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `server/discover`; in the legacy era `ping`, since `initialize` happens once a connection.
    Discover,
    /// `tools/list`; on the REST face `GET /tools`.
    List,
    /// `tools/call`, answered whole.
    Call,
    /// `tools/call` with a progress token, answered as a stream of events, the result last.
    Stream,
    /// A plain GET.
    Get,
    /// A request from a file, byte for byte.
    Request,
}

/// What a right answer is, where it differs from what the operation itself expects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// All of these in the body; replaces the operation's own texts and the check of the id. `{{_counter}}` as in
    /// `arguments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<BodyLength>,
    /// `stream`: at least so many events before the result. Absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_min: Option<u32>,
    /// The server answers everybody alike (a yardstick): the counter is expected nowhere, all else is.
    pub constant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyLength {
    Any,
    /// As the first right one of this share.
    First,
    #[serde(untagged)]
    Exactly(usize),
}
