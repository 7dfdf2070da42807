//! How a value gets into a field of settings and out of it again. It never judges a value: the kind of its key did.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ringway_dataplane::{CpuList, MetricsPolicy};

use super::kind::Value;
use super::secret::{SHOWN, Secret};
use super::state_key::{self, StateKey};

/// A field that a key fills. A value was read by the key's kind, so that what does not fit cannot come; the tests of
/// the table fill every key.
pub trait Field {
    /// What it holds, `None` when nothing.
    fn shown(&self) -> Option<Value>;
    /// Fills it; `None` empties what may be empty.
    fn fill(&mut self, value: Option<Value>);
}

macro_rules! field {
    ($type:ty, $shown:expr, $pattern:pat => $filled:expr) => {
        impl Field for $type {
            fn shown(&self) -> Option<Value> {
                let shown: fn(&$type) -> Option<Value> = $shown;
                shown(self)
            }

            fn fill(&mut self, value: Option<Value>) {
                #[allow(irrefutable_let_patterns, reason = "some fields take anything")]
                if let $pattern = value {
                    *self = $filled;
                } else {
                    debug_assert!(false, "a kind reads what its field takes");
                }
            }
        }
    };
}

field!(bool, |on| Some(Value::Flag(*on)), Some(Value::Flag(on)) => on);
field!(u32, |count| Some(Value::Number(u64::from(*count))), Some(Value::Number(count)) => {
    u32::try_from(count).unwrap_or(u32::MAX)
});
field!(u64, |count| Some(Value::Number(*count)), Some(Value::Number(count)) => count);
// A target whose addresses are narrower than 64 bits cannot hold more anyway.
field!(usize, |count| Some(Value::Number(*count as u64)), Some(Value::Number(count)) => {
    usize::try_from(count).unwrap_or(usize::MAX)
});
field!(Duration, |time| Some(Value::Time(*time)), Some(Value::Time(time)) => time);
field!(String, |text| Some(Value::Text(text.clone())), Some(Value::Text(text)) => text);
field!(Vec<String>, |list| Some(Value::List(list.clone())), Some(Value::List(list)) => list);
field!(MetricsPolicy, |metrics| Some(Value::List(sets(*metrics))), Some(Value::List(list)) => {
    let named = |name: &str| list.iter().any(|set| set == name);
    MetricsPolicy { enterprise: named("enterprise"), mcpo: named("mcpo") }
});
field!(SocketAddr, |address| Some(Value::Text(address.to_string())), Some(Value::Text(text)) => match text.parse() {
    Ok(address) => address,
    Err(_) => return,
});
field!(Option<SocketAddr>, |it| it.map(|it| Value::Text(it.to_string())), value => {
    text(value).and_then(|text| text.parse().ok())
});
field!(Option<usize>, |it| it.map(|it| Value::Number(it as u64)), value => {
    number(value).and_then(|number| usize::try_from(number).ok())
});
field!(Option<u64>, |it| it.map(Value::Number), value => number(value));
field!(Option<String>, |it| it.clone().map(Value::Text), value => text(value));
field!(Option<Vec<String>>, |it| it.clone().map(Value::List), value => match value {
    Some(Value::List(list)) => Some(list),
    _ => None,
});
field!(Option<PathBuf>, |it| it.as_ref().map(|it| Value::Text(it.display().to_string())), value => {
    text(value).map(PathBuf::from)
});
field!(Option<CpuList>, |it| it.as_ref().map(|it| Value::Text(cpus_text(it))), value => {
    text(value).and_then(|text| text.parse().ok())
});
field!(Option<Secret>, |it| it.clone().map(Value::Secret), value => secret(value));
field!(Option<StateKey>, |it| it.as_ref().map(|_| Value::Secret(Secret::new(SHOWN))), value => {
    secret(value).and_then(|secret| state_key::read(secret.text()).ok())
});

fn secret(value: Option<Value>) -> Option<Secret> {
    match value {
        Some(Value::Secret(secret)) => Some(secret),
        _ => None,
    }
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn number(value: Option<Value>) -> Option<u64> {
    match value {
        Some(Value::Number(number)) => Some(number),
        _ => None,
    }
}

fn cpus_text(cpus: &CpuList) -> String {
    cpus.0.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn sets(metrics: MetricsPolicy) -> Vec<String> {
    let all = [("enterprise", metrics.enterprise), ("mcpo", metrics.mcpo)];
    all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()).collect()
}
