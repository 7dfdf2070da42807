//! API keys: a wrong secret tells neither where it is wrong nor whether its id is known.

use std::rc::Rc;

use ringway_core::identify::api_key::{self, DIGEST_BYTES, Pepper};
use ringway_core::identify::key_ring::{KeyFile, KeyRing, NewKey, mcp_api_keys};

use super::dudect::{Pair, Random, TEXTS};
use super::random;

/// Keys of the ring: enough for a search to have a way to go, few enough to stay in the fastest cache, whose misses belong
/// to places in memory and not to what is compared.
const KEYS: usize = 100;
const NOW_UNIX_S: u64 = 1_800_000_000;

/// A secret of the key's alphabet with another digit at one place, and a checksum that is right: as an attacker sends it.
fn changed_at(id: &str, text: &str, at: usize, random: &mut Random) -> Vec<u8> {
    let start = api_key::PREFIX.len() + id.len() + 1;
    let mut secret: Vec<u8> = text.as_bytes()[start..start + api_key::SECRET_CHARS].to_vec();
    let before = secret[at];
    while secret[at] == before {
        secret[at] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(random.next() % 62) as usize];
    }
    let secret = std::str::from_utf8(&secret).expect("digits");
    api_key::assembled(id, secret).as_bytes().to_vec()
}

/// What must look alike.
pub fn pairs(random_numbers: &mut Random) -> Vec<Pair> {
    let mut file = KeyFile::new(Pepper::new(random::<DIGEST_BYTES>()));
    let mut made = Vec::new();
    for index in 0..KEYS {
        let wanted = NewKey { name: format!("key {index}"), ..NewKey::default() };
        made.push(file.create(wanted, &random(), &random(), NOW_UNIX_S).expect("a key"));
    }
    let older = "k7Gq2Lw9XcVb4NzRt6Yh1PmSd8Ue3Jf0Tz5Wq1Ks9Bn7Xm2V";
    let ring = Rc::new(KeyRing::new(file, mcp_api_keys(older).expect("a key")).expect("a ring"));
    let texts = |make: &mut dyn FnMut(usize) -> Vec<u8>| (0..TEXTS).map(make).collect::<Vec<_>>();
    let one = &made[KEYS / 2];
    let (first, last) = (0, api_key::SECRET_CHARS - 1);
    let mut first_byte = |_: usize| changed_at(&one.id, &one.text, first, random_numbers);
    let first_byte = texts(&mut first_byte);
    let mut last_byte = |_: usize| changed_at(&one.id, &one.text, last, random_numbers);
    let last_byte = texts(&mut last_byte);
    // Unknown ids stand beside known ones, so that both classes lead to the same places in memory. Ids are public: which of
    // them was asked for lately, and is in a cache, is no secret, and not what is measured.
    let has_successor = |id: &str| !id.ends_with(['9', 'Z', 'z']);
    let known: Vec<&str> = made.iter().map(|key| key.id.as_str()).filter(|id| has_successor(id)).collect();
    let mut wrong = |index: usize| api_key::text(known[index % known.len()], &random()).as_bytes().to_vec();
    let wrong = texts(&mut wrong);
    let mut unknown = |index: usize| {
        let mut id = known[index % known.len()].to_owned();
        let last = id.pop().map_or('0', |last| char::from(last as u8 + 1));
        id.push(last);
        api_key::text(&id, &random()).as_bytes().to_vec()
    };
    let unknown = texts(&mut unknown);
    let older_at = |at: usize| {
        let mut bytes = older.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        bytes
    };
    let (older_first, older_last) = (vec![older_at(0); TEXTS], vec![older_at(older.len() - 1); TEXTS]);
    let pair = |name, texts| {
        let ring = Rc::clone(&ring);
        Pair { name, texts, refuses: Box::new(move |shown| ring.find_key(shown, NOW_UNIX_S).is_err()) }
    };
    vec![
        pair("first byte against last byte", [first_byte, last_byte]),
        pair("unknown id against wrong secret", [unknown, wrong]),
        pair("older key, first byte against last byte", [older_first, older_last]),
    ]
}
