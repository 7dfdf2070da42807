//! Which credential a request shows: `Authorization` (RFC 9110 section 11.6.2, RFC 6750 section 2.1) or `X-API-Key`. It never
//! looks whether the credential is good, nor for one anywhere else: a token in a URI is none.

use std::fmt;

use super::jws::TOKEN_BYTES_MAX;
use crate::http::head::Field;

/// Bytes of a credential; a larger one is refused before anything is computed of it.
pub const CREDENTIAL_BYTES_MAX: usize = TOKEN_BYTES_MAX;

/// A field as the head of a request has it.
#[derive(Clone, Copy, Default)]
pub struct Shown<'a> {
    /// Its first value, if it is there.
    pub first: Option<&'a [u8]>,
    /// How often it is there.
    pub count: u8,
}

impl<'a> Shown<'a> {
    /// The field as the head found it in `request`.
    pub fn of(field: Field, request: &'a [u8]) -> Shown<'a> {
        Shown { first: field.bytes(request), count: field.count }
    }
}

/// What a request shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// `Authorization: Bearer` with a token, or with a key of this server: which, its form tells.
    Bearer(&'a [u8]),
    /// `X-API-Key` with a key.
    ApiKey(&'a [u8]),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::None => "None",
            Credential::Bearer(_) => "Bearer(…)",
            Credential::ApiKey(_) => "ApiKey(…)",
        })
    }
}

/// Why what a request shows is no credential. None of it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// A field is there twice, so that two readers may see two callers.
    Duplicate,
    /// Both fields are there.
    Two,
    /// `Authorization` has another scheme than Bearer.
    OtherScheme,
    /// Not of its form.
    Malformed,
    /// Larger than [`CREDENTIAL_BYTES_MAX`].
    TooLarge,
}

impl CredentialError {
    /// The word for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            CredentialError::Duplicate => "credential_duplicate",
            CredentialError::Two => "credential_two",
            CredentialError::OtherScheme => "credential_scheme",
            CredentialError::Malformed => "credential_malformed",
            CredentialError::TooLarge => "credential_too_large",
        }
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialError::Duplicate => "A credential may be sent once",
            CredentialError::Two => "Send either Authorization or X-API-Key",
            CredentialError::OtherScheme => "Authorization must be Bearer",
            CredentialError::Malformed => "The credential cannot be read",
            CredentialError::TooLarge => "The credential is too large",
        })
    }
}

impl std::error::Error for CredentialError {}

/// The credential of a request with these fields.
///
/// # Errors
/// When there is doubt about what it is.
pub fn credential<'a>(authorization: Shown<'a>, api_key: Shown<'a>) -> Result<Credential<'a>, CredentialError> {
    if authorization.count > 1 || api_key.count > 1 {
        return Err(CredentialError::Duplicate);
    }
    match (authorization.first, api_key.first) {
        (None, None) => Ok(Credential::None),
        (Some(_), Some(_)) => Err(CredentialError::Two),
        (Some(value), None) => bearer(value).map(Credential::Bearer),
        (None, Some(value)) => api_key_of(value).map(Credential::ApiKey),
    }
}

/// What stands behind `Bearer` and a space, where that is all that a request shows, and nothing of it looked at: by it is found
/// what is remembered of the same bytes, which were looked at when they came first. It is no credential until it was.
pub fn unread<'a>(authorization: Shown<'a>, api_key: Shown<'a>) -> Option<&'a [u8]> {
    const BEGINS: &[u8] = b"Bearer ";
    let is_all = authorization.count == 1 && api_key.count == 0;
    let (scheme, rest) = authorization.first.filter(|_| is_all)?.split_at_checked(BEGINS.len())?;
    scheme.eq_ignore_ascii_case(BEGINS).then_some(rest)
}

/// The token behind `Bearer` and spaces. The scheme is compared in any case (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Result<&[u8], CredentialError> {
    let scheme_end = value.iter().position(|byte| !is_scheme(*byte)).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    if scheme.is_empty() || rest.first().is_some_and(|byte| *byte != b' ') {
        return Err(CredentialError::Malformed);
    }
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(CredentialError::OtherScheme);
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let token = &rest[spaces..];
    if token.len() > CREDENTIAL_BYTES_MAX {
        return Err(CredentialError::TooLarge);
    }
    // `=` is padding and stands at the end alone; something must stand before it.
    let unpadded_end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    if unpadded_end == 0 || !token[..unpadded_end].iter().all(|byte| is_token68(*byte)) {
        return Err(CredentialError::Malformed);
    }
    Ok(token)
}

/// Visible ASCII.
fn api_key_of(value: &[u8]) -> Result<&[u8], CredentialError> {
    if value.len() > CREDENTIAL_BYTES_MAX {
        return Err(CredentialError::TooLarge);
    }
    let is_good = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
    if is_good { Ok(value) } else { Err(CredentialError::Malformed) }
}

