//! What a caller is told who may not: the challenge of `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1). One
//! generic sentence for every bad token: which check failed is for the log. It never names a key, a subject or a rule.

/// Why a caller gets no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// It showed nothing.
    Nothing,
    /// What it showed is worth nothing here.
    InvalidToken,
    /// What it showed is good, and not for this.
    InsufficientScope,
}

/// The value of `WWW-Authenticate`, on one line. `metadata` is where the resource's metadata is; `scopes` what this
/// operation needs, all of it at once (MCP authorization, "Scope Challenge Handling").
pub fn www_authenticate(challenge: Challenge, metadata: Option<&str>, scopes: &[Box<str>]) -> String {
    let mut value = String::from("Bearer");
    let mut separator = ' ';
    let mut parameter = |name: &str, text: &str| {
        value.push(separator);
        separator = ',';
        value.push_str(name);
        value.push_str("=\"");
        // A quoted string (RFC 9110 section 5.6.4): what could end it is left out, and the rest of what is there was checked.
        value.extend(text.chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()));
        value.push('"');
    };
    match challenge {
        Challenge::Nothing => {}
        Challenge::InvalidToken => {
            parameter("error", "invalid_token");
            parameter("error_description", "The token or key is not valid here");
        }
        Challenge::InsufficientScope => {
            parameter("error", "insufficient_scope");
            parameter("error_description", "The token or key does not allow this");
        }
    }
    if !scopes.is_empty() {
        parameter("scope", &scopes.join(" "));
    }
    if let Some(metadata) = metadata {
        parameter("resource_metadata", metadata);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_to_go_and_no_more() {
        let url = "https://h.example/.well-known/oauth-protected-resource/mcp";
        let scopes: [Box<str>; 2] = ["mcp:read".into(), "mcp:call".into()];
        assert_eq!(www_authenticate(Challenge::Nothing, None, &[]), "Bearer");
        assert_eq!(
            www_authenticate(Challenge::Nothing, Some(url), &scopes),
            format!("Bearer scope=\"mcp:read mcp:call\",resource_metadata=\"{url}\"")
        );
        let invalid = www_authenticate(Challenge::InvalidToken, Some(url), &[]);
        assert!(invalid.starts_with("Bearer error=\"invalid_token\",error_description="), "{invalid}");
        let scope = www_authenticate(Challenge::InsufficientScope, None, &scopes[..1]);
        assert!(scope.contains("error=\"insufficient_scope\"") && scope.ends_with("scope=\"mcp:read\""), "{scope}");
        assert_eq!(www_authenticate(Challenge::Nothing, Some("a\"\r\nb"), &[]), "Bearer resource_metadata=\"ab\"");
    }
}
