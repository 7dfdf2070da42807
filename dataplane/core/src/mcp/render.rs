//! Writes answers and notifications, each as its revision wants it: the modern envelope, what older clients know, the
//! server's name. It never decides what the answer is.

use serde_json::Value;

use super::types::{Content, ToolDefinition, ToolResult};
use super::{Era, RpcError, Version};
use crate::json::write;

/// Key of the server's name in a modern result's `_meta`.
pub const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// Key of the stream's id in what a `subscriptions/listen` stream carries.
pub const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// What this server says of itself, rendered once.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The members every modern result begins with, behind its opening brace.
    modern_prefix: Vec<u8>,
    /// `Implementation` as JSON text.
    pub info: String,
}

impl ServerIdentity {
    /// Renders `Implementation`.
    pub fn new(name: &str, version: &str, title: Option<&str>) -> ServerIdentity {
        let mut info = serde_json::json!({ "name": name, "version": version });
        if let (Some(title), Some(members)) = (title, info.as_object_mut()) {
            members.insert("title".into(), title.into());
        }
        let info = info.to_string();
        let modern_prefix = format!(r#""_meta":{{"{META_SERVER}":{info}}},"#).into_bytes();
        ServerIdentity { modern_prefix, info }
    }
}

/// A result being written, member by member.
pub struct ResultWriter {
    out: Vec<u8>,
    empty: bool,
}

impl ResultWriter {
    /// Begins the answer to request `id` with what `version` puts into every result. `kind` is its `resultType`.
    pub fn begin(mut out: Vec<u8>, id: &str, version: Version, identity: &ServerIdentity, kind: &str) -> ResultWriter {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(b",\"result\":{");
        let modern = version.era() == Era::Modern;
        if modern {
            out.extend_from_slice(&identity.modern_prefix);
            out.extend_from_slice(b"\"resultType\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.push(b'"');
        }
        ResultWriter { out, empty: !modern }
    }

    /// A whole modern answer that has nothing but `_meta`, with more members than the server's name.
    pub fn with_meta(id: &str, identity: &ServerIdentity, meta: &Value) -> Vec<u8> {
        let mut meta = meta.clone();
        if let Some(members) = meta.as_object_mut() {
            members.insert(META_SERVER.into(), serde_json::from_str(&identity.info).unwrap_or_default());
        }
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{meta}}}}}"#);
        text.into_bytes()
    }

    /// Adds a member whose value is JSON text already.
    pub fn raw(&mut self, name: &str, json: &[u8]) -> &mut Self {
        self.name(name);
        self.out.extend_from_slice(json);
        self
    }

    /// Adds a member.
    pub fn member<T: serde::Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        self.name(name);
        write::value(&mut self.out, value);
        self
    }

    /// Adds the content of a result.
    pub fn content(&mut self, pieces: &[Content]) -> &mut Self {
        self.name("content");
        self.out.push(b'[');
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            match piece {
                Content::Text { text, annotations: None } => text_piece(&mut self.out, text),
                piece => write::value(&mut self.out, piece),
            }
        }
        self.out.push(b']');
        self
    }

    /// Adds a content of texts, in the order in which `give` hands them over.
    pub fn texts<R>(&mut self, give: impl FnOnce(&mut dyn FnMut(&str)) -> R) -> R {
        self.name("content");
        self.out.push(b'[');
        let before = self.out.len();
        let out = &mut self.out;
        let given = give(&mut |text| {
            if out.len() > before {
                out.push(b',');
            }
            text_piece(out, text);
        });
        self.out.push(b']');
        given
    }

    /// Adds the members of an object.
    pub fn members(&mut self, object: &Value) -> &mut Self {
        for (name, value) in object.as_object().into_iter().flatten() {
            self.member(name, value);
        }
        self
    }

    /// Adds members that were rendered before: JSON text without the braces around it.
    pub fn rendered(&mut self, members: &[u8]) -> &mut Self {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(members);
        self
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// The whole message.
    pub fn end(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"}}");
        self.out
    }
}

