//! What to do about one message, decided while its bytes are at hand and owned afterwards. It never awaits and never
//! runs a tool.

use std::rc::Rc;
use std::sync::Arc;

use ringway_core::header_params::HeaderLookup;
use ringway_core::json::{Object, Value};
use ringway_core::mcp::era::{self, Carrier, Selected};
use ringway_core::mcp::message::{self, Message, Notification, Request};
use ringway_core::mcp::render::{self, ResultWriter};
use ringway_core::mcp::request_state::Binding;
use ringway_core::mcp::types::LogLevel;
use ringway_core::mcp::{Era, RpcError, Version};
use ringway_core::session::Handle;
use ringway_core::uri_template::URI_BYTES_MAX;
use serde_json::{Map, Value as Tree};

use super::listen::Filter;
use super::target::Notes;
use super::{at_once, lists, target};
use crate::catalog::{ListKind, PromptEntry, ResourceEntry, TemplateEntry};
use crate::context::{Caller, Rounds};
use crate::local_tool::LocalTool;
use crate::mailbox::TaskVerb;
use crate::metrics::Method;
use crate::record::{About, Ending};
use crate::session::Session;
use crate::shard::Shard;
use crate::task::EXTENSION;
use crate::tool::Variables;
use crate::who::Who;

/// How a message reached us, beyond its bytes.
pub struct Via<'a> {
    /// Headers, if it came by HTTP.
    pub carrier: Carrier<'a>,
    /// Looks up `Mcp-Param-*` headers by the lower-case rest of their name.
    pub params: &'a dyn Fn(&str) -> HeaderLookup<'a>,
    /// The legacy session it belongs to.
    pub session: Option<&'a Rc<Session>>,
    /// Who sent it.
    pub who: &'a Rc<Who>,
}

/// The plan for one message.
pub enum Plan {
    /// Send this, with this HTTP status.
    Reply {
        /// HTTP status.
        status: u16,
        /// Whether it is an error.
        ending: Ending,
        /// JSON text.
        message: Vec<u8>,
        /// The tool that was called for it.
        tool: Option<Rc<LocalTool>>,
    },
    /// Say nothing: it was a notification or an answer.
    Accepted,
    /// Begin a legacy session and send its result.
    Initialize {
        /// The request's id.
        id: String,
        /// The agreed revision.
        version: Version,
        /// What the client can be asked.
        capabilities: Tree,
    },
    /// Run something that a library user wrote.
    Work(Box<Planned>),
    /// Open a `subscriptions/listen` stream.
    Listen {
        /// The request's id.
        id: String,
        /// What the client wants to hear.
        filter: Filter,
    },
    /// Ask the home shard of a task.
    Task {
        /// The request's id.
        id: String,
        /// The task.
        task: Handle,
        /// Who asks.
        caller: Caller,
        /// What for.
        verb: TaskVerb,
    },
    /// Stop the call with this id (2026-07-28, where messages share a connection).
    Cancel {
        /// The id's text.
        id: String,
    },
}

/// Work with all it needs.
pub struct Planned {
    /// The request's id.
    pub id: String,
    /// Who calls.
    pub caller: Caller,
    /// Answers of earlier rounds.
    pub rounds: Rounds,
    /// What to run.
    pub work: Work,
}

/// Something that a library user wrote.
pub enum Work {
    /// A tool.
    Tool(Rc<LocalTool>, Map<String, Tree>),
    /// A prompt.
    Prompt(Arc<PromptEntry>, Map<String, Tree>),
    /// A resource.
    Resource(Arc<ResourceEntry>),
    /// A member of a family of resources.
    Template(Arc<TemplateEntry>, String, Variables),
}

