//! Who may call, made of a configuration: the files that it names are read and checked with everything else, so that a bad
//! one is told like a bad value and what was in force stays. It never puts anything in force, and never repeats a secret.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_dataplane::AddressList;
use ringway_dataplane::authorize::{Effect, Rules};
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::api_key::Pepper;
use ringway_dataplane::identify::claims::{Expected, Required};
use ringway_dataplane::identify::jwk::{self, Source};
use ringway_dataplane::identify::jwk_key::VerifyingKey;
use ringway_dataplane::identify::jws_algorithm::Algorithm;
use ringway_dataplane::identify::key_ring::{self, KeyFile, KeyRing, OlderKey};
use ringway_dataplane::identify::key_set::KeySet;
use ringway_dataplane::identify::metadata::Resource;
use ringway_dataplane::identify::weak_secret;
use zeroize::Zeroizing;

use super::environment::Variables;
use super::problem::{Findings, Origin};
use super::published::Published;
use super::settings::Settings;
use super::source_file::{self, Stamp};
use super::{InForce, rules_file};

/// Bytes of a file that is read here.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Variables of older systems that hold API keys, and how each is read.
type ReadKeys = fn(&str) -> Result<Vec<OlderKey>, ringway_dataplane::identify::api_key::BadKeys>;
const OLDER_KEYS: [(&str, ReadKeys); 2] = [("MCP_API_KEYS", key_ring::mcp_api_keys), ("API_KEYS", key_ring::api_keys)];

/// Makes it; `None` when something is wrong, which is in `findings` then.
pub fn load(
    settings: &Settings,
    values: &[InForce],
    variables: &Variables,
    published: &Published,
    findings: &mut Findings,
) -> Option<Arc<Access>> {
    if findings.bad.iter().any(|key| key.starts_with("auth.") || key.starts_with("access.")) {
        return None;
    }
    let mut loading = Loading { settings, values, published, findings, is_bad: false };
    let access = loading.access(variables);
    (!loading.is_bad).then(|| Arc::new(access))
}

/// Every file that is named with its stamp, so that one that changes is noticed.
pub fn stamps(settings: &Settings) -> Vec<(PathBuf, Option<Stamp>)> {
    let files = [&settings.auth.jwks_file, &settings.auth.keys_file, &settings.access.rules_file];
    files.into_iter().flatten().map(|path| (path.clone(), source_file::stamp(path))).collect()
}

struct Loading<'a> {
    settings: &'a Settings,
    values: &'a [InForce],
    published: &'a Published,
    findings: &'a mut Findings,
    is_bad: bool,
}

