//! `requestState`: what a server hands a client to bring back with its answers (MCP 2026-07-28, multi-round-trip
//! requests). The client may read it and cannot change it: an HMAC binds it to the caller, the request and an expiry. It
//! never keeps anything, so that any replica with the same key can take the next round.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// Bytes of a state as it comes back; larger ones are refused before any work.
pub const STATE_BYTES_MAX: usize = 64 << 10;

/// What a state is bound to besides its expiry.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// Who asked.
    pub principal: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The tool, prompt or resource.
    pub target: &'a str,
}

/// Why a state is refused. Both get the same answer; the difference is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFault {
    /// Not one of ours for this caller and request.
    Forged,
    /// One of ours, too old.
    Expired,
}

/// The key all shards, and all replicas, share.
pub struct StateKey(hmac::Key);

impl StateKey {
    /// A key from 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> StateKey {
        StateKey(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Seals `content`, good until `expires_unix_s`.
    pub fn seal(&self, binding: Binding<'_>, expires_unix_s: u64, content: &str) -> String {
        let mut payload = expires_unix_s.to_be_bytes().to_vec();
        payload.extend_from_slice(content.as_bytes());
        let tag = self.tag(binding, &payload);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(&payload), URL_SAFE_NO_PAD.encode(tag))
    }

    /// Opens what [`StateKey::seal`] made.
    ///
    /// # Errors
    /// When the state was not made by this key for this binding, or has expired.
    pub fn open(&self, binding: Binding<'_>, now_unix_s: u64, state: &str) -> Result<String, StateFault> {
        if state.len() > STATE_BYTES_MAX {
            return Err(StateFault::Forged);
        }
        let (payload, tag) = state.split_once('.').ok_or(StateFault::Forged)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| StateFault::Forged)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| StateFault::Forged)?;
        // The compare runs in constant time.
        hmac::verify(&self.0, &Self::signed(binding, &payload), &tag).map_err(|_| StateFault::Forged)?;
        let (expiry, content) = payload.split_first_chunk::<8>().ok_or(StateFault::Forged)?;
        if u64::from_be_bytes(*expiry) < now_unix_s {
            return Err(StateFault::Expired);
        }
        String::from_utf8(content.to_vec()).map_err(|_| StateFault::Forged)
    }

    fn tag(&self, binding: Binding<'_>, payload: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, &Self::signed(binding, payload))
    }

    /// Every part with its length, so that no two bindings sign the same bytes.
    fn signed(binding: Binding<'_>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = b"ringway request state 1".to_vec();
        for part in [binding.principal.as_bytes(), binding.method.as_bytes(), binding.target.as_bytes(), payload] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_only_as_it_left() {
        let key = StateKey::new(&[7; 32]);
        let binding = Binding { principal: "a", method: "tools/call", target: "t" };
        let state = key.seal(binding, 100, r#"{"x":1}"#);
        assert_eq!(key.open(binding, 100, &state).as_deref(), Ok(r#"{"x":1}"#));
        assert_eq!(key.open(binding, 101, &state), Err(StateFault::Expired));
        for other in [
            Binding { principal: "b", ..binding },
            Binding { method: "prompts/get", ..binding },
            Binding { target: "u", ..binding },
            Binding { principal: "at", target: "", ..binding },
        ] {
            assert_eq!(key.open(other, 1, &state), Err(StateFault::Forged), "{other:?}");
        }
        assert_eq!(StateKey::new(&[8; 32]).open(binding, 1, &state), Err(StateFault::Forged));
        assert_eq!(key.open(binding, 1, &format!("{state}-TAMPERED")), Err(StateFault::Forged));
        for at in 0..state.len() {
            let mut bytes = state.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(key.open(binding, 1, &changed), Err(StateFault::Forged), "byte {at}");
        }
    }
}
