//! Secrets that anybody could guess: the well-known defaults of the systems that Ringway replaces, placeholders of their
//! examples, words, patterns, and what is too short. Its errors name the variable and never show the value. It cannot
//! tell a good secret, only refuse a bad one.

use std::fmt;

/// Bytes of a secret that signs with HMAC-SHA256, at the least (RFC 7518 section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// Bytes of a key from the environment, at the least: 16 random characters are beyond guessing over a network.
pub const KEY_BYTES_MIN: usize = 16;
/// Different bytes that a secret has at the least. Sixteen random hexadecimal digits have six in all but 1 of 10,000.
const DISTINCT_BYTES_MIN: usize = 6;

/// Values of examples and defaults, in lower-case letters and digits alone.
const WELL_KNOWN: &str = "\
    admin adminadmin adminpassword apikey default dev development example jwtsecret letmein mcpapikey none null \
    password production root secret secretkey sovren string supersecret test testsecret undefined";
/// What gives a placeholder away wherever it stands, written the same way.
const PLACEHOLDERS: &str = "\
    changein changeit changeme changethis devkey12345 donotuse insecure insertyour keyboardcat notsecure \
    placeholder pleasechange replacethis replacewith yourapikey yourjwtsecret yoursecret yoursupersecret";
/// Words that secrets are made of when people make them, the longer ones first.
const WORDS: &str = "\
    administrator application development characters enterprise production authtoken localhost password replace \
    ringway default example private testing changed kailash minimum server secret sovren shared sample strong \
    secure string random change admin super token value local least nexus agent user pass test demo prod root \
    keys auth mcpo this here very long safe hmac jwt api mcp key the dev my";

/// What is wrong with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It is empty, or blanks.
    Empty,
    /// It stands in somebody's documentation.
    WellKnown,
    /// It is words, a pattern, or a few characters again and again.
    Guessable,
    /// It has this many bytes, and needs that many.
    Short {
        /// What it has.
        bytes: usize,
        /// What it needs.
        bytes_min: usize,
    },
}

/// A secret that is none, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeakSecret {
    /// The variable, key or place it came from.
    pub name: String,
    /// What is wrong with it.
    pub weakness: Weakness,
}

impl fmt::Display for WeakSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.weakness {
            Weakness::Empty => write!(f, "{name} is empty"),
            Weakness::WellKnown => write!(f, "{name} is a well-known default, which anybody knows"),
            Weakness::Guessable => write!(f, "{name} is words or a pattern, which anybody could guess"),
            Weakness::Short { bytes, bytes_min } => {
                write!(f, "{name} has {bytes} bytes, and needs {bytes_min} or more")
            }
        }?;
        f.write_str("; write a random one, as `openssl rand -hex 32` makes them")
    }
}

impl std::error::Error for WeakSecret {}

/// Judges a secret that signs or verifies: 32 bytes or more, and none that anybody could guess.
///
/// # Errors
/// Its name and what is wrong with it.
pub fn check_secret(name: &str, value: impl AsRef<[u8]>) -> Result<(), WeakSecret> {
    check(name, value.as_ref(), SECRET_BYTES_MIN)
}

/// Judges a key that callers show: 16 bytes or more, and none that anybody could guess.
///
/// # Errors
/// Its name and what is wrong with it.
pub fn check_key(name: &str, value: impl AsRef<[u8]>) -> Result<(), WeakSecret> {
    check(name, value.as_ref(), KEY_BYTES_MIN)
}

fn check(name: &str, value: &[u8], bytes_min: usize) -> Result<(), WeakSecret> {
    let lower = zeroize::Zeroizing::new(value.to_ascii_lowercase());
    let plain: zeroize::Zeroizing<Vec<u8>> =
        zeroize::Zeroizing::new(lower.iter().copied().filter(u8::is_ascii_alphanumeric).collect());
    let weakness = if value.trim_ascii().is_empty() {
        Weakness::Empty
    } else if WELL_KNOWN.split_ascii_whitespace().any(|known| known.as_bytes() == &plain[..])
        || PLACEHOLDERS.split_ascii_whitespace().any(|part| contains(&plain, part.as_bytes()))
    {
        Weakness::WellKnown
    } else if is_pattern(value, bytes_min) || is_words(&lower, bytes_min) {
        Weakness::Guessable
    } else if value.len() < bytes_min {
        Weakness::Short { bytes: value.len(), bytes_min }
    } else {
        return Ok(());
    };
    Err(WeakSecret { name: name.to_owned(), weakness })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Few different bytes, the same again and again, or mostly neighbours like `abcd` and `3210`.
fn is_pattern(value: &[u8], bytes_min: usize) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let distinct = seen.iter().filter(|is_seen| **is_seen).count();
    let neighbours = value.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    let period = period(value);
    let repeats = period * 2 <= value.len() && period < bytes_min;
    distinct < DISTINCT_BYTES_MIN || repeats || neighbours * 4 >= value.len() * 3
}

