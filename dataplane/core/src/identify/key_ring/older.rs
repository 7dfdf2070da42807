//! Keys of the older systems, as their variables hold them: `MCP_API_KEYS` a list, `API_KEYS` JSON in any shape that was
//! ever in use. They have no ids: each is named by itself, or by its place in its variable. No error shows a key.

mod rate;
mod shape;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{KEYS_MAX, Key, SHOWN_BYTES_MAX};
use crate::identify::api_key::{self, BadKeys, KeyRate};
use crate::identify::principal::{CredentialKind, Principal};
use crate::identify::voucher::Voucher;
use crate::identify::weak_secret;
use crate::nearest::nearest;
use shape::Entry;

const MCP_API_KEYS: &str = "MCP_API_KEYS";
const API_KEYS: &str = "API_KEYS";

/// What an entry of `API_KEYS` may say, for who mistypes one.
const FIELDS: [&str; 10] =
    ["name", "permissions", "scopes", "roles", "rate_limit", "burst", "expires", "active", "key", "description"];

/// A key that the environment brings. Its text is wiped when it is dropped.
pub struct OlderKey {
    text: Zeroizing<String>,
    id: String,
    name: String,
    permissions: Option<Vec<String>>,
    scopes: Vec<String>,
    roles: Vec<String>,
    rate: Option<KeyRate>,
    expires_at_unix_s: Option<u64>,
}

impl OlderKey {
    pub(super) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(super) fn into_key(self) -> Key {
        let vouched_by = Some(Voucher::of(&[self.text()]));
        let boxed = |words: &[String]| words.iter().map(|word| word.as_str().into()).collect::<Box<[Box<str>]>>();
        Key {
            principal: Principal {
                name: self.id.into(),
                kind: CredentialKind::ApiKey,
                scopes: boxed(&self.scopes),
                roles: boxed(&self.roles),
                expires_at_unix_s: self.expires_at_unix_s,
                vouched_by,
                claims: Map::new(),
            },
            name: self.name.into(),
            permissions: self.permissions.as_deref().map(boxed),
            rate: self.rate,
            created_at_unix_s: None,
            revoked_at_unix_s: None,
        }
    }
}

impl std::fmt::Debug for OlderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OlderKey({})", self.id)
    }
}

/// The keys of `MCP_API_KEYS`, with commas between them.
///
/// # Errors
/// Which key cannot be used, by its place.
pub fn mcp_api_keys(text: &str) -> Result<Vec<OlderKey>, BadKeys> {
    entries_to_keys(MCP_API_KEYS, shape::of_list(text))
}

/// The keys of `API_KEYS`: a JSON object of keys and what is known of each (an object, a name, a list of permissions, or
/// nothing), a JSON array of keys or of objects with a `key`, or a list as in `MCP_API_KEYS`. A key whose `active` is
/// false is left out.
///
/// # Errors
/// Which key cannot be used, by its place, or where this is not JSON.
pub fn api_keys(text: &str) -> Result<Vec<OlderKey>, BadKeys> {
    let entries = match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => shape::of_json(text).map_err(|why| BadKeys::new(format!("{API_KEYS}: {why}")))?,
        _ => shape::of_list(text),
    };
    entries_to_keys(API_KEYS, entries)
}

fn entries_to_keys(variable: &str, entries: Vec<Entry>) -> Result<Vec<OlderKey>, BadKeys> {
    if entries.len() > KEYS_MAX {
        return Err(BadKeys::new(format!("{variable}: {} keys are too many: name up to {KEYS_MAX}", entries.len())));
    }
    if entries.is_empty() {
        return Err(BadKeys::new(format!("{variable}: there is no key in it: write one, or unset it")));
    }
    let mut keys: Vec<OlderKey> = Vec::with_capacity(entries.len());
    let mut taken = std::collections::BTreeSet::new();
    for (index, Entry { key, about }) in entries.into_iter().enumerate() {
        let place = format!("{variable}: key {}", index + 1);
        let within = |why: String| BadKeys::new(format!("{place}: {why}"));
        let Some(mut older) = read(key, about).map_err(within)? else { continue };
        if older.text.len() > SHOWN_BYTES_MAX {
            return Err(within(format!("it is longer than {SHOWN_BYTES_MAX} bytes, which no caller may send")));
        }
        if !older.text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(within(
                "it has blanks or characters that no header can carry: write letters, digits and signs".into(),
            ));
        }
        weak_secret::check_key(&place, older.text.as_bytes()).map_err(|weak| BadKeys::new(weak.to_string()))?;
        let usual = format!("{}-{}", variable.to_lowercase().replace('_', "-"), index + 1);
        if older.name.is_empty() {
            older.name.clone_from(&usual);
        }
        older.id.clone_from(&older.name);
        if !taken.insert(older.id.clone()) {
            // One client with two keys: both stay, and can be told apart.
            older.id = format!("{}-{}", older.name, index + 1);
            if !taken.insert(older.id.clone()) {
                return Err(within("another key has its name already: give it one of its own".into()));
            }
        }
        keys.push(older);
    }
    Ok(keys)
}

