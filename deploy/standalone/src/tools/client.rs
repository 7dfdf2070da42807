//! The tools of one server: speaks 2026-07-28 first, and falls back to what `initialize` agrees. It never guesses an era
//! from silence, a refused token or a server's fault, and calls again only where nothing was done yet.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::arguments::Connection;
use super::door::Door;
use super::exchange::{Exchange, MODERN, Params};
use super::legacy::{self, Session};
use super::message::{Answer, Outcome, Page, Tool};
use super::mirrored;
use super::progress::Progress;
use super::trouble::Trouble;

/// Pages of a server that turns them without end.
const PAGES_MAX: usize = 1000;

/// Rounds of a tool that asks to be called again; what SDKs allow.
const ROUNDS_MAX: usize = 10;

/// JSON-RPC errors of 2026-07-28 alone.
const HEADER_MISMATCH: i64 = -32020;
const CAPABILITY_MISSING: i64 = -32021;
const VERSION_UNSUPPORTED: i64 = -32022;

/// A client of one server.
pub struct Client {
    exchange: Exchange,
}

impl Client {
    /// Finds out how the server speaks. `server/discover` does nothing, so that no call is made in vain.
    pub fn connect(connection: &Connection) -> Result<Client, Trouble> {
        let door = Door::new(connection)?;
        let exchange = Exchange { door, progress: Progress::new(connection.quiet), session: None, last_id: 0 };
        let mut client = Client { exchange };
        let answer = client.exchange.ask("server/discover", Params::default(), &[])?;
        if !client.is_modern(answer)? {
            legacy::initialize(&mut client.exchange)?;
        }
        Ok(client)
    }

    fn is_modern(&self, answer: Answer) -> Result<bool, Trouble> {
        let url = &self.exchange.door.url;
        match answer {
            Answer::Result(raw) => {
                let found: Value = self.read(&raw)?;
                Ok(names(&found["supportedVersions"], &[MODERN]))
            }
            Answer::Error { error, .. } if error.code == VERSION_UNSUPPORTED => {
                let supported = &error.data["supported"];
                if names(supported, &legacy::REVISIONS) {
                    return Ok(false);
                }
                Err(Trouble::Refused(format!("{url} speaks revisions of MCP that this client does not: {supported}")))
            }
            Answer::Error { error, .. } if [HEADER_MISMATCH, CAPABILITY_MISSING].contains(&error.code) => {
                Err(Trouble::of_error(url, "server/discover", &error))
            }
            Answer::Error { status: status @ (401 | 403), .. } => Err(Trouble::of_status(url, status, "")),
            Answer::Error { status, error } if is_about_us(status) => {
                Err(Trouble::of_error(url, "server/discover", &error))
            }
            Answer::Plain { status, text } if status < 400 || is_about_us(status) => {
                Err(Trouble::of_status(url, status, &text))
            }
            // How servers meet a method from after their time.
            Answer::Error { .. } | Answer::Plain { .. } => Ok(false),
        }
    }

    /// The endpoint.
    pub fn url(&self) -> &str {
        &self.exchange.door.url
    }

    /// All tools, page by page, as the server sent them.
    pub fn tools(&mut self) -> Result<Vec<Box<RawValue>>, Trouble> {
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let params = Params { cursor: cursor.as_deref(), ..Params::default() };
            let answer = self.exchange.ask("tools/list", params, &[])?;
            let page: Page = self.read(&answer.result(self.url(), "tools/list")?)?;
            tools.extend(page.tools);
            if page.next_cursor.is_none() {
                return Ok(tools);
            }
            cursor = page.next_cursor;
        }
        Err(Trouble::Refused(format!("{} turns more than {PAGES_MAX} pages of tools", self.url())))
    }

    /// A tool by its name.
    pub fn tool(&mut self, name: &str) -> Result<Option<Tool>, Trouble> {
        let tools = self.tools()?;
        Ok(tools.iter().filter_map(|raw| self.read::<Tool>(raw).ok()).find(|tool| tool.name == name))
    }

    /// Whether a tool may be called: 2026-07-28 has clients drop one whose marked parameters fit no header.
    pub fn is_callable(&self, tool: &Tool) -> bool {
        self.exchange.session.is_some() || mirrored::parameters(&tool.input_schema, &Value::Null).is_some()
    }

    /// Calls a tool; `tool` is what is known of it.
    pub fn call(&mut self, name: &str, arguments: &RawValue, tool: Option<&Tool>) -> Result<Answer, Trouble> {
        let mut marked = tool.map_or_else(Vec::new, |tool| marked(tool, arguments));
        let mut is_mended = tool.is_some();
        let mut state: Option<String> = None;
        for _ in 0..ROUNDS_MAX {
            let (name, arguments) = (Some(name), Some(arguments));
            let params = Params { name, arguments, request_state: state.as_deref(), ..Params::default() };
            let answer = self.exchange.ask("tools/call", params, &marked)?;
            match &answer {
                // Nothing was done: arguments must be mirrored that only the tool's schema names.
                Answer::Error { error, .. } if error.code == HEADER_MISMATCH && !is_mended => {
                    is_mended = true;
                    let Some(tool) = self.tool(name.unwrap_or_default())? else {
                        return Ok(answer);
                    };
                    marked = arguments.map_or_else(Vec::new, |arguments| self::marked(&tool, arguments));
                }
                Answer::Result(raw) => match next_state(self.read(raw)?)? {
                    Some(next) => state = Some(next),
                    None => return Ok(answer),
                },
                Answer::Error { .. } | Answer::Plain { .. } => return Ok(answer),
            }
        }
        Err(Trouble::Refused(format!("`{name}` asks to be called again more than {ROUNDS_MAX} times")))
    }

    /// Reads what a result says.
    pub fn read<T: DeserializeOwned>(&self, raw: &RawValue) -> Result<T, Trouble> {
        serde_json::from_str(raw.get()).map_err(|error| self.exchange.not_mcp(&error.to_string()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.exchange.session.as_ref().is_some_and(Session::is_kept) {
            self.exchange.door.end(&self.exchange.fields());
        }
    }
}

/// Statuses that say something of this caller or of the server's state, and nothing of its era.
fn is_about_us(status: u16) -> bool {
    matches!(status, 401 | 403 | 407 | 408 | 413 | 421 | 429 | 431) || status >= 500
}

fn names(list: &Value, wanted: &[&str]) -> bool {
    list.as_array().is_some_and(|list| list.iter().filter_map(Value::as_str).any(|name| wanted.contains(&name)))
}

fn marked(tool: &Tool, arguments: &RawValue) -> Vec<(String, String)> {
    let arguments = serde_json::from_str(arguments.get()).unwrap_or_default();
    mirrored::parameters(&tool.input_schema, &arguments).unwrap_or_default()
}

/// The state to call again with, of a result that is not the last; `None` of the last.
fn next_state(outcome: Outcome) -> Result<Option<String>, Trouble> {
    match outcome.result_type.as_deref() {
        None | Some("complete") => Ok(None),
        Some("input_required") => {
            let asked = outcome.input_requests.unwrap_or_default();
            if let (true, Some(state)) = (asked.is_empty(), outcome.request_state) {
                return Ok(Some(state));
            }
            let methods: Vec<&str> = asked.values().filter_map(|request| request["method"].as_str()).collect();
            let asks = format!("the tool asks its caller a question ({})", methods.join(", "));
            Err(Trouble::Refused(format!("{asks}, which this command line cannot answer")))
        }
        Some(other) => Err(Trouble::Refused(format!("the tool answers with a `{other}`, which nobody asked for"))),
    }
}