/// The length of the shortest beginning that, written again and again, is the whole.
fn period(value: &[u8]) -> usize {
    // The longest beginning of each beginning that is its end as well (Knuth, Morris, Pratt).
    let mut borders = vec![0; value.len()];
    let mut border = 0;
    for at in 1..value.len() {
        while border > 0 && value[at] != value[border] {
            border = borders[border - 1];
        }
        border += usize::from(value[at] == value[border]);
        borders[at] = border;
    }
    value.len() - border
}

/// Words, and too little besides. `lower` is in lower case.
fn is_words(lower: &[u8], bytes_min: usize) -> bool {
    let mut is_word = vec![false; lower.len()];
    for word in WORDS.split_ascii_whitespace() {
        for at in 0..(lower.len() + 1).saturating_sub(word.len()) {
            let place = at..at + word.len();
            if lower[place.clone()] == *word.as_bytes() && !is_word[place.clone()].contains(&true) {
                is_word[place].fill(true);
            }
        }
    }
    let left = || lower.iter().zip(&is_word).filter(|(_, is_word)| !**is_word).map(|(byte, _)| byte);
    let has_letters = left().any(u8::is_ascii_alphabetic);
    let has_words = is_word.contains(&true);
    has_words && (left().count() < bytes_min / 2 || (!has_letters && left().count() < bytes_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(value: &str) -> Option<Weakness> {
        check_secret("JWT_SECRET", value).err().map(|weak| weak.weakness)
    }

    #[test]
    fn defaults_of_the_older_systems_are_known() {
        for known in [
            "your-secret-key",
            "your-secret-key-here",
            "CHANGE-THIS-IN-PRODUCTION",
            "dev-key-12345",
            "admin/admin",
            "admin",
            "changeme",
            "secret",
            "password",
            "your-super-secret-jwt-key-change-this-in-production",
            "Change_Me_Please_0123456789abcdef",
            "your_api_key_here",
            "test",
            "default",
            "jwt-secret",
            "keyboard cat",
        ] {
            assert_eq!(weakness(known), Some(Weakness::WellKnown), "{known}");
        }
    }

    #[test]
    fn patterns_and_words_are_guessed() {
        for guessed in [
            &"a".repeat(64)[..],
            &"ab".repeat(32),
            &"password".repeat(8),
            "0123456789abcdef0123456789abcdef",
            "1111111111111111111111111111111122223333",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "98765432109876543210zyxwvutsrqponmlkj",
            "password12345678901111131517192123",
            "my-super-secret-jwt-key-for-the-production-server",
            "supersecretpassword",
            "MySecretKey2024!",
            "hunter1",
        ] {
            let got = weakness(guessed);
            let is_short = matches!(got, Some(Weakness::Short { .. })) && guessed == "hunter1";
            assert!(got == Some(Weakness::Guessable) || is_short, "{guessed}: {got:?}");
        }
    }

    #[test]
    fn random_ones_are_long_enough_or_not() {
        for good in [
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MHRlc3Rmb28=",
            "k7Gq2Lw9XcVb4NzRt6Yh1PmSd8Ue3Jf0",
            "prod-jwt-secret-4f1b2b0b822cd15d6c15b0f00a08a3bf",
            "84729104756301928374650192837465",
            "test-secret-0123456789abcdef-0123456789abcdef",
        ] {
            assert_eq!(weakness(good), None, "{good}");
        }
        let short = "k7Gq2Lw9XcVb4NzRt6Yh1PmSd8Ue3Jf";
        assert_eq!(weakness(short), Some(Weakness::Short { bytes: 31, bytes_min: 32 }));
        assert_eq!(check_key("API_KEYS", short), Ok(()));
        assert_eq!(check_key("API_KEYS", &short[..16]), Ok(()));
        assert!(check_key("API_KEYS", &short[..15]).is_err());
        for empty in ["", " ", "\n\t"] {
            assert_eq!(weakness(empty), Some(Weakness::Empty));
        }
    }

    /// Goal: the variable is named, and the value is nowhere. Method: every weakness, as text and as debug output.
    #[test]
    fn the_value_is_never_shown() {
        for value in ["", "dev-key-12345", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "k7Gq2Lw9XcVb4N"] {
            let weak = check_secret("SOVREN_JWT_SECRET", value).expect_err("weak");
            let shown = format!("{weak} {weak:?}");
            assert!(shown.starts_with("SOVREN_JWT_SECRET ") && (value.is_empty() || !shown.contains(value)), "{shown}");
            assert!(weak.to_string().contains("openssl rand -hex 32"), "{weak}");
        }
    }

    #[test]
    fn a_period_is_the_shortest_beginning() {
        for (value, want) in [("aaaa", 1), ("abab", 2), ("ababa", 2), ("abc", 3), ("aab", 3), ("a", 1)] {
            assert_eq!(period(value.as_bytes()), want, "{value}");
        }
    }
}
