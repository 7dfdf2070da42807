//! Holds every message a server sends to the rules of its revision: the structure of JSON-RPC always, and the official
//! schema `protocol/schema/<revision>.json` beneath `$RINGWAY_SHARED` when that is set. It never sends anything.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The one revision without `initialize`.
pub const MODERN: &str = "2026-07-28";
/// The revisions with it, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// What one client has asked, so that answers can be held to it.
#[derive(Debug)]
pub struct Checker {
    pub revision: String,
    methods: HashMap<String, String>,
}

impl Checker {
    pub fn new(revision: &str) -> Checker {
        Checker { revision: revision.to_owned(), methods: HashMap::new() }
    }

    /// Remembers a message of the client.
    pub fn sent(&mut self, message: &Value) {
        if let Value::Array(messages) = message {
            return messages.iter().for_each(|message| self.sent(message));
        }
        if let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) {
            self.methods.insert(id.to_string(), method.to_owned());
        }
    }

    /// Checks a message of the server. `status` is that of the HTTP answer it came with.
    #[track_caller]
    pub fn received(&mut self, message: &Value, status: u16) {
        if let Value::Array(messages) = message {
            assert_eq!(self.revision, "2025-03-26", "only it has batches");
            return messages.iter().for_each(|message| self.received(message, status));
        }
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        let has = |name: &str| message.get(name).is_some();
        match (has("method"), has("id")) {
            (true, true) => self.request(message),
            (true, false) => self.notification(message),
            (false, _) => {
                assert!(has("result") != has("error"), "a response has a result or an error: {message}");
                if has("result") {
                    self.result(message);
                } else {
                    self.error(message, status);
                }
            }
        }
    }

    fn is_modern(&self) -> bool {
        self.revision == MODERN
    }

    #[track_caller]
    fn request(&self, message: &Value) {
        assert!(!self.is_modern(), "no request to a client: {message}");
        let definition = match message["method"].as_str() {
            Some("elicitation/create") => "ElicitRequest",
            Some("sampling/createMessage") => "CreateMessageRequest",
            Some("roots/list") => "ListRootsRequest",
            other => panic!("a server does not ask {other:?}"),
        };
        self.hold("JSONRPCRequest", message);
        self.hold(definition, message);
    }

    #[track_caller]
    fn notification(&self, message: &Value) {
        let definition = match message["method"].as_str() {
            Some("notifications/progress") => "ProgressNotification",
            Some("notifications/message") => "LoggingMessageNotification",
            Some("notifications/tools/list_changed") => "ToolListChangedNotification",
            Some("notifications/prompts/list_changed") => "PromptListChangedNotification",
            Some("notifications/resources/list_changed") => "ResourceListChangedNotification",
            Some("notifications/resources/updated") => "ResourceUpdatedNotification",
            Some("notifications/subscriptions/acknowledged") if self.is_modern() => {
                "SubscriptionsAcknowledgedNotification"
            }
            Some("notifications/tasks") if self.is_modern() => {
                check_detail(&message["params"]);
                "JSONRPCNotification"
            }
            other => panic!("a server does not say {other:?} in {}", self.revision),
        };
        self.hold("JSONRPCNotification", message);
        self.hold(definition, message);
    }

    #[track_caller]
    fn result(&mut self, message: &Value) {
        let result = &message["result"];
        let method = self.method_of(message).to_owned();
        if method == "initialize" {
            let agreed = result["protocolVersion"].as_str();
            self.revision = agreed.expect("initialize names a revision").to_owned();
        }
        let kind = result.get("resultType").and_then(Value::as_str);
        if self.is_modern() {
            assert!(kind.is_some(), "a modern result has a type: {message}");
            assert!(
                result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"].is_string(),
                "a modern result names its server: {message}"
            );
        } else {
            assert_eq!(kind, None, "legacy results have no type: {message}");
        }
        let definition = match (method.as_str(), kind) {
            ("tools/call" | "prompts/get" | "resources/read", Some("input_required")) => "InputRequiredResult",
            ("tools/call", Some("task")) => {
                check_summary(result);
                "Result"
            }
            ("tasks/get", Some("complete")) => {
                check_detail(result);
                "Result"
            }
            ("tasks/update" | "tasks/cancel", Some("complete")) => "Result",
            (_, Some(other)) if other != "complete" => panic!("{method} gives no {other:?}"),
            ("initialize", _) => "InitializeResult",
            ("server/discover", _) => "DiscoverResult",
            ("ping" | "logging/setLevel", _) => "EmptyResult",
            ("resources/subscribe" | "resources/unsubscribe", _) => "EmptyResult",
            ("tools/list", _) => "ListToolsResult",
            ("tools/call", _) => "CallToolResult",
            ("resources/list", _) => "ListResourcesResult",
            ("resources/templates/list", _) => "ListResourceTemplatesResult",
            ("resources/read", _) => "ReadResourceResult",
            ("prompts/list", _) => "ListPromptsResult",
            ("prompts/get", _) => "GetPromptResult",
            ("completion/complete", _) => "CompleteResult",
            ("subscriptions/listen", _) => "SubscriptionsListenResult",
            (other, _) => panic!("{other} has no result in {}", self.revision),
        };
        self.hold("JSONRPCResponse", message);
        self.hold(definition, result);
    }

    #[track_caller]
    fn error(&self, message: &Value, status: u16) {
        let mut message = message.clone();
        if message.get("id").is_some() {
            self.method_of(&message);
        } else {
            assert!(status >= 400, "only a request that was refused as a whole gets an error without id: {message}");
            // Older schemas demand an id, which nobody can give to a message that could not be read.
            message["id"] = json!(0);
        }
        let definition = match self.revision.as_str() {
            "2025-11-25" | MODERN => "JSONRPCErrorResponse",
            _ => "JSONRPCError",
        };
        self.hold(definition, &message);
        let code = message["error"]["code"].as_i64().unwrap_or_default();
        let definition = match code {
            -32020 => "HeaderMismatchError",
            -32021 => "MissingRequiredClientCapabilityError",
            -32022 => "UnsupportedProtocolVersionError",
            _ => return,
        };
        assert!(self.is_modern(), "a modern code: {message}");
        self.hold(definition, &message);
    }

    #[track_caller]
    fn method_of(&self, message: &Value) -> &str {
        let id = message["id"].to_string();
        self.methods.get(&id).unwrap_or_else(|| panic!("an answer to nothing that was asked: {message}"))
    }

    #[track_caller]
    fn hold(&self, definition: &str, value: &Value) {
        let Some(validator) = validator(&self.revision, definition) else {
            return;
        };
        if let Err(error) = validator.validate(value) {
            panic!(
                "{} does not allow this {definition}: {error} at {}\n{value:#}",
                self.revision,
                error.instance_path()
            );
        }
    }
}

