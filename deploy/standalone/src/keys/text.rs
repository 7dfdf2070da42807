//! Keys for readers and for programs, without their secrets. It never prints.

use std::time::{Duration, UNIX_EPOCH};

use ringway_dataplane::keys::KeyRecord;
use serde_json::{Value, json};

const HEAD: [&str; 7] = ["ID", "NAME", "SCOPES", "ROLES", "CREATED", "EXPIRES", "STATE"];

/// A time as people and programs read it.
pub fn time(unix_s: u64) -> String {
    // Times are checked where they come in; a file may say anything.
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(unix_s));
    let text = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    text.filter(|_| unix_s < 253_402_300_800).unwrap_or_else(|| "after 9999".to_owned())
}

/// A time, or what is said where there is none.
pub fn time_or(unix_s: Option<u64>, none: &str) -> String {
    unix_s.map_or_else(|| none.to_owned(), time)
}

/// A time in JSON.
pub fn json_time(unix_s: Option<u64>) -> Value {
    unix_s.map_or(Value::Null, |unix_s| Value::String(time(unix_s)))
}

/// JSON as it is printed.
pub fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A table, the keys in the order in which they were made.
pub fn list(keys: &[KeyRecord], now_unix_s: u64) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(keys.iter().map(|key| row(key, now_unix_s)));
    let widths: Vec<usize> =
        (0..HEAD.len()).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(key: &KeyRecord, now_unix_s: u64) -> [String; 7] {
    let words = |words: &[String]| if words.is_empty() { "-".to_owned() } else { words.join(",") };
    let state = match grace(key, now_unix_s) {
        Some(until) => format!("{}, the secret before until {}", key.state(now_unix_s).word(), time(until)),
        None => key.state(now_unix_s).word().to_owned(),
    };
    [
        key.id.clone(),
        key.name.clone(),
        words(&key.scopes),
        words(&key.roles),
        time(key.created_at_unix_s),
        time_or(key.expires_at_unix_s, "never"),
        state,
    ]
}

/// Until when the secret before the last rotation is good, while it is.
fn grace(key: &KeyRecord, now_unix_s: u64) -> Option<u64> {
    let previous = key.previous.as_ref()?;
    (previous.until_unix_s > now_unix_s).then_some(previous.until_unix_s)
}

/// All that is known of the keys, for programs.
pub fn list_json(keys: &[KeyRecord], now_unix_s: u64) -> String {
    let object = |key: &KeyRecord| {
        json!({
            "id": key.id,
            "name": key.name,
            "scopes": key.scopes,
            "roles": key.roles,
            "permissions": key.permissions,
            "rate_rps": key.rate.map(|rate| rate.rate_rps),
            "burst": key.rate.map(|rate| rate.burst),
            "created_at": json_time(Some(key.created_at_unix_s)),
            "expires_at": json_time(key.expires_at_unix_s),
            "rotated_at": json_time(key.rotated_at_unix_s),
            "revoked_at": json_time(key.revoked_at_unix_s),
            "previous_until": json_time(grace(key, now_unix_s)),
            "state": key.state(now_unix_s).word(),
        })
    };
    json(&Value::Array(keys.iter().map(object).collect()))
}
