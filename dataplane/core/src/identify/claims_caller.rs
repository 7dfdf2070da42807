//! Who a token stands for and what that caller may do: its subject, scopes and roles. What cannot be read refuses the token,
//! since a rule may deny by what it says.

use serde_json::{Map, Value as Tree};

use super::token_error::{Claim, TokenError};

/// Bytes of a subject: OpenID Connect Core section 2 has at most 255.
pub const SUBJECT_BYTES_MAX: usize = 255;

type Claims = Map<String, Tree>;

/// `sub`, or `user_id` where there is none: older systems have that, as text or as a number.
pub(super) fn subject(claims: &Claims) -> Result<Option<Box<str>>, TokenError> {
    const BAD: TokenError = TokenError::Invalid(Claim::Subject);
    let subject = match (claims.get("sub"), claims.get("user_id")) {
        (Some(Tree::String(subject)), _) | (None, Some(Tree::String(subject))) => subject.clone(),
        (None, Some(Tree::Number(number))) => number.as_u64().ok_or(BAD)?.to_string(),
        (None, None) => return Ok(None),
        _ => return Err(BAD),
    };
    let is_name = !subject.is_empty() && subject.len() <= SUBJECT_BYTES_MAX && is_plain(&subject);
    if is_name { Ok(Some(subject.into())) } else { Err(BAD) }
}

/// The scopes of `scope` (RFC 8693 section 4.2) and of `scp`, which some issuers have in its place, each once. Text holds
/// several, separated by spaces; an array holds one an element.
pub(super) fn scopes(claims: &Claims) -> Result<Box<[Box<str>]>, TokenError> {
    let mut scopes = Vec::new();
    for name in ["scope", "scp"] {
        match claims.get(name) {
            Some(Tree::String(text)) => {
                text.split(' ').filter(|scope| !scope.is_empty()).for_each(|scope| scopes.push(scope));
            }
            // RFC 6749 section 3.3: a scope has no space. One that has may be the wrong half of another name.
            value => add_elements(&mut scopes, value, |scope| !scope.contains(' '), Claim::Scope)?,
        }
    }
    distinct(scopes, Claim::Scope)
}

/// The roles of `roles` and `role`, each once. Text is one role.
pub(super) fn roles(claims: &Claims) -> Result<Box<[Box<str>]>, TokenError> {
    let mut roles = Vec::new();
    for name in ["roles", "role"] {
        match claims.get(name) {
            Some(Tree::String(role)) => roles.push(role.as_str()),
            value => add_elements(&mut roles, value, |_| true, Claim::Role)?,
        }
    }
    distinct(roles, Claim::Role)
}

/// Adds the elements of an array; `null` says as much as nothing.
fn add_elements<'a>(
    names: &mut Vec<&'a str>,
    value: Option<&'a Tree>,
    is_good: impl Fn(&str) -> bool,
    claim: Claim,
) -> Result<(), TokenError> {
    match value {
        None | Some(Tree::Null) => Ok(()),
        Some(Tree::Array(elements)) => elements.iter().try_for_each(|element| match element {
            Tree::String(name) if is_good(name) => {
                names.push(name);
                Ok(())
            }
            _ => Err(TokenError::Invalid(claim)),
        }),
        Some(_) => Err(TokenError::Invalid(claim)),
    }
}

fn distinct(mut names: Vec<&str>, claim: Claim) -> Result<Box<[Box<str>]>, TokenError> {
    if names.iter().any(|name| name.is_empty() || !is_plain(name)) {
        return Err(TokenError::Invalid(claim));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(Into::into).collect())
}

/// Without anything that ends a line or moves a cursor: these names are written into logs, audit and headers.
fn is_plain(name: &str) -> bool {
    !name.chars().any(|letter| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Tree) -> Claims {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_subject_is_a_short_plain_name() {
        let bad = Err(TokenError::Invalid(Claim::Subject));
        let of = |value| subject(&claims(value));
        assert_eq!(of(json!({"sub": "agent-1", "user_id": "other"})), Ok(Some("agent-1".into())));
        assert_eq!(of(json!({"user_id": "u-7"})), Ok(Some("u-7".into())));
        assert_eq!(of(json!({"user_id": 42})), Ok(Some("42".into())));
        assert_eq!(of(json!({"name": "x"})), Ok(None));
        assert_eq!(of(json!({"sub": "s".repeat(255)})), Ok(Some("s".repeat(255).into())));
        for odd in [json!(""), json!("s".repeat(256)), json!("a\r\nb"), json!("a\u{85}b"), json!("a\u{2028}")] {
            assert_eq!(of(json!({ "sub": odd })), bad, "{odd}");
            assert_eq!(of(json!({ "user_id": odd })), bad, "{odd}");
        }
        for odd in [json!(null), json!(1), json!(["a"]), json!({"a": 1}), json!(true)] {
            assert_eq!(of(json!({ "sub": odd, "user_id": "good" })), bad, "{odd}");
        }
        for odd in [json!(null), json!(-1), json!(1.5), json!(["a"]), json!(true)] {
            assert_eq!(of(json!({ "user_id": odd })), bad, "{odd}");
        }
    }

    #[track_caller]
    fn check_scopes(value: Tree, want: Option<&[&str]>) {
        let want = want.map(|want| want.iter().map(|&scope| scope.into()).collect());
        assert_eq!(scopes(&claims(value)), want.ok_or(TokenError::Invalid(Claim::Scope)));
    }

    #[test]
    fn scopes_are_words_in_text_or_elements_of_an_array() {
        check_scopes(json!({}), Some(&[]));
        check_scopes(json!({"scope": ""}), Some(&[]));
        check_scopes(json!({"scope": null, "scp": null}), Some(&[]));
        check_scopes(json!({"scope": " tools:call  mcp:read tools:call"}), Some(&["mcp:read", "tools:call"]));
        check_scopes(json!({"scope": ["b", "a"]}), Some(&["a", "b"]));
        check_scopes(json!({"scope": "a b", "scp": ["c", "b"]}), Some(&["a", "b", "c"]));
        check_scopes(json!({"scp": "a b"}), Some(&["a", "b"]));
        check_scopes(json!({"scope": ["not admin"]}), None);
        for odd in [json!(1), json!(true), json!({"a": 1}), json!([1]), json!([["a"]]), json!([""]), json!("a\tb")] {
            check_scopes(json!({ "scope": odd }), None);
            check_scopes(json!({ "scope": "a", "scp": odd }), None);
        }
    }

    #[test]
    fn roles_are_names_that_may_have_spaces() {
        let of = |value| roles(&claims(value)).map(|roles| roles.join("|"));
        let bad = Err(TokenError::Invalid(Claim::Role));
        assert_eq!(of(json!({})), Ok(String::new()));
        assert_eq!(of(json!({"roles": ["b", "a", "b"], "role": "c"})), Ok("a|b|c".to_owned()));
        assert_eq!(of(json!({"role": "Domain Users"})), Ok("Domain Users".to_owned()));
        assert_eq!(of(json!({"role": ["a b"]})), Ok("a b".to_owned()));
        for odd in [json!(1), json!({"admin": {}}), json!([null]), json!(""), json!("a\nb")] {
            assert_eq!(of(json!({ "roles": odd })), bad, "{odd}");
        }
    }
}
