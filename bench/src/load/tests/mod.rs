//! The load against servers on loopback: what it must pass, what it must count, and delays that are known beforehand.

mod flawed;
mod planted;
mod wrong;
mod going;
mod secured;
mod web_socket;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::load::{Outcome, Plan, Progress, Target, Wait, run};
use crate::stand_in::StandIn;
use crate::stand_in::answer::Answer;

/// A stand-in on a thread of its own, until it is dropped.
struct Standing {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Standing {
    fn new(delay: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stand_in, stopped) =
            (StandIn { answer: Answer::Echo, delay: delay.parse().unwrap(), spin: false }, stop.clone());
        let thread = std::thread::spawn(move || stand_in.serve(listener, &stopped).unwrap());
        Self { addr, stop, thread: Some(thread) }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// `load` and `clients` as in a workload's file; one echo is the mix where they say none.
fn plan(addr: SocketAddr, load: &str, clients: &str) -> Plan {
    let mix = if clients.contains("mix") { "" } else { "mix = [{ operation = \"call\" }]" };
    let workload = format!("name = \"test\"\nload = {{ {load} }}\n[[clients]]\n{clients}\n{mix}\n");
    Plan {
        workload: toml::from_str(&workload).unwrap_or_else(|error| panic!("{error}\n{workload}")),
        target: Target { addr, authority: addr.to_string(), is_tls: false },
        cpus: Vec::new(),
        wait: Wait::Sleep,
    }
}

fn load(addr: SocketAddr, load: &str, clients: &str) -> Result<Outcome, String> {
    run(&plan(addr, load, clients), &mut || {}, &mut |_| {})
}

#[test]
fn a_right_server_passes_in_both_loops() {
    let server = Standing::new("now");
    for pace in ["", "rate_rps = 2000, ", "rate_rps = 2000, arrivals = \"poisson\", "] {
        let outcome = load(server.addr, &format!("{pace}seconds = 0.5, warmup_s = 0.1"), "connections = 8").unwrap();
        let measured = outcome.measured;
        assert_eq!(measured.errors.total(), 0, "{measured:?}");
        assert!(measured.answer_count > 100, "{measured:?}");
        assert_eq!(measured.operations[0].answer_count, measured.answer_count);
        assert_eq!(measured.connection_count.opened, 8);
        assert!(measured.latency.p50_us > 0.0, "{measured:?}");
    }
}

/// Goal: threads share the schedule without a word, and nothing is sent twice or left out. Method: each due request is
/// answered, so that the sum is known; both threads on one core, since there may be no second.
#[test]
fn threads_together_send_the_schedule_once() {
    let server = Standing::new("now");
    let mut plan = plan(server.addr, "rate_rps = 1001, seconds = 0.9, warmup_s = 0.1", "connections = 7");
    plan.cpus = vec![some_cpu(); 2];
    let mut seen: Vec<Progress> = Vec::new();
    let Outcome { measured, generator } = run(&plan, &mut || {}, &mut |progress| seen.push(*progress)).unwrap();
    assert_eq!((measured.answer_count, measured.errors.total()), (1001, 0));
    assert_eq!(generator.threads, 2);
    // Due in the window of 0.9 s.
    assert!((900..=902).contains(&measured.latency.count), "{}", measured.latency.count);
    assert_eq!(measured.timeline.iter().map(|interval| interval.answer_count).sum::<u64>(), 1001);
    assert!(measured.timeline.len() >= 10, "{} slices", measured.timeline.len());
    assert!(seen.len() >= 5 && seen.is_sorted_by(|a, b| a.elapsed_s < b.elapsed_s), "{seen:?}");
    assert!(seen.iter().all(|progress| progress.total_s == 1.0), "{seen:?}");
}

/// Groups of one run: each has its connections, and its exchanges are told apart.
#[test]
fn groups_are_told_apart() {
    let server = Standing::new("now");
    let clients = r#"
        name = "a"
        connections = 3
        mix = [{ operation = "call", name = "one" }, { operation = "call", name = "two" }]
        [[clients]]
        name = "b"
        connections = 1
        mix = [{ operation = "call", name = "one" }]"#;
    let measured = load(server.addr, "seconds = 0.3, warmup_s = 0.0", clients).unwrap().measured;
    let names: Vec<_> = measured.operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names, ["a: one", "a: two", "b: one"]);
    assert!(measured.operations.iter().all(|operation| operation.answer_count > 10), "{measured:?}");
    assert_eq!(measured.answer_count, measured.operations.iter().map(|operation| operation.answer_count).sum::<u64>());
    assert_eq!((measured.errors.total(), measured.connection_count.opened), (0, 4));
}

/// Goal: a thinking client asks less often, and its latency does not count the thinking. Method: 4 clients think for
/// 20 ms, so in 0.6 s they ask 120 times at the most; how much less is the machine's noise.
#[test]
fn thinking_clients_ask_less_often() {
    let server = Standing::new("now");
    for (spread, ask_count_max) in [("constant", 124), ("exponential", 200)] {
        let clients = format!("connections = 4\nthink = {{ mean_ms = 20.0, spread = \"{spread}\" }}");
        let measured = load(server.addr, "seconds = 0.6, warmup_s = 0.0", &clients).unwrap().measured;
        assert!((20..=ask_count_max).contains(&measured.answer_count), "{spread}: {}", measured.answer_count);
        assert!(measured.latency.p50_us < 15_000.0, "{spread}: {:?}", measured.latency);
        assert_eq!(measured.errors.total(), 0);
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    let server = Standing::new("now");
    let why = |load_table: &str, clients: &str| load(server.addr, load_table, clients).unwrap_err();
    assert!(why("rate_rps = 0", "").starts_with("load.rate_rps"));
    assert!(why("seconds = 0.0", "").starts_with("load.seconds"));
    assert!(why("", "connections = 0").starts_with("clients: "));
    let mut plan = plan(server.addr, "", "connections = 1");
    plan.cpus = vec![1_000];
    assert!(run(&plan, &mut || {}, &mut |_| {}).unwrap_err().contains("[1000]"));
}

fn some_cpu() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap()
}
