//! The environment of the systems that Ringway replaces. What has a key here sets it; what promised protection that
//! would not be there keeps Ringway from starting; the rest is told. It never passes over one of their names.

use zeroize::Zeroizing;

use super::Said;
use super::environment::{self, Variables};
use super::keys;
use super::problem::{Findings, Origin};

/// Names that set a key as they stand, and how their text becomes its value.
type Translate = fn(&str) -> String;
const SAME: [(&str, &str, Translate); 6] = [
    ("SOVREN_JWT_SECRET", "auth.jwt_secret", |text| text.to_owned()),
    ("JWT_SECRET", "auth.jwt_secret", |text| text.to_owned()),
    ("SOVREN_ALLOWED_IPS", "access.addresses", |text| text.to_owned()),
    ("SOVREN_MAX_CONNECTIONS", "limits.connections_max", |text| text.to_owned()),
    ("SOVREN_LOG_LEVEL", "log.level", log_level),
    ("SOVREN_MAX_MEMORY_MB", "health.memory_bytes_max", megabytes),
];
/// Names that together are an address.
const ADDRESS: [&str; 3] = ["SOVREN_HOST", "SOVREN_PORT", "SOVREN_METRICS_PORT"];
/// Names of features that only save load: without them the server works, and says so.
const NOT_YET: [(&str, &str); 5] = [
    ("SOVREN_RATE_LIMIT_PER_MINUTE", "rate limits are not there yet"),
    ("RATE_LIMIT_", "rate limits are not there yet"),
    ("CIRCUIT_BREAKER_", "circuit breakers are not there yet"),
    ("AUTO_SHUTDOWN_TIMEOUT", "servers on demand are not there yet"),
    ("DATABASE_URL", "data tools are not there yet"),
];

/// Python's names of levels, in any case, as ours.
fn log_level(text: &str) -> String {
    let level = text.to_lowercase();
    match level.as_str() {
        "warning" => "warn".into(),
        "critical" | "fatal" => "error".into(),
        _ => level,
    }
}

/// A number alone counts megabytes; what brings its own unit keeps it.
fn megabytes(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}MiB") } else { text.to_owned() }
}

fn is_on(text: &str) -> bool {
    !matches!(text.to_lowercase().as_str(), "" | "false" | "0" | "no" | "off")
}

/// What a name promised, when its text turns it on: the sentence's middle, and the way out.
fn protection(name: &str, text: &str, tls: bool) -> Option<(&'static str, &'static str)> {
    let secret = name.contains("SECRET") || name.contains("KEY");
    let token = ["JWT_", "SOVREN_JWT_", "MCP_JWT_"].iter().any(|prefix| name.starts_with(prefix));
    let promised = match name {
        "SOVREN_ENABLE_TLS" if is_on(text) && !tls => {
            ("TLS, and no certificate is named", "give tls.certificate and tls.key, or set it to false")
        }
        "API_KEYS" | "MCP_API_KEYS" | "JWT_SECRET" | "SOVREN_JWT_SECRET" => return None,
        "MCP_API_KEY" | "SOVREN_API_KEYS" | "SOVREN_API_KEY" => (
            "API keys, and they are not read from there",
            "name it MCP_API_KEYS, or say --no-auth to serve without authentication",
        ),
        _ if name == "SOVREN_SECRET_KEY" || (token && secret) => (
            "signed tokens, and their secret is not read from there",
            "name it JWT_SECRET, or say --no-auth to serve without authentication",
        ),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(promised)
}

/// What the older names say, in `said`; `no_auth` is whether somebody said aloud that nobody is authenticated, `tls` whether
/// somebody names certificates.
pub fn interpret(variables: &Variables, no_auth: bool, tls: bool, said: &mut Vec<Said>, findings: &mut Findings) {
    for (name, value) in variables {
        let origin = Origin::Environment(name.clone());
        let text = value.to_string_lossy();
        if let Some((what, fix)) = protection(name, &text, tls) {
            if no_auth && fix.contains("--no-auth") {
                findings.warning(&origin, format!("it asks for {what}; nobody is authenticated, as auth.mode says"));
            } else {
                findings.error(&origin, format!("it asks for {what}; {fix}"));
            }
        } else if let Some((_, path, translate)) = SAME.iter().find(|(same, ..)| same == name) {
            if let Some(key) = keys::find(path) {
                environment::take(key, &Zeroizing::new(translate(text.trim())), origin, said, findings);
            }
        } else if let Some((_, why)) = NOT_YET.iter().find(|(start, _)| is_named(name, start)) {
            findings.warning(&origin, format!("it has no effect: {why}"));
        } else if name.starts_with("SOVREN_") && !ADDRESS.contains(&name.as_str()) && name != "SOVREN_ENABLE_TLS" {
            let known = SAME.iter().map(|(name, ..)| *name).chain(ADDRESS);
            let near = super::nearest::nearest(name, known);
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            findings.warning(&origin, format!("it has no effect: Ringway does not know it{near}"));
        }
    }
    addresses(variables, said, findings);
}

/// Whether a name is the one, or begins with it where it ends in `_`.
fn is_named(name: &str, start: &str) -> bool {
    if start.ends_with('_') { name.starts_with(start) } else { name == start }
}

/// `SOVREN_HOST` and `SOVREN_PORT` are `server.listen`, `SOVREN_METRICS_PORT` on the same host `server.admin_listen`.
fn addresses(variables: &Variables, said: &mut Vec<Said>, findings: &mut Findings) {
    const PORT: &str = "9999";
    let text = |name: &str| variables.get(name).map(|value| value.to_string_lossy().trim().to_owned());
    let host = match text("SOVREN_HOST") {
        Some(host) if host == "localhost" => Some("127.0.0.1".to_owned()),
        host => host.filter(|host| !host.is_empty()),
    };
    if let Some(host) = &host
        && host.parse::<std::net::IpAddr>().is_err()
    {
        let origin = Origin::Environment("SOVREN_HOST".into());
        findings.bad.extend(["server.listen", "server.admin_listen"]);
        findings.error(&origin, format!("{host:?} is not an IP address; write one, like 127.0.0.1 or 0.0.0.0"));
        return;
    }
    let at = |port: &str| match &host {
        Some(host) if host.contains(':') => format!("[{host}]:{port}"),
        Some(host) => format!("{host}:{port}"),
        None => format!("127.0.0.1:{port}"),
    };
    let port = |name: &str| text(name).filter(|port| !port.is_empty());
    let mut set = |name: &str, path: &str, port: &str, findings: &mut Findings| {
        let origin = Origin::Environment(name.to_owned());
        let Some(key) = keys::find(path) else { return };
        if port.parse::<u16>().is_err() {
            findings.bad.push(key.path);
            findings.error(&origin, format!("{port:?} is not a port; write a number from 1 to 65535"));
            return;
        }
        environment::take(key, &at(port), origin, said, findings);
    };
    match (port("SOVREN_PORT"), &host) {
        (Some(port), _) => set("SOVREN_PORT", "server.listen", &port, findings),
        (None, Some(_)) => set("SOVREN_HOST", "server.listen", PORT, findings),
        (None, None) => {}
    }
    if let Some(port) = port("SOVREN_METRICS_PORT") {
        set("SOVREN_METRICS_PORT", "server.admin_listen", &port, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_keys_names_what_is_read_here() {
        let mut listed: Vec<&str> = keys::all().flat_map(|key| key.older).copied().collect();
        let mut read: Vec<&str> = SAME.iter().map(|(name, ..)| *name).chain(ADDRESS).collect();
        listed.sort_unstable();
        read.sort_unstable();
        assert_eq!(listed, read);
    }
}
