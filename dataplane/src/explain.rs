//! Why a request was answered as it was: the last decisions of each shard, for as long as they fit, asked for by a request's
//! name. It holds neither arguments nor credentials, and decides nothing.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::http::decoder::Request;
use ringway_core::identify::access::Rejection;
use ringway_core::mcp::RpcError;
use ringway_core::request_path::EXPLAIN_PATH;
use serde_json::{Value, json};

use crate::answer::Reply;
use crate::context::within;
use crate::mailbox::Letter;
use crate::record::{About, Finished};
use crate::shard::Shard;
use crate::trail::Verdict;
use crate::who::Who;

/// Decisions that a shard remembers: the oldest goes first.
const REMEMBERED_MAX: usize = 1024;
/// Bytes of a request's name that are kept; what is longer is found by its beginning.
const NAME_BYTES_MAX: usize = 64;
/// How long other shards may take to look.
const LOOK_TIME_MAX: Duration = Duration::from_secs(1);

/// What one shard remembers.
#[derive(Default)]
pub struct Explanations {
    ring: RefCell<Ring>,
}

#[derive(Default)]
struct Ring {
    /// In the order of their places, not of their time, once it is full.
    remembered: Vec<Explanation>,
    next: usize,
}

/// One decision.
struct Explanation {
    at_unix_s: u64,
    name: [u8; NAME_BYTES_MAX],
    name_bytes: u8,
    who: Option<Rc<Who>>,
    about: About,
    rejection: Option<Rejection>,
    status: u16,
    generation: u64,
}

impl Explanations {
    /// Remembers what was decided of a request, where something was: with nobody asked and no rules there is nothing to tell.
    pub fn note(&self, shard: &Shard, finished: &Finished<'_>) {
        let about = finished.about;
        if shard.access().is_open() && finished.rejection.is_none() && about.denied.is_none() {
            return;
        }
        let mut name = [0; NAME_BYTES_MAX];
        let id = finished.request_id.as_bytes();
        let count = id.len().min(NAME_BYTES_MAX);
        name[..count].copy_from_slice(&id[..count]);
        let explanation = Explanation {
            at_unix_s: shard.coarse_unix_s.get(),
            name,
            name_bytes: count as u8,
            who: finished.who.cloned(),
            about: about.clone(),
            rejection: finished.rejection,
            status: finished.status,
            generation: shard.generation(),
        };
        let mut ring = self.ring.borrow_mut();
        let next = ring.next;
        ring.next = (next + 1) % REMEMBERED_MAX;
        match ring.remembered.get_mut(next) {
            Some(oldest) => *oldest = explanation,
            None => ring.remembered.push(explanation),
        }
    }

    /// What is remembered of requests of that name.
    pub fn find(&self, shard: &Shard, name: &str) -> Vec<Value> {
        let wanted = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
        let ring = self.ring.borrow();
        let fits = |one: &&Explanation| one.name[..usize::from(one.name_bytes)] == *wanted;
        ring.remembered.iter().filter(fits).map(|one| one.told(shard.id)).collect()
    }
}

impl Explanation {
    fn told(&self, shard: u16) -> Value {
        let Verdict { tool, is_denied, stage, rule } = Verdict::of(&self.about, self.rejection);
        json!({
            "time": humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_secs(self.at_unix_s)).to_string(),
            "principal": self.who.as_ref().map(|who| who.key.to_string()),
            "address": self.who.as_ref().and_then(|who| who.address),
            "method": self.about.method.label(),
            "tool": tool,
            "decision": if is_denied { "denied" } else { "allowed" },
            "stage": stage,
            "rule": rule,
            "status": self.status,
            "generation": self.generation,
            "shard": shard,
        })
    }
}

/// Answers what was decided of the request that the path names, on whichever shard that was.
pub async fn answer(shard: &Rc<Shard>, request: Request<'_>) -> Reply {
    let name = request.path().strip_prefix(EXPLAIN_PATH).and_then(|name| std::str::from_utf8(name).ok());
    let name: Arc<str> = name.unwrap_or_default().into();
    let mut found = shard.explanations.find(shard, &name);
    let (reply, answers) = async_channel::unbounded();
    for other in (0..shard.shard_count as u16).filter(|id| *id != shard.id) {
        // One that takes no letters has nothing to tell.
        shard.mailboxes.send(other, Letter::Explain(Arc::clone(&name), reply.clone()));
    }
    drop(reply);
    let gather = async {
        while let Ok(more) = answers.recv().await {
            found.extend(more);
        }
    };
    within(LOOK_TIME_MAX, gather).await;
    if found.is_empty() {
        let text = "Nothing is remembered of a request of that name";
        return Reply::error_with_status(404, None, &RpcError::new(-32601, text));
    }
    Reply::json(200, json!({ "request_id": &*name, "decisions": found }).to_string().into_bytes())
}
