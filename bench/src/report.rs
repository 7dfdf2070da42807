//! A tally as text for people and as one JSON object for programs. Never computes what `tally` did not count.

use crate::arguments::Plan;
use crate::tally::Tally;

/// The numbers by name, in the order both forms print them.
pub fn numbers(plan: &Plan, tally: &Tally) -> Vec<(&'static str, f64)> {
    let latency_us = |quantile| tally.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
    vec![
        ("connections", plan.connections as f64),
        // Zero in the closed loop, which asks for no rate.
        ("asked_rps", plan.rate_rps.unwrap_or(0) as f64),
        ("reached_rps", tally.window_answer_count as f64 / tally.window_s()),
        ("measured_s", tally.window_s()),
        ("latency_us_p50", latency_us(0.5)),
        ("latency_us_p90", latency_us(0.9)),
        ("latency_us_p99", latency_us(0.99)),
        ("latency_us_p999", latency_us(0.999)),
        ("latency_us_max", tally.latency_ns.max() as f64 / 1e3),
        ("send_delay_us_p99", tally.send_delay_ns.value_at_quantile(0.99) as f64 / 1e3),
        ("send_delay_us_max", tally.send_delay_ns.max() as f64 / 1e3),
        ("generator_idle_ratio", tally.idle_ns as f64 / 1e9 / tally.window_s()),
        ("generator_cpu_ratio", tally.cpu_ratio),
        ("answer_count", tally.answer_count as f64),
        ("error_count", tally.error_count() as f64),
        ("wrong_status_count", tally.wrong_status_count as f64),
        ("wrong_length_count", tally.wrong_length_count as f64),
        ("wrong_content_count", tally.wrong_content_count as f64),
        ("malformed_count", tally.malformed_count as f64),
        ("lost_count", tally.lost_count as f64),
        ("unanswered_count", tally.unanswered_count as f64),
        ("connect_failed_count", tally.connect_failed_count as f64),
        ("reconnect_count", tally.reconnect_count as f64),
    ]
}

pub fn json(plan: &Plan, numbers: &[(&str, f64)]) -> String {
    let what: String = plan.what.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    let numbers: String = numbers.iter().map(|(name, value)| format!(",\"{name}\":{}", short(*value))).collect();
    format!("{{\"what\":\"{what}\",\"loop\":\"{}\"{numbers}}}", loop_name(plan))
}

pub fn text(plan: &Plan, numbers: &[(&str, f64)]) -> String {
    let numbers: String = numbers.iter().map(|(name, value)| format!("  {name:<22} {:>14}\n", short(*value))).collect();
    format!("{} to {}, {} loop\n{numbers}", plan.what, plan.dial.addr, loop_name(plan))
}

fn loop_name(plan: &Plan) -> &'static str {
    if plan.rate_rps.is_some() { "open" } else { "closed" }
}

/// Three decimals, and none where there are none: counts read as counts.
fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_short() {
        for (value, want) in [(0.0, "0"), (64.0, "64"), (1234.5678, "1234.568"), (20_000_000.0, "20000000")] {
            assert_eq!(short(value), want);
        }
    }
}
