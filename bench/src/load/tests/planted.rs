//! Delays known beforehand, and what is reported of them. A noisy machine makes a latency longer and never shorter, so
//! the bounds below are sharp and those above wide.

use crate::load::tests::{Standing, load};
use crate::record::{Measured, Percentiles};

/// Three digits: what is reported may be a thousandth less than what was.
const RESOLUTION: f64 = 0.999;

fn measured(delay: &str, load_table: &str, connections: usize) -> Measured {
    let server = Standing::new(delay);
    let measured = load(server.addr, load_table, &format!("connections = {connections}")).unwrap().measured;
    assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
    measured
}

/// The share of requests that took longer, rounded up to the next point of the curve.
fn share_above(latency: &Percentiles, above_us: f64) -> f64 {
    let last_below = latency.curve.iter().rfind(|(_, latency_us)| *latency_us <= above_us);
    last_below.map_or(1.0, |(quantile, _)| 1.0 - quantile)
}

#[test]
fn a_constant_delay_is_reported() {
    let latency = measured("constant:20ms", "rate_rps = 200, seconds = 1.0, warmup_s = 0.1", 32).latency;
    assert_eq!(latency.count, 200);
    for reported_us in [latency.curve[0].1, latency.p50_us, latency.p99_us, latency.max_us] {
        assert!(reported_us >= 20_000.0 * RESOLUTION, "{latency:?}");
    }
    assert!(latency.p50_us < 40_000.0, "{latency:?}");
}

/// Goal: both humps stand where they were planted, and have the size they were given.
#[test]
fn a_bimodal_delay_is_reported() {
    let load_table = "rate_rps = 500, seconds = 1.5, warmup_s = 0.1";
    let latency = measured("bimodal:2ms,200ms,0.1", load_table, 128).latency;
    assert!(latency.p50_us >= 2_000.0 * RESOLUTION && latency.p50_us < 100_000.0, "{latency:?}");
    assert!(latency.p99_us >= 200_000.0 * RESOLUTION, "{latency:?}");
    let share = share_above(&latency, 190_000.0);
    assert!((0.09..0.2).contains(&share), "{share} took long: {latency:?}");
}

/// Goal: no coordinated omission. Method: the server stands still for 300 ms of 1.5 s; a fifth of the requests are due
/// in it, each of them waits for what is left of it, and the open loop must say so.
#[test]
fn the_open_loop_shows_a_stall_in_every_request_it_delayed() {
    let measured = measured("stall:300ms@500ms", "rate_rps = 1000, seconds = 1.5, warmup_s = 0.0", 8);
    let latency = measured.latency;
    assert_eq!(latency.count, 1500);
    assert!(latency.max_us >= 295_000.0, "{latency:?}");
    // Of the 300 ms, the last 50 delay requests by less than 50 ms.
    let share = share_above(&latency, 50_000.0);
    assert!((0.14..0.40).contains(&share), "{share} saw the stall: {latency:?}");
    let during = measured.timeline.iter().filter(|interval| interval.max_us > 50_000.0).count();
    assert!(during >= 1, "{:?}", measured.timeline);
}

/// The same stall in the closed loop hides in as many requests as there are connections.
#[test]
fn the_closed_loop_hides_the_same_stall() {
    let latency = measured("stall:300ms@500ms", "seconds = 1.5, warmup_s = 0.0", 8).latency;
    assert!(latency.max_us >= 295_000.0, "{latency:?}");
    let slow = share_above(&latency, 200_000.0) * latency.count as f64;
    // The curve has ten points to a nine: what it says of so few is right within a quarter.
    assert!(slow < 16.0, "{slow} saw the stall: {latency:?}");
}
