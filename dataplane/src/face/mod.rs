//! The ways in beside MCP, from a routed request to its answer: REST, the OpenAPI document, the command form. A call goes
//! the same way as one from MCP; what is said before and after is translated by [`ringway_core::face`]. It never reads
//! or writes a socket, and never looks at a token.

mod rendered;

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use ringway_core::face::{self, Face, Problem, command, outcome, rest};
use ringway_core::http::decoder::Request;
use ringway_core::json::Value;
use ringway_core::mcp::rpc_error::{INTERNAL, PARSE};
use ringway_core::mcp::{Version, render};
use ringway_core::refusal::Refusal;
use ringway_core::request_path;
use ringway_policy::Faces;
use serde_json::{Map, Value as Tree, json};

use crate::answer::{Answer, Reply};
use crate::context::{Caller, Rounds};
use crate::mcp::plan::{Planned, Work};
use crate::mcp::work;
use crate::metrics::Method;
use crate::record::{About, Denied, Ending};
use crate::runtime;
use crate::shard::Shard;
use crate::trail;
use crate::view::View;
use crate::who::Who;
pub use rendered::{Rendered, Text};

/// How a face words its answers.
#[derive(Clone, Copy)]
enum Wording {
    Rest,
    Command,
}

/// A tool's name and arguments.
type Named = (String, Map<String, Tree>);

/// A call that is not made.
struct Refused {
    problem: Problem,
    /// It was denied, and not unknown.
    denied: Option<Box<Denied>>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused { problem, denied: None }
    }
}

/// Answers a request to a face.
pub async fn answer(shard: &Rc<Shard>, asked: Face, request: Request<'_>, who: &Rc<Who>) -> (Answer, About) {
    let view = who.view(shard);
    let (reply, method) = match asked {
        Face::Call => return call(shard, Wording::Rest, named_by_path(shard, &view, request, who), who).await,
        Face::Execute => {
            return call(shard, Wording::Rest, body(shard, request, rest::execution).map_err(Refused::from), who).await;
        }
        Face::Command => {
            return call(shard, Wording::Command, body(shard, request, command::read).map_err(Refused::from), who)
                .await;
        }
        Face::Tools => (listing(shard, &view, request, |rendered| &rendered.tools).await, Method::ToolsList),
        Face::Document => (listing(shard, &view, request, |rendered| &rendered.openapi).await, Method::Probe),
        Face::Tool => (tool(&view, request), Method::ToolsList),
        Face::Status => (status(shard, &view), Method::Probe),
    };
    (reply.into(), About::of(method))
}

/// The answer to a request that is refused once its path is known.
pub fn refused(path: &[u8], faces: Option<&Faces>, refusal: Refusal) -> Reply {
    let mut reply = Reply::refusal(refusal, request_path::allow(path, faces));
    if path == face::COMMAND_PATH && faces.is_some_and(|faces| faces.command) {
        let answer = refusal.answer();
        reply.body = Wording::Command.problem(&Problem::new(answer.status, answer.code, answer.message));
    }
    reply
}

impl Wording {
    fn problem(self, problem: &Problem) -> Vec<u8> {
        match self {
            Wording::Rest => rest::problem(problem),
            Wording::Command => command::problem(problem, &now()),
        }
    }

    fn refuse(self, problem: &Problem) -> Reply {
        Reply { ending: Ending::Error(problem.code), ..Reply::json(problem.status, self.problem(problem)) }
    }

    /// The reply of this face for the JSON-RPC reply to a call.
    fn translate(self, reply: Reply) -> Reply {
        // What JSON-RPC leaves to the text has a status here.
        let status = match reply.ending {
            Ending::BadArguments => outcome::BAD_ARGUMENTS,
            Ending::Late => outcome::LATE,
            Ending::Good | Ending::ToolError | Ending::Cancelled | Ending::Lapsed(_) | Ending::Error(_) => reply.status,
        };
        let (status, body) = match (outcome::read(status, &reply.body), self) {
            (Ok(result), Wording::Rest) => (200, rest::result(&result)),
            (Ok(result), Wording::Command) => (200, command::result(&result, &now())),
            (Err(problem), _) => (problem.status, self.problem(&problem)),
        };
        Reply { status, body, ..reply }
    }
}

