//! The profiles: defaults for a purpose. What a file, the environment or a flag says wins over them.

use super::keys::PROFILES;

/// A key and its value, as it would stand in a file; a list as in the environment.
type Row = (&'static str, &'static str);

/// One person on one machine. Two shards, so that what only happens between shards is met early; small limits, so that
/// a leak shows in minutes.
const DEV: &[Row] = &[
    ("server.shards", "2"),
    ("limits.connections_max", "256"),
    ("limits.in_flight_max", "64"),
    ("limits.sessions_max", "64"),
    ("limits.listens_max", "64"),
    ("limits.tasks_max", "64"),
    ("limits.call_time_max", "1m"),
    ("limits.drain_time_max", "5s"),
    ("log.level", "debug"),
    ("log.format", "pretty"),
    ("access_log.enabled", "true"),
    ("access_log.per_second_max", "1000000"),
];

/// A service that others look after: what it writes is read by machines.
const PROD: &[Row] = &[
    ("log.level", "info"),
    ("log.format", "json"),
    ("access_log.enabled", "true"),
    ("access_log.per_second_max", "1000"),
];

/// Agents that keep many connections and cannot wait. A new connection costs more than an idle one, a burst is queued
/// rather than refused, and what is periodic happens less often.
const LOW_LATENCY: &[Row] = &[
    ("limits.connections_max", "50000"),
    ("limits.in_flight_max", "16384"),
    ("limits.sessions_max", "16384"),
    ("limits.listens_max", "8192"),
    ("limits.tasks_max", "8192"),
    ("limits.idle_time_max", "10m"),
    ("limits.keep_alive_every", "30s"),
    ("log.level", "info"),
    ("log.format", "json"),
    ("access_log.enabled", "true"),
    ("access_log.per_second_max", "10"),
];

/// What a profile sets.
pub fn rows(name: &str) -> &'static [Row] {
    match name {
        "dev" => DEV,
        "prod" => PROD,
        "low-latency" => LOW_LATENCY,
        _ => &[],
    }
}

/// The name as it lives as long as the program.
pub fn known(name: &str) -> Option<&'static str> {
    PROFILES.iter().map(|(known, _)| *known).find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::super::kind::{Raw, Scalar, Style};
    use super::super::{conflicts, keys};
    use super::*;

    #[test]
    fn profiles_say_what_keys_take() {
        for (name, _) in PROFILES {
            assert!(!rows(name).is_empty(), "{name}");
            let mut settings = super::super::settings::Settings::default();
            for (path, text) in rows(name) {
                let key = keys::find(path).unwrap_or_else(|| panic!("{name}: {path}"));
                let raw = Raw::Scalar(Scalar { text: (*text).to_owned().into(), style: Style::Outside });
                let value = key.kind.read(&raw).unwrap_or_else(|wrong| panic!("{name}: {path}: {wrong}"));
                (key.store)(&mut settings, Some(value));
            }
            assert_eq!(conflicts::find(&settings), [], "{name}");
        }
    }
}
