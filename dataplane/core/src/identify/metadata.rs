//! What an OAuth client needs to know of this server (RFC 9728, "OAuth 2.0 Protected Resource Metadata"), and where it
//! finds that. It holds nothing secret and is served to everybody.

use serde_json::{Map, Value, json};

/// Where the metadata of the server as a whole is (RFC 9728 section 3).
pub const ROOT_PATH: &str = "/.well-known/oauth-protected-resource";
/// Where that of its MCP endpoint is: the first that clients try.
pub const MCP_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// This server as OAuth clients see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The URI that clients call it by, as the operator says it; what a request names it by where nobody did.
    pub uri: Option<Box<str>>,
    /// Issuers whose tokens it takes: without one there is no metadata.
    pub authorization_servers: Box<[Box<str>]>,
    /// The scopes that a client asks for when it is told of none.
    pub scopes: Box<[Box<str>]>,
    /// What people call it.
    pub name: Option<Box<str>>,
}

impl Resource {
    /// Whether there is something to tell.
    pub fn has_metadata(&self) -> bool {
        !self.authorization_servers.is_empty()
    }

    /// The URI of the MCP endpoint. `scheme` and `host` are what the request came by; the host was checked.
    pub fn mcp_uri(&self, scheme: &str, host: &str) -> String {
        match &self.uri {
            Some(uri) => uri.to_string(),
            None => format!("{scheme}://{host}/mcp"),
        }
    }

    /// Where the metadata is, as an absolute URI (RFC 9728 section 3.1: between host and path).
    pub fn metadata_uri(&self, scheme: &str, host: &str) -> String {
        let uri = self.mcp_uri(scheme, host);
        let Some((scheme, rest)) = uri.split_once("://") else { return ROOT_PATH.into() };
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            format!("{scheme}://{authority}{ROOT_PATH}")
        } else {
            format!("{scheme}://{authority}{ROOT_PATH}/{path}")
        }
    }

    /// The document.
    pub fn document(&self, scheme: &str, host: &str) -> Value {
        let mut members = Map::new();
        members.insert("resource".into(), self.mcp_uri(scheme, host).into());
        members.insert("authorization_servers".into(), json!(self.authorization_servers));
        if !self.scopes.is_empty() {
            members.insert("scopes_supported".into(), json!(self.scopes));
        }
        members.insert("bearer_methods_supported".into(), json!(["header"]));
        if let Some(name) = &self.name {
            members.insert("resource_name".into(), name.as_ref().into());
        }
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_between_host_and_path() {
        let at = |uri: Option<&str>| {
            let resource = Resource { uri: uri.map(Into::into), ..Resource::default() };
            resource.metadata_uri("http", "127.0.0.1:9999")
        };
        assert_eq!(at(None), "http://127.0.0.1:9999/.well-known/oauth-protected-resource/mcp");
        assert_eq!(
            at(Some("https://h.example/public/mcp")),
            "https://h.example/.well-known/oauth-protected-resource/public/mcp"
        );
        assert_eq!(at(Some("https://h.example")), "https://h.example/.well-known/oauth-protected-resource");
        assert_eq!(at(Some("https://h.example/")), "https://h.example/.well-known/oauth-protected-resource");
    }

    #[test]
    fn the_document_names_the_resource_and_its_issuers() {
        let resource = Resource {
            uri: Some("https://h.example/mcp".into()),
            authorization_servers: ["https://auth.example".into()].into(),
            scopes: ["mcp:read".into()].into(),
            name: None,
        };
        assert_eq!(
            resource.document("http", "ignored"),
            json!({
                "resource": "https://h.example/mcp",
                "authorization_servers": ["https://auth.example"],
                "scopes_supported": ["mcp:read"],
                "bearer_methods_supported": ["header"]
            })
        );
        assert!(resource.has_metadata() && !Resource::default().has_metadata());
    }
}
