//! One connection and what its requests meet, in the way the shell drives the core. The tool is a stand-in that gives back
//! its text; the catalog is one too, as the shell's own is not part of the core. It never leaves anything out that the
//! core does for a request.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use ringway_core::face::{self, Face, Problem, command, outcome, rest};
use ringway_core::http::decoder::{Decoder, Request as HttpRequest, Step};
use ringway_core::http::request_id::{self, MadeId, RequestId};
use ringway_core::http::response::{self, Content, Extra};
use ringway_core::json::{JsonParser, Value};
use ringway_core::mcp::era::{self, Carrier, McpHeaders, Selected};
use ringway_core::mcp::message::{self, Message, Request};
use ringway_core::mcp::render::{self, ResultWriter, ServerIdentity};
use ringway_core::mcp::types::{ToolDefinition, ToolResult};
use ringway_core::mcp::{RpcError, Version};
use ringway_core::request_path::{self, Route};
use ringway_core::schema::Schema;
use ringway_core::websocket::{self, Link};
use ringway_policy::Policy;
use serde_json::{Map, Value as Tree, json};

use super::requests::{ECHO, Framing, Scenario};

const DATE: &[u8; 29] = b"Fri, 31 Jul 2026 00:00:00 GMT";
const TIME: &str = "2026-07-31T00:00:00.000Z";
/// Tools of one page of a list, the server's default.
const PAGE_ITEMS_MAX: usize = 100;
/// Hashing is seeded with what is known, so that tools lie in the table alike in every run.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// What can be listed and called.
struct Tools {
    by_name: HashMap<String, usize, RandomState>,
    all: Vec<ToolDefinition>,
    /// Of each of them: tables that are seeded at random are built once, however many tools there are.
    schema: Schema,
    page: Vec<u8>,
}

impl Tools {
    /// Made on a thread of its own, whose memory is its own too: compiling a schema takes and frees memory in the order of
    /// hash tables that are seeded at random, and what a request takes must lie alike in every run all the same. Where its
    /// bytes lie decides how many instructions it takes to search and compare them.
    fn made_apart(count: usize) -> Tools {
        std::thread::spawn(move || Tools::new(count)).join().expect("the definitions are good")
    }

    fn new(count: usize) -> Tools {
        let [a, b, c, d] = SEEDS;
        let mut by_name = HashMap::with_hasher(RandomState::with_seeds(a, b, c, d));
        let mut all = Vec::new();
        let input = json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "What to give back." } },
            "required": ["text"],
            "additionalProperties": false
        });
        for index in 0..count {
            // The one that is called is in the middle.
            let name = if index == count / 2 { ECHO.to_owned() } else { format!("tool_{index}") };
            by_name.insert(name.clone(), index);
            all.push(ToolDefinition::new(name, "Gives back the text it is given.").input(input.clone()));
        }
        let listed = all.iter().take(PAGE_ITEMS_MAX);
        let listed: Vec<_> = listed.map(|definition| render::tool(definition, Version::V2026_07_28)).collect();
        let page = [&b"\"tools\":["[..], &listed.join(&b","[..]), b"]"].concat();
        Tools { by_name, all, schema: Schema::compile(&input).expect("the schema is good"), page }
    }

    /// The schema of the tool of that name.
    fn find(&self, name: &str) -> Option<&Schema> {
        self.all.get(*self.by_name.get(name)?).map(|_| &self.schema)
    }
}

/// The connection.
pub struct Path {
    policy: Policy,
    identity: ServerIdentity,
    tools: Tools,
    json: JsonParser,
    memory: Memory,
    decoder: Decoder,
    link: Option<Link>,
    requests: u64,
    out: Vec<u8>,
}

/// What a shard keeps from one call to the next.
#[derive(Default)]
struct Memory {
    arguments: Map<String, Tree>,
    body: Vec<u8>,
}

