//! What tools, resources and prompts are made of and give back, in the words of MCP. Field names are those of the wire.
//! It never knows a revision: `render` does.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// One piece of a result or prompt (MCP "ContentBlock").
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Audience, priority, last modified.
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<Value>,
    },
    /// A picture.
    Image {
        /// Base64.
        data: String,
        /// Media type.
        #[serde(rename = "mimeType")]
        mime_type: String,
        /// Audience, priority, last modified.
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<Value>,
    },
    /// A sound; legacy clients before 2025-03-26 get a text that names it.
    Audio {
        /// Base64.
        data: String,
        /// Media type.
        #[serde(rename = "mimeType")]
        mime_type: String,
        /// Audience, priority, last modified.
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<Value>,
    },
    /// A resource, whole.
    Resource {
        /// The resource.
        resource: ResourceContents,
        /// Audience, priority, last modified.
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<Value>,
    },
    /// A resource, by name; clients before 2025-06-18 get a text that names it.
    ResourceLink(ResourceDefinition),
}

impl Content {
    /// Text.
    pub fn text(text: impl Into<String>) -> Content {
        Content::Text { text: text.into(), annotations: None }
    }

    /// A picture, base64.
    pub fn image(data: impl Into<String>, mime_type: impl Into<String>) -> Content {
        Content::Image { data: data.into(), mime_type: mime_type.into(), annotations: None }
    }

    /// A sound, base64.
    pub fn audio(data: impl Into<String>, mime_type: impl Into<String>) -> Content {
        Content::Audio { data: data.into(), mime_type: mime_type.into(), annotations: None }
    }

    /// A resource, whole.
    pub fn resource(resource: ResourceContents) -> Content {
        Content::Resource { resource, annotations: None }
    }
}

/// The contents of a resource: text or base64.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceContents {
    /// The resource's URI.
    pub uri: String,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The contents, when they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The contents in base64, when they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

impl ResourceContents {
    /// Text.
    pub fn text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> ResourceContents {
        let (uri, mime_type, text) = (uri.into(), Some(mime_type.into()), Some(text.into()));
        ResourceContents { uri, mime_type, text, blob: None }
    }

    /// Bytes, already in base64.
    pub fn blob(uri: impl Into<String>, mime_type: impl Into<String>, blob: impl Into<String>) -> ResourceContents {
        let (uri, mime_type, blob) = (uri.into(), Some(mime_type.into()), Some(blob.into()));
        ResourceContents { uri, mime_type, text: None, blob }
    }
}

/// What a tool gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// For the model.
    pub content: Vec<Content>,
    /// For programs; must satisfy the output schema if there is one.
    pub structured: Option<Value>,
    /// Whether the call failed in a way the model should see and may repair.
    pub is_error: bool,
}

impl ToolResult {
    /// One text.
    pub fn text(text: impl Into<String>) -> ToolResult {
        ToolResult { content: vec![Content::text(text)], ..ToolResult::default() }
    }

    /// Several pieces.
    pub fn contents(content: Vec<Content>) -> ToolResult {
        ToolResult { content, ..ToolResult::default() }
    }

    /// A value for programs, mirrored as text for models as MCP asks.
    pub fn structured(value: Value) -> ToolResult {
        ToolResult { content: vec![Content::text(value.to_string())], structured: Some(value), is_error: false }
    }

    /// A failure that the model should see.
    pub fn error(text: impl Into<String>) -> ToolResult {
        ToolResult { content: vec![Content::text(text)], structured: None, is_error: true }
    }
}

/// Hints about a tool's behaviour (MCP "ToolAnnotations"). They inform; nothing is decided on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolAnnotations {
    /// Display name of older clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// It may destroy something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling it twice is as calling it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// It reaches beyond its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// Whether a call may become a task (extension `io.modelcontextprotocol/tasks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskMode {
    /// Always answered in place.
    #[default]
    Never,
    /// A task when the client takes tasks, answered in place otherwise.
    WhenOffered,
    /// Refused (-32021) when the client takes no tasks.
    Required,
}

/// What a tool is: everything but its code.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolDefinition {
    /// 1 to 128 of `A-Z a-z 0-9 _ . -`, unique on the server.
    pub name: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments; its root is `"type": "object"`.
    pub input_schema: Value,
    /// JSON Schema of `structured`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Hints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Icons, in the shape of MCP "Icon".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Value>,
    /// Whether a call may become a task.
    #[serde(skip)]
    pub task_mode: TaskMode,
    /// How long a call may take; the server's default when absent.
    #[serde(skip)]
    pub call_time_max: Option<Duration>,
}

impl ToolDefinition {
    /// A tool without arguments; the other methods add to it.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> ToolDefinition {
        ToolDefinition {
            name: name.into(),
            title: None,
            description: Some(description.into()),
            input_schema: serde_json::json!({ "type": "object", "additionalProperties": false }),
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            task_mode: TaskMode::Never,
            call_time_max: None,
        }
    }

    /// Sets the display name.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the JSON Schema of the arguments.
    pub fn input(mut self, schema: Value) -> Self {
        self.input_schema = schema;
        self
    }

    /// Sets the JSON Schema of the structured result.
    pub fn output(mut self, schema: Value) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// Sets the hints.
    pub fn annotations(mut self, annotations: ToolAnnotations) -> Self {
        self.annotations = Some(annotations);
        self
    }

    /// Says that the tool changes nothing.
    pub fn read_only(mut self) -> Self {
        self.annotations.get_or_insert_default().read_only_hint = Some(true);
        self
    }

    /// Says whether a call may become a task.
    pub fn task_mode(mut self, mode: TaskMode) -> Self {
        self.task_mode = mode;
        self
    }

    /// Bounds how long a call may take.
    pub fn call_time_max(mut self, time: Duration) -> Self {
        self.call_time_max = Some(time);
        self
    }
}

/// What a resource is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDefinition {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What a family of resources is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateDefinition {
    /// RFC 6570.
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// What a prompt is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PromptDefinition {
    /// Its name, unique on the server.
    pub name: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What can be filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<PromptArgument>,
}

/// One argument of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the prompt needs it.
    pub required: bool,
}

/// Who speaks a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

/// What a prompt gives back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PromptResult {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The messages.
    pub messages: Vec<PromptMessage>,
}

/// Levels of log messages, RFC 5424.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For finding bugs.
    Debug,
    /// Progress of work.
    Info,
    /// Unusual, not wrong.
    Notice,
    /// May become wrong.
    Warning,
    /// Wrong.
    Error,
    /// A part failed.
    Critical,
    /// Act at once.
    Alert,
    /// Unusable.
    Emergency,
}

impl LogLevel {
    const NAMES: [(&'static str, LogLevel); 8] = [
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("notice", LogLevel::Notice),
        ("warning", LogLevel::Warning),
        ("error", LogLevel::Error),
        ("critical", LogLevel::Critical),
        ("alert", LogLevel::Alert),
        ("emergency", LogLevel::Emergency),
    ];

    /// The level named `text`.
    pub fn parse(text: &str) -> Option<LogLevel> {
        Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, level)| *level)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}
