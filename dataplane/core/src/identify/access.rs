//! Who may call, as the operator decided it: everything that says who a caller is and what it may have, checked and compiled
//! once. All shards share it and it never changes: another takes its place.

use std::net::IpAddr;

use ringway_policy::AddressList;

use super::bearer::{self, Credential, Shown};
use super::claims::Expected;
use super::client_address::{ClientAddress, client_address};
use super::key_ring::KeyRing;
use super::key_set::KeySet;
use super::metadata::Resource;
use super::{CredentialKind, Principal};
use crate::authorize::Rules;
use crate::authorize::glob::Glob;
use crate::http::decoder::Request;
use crate::http::head;
use crate::refusal::Refusal;
use crate::request_path::Requires;

/// The scope of whoever runs the server: health in detail, metrics, status.
pub const OPERATE: &str = "ringway:operate";
/// The role that stands for it.
pub const OPERATOR: &str = "operator";

/// Who may call.
#[derive(Debug)]
pub struct Access {
    /// Addresses that may call; all of them when absent.
    pub addresses: Option<AddressList>,
    /// Proxies whose word on where a request comes from is taken.
    pub proxies: Option<AddressList>,
    /// Whether they say whose connection it is before its first byte, in a header of the PROXY protocol; one that does not is
    /// closed.
    pub proxy_protocol: bool,
    /// How callers are known; nobody is asked when absent.
    pub credentials: Option<Credentials>,
    /// What OAuth clients are told.
    pub resource: Resource,
    /// Who may use what.
    pub rules: Rules,
    /// Whether operators are asked who they are on the admin listener too, since others reach it.
    pub asks_operators: bool,
}

/// What callers may show.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Keys that verify tokens, and what a token must say.
    pub tokens: Option<(KeySet, Expected)>,
    /// Keys of this server's own.
    pub keys: Option<KeyRing>,
    /// The scopes of whoever shows a TLS client certificate; such a one is no credential when absent.
    pub certificates: Option<Box<[Box<str>]>>,
    /// Scopes that every caller needs.
    pub scopes: Box<[Box<str>]>,
}

/// A caller who gets no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What it is told.
    pub refusal: Refusal,
    /// Why, for those who run the server.
    pub why: &'static str,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Rejection {
        Rejection { refusal, why: refusal.answer().label }
    }
}

impl Default for Access {
    fn default() -> Access {
        Access::open()
    }
}

impl Access {
    /// Everybody may have everything.
    pub fn open() -> Access {
        Access {
            addresses: None,
            proxies: None,
            proxy_protocol: false,
            credentials: None,
            resource: Resource::default(),
            rules: Rules::empty(),
            asks_operators: false,
        }
    }

    /// Whether nothing is decided of anybody.
    pub fn is_open(&self) -> bool {
        self.credentials.is_none() && self.addresses.is_none() && self.rules.allow_everything()
    }

    /// Whether it matters where a request comes from.
    pub fn asks_address(&self) -> bool {
        self.addresses.is_some() || self.proxies.is_some() || self.rules.depends_on_address()
    }

    /// Whether a connection of `peer` has to begin with a header of the PROXY protocol. One of anybody else never may: the
    /// header is no HTTP and no TLS, and is answered as what is neither.
    pub fn expects_proxy_header(&self, peer: IpAddr) -> bool {
        self.proxy_protocol && self.proxies.as_ref().is_some_and(|proxies| proxies.contains(peer))
    }

    /// Where a request comes from, as `peer` and the proxies say.
    pub fn address(&self, peer: IpAddr, request: Request<'_>) -> ClientAddress {
        let Some(proxies) = &self.proxies else { return ClientAddress::of_peer(peer) };
        let lines = |name| head::lines(request.bytes, request.head, name);
        let (plain, standard) = (lines("x-forwarded-for"), lines("forwarded"));
        client_address(peer, proxies, plain.into_iter(), standard.into_iter())
    }