/// RFC 9110 section 5.6.2: a token.
fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6750 section 2.1, without the padding.
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head;
    use ringway_policy::Limits;

    /// Through the head, since what a field's value is begins there.
    fn shown(fields: &str) -> Result<String, CredentialError> {
        let request = [b"GET / HTTP/1.1\r\nHost: a\r\n", fields.as_bytes(), b"\r\n"].concat();
        let head = head::parse(&request, &Limits::default()).expect("a good head").expect("complete");
        let text = |kind: &str, bytes: &[u8]| format!("{kind} {}", String::from_utf8_lossy(bytes));
        let (authorization, api_key) = (Shown::of(head.authorization, &request), Shown::of(head.api_key, &request));
        let read = credential(authorization, api_key);
        // Unread it is the same token, or something that is none: never another, and never one of two.
        match (unread(authorization, api_key), read) {
            (Some(unread), Ok(Credential::Bearer(token))) => {
                assert!(unread == token || unread.starts_with(b" "), "{fields:?}");
            }
            (Some(_), Ok(other)) => panic!("{fields:?}: {other:?}"),
            (Some(_), Err(error)) => assert!(!matches!(error, CredentialError::Duplicate | CredentialError::Two)),
            (None, _) => {}
        }
        read.map(|credential| match credential {
            Credential::None => "none".to_owned(),
            Credential::Bearer(token) => text("bearer", token),
            Credential::ApiKey(key) => text("key", key),
        })
    }

    #[track_caller]
    fn check(fields: &str, want: Result<&str, CredentialError>) {
        assert_eq!(shown(fields), want.map(str::to_owned), "{fields:?}");
    }

    #[test]
    fn one_credential_or_none() {
        check("", Ok("none"));
        check("Authorization: Bearer a.b-c_d~e+f/g==\r\n", Ok("bearer a.b-c_d~e+f/g=="));
        check("AUTHORIZATION: bEARER abc\r\n", Ok("bearer abc"));
        check("Authorization:   Bearer   abc  \r\n", Ok("bearer abc"));
        check("X-API-Key: rw_1.s3cret!\r\n", Ok("key rw_1.s3cret!"));
        check("x-api-key:a\r\n", Ok("key a"));
        check("Cookie: token=a\r\nX-Authorization: Bearer a\r\n", Ok("none"));
    }

    #[test]
    fn doubt_is_refused() {
        use CredentialError::*;
        for twice in ["Authorization: Bearer a\r\n", "Authorization:\r\n", "X-API-Key: a\r\n", "X-API-Key:\r\n"] {
            check(&twice.repeat(2), Err(Duplicate));
            check(&twice.repeat(90), Err(Duplicate));
        }
        check("Authorization: Bearer a\r\nX-API-Key: a\r\n", Err(Two));
        check("Authorization:\r\nX-API-Key: a\r\n", Err(Two));
        for other in ["Basic YTpi", "Basic", "Digest a=b", "Bearerx abc", "DPoP abc", "Negotiate"] {
            check(&format!("Authorization: {other}\r\n"), Err(OtherScheme));
        }
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer =",
            "Bearer a=b",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer \"a\"",
            "Bearer\ta",
            "Bearer \ta",
            "Bearer\u{a0}a",
            "Bearer a\u{e4}",
            "Bearer,a",
            "Bearer a;",
            "=abc",
            "Bearer token=\"a\"",
        ] {
            check(&format!("Authorization: {bad}\r\n"), Err(Malformed));
        }
        for bad in ["", "a b", "a\tb", "\u{e4}", "a\u{a0}"] {
            check(&format!("X-API-Key: {bad}\r\n"), Err(Malformed));
        }
    }

    #[test]
    fn a_credential_has_a_bound() {
        let most = "a".repeat(CREDENTIAL_BYTES_MAX);
        check(&format!("Authorization: Bearer {most}\r\n"), Ok(&format!("bearer {most}")));
        check(&format!("Authorization: Bearer {most}a\r\n"), Err(CredentialError::TooLarge));
        check(&format!("X-API-Key: {most}\r\n"), Ok(&format!("key {most}")));
        check(&format!("X-API-Key: {most}a\r\n"), Err(CredentialError::TooLarge));
    }

    /// Goal: a token that is remembered is found without a look at its characters. Method: fields, and what is looked up.
    #[test]
    fn one_field_of_the_usual_form_is_found_unread() {
        let of = |first, count| Shown { first: Some(first), count };
        assert_eq!(unread(of(b"Bearer a.b.c", 1), Shown::default()), Some(&b"a.b.c"[..]));
        assert_eq!(unread(of(b"bEARER a\xff", 1), Shown::default()), Some(&b"a\xff"[..]), "not looked at");
        for other in [&b"Basic a"[..], b"Bearer", b"Bearera.b.c", b"Bearer\ta.b.c", b""] {
            assert_eq!(unread(of(other, 1), Shown::default()), None);
        }
        assert_eq!(unread(of(b"Bearer a", 2), Shown::default()), None, "two fields");
        assert_eq!(unread(of(b"Bearer a", 1), of(b"k", 1)), None, "and a key");
        assert_eq!(unread(Shown::default(), Shown::default()), None);
    }

    #[test]
    fn no_credential_is_shown() {
        for credential in [Credential::Bearer(b"hush"), Credential::ApiKey(b"hush")] {
            assert!(!format!("{credential:?}").contains("104"));
            assert!(!format!("{credential:?}").contains("hush"));
        }
    }
}
