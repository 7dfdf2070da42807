//! The threads of a run: started together once all their connections stand, watched, and added up.
//!
//! The calling thread only listens: each thread of the load has its own connections, schedule, scripts and histograms,
//! and tells once a slice what it saw. One that fails ends the run, with its reason.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::thread::set_current_timer_slack;

use crate::cores;
use crate::load::clients::{Group, Slot};
use crate::load::poller::Poller;
use crate::load::schedule::{Nanos, Schedule, Share};
use crate::load::tally::Tally;
use crate::load::timeline::{SLICE_COUNT_MAX, Slice, Timeline, slice_ns};
use crate::load::timers::Timers;
use crate::load::transport::Scratch;
use crate::load::trust::Trust;
use crate::load::worker::{DRAIN_NS_MAX, Worker};
use crate::load::{IDLE_RATIO_MIN, Outcome, Plan, Progress};
use crate::record::Generator;
use crate::wire::stamp::COUNTER_FIRST;
use crate::workload::{Arrivals, Tls};

/// Connections that are made at the same time before the load begins: half of the smallest backlog in use, 128.
const OPENING_COUNT_MAX: usize = 64;
/// How often slices are fetched; in between, this thread leaves the cores alone.
const LOOK_MAX: Duration = Duration::from_millis(250);
/// Counters are 12 digits and do not begin with 0.
const COUNTER_COUNT: u64 = 9 * COUNTER_FIRST;
/// Open loop: when the p99 of our own lateness is more than this share of the reported p99, it is us whom it shows.
const LATENESS_RATIO_MAX: f64 = 0.25;

pub fn run(plan: &Plan, opened: &mut dyn FnMut(), watch: &mut dyn FnMut(&Progress)) -> Result<Outcome, String> {
    let crew = Crew::new(plan)?;
    let stop = AtomicBool::new(false);
    let mut timeline = Timeline::new(crew.slice_ns, crew.thread_count);
    let tallies = thread::scope(|scope| {
        // Room for everything: no thread of the load ever waits for the one that watches.
        let (tell, slices) = sync_channel(crew.thread_count * (SLICE_COUNT_MAX as usize + 1));
        let mut hands = Vec::with_capacity(crew.thread_count);
        for index in 0..crew.thread_count {
            let (opened, is_open) = sync_channel(1);
            let (begin, may_begin) = sync_channel(1);
            let (crew, tell, watcher) = (&crew, tell.clone(), thread::current());
            let stopper = Stopper(&stop);
            let work = move || {
                // Taken whole, so that it is dropped with this thread and not before.
                let stopper = stopper;
                let done = crew.work(index, stopper.0, &opened, &may_begin, &tell);
                if done.is_err() {
                    stopper.0.store(true, Ordering::Relaxed);
                }
                watcher.unpark();
                done
            };
            let hand = thread::Builder::new().name(format!("load-{index}")).spawn_scoped(scope, work);
            let hand = hand.map_err(|error| format!("thread {index}: {error}"))?;
            hands.push(Hand { hand, is_open, begin });
        }
        // Those that wait for their beginning end when `begin` is gone.
        if hands.iter().all(|hand| hand.is_open.recv().is_ok()) {
            opened();
            let began = Instant::now();
            for hand in &hands {
                // One that died meanwhile is heard of when it is joined.
                let _ = hand.begin.send(began);
            }
            crew.watch(&hands, &slices, &mut timeline, watch);
        } else {
            stop.store(true, Ordering::Relaxed);
        }
        let tallies = hands.into_iter().map(Hand::join).collect::<Result<Vec<_>, _>>();
        for slice in slices.try_iter() {
            timeline.handle_slice(slice);
        }
        tallies
    })?;
    let sum = tallies.into_iter().flatten().reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    });
    Ok(crew.outcome(&sum.ok_or("no thread put any load")?, timeline))
}

/// What all threads of a run go by.
struct Crew<'a> {
    plan: &'a Plan,
    /// By group.
    trusts: Vec<Option<Trust>>,
    thread_count: usize,
    warmup_ns: Nanos,
    end_ns: Nanos,
    slice_ns: Nanos,
}