/// The members of a task, as the extension `io.modelcontextprotocol/tasks` words them: the schema has no definition.
#[track_caller]
fn check_summary(task: &Value) {
    for member in ["taskId", "status", "createdAt", "lastUpdatedAt"] {
        assert!(task[member].is_string(), "{member} is a string: {task}");
    }
    assert!(task["ttlMs"].is_u64() || task["ttlMs"].is_null(), "{task}");
}

/// The same with what its status brings along.
#[track_caller]
fn check_detail(task: &Value) {
    check_summary(task);
    let (has_result, has_error, asks) = match task["status"].as_str() {
        Some("working" | "cancelled") => (false, false, false),
        Some("input_required") => (false, false, true),
        Some("completed") => (true, false, false),
        Some("failed") => (false, true, false),
        other => panic!("{other:?} is no status of a task"),
    };
    let has = |member: &str| task.get(member).is_some();
    assert_eq!((has("result"), has("error"), has("inputRequests")), (has_result, has_error, asks), "{task}");
}

static SHARED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let shared = std::env::var_os("RINGWAY_SHARED").map(PathBuf::from);
    if shared.is_none() {
        eprintln!(
            "skipped: RINGWAY_SHARED is not set to the folder with protocol/schema, so messages are held to the \
             structure of JSON-RPC only"
        );
    }
    shared
});

type Compiled = HashMap<(String, String), Arc<Validator>>;
static VALIDATORS: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);

fn validator(revision: &str, definition: &str) -> Option<Arc<Validator>> {
    let shared = SHARED.as_ref()?;
    let mut compiled = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (revision.to_owned(), definition.to_owned());
    let made = compiled.entry(key).or_insert_with(|| {
        let path = shared.join(format!("protocol/schema/{revision}.json"));
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display()));
        let mut schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
        let home = ["$defs", "definitions"].into_iter().find(|home| schema[home].get(definition).is_some());
        let home = home.unwrap_or_else(|| panic!("{revision} defines no {definition}"));
        schema["$ref"] = json!(format!("#/{home}/{definition}"));
        Arc::new(jsonschema::validator_for(&schema).expect("the schema compiles"))
    });
    Some(Arc::clone(made))
}
