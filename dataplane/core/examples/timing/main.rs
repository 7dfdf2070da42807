//! Whether the time of a refusal tells anything of a key or of a token's signature: pairs of classes that must look alike.
//! It exits 1 when |t| reaches 4.5 anywhere.
//!
//! `cargo run --release -p ringway-core --example timing -- keys|tokens [SAMPLES]`; 100,000 samples a class when absent.
#![forbid(unsafe_code)]

mod dudect;

mod keys;

mod tokens;

use std::io::Write;
use std::process::ExitCode;

use ring::rand::{SecureRandom, SystemRandom};

use dudect::{Random, T_MAX};

/// Bytes that nobody guesses.
fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the system is up");
    bytes
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let samples = words.get(1).map_or(Ok(100_000), |text| text.parse::<usize>());
    let mut random = Random::new(u64::from_ne_bytes(self::random()));
    let pairs = match (words.first().map(String::as_str), &samples) {
        (Some("keys"), Ok(_)) => keys::pairs(&mut random),
        (Some("tokens"), Ok(_)) => tokens::pairs(&mut random),
        _ => {
            let _ = writeln!(out, "timing keys|tokens [SAMPLES]: what to look at, and a number of samples a class");
            return ExitCode::from(2);
        }
    };
    let mut worst: f64 = 0.0;
    for pair in pairs {
        worst = worst.max(pair.judge(samples.clone().unwrap_or_default(), &mut random, &mut out));
    }
    let _ = writeln!(out, "the greatest |t| is {worst:.2}, and must stay below {T_MAX}");
    ExitCode::from(u8::from(worst >= T_MAX))
}