/// A thread as the one that started it sees it.
struct Hand<'scope> {
    hand: ScopedJoinHandle<'scope, Result<Option<Tally>, String>>,
    /// Hears when all its connections stand; its end without a word when one cannot be made.
    is_open: Receiver<()>,
    /// Takes the moment at which all begin.
    begin: SyncSender<Instant>,
}

/// A thread that dies takes the others with it: half a load is none.
struct Stopper<'a>(&'a AtomicBool);

impl<'a> Crew<'a> {
    fn new(plan: &'a Plan) -> Result<Self, String> {
        let load = &plan.workload.load;
        let connection_count: usize = plan.workload.clients.iter().map(|clients| clients.connections).sum();
        if connection_count == 0 {
            return Err("clients: no connections".into());
        }
        if load.rate_rps == Some(0) {
            return Err("load.rate_rps is 0: leave it out for the closed loop".into());
        }
        let (warmup_ns, seconds_ns) = (nanos(load.warmup_s), nanos(load.seconds));
        if seconds_ns == 0 {
            return Err(format!("load.seconds is {}: nothing would be measured", load.seconds));
        }
        let trust = |tls: &Tls| Trust::new(tls, &plan.target.authority);
        let trusts = plan.workload.clients.iter().map(|clients| match &clients.tls {
            Some(tls) => trust(tls).map(Some),
            None if plan.target.is_tls => trust(&DEFAULT_TLS).map(Some),
            None => Ok(None),
        });
        let end_ns = warmup_ns.saturating_add(seconds_ns);
        Ok(Self {
            plan,
            trusts: trusts.collect::<Result<_, _>>()?,
            // A thread without a connection could not send its share.
            thread_count: plan.cpus.len().clamp(1, connection_count),
            warmup_ns,
            end_ns,
            slice_ns: slice_ns(end_ns.saturating_add(DRAIN_NS_MAX)),
        })
    }

    /// One thread, from its first connection to its last. `None`: the run never began.
    fn work(
        &self,
        index: usize,
        stop: &AtomicBool,
        opened: &SyncSender<()>,
        may_begin: &Receiver<Instant>,
        slices: &SyncSender<Slice>,
    ) -> Result<Option<Tally>, String> {
        own_the_core(self.plan.cpus.get(index).copied())?;
        let mut worker = self.worker(index)?;
        worker.open(OPENING_COUNT_MAX.div_ceil(self.thread_count), stop)?;
        let _ = opened.send(());
        let Ok(began) = may_begin.recv() else {
            return Ok(None);
        };
        worker.began = began;
        worker.serve_schedule(stop, slices)?;
        worker.close(slices).map(Some)
    }

    fn worker(&self, index: usize) -> Result<Worker, String> {
        let workload = &self.plan.workload;
        let mut groups = Vec::new();
        let mut slots = Vec::new();
        let mut names = Vec::new();
        // Connections are dealt out one by one, so that each thread has its part of each group.
        let mut dealt = 0..;
        for (clients, trust) in workload.clients.iter().zip(&self.trusts) {
            let resume = clients.tls.as_ref().is_none_or(|tls| tls.resume);
            let trust = trust.as_ref().map(|trust| trust.for_thread(resume));
            let group = Group::new(clients, &self.plan.target, trust, names.len(), index)?;
            for (number, at) in (0..clients.connections).zip(&mut dealt) {
                if at % self.thread_count == index {
                    slots.push(Slot::new(groups.len(), number, slots.len()));
                }
            }
            let is_prefixed = workload.clients.len() > 1 && !clients.name.is_empty();
            let prefix = if is_prefixed { format!("{}: ", clients.name) } else { String::new() };
            names.extend(group.script.names().into_iter().map(|name| prefix.clone() + &name));
            groups.push(group);
        }
        let range = COUNTER_COUNT / self.thread_count as u64;
        Ok(Worker {
            groups,
            idle: std::collections::VecDeque::with_capacity(slots.len()),
            timers: Timers::with_capacity(slots.len()),
            slots,
            poller: Poller::new().map_err(|error| format!("epoll: {error}"))?,
            schedule: self.schedule(index),
            tally: Tally::new(names, self.warmup_ns..self.end_ns, self.slice_ns),
            counter: COUNTER_FIRST + range * index as u64,
            busy_count: 0,
            transit_count: 0,
            wait: self.plan.wait,
            end_ns: self.end_ns,
            began: Instant::now(),
            scratch: Scratch::new(),
            out: Vec::new(),
            unmade: None,
        })
    }

