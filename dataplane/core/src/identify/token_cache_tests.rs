//! Goal: the cache says nothing that was not verified under the keys in force, and stays within its bounds. Method: tables,
//! and random use beside a model that holds everything.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn cache(tokens_max: usize, tokens_bytes_max: usize) -> TokenCache<u32> {
    TokenCache::new(tokens_max, tokens_bytes_max)
}

fn held(cache: &TokenCache<u32>, tokens: &[&str]) -> Vec<bool> {
    tokens.iter().map(|token| cache.get(token.as_bytes(), 0).is_some()).collect()
}

#[test]
fn a_token_is_remembered_until_it_expires() {
    let mut cache = cache(4, 100);
    assert_eq!(cache.get(b"a", 0), None);
    cache.insert(b"a", Rc::new(1), 10, 0, 0);
    assert_eq!(cache.get(b"a", 9).map(|value| **value), Some(1));
    assert_eq!(cache.get(b"a", 10), None);
    assert_eq!(cache.get(b"A", 9), None);
    assert_eq!(cache.get(b"", 9), None);
    cache.insert(b"b", Rc::new(2), 10, 0, 10);
    assert_eq!((cache.get(b"b", 9), cache.len()), (None, 1), "it had expired already");
    cache.insert(b"a", Rc::new(3), 20, 0, 10);
    assert_eq!((cache.get(b"a", 19).map(|value| **value), cache.len(), cache.tokens_bytes()), (Some(3), 1, 1));
}

#[test]
fn other_keys_forget_everything() {
    let mut cache = cache(4, 100);
    cache.insert(b"a", Rc::new(1), 10, 0, 0);
    cache.follow(0);
    assert_eq!(held(&cache, &["a"]), [true]);
    cache.follow(7);
    assert_eq!((held(&cache, &["a"]), cache.len(), cache.tokens_bytes()), (vec![false], 0, 0));
    // A verification that was begun with the keys before.
    cache.insert(b"a", Rc::new(1), 10, 0, 0);
    assert!(cache.is_empty());
    cache.insert(b"a", Rc::new(1), 10, 7, 0);
    assert_eq!(held(&cache, &["a"]), [true]);
}

#[test]
fn what_is_revoked_is_forgotten_at_once() {
    let mut cache = cache(4, 100);
    for (token, value) in [("a", 1), ("b", 2), ("c", 1)] {
        cache.insert(token.as_bytes(), Rc::new(value), 10, 0, 0);
    }
    cache.forget(b"b");
    cache.forget(b"unknown");
    assert_eq!(held(&cache, &["a", "b", "c"]), [true, false, true]);
    cache.insert(b"d", Rc::new(4), 10, 0, 0);
    cache.retain(|value| *value != 1);
    assert_eq!(held(&cache, &["a", "b", "c", "d"]), [false, false, false, true]);
    cache.flush();
    assert_eq!(held(&cache, &["d"]), [false]);
}

#[test]
fn who_was_used_lately_stays_when_it_is_full() {
    let mut cache = cache(3, 100);
    for token in ["a", "b", "c"] {
        assert_eq!(cache.insert(token.as_bytes(), Rc::new(0), 10, 0, 0), 0);
    }
    assert_eq!(held(&cache, &["a", "c"]), [true, true]);
    assert_eq!(cache.insert(b"d", Rc::new(0), 10, 0, 0), 1);
    assert_eq!(held(&cache, &["a", "b", "c", "d"]), [true, false, true, true]);
    // What has expired goes before what was not used.
    cache.insert(b"e", Rc::new(0), 10, 0, 10);
    assert_eq!(cache.len(), 3);
    for round in 0..100_u32 {
        cache.insert(&round.to_be_bytes(), Rc::new(0), 10, 0, 0);
        assert_eq!(cache.len(), 3);
        assert!(cache.get(&round.to_be_bytes(), 0).is_some(), "the newcomer is there");
    }
}

#[test]
fn a_sweep_over_used_tokens_ends() {
    let mut cache = cache(1000, 1 << 20);
    for token in 0..1000_u32 {
        cache.insert(&token.to_be_bytes(), Rc::new(0), 10, 0, 0);
        assert!(cache.get(&token.to_be_bytes(), 0).is_some());
    }
    assert_eq!(cache.insert(b"new", Rc::new(0), 10, 0, 0), 1);
    let used = cache.slots.iter().flatten().filter(|remembered| remembered.is_used.get()).count();
    assert_eq!(used, 1000 - SWEEP_TOKENS_MAX);
}

