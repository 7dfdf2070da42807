//! Health checks: registered by name with an interval, each on a thread of its own, so that one that hangs or panics costs
//! neither the others nor a shard. It decides when a check is due and what its outcome means; what the checks look
//! at is in `checks`.

pub mod checks;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

/// Checks of a server, its own included.
pub const CHECKS_MAX: usize = 32;
/// The shortest interval.
pub const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The longest: a clock that is added to it does not overflow.
pub const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A check has its interval to answer in, between these; one that takes longer hangs, and is unhealthy until it answers.
const TIME_MIN: Duration = Duration::from_secs(1);
/// See [`TIME_MIN`].
const TIME_MAX: Duration = Duration::from_secs(10);
/// What is due so soon is not woken for again: whatever wakes beside shards may keep one waiting. Half of [`INTERVAL_MIN`].
pub const TOGETHER: Duration = Duration::from_millis(50);
/// What of a message is kept.
const MESSAGE_CHARS_MAX: usize = 512;

/// How well something is, from well to ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, and somebody should look.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl HealthStatus {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }

    /// As a gauge: what falls below 1 is worth an alert.
    pub fn gauge(self) -> f64 {
        match self {
            HealthStatus::Healthy => 1.0,
            HealthStatus::Degraded => 0.5,
            HealthStatus::Unhealthy => 0.0,
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How well it is.
    pub status: HealthStatus,
    /// In a sentence, for operators. Never a secret: whoever reaches `/health` reads it.
    pub message: String,
}

impl Health {
    /// All is well.
    pub fn healthy(message: impl Into<String>) -> Health {
        Health { status: HealthStatus::Healthy, message: message.into() }
    }

    /// It works, and somebody should look.
    pub fn degraded(message: impl Into<String>) -> Health {
        Health { status: HealthStatus::Degraded, message: message.into() }
    }

    /// It does not work.
    pub fn unhealthy(message: impl Into<String>) -> Health {
        Health { status: HealthStatus::Unhealthy, message: message.into() }
    }
}

/// A check, before it is run.
#[derive(Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// From the beginning of one run to that of the next.
    pub interval: Duration,
    /// Finds out. It may block.
    pub run: Arc<dyn Fn() -> Health + Send + Sync>,
}

impl Check {
    /// A check.
    pub fn new(name: &str, interval: Duration, run: impl Fn() -> Health + Send + Sync + 'static) -> Check {
        Check { name: name.to_owned(), interval, run: Arc::new(run) }
    }

    /// What is wrong with it, among those that are there.
    pub fn fault(&self, others: &[Check]) -> Option<String> {
        let name = &self.name;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(good) {
            return Some(format!("health check `{name}`: a name is 1 to 64 of A-Z a-z 0-9 _ . -"));
        }
        if checks::NAMES.contains(&name.as_str()) || others.iter().any(|other| other.name == *name) {
            return Some(format!("health check `{name}` is there already"));
        }
        if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&self.interval) {
            return Some(format!("health check `{name}`: the interval must be between {INTERVAL_MIN:?} and a day"));
        }
        let room = CHECKS_MAX - checks::NAMES.len();
        (others.len() >= room).then(|| format!("health check `{name}`: a server has {room} checks at most"))
    }
}

struct Run {
    check: usize,
    at: SystemTime,
    took: Duration,
    health: Health,
}

struct Watched {
    check: Check,
    due: Instant,
    /// When the run under way began.
    began: Option<(Instant, SystemTime)>,
    last: Option<Run>,
    failures: u64,
    /// Has it run once more, on the thread that it keeps: making one takes ten times as long as most checks.
    thread: Option<SyncSender<()>>,
}

/// All checks of a server, with what they found last.
pub struct Checks {
    all: Vec<Watched>,
    runs: Receiver<Run>,
    finished: Sender<Run>,
}

impl Checks {
    /// These checks, due at once.
    pub fn new(checks: Vec<Check>) -> Checks {
        debug_assert!(checks.len() <= CHECKS_MAX);
        let (finished, runs) = channel();
        let watch = |check| Watched { check, due: Instant::now(), began: None, last: None, failures: 0, thread: None };
        Checks { all: checks.into_iter().map(watch).collect(), runs, finished }
    }

