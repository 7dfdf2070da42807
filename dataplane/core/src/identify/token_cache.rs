//! What a shard remembers of the tokens it has verified, so that a signature is paid for once. Start at [`TokenCache::get`],
//! which allocates nothing and takes no lock. It never decides that a token is good, and reads no clock.
//!
//! A token is found by a hash that is keyed anew in each process, which says where to look and proves nothing; then all of it is
//! compared. A digest alone would do without the comparison and without keeping tokens, but SHA-256 of a token of 700 bytes takes
//! 445 ns where there are instructions for it, and this 70 to 110 (AMD EPYC, `examples/token_cost.rs`), of the 6 us that a
//! request has. Tokens are therefore held as what they are, secrets: bounded, in this memory only, and wiped when they are
//! dropped.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

use zeroize::Zeroizing;

/// Tokens a shard remembers: as many callers as are active at once. With 700 bytes each that is 3 MB.
pub const TOKENS_MAX: usize = 4096;
/// Bytes of tokens a shard remembers.
pub const TOKENS_BYTES_MAX: usize = 4 << 20;
/// Tokens that are looked at for one that was not used lately, before one that was makes room.
const SWEEP_TOKENS_MAX: usize = 16;

/// The cache. When it is full the next token that nobody used since the last look makes room (second chance).
pub struct TokenCache<T> {
    /// Where a token of this hash is. Of two tokens with one hash the later stays.
    places: HashMap<u64, u32, ahash::RandomState>,
    slots: Vec<Option<Remembered<T>>>,
    free: Vec<u32>,
    hand: usize,
    tokens_bytes: usize,
    tokens_max: usize,
    tokens_bytes_max: usize,
    generation: u64,
    hasher: ahash::RandomState,
}

struct Remembered<T> {
    hash: u64,
    token: Zeroizing<Box<[u8]>>,
    value: Rc<T>,
    expires_at_unix_s: u64,
    is_used: Cell<bool>,
}

impl<T> Default for TokenCache<T> {
    fn default() -> Self {
        TokenCache::new(TOKENS_MAX, TOKENS_BYTES_MAX)
    }
}

impl<T> TokenCache<T> {
    /// An empty cache of at most so many tokens, and bytes of them.
    pub fn new(tokens_max: usize, tokens_bytes_max: usize) -> TokenCache<T> {
        TokenCache {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            tokens_bytes: 0,
            // A place is four bytes wide.
            tokens_max: tokens_max.min(u32::MAX as usize),
            tokens_bytes_max,
            generation: 0,
            hasher: ahash::RandomState::new(),
        }
    }

    /// What is remembered of `token`, if it was verified under the keys in force and has not expired since.
    pub fn get(&self, token: &[u8], now_unix_s: u64) -> Option<&Rc<T>> {
        let place = *self.places.get(&self.hasher.hash_one(token))?;
        let remembered = self.slots.get(place as usize)?.as_ref()?;
        if now_unix_s >= remembered.expires_at_unix_s || !is_same(&remembered.token, token) {
            return None;
        }
        remembered.is_used.set(true);
        Some(&remembered.value)
    }

