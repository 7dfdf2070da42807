//! Questions a tool puts to its client: how they are asked, what the client must be able to do, what an answer must look
//! like. It never sends one.

use serde_json::{Map, Value};

/// A question to the client (MCP elicitation, sampling, roots).
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Ask the user to fill in a form.
    Form {
        /// What is asked.
        message: String,
        /// A flat object schema.
        schema: Value,
    },
    /// Ask the user to open a page; nothing secret goes through the client.
    Url {
        /// What is asked.
        message: String,
        /// The page.
        url: String,
    },
    /// Ask the client's model; the parameters of `sampling/createMessage`.
    Sample(Map<String, Value>),
    /// Ask which directories the client works in.
    Roots,
}

impl Question {
    /// A form.
    pub fn form(message: impl Into<String>, schema: Value) -> Question {
        Question::Form { message: message.into(), schema }
    }

    /// A text for the client's model, to be answered in at most `tokens_max` tokens.
    pub fn sample(text: impl Into<String>, tokens_max: u32) -> Question {
        let content = serde_json::json!({ "type": "text", "text": text.into() });
        let messages = serde_json::json!([{ "role": "user", "content": content }]);
        Question::Sample(Map::from_iter([("messages".into(), messages), ("maxTokens".into(), tokens_max.into())]))
    }

    /// The method that asks it.
    pub fn method(&self) -> &'static str {
        match self {
            Question::Form { .. } | Question::Url { .. } => "elicitation/create",
            Question::Sample(_) => "sampling/createMessage",
            Question::Roots => "roots/list",
        }
    }

    /// The parameters. `id` names a URL question to legacy clients, which 2025-11-25 demands.
    pub fn params(&self, id: Option<&str>) -> Value {
        match self {
            Question::Form { message, schema } => {
                serde_json::json!({ "message": message, "requestedSchema": schema })
            }
            Question::Url { message, url } => {
                let mut params = serde_json::json!({ "mode": "url", "message": message, "url": url });
                if let (Some(id), Some(members)) = (id, params.as_object_mut()) {
                    members.insert("elicitationId".into(), id.into());
                }
                params
            }
            Question::Sample(params) => Value::Object(params.clone()),
            Question::Roots => Value::Object(Map::new()),
        }
    }

    /// Whether a client with these capabilities can be asked. An empty `elicitation` means forms only.
    pub fn is_covered_by(&self, capabilities: &Value) -> bool {
        match self {
            Question::Form { .. } => capabilities.get("elicitation").is_some_and(|modes| {
                modes.get("form").is_some() || modes.as_object().is_none_or(|modes| !modes.contains_key("url"))
            }),
            Question::Url { .. } => capabilities.get("elicitation").is_some_and(|modes| modes.get("url").is_some()),
            Question::Sample(_) => capabilities.get("sampling").is_some(),
            Question::Roots => capabilities.get("roots").is_some(),
        }
    }

    /// The capability it needs, in the shape of `ClientCapabilities`.
    pub fn capability(&self) -> Value {
        match self {
            Question::Form { .. } => serde_json::json!({ "elicitation": { "form": {} } }),
            Question::Url { .. } => serde_json::json!({ "elicitation": { "url": {} } }),
            Question::Sample(_) => serde_json::json!({ "sampling": {} }),
            Question::Roots => serde_json::json!({ "roots": {} }),
        }
    }

    /// What is wrong with an answer: its shape, or a form's content against the form's schema.
    pub fn fault_of(&self, answer: &Value) -> Option<String> {
        if let Some(fault) = self.shape_fault(answer) {
            return Some(fault.to_owned());
        }
        let (Question::Form { schema, .. }, Some(content)) = (self, answer.get("content")) else { return None };
        if answer.get("action").and_then(Value::as_str) != Some("accept") {
            return None;
        }
        // A tool's own schema that does not compile is the tool's fault, not the client's; its answer stands.
        let schema = crate::schema::Schema::compile(schema).ok()?;
        schema.check(content).err().map(|violations| format!("`content`: {violations}"))
    }

    fn shape_fault(&self, answer: &Value) -> Option<&'static str> {
        let Some(members) = answer.as_object() else { return Some("must be an object") };
        match self {
            Question::Form { .. } | Question::Url { .. } => match members.get("action").and_then(Value::as_str) {
                Some("accept") if matches!(self, Question::Form { .. }) => match members.get("content") {
                    Some(Value::Object(_)) => None,
                    _ => Some("`content` must be an object when `action` is \"accept\""),
                },
                Some("accept" | "decline" | "cancel") => None,
                _ => Some("`action` must be \"accept\", \"decline\" or \"cancel\""),
            },
            Question::Sample(_) if !members.contains_key("content") => Some("`content` is missing"),
            Question::Roots if !members.get("roots").is_some_and(Value::is_array) => Some("`roots` must be an array"),
            _ => None,
        }
    }
}
