//! Says who sent a request, on one shard: the core judges addresses and credentials, and whoever was found good is remembered
//! until the credential ends or the operator decides anew. It never waits. Why somebody was refused is told to the log
//! alone.

use std::rc::Rc;
use std::sync::Arc;

use ringway_core::face::COMMAND_PATH;
use ringway_core::http::decoder::Request;
use ringway_core::identify::access::{Access, Credentials, Rejection};
use ringway_core::identify::bearer::{self, Credential, Shown};
use ringway_core::identify::challenge::{self, Challenge};
use ringway_core::identify::client_address::ClientAddress;
use ringway_core::identify::{CredentialKind, Principal};
use ringway_core::json::Value;
use ringway_core::refusal::Refusal;
use ringway_core::request_path::{self, Route};
use zeroize::Zeroizing;

use crate::answer::Reply;
use crate::shard::Shard;
use crate::shard::socket::Socket;
use crate::who::Who;

/// A credential without an end of its own is looked at again after so long.
const ENDLESS_S: u64 = 3600;

/// Where a request comes from, where that matters.
pub fn address(shard: &Shard, request: Request<'_>, socket: &Socket) -> Option<ClientAddress> {
    let access = shard.access();
    if !access.asks_address() {
        return None;
    }
    socket.peer().map(|peer| access.address(peer.ip(), request))
}

/// Who sent a request. Of those who ask for what is meant for everybody only the address is looked at, and on the
/// admin listener nothing, where only this machine reaches it.
///
/// # Errors
/// Why it is answered no further.
pub fn identify(
    shard: &Shard,
    request: Request<'_>,
    address: Option<ClientAddress>,
    socket: &Socket,
    serves_mcp: bool,
) -> Result<Rc<Who>, Rejection> {
    let access = shard.access();
    if !serves_mcp && !access.asks_operators {
        return Ok(Rc::clone(&shard.anonymous));
    }
    access.check_address(address)?;
    let who = match access.credentials.as_ref().filter(|_| !request_path::is_open(request)) {
        Some(credentials) => match remembered(shard, request) {
            Some(who) => who,
            None => match Access::shown(request)? {
                Credential::None => match token_of_command(shard, request) {
                    Some(token) => by_credential(shard, credentials, Credential::Bearer(token.as_bytes()))?,
                    None => by_certificate(shard, credentials, socket)?,
                },
                shown => by_credential(shard, credentials, shown)?,
            },
        },
        None => Rc::clone(&shard.anonymous),
    };
    let address = address.map(|address| address.address);
    Ok(if access.rules.depends_on_address() { who.at(address) } else { who })
}

/// Whose token it is, when the same bytes were found to be one before: nearly always, so that nobody looks at its characters
/// again.
fn remembered(shard: &Shard, request: Request<'_>) -> Option<Rc<Who>> {
    let shown = |field| Shown::of(field, request.bytes);
    let token = bearer::unread(shown(request.head.authorization), shown(request.head.api_key))?;
    let known = shard.known.borrow();
    let who = known.get(token, shard.coarse_unix_s.get())?;
    // A certificate is remembered by its bytes, which everybody may know.
    matches!(who.principal.kind, CredentialKind::Jwt | CredentialKind::ApiKey).then(|| Rc::clone(who))
}

/// The token that the command form has in its body, as clients of the older enterprise server send it. Nothing else takes one
/// from there.
fn token_of_command(shard: &Shard, request: Request<'_>) -> Option<Zeroizing<String>> {
    if request.path() != COMMAND_PATH || !shard.policy().faces.command {
        return None;
    }
    let token = |value: Value<'_>| value.as_object()?.str("token").map(|token| Zeroizing::new(token.to_owned()));
    shard.json.borrow_mut().with(request.body, token).ok().flatten()
}

/// Whose credential it is, remembered or looked at.
fn by_credential(shard: &Shard, credentials: &Credentials, credential: Credential<'_>) -> Result<Rc<Who>, Rejection> {
    let shown = match credential {
        Credential::Bearer(shown) | Credential::ApiKey(shown) => shown,
        Credential::None => &[],
    };
    let now_unix_s = shard.coarse_unix_s.get();
    // A token in the field for keys is none, though it be remembered.
    let is_key = matches!(credential, Credential::ApiKey(_));
    if let Some(who) = shard.known.borrow().get(shown, now_unix_s)
        && (!is_key || who.principal.kind == CredentialKind::ApiKey)
    {
        return Ok(Rc::clone(who));
    }
    let principal = credentials.identify(credential, now_unix_s)?;
    let expires_at_unix_s = principal.expires_at_unix_s.unwrap_or(now_unix_s + ENDLESS_S);
    let who = shard.who(Arc::new(principal), None);
    let mut known = shard.known.borrow_mut();
    known.insert(shown, Rc::clone(&who), expires_at_unix_s, shard.generation(), now_unix_s);
    Ok(who)
}