/// An answer without its head.
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Path {
    /// A connection of `scenario`.
    pub fn new(scenario: &Scenario) -> Path {
        Path {
            policy: Policy::default(),
            identity: ServerIdentity::new("request-path", "1", None),
            tools: Tools::made_apart(scenario.tools),
            json: JsonParser::default(),
            memory: Memory::default(),
            decoder: Decoder::default(),
            link: (scenario.framing == Framing::WebSocket).then(|| Link::new(Duration::ZERO)),
            requests: 0,
            out: Vec::new(),
        }
    }

    /// The last answer.
    pub fn answered(&self) -> &[u8] {
        &self.out
    }

    /// Takes one request and writes its answer.
    ///
    /// # Errors
    /// When the request is not whole or refused: no scenario's is.
    pub fn answer(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.out.clear();
        self.requests += 1;
        match self.link.is_some() {
            true => self.answer_message(bytes),
            false => self.answer_request(bytes),
        }
    }

    fn answer_request(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Path { policy, identity, tools, json, memory, decoder, requests, out, .. } = self;
        let room = decoder.room();
        room[..bytes.len()].copy_from_slice(bytes);
        decoder.filled(bytes.len());
        match decoder.step(&policy.limits) {
            Ok(Step::Request) => {}
            other => return Err(format!("the request is not whole: {other:?}")),
        }
        let request = decoder.request().ok_or("there is no request")?;
        let made = || RequestId::Made(MadeId::new(7, 0, *requests));
        let id = request_id::given(request.head, request.bytes).map_or_else(made, RequestId::Given);
        let correlation_id = request_id::correlation(request.head, request.bytes);
        let refused = |refusal| format!("the request is refused: {refusal:?}");
        let admitted = request_path::admit(request, &policy.allowed).map_err(refused)?;
        let reply = match request_path::route(&admitted, Some(&policy.faces)).map_err(refused)? {
            Route::McpPost => {
                let carrier = Carrier::Http(mcp_headers(request));
                json.with(request.body, |value| mcp(value, carrier, tools, identity, memory))
                    .map_err(|fault| fault.to_string())?
            }
            Route::Face(asked) => called(asked, request, json, tools, identity)?,
            route => return Err(format!("no scenario goes to {route:?}")),
        };
        let extra =
            Extra { fields: &[], cors_origin: admitted.origin(), request_id: Some(id.as_bytes()), correlation_id };
        let content = Content::Sized(response::JSON, reply.body.len());
        response::write_head(out, reply.status, content, !request.head.keep_alive, DATE, extra);
        out.extend_from_slice(&reply.body);
        memory.body = reply.body;
        decoder.consume();
        Ok(())
    }

    fn answer_message(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Path { policy, identity, tools, json, memory, link, out, .. } = self;
        let link = link.as_mut().ok_or("there is no WebSocket")?;
        link.reader().feed(bytes);
        link.handle_bytes(Duration::ZERO);
        if link.step(&policy.limits) != websocket::Step::Message {
            return Err("the message is not whole".to_owned());
        }
        let reply = json.with(link.message(), |value| mcp(value, Carrier::Duplex, tools, identity, memory));
        link.consume();
        link.write_message(&reply.map_err(|fault| fault.to_string())?.body, out);
        Ok(())
    }
}

fn mcp_headers<'b>(request: HttpRequest<'b>) -> McpHeaders<'b> {
    let head = request.head;
    McpHeaders {
        version: head.mcp_version.bytes(request.bytes),
        method: head.mcp_method.bytes(request.bytes),
        name: head.mcp_name.bytes(request.bytes),
        repeated: head.mcp_version.count > 1 || head.mcp_method.count > 1 || head.mcp_name.count > 1,
    }
}

/// Answers a message of MCP.
fn mcp(value: Value<'_>, carrier: Carrier<'_>, tools: &Tools, identity: &ServerIdentity, memory: &mut Memory) -> Reply {
    let message = match message::read(value) {
        Ok(message) => message,
        Err(bad) => return refused(bad.id.as_deref(), &bad.error),
    };
    let Message::Request(request) = message else {
        return Reply { status: 202, body: Vec::new() };
    };
    let answered =
        era::select(&message, carrier).and_then(|selected| dispatch(&request, selected, tools, identity, memory));
    answered.unwrap_or_else(|error| refused(Some(request.id), &error))
}

fn refused(id: Option<&str>, error: &RpcError) -> Reply {
    Reply { status: error.status, body: render::error(Vec::new(), id, error) }
}