    /// Takes in what has been found, starts what is due, and says when to be called again. A check that runs is not
    /// started again.
    pub fn turn(&mut self, now: Instant) -> Duration {
        while let Ok(run) = self.runs.try_recv() {
            self.take(run);
        }
        for (index, watched) in self.all.iter_mut().enumerate() {
            if watched.began.is_some() || watched.due > now + TOGETHER {
                continue;
            }
            watched.due = now + watched.check.interval;
            watched.began = Some((now, SystemTime::now()));
            if !watched.start(index, &self.finished) {
                let health = Health::unhealthy("The system has no thread for the check");
                let _ = self.finished.send(Run { check: index, at: SystemTime::now(), took: Duration::ZERO, health });
            }
        }
        // One that runs is looked at when it is due again, and from then on now and then: it hangs.
        let waits = self.all.iter().map(|watched| watched.due.saturating_duration_since(now));
        waits.map(|wait| if wait.is_zero() { TIME_MIN } else { wait }).min().unwrap_or(TIME_MIN)
    }

    fn take(&mut self, run: Run) {
        let watched = &mut self.all[run.check];
        watched.began = None;
        let before = watched.last.as_ref().map_or(HealthStatus::Healthy, |last| last.health.status);
        let (check, health) = (&watched.check.name, &run.health);
        if health.status > before {
            tracing::warn!(check, status = health.status.name(), message = health.message, "health check got worse");
        } else if health.status < before {
            tracing::info!(check, status = health.status.name(), message = health.message, "health check got better");
        }
        watched.failures = if run.health.status == HealthStatus::Unhealthy { watched.failures + 1 } else { 0 };
        watched.last = Some(run);
    }

    /// Every check with its status.
    pub fn statuses(&self, now: Instant) -> impl Iterator<Item = (&str, HealthStatus)> {
        self.all.iter().map(move |watched| (watched.check.name.as_str(), watched.state(now).status))
    }

    /// The worst.
    pub fn worst(&self, now: Instant) -> HealthStatus {
        self.statuses(now).map(|(_, status)| status).max().unwrap_or(HealthStatus::Healthy)
    }

    /// All checks, or the one of that name, by name.
    pub fn report(&self, now: Instant, name: Option<&str>) -> Map<String, Value> {
        let wanted = self.all.iter().filter(|watched| name.is_none_or(|name| watched.check.name == name));
        wanted.map(|watched| (watched.check.name.clone(), watched.report(now))).collect()
    }
}

impl Watched {
    /// Has it run. False where there is no thread to do it.
    fn start(&mut self, index: usize, finished: &Sender<Run>) -> bool {
        // It has room: one that runs is not started again.
        if self.thread.as_ref().is_some_and(|thread| thread.try_send(()).is_ok()) {
            return true;
        }
        let (thread, asked) = sync_channel(1);
        let _ = thread.try_send(());
        let (run, finished) = (Arc::clone(&self.check.run), finished.clone());
        let runs = move || asked.iter().for_each(|()| report(index, &*run, &finished));
        let started = std::thread::Builder::new().name(format!("check-{}", self.check.name)).spawn(runs);
        self.thread = started.is_ok().then_some(thread);
        self.thread.is_some()
    }

    fn hangs(&self, now: Instant) -> Option<Duration> {
        let runs = now.saturating_duration_since(self.began?.0);
        (runs > self.check.interval.clamp(TIME_MIN, TIME_MAX)).then_some(runs)
    }

    fn state(&self, now: Instant) -> Health {
        match (self.hangs(now), &self.last) {
            (Some(runs), _) => Health::unhealthy(format!("The check has not answered for {} s", runs.as_secs())),
            (None, Some(last)) => last.health.clone(),
            (None, None) => Health::healthy("Not run yet"),
        }
    }

    fn report(&self, now: Instant) -> Value {
        let health = self.state(now);
        let hangs = self.hangs(now);
        let last = self.last.as_ref();
        let began = self.began.filter(|_| hangs.is_some()).map(|(_, at)| at);
        let at = began.or_else(|| last.map(|last| last.at));
        let took = hangs.or_else(|| last.map(|last| last.took));
        json!({
            "status": health.status.name(),
            "message": health.message,
            "last_run": at.map(|at| humantime::format_rfc3339_millis(at).to_string()),
            "duration_seconds": took.map(|took| took.as_secs_f64()),
            "interval_seconds": self.check.interval.as_secs_f64(),
            "consecutive_failures": self.failures + u64::from(hangs.is_some()),
        })
    }
}