/// The time as ISO 8601 has it.
fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Calls what the request names.
async fn call(shard: &Rc<Shard>, wording: Wording, named: Result<Named, Refused>, who: &Rc<Who>) -> (Answer, About) {
    let mut about = About::of(Method::ToolsCall);
    if let (Some(_), Ok((_, arguments))) = (&shard.audit, &named) {
        about.arguments = Some(shard.audit_key.digest(json!(arguments).to_string().as_bytes()));
    }
    let planned = match named.and_then(|named| plan(shard, wording, named, who)) {
        Ok(planned) => planned,
        Err(Refused { problem, denied }) => {
            about.denied = denied;
            return (wording.refuse(&problem).into(), about);
        }
    };
    about.tool = planned.work.tool().cloned();
    let answer = match work::start(shard, planned, work::Route::Connection).await {
        Answer::Reply(reply) => wording.translate(reply).into(),
        Answer::Events(mut events) => {
            events.translate = Some(Box::new(move |reply| wording.translate(reply)));
            Answer::Events(events)
        }
    };
    (answer, about)
}

/// A call as MCP 2026-07-28 has it, by a caller who can neither be asked nor told anything on the way.
fn plan(shard: &Rc<Shard>, wording: Wording, (name, arguments): Named, who: &Rc<Who>) -> Result<Planned, Refused> {
    let what = if let Wording::Command = wording { "command" } else { "tool" };
    let view = who.view(shard);
    let unknown = |denied| Refused { problem: Problem::unknown(what, &name, view.catalog.tool_names()), denied };
    let tool = view.tool(&name).ok_or_else(|| unknown(who.denied(shard, &name)))?;
    if view.depends(&name)
        && let Some(denied) = who.denied_call(shard, &name, &arguments)
    {
        return Err(unknown(Some(denied)));
    }
    if !trail::may_call(shard, &tool.definition) {
        return Err(Problem::new(503, INTERNAL, trail::CANNOT_WRITE).into());
    }
    let caller = Caller {
        version: Version::V2026_07_28,
        session: None,
        capabilities: Rc::clone(&shard.no_capabilities),
        log_level: None,
        progress_token: None,
        who: Rc::clone(who),
    };
    // JSON-RPC wants an id; this one is read by nobody.
    let id = "0".to_owned();
    Ok(Planned { id, caller, rounds: Rounds::default(), work: Work::Tool(Rc::clone(tool), arguments) })
}

/// Reads a body by the strict rules that MCP bodies are read by.
fn body<T>(
    shard: &Shard,
    request: Request<'_>,
    read: impl FnOnce(Value<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let parsed = shard.json.borrow_mut().with(request.body, read);
    parsed.map_err(|fault| Problem::new(400, PARSE, fault.to_string()))?
}

fn named_by_path(shard: &Shard, view: &View, request: Request<'_>, who: &Who) -> Result<Named, Refused> {
    let name = face::tool_name(request.path())?.into_owned();
    // Whoever misspells a tool is told so, whatever the arguments.
    if view.tool(&name).is_none() {
        let problem = Problem::unknown("tool", &name, view.catalog.tool_names());
        return Err(Refused { problem, denied: who.denied(shard, &name) });
    }
    let arguments = if request.body.is_empty() { Map::new() } else { body(shard, request, rest::arguments)? };
    Ok((name, arguments))
}

fn tool(view: &View, request: Request<'_>) -> Reply {
    let found = face::tool_name(request.path()).and_then(|name| {
        let tool = view.tool(&name);
        let tool = tool.ok_or_else(|| Problem::unknown("tool", &name, view.catalog.tool_names()))?;
        Ok(render::tool(&tool.definition, Version::V2026_07_28))
    });
    found.map_or_else(|problem| Wording::Rest.refuse(&problem), |text| Reply::json(200, text))
}

/// A text that is the same until what is offered changes.
async fn listing(shard: &Rc<Shard>, view: &View, request: Request<'_>, pick: fn(&Rendered) -> &Text) -> Reply {
    let catalog = Arc::clone(&view.catalog);
    if catalog.rendered().is_none() {
        let (catalog, identity) = (Arc::clone(&catalog), Arc::clone(&shard.identity));
        runtime::blocking(move || {
            catalog.render(&identity);
        })
        .await;
    }
    let text = pick(catalog.render(&shard.identity));
    let known = request.head.if_none_match.bytes(request.bytes);
    let reply = match known.is_some_and(|known| face::knows_tag(known, &text.tag)) {
        true => Reply::empty(304),
        false => Reply::json(200, text.json.clone()),
    };
    reply.field("ETag", &*text.tag).field("Cache-Control", "no-cache")
}

fn status(shard: &Shard, view: &View) -> Reply {
    let ready = shard.observatory.is_ready();
    let server: Tree = serde_json::from_str(&shard.identity.info).unwrap_or_default();
    let versions: Vec<&str> = Version::ALL.iter().map(|version| version.name()).collect();
    let status = json!({
        "status": if ready { "healthy" } else { "draining" },
        "ready": ready,
        "server": server,
        "protocolVersions": versions,
        "tools": view.catalog.tools().len(),
        "timestamp": now(),
    });
    Reply::json(200, status.to_string().into_bytes())
}
