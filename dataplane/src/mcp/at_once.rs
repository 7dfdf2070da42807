//! Calls of tools that answer at once: from the arguments as they were parsed to the answer as it is sent, in memory that
//! the shard keeps, without a future. It never takes a call that needs more than that: `work` does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ringway_core::json::Object;
use ringway_core::mcp::RpcError;
use ringway_core::mcp::render::{self, ResultWriter};
use ringway_core::mcp::types::TaskMode;
use serde_json::{Map, Value as Tree};

use super::plan::Plan;
use crate::context::Caller;
use crate::local_tool::LocalTool;
use crate::record::Ending;
use crate::shard::Shard;
use crate::stall::Doing;
use crate::tool::{Arguments, Texts, ToolError};

/// Arguments of messages that are larger leave nothing behind.
const KEPT_MESSAGE_BYTES_MAX: usize = 16 << 10;

/// Calls the tool, if a call of it can be answered at once. What is refused for its place or number, or brings the answers
/// of an earlier round, goes the long way.
///
/// # Errors
/// -32602 when the arguments are not an object.
pub fn call(
    shard: &Rc<Shard>,
    id: &str,
    tool: &Rc<LocalTool>,
    caller: &Caller,
    params: Option<Object<'_>>,
) -> Result<Option<Plan>, RpcError> {
    let Some(at_once) = tool.tool.at_once() else { return Ok(None) };
    let definition = &tool.definition;
    let is_plain = definition.task_mode == TaskMode::Never && tool.output.is_none() && tool.headers.is_empty();
    let is_busy = shard.in_flight.get() >= shard.limits().in_flight_max;
    let is_known = caller.session.as_ref().is_some_and(|session| session.has_call(id));
    let is_round = |params: Object<'_>| params.has("requestState") || params.has("inputResponses");
    if !is_plain || is_busy || is_known || params.is_some_and(is_round) {
        return Ok(None);
    }
    let arguments = Tree::Object(fill(shard, params)?);
    let begin = |out| ResultWriter::begin(out, id, caller.version, &shard.identity, "complete");
    let mut writer = begin(shard.buffers.out());
    let mut outcome = match tool.input.check(&arguments) {
        Ok(()) => Ok(Ending::Good),
        Err(violations) => {
            writer.texts(|give| give(&format!("Invalid arguments: {violations}")));
            writer.raw("isError", b"true");
            Ok(Ending::BadArguments)
        }
    };
    let Tree::Object(members) = arguments else { return Err(RpcError::internal("arguments lost")) };
    let arguments = Arguments(members);
    if outcome == Ok(Ending::Good) {
        let answer = || writer.texts(|give| at_once.answer(&arguments, &mut Texts(give)));
        match catch_unwind(AssertUnwindSafe(|| shard.stalls.run(Doing::Tool(tool.id), answer))) {
            Ok(Ok(())) => {}
            Ok(Err(ToolError::Failed(text))) => {
                writer = begin(Vec::new());
                writer.texts(|give| give(&text));
                writer.raw("isError", b"true");
                outcome = Ok(Ending::ToolError);
            }
            Ok(Err(error)) => outcome = Err(error_of(error).worded_for(caller.version.era())),
            // As for any call: the log knows, the caller learns that it was us.
            Err(_panic) => {
                shard.metrics.count_panic();
                outcome = Err(RpcError::internal("Internal error: the call panicked"));
            }
        }
    }
    let is_small = params.is_none_or(|params| params.value().whole_bytes() <= KEPT_MESSAGE_BYTES_MAX);
    shard.arguments.set(if is_small { arguments.0 } else { Map::new() });
    let tool = Some(Rc::clone(tool));
    Ok(Some(match outcome {
        Ok(ending) => Plan::Reply { status: 200, ending, message: writer.end(), tool },
        Err(error) => {
            let (status, ending) = (error.status, Ending::Error(error.code));
            Plan::Reply { status, ending, message: render::error(Vec::new(), Some(id), &error), tool }
        }
    }))
}

/// The arguments, in the memory of the last ones.
fn fill(shard: &Shard, params: Option<Object<'_>>) -> Result<Map<String, Tree>, RpcError> {
    let mut members = shard.arguments.take();
    match params.and_then(|params| params.get("arguments")).filter(|arguments| !arguments.is_null()) {
        None => members.clear(),
        Some(value) => {
            if !value.as_object().is_some_and(|object| object.fill(&mut members)) {
                return Err(RpcError::invalid_params("Invalid params: `arguments` must be an object"));
            }
        }
    }
    Ok(members)
}

fn error_of(error: ToolError) -> RpcError {
    match error {
        ToolError::Rpc(error) => error,
        ToolError::Failed(text) => RpcError::internal(text),
        ToolError::Unsupported(capability) => RpcError::missing_capability(&capability),
        ToolError::InputRequired => RpcError::internal("A tool that answers at once cannot ask"),
    }
}
