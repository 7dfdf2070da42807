//! The table of keys: everything that can be configured, once. Reading, checking, the schema, `config show`, `config
//! init`, environment names and flags all come from it. It never holds a value in force.

use super::field::Field as _;
use super::kind::{Kind, Value};
use super::settings::Settings;

mod audit;
mod auth;
mod limits;
mod tls;

/// One key.
pub struct Key {
    /// Its path, dots between sections.
    pub path: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// One sentence for operators.
    pub summary: &'static str,
    /// What it means that there is no value; `None` where there always is one.
    pub absent: Option<&'static str>,
    /// Whether a running server takes a new value.
    pub live: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Its flag of `serve`, without dashes; every key has `--set`.
    pub flag: Option<&'static str>,
    /// Environment variables of older systems that say the same.
    pub older: &'static [&'static str],
    /// The value in settings.
    pub value: fn(&Settings) -> Option<Value>,
    /// Puts a value into settings.
    pub store: fn(&mut Settings, Option<Value>),
}

/// A row of the table.
macro_rules! key {
    ($path:literal, $kind:expr, $($field:ident).+, $summary:literal) => {
        $crate::config::keys::Key {
            path: $path,
            kind: $kind,
            summary: $summary,
            absent: None,
            live: true,
            secret: false,
            flag: None,
            older: &[],
            value: |settings| settings.$($field).+.shown(),
            store: |settings, value| settings.$($field).+.fill(value),
        }
    };
}
pub(super) use key;

impl Key {
    const fn absent(self, meaning: &'static str) -> Key {
        Key { absent: Some(meaning), ..self }
    }

    const fn at_start(self) -> Key {
        Key { live: false, ..self }
    }

    const fn secret(self) -> Key {
        Key { secret: true, ..self }
    }

    const fn flag(self, flag: &'static str) -> Key {
        Key { flag: Some(flag), ..self }
    }

    const fn older(self, older: &'static [&'static str]) -> Key {
        Key { older, ..self }
    }

    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("RINGWAY_{}", self.path.replace('.', "__").to_uppercase())
    }

    /// Its section, and its name there.
    pub fn parts(&self) -> (Option<&'static str>, &'static str) {
        match self.path.split_once('.') {
            Some((section, name)) => (Some(section), name),
            None => (None, self.path),
        }
    }

    /// A value as people see it: `null` when there is none, and stars for a secret.
    pub fn shown(&self, value: Option<&Value>) -> String {
        match value {
            Some(_) if self.secret => "********".into(),
            Some(value) => self.kind.text(value),
            None => "null".into(),
        }
    }
}

/// Sections, in their order, each in a sentence.
pub const SECTIONS: [(&str, &str); 13] = [
    ("server", "Where it listens, on which cores it runs and for whom it answers."),
    ("io", "How client sockets are driven."),
    ("faces", "Ways in beside /mcp."),
    ("limits", "Bounds of what clients may make a shard hold or wait for; each has a stated answer when it is passed."),
    (
        "tls",
        "TLS of server.listen; what changes is for connections that come from then on, and on or off for a restart.",
    ),
    ("auth", "How callers are known."),
    ("access", "From where they may call, and what they may see and use."),
    ("audit", "The audit log: who did what, chained so that a change shows; `ringway audit verify` checks it."),
    ("log", "The log of state changes: starts, reloads, refusals to start, drains."),
    ("access_log", "The log of requests: never a token, never a tool argument."),
    ("metrics", "What /metrics shows."),
    ("health", "When this server calls itself unwell."),
    ("reload", "How a changed configuration file is noticed; SIGHUP always rereads it."),
];

/// The profiles, and what each is for.
pub const PROFILES: &[(&str, &str)] = &[
    ("dev", "one person on one machine: readable debug logs, every request logged, small limits, two shards"),
    ("prod", "a service: JSON logs, an access log sampled above 1000 lines a second and shard"),
    ("low-latency", "agents that cannot wait: many long connections, room for bursts, little logging"),
];