/// Runs a check and tells what it found, or that it panicked.
fn report(check: usize, run: &(dyn Fn() -> Health + Send + Sync), finished: &Sender<Run>) {
    let (at, began) = (SystemTime::now(), Instant::now());
    let found = catch_unwind(AssertUnwindSafe(run));
    let mut health = found.unwrap_or_else(|_| Health::unhealthy("The check panicked"));
    if let Some((end, _)) = health.message.char_indices().nth(MESSAGE_CHARS_MAX) {
        health.message.truncate(end);
    }
    // Closed means that the server has ended.
    let _ = finished.send(Run { check, at, took: began.elapsed(), health });
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Turns until `holds`; the time of the checks stands still meanwhile.
    fn turn_until(checks: &mut Checks, now: Instant, holds: impl Fn(&Checks) -> bool) {
        let began = Instant::now();
        while !holds(checks) {
            assert!(began.elapsed() < Duration::from_secs(20), "it never comes");
            checks.turn(now);
            std::thread::yield_now();
        }
    }

    fn status(checks: &Checks, now: Instant, name: &str) -> String {
        checks.report(now, Some(name))[name]["status"].as_str().expect("a status").to_owned()
    }

    #[test]
    fn each_check_has_its_own_interval() {
        let runs: Arc<[AtomicUsize; 2]> = Arc::default();
        let counted = |index: usize| {
            let runs = Arc::clone(&runs);
            move || Health::healthy(runs[index].fetch_add(1, Ordering::SeqCst).to_string())
        };
        let mut checks =
            Checks::new(vec![Check::new("often", SECOND, counted(0)), Check::new("seldom", 3 * SECOND, counted(1))]);
        let began = Instant::now();
        for second in 0..7 {
            let now = began + second * SECOND;
            turn_until(&mut checks, now, |checks| {
                checks.all.iter().all(|watched| watched.began.is_none() && watched.due > now)
            });
        }
        assert_eq!(runs.each_ref().map(|runs| runs.load(Ordering::SeqCst)), [7, 3]);
        assert_eq!(checks.turn(began + 6 * SECOND), SECOND);
    }

    #[test]
    fn a_check_that_hangs_is_unhealthy_and_stops_nobody() {
        let (gate, release) = channel::<()>();
        let release = Mutex::new(release);
        let hangs = move || {
            let _ = release.lock().expect("nobody panics here").recv();
            Health::healthy("at last")
        };
        let mut checks =
            Checks::new(vec![Check::new("hangs", SECOND, hangs), Check::new("fine", SECOND, || Health::healthy("so"))]);
        let began = Instant::now();
        turn_until(&mut checks, began, |checks| checks.all[1].last.is_some());
        assert_eq!(status(&checks, began + SECOND, "hangs"), "healthy", "it still has time");
        let late = began + 5 * SECOND;
        assert_eq!(status(&checks, late, "hangs"), "unhealthy");
        assert_eq!(checks.report(late, None)["hangs"]["consecutive_failures"], 1);
        assert_eq!((status(&checks, late, "fine").as_str(), checks.worst(late)), ("healthy", HealthStatus::Unhealthy));
        turn_until(&mut checks, late, |checks| checks.all[1].last.as_ref().is_some_and(|_| checks.all[1].due > late));
        drop(gate);
        turn_until(&mut checks, late, |checks| checks.all[0].last.is_some());
        assert_eq!(status(&checks, late, "hangs"), "healthy");
    }

    #[test]
    fn a_panic_is_a_failure_that_counts() {
        let mut checks = Checks::new(vec![Check::new("panics", SECOND, || panic!("planted"))]);
        let began = Instant::now();
        for second in 0..3 {
            let now = began + second * SECOND;
            turn_until(&mut checks, now, |checks| checks.all[0].failures > u64::from(second));
        }
        let report = checks.report(began + 2 * SECOND, None);
        assert_eq!(report["panics"]["consecutive_failures"], 3);
        assert_eq!(report["panics"]["message"], "The check panicked");
        assert!(humantime::parse_rfc3339(report["panics"]["last_run"].as_str().expect("a time")).is_ok());
    }

    #[test]
    fn a_short_interval_is_kept_while_a_check_runs() {
        let often = Duration::from_millis(100);
        let mut checks = Checks::new(vec![Check::new("often", often, || Health::healthy(""))]);
        let now = Instant::now();
        assert_eq!(checks.turn(now), often, "it has found something by the time it is due again");
        assert!(checks.turn(now + often) > Duration::ZERO, "a check that hangs does not keep the thread awake");
    }

    #[test]
    fn what_cannot_be_registered_is_told() {
        let check = |name: &str| Check::new(name, SECOND, || Health::healthy(""));
        assert_eq!(check("database").fault(&[]), None);
        assert!(check("").fault(&[]).is_some());
        assert!(check("a b").fault(&[]).is_some());
        assert!(check("system").fault(&[]).is_some(), "the server's own are not shadowed");
        assert!(check("a").fault(&[check("a")]).is_some());
        assert!(Check::new("a", Duration::ZERO, || Health::healthy("")).fault(&[]).is_some());
        assert!(Check::new("a", Duration::MAX, || Health::healthy("")).fault(&[]).is_some(), "no clock goes that far");
        let many: Vec<Check> = (0..CHECKS_MAX).map(|number| check(&format!("c{number}"))).collect();
        assert!(check("one-more").fault(&many).is_some());
    }
}
