//! Two classes of inputs, interleaved at random, judged by Welch's t on all samples and on those below several percentiles
//! (the method of dudect: Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2017). It knows nothing of what
//! it times.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

/// Where a difference counts as one (dudect).
pub const T_MAX: f64 = 4.5;
/// Samples above these parts of both classes together are left out in turn: what the system does between takes longest.
const KEPT: [f64; 6] = [1.0, 0.99, 0.95, 0.9, 0.75, 0.5];
/// Refusals in one sample, so that a sample is longer than the clock is coarse.
const REPEATS: usize = 8;
/// Texts of each class of keys: so many that what is peculiar to one of them, or to a few, is nothing.
pub const TEXTS: usize = 2000;
/// Bytes of a text: keys have some 60, the tokens here some 240.
const TEXT_BYTES_MAX: usize = 320;

/// Random numbers that need not be secret (Marsaglia's xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A text, and the class that it is of.
struct Text {
    class: usize,
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

/// What says of a text whether it is refused.
pub type Refuses = Box<dyn FnMut(&[u8]) -> bool>;

/// Two classes of texts, and what refuses them.
pub struct Pair {
    pub name: &'static str,
    pub texts: [Vec<Vec<u8>>; 2],
    /// True when a text is refused.
    pub refuses: Refuses,
}

impl Pair {
    /// Prints what is seen, and gives the greatest |t|.
    pub fn judge(mut self, samples: usize, random: &mut Random, out: &mut impl Write) -> f64 {
        let texts = mixed(&self.texts, random);
        // What is read first warms caches for both.
        self.measure(&texts, samples / 10, random);
        let times = self.measure(&texts, samples, random);
        let mut all: Vec<f64> = times.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        let median_ns = all.get(all.len() / 2).copied().unwrap_or_default() / REPEATS as f64;
        let _ = write!(out, "{}: median {median_ns:.0} ns; t", self.name);
        let mut worst: f64 = 0.0;
        for kept in KEPT {
            let limit = all[((all.len() as f64 * kept) as usize).clamp(1, all.len()) - 1];
            let [one, other] =
                times.each_ref().map(|times| times.iter().copied().filter(|time| *time <= limit).collect::<Vec<_>>());
            let t = welch(&one, &other);
            worst = worst.max(t.abs());
            let _ = write!(out, " {t:+.2} (fastest {:.0} %)", kept * 100.0);
        }
        let _ = writeln!(out);
        worst
    }

    /// Nanoseconds of a sample, by class.
    fn measure(&mut self, texts: &[Text], samples: usize, random: &mut Random) -> [Vec<f64>; 2] {
        let mut times = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
        while times.iter().any(|times| times.len() < samples) {
            // Both classes go the same way to their text.
            let text = &texts[random.next() as usize % texts.len()];
            let shown = &text.bytes[..text.length];
            let start = Instant::now();
            for _ in 0..REPEATS {
                assert!(black_box((self.refuses)(black_box(shown))), "it must be refused");
            }
            let time = start.elapsed().as_nanos() as f64;
            if times[text.class].len() < samples {
                times[text.class].push(time);
            }
        }
        times
    }
}

/// The texts of both classes in one place and in a random order, so that memory does not tell them apart.
fn mixed(texts: &[Vec<Vec<u8>>; 2], random: &mut Random) -> Vec<Text> {
    let mut mixed = Vec::with_capacity(texts[0].len() + texts[1].len());
    for (class, texts) in texts.iter().enumerate() {
        for text in texts {
            let mut bytes = [0; TEXT_BYTES_MAX];
            bytes[..text.len()].copy_from_slice(text);
            mixed.push(Text { class, bytes, length: text.len() });
        }
    }
    for end in (1..mixed.len()).rev() {
        mixed.swap(end, random.next() as usize % (end + 1));
    }
    mixed
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
