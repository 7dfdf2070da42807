//! What the environment says: `RINGWAY_*`, with `__` between section and key, and `_FILE` for a value in a file. It
//! never passes over a name it does not know.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use zeroize::Zeroizing;

use super::Said;
use super::keys::{self, Key};
use super::kind::{Raw, Scalar, Style};
use super::nearest::nearest;
use super::problem::{Findings, Origin};
use super::source_file;

/// Names that say something else than a key: where the file is, what other verbs use, and what the suites of this
/// repository tell one another while they run a server.
const OTHERS: [&str; 9] = [
    "RINGWAY_CONFIG",
    "RINGWAY_HEADER",
    "RINGWAY_URL",
    "RINGWAY_BENCH_CACHE",
    "RINGWAY_BENCH_RUN",
    "RINGWAY_CI_CACHE",
    "RINGWAY_ECHO_TEXT",
    "RINGWAY_SHARED",
    "RINGWAY_TEST_DRIVER",
];

/// The variables a configuration is made of, taken once: a process's environment does not change.
pub type Variables = BTreeMap<String, OsString>;

/// The variables of this process. A name that is not text is none of ours.
pub fn variables() -> Variables {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

/// What `RINGWAY_*` says of each key.
pub fn interpret(variables: &Variables, said: &mut Vec<Said>, findings: &mut Findings) {
    let ours = variables.iter().filter(|(name, _)| name.starts_with("RINGWAY_") && !OTHERS.contains(&name.as_str()));
    for (name, value) in ours {
        let origin = Origin::Environment(name.clone());
        let Some(value) = value.to_str() else {
            findings.error(&origin, "its value is not UTF-8");
            continue;
        };
        if is_service_link(name, value) {
            continue;
        }
        let named = |name: &str| keys::all().find(|key| key.variable() == name);
        if let Some(key) = named(name) {
            take(key, value, origin, said, findings);
        } else if let Some(key) = name.strip_suffix("_FILE").and_then(named) {
            if variables.contains_key(&key.variable()) {
                findings.bad.push(key.path);
                findings.error(&origin, format!("{} says the same; keep one of them", key.variable()));
                continue;
            }
            match from_file(value) {
                Ok(text) => take(key, &text, origin, said, findings),
                Err(wrong) => {
                    findings.bad.push(key.path);
                    // A secret that was put where its file's name belongs is not repeated.
                    let is_path = !key.secret || value.starts_with(['/', '.']);
                    let file = if is_path { value } else { "the file it names" };
                    findings.error(&origin, format!("{file}: {wrong}"));
                }
            }
        } else {
            findings.error(&origin, unknown(name));
        }
    }
}

/// The text of a file that a variable names. The newline that editors and `echo` add is not part of it.
fn from_file(path: &str) -> Result<Zeroizing<String>, String> {
    if !Path::new(path).exists() {
        return Err("there is no such file; write it, or unset this variable".into());
    }
    let bytes = source_file::read(Path::new(path))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8; a value is text".to_owned())?;
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Reads a value that came as text.
pub fn take(key: &'static Key, text: &str, origin: Origin, said: &mut Vec<Said>, findings: &mut Findings) {
    if key.absent.is_some() && matches!(text, "" | "null") {
        said.push(Said { key, value: None, origin });
        return;
    }
    match key.kind.read(&Raw::Scalar(Scalar { text: text.to_owned().into(), style: Style::Outside })) {
        Ok(value) => said.push(Said { key, value: Some(value), origin }),
        Err(wrong) => {
            findings.bad.push(key.path);
            findings.error(&origin, format!("{}: {wrong}", key.path));
        }
    }
}

fn unknown(name: &str) -> String {
    let path = name.trim_start_matches("RINGWAY_").trim_end_matches("_FILE").to_lowercase();
    // One underscore instead of two is the usual slip.
    let flat = |path: &str| path.replace("__", "_").replace('.', "_");
    let exact = keys::all().find(|key| flat(key.path) == flat(&path)).map(|key| key.path);
    let near = exact.or_else(|| nearest(&path.replace("__", "."), keys::all().map(|key| key.path)));
    match near.and_then(keys::find) {
        Some(key) => format!("there is no such variable; did you mean {}?", key.variable()),
        None => "there is no such variable; RINGWAY_SECTION__KEY sets a key of `ringway config schema`".into(),
    }
}

/// Kubernetes and `docker --link` tell every container of a service called `ringway` or `ringway-…` in variables of
/// these shapes; nobody wrote them.
fn is_service_link(name: &str, value: &str) -> bool {
    let port = |text: &str| {
        let mut parts = text.split('_');
        let number = parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let protocol = parts.next().is_some_and(|part| ["TCP", "UDP", "SCTP"].contains(&part));
        let what = parts.next().is_none_or(|part| ["PROTO", "PORT", "ADDR"].contains(&part));
        number && protocol && what && parts.next().is_none()
    };
    let scheme = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.ends_with("_SERVICE_PORT")
            || name.contains("_SERVICE_PORT_")
            || (name.ends_with("_PORT") && scheme)
            || name.rsplit_once("_PORT_").is_some_and(|(_, tail)| port(tail))
            || name.match_indices("_PORT_").any(|(at, found)| port(&name[at + found.len()..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_adds_is_not_ours() {
        for (name, value) in [
            ("RINGWAY_SERVICE_HOST", "10.0.0.1"),
            ("RINGWAY_SERVICE_PORT", "9999"),
            ("RINGWAY_SERVICE_PORT_HTTP", "9999"),
            ("RINGWAY_PORT", "tcp://10.0.0.1:9999"),
            ("RINGWAY_PORT_9999_TCP", "tcp://10.0.0.1:9999"),
            ("RINGWAY_PORT_9999_TCP_PORT", "9999"),
            ("RINGWAY_ADMIN_PORT_9990_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in
            [("RINGWAY_PORT", "9999"), ("RINGWAY_SERVER__LISTEN", "tcp://x"), ("RINGWAY_PORT_X_TCP", "1")]
        {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
