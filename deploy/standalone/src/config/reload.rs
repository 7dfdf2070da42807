//! What a new configuration changes in a running server, and what has to wait for a restart. It never applies anything.

use super::kind::Value;
use super::{Config, InForce, settings_of};

/// A key whose value is another.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: &'static str,
    /// Its value so far, as people see it.
    pub from: String,
    /// Its new one.
    pub to: String,
    /// Who says so.
    pub at: String,
}

/// What a new configuration means for a running server.
#[derive(Debug)]
pub struct Outcome {
    /// What is in force from now on: the new values of keys that may change, the old ones of the rest.
    pub in_force: Config,
    /// What changed.
    pub changed: Vec<Change>,
    /// What needs a restart, and stays as it was.
    pub waiting: Vec<Change>,
}

/// Compares what is in force with what was read.
pub fn compare(old: &Config, new: Config) -> Outcome {
    let mut changed = Vec::new();
    let mut waiting = Vec::new();
    // A listener speaks TLS from its start to its end: a line that is lost must not open it.
    let switches = old.tls.is_some() != new.tls.is_some();
    let mut values = Vec::with_capacity(new.values.len());
    for (was, is) in old.values.iter().zip(new.values) {
        debug_assert_eq!(was.key.path, is.key.path, "both have a row for each key, in its order");
        let same = was.value == is.value;
        let waits = !is.key.live || (switches && is.key.path.starts_with("tls."));
        if same || !waits {
            if !same {
                changed.push(change(was, &is.value, is.origin.to_string()));
            }
            values.push(is);
        } else {
            waiting.push(change(was, &is.value, is.origin.to_string()));
            values.push(was.clone());
        }
    }
    let tls = if switches { old.tls.clone() } else { new.tls };
    let Config { access, access_files, published, warnings, .. } = new;
    let in_force = Config { settings: settings_of(&values), values, tls, access, access_files, published, warnings };
    Outcome { in_force, changed, waiting }
}

fn change(was: &InForce, to: &Option<Value>, at: String) -> Change {
    let shown = |value: &Option<Value>| was.key.shown(value.as_ref());
    Change { key: was.key.path, from: shown(&was.value), to: shown(to), at }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::problem::Findings;
    use super::super::{Said, profile_and_defaults, source_file};
    use super::*;

    fn config(text: &str) -> Config {
        let mut said = Vec::new();
        source_file::interpret(&Arc::from("f"), text.as_bytes(), &mut said, &mut Findings::default());
        let mut values = profile_and_defaults(&said);
        for Said { key, value, origin } in said {
            let row = values.iter_mut().find(|row| row.key.path == key.path).expect("a row for each key");
            (row.value, row.origin) = (value, origin);
        }
        Config {
            settings: settings_of(&values),
            values,
            tls: None,
            access: Arc::default(),
            access_files: Vec::new(),
            published: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn what_may_change_changes_and_the_rest_is_named() {
        let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let old = config("server:\n  listen: 127.0.0.1:1\n");
        let new =
            config(&format!("server:\n  listen: 127.0.0.1:2\n  state_key: {key}\nlimits:\n  body_bytes_max: 1MiB\n"));
        let outcome = compare(&old, new);
        let list = |changes: &[Change]| -> Vec<String> {
            changes.iter().map(|change| format!("{} {} {} {}", change.key, change.from, change.to, change.at)).collect()
        };
        assert_eq!(list(&outcome.changed), ["limits.body_bytes_max 4MiB 1MiB f:5:3"]);
        assert_eq!(
            list(&outcome.waiting),
            ["server.listen 127.0.0.1:1 127.0.0.1:2 f:2:3", "server.state_key null ******** f:3:3"]
        );
        assert_eq!(outcome.in_force.settings.listen.port(), 1);
        assert!(outcome.in_force.settings.state_key.is_none());
        assert_eq!(outcome.in_force.settings.policy.limits.body_bytes_max, 1 << 20);

        let same = compare(&outcome.in_force, outcome.in_force.clone());
        assert!(same.changed.is_empty() && same.waiting.is_empty());
    }
}