/// One key with what is said of it; `None` when it is switched off.
fn read(key: Zeroizing<String>, about: Value) -> Result<Option<OlderKey>, String> {
    let mut older = OlderKey {
        text: key,
        id: String::new(),
        name: String::new(),
        permissions: None,
        scopes: Vec::new(),
        roles: Vec::new(),
        rate: None,
        expires_at_unix_s: None,
    };
    match about {
        Value::Null | Value::Bool(true) => {}
        Value::Bool(false) => return Ok(None),
        Value::String(name) => older.name = name,
        list @ Value::Array(_) => older.permissions = Some(words("permissions", &list)?),
        Value::Object(fields) => {
            if !take_fields(&mut older, &fields)? {
                return Ok(None);
            }
        }
        Value::Number(_) => {
            return Err("a number says nothing of a key: write an object, like {\"name\": \"ci\"}".into());
        }
    }
    if !older.name.is_empty() {
        api_key::check_name(&older.name).map_err(|error| error.to_string())?;
    }
    api_key::check_words("scope", &older.scopes).map_err(|error| error.to_string())?;
    api_key::check_words("role", &older.roles).map_err(|error| error.to_string())?;
    api_key::check_words("permission", older.permissions.as_deref().unwrap_or_default()).map_err(|e| e.to_string())?;
    Ok(Some(older))
}

/// What an object says; `false` when it says that the key is not in use.
fn take_fields(older: &mut OlderKey, fields: &Map<String, Value>) -> Result<bool, String> {
    let (mut is_active, mut limit, mut burst) = (true, None, None);
    for (name, value) in fields {
        match name.as_str() {
            _ if value.is_null() => {}
            "name" | "client" | "client_id" | "client_name" | "user_id" | "label" => older.name = text(name, value)?,
            "permissions" | "tools" | "allowed_tools" => older.permissions = Some(words(name, value)?),
            "scopes" | "scope" => older.scopes = words(name, value)?,
            "roles" | "role" => older.roles = words(name, value)?,
            "rate_limit" | "rate" | "requests_per_minute" => limit = Some(rate::of_value(name, value)?),
            "requests_per_second" => limit = Some(rate::per_second(name, value)?),
            "burst" | "burst_limit" => burst = Some(rate::count(name, value)?),
            "expires" | "expires_at" | "expiry" => older.expires_at_unix_s = Some(shape::time(name, value)?),
            "active" | "enabled" => is_active &= flag(name, value)?,
            "disabled" | "revoked" => is_active &= !flag(name, value)?,
            // What is only told to people limits nothing.
            "description" | "created" | "created_at" | "email" | "owner" | "last_used" | "metadata" => {}
            _ => {
                // It is not repeated: it may be a key.
                let near = nearest(name, &FIELDS).map(|near| format!("; did you mean `{near}`?"));
                let known = || format!(": fields are {}", FIELDS.join(", "));
                return Err(format!("an unknown field is in it{}", near.unwrap_or_else(known)));
            }
        }
    }
    older.rate = match (limit, burst) {
        (None, None) => None,
        (None, Some(_)) => return Err("`burst` needs a `rate_limit` beside it".into()),
        (Some(limit), burst) => {
            let burst = Some(burst.unwrap_or(limit.burst));
            Some(KeyRate::new(limit.rate_rps, burst).map_err(|error| format!("`rate_limit`: {error}"))?)
        }
    };
    Ok(is_active)
}

fn text(name: &str, value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is not a text"))
}

fn flag(name: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("`{name}` is neither true nor false"))
}

/// A list of words, or a text of words with commas or blanks between them.
fn words(name: &str, value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("`{name}` is neither a list of texts nor a text");
    match value {
        Value::String(text) => Ok(text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()),
        Value::Array(list) => list.iter().map(|word| word.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
