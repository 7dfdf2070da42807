//! Every key that is good here, and the one that was shown. It is made once and never changes; whoever changes keys makes
//! another. Finding a key takes the same steps whether there is no such id or the secret is wrong, allocates nothing, and
//! never tells one reason to the caller: all are one answer, and the reason is for the log.

mod changes;
mod file;
mod older;
mod table;

use super::api_key::{self, BadKeys, Digester, KeyRate, KeyState};
use super::principal::{CredentialKind, Principal};
use super::voucher::{Lapse, Voucher};
use table::{Slot, Table};

pub use changes::{Created, NewKey, Revocation, Rotated};
pub use file::{FORMAT, KeyFile};
pub use older::{OlderKey, api_keys, mcp_api_keys};

/// Keys of a server. A ring of so many takes some 60 MB, and a search in it 17 steps.
pub const KEYS_MAX: usize = 100_000;
/// Bytes of what is shown; a longer text is refused before it is digested, which takes 2 us for so many.
pub const SHOWN_BYTES_MAX: usize = 1024;

/// Why what was shown is no key. Callers get the same answer to each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// No such key.
    Unknown,
    /// It has the form of a key, and its checksum says that it was not copied whole.
    Mistyped,
    /// It is longer than [`SHOWN_BYTES_MAX`].
    TooLong,
    /// The right key, which somebody took back.
    Revoked,
    /// The right key, whose time is over.
    Expired,
    /// The right key with the secret that it had before a rotation, whose grace is over.
    Superseded,
}

impl KeyError {
    /// Its word in logs, metrics and audit.
    pub fn word(self) -> &'static str {
        match self {
            KeyError::Unknown => "key_unknown",
            KeyError::Mistyped => "key_mistyped",
            KeyError::TooLong => "key_too_long",
            KeyError::Revoked => "key_revoked",
            KeyError::Expired => "key_expired",
            KeyError::Superseded => "key_superseded",
        }
    }
}

/// A key, as everything behind the check sees it.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its holder. The name is the key's id.
    pub principal: Principal,
    /// What people call it.
    pub name: Box<str>,
    /// Tools it is for, as globs; it forbids none by itself when absent.
    pub permissions: Option<Box<[Box<str>]>>,
    /// Its own rate.
    pub rate: Option<KeyRate>,
    /// Since when it is there, in seconds since 1970; nobody says of keys from the environment.
    pub created_at_unix_s: Option<u64>,
    /// Since when it is revoked.
    pub revoked_at_unix_s: Option<u64>,
}

/// A key that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The key.
    pub key: &'a Key,
    /// From when on what was shown is worth nothing: the key's own end, or that of the grace of its previous secret.
    pub expires_at_unix_s: Option<u64>,
    /// What stands for what was shown.
    pub vouched_by: Voucher,
}

/// All keys.
pub struct KeyRing {
    // `ring` does not wipe what it makes of the pepper; it lives as long as the server needs it.
    digester: Digester,
    /// By their public ids.
    own: Table,
    /// Keys without ids, by their digests.
    older: Table,
    /// By the names of their principals.
    keys: Box<[Key]>,
}