impl Loading<'_> {
    fn access(&mut self, variables: &Variables) -> Access {
        let settings = self.settings;
        let rules = self.rules();
        if settings.auth.mode == "none" {
            self.warn_of_unused(variables);
        }
        let credentials = if settings.auth.mode == "none" { None } else { self.credentials(variables) };
        if credentials.is_none() && settings.auth.mode == "required" {
            self.bad(
                "auth.mode",
                "auth.mode is required, and there is nothing to know callers by; give auth.keys_file, auth.jwt_secret or \
                 auth.jwks_file",
            );
        }
        let is_silent = self.origin("auth.mode") == Origin::Default;
        let is_local = |address: &std::net::SocketAddr| address.ip().is_loopback();
        let reached = [("server.listen", Some(settings.listen)), ("server.admin_listen", settings.admin_listen)];
        for (key, address) in reached {
            let Some(address) = address.filter(|address| credentials.is_none() && is_silent && !is_local(address))
            else {
                continue;
            };
            self.bad(
                key,
                &format!(
                    "{key} ({address}) is reached by others and nobody is asked who they are; give auth.keys_file, \
                     auth.jwt_secret or auth.jwks_file, listen on 127.0.0.1, or say --insecure-no-auth"
                ),
            );
        }
        let is_proxied = settings.access.proxy_protocol == "required";
        if is_proxied && settings.access.proxies.as_ref().is_none_or(Vec::is_empty) {
            self.bad(
                "access.proxy_protocol",
                "access.proxy_protocol is required of access.proxies, which names none; name the proxies there",
            );
        }
        let networks = |list: &Option<Vec<String>>| list.as_ref().and_then(|list| AddressList::parse(list).ok());
        let auth = &settings.auth;
        let servers = if auth.authorization_servers.is_empty() { &auth.issuers } else { &auth.authorization_servers };
        let is_known = credentials.is_some();
        Access {
            addresses: networks(&settings.access.addresses),
            proxies: networks(&settings.access.proxies),
            proxy_protocol: is_proxied,
            resource: Resource {
                uri: auth.resource.as_deref().map(Into::into),
                authorization_servers: if is_known { boxed(servers) } else { Box::default() },
                scopes: boxed(&auth.scopes),
                name: None,
            },
            credentials,
            rules,
            asks_operators: settings.admin_listen.is_some_and(|admin| !is_local(&admin)),
        }
    }

    /// Somebody meant callers to be known, and somebody said that nobody is.
    fn warn_of_unused(&mut self, variables: &Variables) {
        let auth = &self.settings.auth;
        let keys = [
            ("auth.jwt_secret", auth.jwt_secret.is_some()),
            ("auth.jwks_file", auth.jwks_file.is_some()),
            ("auth.jwks_url", auth.jwks_url.is_some()),
            ("auth.keys_file", auth.keys_file.is_some()),
            ("auth.client_certificates", auth.client_certificates),
        ];
        for (key, _) in keys.iter().filter(|(_, is_said)| *is_said) {
            let origin = self.origin(key);
            self.findings.warning(&origin, format!("{key} has no effect: nobody is authenticated, as auth.mode says"));
        }
        for (name, _) in OLDER_KEYS.iter().filter(|(name, _)| variables.get(*name).is_some_and(|text| !text.is_empty()))
        {
            let text = "it asks for API keys; nobody is authenticated, as auth.mode says".to_owned();
            self.findings.warning(&Origin::Environment((*name).to_owned()), text);
        }
    }

    fn credentials(&mut self, variables: &Variables) -> Option<Credentials> {
        let tokens = self.tokens();
        let keys = self.keys(variables);
        let auth = &self.settings.auth;
        let certificates = auth.client_certificates.then(|| boxed(&auth.client_certificate_scopes));
        if certificates.is_some() && self.settings.tls.client_auth == "none" {
            self.bad(
                "auth.client_certificates",
                "auth.client_certificates needs clients that are asked for one; give tls.client_ca and tls.client_auth",
            );
        }
        if tokens.is_none() && keys.is_none() && certificates.is_none() {
            return None;
        }
        Some(Credentials { tokens, keys, certificates, scopes: boxed(&self.settings.auth.scopes) })
    }

    fn tokens(&mut self) -> Option<(KeySet, Expected)> {
        let auth = &self.settings.auth;
        let mut keys = Vec::new();
        if let Some(secret) = &auth.jwt_secret {
            if let Err(weak) = weak_secret::check_secret(&self.name_of("auth.jwt_secret"), secret.text().as_bytes()) {
                self.bad("auth.jwt_secret", &weak.to_string());
                return None;
            }
            let algorithm = Algorithm::parse(&auth.jwt_algorithm).unwrap_or(Algorithm::Hs256);
            match VerifyingKey::from_secret(
                auth.jwt_key_id.as_deref(),
                algorithm,
                Zeroizing::new(secret.text().as_bytes().into()),
            ) {
                Ok(key) => keys.push(key),
                Err(error) => self.bad("auth.jwt_secret", &format!("auth.jwt_secret: {error}")),
            }
        }
        if let Some(path) = &auth.jwks_file {
            let text = self.read("auth.jwks_file", path)?;
            match jwk::read_jwks(&text, Source::Own) {
                Ok(set) => {
                    for refused in &set.refused {
                        let origin = self.origin("auth.jwks_file");
                        self.findings.warning(&origin, format!("{}: {refused}", path.display()));
                    }
                    keys.extend(set.keys);
                }
                Err(error) => self.bad("auth.jwks_file", &format!("{}: {error}", path.display())),
            }
            if auth.audiences.is_empty() {
                self.bad(
                    "auth.jwks_file",
                    "auth.jwks_file takes tokens of others, and without auth.audiences one for somebody else would be \
                     taken here; give what its issuer calls this server (RFC 8707)",
                );
            }
        }
        if let Some(url) = &auth.jwks_url {
            let is_here =
                ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start));
            if !url.starts_with("https://") && !is_here {
                self.bad(
                    "auth.jwks_url",
                    "auth.jwks_url is asked in the clear, and anybody between could answer; use https",
                );
            }
            if auth.audiences.is_empty() {
                self.bad(
                    "auth.jwks_url",
                    "auth.jwks_url takes tokens of others, and without auth.audiences one for somebody else would be \
                     taken here; give what its issuer calls this server (RFC 8707)",
                );
            }
            keys.extend(self.published_keys(url));
        }
        // Published keys may come later: until then every token is one that no key has signed.
        if keys.is_empty() && auth.jwks_url.is_none() {
            return None;
        }
        let required = match auth.jwks_file.is_some() || auth.jwks_url.is_some() {
            true => Required { issuer: !auth.issuers.is_empty(), ..Required::ALL },
            false => Required {
                issuer: !auth.issuers.is_empty(),
                audience: !auth.audiences.is_empty(),
                ..Required::EXPIRY_AND_SUBJECT
            },
        };
        let expected = Expected {
            issuers: boxed(&auth.issuers),
            audiences: boxed(&auth.audiences),
            required,
            names_issuer: auth.issuers.len() > 1,
            ..Expected::default()
        };
        match KeySet::new(keys) {
            Ok(set) => Some((set, expected)),
            Err(error) => {
                self.bad("auth.jwks_file", &error.to_string());
                None
            }
        }
    }

    /// What an issuer publishes. It is not the operator's mistake when that is bad: it is told, and such keys are none.
    fn published_keys(&mut self, url: &str) -> Vec<VerifyingKey> {
        let origin = self.origin("auth.jwks_url");
        let Some(text) = self.published.text() else {
            self.findings.warning(&origin, format!("{url} cannot be had; its tokens are refused until it can"));
            return Vec::new();
        };
        match jwk::read_jwks(text, Source::Published) {
            Ok(set) => {
                let told = set.refused.iter().map(|refused| format!("{url}: {refused}"));
                told.for_each(|text| self.findings.warning(&origin, text));
                set.keys
            }
            Err(error) => {
                self.findings.warning(&origin, format!("{url}: {error}; its tokens are refused until that is mended"));
                Vec::new()
            }
        }
    }

    fn keys(&mut self, variables: &Variables) -> Option<KeyRing> {
        let mut older = Vec::new();
        for (name, read) in OLDER_KEYS {
            let Some(text) = variables.get(name).filter(|text| !text.is_empty()) else { continue };
            match read(&Zeroizing::new(text.to_string_lossy().into_owned())) {
                Ok(keys) => older.extend(keys),
                Err(error) => {
                    self.findings.error(&Origin::Environment(name.into()), error.to_string());
                    self.is_bad = true;
                }
            }
        }
        let file = match &self.settings.auth.keys_file {
            Some(path) => match crate::keys::store::read(path) {
                Ok(file) => file,
                Err(trouble) => {
                    self.bad("auth.keys_file", &trouble.to_string());
                    return None;
                }
            },
            None if older.is_empty() => return None,
            None => match crate::keys::random() {
                Ok(bytes) => KeyFile::new(Pepper::new(bytes)),
                Err(trouble) => {
                    self.bad("auth.keys_file", &trouble.to_string());
                    return None;
                }
            },
        };
        match KeyRing::new(file, older) {
            Ok(ring) => Some(ring),
            Err(error) => {
                self.bad("auth.keys_file", &error.to_string());
                None
            }
        }
    }

    fn rules(&mut self) -> Rules {
        let access = &self.settings.access;
        let default = if access.default == "deny" { Effect::Deny } else { Effect::Allow };
        let mut specs = Vec::new();
        if let Some(path) = &access.rules_file {
            let Some(text) = self.read("access.rules_file", path) else { return Rules::empty() };
            match rules_file::read(&text) {
                Ok(read) => specs = read,
                Err(mistakes) => {
                    for mistake in mistakes {
                        self.bad("access.rules_file", &format!("{}: {mistake}", path.display()));
                    }
                }
            }
        }
        Rules::compile(specs, default).unwrap_or_else(|errors| {
            for error in errors {
                self.bad("access.rules_file", &error.to_string());
            }
            Rules::empty()
        })
    }

    /// Reads a file. A JWK set may hold secrets: it is wiped like one.
    fn read(&mut self, key: &'static str, path: &Path) -> Option<Zeroizing<String>> {
        let read = || -> std::io::Result<Zeroizing<String>> {
            let mut text = Zeroizing::new(String::new());
            std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => Some(text),
            Err(error) => {
                self.bad(key, &format!("{key}: {} cannot be read ({error}); name a file that can", path.display()));
                None
            }
        }
    }

    fn bad(&mut self, key: &'static str, text: &str) {
        let origin = self.origin(key);
        self.findings.error(&origin, text.to_owned());
        self.is_bad = true;
    }

    fn origin(&self, key: &str) -> Origin {
        self.values.iter().find(|row| row.key.path == key).map_or(Origin::Default, |row| row.origin.clone())
    }

    /// What its author calls a key: the variable that said it, if one did.
    fn name_of(&self, key: &str) -> String {
        match self.origin(key) {
            Origin::Environment(name) => name,
            _ => key.to_owned(),
        }
    }
}

fn boxed(words: &[String]) -> Box<[Box<str>]> {
    words.iter().map(|word| word.as_str().into()).collect()
}