    fn schedule(&self, index: usize) -> Schedule {
        let share = Share { index: index as u64, count: self.thread_count as u64 };
        let load = &self.plan.workload.load;
        match (load.rate_rps, load.arrivals) {
            (None, _) => Schedule::closed(self.end_ns),
            (Some(rate_rps), Arrivals::Even) => Schedule::even(rate_rps, share, self.end_ns),
            (Some(rate_rps), Arrivals::Poisson) => {
                Schedule::poisson(rate_rps, share, Rng::with_seed(share.index), self.end_ns)
            }
        }
    }

    /// Hands on what the threads tell, until all of them have ended.
    fn watch(
        &self,
        hands: &[Hand<'_>],
        slices: &Receiver<Slice>,
        timeline: &mut Timeline,
        watch: &mut dyn FnMut(&Progress),
    ) {
        let total_s = self.end_ns as f64 / 1e9;
        while !hands.iter().all(|hand| hand.hand.is_finished()) {
            // Looking costs the threads nothing; being woken by each of their slices would cost them a system call.
            thread::park_timeout(LOOK_MAX.min(Duration::from_nanos(self.slice_ns)));
            for slice in slices.try_iter() {
                if timeline.handle_slice(slice)
                    && let Some(&latest) = timeline.intervals.last()
                {
                    let elapsed_s = latest.from_s + latest.seconds;
                    watch(&Progress { elapsed_s, total_s, latest, error_count: timeline.error_count });
                }
            }
        }
    }

    fn outcome(&self, sum: &Tally, timeline: Timeline) -> Outcome {
        let rate_rps = self.plan.workload.load.rate_rps;
        let measured = sum.measured(rate_rps.map(|rate_rps| rate_rps as f64), timeline.finish());
        let threads = self.thread_count;
        let idle_ratio = sum.idle_ns as f64 / (sum.window_ns() as f64 * threads as f64);
        let lateness_us = sum.lateness_ns.value_at_quantile(0.99) as f64 / 1e3;
        // Where nothing was answered, there is no latency that could be ours.
        let is_late = rate_rps.is_some()
            && measured.latency.count > 0
            && lateness_us > LATENESS_RATIO_MAX * measured.latency.p99_us;
        let generator = Generator {
            threads,
            cpus: self.plan.cpus.iter().copied().take(threads).collect(),
            idle_ratio,
            cpu_ratio: sum.cpu_ratio / threads as f64,
            ceiling_rps: None,
            is_at_ceiling: idle_ratio < IDLE_RATIO_MIN || is_late,
        };
        Outcome { measured, generator }
    }
}

impl Hand<'_> {
    fn join(self) -> Result<Option<Tally>, String> {
        // A thread that never began waits for this to be gone.
        drop(self.begin);
        self.hand.join().unwrap_or_else(|_| Err("a thread of the load panicked".into()))
    }
}

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// For an `https:` target whose clients say nothing of TLS: what an empty `tls` table means.
const DEFAULT_TLS: Tls = Tls { ca: None, server_name: None, verify: true, resume: true };

fn own_the_core(cpu: Option<usize>) -> Result<(), String> {
    if let Some(cpu) = cpu {
        cores::move_to(&[cpu])?;
    }
    // A sleep may otherwise end 50 us late by design, half of what lies between two requests at 10,000 a second.
    set_current_timer_slack(NonZeroU64::new(1)).map_err(|error| format!("timer slack: {error}"))
}

/// As a conversion of floats does, anything below 0 is 0 and what is too large is the largest.
fn nanos(seconds: f64) -> Nanos {
    (seconds * 1e9) as Nanos
}
