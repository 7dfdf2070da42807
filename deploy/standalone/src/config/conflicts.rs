//! Values that are good alone and cannot be together. It never changes one.

use super::settings::Settings;
use super::units::{size_text, time_text};

/// Two keys that clash: what is wrong is told at the place of the first.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The keys.
    pub keys: [&'static str; 2],
    /// What is wrong, and the fix.
    pub text: String,
}

/// Every conflict.
pub fn find(settings: &Settings) -> Vec<Conflict> {
    let limits = &settings.policy.limits;
    let mut found = Vec::new();
    let mut clash = |one: &'static str, other: &'static str, text: String| {
        found.push(Conflict { keys: [one, other], text: format!("{one} {text}") });
    };
    if let Some(admin) = settings.admin_listen {
        let listen = settings.listen;
        let same_address = admin.ip() == listen.ip() || admin.ip().is_unspecified() || listen.ip().is_unspecified();
        if admin.port() == listen.port() && admin.port() != 0 && same_address {
            let text = format!("({admin}) and server.listen ({listen}) are one address; give one of them another port");
            clash("server.admin_listen", "server.listen", text);
        }
    }
    if let (Some(shards), Some(cpus)) = (settings.shards, &settings.cpus) {
        let cores = cpus.0.len();
        if shards > cores {
            let text =
                format!("({shards}) is more than server.cpus lists ({cores}); list a core for each, or leave one out");
            clash("server.shards", "server.cpus", text);
        }
    }
    let mut at_most = |one: &'static str, value: u64, other: &'static str, bound: u64, text: fn(u64) -> String| {
        if value > bound {
            let (value, bound) = (text(value), text(bound));
            clash(one, other, format!("({value}) is more than {other} ({bound}); lower it, or raise the other"));
        }
    };
    let bytes = |count: usize| count as u64;
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let time = |millis| time_text(std::time::Duration::from_millis(millis));
    at_most(
        "limits.target_bytes_max",
        bytes(limits.target_bytes_max),
        "limits.head_bytes_max",
        bytes(limits.head_bytes_max),
        size_text,
    );
    at_most(
        "limits.body_rate_grace",
        millis(limits.body_rate_grace),
        "limits.body_time_max",
        millis(limits.body_time_max),
        time,
    );
    at_most(
        "limits.session_evict_idle_min",
        millis(limits.session_evict_idle_min),
        "limits.session_idle_max",
        millis(limits.session_idle_max),
        time,
    );
    found
}
