//! Whether the time of a refusal tells anything of a key: pairs of classes that must look alike, interleaved at random,
//! each pair judged by Welch's t on all samples and on those below several percentiles (the method of dudect: Reparaz,
//! Balasch, Verbauwhede, "Dude, is my code constant time?", 2017). It exits 1 when |t| reaches 4.5 anywhere.
//!
//! `cargo run --release -p ringway-core --example key_timing [SAMPLES]`; 100,000 samples a class when absent.

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use ring::rand::{SecureRandom, SystemRandom};
use ringway_core::identify::api_key::{self, DIGEST_BYTES, Pepper};
use ringway_core::identify::key_ring::{KeyFile, KeyRing, NewKey, mcp_api_keys};

/// Where a difference counts as one (dudect).
const T_MAX: f64 = 4.5;
/// Samples above these parts of both classes together are left out in turn: what the system does between takes longest.
const KEPT: [f64; 6] = [1.0, 0.99, 0.95, 0.9, 0.75, 0.5];
/// Refusals in one sample, so that a sample is longer than the clock is coarse.
const REPEATS: usize = 8;
/// Keys of the ring: enough for a search to have a way to go, few enough to stay in the fastest cache, whose misses belong
/// to places in memory and not to what is compared.
const KEYS: usize = 100;
/// Texts of each class: so many that what is peculiar to one of them, or to a few, is nothing.
const TEXTS: usize = 2000;
const NOW_UNIX_S: u64 = 1_800_000_000;

/// Random numbers that need not be secret (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the system is up");
    bytes
}

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

struct Classes {
    name: &'static str,
    texts: [Vec<Vec<u8>>; 2],
}

fn classes(random_numbers: &mut Random) -> (KeyRing, Vec<Classes>) {
    let mut file = KeyFile::new(Pepper::new(random::<DIGEST_BYTES>()));
    let mut made = Vec::new();
    for index in 0..KEYS {
        let wanted = NewKey { name: format!("key {index}"), ..NewKey::default() };
        made.push(file.create(wanted, &random(), &random(), NOW_UNIX_S).expect("a key"));
    }
    let older = "k7Gq2Lw9XcVb4NzRt6Yh1PmSd8Ue3Jf0Tz5Wq1Ks9Bn7Xm2V";
    let ring = KeyRing::new(file, mcp_api_keys(older).expect("a key")).expect("a ring");
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
    let pairs = vec![
        Classes { name: "first byte against last byte", texts: [first_byte, last_byte] },
        Classes { name: "unknown id against wrong secret", texts: [unknown, wrong] },
        Classes { name: "older key, first byte against last byte", texts: [older_first, older_last] },
    ];
    (ring, pairs)
}

/// The texts of both classes in one place and in a random order, so that memory does not tell them apart.
fn mixed(texts: &[Vec<Vec<u8>>; 2], random: &mut Random) -> Vec<(usize, [u8; 80], usize)> {
    let mut mixed = Vec::with_capacity(2 * TEXTS);
    for (class, texts) in texts.iter().enumerate() {
        for text in texts {
            let mut shown = [0; 80];
            shown[..text.len()].copy_from_slice(text);
            mixed.push((class, shown, text.len()));
        }
    }
    for end in (1..mixed.len()).rev() {
        mixed.swap(end, random.next() as usize % (end + 1));
    }
    mixed
}

/// Nanoseconds of a sample, by class.
fn measure(ring: &KeyRing, texts: &[(usize, [u8; 80], usize)], samples: usize, random: &mut Random) -> [Vec<f64>; 2] {
    let mut times = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    while times.iter().any(|times| times.len() < samples) {
        // Both classes go the same way to their text.
        let (class, shown, bytes) = texts[random.next() as usize % texts.len()];
        let shown = &shown[..bytes];
        let start = Instant::now();
        for _ in 0..REPEATS {
            let refused = black_box(ring.find_key(black_box(shown), NOW_UNIX_S)).is_err();
            assert!(refused, "it must be no key");
        }
        let time = start.elapsed().as_nanos() as f64;
        if times[class].len() < samples {
            times[class].push(time);
        }
    }
    times
}

/// Welch's t of two samples.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let moments = |values: &[f64]| {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((one_mean, one_error), (other_mean, other_error)) = (moments(one), moments(other));
    let spread = (one_error + other_error).sqrt();
    if spread == 0.0 { 0.0 } else { (one_mean - other_mean) / spread }
}

fn main() -> ExitCode {
    let samples = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse());
    let mut out = std::io::stdout().lock();
    let Ok(samples) = samples else {
        let _ = writeln!(out, "key_timing [SAMPLES]: a number of samples a class");
        return ExitCode::from(2);
    };
    let mut random = Random(u64::from_ne_bytes(self::random()) | 1);
    let (ring, pairs) = classes(&mut random);
    let mut worst: f64 = 0.0;
    for Classes { name, texts } in pairs {
        let texts = mixed(&texts, &mut random);
        // What is read first warms caches for both.
        measure(&ring, &texts, samples / 10, &mut random);
        let times = measure(&ring, &texts, samples, &mut random);
        let mut all: Vec<f64> = times.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        let median_ns = all[all.len() / 2] / REPEATS as f64;
        let _ = write!(out, "{name}: median {median_ns:.0} ns; t");
        for kept in KEPT {
            let limit = all[((all.len() as f64 * kept) as usize).min(all.len()) - 1];
            let [one, other] =
                times.each_ref().map(|times| times.iter().copied().filter(|time| *time <= limit).collect::<Vec<_>>());
            let t = welch(&one, &other);
            worst = worst.max(t.abs());
            let _ = write!(out, " {t:+.2} (fastest {:.0} %)", kept * 100.0);
        }
        let _ = writeln!(out);
    }
    let _ = writeln!(out, "the greatest |t| is {worst:.2}, and must stay below {T_MAX}");
    ExitCode::from(u8::from(worst >= T_MAX))
}
