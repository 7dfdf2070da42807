//! Header values that identify a caller, kept out of whatever is written. Goes by the header's name alone.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// What stands in a report in place of such a value.
pub const HIDDEN: &str = "(hidden)";

/// A name with one of these in it carries a credential: `Authorization`, `X-API-Key`, `Cookie`, `X-Auth-Token`, …
const MARKS: [&str; 7] = ["auth", "key", "token", "secret", "cookie", "password", "credential"];

pub fn is_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    MARKS.iter().any(|mark| header.contains(mark))
}

/// For `serialize_with`.
pub fn hide<S: Serializer>(headers: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = |(name, value)| if is_secret(name) { (name, HIDDEN) } else { (name, value) };
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    pairs.map(shown).collect::<BTreeMap<_, _>>().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_a_caller_is_told_by_its_name() {
        for name in ["Authorization", "authorization", "X-API-Key", "Cookie", "Proxy-Authorization", "X-Auth-Token"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["Accept", "X-Tenant", "Content-Type", "Mcp-Name"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
