//! What can be done to the keys of a file: make one, give one another secret, take one back. It is told the time and the
//! random bytes, and writes nothing.

use zeroize::Zeroizing;

use super::{KEYS_MAX, KeyFile};
use crate::identify::api_key::{
    self, BadKeys, Digester, ID_RANDOM_BYTES, KeyRate, KeyRecord, KeyState, PreviousSecret, SECRET_RANDOM_BYTES,
};

/// What a key shall be.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What its holder may do.
    pub scopes: Vec<String>,
    /// What its holder is.
    pub roles: Vec<String>,
    /// Tools it is for, as globs.
    pub permissions: Option<Vec<String>>,
    /// Its own rate.
    pub rate: Option<KeyRate>,
    /// From when on it is worth nothing, in seconds since 1970.
    pub expires_at_unix_s: Option<u64>,
}

/// A key that was made.
pub struct Created {
    /// Its public id.
    pub id: String,
    /// The key. It is nowhere else.
    pub text: Zeroizing<String>,
}

/// A key with another secret.
pub struct Rotated {
    /// The key. It is nowhere else.
    pub text: Zeroizing<String>,
    /// Until when the secret before is good too.
    pub previous_until_unix_s: u64,
    /// Whether a still older secret was in its grace, and is not good any longer.
    pub has_ended_older: bool,
}

/// What became of a key that was to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It was good, and is not.
    Revoked,
    /// It was revoked before, at this time.
    AlreadyAt(u64),
}

impl KeyFile {
    /// Makes a key.
    ///
    /// # Errors
    /// When what is wanted is no key, or there is no room.
    pub fn create(
        &mut self,
        wanted: NewKey,
        id_random: &[u8; ID_RANDOM_BYTES],
        secret_random: &[u8; SECRET_RANDOM_BYTES],
        now_unix_s: u64,
    ) -> Result<Created, BadKeys> {
        let NewKey { name, scopes, roles, permissions, rate, expires_at_unix_s } = wanted;
        if self.keys.len() >= KEYS_MAX {
            return Err(BadKeys::new(format!(
                "there are {KEYS_MAX} keys, and no room for another: use a file of its own"
            )));
        }
        if expires_at_unix_s.is_some_and(|end| end <= now_unix_s) {
            return Err(BadKeys::new("it would expire before it is made: name a time that is to come"));
        }
        let id = api_key::id(id_random);
        if self.keys.iter().any(|key| key.id == id) {
            return Err(BadKeys::new("the random bytes repeat themselves: try again"));
        }
        let text = api_key::text(&id, secret_random);
        let digest = Digester::new(&self.pepper).digest(text.as_bytes());
        let record = KeyRecord {
            id: id.clone(),
            name,
            scopes,
            roles,
            permissions,
            rate,
            created_at_unix_s: now_unix_s,
            expires_at_unix_s,
            revoked_at_unix_s: None,
            rotated_at_unix_s: None,
            digest,
            previous: None,
        };
        // Its id is good, so that what is wrong is what was wanted: that is said without an id nobody knows.
        api_key::check_name(&record.name)?;
        api_key::check_words("scope", &record.scopes)?;
        api_key::check_words("role", &record.roles)?;
        api_key::check_words("permission", record.permissions.as_deref().unwrap_or_default())?;
        self.keys.push(record);
        Ok(Created { id, text })
    }

    /// Gives a key another secret, and its secret a time to live on.
    ///
    /// # Errors
    /// When there is no such key, or it is not good.
    pub fn rotate(
        &mut self,
        id: &str,
        secret_random: &[u8; SECRET_RANDOM_BYTES],
        grace_s: u64,
        now_unix_s: u64,
    ) -> Result<Rotated, BadKeys> {
        let digester = Digester::new(&self.pepper);
        let key = self.key_mut(id)?;
        match key.state(now_unix_s) {
            KeyState::Active => {}
            state => {
                let state = state.word();
                return Err(BadKeys::new(format!("key `{id}` is {state}: make another with `ringway keys create`")));
            }
        }
        let text = api_key::text(&key.id, secret_random);
        let previous_until_unix_s = now_unix_s.saturating_add(grace_s);
        let has_ended_older = key.previous.as_ref().is_some_and(|previous| previous.until_unix_s > now_unix_s);
        let digest = std::mem::replace(&mut key.digest, digester.digest(text.as_bytes()));
        key.previous = (grace_s > 0).then_some(PreviousSecret { digest, until_unix_s: previous_until_unix_s });
        key.rotated_at_unix_s = Some(now_unix_s);
        Ok(Rotated { text, previous_until_unix_s, has_ended_older })
    }

    /// Takes a key back, for good.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn revoke(&mut self, id: &str, now_unix_s: u64) -> Result<Revocation, BadKeys> {
        let key = self.key_mut(id)?;
        if let Some(at) = key.revoked_at_unix_s {
            return Ok(Revocation::AlreadyAt(at));
        }
        key.revoked_at_unix_s = Some(now_unix_s);
        key.previous = None;
        Ok(Revocation::Revoked)
    }

    fn key_mut(&mut self, id: &str) -> Result<&mut KeyRecord, BadKeys> {
        let found = self.keys.iter_mut().find(|key| key.id == id);
        // What is no id is not repeated: it may be a key.
        found.ok_or_else(|| match api_key::is_id(id.as_bytes()) {
            true => BadKeys::new(format!("there is no key `{id}`: `ringway keys list` names them")),
            false => {
                BadKeys::new("this is no id of a key: write its 12 letters and digits, as `ringway keys list` has them")
            }
        })
    }
}