impl KeyRing {
    /// The ring of a file's keys and of those that the environment brings. A server without a file has an empty one with a
    /// pepper that it draws at its start.
    ///
    /// # Errors
    /// When there are more than [`KEYS_MAX`], or two that cannot be told apart.
    pub fn new(file: KeyFile, older: Vec<OlderKey>) -> Result<KeyRing, BadKeys> {
        let count = file.keys().len() + older.len();
        if count > KEYS_MAX {
            return Err(BadKeys::new(format!("{count} keys are too many: a server has up to {KEYS_MAX}")));
        }
        let digester = Digester::new(file.pepper());
        let mut all = Vec::with_capacity(count);
        for record in file.keys() {
            let slot = Slot::of_record(record);
            all.push((Key::of_record(record), slot, false));
        }
        for key in older {
            let slot = Slot::of_digest(digester.digest(key.text()));
            all.push((key.into_key(), slot, true));
        }
        all.sort_by(|(one, ..), (other, ..)| one.principal.name.cmp(&other.principal.name));
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0.principal.name == pair[1].0.principal.name) {
            let name = &pair[0].0.principal.name;
            return Err(BadKeys::new(format!("two keys are called `{name}`: each needs a name of its own")));
        }
        let (mut keys, mut own_slots, mut older_slots) = (Vec::with_capacity(count), Vec::new(), Vec::new());
        for (index, (key, slot, is_older)) in all.into_iter().enumerate() {
            keys.push(key);
            let slots = if is_older { &mut older_slots } else { &mut own_slots };
            slots.push(Slot { index, ..slot });
        }
        let older = Table::new(older_slots);
        if older.has_doubles() {
            return Err(BadKeys::new("two keys of the environment are the same: leave one of them out"));
        }
        Ok(KeyRing { digester, own: Table::new(own_slots), older, keys: keys.into_boxed_slice() })
    }

    /// The ring of a file alone, from its text.
    ///
    /// # Errors
    /// As [`KeyFile::from_json`] and [`KeyRing::new`].
    pub fn from_json(text: &str) -> Result<KeyRing, BadKeys> {
        KeyRing::new(KeyFile::from_json(text)?, Vec::new())
    }

    /// Who shows this.
    ///
    /// # Errors
    /// Why nobody does; callers are told no more than that.
    pub fn find(&self, shown: &[u8], now_unix_s: u64) -> Result<Principal, KeyError> {
        let found = self.find_key(shown, now_unix_s)?;
        let (expires_at_unix_s, vouched_by) = (found.expires_at_unix_s, Some(found.vouched_by));
        Ok(Principal { expires_at_unix_s, vouched_by, ..found.key.principal.clone() })
    }

    /// The same without a copy.
    ///
    /// # Errors
    /// Why there is no such key.
    pub fn find_key(&self, shown: &[u8], now_unix_s: u64) -> Result<Found<'_>, KeyError> {
        if shown.len() > SHOWN_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let digest = self.digester.digest(shown);
        let id = api_key::shown_id(shown);
        // Both are asked whatever was shown, and a search that finds nothing ends at a neighbour, which is compared as any
        // other: nothing that takes time depends on what there is.
        let (own_place, older_place) = (id.map_or(table::NOWHERE, table::place_of_id), digest.place());
        let (own, older) = (self.own.nearest(own_place), self.older.nearest(older_place));
        let is_own_current = own.is_at(own_place) & own.current.is(&digest);
        let is_own_previous = own.is_at(own_place) & own.previous.is(&digest);
        let is_older = older.is_at(older_place) & older.current.is(&digest);
        let slot = match (bool::from(is_own_current | is_own_previous), bool::from(is_older)) {
            (true, _) => own,
            (_, true) => older,
            _ if id.is_some() && !api_key::is_checksum_right(shown) => return Err(KeyError::Mistyped),
            _ => return Err(KeyError::Unknown),
        };
        // A slot that stands for no key matches no digest, and has no index either.
        let key = self.keys.get(slot.index).ok_or(KeyError::Unknown)?;
        let end = key.principal.expires_at_unix_s;
        match KeyState::of(key.revoked_at_unix_s, end, now_unix_s) {
            KeyState::Revoked => return Err(KeyError::Revoked),
            KeyState::Expired => return Err(KeyError::Expired),
            KeyState::Active => {}
        }
        if bool::from(is_own_current | is_older) {
            let vouched_by = key.principal.vouched_by.unwrap_or(Voucher::of_digest(digest.place()));
            return Ok(Found { key, expires_at_unix_s: end, vouched_by });
        }
        let until = slot.previous_until_unix_s;
        if now_unix_s >= until {
            return Err(KeyError::Superseded);
        }
        let vouched_by = Voucher::of_digest(digest.place());
        Ok(Found { key, expires_at_unix_s: Some(end.map_or(until, |end| end.min(until))), vouched_by })
    }

    /// The key whose principal has this name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        let index = self.keys.binary_search_by(|key| (*key.principal.name).cmp(name)).ok()?;
        self.keys.get(index)
    }

    /// Until when somebody who showed a key is known, if that has an end: of the key, or of the grace of its previous secret.
    ///
    /// # Errors
    /// [`Lapse::Revoked`] when the key is gone or taken back, gives other rights or has another secret.
    pub fn standing(&self, principal: &Principal) -> Result<Option<u64>, Lapse> {
        let index = self.keys.binary_search_by(|key| key.principal.name.cmp(&principal.name)).ok();
        let key = index.and_then(|index| self.keys.get(index)).ok_or(Lapse::Revoked)?;
        let has_same_rights = (&key.principal.scopes, &key.principal.roles) == (&principal.scopes, &principal.roles);
        if key.revoked_at_unix_s.is_some() || !has_same_rights {
            return Err(Lapse::Revoked);
        }
        let end = key.principal.expires_at_unix_s;
        if key.principal.vouched_by == principal.vouched_by {
            return Ok(end);
        }
        // The name of an older key may have the place of an id.
        let slot = self.own.nearest(table::place_of_id(&principal.name));
        let previous = Voucher::of_digest(slot.previous.place());
        if Some(slot.index) != index || Some(previous) != principal.vouched_by {
            return Err(Lapse::Revoked);
        }
        let until = slot.previous_until_unix_s;
        Ok(Some(end.map_or(until, |end| end.min(until))))
    }

    /// The rate that a principal's key has of its own.
    pub fn rate(&self, principal: &Principal) -> Option<KeyRate> {
        let is_key = principal.kind == CredentialKind::ApiKey;
        is_key.then(|| self.key(&principal.name)).flatten().and_then(|key| key.rate)
    }

    /// All keys, by the names of their principals.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

impl Key {
    fn of_record(record: &api_key::KeyRecord) -> Key {
        let boxed = |words: &[String]| words.iter().map(|word| word.as_str().into()).collect::<Box<[Box<str>]>>();
        let principal = Principal {
            name: record.id.as_str().into(),
            kind: CredentialKind::ApiKey,
            scopes: boxed(&record.scopes),
            roles: boxed(&record.roles),
            expires_at_unix_s: record.expires_at_unix_s,
            vouched_by: Some(Voucher::of_digest(record.digest.place())),
            claims: serde_json::Map::new(),
        };
        Key {
            principal,
            name: record.name.as_str().into(),
            permissions: record.permissions.as_deref().map(boxed),
            rate: record.rate,
            created_at_unix_s: Some(record.created_at_unix_s),
            revoked_at_unix_s: record.revoked_at_unix_s,
        }
    }
}

#[cfg(test)]
mod tests;
