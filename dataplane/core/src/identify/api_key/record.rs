//! One key as it is kept: who it is for, what it may do, how long it lives, and its digests. It never holds the key, and
//! what is wrong with it is told without showing any.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Digest, is_id};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// Characters of a scope, a role or a permission.
const WORD_CHARS_MAX: usize = 200;
/// Scopes, and roles, and permissions, of one key.
const WORDS_MAX: usize = 100;
/// More than any shard can serve in a second, and a bound for what is computed from it.
const RATE_MAX: u32 = 10_000_000;

/// Why keys cannot be used. Its text names the place and the fix, and never shows a key, a digest or a pepper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKeys(String);

impl BadKeys {
    pub(crate) fn new(text: impl Into<String>) -> BadKeys {
        BadKeys(text.into())
    }
}

impl fmt::Display for BadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadKeys {}

/// How much a key may ask for. It is kept here and enforced elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRate {
    /// Requests a second, in the long run.
    pub rate_rps: f64,
    /// Requests at once, after a rest.
    pub burst: u32,
}

impl KeyRate {
    /// A rate with a burst, or with that of one second.
    ///
    /// # Errors
    /// When it is nothing, or more than there is.
    pub fn new(rate_rps: f64, burst: Option<u32>) -> Result<KeyRate, BadKeys> {
        let is_usable = rate_rps.is_finite() && rate_rps > 0.0 && rate_rps <= f64::from(RATE_MAX);
        if !is_usable {
            return Err(BadKeys::new(format!("a rate is more than 0 and at most {RATE_MAX} requests a second")));
        }
        // In range, as was just seen.
        let burst = burst.unwrap_or(rate_rps.ceil() as u32);
        if !(1..=RATE_MAX).contains(&burst) {
            return Err(BadKeys::new(format!("a burst is 1 to {RATE_MAX} requests")));
        }
        Ok(KeyRate { rate_rps, burst })
    }
}

/// The secret before a rotation, while it is still good.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousSecret {
    /// Its digest.
    #[serde(serialize_with = "digest_to_text", deserialize_with = "digest_from_text")]
    pub(crate) digest: Digest,
    /// From when on it is worth nothing, in seconds since 1970.
    pub until_unix_s: u64,
}

/// One key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// The public id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What its holder may do (RFC 6749 section 3.3).
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What its holder is.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Tools it is for, as globs; the key itself forbids none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Its own rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<KeyRate>,
    /// Since when it is there, in seconds since 1970.
    pub created_at_unix_s: u64,
    /// From when on it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_unix_s: Option<u64>,
    /// Since when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_unix_s: Option<u64>,
    /// Since when its secret is this one, if it was rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at_unix_s: Option<u64>,
    /// The digest of its text.
    #[serde(serialize_with = "digest_to_text", deserialize_with = "digest_from_text")]
    pub(crate) digest: Digest,
    /// The secret before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// What a key is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is good.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl KeyState {
    /// Its word in lists.
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::Expired => "expired",
            KeyState::Revoked => "revoked",
        }
    }

    pub(crate) fn of(revoked_at_unix_s: Option<u64>, expires_at_unix_s: Option<u64>, now_unix_s: u64) -> KeyState {
        // A key that somebody took back is gone whatever the clock says.
        if revoked_at_unix_s.is_some() {
            KeyState::Revoked
        } else if expires_at_unix_s.is_some_and(|end| now_unix_s >= end) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

impl KeyRecord {
    /// What it is worth at a time.
    pub fn state(&self, now_unix_s: u64) -> KeyState {
        KeyState::of(self.revoked_at_unix_s, self.expires_at_unix_s, now_unix_s)
    }

    /// Everything that its form does not say by itself.
    pub(crate) fn check(&self) -> Result<(), BadKeys> {
        if !is_id(self.id.as_bytes()) {
            return Err(BadKeys::new("an id is 12 letters and digits, as `ringway keys create` makes it"));
        }
        let within = |error: BadKeys| BadKeys::new(format!("key `{}`: {error}", self.id));
        check_name(&self.name).map_err(within)?;
        check_words("scope", &self.scopes).map_err(within)?;
        check_words("role", &self.roles).map_err(within)?;
        check_words("permission", self.permissions.as_deref().unwrap_or_default()).map_err(within)?;
        match self.rate {
            Some(KeyRate { rate_rps, burst }) => KeyRate::new(rate_rps, Some(burst)).map(drop).map_err(within),
            None => Ok(()),
        }
    }
}

/// A name is for people: any letters, but nothing that steers a terminal.
pub(crate) fn check_name(name: &str) -> Result<(), BadKeys> {
    let is_unruly = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_good = !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(is_unruly);
    if is_good {
        return Ok(());
    }
    Err(BadKeys::new(format!("a name is 1 to {NAME_CHARS_MAX} characters, none of them a control character")))
}

/// Scopes, roles and permissions are words without blanks, quotation marks and backslashes, as RFC 6749 has scopes.
pub(crate) fn check_words(kind: &str, words: &[String]) -> Result<(), BadKeys> {
    let is_word = |word: &String| {
        (1..=WORD_CHARS_MAX).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    if words.len() > WORDS_MAX {
        return Err(BadKeys::new(format!("{} {kind}s are too many: a key has up to {WORDS_MAX}", words.len())));
    }
    match words.iter().position(|word| !is_word(word)) {
        Some(index) => Err(BadKeys::new(format!(
            "{kind} {} is no word: write 1 to {WORD_CHARS_MAX} letters, digits and signs without blanks and quotation marks",
            index + 1
        ))),
        None => Ok(()),
    }
}

fn digest_to_text<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&digest.to_hex())
}

fn digest_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    Digest::from_hex(&text).ok_or_else(|| serde::de::Error::custom("no digest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_when_it_says() {
        assert_eq!(KeyState::of(None, None, u64::MAX), KeyState::Active);
        assert_eq!(KeyState::of(None, Some(100), 99), KeyState::Active);
        assert_eq!(KeyState::of(None, Some(100), 100), KeyState::Expired);
        assert_eq!(
            KeyState::of(Some(200), Some(100), 50),
            KeyState::Revoked,
            "a clock that is wrong gives nothing back"
        );
    }

    #[test]
    fn names_and_words_have_bounds() {
        for good in ["ci", "Jürgens Agent 7", &"x".repeat(NAME_CHARS_MAX)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", " ", "a\nb", "\u{1b}[2J", "\u{202e}x", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(check_words("scope", &words(&["mcp:read", "tools/*", "a.b-c_d"])), Ok(()));
        for bad in ["", "a b", "a\"b", "a\\b", "ä", "a\n", &"x".repeat(WORD_CHARS_MAX + 1)] {
            let error = check_words("scope", &words(&["good", bad])).expect_err(bad).to_string();
            assert!(error.starts_with("scope 2 is no word"), "{error}");
        }
        assert!(check_words("role", &vec!["a".to_owned(); WORDS_MAX + 1]).is_err());
    }

    #[test]
    fn rates_are_more_than_nothing() {
        assert_eq!(KeyRate::new(0.5, None), Ok(KeyRate { rate_rps: 0.5, burst: 1 }));
        assert_eq!(KeyRate::new(100.0, Some(7)), Ok(KeyRate { rate_rps: 100.0, burst: 7 }));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e8] {
            assert!(KeyRate::new(bad, None).is_err(), "{bad}");
        }
        assert!(KeyRate::new(1.0, Some(0)).is_err());
    }
}
