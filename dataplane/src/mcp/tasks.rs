//! `tasks/get`, `tasks/update`, `tasks/cancel` (extension `io.modelcontextprotocol/tasks`): asked on any shard, answered
//! by the task's own. It never shows a task to another principal.

use std::rc::Rc;

use ringway_core::mcp::render::ResultWriter;
use ringway_core::mcp::{RpcError, Version};
use ringway_core::session::Handle;

use super::{http, lists};
use crate::answer::{Answer, Reply};
use crate::context::Caller;
use crate::mailbox::{Letter, TaskRequest, TaskVerb};
use crate::shard::Shard;

/// The text for a task that does not exist, or that is somebody else's.
const UNKNOWN: &str = "Unknown task";

/// Answers a request about a task, wherever it lives.
pub async fn answer(shard: &Rc<Shard>, id: &str, task: Handle, caller: Caller, verb: TaskVerb) -> Answer {
    let outcome = if task.home == shard.id {
        apply(shard, task, &caller.who.key, verb)
    } else if usize::from(task.home) >= shard.shard_count {
        Err(UNKNOWN.to_owned())
    } else {
        let (reply, answer) = async_channel::bounded(1);
        let request = TaskRequest { task, principal: caller.who.key.to_string(), verb, reply };
        if !shard.mailboxes.send(task.home, Letter::Task(request)) {
            return http::overloaded();
        }
        let _hold = shard.waits.hold();
        match answer.recv().await {
            Ok(outcome) => outcome,
            Err(_) => return http::overloaded(),
        }
    };
    let message = match outcome {
        Ok(detail) if detail.is_empty() => lists::done(shard, id),
        Ok(detail) => {
            let mut writer = ResultWriter::begin(Vec::new(), id, Version::V2026_07_28, &shard.identity, "complete");
            writer.members(&serde_json::from_str(&detail).unwrap_or_default());
            writer.end()
        }
        Err(text) => return Reply::error_with_status(200, Some(id), &RpcError::invalid_params(text)).into(),
    };
    Reply::json(200, message).into()
}

/// Applies a request to a task of this shard. The result's members as JSON text, or nothing for an acknowledgement.
pub fn apply(shard: &Rc<Shard>, handle: Handle, principal: &str, verb: TaskVerb) -> Result<String, String> {
    let task = shard.tasks.borrow_mut().touch(&handle, shard.now()).cloned();
    let task = task.filter(|task| &*task.who.key == principal).ok_or(UNKNOWN)?;
    match verb {
        TaskVerb::Get => return Ok(task.detail().to_string()),
        TaskVerb::Update(answers) => {
            if let Some(fault) = task.answer(&answers) {
                return Err(format!("Invalid params: {fault}"));
            }
        }
        TaskVerb::Cancel => task.cancel(),
    }
    shard.announce_task(&task);
    Ok(String::new())
}