const LEVELS: &[(&str, &str)] = &[
    ("error", "what failed"),
    ("warn", "what somebody should look at"),
    ("info", "changes of state"),
    ("debug", "what helps to find a mistake"),
    ("trace", "everything"),
];
const FORMATS: &[(&str, &str)] =
    &[("auto", "pretty on a terminal, else JSON"), ("json", "one JSON object a line"), ("pretty", "for people")];
const COMPATIBILITY: &[(&str, &str)] =
    &[("enterprise", "mcp_requests_total and its family"), ("mcpo", "mcpo_requests_total and its family")];
const DRIVERS: &[(&str, &str)] = &[
    ("auto", "ring where the kernel grants it, else glommio"),
    ("ring", "an io_uring of each shard's own (Linux 6.1)"),
    ("glommio", "the executor's own sockets"),
];

/// Every key but limits, TLS, who may call and the audit log, in the order people read them.
const GENERAL: [Key; 24] = [
    key!(
        "profile",
        Kind::Choice(PROFILES),
        profile,
        "A set of defaults for a purpose; what is said elsewhere wins over it."
    )
    .absent("the defaults as they are")
    .flag("profile"),
    key!("server.listen", Kind::Address, listen, "Where MCP is served, besides health and metrics.")
        .at_start()
        .flag("listen")
        .older(&["SOVREN_HOST", "SOVREN_PORT"]),
    key!(
        "server.admin_listen",
        Kind::Address,
        admin_listen,
        "Where health, metrics and status are served for operators."
    )
    .absent("nowhere else than at server.listen")
    .at_start()
    .flag("admin-listen")
    .older(&["SOVREN_METRICS_PORT"]),
    key!("server.shards", Kind::Count(1, 1024), shards, "Shards to run.")
        .absent("one a core")
        .at_start()
        .flag("shards"),
    key!("server.cpus", Kind::Cpus, cpus, "Cores to run on, like 2-5 or 0,2.")
        .absent("those this process may use")
        .at_start()
        .flag("cpus"),
    key!(
        "server.allow_hosts",
        Kind::Hosts,
        allow_hosts,
        "Host values this server answers for, besides loopback names and its own address; * for any."
    )
    .flag("allow-host"),
    key!(
        "server.allow_origins",
        Kind::Origins,
        allow_origins,
        "Origins whose pages may call, besides those on loopback; * for any."
    )
    .flag("allow-origin"),
    key!(
        "server.state_key",
        Kind::StateKey,
        state_key,
        "Seals what multi-round-trip clients carry, 64 hexadecimal characters; replicas that share clients must \
         share it."
    )
    .absent("random at each start")
    .at_start()
    .secret(),
    key!("io.driver", Kind::Choice(DRIVERS), io.driver, "What drives client sockets.").at_start(),
    key!(
        "io.receive_bytes",
        Kind::Bytes(64 << 10, 128 << 20),
        io.receive_bytes,
        "Memory the kernel puts received bytes into, of each shard's ring; rounded up to a power of two buffers of 4 KiB."
    )
    .at_start(),
    key!("faces.rest", Kind::Flag, policy.faces.rest, "GET /tools, POST /tools/{name}, /openapi.json and /api/mcp/*."),
    key!("faces.websocket", Kind::Flag, policy.faces.websocket, "MCP over WebSocket at /ws."),
    key!("faces.sse", Kind::Flag, policy.faces.sse, "The HTTP+SSE transport of 2024-11-05, at /sse and /messages."),
    key!(
        "faces.command",
        Kind::Flag,
        policy.faces.command,
        "The command form of the older enterprise server, POST /command."
    ),
    key!("log.level", Kind::Choice(LEVELS), log.level, "The least important lines that are written.")
        .flag("log-level")
        .older(&["SOVREN_LOG_LEVEL"]),
    key!("log.format", Kind::Choice(FORMATS), log.format, "How lines look, of both logs.")
        .at_start()
        .flag("log-format"),
    key!("log.file", Kind::Path, log.file, "The file lines are appended to.").absent("standard error").at_start(),
    key!("access_log.enabled", Kind::Flag, policy.access_log.enabled, "Whether requests are logged."),
    key!("access_log.file", Kind::Path, access_log_file, "The file requests are appended to.")
        .absent("where log.file says")
        .at_start(),
    key!(
        "access_log.per_second_max",
        Kind::Count(1, 1_000_000),
        policy.access_log.per_second_max,
        "Lines a second and shard above which good requests are sampled; errors are always written."
    ),
    key!(
        "metrics.compatibility",
        Kind::Choices(COMPATIBILITY),
        policy.metrics,
        "Older systems whose metric names are shown too."
    ),
    key!(
        "health.memory_bytes_max",
        Kind::Bytes(16 << 20, 1 << 50),
        policy.health.memory_bytes_max,
        "Resident memory above which /health says unwell."
    )
    .absent("no bound")
    .older(&["SOVREN_MAX_MEMORY_MB"]),
    key!("reload.watch", Kind::Flag, reload.watch, "Whether a changed configuration file is read without SIGHUP."),
    key!("reload.check_every", Kind::Time(100, 3_600_000), reload.check_every, "How often the file is looked at."),
];