impl Work {
    /// The method that asked for it.
    pub fn method(&self) -> &'static str {
        match self {
            Work::Tool(..) => "tools/call",
            Work::Prompt(..) => "prompts/get",
            Work::Resource(_) | Work::Template(..) => "resources/read",
        }
    }

    /// The tool, when it is one.
    pub fn tool(&self) -> Option<&Rc<LocalTool>> {
        if let Work::Tool(tool, _) = self { Some(tool) } else { None }
    }

    /// The tool, prompt or resource.
    pub fn target(&self) -> &str {
        match self {
            Work::Tool(entry, _) => &entry.definition.name,
            Work::Prompt(entry, _) => &entry.definition.name,
            Work::Resource(entry) => &entry.definition.uri,
            Work::Template(_, uri, _) => uri,
        }
    }
}

/// Plans for one parsed message. The method is counted here, once.
pub fn plan(shard: &Rc<Shard>, value: Value<'_>, via: &Via<'_>) -> (Plan, About) {
    let message = match message::read(value) {
        Ok(message) => message,
        Err(bad) => return (refuse(bad.id.as_deref(), &bad.error), About::of(Method::Invalid)),
    };
    let selected = match era::select(&message, via.carrier) {
        Ok(selected) => selected,
        Err(error) => {
            let id = if let Message::Request(request) = message { Some(request.id) } else { None };
            return (refuse(id, &error), About::of(Method::Invalid));
        }
    };
    let notes = Notes::default();
    let about = |method, plan: &Plan| {
        let tool = match plan {
            Plan::Work(planned) => planned.work.tool().cloned(),
            Plan::Reply { tool, .. } => tool.clone(),
            _ => None,
        };
        let (era, arguments, denied) = (Some(selected.era()), notes.arguments.get(), notes.denied.take());
        About { tool, era, arguments, denied, ..About::of(method) }
    };
    match message {
        Message::Request(request) => {
            let method = Method::of(request.method);
            let caller = match caller(shard, &request, selected, via) {
                Ok(caller) => caller,
                Err(error) => {
                    let plan = refuse(Some(request.id), &error);
                    let about = about(method, &plan);
                    return (plan, about);
                }
            };
            let planned = match selected {
                Selected::Modern => plan_modern(shard, &request, caller, via, &notes),
                Selected::Legacy(_) => plan_legacy(shard, &request, caller, via, &notes),
            };
            let plan = planned.unwrap_or_else(|error| refuse(Some(request.id), &error));
            let about = about(method, &plan);
            (plan, about)
        }
        Message::Notification(notification) => {
            let plan = plan_notification(&notification, selected, via);
            let about = about(Method::Notification, &plan);
            (plan, about)
        }
        Message::Response(response) => {
            if let Some(session) = via.session {
                let tree = |value: Value<'_>| value.to_tree().unwrap_or_default();
                let id = response.id.trim_matches('"');
                session.answer(id, response.outcome.map(tree).map_err(tree));
            }
            (Plan::Accepted, about(Method::Response, &Plan::Accepted))
        }
    }
}

fn refuse(id: Option<&str>, error: &RpcError) -> Plan {
    Plan::Reply {
        status: error.status,
        ending: Ending::Error(error.code),
        message: render::error(Vec::new(), id, error),
        tool: None,
    }
}

fn caller(shard: &Rc<Shard>, request: &Request<'_>, selected: Selected, via: &Via<'_>) -> Result<Caller, RpcError> {
    let meta = request.params.and_then(|params| params.get("_meta"));
    if meta.is_some_and(|meta| meta.as_object().is_none()) {
        return Err(RpcError::invalid_params("Invalid params: `_meta` must be an object"));
    }
    let meta = meta.and_then(Value::as_object);
    let token = meta.and_then(|meta| meta.get("progressToken"));
    let progress_token = token.filter(|token| token.is_number() || token.as_str().is_some());
    let mut caller = Caller {
        version: Version::V2026_07_28,
        session: None,
        capabilities: Rc::clone(&shard.no_capabilities),
        log_level: None,
        progress_token: progress_token.map(|token| token.text().to_owned()),
        who: Rc::clone(via.who),
    };
    match selected {
        Selected::Modern => {
            let declared = meta.and_then(|meta| meta.get(era::META_CAPABILITIES));
            if let Some(declared) = declared.filter(|declared| declared.text() != "{}") {
                caller.capabilities = Rc::new(capabilities_tree(declared)?);
            }
            if let Some(level) = meta.and_then(|meta| meta.get(era::META_LOG_LEVEL)) {
                let level = level.as_str().and_then(LogLevel::parse);
                caller.log_level = Some(level.ok_or_else(bad_level)?);
            }
        }
        Selected::Legacy(version) => {
            caller.version = via.session.map_or(version, |session| session.version);
            if let Some(session) = via.session {
                caller.capabilities = Rc::clone(&session.capabilities);
                caller.session = Some(Rc::clone(session));
            }
        }
    }
    Ok(caller)
}

