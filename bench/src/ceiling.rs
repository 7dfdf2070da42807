//! The generator's own ceiling: what it reaches with a workload's connections and sizes against a server that does
//! nothing. A result near it is the generator's and not the server's. Never judges; that is `doubts`.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cores;
use crate::load::{self, Plan, Target, Wait};
use crate::stand_in::StandIn;
use crate::stand_in::answer::Answer;
use crate::stand_in::delay::Delay;
use crate::workload::{Clients, Credential, Era, Expectation, Face, Operation, Pace, Share, TEXT_BYTES, Workload};

/// Long enough for a hundred thousand answers, short enough to precede every run.
const SECONDS: f64 = 1.0;
const WARMUP_S: f64 = 0.2;

/// Requests a second. The stand-in runs on `cpu`, the generator on `cpus`.
///
/// The stand-in has one core and is about as fast as one thread of the generator: beside several, it would be its own
/// ceiling that is measured. They share nothing, so one of them is measured with its part of the connections, and counts
/// for all.
pub fn measure(workload: &Workload, cpus: &[usize], cpu: usize) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("the stand-in cannot listen: {error}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let thread_count = thread_count(workload, cpus);
    let plan = Plan {
        workload: like(workload, thread_count),
        target: Target { addr, authority: addr.to_string(), is_tls: false },
        cpus: cpus.iter().copied().take(1).collect(),
        wait: Wait::Spin,
    };
    let stop = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            cores::move_to(&[cpu])?;
            StandIn { answer: Answer::Echo, delay: Delay::Now, spin: false }.serve(listener, &stop)
        });
        let outcome = load::run(&plan, &mut || {}, &mut |_| {});
        stop.store(true, Ordering::Relaxed);
        let served = server.join().map_err(|_| "the stand-in panicked".to_owned())?;
        served.and(outcome)
    })?;
    match outcome.measured.errors.total() {
        0 => Ok(outcome.measured.reached_rps * thread_count as f64),
        errors => Err(format!("the stand-in answered wrong {errors} times: {:?}", outcome.measured.errors.first)),
    }
}

fn connection_count(workload: &Workload) -> usize {
    workload.clients.iter().map(|clients| clients.connections).sum()
}

/// As many threads as the load has: none without a connection.
fn thread_count(workload: &Workload, cpus: &[usize]) -> usize {
    cpus.len().clamp(1, connection_count(workload).max(1))
}

/// One thread's part of the connections with as large a text, in the closed loop: requests of every face cost about what
/// these cost.
fn like(workload: &Workload, thread_count: usize) -> Workload {
    let connections = connection_count(workload).div_ceil(thread_count);
    let shares = workload.clients.iter().flat_map(|clients| &clients.mix);
    let sizes: Vec<usize> = shares.flat_map(sizes).collect();
    let call = Share {
        name: String::new(),
        operation: Operation::Call,
        weight: 1,
        tool: None,
        arguments: None,
        text_bytes: vec![sizes.iter().sum::<usize>() / sizes.len().max(1)],
        file: None,
        path: None,
        expect: Expectation::default(),
    };
    let clients = Clients {
        name: "ceiling".into(),
        connections,
        face: Face::Mcp,
        era: Era::Modern,
        path: None,
        headers: Default::default(),
        credentials: Vec::<Credential>::new(),
        tls: None,
        churn: None,
        think: None,
        mix: vec![call],
    };
    Workload {
        name: "ceiling".into(),
        about: String::new(),
        load: Pace { rate_rps: None, seconds: SECONDS, warmup_s: WARMUP_S, ..workload.load.clone() },
        clients: vec![clients],
    }
}

fn sizes(share: &Share) -> Vec<usize> {
    if share.text_bytes.is_empty() { vec![TEXT_BYTES] } else { share.text_bytes.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_measured_with_its_part() {
        let echo = Workload::by_name_or_file("echo").expect("it is built in");
        for (cpus, thread_count_wanted, connections) in [(0, 1, 64), (1, 1, 64), (3, 3, 22), (100, 64, 1)] {
            let cpus: Vec<usize> = (0..cpus).collect();
            let thread_count = thread_count(&echo, &cpus);
            assert_eq!(thread_count, thread_count_wanted);
            assert_eq!(like(&echo, thread_count).clients[0].connections, connections);
        }
    }
}