/// Every key, in the order people read them: limits, TLS, who may call and the audit log after `faces`.
pub fn all() -> impl Iterator<Item = &'static Key> + Clone {
    const LIMITS_AFTER: usize = 14;
    static GENERAL_KEYS: [Key; 24] = GENERAL;
    let (before, after) = GENERAL_KEYS.split_at(LIMITS_AFTER);
    before
        .iter()
        .chain(limits::KEYS.iter())
        .chain(tls::KEYS.iter())
        .chain(auth::KEYS.iter())
        .chain(audit::KEYS.iter())
        .chain(after)
}

/// The key at a path.
pub fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| key.path == path)
}

/// Paths of keys and names of sections, to guess from.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    all().map(|key| key.path).chain(SECTIONS.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::problem::{Findings, Origin};
    use crate::config::schema::json_of;
    use crate::config::secret::Secret;
    use crate::config::show::{self, Format};
    use crate::config::{Config, InForce, Sources, environment};

    #[test]
    fn every_key_is_well_formed() {
        let mut paths = BTreeSet::new();
        let mut flags = BTreeSet::new();
        for key in all() {
            assert!(paths.insert(key.path), "{} is there twice", key.path);
            assert!(key.summary.ends_with('.') && key.summary.len() > 10, "{}: a sentence", key.path);
            assert!(key.flag.is_none_or(|flag| flags.insert(flag)), "{}: its flag is taken", key.path);
            assert_eq!(find(key.path).map(|found| found.path), Some(key.path));
            let (section, name) = key.parts();
            assert!(!name.contains('.'), "{}: two levels", key.path);
            assert!(section.is_none_or(|section| SECTIONS.iter().any(|(known, _)| *known == section)), "{}", key.path);
            let default = (key.value)(&Settings::default());
            assert_eq!(default.is_none(), key.absent.is_some() && key.path != "server.admin_listen", "{}", key.path);
        }
        let order: Vec<_> = all().filter_map(|key| key.parts().0).collect();
        let sections: Vec<_> = order.chunk_by(|a, b| a == b).map(|run| run[0]).collect();
        assert_eq!(sections, SECTIONS.map(|(name, _)| name), "keys of a section stand together");
    }

    #[test]
    fn what_is_stored_is_what_is_shown() {
        for key in all() {
            let mut settings = Settings::default();
            let other = match key.kind {
                Kind::Flag => Value::Flag((key.value)(&settings) == Some(Value::Flag(false))),
                Kind::Count(least, _) | Kind::Bytes(least, _) => Value::Number(least),
                Kind::Time(least, _) => Value::Time(std::time::Duration::from_millis(least)),
                Kind::Choice(words) => Value::Text(words[0].0.into()),
                Kind::Choices(words) => Value::List(vec![words[0].0.into()]),
                Kind::Address => Value::Text("[::1]:1".into()),
                Kind::Cpus => Value::Text("0,2".into()),
                Kind::Certificates => Value::List(vec!["a.pem:a.key".into()]),
                Kind::Hosts | Kind::Origins => Value::List(vec!["*".into()]),
                Kind::Secret => Value::Secret(Secret::new("a/b")),
                Kind::Path | Kind::Word => Value::Text("a/b".into()),
                Kind::Url => Value::Text("https://a.example/mcp".into()),
                Kind::Words | Kind::Networks => Value::List(vec!["10.0.0.0/8".into()]),
                Kind::StateKey => continue,
            };
            (key.store)(&mut settings, Some(other.clone()));
            assert_eq!((key.value)(&settings), Some(other), "{}", key.path);
            let changed = all().filter(|key| (key.value)(&settings) != (key.value)(&Settings::default()));
            assert!(changed.count() <= 1, "{} changes one value", key.path);
        }
    }

    /// Whoever adds a secret keeps it from being shown: by its key, and whatever holds its value.
    #[test]
    fn no_secret_is_shown() {
        // Good as a state key and as a token's secret.
        const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1ff";
        let mut count = 0;
        for key in all() {
            let is_secret = matches!(key.kind, Kind::Secret | Kind::StateKey);
            assert_eq!(key.secret, is_secret, "{}: what is a secret is one by both", key.path);
            if !is_secret {
                continue;
            }
            count += 1;
            let (origin, mut said) = (Origin::Environment(key.variable()), Vec::new());
            let mut findings = Findings::default();
            environment::take(key, SECRET, origin.clone(), &mut said, &mut findings);
            let mut settings = Settings::default();
            let value = said.first().and_then(|said| said.value.clone());
            (key.store)(&mut settings, value.clone());
            assert!((key.value)(&settings).is_some(), "{} was taken", key.path);
            let row = InForce { key, value: value.clone(), origin };
            let config = Config {
                settings,
                values: vec![row],
                tls: None,
                access: Default::default(),
                access_files: Vec::new(),
                published: None,
                warnings: Vec::new(),
            };
            let mut shown =
                vec![format!("{said:?} {value:?} {config:?} {:?}", config.settings), key.shown(value.as_ref())];
            shown.push(json_of(key, value.as_ref()).to_string());
            shown.push(value.as_ref().map_or_else(String::new, |value| key.kind.text(value)));
            shown.extend([Format::Yaml, Format::Json, Format::Table].map(|format| show::text(&config, format)));
            let variables = [(key.variable(), SECRET.into())].into();
            shown.push(format!("{:?}", Sources { variables, ..Sources::default() }));
            // What is wrong is told without it.
            for wrong in [format!("{SECRET}!"), SECRET.replace('f', "é")] {
                let mut findings = Findings::default();
                let origin = Origin::Environment(key.variable());
                environment::take(key, &wrong, origin, &mut Vec::new(), &mut findings);
                shown.push(format!("{findings:?}"));
            }
            for text in shown {
                assert!(!text.contains(&SECRET[..12]) && !text.contains("0, 15, 30"), "{}: {text}", key.path);
            }
        }
        assert!(count >= 2, "{count}");
    }

    /// Whoever adds a bound decides what operators call it.
    #[test]
    fn every_limit_has_a_key() {
        let debug = format!("{:?}", ringway_dataplane::Limits::default());
        let fields = debug.split(['{', ',']).skip(1).filter_map(|part| part.split_once(':'));
        let mut count = 0;
        for (field, _) in fields {
            let path = format!("limits.{}", field.trim());
            assert!(find(&path).is_some(), "`Limits` has a field without a key: add {path} to keys/limits.rs");
            count += 1;
        }
        assert_eq!(count, limits::KEYS.len());
    }
}
