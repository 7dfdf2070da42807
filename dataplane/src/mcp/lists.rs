//! Methods that are answered from the catalog alone: discovery, lists, completion. It never runs a tool.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use ringway_core::json::Object;
use ringway_core::mcp::render::ResultWriter;
use ringway_core::mcp::rpc_error::{INVALID_PARAMS, RESOURCE_NOT_FOUND_LEGACY};
use ringway_core::mcp::{Era, RpcError, Version};
use serde_json::{Value as Tree, json};

use super::plan::{required_str, shortened};
use crate::catalog::{Catalog, ListKind};
use crate::shard::Shard;
use crate::task::EXTENSION;
use crate::view::View;

/// How long a client may keep what `server/discover` said.
const DISCOVER_TTL_MS: u64 = 60_000;
/// Values of one completion (MCP "CompleteResult").
const COMPLETIONS_MAX: usize = 100;

/// What this server can do, as `era` words it.
pub fn capabilities(catalog: &Catalog, era: Era) -> Tree {
    let mut all = json!({ "tools": { "listChanged": true }, "completions": {} });
    let Some(members) = all.as_object_mut() else {
        return all;
    };
    if catalog.has_resources() {
        members.insert("resources".into(), json!({ "subscribe": true, "listChanged": true }));
    }
    if catalog.has_prompts() {
        members.insert("prompts".into(), json!({ "listChanged": true }));
    }
    members.insert("logging".into(), json!({}));
    if era == Era::Modern {
        members.insert("extensions".into(), json!({ EXTENSION: {} }));
    }
    all
}

/// The answer to `server/discover`.
pub fn discover(shard: &Shard, view: &View, id: &str) -> Vec<u8> {
    let mut writer = ResultWriter::begin(Vec::new(), id, Version::V2026_07_28, &shard.identity, "complete");
    writer.member("supportedVersions", &[Version::V2026_07_28.name()]);
    writer.member("capabilities", &capabilities(&view.catalog, Era::Modern));
    if let Some(instructions) = &shard.instructions {
        writer.member("instructions", &**instructions);
    }
    writer.member("ttlMs", &DISCOVER_TTL_MS).member("cacheScope", "private");
    writer.end()
}

/// The answer to `initialize`.
pub fn initialize(shard: &Shard, view: &View, id: &str, version: Version) -> Vec<u8> {
    let mut writer = ResultWriter::begin(Vec::new(), id, version, &shard.identity, "complete");
    writer.member("protocolVersion", version.name());
    writer.member("capabilities", &capabilities(&view.catalog, Era::Legacy));
    writer.raw("serverInfo", shard.identity.info.as_bytes());
    if let Some(instructions) = &shard.instructions {
        writer.member("instructions", &**instructions);
    }
    writer.end()
}

/// The answer to one of the four lists.
///
/// # Errors
/// -32602 for a cursor that leads nowhere.
pub fn list(
    shard: &Shard,
    view: &View,
    id: &str,
    kind: ListKind,
    version: Version,
    params: Option<Object<'_>>,
) -> Result<Vec<u8>, RpcError> {
    let bad_cursor = || RpcError::invalid_params("Invalid params: `cursor` is not one this server gave out");
    let cursor = match params.and_then(|params| params.get("cursor")).filter(|cursor| !cursor.is_null()) {
        Some(value) => Some(value.as_str().ok_or_else(bad_cursor)?),
        None => None,
    };
    let members = view.catalog.page(kind, version.era(), cursor).ok_or_else(bad_cursor)?;
    let mut out = ResultWriter::begin(Vec::new(), id, version, &shard.identity, "complete");
    out.rendered(members);
    Ok(out.end())
}

/// The answer to `completion/complete`.
///
/// # Errors
/// -32602 for a reference to nothing.
pub fn complete(
    shard: &Shard,
    view: &View,
    id: &str,
    version: Version,
    params: Option<Object<'_>>,
) -> Result<Vec<u8>, RpcError> {
    let object = |name: &str| {
        let found = params.and_then(|params| params.get(name)).and_then(|value| value.as_object());
        found.ok_or_else(|| RpcError::invalid_params(format!("Invalid params: `{name}` must be an object")))
    };
    let (reference, argument) = (object("ref")?, object("argument")?);
    let name = required_str(Some(argument), "name")?;
    let prefix = required_str(Some(argument), "value")?;
    let catalog = &view.catalog;
    let mut values = match reference.str("type") {
        Some("ref/prompt") => {
            let prompt = required_str(Some(reference), "name")?;
            let entry = catalog.prompt(prompt);
            let unknown = || RpcError::invalid_params(format!("Unknown prompt: {}", shortened(prompt)));
            let prompt = &entry.ok_or_else(unknown)?.prompt;
            guarded(shard, || prompt.complete(name, prefix))?
        }
        Some("ref/resource") => {
            let uri = required_str(Some(reference), "uri")?;
            match catalog.template_named(uri) {
                Some(entry) => guarded(shard, || entry.resources.complete(name, prefix))?,
                None if catalog.resource(uri).is_some() => Vec::new(),
                None => return Err(resource_not_found(version.era(), uri)),
            }
        }
        _ => {
            return Err(RpcError::invalid_params("Invalid params: `ref.type` must be ref/prompt or ref/resource"));
        }
    };
    let total = values.len();
    values.truncate(COMPLETIONS_MAX);
    let completion = json!({ "values": values, "total": total, "hasMore": total > COMPLETIONS_MAX });
    let mut writer = ResultWriter::begin(Vec::new(), id, version, &shard.identity, "complete");
    writer.member("completion", &completion);
    Ok(writer.end())
}

/// Runs a library user's completion: a panic in it costs the caller this request and nobody anything else.
fn guarded(shard: &Shard, complete: impl FnOnce() -> Vec<String>) -> Result<Vec<String>, RpcError> {
    std::panic::catch_unwind(AssertUnwindSafe(complete)).map_err(|_panic| {
        shard.metrics.count_panic();
        RpcError::internal("Internal error: the completion panicked")
    })
}

/// The error for a resource that does not exist.
pub fn resource_not_found(era: Era, uri: &str) -> RpcError {
    let code = if era == Era::Modern { INVALID_PARAMS } else { RESOURCE_NOT_FOUND_LEGACY };
    RpcError::new(code, "Resource not found").with_data(&json!({ "uri": uri }))
}

/// The answer that says only that something was done.
pub fn done(shard: &Rc<Shard>, id: &str) -> Vec<u8> {
    ResultWriter::begin(Vec::new(), id, Version::V2026_07_28, &shard.identity, "complete").end()
}