/// Appends a text as one piece of content: nearly all content is such.
fn text_piece(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
    write::string(out, text);
    out.push(b'}');
}

/// The answer to `tools/call`.
pub fn call_result(
    out: Vec<u8>,
    id: &str,
    version: Version,
    identity: &ServerIdentity,
    result: &ToolResult,
    wraps_structured: bool,
) -> Vec<u8> {
    let mut writer = ResultWriter::begin(out, id, version, identity, "complete");
    call_members(&mut writer, version, result, wraps_structured);
    writer.end()
}

/// The members of a `CallToolResult`.
pub fn call_members(writer: &mut ResultWriter, version: Version, result: &ToolResult, wraps_structured: bool) {
    match downgraded(&result.content, version) {
        Some(content) => writer.content(&content),
        None => writer.content(&result.content),
    };
    if let Some(value) = result.structured.as_ref().filter(|_| version >= Version::V2025_06_18) {
        if wraps_structured && version.era() == Era::Legacy {
            writer.member("structuredContent", &serde_json::json!({ "result": value }));
        } else {
            writer.member("structuredContent", value);
        }
    }
    if result.is_error {
        writer.raw("isError", b"true");
    }
}

/// Content kinds a revision does not know, as text; `None` when it knows them all.
pub fn downgraded(content: &[Content], version: Version) -> Option<Vec<Content>> {
    let unknown = |piece: &Content| match piece {
        Content::Audio { .. } => version < Version::V2025_03_26,
        Content::ResourceLink(_) => version < Version::V2025_06_18,
        _ => false,
    };
    if version >= Version::V2025_06_18 || !content.iter().any(unknown) {
        return None;
    }
    let convert = |piece: &Content| match piece {
        Content::Audio { data, mime_type, .. } if unknown(piece) => {
            Content::text(format!("[audio, {mime_type}, {} bytes of base64]", data.len()))
        }
        Content::ResourceLink(link) if unknown(piece) => Content::text(format!("{}: {}", link.name, link.uri)),
        _ => piece.clone(),
    };
    Some(content.iter().map(convert).collect())
}

/// A tool as `version` lists it. Legacy revisions want an object at the root of an output schema; others are wrapped
/// under `result`, as the TypeScript SDK does.
pub fn tool(definition: &ToolDefinition, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    if version.era() == Era::Legacy && wraps_output(definition) {
        let mut wrapped = definition.clone();
        let inner = wrapped.output_schema.take();
        wrapped.output_schema = Some(serde_json::json!({
            "type": "object", "properties": { "result": inner }, "required": ["result"]
        }));
        write::value(&mut out, &wrapped);
    } else {
        write::value(&mut out, definition);
    }
    out
}

/// Whether legacy clients get the structured result under `result`.
pub fn wraps_output(definition: &ToolDefinition) -> bool {
    let root = |schema: &Value| schema.get("type").and_then(Value::as_str) != Some("object");
    definition.output_schema.as_ref().is_some_and(root)
}

/// An error answer. Without an id the member is left out, as the MCP schema wants.
pub fn error(mut out: Vec<u8>, id: Option<&str>, error: &RpcError) -> Vec<u8> {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",");
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        out.extend_from_slice(id.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"\"error\":{\"code\":");
    out.extend_from_slice(itoa::Buffer::new().format(error.code).as_bytes());
    out.extend_from_slice(b",\"message\":");
    write::string(&mut out, &error.message);
    if let Some(data) = &error.data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// A notification.
pub fn notification(method: &str, params: &Value) -> Vec<u8> {
    write::to_text(&serde_json::json!({ "jsonrpc": "2.0", "method": method, "params": params })).into_bytes()
}

/// A request of ours to a legacy client.
pub fn request(id: &str, method: &str, params: &Value) -> Vec<u8> {
    write::to_text(&serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).into_bytes()
}

