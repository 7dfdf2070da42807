//! One request and its answer, plain or as an event stream, with what comes on the way: progress is shown, a server's
//! own requests are answered, a dropped stream of a session is taken up. It knows no method's meaning.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::door::{Door, Fields, Reply, Stream};
use super::events::Events;
use super::legacy::Session;
use super::message::{Answer, Message};
use super::mirrored;
use super::progress::Progress;
use super::trouble::Trouble;

/// The revision without `initialize`.
pub const MODERN: &str = "2026-07-28";

/// How long a server that does not say so is left alone before its stream is taken up, and at least.
const RETRY_TIME: Duration = Duration::from_secs(1);
const RETRY_TIME_MIN: Duration = Duration::from_millis(50);

/// JSON-RPC: this client offers no such method.
const METHOD_NOT_FOUND: i64 = -32601;

/// Requests to one server.
pub struct Exchange {
    pub door: Door,
    pub progress: Progress,
    /// `None`: every request speaks for itself, as in 2026-07-28.
    pub session: Option<Session>,
    pub last_id: u64,
}

/// Parameters of what this client asks.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_state: Option<&'a str>,
    #[serde(rename = "_meta", skip_serializing_if = "Map::is_empty")]
    /// Filled by [`Exchange::ask`].
    pub meta: Map<String, Value>,
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: P,
}

/// What this client says of itself.
pub fn client_info() -> Value {
    json!({ "name": "ringway-cli", "version": env!("CARGO_PKG_VERSION") })
}

impl Exchange {
    /// Asks in the era of this exchange; `marked` are header fields that repeat arguments.
    pub fn ask(
        &mut self,
        method: &str,
        mut params: Params<'_>,
        marked: &[(String, String)],
    ) -> Result<Answer, Trouble> {
        let mut fields: Vec<(&str, String)> = self.fields();
        if self.session.is_none() {
            fields.push(("mcp-protocol-version", MODERN.to_owned()));
            fields.push(("mcp-method", method.to_owned()));
            fields.extend(params.name.map(|name| ("mcp-name", mirrored::header_value(name))));
            fields.extend(marked.iter().map(|(name, value)| (name.as_str(), value.clone())));
            let key = |name: &str| format!("io.modelcontextprotocol/{name}");
            params.meta.insert(key("protocolVersion"), json!(MODERN));
            params.meta.insert(key("clientCapabilities"), json!({}));
            params.meta.insert(key("clientInfo"), client_info());
        }
        if method == "tools/call" && self.progress.is_watched {
            params.meta.insert("progressToken".to_owned(), json!(self.last_id + 1));
        }
        let (id, reply) = self.send(method, params, &fields)?;
        self.answer(id, reply)
    }

    /// Sends a request as it is.
    pub fn send(&mut self, method: &str, params: impl Serialize, fields: &Fields<'_>) -> Result<(u64, Reply), Trouble> {
        self.last_id += 1;
        let request = Request { jsonrpc: "2.0", id: self.last_id, method, params };
        let body = serde_json::to_string(&request).expect("a map with text keys is JSON");
        Ok((self.last_id, self.door.post(&body, fields)?))
    }

    /// The header fields that name the session.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        self.session.as_ref().map(Session::fields).unwrap_or_default()
    }

    /// Reads the answer to request `id`.
    pub fn answer(&mut self, id: u64, reply: Reply) -> Result<Answer, Trouble> {
        let answer = if reply.is_events { self.streamed(id, reply) } else { self.plain(id, reply) };
        self.progress.clear();
        answer
    }

    fn plain(&mut self, id: u64, reply: Reply) -> Result<Answer, Trouble> {
        let status = reply.status;
        let hint = match status {
            300..400 => reply.header("location"),
            429 | 503 => reply.header("retry-after"),
            _ => None,
        };
        if !reply.is_json {
            return Ok(Answer::Plain { status, text: hint.unwrap_or_else(|| self.door.excerpt(reply)) });
        }
        let body = self.door.body(reply)?;
        let outcome = serde_json::from_str(&body).map(|message| answer_in(message, id, status));
        match outcome {
            Ok(Some(answer)) => Ok(answer),
            _ if status != 200 => Ok(Answer::Plain { status, text: hint.unwrap_or(body) }),
            Ok(None) => Err(self.not_mcp("no answer to what was asked")),
            Err(error) => Err(self.not_mcp(&error.to_string())),
        }
    }

    fn streamed(&mut self, id: u64, reply: Reply) -> Result<Answer, Trouble> {
        let status = reply.status;
        let mut events = Events::new(reply.events());
        loop {
            let data = match events.next_data() {
                Ok(Some(data)) => data,
                // Only streams of sessions outlive their connection, and only past an event that has an id.
                ended if self.session.is_some() && events.last_id.is_some() => {
                    drop(ended);
                    events = self.taken_up(events)?;
                    continue;
                }
                Ok(None) => {
                    let url = &self.door.url;
                    return Err(Trouble::Unreachable(format!("{url} ended its event stream before the answer")));
                }
                Err(error) => return Err(self.door.trouble(error.into())),
            };
            let message: Message = serde_json::from_str(&data).map_err(|error| self.not_mcp(&error.to_string()))?;
            match (&message.method, &message.id) {
                (Some(method), Some(asked)) => self.reply(method, asked),
                (Some(method), None) if method == "notifications/progress" => {
                    if message.params["progressToken"] == json!(id) {
                        self.progress.show(&message.params);
                    }
                }
                (Some(_), None) => {}
                (None, _) => {
                    if let Some(answer) = answer_in(message, id, status) {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// The rest of a stream whose connection ended, after the pause its server asks for.
    fn taken_up(&self, ended: Events<Stream>) -> Result<Events<Stream>, Trouble> {
        let pause = ended.retry.unwrap_or(RETRY_TIME).max(RETRY_TIME_MIN);
        std::thread::sleep(pause.min(self.door.time_left()?));
        let mut fields = self.fields();
        fields.push(("last-event-id", ended.last_id.clone().unwrap_or_default()));
        let reply = self.door.listen(&fields)?;
        if !reply.is_events {
            return Err(Trouble::of_status(&self.door.url, reply.status, "its event stream cannot be taken up"));
        }
        let mut events = Events::new(reply.events());
        (events.last_id, events.retry) = (ended.last_id, ended.retry);
        Ok(events)
    }

    /// Answers a request of the server: this client can say that it is there, and nothing else.
    fn reply(&self, method: &str, id: &Value) {
        let answer = if method == "ping" {
            json!({ "jsonrpc": "2.0", "id": id, "result": {} })
        } else {
            let error = json!({ "code": METHOD_NOT_FOUND, "message": "ringway tools answers no questions" });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        };
        // A server that does not take it goes on without.
        let _ = self.door.post(&answer.to_string(), &self.fields());
    }

    /// What was read is not what MCP has here.
    pub fn not_mcp(&self, why: &str) -> Trouble {
        Trouble::Refused(format!("{} answers what is not MCP: {why}", self.door.url))
    }
}

/// The answer to request `id` in a message. An error without an id is one to a request that could not be read.
fn answer_in(message: Message, id: u64, status: u16) -> Option<Answer> {
    let is_ours = message.id == Some(json!(id));
    match (message.result, message.error) {
        (Some(raw), None) if is_ours => Some(Answer::Result(raw)),
        (None, Some(error)) if is_ours || message.id.is_none() => Some(Answer::Error { status, error }),
        _ => None,
    }
}
