//! How evenly a core runs the same piece of work: neighbours, interrupts and clock changes show as pieces that take longer.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::cores;

/// Pieces tried on each core, of about a millisecond: half a second.
const PIECES: usize = 500;
const PIECE_US: u128 = 1000;
/// However slow the machine.
const S_MAX: u64 = 2;
/// Cores tried, all at once; more say no more.
const CORES_MAX: usize = 8;

/// Of each core, how much longer than the median the 99th percentile took, as a share. A core that cannot be had is left out.
pub fn try_out(cpus: &[usize]) -> Vec<f64> {
    if cpus.is_empty() {
        return unevenness(&mut pieces()).into_iter().collect();
    }
    let on = |cpu: usize| move || cores::move_to(&[cpu]).ok().map(|()| pieces());
    std::thread::scope(|scope| {
        let threads: Vec<_> = cpus.iter().take(CORES_MAX).map(|&cpu| scope.spawn(on(cpu))).collect();
        threads.into_iter().filter_map(|thread| unevenness(&mut thread.join().ok().flatten()?)).collect()
    })
}

/// Nanoseconds of each piece.
fn pieces() -> Vec<u64> {
    let rounds = rounds_a_piece();
    let began = Instant::now();
    let mut took_ns = Vec::with_capacity(PIECES);
    while took_ns.len() < PIECES && began.elapsed() < Duration::from_secs(S_MAX) {
        let piece = Instant::now();
        work(rounds);
        took_ns.push(u64::try_from(piece.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    took_ns
}

/// As much work as takes a millisecond here. Of several tries the quickest: the others were disturbed.
fn rounds_a_piece() -> u64 {
    const TRIED: u64 = 100_000;
    let quickest_ns = (0..10)
        .map(|_| {
            let began = Instant::now();
            work(TRIED);
            began.elapsed().as_nanos()
        })
        .min()
        .unwrap_or(1);
    u64::try_from(u128::from(TRIED) * PIECE_US * 1000 / quickest_ns.max(1)).unwrap_or(TRIED)
}

/// Stays in registers, so that it measures the core and not the memory.
fn work(rounds: u64) {
    let mut state = 1_u64;
    for _ in 0..rounds {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    black_box(state);
}

fn unevenness(took_ns: &mut [u64]) -> Option<f64> {
    if took_ns.is_empty() {
        return None;
    }
    took_ns.sort_unstable();
    let median = took_ns[took_ns.len() / 2].max(1);
    let p99 = took_ns[took_ns.len() * 99 / 100];
    Some(p99 as f64 / median as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_piece_in_fifty_shows() {
        let mut even = vec![1000; 500];
        assert_eq!(unevenness(&mut even), Some(0.0));
        even[..10].fill(1500);
        assert_eq!(unevenness(&mut even), Some(0.5));
        // One in 500 is below the 99th percentile.
        let mut one = vec![1000; 500];
        one[0] = 9000;
        assert_eq!(unevenness(&mut one), Some(0.0));
        assert_eq!(unevenness(&mut []), None);
    }

    /// Goal: it ends, on a core there is and on one there is not.
    #[test]
    fn cores_are_tried_out() {
        assert_eq!(try_out(&[]).len(), 1);
        assert_eq!(try_out(&[usize::MAX]), [0.0; 0]);
    }
}