/// A progress notification; `token` is the client's JSON text, echoed as it came.
pub fn progress(token: &str, progress: f64, total: Option<f64>, message: Option<&str>) -> Vec<u8> {
    let mut out = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{}"#,
        number(progress)
    )
    .into_bytes();
    if let Some(total) = total {
        out.extend_from_slice(format!(r#","total":{}"#, number(total)).as_bytes());
    }
    if let Some(message) = message {
        out.extend_from_slice(b",\"message\":");
        write::string(&mut out, message);
    }
    out.extend_from_slice(b"}}");
    out
}

/// JSON has no NaN or infinity; whole numbers need no fraction.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { "0".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(bytes: Vec<u8>) -> Value {
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn each_era_gets_its_envelope() {
        let identity = ServerIdentity::new("s", "1", None);
        let result = ToolResult::structured(json!([1]));
        let modern = parsed(call_result(Vec::new(), "7", Version::V2026_07_28, &identity, &result, true));
        assert_eq!(
            modern,
            json!({"jsonrpc":"2.0","id":7,"result":{"_meta":{META_SERVER:{"name":"s","version":"1"}},
                "resultType":"complete","content":[{"type":"text","text":"[1]"}],"structuredContent":[1]}})
        );
        let legacy = parsed(call_result(Vec::new(), "\"a\"", Version::V2025_11_25, &identity, &result, true));
        assert_eq!(
            legacy["result"],
            json!({"content":[{"type":"text","text":"[1]"}],"structuredContent":{"result":[1]}})
        );
        let old = parsed(call_result(Vec::new(), "1", Version::V2024_11_05, &identity, &result, true));
        assert_eq!(old["result"], json!({"content":[{"type":"text","text":"[1]"}]}));
    }

    #[test]
    fn content_is_written_as_serde_writes_it() {
        let texts = ["", "plain", "a\"b", "a\\b", "\n\u{1f}\u{7f}é", "\u{0}"].map(Content::text);
        let noted = Content::Text { text: "a".into(), annotations: Some(json!({ "priority": 1 })) };
        for pieces in [&[][..], &texts, &[noted, Content::image("AAAA", "image/png")]] {
            let mut writer = ResultWriter { out: Vec::new(), empty: true };
            writer.content(pieces);
            let want = format!("\"content\":{}", serde_json::to_string(pieces).expect("JSON"));
            assert_eq!(String::from_utf8_lossy(&writer.out), want);
        }
        let mut writer = ResultWriter { out: Vec::new(), empty: true };
        writer.texts(|text| ["a", "b\n"].map(text));
        let want = serde_json::to_string(&["a", "b\n"].map(Content::text)).expect("JSON");
        assert_eq!(String::from_utf8_lossy(&writer.out), format!("\"content\":{want}"));
    }

    #[test]
    fn empty_legacy_results_have_no_member() {
        let identity = ServerIdentity::new("s", "1", None);
        let pong = ResultWriter::begin(Vec::new(), "1", Version::V2025_11_25, &identity, "complete").end();
        assert_eq!(pong, br#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    }

    #[test]
    fn old_clients_get_text_for_what_they_do_not_know() {
        let link = ResourceLinkFixture::link();
        let content = vec![Content::audio("AAAA", "audio/wav"), Content::ResourceLink(link)];
        assert!(downgraded(&content, Version::V2025_06_18).is_none());
        let texts = downgraded(&content, Version::V2024_11_05).expect("converted");
        assert!(texts.iter().all(|piece| matches!(piece, Content::Text { .. })));
    }

    struct ResourceLinkFixture;
    impl ResourceLinkFixture {
        fn link() -> crate::mcp::types::ResourceDefinition {
            crate::mcp::types::ResourceDefinition { uri: "a:b".into(), name: "n".into(), ..Default::default() }
        }
    }
}