#[test]
fn large_tokens_push_out_as_many_as_they_need() {
    let mut cache = cache(100, 100);
    for token in 0..10_u8 {
        cache.insert(&[token; 10], Rc::new(0), 10, 0, 0);
    }
    assert_eq!(cache.tokens_bytes(), 100);
    assert_eq!(cache.insert(&[99; 35], Rc::new(0), 10, 0, 0), 4);
    assert_eq!((cache.tokens_bytes(), cache.len()), (95, 7));
    assert_eq!(cache.insert(&[98; 101], Rc::new(0), 10, 0, 0), 0);
    assert!(cache.get(&[98; 101], 0).is_none(), "larger than all there is room for");
    let mut none = TokenCache::new(0, 100);
    assert_eq!((none.insert(b"a", Rc::new(0), 10, 0, 0), none.get(b"a", 0)), (0, None));
}

#[test]
fn tokens_of_one_hash_are_told_apart() {
    let mut cache = cache(4, 100);
    cache.insert(b"first", Rc::new(1), 10, 0, 0);
    // As if both had that hash.
    let place = cache.places[&cache.hasher.hash_one(&b"first"[..])];
    let hash = cache.hasher.hash_one(&b"other"[..]);
    cache.places.insert(hash, place);
    assert_eq!(cache.get(b"other", 0), None);
    assert_eq!(cache.get(b"first", 0).map(|value| **value), Some(1));
}

#[test]
fn all_bytes_are_compared() {
    let token: Vec<u8> = (0..=255).collect();
    assert!(is_same(&token, &token) && is_same(b"", b""));
    for at in 0..token.len() {
        let mut other = token.clone();
        other[at] ^= 0x80;
        assert!(!is_same(&token, &other));
        assert!(!is_same(&token, &token[..at]) && !is_same(&token[..at], &token));
    }
}

#[derive(Clone, Debug)]
enum Use {
    Get(u8),
    Insert { token: u8, expires_at: u64, generation: u64 },
    Forget(u8),
    Follow(u64),
    Wait(u64),
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let one = prop_oneof![
        4 => any::<u8>().prop_map(Use::Get),
        4 => (any::<u8>(), 0..60u64, 0..2u64)
            .prop_map(|(token, expires_at, generation)| Use::Insert { token, expires_at, generation }),
        1 => any::<u8>().prop_map(Use::Forget),
        1 => (0..2u64).prop_map(Use::Follow),
        2 => (0..5u64).prop_map(Use::Wait),
    ];
    prop::collection::vec(one, 0..300)
}

/// Tokens of many lengths, some of them the beginning of others.
fn token(number: u8) -> Vec<u8> {
    vec![number % 16; 1 + usize::from(number / 16)]
}

proptest! {
    #[test]
    fn nothing_is_remembered_that_is_not_so(uses in uses(), tokens_max in 1..20usize, bytes_max in 1..200usize) {
        let mut cache = cache(tokens_max, bytes_max);
        // What was inserted and not taken back; the cache may hold less, never more.
        let mut model: BTreeMap<Vec<u8>, (u32, u64)> = BTreeMap::new();
        let (mut now, mut generation) = (0, 0);
        for (value, one) in uses.into_iter().enumerate() {
            match one {
                Use::Get(number) => {
                    let known = model.get(&token(number)).filter(|(_, expires_at)| *expires_at > now);
                    let got = cache.get(&token(number), now).map(|value| **value);
                    prop_assert!(got.is_none() || got == known.map(|(value, _)| *value));
                }
                Use::Insert { token: number, expires_at, generation: of } => {
                    let value = value as u32;
                    cache.insert(&token(number), Rc::new(value), expires_at, of, now);
                    if of == generation && expires_at > now {
                        model.insert(token(number), (value, expires_at));
                        let got = cache.get(&token(number), now).map(|value| **value);
                        prop_assert_eq!(got, (token(number).len() <= bytes_max).then_some(value));
                    }
                }
                Use::Forget(number) => {
                    cache.forget(&token(number));
                    model.remove(&token(number));
                }
                Use::Follow(other) => {
                    cache.follow(other);
                    if other != generation {
                        (generation, model) = (other, BTreeMap::new());
                    }
                }
                Use::Wait(seconds) => now += seconds,
            }
            prop_assert!(cache.len() <= tokens_max && cache.tokens_bytes() <= bytes_max);
            let held: usize = cache.slots.iter().flatten().map(|remembered| remembered.token.len()).sum();
            prop_assert_eq!(held, cache.tokens_bytes());
        }
    }
}