    /// Remembers that `token` stands for `value` until it expires, as the keys of `generation` have it. Keys of another
    /// generation than those in force say nothing: it is not remembered then. Returns how many tokens made room.
    pub fn insert(
        &mut self,
        token: &[u8],
        value: Rc<T>,
        expires_at_unix_s: u64,
        generation: u64,
        now_unix_s: u64,
    ) -> usize {
        let is_stale = generation != self.generation || now_unix_s >= expires_at_unix_s;
        if is_stale || token.len() > self.tokens_bytes_max || self.tokens_max == 0 {
            return 0;
        }
        let hash = self.hasher.hash_one(token);
        if let Some(place) = self.places.get(&hash).copied() {
            self.take(place);
        }
        let mut evicted = 0;
        while self.places.len() >= self.tokens_max || self.tokens_bytes + token.len() > self.tokens_bytes_max {
            evicted += usize::from(self.evict(now_unix_s));
        }
        let remembered = Some(Remembered {
            hash,
            token: Zeroizing::new(token.into()),
            value,
            expires_at_unix_s,
            is_used: Cell::new(false),
        });
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = remembered;
                place
            }
            None => {
                self.slots.push(remembered);
                (self.slots.len() - 1) as u32
            }
        };
        self.tokens_bytes += token.len();
        self.places.insert(hash, place);
        self.check_invariants();
        evicted
    }

    /// Forgets one token, which was revoked.
    pub fn forget(&mut self, token: &[u8]) {
        let place = self.places.get(&self.hasher.hash_one(token)).copied();
        let is_it = |place: &u32| self.slots[*place as usize].as_ref().is_some_and(|own| is_same(&own.token, token));
        if let Some(place) = place.filter(is_it) {
            self.take(place);
        }
        self.check_invariants();
    }

    /// Forgets what `is_good` does not hold for, such as a principal that was revoked. It looks at all of them.
    pub fn retain(&mut self, is_good: impl Fn(&T) -> bool) {
        for place in 0..self.slots.len() {
            if self.slots[place].as_ref().is_some_and(|remembered| !is_good(&remembered.value)) {
                self.take(place as u32);
            }
        }
        self.check_invariants();
    }

    /// Forgets all, and keeps no room.
    pub fn flush(&mut self) {
        (self.places, self.slots, self.free) = (HashMap::default(), Vec::new(), Vec::new());
        (self.hand, self.tokens_bytes) = (0, 0);
        self.check_invariants();
    }

    /// Sets which keys are in force: with any others, what is remembered was verified by keys that may be gone, so it is
    /// forgotten.
    pub fn follow(&mut self, generation: u64) {
        if generation != self.generation {
            self.generation = generation;
            self.flush();
        }
    }

    /// Tokens that are remembered.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of the tokens that are remembered.
    pub fn tokens_bytes(&self) -> usize {
        self.tokens_bytes
    }

    /// Takes out one token: the first under the hand that expired or was not used since the hand came by, else the last of
    /// [`SWEEP_TOKENS_MAX`]. Whether there was one.
    fn evict(&mut self, now_unix_s: u64) -> bool {
        let mut looked_at = 0;
        for _ in 0..self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(remembered) = &self.slots[self.hand] else { continue };
            looked_at += 1;
            let was_used = remembered.is_used.replace(false) && now_unix_s < remembered.expires_at_unix_s;
            if !was_used || looked_at == SWEEP_TOKENS_MAX {
                self.take(self.hand as u32);
                return true;
            }
        }
        // Fewer than that are held, and all were used.
        let place = self.slots.iter().position(Option::is_some);
        place.is_some_and(|place| self.take(place as u32))
    }

    fn take(&mut self, place: u32) -> bool {
        let Some(remembered) = self.slots[place as usize].take() else { return false };
        self.places.remove(&remembered.hash);
        self.tokens_bytes -= remembered.token.len();
        self.free.push(place);
        true
    }

    fn check_invariants(&self) {
        debug_assert!(self.places.len() <= self.tokens_max);
        debug_assert!(self.tokens_bytes <= self.tokens_bytes_max);
        debug_assert_eq!(self.places.len() + self.free.len(), self.slots.len());
    }
}

/// Whether both are the same, in a time that depends on their length alone. The hash already agrees when this is asked, so
/// there is little to learn; it costs nothing to leave nothing.
fn is_same(own: &[u8], shown: &[u8]) -> bool {
    own.len() == shown.len()
        && black_box(own.iter().zip(shown).fold(0, |differs, (own, shown)| differs | (own ^ shown))) == 0
}

#[cfg(test)]
#[path = "token_cache_tests.rs"]
mod tests;