    /// Whether a request from there is heard at all. An address nobody knows is none that is allowed, and one in doubt is heard
    /// neither by a list nor by a rule: whoever could make it so would choose which rules speak of it.
    ///
    /// # Errors
    /// [`Refusal::AddressNotAllowed`].
    pub fn check_address(&self, address: Option<ClientAddress>) -> Result<(), Rejection> {
        let reject = |why| Err(Rejection { refusal: Refusal::AddressNotAllowed, why });
        if let Some(doubt) = address.and_then(|address| address.doubt)
            && self.rules.depends_on_address()
        {
            return reject(doubt.word());
        }
        let Some(allowed) = &self.addresses else { return Ok(()) };
        match address {
            Some(address) if address.is_allowed(allowed) => Ok(()),
            Some(ClientAddress { doubt: Some(doubt), .. }) => reject(doubt.word()),
            Some(_) => reject("address_not_listed"),
            None => reject("address_unknown"),
        }
    }

    /// The credential that a request shows.
    ///
    /// # Errors
    /// [`Refusal::BadCredential`] when it shows several, or something that is none.
    pub fn shown<'b>(request: Request<'b>) -> Result<Credential<'b>, Rejection> {
        let head = request.head;
        let shown = |field| Shown::of(field, request.bytes);
        bearer::credential(shown(head.authorization), shown(head.api_key))
            .map_err(|error| Rejection { refusal: Refusal::BadCredential, why: error.word() })
    }
}

impl Credentials {
    /// Whose credential it is.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] for none, [`Refusal::BadCredential`] for one that is not good.
    pub fn identify(&self, credential: Credential<'_>, now_unix_s: u64) -> Result<Principal, Rejection> {
        let bad = |why| Rejection { refusal: Refusal::BadCredential, why };
        match credential {
            Credential::None => Err(Rejection { refusal: Refusal::Unauthenticated, why: "none_shown" }),
            Credential::ApiKey(key) => self.key(key, now_unix_s),
            // A token has two dots, and no key of ours has one. One of an older system may: it goes by `X-API-Key`.
            Credential::Bearer(token) if is_token(token) => match &self.tokens {
                Some((keys, expected)) => keys.verify(token, expected, now_unix_s).map_err(|error| bad(error.word())),
                None => Err(bad("tokens_not_taken")),
            },
            Credential::Bearer(key) => self.key(key, now_unix_s),
        }
    }

    fn key(&self, shown: &[u8], now_unix_s: u64) -> Result<Principal, Rejection> {
        let found = match &self.keys {
            Some(keys) => keys.find(shown, now_unix_s).map_err(|error| error.word()),
            None => Err("keys_not_taken"),
        };
        found.map_err(|why| Rejection { refusal: Refusal::BadCredential, why })
    }

    /// Whether a principal may have a route.
    ///
    /// # Errors
    /// [`Refusal::NotPermitted`].
    pub fn permit(&self, principal: &Principal, requires: Requires) -> Result<(), Rejection> {
        let is_permitted = match requires {
            Requires::Nothing => true,
            Requires::Caller => self.scopes.iter().all(|scope| principal.has_scope(scope)),
            Requires::Operator => principal.has_scope(OPERATE) || principal.has_role(OPERATOR),
        };
        if is_permitted { Ok(()) } else { Err(Rejection { refusal: Refusal::NotPermitted, why: "scope_missing" }) }
    }

    /// The tools that a principal's key is for; all of them when absent.
    pub fn permissions(&self, principal: &Principal) -> Option<Vec<Glob>> {
        let keys = self.keys.as_ref().filter(|_| principal.kind == CredentialKind::ApiKey)?;
        let permissions = keys.key(&principal.name)?.permissions.as_ref()?;
        Some(permissions.iter().filter_map(|text| Glob::new(text).ok()).collect())
    }
}

/// Whether it has the form of a compact JWS (RFC 7515 section 3.1).
fn is_token(text: &[u8]) -> bool {
    memchr::memchr_iter(b'.', text).count() == 2
}
