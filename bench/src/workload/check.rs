//! What a workload may say, its parts taken together: bounds, and what goes with what. Tells every mistake it finds, each
//! with its path. Changes nothing.

use std::collections::BTreeSet;

use super::check_share;
use super::model::{Clients, Era, Pace, Workload};

/// One process has as many file descriptors at most, by the default hard limit of most systems; and one address as many ports.
const CONNECTIONS_MAX: usize = 65_536;
/// Beyond what one machine can make; more is a slip of the finger.
const RATE_RPS_MAX: u64 = 10_000_000;
/// A shorter run has too few answers for a percentile; a longer one than a day is watched by something else.
const SECONDS: (f64, f64) = (0.1, 86_400.0);
const WARMUP_S: (f64, f64) = (0.0, 86_400.0);
/// An hour between two requests is no load.
const THINK_MS: (f64, f64) = (0.0, 3_600_000.0);
/// Reports have a row for each of the groups and each of their operations.
const GROUPS_MAX: usize = 64;
const SHARES_MAX: usize = 256;
/// A share's part is its weight over their sum; this is one in a million.
const WEIGHT_MAX: u32 = 1_000_000;
/// Names stand in tables and legends.
const NAME_BYTES_MAX: usize = 100;

/// Called with a path and what is wrong there.
pub type Tell<'a> = dyn FnMut(String, String) + 'a;

pub fn check(workload: &Workload, tell: &mut Tell<'_>) {
    name(&workload.name, "name", tell);
    pace(&workload.load, tell);
    let groups = workload.clients.len();
    if groups == 0 || groups > GROUPS_MAX {
        tell("clients".to_owned(), format!("{groups} groups; from 1 to {GROUPS_MAX} are possible"));
    }
    let sum = workload.clients.iter().fold(0_usize, |sum, clients| sum.saturating_add(clients.connections));
    if sum > CONNECTIONS_MAX {
        tell("clients".to_owned(), format!("{sum} connections in all; {CONNECTIONS_MAX} are possible"));
    }
    once(workload.clients.iter().map(|clients| clients.name.as_str()), "clients", tell);
    for (index, clients) in workload.clients.iter().enumerate() {
        group(clients, &format!("clients[{index}]"), tell);
    }
}

fn pace(pace: &Pace, tell: &mut Tell<'_>) {
    if let Some(rate) = pace.rate_rps
        && (rate == 0 || rate > RATE_RPS_MAX)
    {
        let what = format!("{rate}/s; from 1 to {RATE_RPS_MAX}/s are possible. Without it, the loop is closed");
        tell("load.rate_rps".to_owned(), what);
    }
    within(pace.seconds, SECONDS, "s", "load.seconds", tell);
    within(pace.warmup_s, WARMUP_S, "s", "load.warmup_s", tell);
}

fn group(clients: &Clients, path: &str, tell: &mut Tell<'_>) {
    name(&clients.name, &format!("{path}.name"), tell);
    if clients.connections == 0 {
        tell(format!("{path}.connections"), "0 connections send nothing; at least 1".to_owned());
    }
    if clients.era == Era::Legacy && !clients.face.has_eras() {
        let what = format!("face `{}` is the same in both eras; take this line out", clients.face.name());
        tell(format!("{path}.era"), what);
    }
    if let Some(target) = &clients.path {
        request_target(target, &format!("{path}.path"), tell);
    }
    for (header, value) in &clients.headers {
        header_line(header, value, &format!("{path}.headers.{header}"), tell);
    }
    if clients.credentials.len() > CONNECTIONS_MAX {
        let what = format!("{}; there are never more than {CONNECTIONS_MAX} connections", clients.credentials.len());
        tell(format!("{path}.credentials"), what);
    }
    for (index, credential) in clients.credentials.iter().enumerate() {
        header_line(&credential.header, &credential.value, &format!("{path}.credentials[{index}]"), tell);
    }
    if let Some(server_name) = clients.tls.as_ref().and_then(|tls| tls.server_name.as_ref())
        && (server_name.is_empty() || server_name.contains(|c: char| c.is_whitespace() || "/:@".contains(c)))
    {
        tell(format!("{path}.tls.server_name"), "must be a host name or an address, without port".to_owned());
    }
    if let Some(churn) = &clients.churn {
        if churn.requests == 0 {
            tell(format!("{path}.churn.requests"), "a connection serves at least 1 request".to_owned());
        }
        within(churn.reset_ratio, (0.0, 1.0), "", &format!("{path}.churn.reset_ratio"), tell);
    }
    if let Some(think) = &clients.think {
        within(think.mean_ms, THINK_MS, "ms", &format!("{path}.think.mean_ms"), tell);
    }
    mix(clients, &format!("{path}.mix"), tell);
}

fn mix(clients: &Clients, path: &str, tell: &mut Tell<'_>) {
    let shares = clients.mix.len();
    if shares == 0 || shares > SHARES_MAX {
        tell(path.to_owned(), format!("{shares} operations; from 1 to {SHARES_MAX} are possible"));
    } else if clients.mix.iter().all(|share| share.weight == 0) {
        tell(path.to_owned(), "every weight is 0, so that nothing is ever sent".to_owned());
    }
    once(clients.mix.iter().map(|share| share.name.as_str()), path, tell);
    for (index, share) in clients.mix.iter().enumerate() {
        let path = format!("{path}[{index}]");
        name(&share.name, &format!("{path}.name"), tell);
        if share.weight > WEIGHT_MAX {
            tell(format!("{path}.weight"), format!("{}; {WEIGHT_MAX} at most", share.weight));
        }
        check_share::check(share, clients.face, &path, tell);
    }
}

fn name(text: &str, path: &str, tell: &mut Tell<'_>) {
    if text.len() > NAME_BYTES_MAX || text.contains(char::is_control) {
        tell(path.to_owned(), format!("must be one line of {NAME_BYTES_MAX} bytes at most"));
    }
}

/// Each name that was given stands once, so that a report's rows can be told apart.
fn once<'a>(names: impl Iterator<Item = &'a str>, path: &str, tell: &mut Tell<'_>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !name.is_empty() && !seen.insert(name) {
            tell(format!("{path}[{index}].name"), format!("`{name}` is taken by an earlier one; give it another name"));
        }
    }
}

fn within(value: f64, (low, high): (f64, f64), unit: &str, path: &str, tell: &mut Tell<'_>) {
    // NaN is in no range.
    if !(low..=high).contains(&value) {
        let gap = if unit.is_empty() { "" } else { " " };
        tell(path.to_owned(), format!("{value}{gap}{unit}; from {low} to {high}{gap}{unit} is possible"));
    }
}

pub fn request_target(target: &str, path: &str, tell: &mut Tell<'_>) {
    if !target.starts_with('/') || target.contains(|c: char| !c.is_ascii_graphic()) {
        tell(
            path.to_owned(),
            format!("{target:?} must begin with `/` and have neither spaces nor letters beyond ASCII"),
        );
    }
}

fn header_line(header: &str, value: &str, path: &str, tell: &mut Tell<'_>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if header.is_empty() || !header.chars().all(is_name) {
        tell(path.to_owned(), format!("{header:?} is no header name"));
    }
    // Message lengths are what the bench itself writes; a second one would be a smuggled request.
    if ["content-length", "transfer-encoding"].contains(&header.to_ascii_lowercase().as_str()) {
        tell(path.to_owned(), format!("`{header}` is set by the bench itself; take it out"));
    }
    // The value is not shown: it may be a key.
    if value.contains(|c: char| c.is_control() && c != '\t') {
        tell(path.to_owned(), "the value must be one line without control characters".to_owned());
    }
}
