//! What a request was for, as far as metrics tell. No name here comes from a caller.

/// What a request was for, as the `mcp_method_name` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `tools/call`
    ToolsCall,
    /// `tools/list`
    ToolsList,
    /// `resources/read`
    ResourcesRead,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    TemplatesList,
    /// `resources/subscribe` and `resources/unsubscribe`
    Subscribe,
    /// `prompts/get`
    PromptsGet,
    /// `prompts/list`
    PromptsList,
    /// `completion/complete`
    Complete,
    /// `initialize`
    Initialize,
    /// `ping`
    Ping,
    /// `logging/setLevel`
    SetLevel,
    /// `server/discover`
    Discover,
    /// `subscriptions/listen`
    Listen,
    /// `tasks/*`
    Tasks,
    /// Any notification.
    Notification,
    /// An answer to a question of ours.
    Response,
    /// A JSON-RPC batch.
    Batch,
    /// A message of a legacy session, which its home shard tells apart.
    OfSession,
    /// A GET for a stream.
    Stream,
    /// A DELETE of a session.
    EndSession,
    /// Health, metrics, OPTIONS.
    Probe,
    /// A method that does not exist.
    Unknown,
    /// Not a message.
    Invalid,
    /// Refused before it was read as a message.
    Refused,
}

impl Method {
    /// How many there are.
    pub const COUNT: usize = Method::Refused as usize + 1;
    /// How many of them are operations.
    pub const OPERATIONS: usize = {
        let (mut count, mut index) = (0, 0);
        while index < Method::COUNT {
            count += Method::ALL[index].is_operation() as usize;
            index += 1;
        }
        count
    };
    /// All of them, in order.
    pub const ALL: [Method; Method::COUNT] = [
        Method::ToolsCall,
        Method::ToolsList,
        Method::ResourcesRead,
        Method::ResourcesList,
        Method::TemplatesList,
        Method::Subscribe,
        Method::PromptsGet,
        Method::PromptsList,
        Method::Complete,
        Method::Initialize,
        Method::Ping,
        Method::SetLevel,
        Method::Discover,
        Method::Listen,
        Method::Tasks,
        Method::Notification,
        Method::Response,
        Method::Batch,
        Method::OfSession,
        Method::Stream,
        Method::EndSession,
        Method::Probe,
        Method::Unknown,
        Method::Invalid,
        Method::Refused,
    ];
    /// Their names, in order.
    pub const LABELS: [&'static str; Method::COUNT] = [
        "tools/call",
        "tools/list",
        "resources/read",
        "resources/list",
        "resources/templates/list",
        "resources/subscribe",
        "prompts/get",
        "prompts/list",
        "completion/complete",
        "initialize",
        "ping",
        "logging/setLevel",
        "server/discover",
        "subscriptions/listen",
        "tasks",
        "notification",
        "response",
        "batch",
        "session",
        "stream",
        "session/end",
        "probe",
        "unknown",
        "invalid",
        "refused",
    ];

    /// Its name.
    pub const fn label(self) -> &'static str {
        Method::LABELS[self as usize]
    }

    /// The method of that name.
    pub fn of(name: &str) -> Method {
        match name {
            "tools/call" => Method::ToolsCall,
            "tools/list" => Method::ToolsList,
            "resources/read" => Method::ResourcesRead,
            "resources/list" => Method::ResourcesList,
            "resources/templates/list" => Method::TemplatesList,
            "resources/subscribe" | "resources/unsubscribe" => Method::Subscribe,
            "prompts/get" => Method::PromptsGet,
            "prompts/list" => Method::PromptsList,
            "completion/complete" => Method::Complete,
            "initialize" => Method::Initialize,
            "ping" => Method::Ping,
            "logging/setLevel" => Method::SetLevel,
            "server/discover" => Method::Discover,
            "subscriptions/listen" => Method::Listen,
            "tasks/get" | "tasks/update" | "tasks/cancel" => Method::Tasks,
            _ => Method::Unknown,
        }
    }

    /// Whether it is an operation of MCP, whose duration is told; what is not is only counted.
    pub const fn is_operation(self) -> bool {
        !matches!(self, Method::Response | Method::Stream | Method::EndSession | Method::Probe | Method::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_number_and_name() {
        for (index, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, index);
            assert_eq!(Method::LABELS.iter().filter(|label| **label == method.label()).count(), 1);
        }
        assert_eq!(Method::of("tools/call"), Method::ToolsCall);
        assert_eq!(Method::of("tools/call "), Method::Unknown);
    }
}