/// Whose TLS certificate it is, where that is enough.
fn by_certificate(shard: &Shard, credentials: &Credentials, socket: &Socket) -> Result<Rc<Who>, Rejection> {
    let certificate = credentials.certificates.as_ref().and_then(|scopes| Some((scopes, socket.client_certificate()?)));
    let Some((scopes, certificate)) = certificate else {
        return by_credential(shard, credentials, Credential::None);
    };
    let now_unix_s = shard.coarse_unix_s.get();
    if let Some(who) = shard.known.borrow().get(&certificate.der, now_unix_s) {
        return Ok(Rc::clone(who));
    }
    let bad = |why| Rejection { refusal: Refusal::BadCredential, why };
    if now_unix_s > certificate.not_after_unix_s {
        return Err(bad("certificate_expired"));
    }
    // What it was issued for, the most exact first.
    let names = certificate.uris.iter().chain(&certificate.dns_names).chain(&certificate.common_name);
    let name = names.into_iter().next().ok_or(bad("certificate_without_name"))?;
    // The last second is still good (RFC 5280 section 4.1.2.5).
    let ends_unix_s = certificate.not_after_unix_s.saturating_add(1);
    let principal = Principal {
        name: name.as_str().into(),
        kind: CredentialKind::Certificate,
        scopes: scopes.clone(),
        expires_at_unix_s: Some(ends_unix_s),
        ..Principal::anonymous()
    };
    let who = shard.who(Arc::new(principal), None);
    shard.known.borrow_mut().insert(&certificate.der, Rc::clone(&who), ends_unix_s, shard.generation(), now_unix_s);
    Ok(who)
}

/// Whether somebody may have a route.
///
/// # Errors
/// [`Refusal::NotPermitted`].
pub fn permit(shard: &Shard, who: &Who, route: Route, serves_mcp: bool) -> Result<(), Rejection> {
    let access = shard.access();
    match access.credentials.as_ref().filter(|_| serves_mcp || access.asks_operators) {
        Some(credentials) => credentials.permit(&who.principal, route.requires()),
        None => Ok(()),
    }
}

/// What of a rejection's answer only the listener knows: where its metadata is.
pub fn challenge(shard: &Shard, request: Request<'_>, socket: &Socket, refusal: Refusal, reply: Reply) -> Reply {
    let challenge = match refusal {
        Refusal::Unauthenticated => Challenge::Nothing,
        Refusal::BadCredential => Challenge::InvalidToken,
        Refusal::NotPermitted => Challenge::InsufficientScope,
        _ => return reply,
    };
    let access = shard.access();
    let metadata = access.resource.has_metadata().then(|| {
        let (scheme, host) = origin_of(request, socket);
        access.resource.metadata_uri(scheme, host)
    });
    let scopes = access.credentials.as_ref().map_or(&[][..], |credentials| &credentials.scopes);
    reply.field("WWW-Authenticate", challenge::www_authenticate(challenge, metadata.as_deref(), scopes))
}

/// The metadata document (RFC 9728), or 404 where there is nothing to tell.
pub fn metadata(shard: &Shard, request: Request<'_>, socket: &Socket) -> Reply {
    let access = shard.access();
    if !access.resource.has_metadata() {
        shard.metrics.count_refusal(Refusal::NotFound);
        return Reply::refusal(Refusal::NotFound, request_path::READ_ALLOW);
    }
    let (scheme, host) = origin_of(request, socket);
    let document = access.resource.document(scheme, host).to_string().into_bytes();
    // Pages that are OAuth clients read it too; there is nothing in it that is not for everybody.
    Reply::json(200, document).field("Cache-Control", "max-age=300").field("Access-Control-Allow-Origin", "*")
}

/// The scheme and authority that a request came by. Its `Host` was checked.
fn origin_of<'b>(request: Request<'b>, socket: &Socket) -> (&'static str, &'b str) {
    let host = request.head.host.text(request.bytes).unwrap_or("localhost");
    (if socket.is_secured() { "https" } else { "http" }, host)
}