/// What a client declares, which a session keeps: bounded, since numbers and nesting take many times their text.
fn capabilities_tree(declared: Value<'_>) -> Result<Tree, RpcError> {
    const CAPABILITIES_BYTES_MAX: usize = 16 << 10;
    if declared.text().len() > CAPABILITIES_BYTES_MAX {
        return Err(RpcError::invalid_params("Invalid params: the client capabilities are larger than 16 KiB"));
    }
    Ok(declared.to_tree().unwrap_or_default())
}

fn bad_level() -> RpcError {
    RpcError::invalid_params("Invalid params: the level must be one of debug … emergency")
}

fn plan_modern(
    shard: &Rc<Shard>,
    request: &Request<'_>,
    caller: Caller,
    via: &Via<'_>,
    notes: &Notes,
) -> Result<Plan, RpcError> {
    let id = request.id;
    match request.method {
        "server/discover" => Ok(reply(lists::discover(shard, &via.who.view(shard), id))),
        "subscriptions/listen" => {
            let filter = Filter::read(request.params.and_then(|params| params.get("notifications")))?;
            if filter.names_tasks() {
                demand_tasks(&caller)?;
            }
            Ok(Plan::Listen {
                id: id.to_owned(),
                filter: filter.honoured(&via.who.view(shard).catalog, |uri| target::may_read(shard, via.who, uri)),
            })
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" => plan_task(request, caller),
        "ping" | "initialize" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {
            Err(RpcError::method_not_found(Era::Modern))
        }
        _ => plan_shared(shard, request, caller, via, notes),
    }
}

fn plan_legacy(
    shard: &Rc<Shard>,
    request: &Request<'_>,
    caller: Caller,
    via: &Via<'_>,
    notes: &Notes,
) -> Result<Plan, RpcError> {
    let id = request.id;
    let empty = |caller: &Caller| {
        Ok(reply(ResultWriter::begin(Vec::new(), id, caller.version, &shard.identity, "complete").end()))
    };
    match request.method {
        "initialize" => plan_initialize(request),
        "ping" => empty(&caller),
        "logging/setLevel" => {
            let level = request.params.and_then(|params| params.str("level"));
            let level = level.and_then(LogLevel::parse).ok_or_else(bad_level)?;
            if let Some(session) = &caller.session {
                session.log_level.set(Some(level));
            }
            empty(&caller)
        }
        "resources/subscribe" | "resources/unsubscribe" if via.who.view(shard).catalog.has_resources() => {
            let uri = required_str(request.params, "uri")?;
            if uri.len() > URI_BYTES_MAX {
                return Err(RpcError::invalid_params("Invalid params: `uri` is too long"));
            }
            if !target::may_read(shard, via.who, uri) {
                return Err(lists::resource_not_found(Era::Legacy, uri));
            }
            match &caller.session {
                Some(session) if request.method == "resources/subscribe" => session
                    .subscribe(uri)
                    .map_err(|_| RpcError::internal("The session follows as many resources as it may"))?,
                Some(session) => session.unsubscribe(uri),
                None => {}
            }
            empty(&caller)
        }
        _ => plan_shared(shard, request, caller, via, notes),
    }
}

fn plan_initialize(request: &Request<'_>) -> Result<Plan, RpcError> {
    let wish = required_str(request.params, "protocolVersion")?;
    let capabilities = request.params.and_then(|params| params.get("capabilities"));
    if capabilities.is_some_and(|value| value.as_object().is_none()) {
        return Err(RpcError::invalid_params("Invalid params: `capabilities` must be an object"));
    }
    let capabilities = match capabilities {
        Some(declared) => capabilities_tree(declared)?,
        None => Tree::Object(Map::new()),
    };
    Ok(Plan::Initialize { id: request.id.to_owned(), version: Version::negotiate(wish), capabilities })
}

/// Methods that both eras have.
fn plan_shared(
    shard: &Rc<Shard>,
    request: &Request<'_>,
    caller: Caller,
    via: &Via<'_>,
    notes: &Notes,
) -> Result<Plan, RpcError> {
    let view = via.who.view(shard);
    let catalog = &view.catalog;
    let era = caller.version.era();
    let params = request.params;
    let list = |kind| lists::list(shard, &view, request.id, kind, caller.version, params).map(reply);
    let work = match request.method {
        "tools/call" => {
            let tool = target::tool(shard, &view, params, via.who, notes)?;
            // Messages of a client that has one connection for all are planned before it is known whether they may begin.
            if let Carrier::Http(_) = via.carrier
                && let Some(answered) = at_once::call(shard, request.id, tool, &caller, params)?
            {
                return Ok(answered);
            }
            plan_call(Rc::clone(tool), params, &caller, via)?
        }
        "tools/list" => return list(ListKind::Tools),
        "resources/list" if catalog.has_resources() => return list(ListKind::Resources),
        "resources/templates/list" if catalog.has_resources() => return list(ListKind::Templates),
        "prompts/list" if catalog.has_prompts() => return list(ListKind::Prompts),
        "completion/complete" => {
            return lists::complete(shard, &view, request.id, caller.version, params).map(reply);
        }
        "prompts/get" if catalog.has_prompts() => {
            let (entry, arguments) = target::prompt(shard, &view, params, via.who)?;
            Work::Prompt(entry, arguments)
        }
        "resources/read" if catalog.has_resources() => {
            let uri = required_str(params, "uri")?;
            if !target::may_read(shard, via.who, uri) {
                return Err(lists::resource_not_found(era, uri));
            }
            if let Some(entry) = catalog.resource(uri) {
                Work::Resource(Arc::clone(entry))
            } else if let Some((entry, variables)) = catalog.template(uri) {
                Work::Template(Arc::clone(entry), uri.to_owned(), variables)
            } else {
                return Err(lists::resource_not_found(era, uri));
            }
        }
        _ => return Err(RpcError::method_not_found(era)),
    };
    let rounds = if era == Era::Modern { read_rounds(shard, params, &caller, &work)? } else { Rounds::default() };
    Ok(Plan::Work(Box::new(Planned { id: request.id.to_owned(), caller, rounds, work })))
}

fn plan_call(
    tool: Rc<LocalTool>,
    params: Option<Object<'_>>,
    caller: &Caller,
    via: &Via<'_>,
) -> Result<Work, RpcError> {
    let arguments = target::arguments(params)?;
    let mirrored = caller.version.era() == Era::Modern && matches!(via.carrier, Carrier::Http(_));
    if mirrored && !tool.headers.is_empty() {
        let tree = Tree::Object(arguments);
        tool.headers.check(Some(&tree), via.params).map_err(|fault| RpcError::header_mismatch(fault.to_string()))?;
        let Tree::Object(arguments) = tree else {
            return Err(RpcError::internal("arguments changed their type"));
        };
        return Ok(Work::Tool(tool, arguments));
    }
    Ok(Work::Tool(tool, arguments))
}

/// The answers a client brings (2026-07-28, multi-round-trip requests). Its state must be one that this server sealed
/// for this caller and request.
fn read_rounds(
    shard: &Rc<Shard>,
    params: Option<Object<'_>>,
    caller: &Caller,
    work: &Work,
) -> Result<Rounds, RpcError> {
    let mut rounds = Rounds::default();
    let Some(params) = params else {
        return Ok(rounds);
    };
    if let Some(state) = params.get("requestState").filter(|state| !state.is_null()) {
        let bad = || RpcError::invalid_params("Invalid params: `requestState` is not valid for this request");
        let binding = Binding { principal: &caller.who.key, method: work.method(), target: work.target() };
        let state = state.as_str().ok_or_else(bad)?;
        let content = shard.state_key.open(binding, shard.unix_now_s(), state).map_err(|_| bad())?;
        let mut content: Map<String, Tree> = serde_json::from_str(&content).map_err(|_| bad())?;
        if let Some(Tree::Object(answers)) = content.remove("answers") {
            rounds.answers = answers;
        }
        rounds.kept = content.remove("kept");
    }
    match params.get("inputResponses").filter(|responses| !responses.is_null()).map(Value::to_tree) {
        None => {}
        Some(Some(Tree::Object(answers))) => rounds.answers.extend(answers),
        Some(_) => {
            return Err(RpcError::invalid_params("Invalid params: `inputResponses` must be an object"));
        }
    }
    Ok(rounds)
}

fn demand_tasks(caller: &Caller) -> Result<(), RpcError> {
    match caller.capabilities.get("extensions").and_then(|all| all.get(EXTENSION)) {
        Some(_) => Ok(()),
        None => Err(RpcError::missing_capability(&serde_json::json!({ "extensions": { EXTENSION: {} } }))),
    }
}

fn plan_task(request: &Request<'_>, caller: Caller) -> Result<Plan, RpcError> {
    // The capability is demanded before the task is looked for, so that nobody learns which tasks exist.
    demand_tasks(&caller)?;
    let unknown = || RpcError::invalid_params("Unknown task");
    let task = Handle::parse(required_str(request.params, "taskId")?.as_bytes()).ok_or_else(unknown)?;
    let verb = match request.method {
        "tasks/get" => TaskVerb::Get,
        "tasks/cancel" => TaskVerb::Cancel,
        _ => match request.params.and_then(|params| params.get("inputResponses")).and_then(Value::to_tree) {
            Some(Tree::Object(answers)) => TaskVerb::Update(answers),
            _ => {
                return Err(RpcError::invalid_params("Invalid params: `inputResponses` must be an object"));
            }
        },
    };
    Ok(Plan::Task { id: request.id.to_owned(), task, caller, verb })
}

fn plan_notification(notification: &Notification<'_>, selected: Selected, via: &Via<'_>) -> Plan {
    if notification.method != "notifications/cancelled" {
        return Plan::Accepted;
    }
    let Some(id) = notification.params.and_then(|params| params.get("requestId")) else {
        return Plan::Accepted;
    };
    if let (Selected::Legacy(_), Some(session)) = (selected, via.session) {
        session.cancel_call(id.text());
    }
    if let Carrier::Duplex = via.carrier {
        return Plan::Cancel { id: id.text().to_owned() };
    }
    // In 2026-07-28 over HTTP the end of the connection cancels; honouring an id would let anybody cancel anything.
    Plan::Accepted
}

fn reply(message: Vec<u8>) -> Plan {
    Plan::Reply { status: 200, ending: Ending::Good, message, tool: None }
}

/// A string parameter.
pub fn required_str<'a>(params: Option<Object<'a>>, name: &str) -> Result<&'a str, RpcError> {
    params
        .and_then(|params| params.str(name))
        .ok_or_else(|| RpcError::invalid_params(format!("Invalid params: `{name}` must be a string")))
}

/// A caller's text, short enough to be sent back.
pub fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 128;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
