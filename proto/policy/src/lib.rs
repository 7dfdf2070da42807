//! What the operator decided, already checked: the part of a configuration that can change while a server runs. It never
//! reads a file or an environment; whoever does makes these values, and the shards obey them.
#![forbid(unsafe_code)]

mod address_list;
mod address_network;
mod authority;
mod limits;

pub use address_list::{ADDRESSES_MAX, AddressList};
pub use address_network::BadAddress;
pub use authority::{AllowList, BadAuthority, HostVerdict};
pub use limits::Limits;

/// What can change while a server runs. Requests under way finish on the policy they began with.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Bounds.
    pub limits: Limits,
    /// Hosts and origins that may call, besides the address the server listens on.
    pub allowed: AllowList,
    /// Ways in besides `/mcp`.
    pub faces: Faces,
    /// What the access log holds.
    pub access_log: AccessLogPolicy,
    /// What `/metrics` shows.
    pub metrics: MetricsPolicy,
    /// When the process counts as ill.
    pub health: HealthPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            limits: Limits::default(),
            allowed: AllowList::loopback(),
            faces: Faces::default(),
            access_log: AccessLogPolicy::default(),
            metrics: MetricsPolicy::default(),
            health: HealthPolicy::default(),
        }
    }
}

/// Ways in besides `/mcp`; one that is off is answered 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faces {
    /// `/tools`, `/tools/{name}`, `/openapi.json`, `/api/mcp/*`.
    pub rest: bool,
    /// `/ws`.
    pub websocket: bool,
    /// `/sse` and `/messages`, the transport of MCP 2024-11-05.
    pub sse: bool,
    /// `/command`.
    pub command: bool,
}

impl Default for Faces {
    fn default() -> Self {
        Faces { rest: true, websocket: true, sse: true, command: true }
    }
}

/// What the access log holds. Errors are always written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessLogPolicy {
    /// Whether there is one.
    pub enabled: bool,
    /// Good requests a shard writes in a second; of the rest only their number is kept. Errors are not counted here.
    pub per_second_max: u32,
}

impl Default for AccessLogPolicy {
    /// A thousand lines a second and shard are some 30 GB a day at the most, and cost a shard under 1 % of its time.
    fn default() -> Self {
        AccessLogPolicy { enabled: true, per_second_max: 1000 }
    }
}

/// What `/metrics` shows beside Ringway's own names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsPolicy {
    /// `mcp_requests_total`, `mcp_request_duration_seconds` and the others of the enterprise server.
    pub enterprise: bool,
    /// `mcpo_*`, the names of the MCPO server.
    pub mcpo: bool,
}

/// When the process counts as ill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthPolicy {
    /// Bytes of resident memory above which it is unhealthy; any amount when absent.
    pub memory_bytes_max: Option<u64>,
}
