//! The file that keys are kept in, as text: JSON with a format number, the pepper and one record a key. It opens no file.
//!
//! The pepper lies beside the digests on purpose. Secrets are 256 random bits, which nobody guesses even with both; what
//! the pepper is for is that a digest by itself, in a ticket or a diff, is worth nothing, and that a server digests short
//! keys of the environment under something that is not in the program. Two files would have one owner, one mode, one
//! back-up, and one more way to lose every key.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KEYS_MAX;
use crate::identify::api_key::{self, BadKeys, KeyRecord, Pepper};

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// A file's content, checked.
#[derive(Debug)]
pub struct KeyFile {
    pub(super) pepper: Pepper,
    pub(super) keys: Vec<KeyRecord>,
}

#[derive(Deserialize)]
struct Any {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<Text, Keys> {
    format: u32,
    pepper: Text,
    keys: Keys,
}

impl KeyFile {
    /// A file without keys.
    pub fn new(pepper: Pepper) -> KeyFile {
        KeyFile { pepper, keys: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, by its line, and never what stands there.
    pub fn from_json(text: &str) -> Result<KeyFile, BadKeys> {
        let Any { format } = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        if format != FORMAT {
            return Err(BadKeys::new(format!(
                "its format is {format}, and this Ringway reads format {FORMAT}: use the one that wrote it, or a newer one"
            )));
        }
        let Written { format: _, pepper, keys } =
            serde_json::from_str::<Written<String, Vec<KeyRecord>>>(text).map_err(|error| unreadable(&error))?;
        let pepper = api_key::from_hex(&Zeroizing::new(pepper)).map(Pepper::new);
        let pepper =
            pepper.ok_or_else(|| BadKeys::new("its pepper is not 64 hexadecimal characters: restore a back-up"))?;
        if keys.len() > KEYS_MAX {
            return Err(BadKeys::new(format!("{} keys are too many: a file has up to {KEYS_MAX}", keys.len())));
        }
        keys.iter().try_for_each(KeyRecord::check)?;
        let mut ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(BadKeys::new(format!("two keys have the id `{}`: leave one of them out", pair[0])));
        }
        Ok(KeyFile { pepper, keys })
    }

    /// The text of the file. It holds the pepper, and is wiped when it is dropped.
    pub fn to_json(&self) -> Zeroizing<String> {
        let pepper = Zeroizing::new(api_key::to_hex(self.pepper.bytes()));
        let written = Written { format: FORMAT, pepper: pepper.as_str(), keys: &self.keys };
        let mut text = serde_json::to_string_pretty(&written).expect("texts and numbers always serialise");
        text.push('\n');
        Zeroizing::new(text)
    }

    /// All keys, in the order in which they were made.
    pub fn keys(&self) -> &[KeyRecord] {
        &self.keys
    }

    /// What its keys are digested under.
    pub fn pepper(&self) -> &Pepper {
        &self.pepper
    }
}

/// The words of `serde_json` repeat what stands in the wrong place, and that may be a pepper.
fn unreadable(error: &serde_json::Error) -> BadKeys {
    let at = format!("line {} column {}", error.line(), error.column());
    BadKeys::new(match error.classify() {
        serde_json::error::Category::Data => {
            format!("{at}: this is not what a key file of format {FORMAT} has there: restore a back-up")
        }
        _ => format!("{at}: this is not JSON: restore a back-up"),
    })
}
