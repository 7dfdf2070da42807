//! The generator's own ceiling: what it reaches with a workload's connections and sizes against a server that does
//! nothing. A result near it is the generator's and not the server's. Never judges; that is `doubts`.

use crate::load::{self, Plan, Target};
use crate::stand_in;
use crate::workload::{Clients, Face, Operation, Pace, Share, Workload};

/// Long enough for ten thousand answers and more, short enough to precede every run.
const SECONDS: f64 = 1.0;
const WARMUP_S: f64 = 0.2;

/// Requests a second. The stand-in runs on `cpu`, the generator on the cores that `plan` gives it.
pub fn measure(plan: &Plan, cpu: usize) -> Result<f64, String> {
    let server = stand_in::Floor::start(cpu).map_err(|error| format!("the stand-in cannot be started: {error}"))?;
    let ceiling = Plan {
        workload: like(&plan.workload),
        target: Target { addr: server.addr(), authority: server.addr().to_string(), is_tls: false },
        ..plan.clone()
    };
    let outcome = load::run(&ceiling, &mut |_| {})?;
    match outcome.measured.errors.total() {
        0 => Ok(outcome.measured.reached_rps),
        errors => Err(format!("the stand-in was answered wrong {errors} times: {:?}", outcome.measured.errors.first)),
    }
}

/// As many connections with as large a text, in the closed loop: every face's requests cost about what these cost.
fn like(workload: &Workload) -> Workload {
    let connections = workload.clients.iter().map(|clients| clients.connections).sum();
    let sizes: Vec<usize> = workload.clients.iter().flat_map(|clients| &clients.mix).flat_map(sizes).collect();
    let text_bytes = sizes.iter().sum::<usize>() / sizes.len().max(1);
    let call = Share::of(Operation::Call, text_bytes);
    Workload {
        name: "ceiling".into(),
        about: String::new(),
        load: Pace { rate_rps: None, seconds: SECONDS, warmup_s: WARMUP_S, ..workload.load.clone() },
        clients: vec![Clients::of(Face::Mcp, connections, vec![call])],
    }
}

/// Once for each unit of weight would be exact; a mix of very different sizes has no one ceiling anyway.
fn sizes(share: &Share) -> Vec<usize> {
    if share.text_bytes.is_empty() { vec![crate::workload::TEXT_BYTES] } else { share.text_bytes.clone() }
}