fn dispatch(
    request: &Request<'_>,
    selected: Selected,
    tools: &Tools,
    identity: &ServerIdentity,
    memory: &mut Memory,
) -> Result<Reply, RpcError> {
    let version = match selected {
        Selected::Modern => Version::V2026_07_28,
        Selected::Legacy(version) => version,
    };
    let begin = || ResultWriter::begin(Vec::new(), request.id, version, identity, "complete");
    let mut writer;
    match request.method {
        "tools/call" => {
            let params = request.params;
            let name = params.and_then(|params| params.str("name")).unwrap_or_default();
            let unknown = || RpcError::invalid_params(format!("Unknown tool: {name}"));
            let tool = tools.find(name).ok_or_else(unknown)?;
            let object = params.and_then(|params| params.get("arguments")).and_then(Value::as_object);
            let mut arguments = std::mem::take(&mut memory.arguments);
            if !object.is_some_and(|object| object.fill(&mut arguments)) {
                return Err(RpcError::invalid_params("`arguments` must be an object"));
            }
            let mut body = std::mem::take(&mut memory.body);
            body.clear();
            return Ok(Reply {
                status: 200,
                body: call_at_once(body, request.id, version, tool, arguments, identity, memory),
            });
        }
        "tools/list" => {
            writer = begin();
            writer.rendered(&tools.page);
        }
        "server/discover" => {
            writer = begin();
            writer.member("supportedVersions", &[Version::V2026_07_28.name()]);
            writer.raw("capabilities", br#"{"tools":{"listChanged":true}}"#);
        }
        _ => return Err(RpcError::method_not_found(version.era())),
    }
    Ok(Reply { status: 200, body: writer.end() })
}

/// Calls the stand-in as a tool that answers at once: its schema is held, and it gives back its text.
fn call_at_once(
    body: Vec<u8>,
    id: &str,
    version: Version,
    schema: &Schema,
    arguments: Map<String, Tree>,
    identity: &ServerIdentity,
    memory: &mut Memory,
) -> Vec<u8> {
    let arguments = Tree::Object(arguments);
    let checked = schema.check(&arguments);
    let mut writer = ResultWriter::begin(body, id, version, identity, "complete");
    match (checked, arguments["text"].as_str()) {
        (Ok(()), Some(text)) => writer.texts(|give| give(text)),
        _ => writer.texts(|give| give("Invalid arguments")),
    }
    if let Tree::Object(members) = arguments {
        memory.arguments = members;
    }
    writer.end()
}

/// Calls the stand-in as any tool, for the ways in beside MCP.
fn call(
    id: &str,
    version: Version,
    schema: &Schema,
    arguments: Map<String, Tree>,
    identity: &ServerIdentity,
) -> Vec<u8> {
    let mut arguments = Tree::Object(arguments);
    let result = match schema.check(&arguments) {
        Err(violations) => ToolResult::error(format!("Invalid arguments: {violations}")),
        Ok(()) => match arguments["text"].take() {
            Tree::String(text) => ToolResult::text(text),
            _ => ToolResult::error("`text` must be a string"),
        },
    };
    render::call_result(Vec::with_capacity(512), id, version, identity, &result, false)
}

/// Answers a call by another way in.
fn called(
    asked: Face,
    request: HttpRequest<'_>,
    json: &mut JsonParser,
    tools: &Tools,
    identity: &ServerIdentity,
) -> Result<Reply, String> {
    let problem = |problem: Problem| problem.message.into_owned();
    let (name, arguments) = match asked {
        Face::Call => {
            let name = face::tool_name(request.path()).map_err(problem)?.into_owned();
            let arguments = json.with(request.body, rest::arguments).map_err(|fault| fault.to_string())?;
            (name, arguments.map_err(problem)?)
        }
        Face::Command => {
            let read = json.with(request.body, command::read).map_err(|fault| fault.to_string())?;
            read.map_err(problem)?
        }
        asked => return Err(format!("no scenario asks for {asked:?}")),
    };
    let tool = tools.find(&name).ok_or("there is no such tool")?;
    let message = call("0", Version::V2026_07_28, tool, arguments, identity);
    let result = outcome::read(200, &message).map_err(problem)?;
    let body = if asked == Face::Call { rest::result(&result) } else { command::result(&result, TIME) };
    Ok(Reply { status: 200, body })
}
