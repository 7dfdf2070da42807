//! The data plane of Ringway, and the library through which tools are written: glommio shards around `ringway-core`.
//!
//! Start with [`Server::builder`], give it tools, and [`Server::run`] it; `examples/hello.rs` is the shortest useful
//! server. A request's way is named in [`ringway_core::request_path`].

mod answer;
mod audit;
mod catalog;
mod cold;
mod context;
mod cpu;
mod duplex;
mod explain;
mod face;
mod handle;
mod health;
mod credential;
mod io;
mod listener;
mod local_tool;
mod log;
mod mailbox;
mod mcp;
mod metrics;
mod net;
mod observe;
mod outbox;
mod preflight;
mod random;
mod record;
mod ring;
mod server;
mod session;
mod shard;
mod stall;
mod stdio;
mod stop;
mod task;
mod ticker;
mod tls;
mod tool;
mod tool_names;
mod trail;
mod view;
mod who;

pub mod builtin;

pub mod runtime;

/// Keys that callers show: the file they are kept in, and the ring they are found in.
pub mod keys {
    pub use ringway_core::identify::api_key::{BadKeys, KeyRate, KeyRecord, KeyState, Pepper, shown_id};
    pub use ringway_core::identify::key_ring::{
        Created, Found, Key, KeyError, KeyFile, KeyRing, NewKey, OlderKey, Revocation, Rotated, api_keys, mcp_api_keys,
    };
}

pub use audit::{
    AuditCounts, AuditHandle, AuditLog, AuditOptions, AuditState, Durable, Effect, Fsync, NoPlace, NotDurable,
    OnFailure, Place, Submitted,
};
pub use catalog::CatalogError;
pub use context::{AskError, Context};
pub use cpu::CpuList;
pub use handle::ServerHandle;
pub use health::{Health, HealthStatus};
pub use io::{Driver, IoOptions};
pub use log::{LineSink, LogFormat, LogOptions, LogOutput, LogWriter};
pub use preflight::Missing;
pub use ringway_core::audit as audit_log;
pub use ringway_core::mcp::question::Question;
pub use ringway_core::mcp::rpc_error as rpc_codes;
pub use ringway_core::mcp::types::{
    Content, LogLevel, PromptArgument, PromptDefinition, PromptMessage, PromptResult, ResourceContents,
    ResourceDefinition, Role, TaskMode, TemplateDefinition, ToolAnnotations, ToolDefinition, ToolResult,
};
pub use ringway_core::mcp::{RpcError, Version};
pub use ringway_core::{authorize, identify};
pub use ringway_policy::{
    AccessLogPolicy, AddressList, AllowList, BadAuthority, Faces, HealthPolicy, Limits, MetricsPolicy, Policy,
};
pub use server::{Options, Running, Server, ServerBuilder, StartError};
pub use tls::{CertificateFiles, ClientAuth, ClientCertificate, Tls, TlsError, TlsOptions, TlsVersion};
pub use tool::{
    Arguments, AtOnce, Completer, LocalFuture, Prompt, Resource, ResourceTemplate, Texts, Tool, ToolError, Variables,
    prompt_fn, resource_fn, template_fn, text_fn, tool_fn,
};
