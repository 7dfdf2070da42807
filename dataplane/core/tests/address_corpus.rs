//! The address cases of `corpus/ip_allowlist.jsonl` beneath `$RINGWAY_SHARED`.
//!
//! Goal: every peer and every forwarded address is allowed or refused as the corpus says, and no bad network is taken.
//! Method: each row by the functions that the request path calls; a list that does not load allows nobody.

use std::net::IpAddr;
use std::path::PathBuf;

use ringway_core::identify::client_address::client_address;
use ringway_policy::AddressList;
use serde_json::Value;

fn list(value: &Value) -> Result<AddressList, String> {
    let entries: Vec<&str> = value.as_array().expect("a list").iter().map(|v| v.as_str().expect("a text")).collect();
    AddressList::parse(&entries).map_err(|error| error.to_string())
}

/// A peer as the kernel tells it: a zone is the scope of the socket address, and no part of the address.
fn peer(text: &str) -> IpAddr {
    text.split('%').next().unwrap_or(text).parse().expect("a peer")
}

/// What is decided, and why.
fn decide(row: &Value) -> (bool, String) {
    let peer = peer(row["peer"].as_str().expect("a peer"));
    let allow = match list(&row["allow"]) {
        Ok(allow) => allow,
        Err(error) => return (false, error),
    };
    let proxies = list(&row["trusted_proxies"]).expect("good proxies");
    let lines: Vec<&[u8]> =
        row["x_forwarded_for"].as_str().map(|text| text.lines().map(str::as_bytes).collect()).unwrap_or_default();
    let client = client_address(peer, &proxies, lines.into_iter(), std::iter::empty());
    (client.is_allowed(&allow), format!("{client:?}"))
}

#[test]
fn every_row_is_right() {
    let Some(shared) = std::env::var_os("RINGWAY_SHARED") else {
        eprintln!("skipped: RINGWAY_SHARED is not set to the folder with corpus/ip_allowlist.jsonl");
        return;
    };
    let path = PathBuf::from(shared).join("corpus/ip_allowlist.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display()));
    let (mut checked, mut refused_to_load, mut wrong) = (0, 0, Vec::new());
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let name = row["name"].as_str().expect("a row has a name");
        let (allowed, why) = decide(&row);
        let fits = match row["expect"]["verdict"].as_str() {
            Some("accept") => allowed,
            Some("reject") => !allowed,
            Some("either") => true,
            other => panic!("{name}: {other:?} is no verdict"),
        };
        if !fits {
            wrong.push(format!("{name}: allowed is {allowed}: {why}"));
        }
        if name.starts_with("ip/config-bad") {
            refused_to_load += 1;
            if list(&row["allow"]).is_ok() {
                wrong.push(format!("{name}: it loads"));
            }
        }
        checked += 1;
    }
    eprintln!("{checked} rows checked, {refused_to_load} of them refused when they are loaded, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 25 && refused_to_load >= 5, "the corpus is whole: {checked} checked");
}
