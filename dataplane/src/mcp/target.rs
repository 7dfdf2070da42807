//! What a request names: the tool, prompt or resource, when its caller may have it. What is denied is answered as what is not
//! there. It never calls anything.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use ringway_core::audit::Hash;
use ringway_core::authorize::Kind;
use ringway_core::json::Object;
use ringway_core::mcp::RpcError;
use serde_json::{Map, Value as Tree};

use super::plan::{required_str, shortened};
use crate::catalog::PromptEntry;
use crate::local_tool::LocalTool;
use crate::record::Denied;
use crate::shard::Shard;
use crate::trail;
use crate::view::View;
use crate::who::Who;

/// What the records of a message want to know, beyond what is done about it.
#[derive(Default)]
pub struct Notes {
    /// What stands for a call's arguments in the audit log.
    pub arguments: Cell<Option<Hash>>,
    /// That a call was denied.
    pub denied: Cell<Option<Box<Denied>>>,
}

/// Whether somebody may read what is at a URI, be there anything or not.
pub fn may_read(shard: &Shard, who: &Who, uri: &str) -> bool {
    !who.view(shard).is_restricted() || who.may(shard, Kind::Resource, uri, &Map::new())
}

/// The tool that a call is for, when the caller may call it so, and its record will have a place.
///
/// # Errors
/// -32602 when it is not there for this caller, 503 while the audit log takes no records of such calls.
pub fn tool<'v>(
    shard: &Shard,
    view: &'v View,
    params: Option<Object<'_>>,
    who: &Who,
    notes: &Notes,
) -> Result<&'v Rc<LocalTool>, RpcError> {
    let name = required_str(params, "name")?;
    if shard.audit.is_some() {
        let text = params.and_then(|params| params.get("arguments")).map_or("", |arguments| arguments.text());
        notes.arguments.set(Some(shard.audit_key.digest(text.as_bytes())));
    }
    let Some(tool) = view.tool(name) else {
        notes.denied.set(who.denied(shard, name));
        return Err(unknown_tool(name));
    };
    if view.depends(name)
        && let Some(denied) = who.denied_call(shard, name, &arguments(params)?)
    {
        notes.denied.set(Some(denied));
        return Err(unknown_tool(name));
    }
    if !trail::may_call(shard, &tool.definition) {
        return Err(RpcError::internal(trail::CANNOT_WRITE).with_status(503));
    }
    Ok(tool)
}

fn unknown_tool(name: &str) -> RpcError {
    RpcError::invalid_params(format!("Unknown tool: {}", shortened(name)))
}

/// The prompt that is asked for, when the caller may have it, and what it is to be filled in with.
///
/// # Errors
/// -32602 when it is not there for this caller, or an argument is missing or no string.
pub fn prompt(
    shard: &Shard,
    view: &View,
    params: Option<Object<'_>>,
    who: &Who,
) -> Result<(Arc<PromptEntry>, Map<String, Tree>), RpcError> {
    let name = required_str(params, "name")?;
    let arguments = arguments(params)?;
    let is_denied = || view.is_restricted() && !who.may(shard, Kind::Prompt, name, &arguments);
    let Some(entry) = view.catalog.prompt(name).filter(|_| !is_denied()) else {
        return Err(RpcError::invalid_params(format!("Unknown prompt: {}", shortened(name))));
    };
    for argument in &entry.definition.arguments {
        match arguments.get(&argument.name) {
            None if argument.required => {
                return Err(RpcError::invalid_params(format!("Missing argument: {}", argument.name)));
            }
            Some(value) if !value.is_string() => {
                return Err(RpcError::invalid_params(format!("Argument {} must be a string", argument.name)));
            }
            _ => {}
        }
    }
    Ok((Arc::clone(entry), arguments))
}

/// The arguments of a call or prompt.
///
/// # Errors
/// -32602 when they are not an object.
pub fn arguments(params: Option<Object<'_>>) -> Result<Map<String, Tree>, RpcError> {
    match params.and_then(|params| params.get("arguments")) {
        None => Ok(Map::new()),
        Some(value) if value.is_null() => Ok(Map::new()),
        Some(value) => match value.to_tree() {
            Some(Tree::Object(arguments)) => Ok(arguments),
            _ => Err(RpcError::invalid_params("Invalid params: `arguments` must be an object")),
        },
    }
}
