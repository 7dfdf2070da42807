//! Whether a shard waits in its ring, gives the executor's reactor its turn, or sleeps. A shard that waits in its ring sees
//! clients at once and everything else only in a turn of the reactor; turns are dear, so that there are as few as the
//! bounds allow. It never waits itself, and owns no clock.
//!
//! The bounds: while nobody waits for something else than a client ("held"), the reactor has its turn with each tick, every
//! 10 ms at the most; while somebody does, every 100 us, or at once when there is nothing else. A task that no request
//! waits for cannot say that it waits: that one ran is seen after the fact. For 5 ms from then on it is treated as somebody
//! who waits, and for a second a tick under load takes 1 ms. So the first of its wakes is late by a tick at the most, and
//! those that follow soon are not; a shard that has no such tasks does not pay for them.

use std::time::Duration;

/// Under load and in company: what a task of another kind may be late by.
const TICK_MIN: Duration = Duration::from_millis(1);
/// Without: a tick costs as much as a request or two, and the turn that comes with it is four times as long as others.
const TICK_MAX: Duration = Duration::from_millis(10);
/// Completions in a millisecond from which on there is load.
const LOAD_PER_MS_MIN: u32 = 5;
/// How long the reactor waits while somebody waits for it.
const HELD_TURN_MAX: Duration = Duration::from_micros(100);
/// How long what one task of another kind did speaks for what it will do.
const ATTENTION: Duration = Duration::from_millis(5);
/// How long a shard is in company after a task of another kind ran.
const COMPANY: Duration = Duration::from_secs(1);
/// Ticks without a completion before the shard sleeps.
const IDLE_TICKS_MAX: u32 = 1;

/// How to enter the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// Until something happens. Before that, a tick is to be asked for after so long, if it says so.
    Wait(Option<Duration>),
    /// Submit, and come back.
    Pass,
}

/// The pace of one shard.
#[derive(Debug)]
pub struct Pace {
    tick: Duration,
    is_armed: bool,
    /// The reactor's turn is due.
    is_due: bool,
    idle_ticks: u32,
    /// Completions since the last tick.
    count: u32,
    turned_at: Duration,
    /// When a task of another kind ran.
    others_at: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            tick: TICK_MAX,
            is_armed: false,
            is_due: false,
            idle_ticks: 0,
            count: 0,
            turned_at: Duration::ZERO,
            others_at: None,
        }
    }
}

impl Pace {
    /// How to enter the ring. `is_held`: somebody waits for what only the reactor brings. `is_ready`: there is work already.
    pub fn poll_enter(&mut self, is_held: bool, is_ready: bool) -> Enter {
        if is_held || is_ready || self.is_due || self.idle_ticks >= IDLE_TICKS_MAX {
            return Enter::Pass;
        }
        let tick = (!self.is_armed).then_some(self.tick);
        self.is_armed = true;
        Enter::Wait(tick)
    }

    /// Whether the reactor is to have its turn; one that is told so takes it.
    pub fn poll_turn(&mut self, is_held: bool, now: Duration) -> bool {
        let is_due = std::mem::take(&mut self.is_due);
        let turns = is_due || (is_held && now.saturating_sub(self.turned_at) >= HELD_TURN_MAX);
        if turns {
            self.turned_at = now;
        }
        turns
    }

    /// Whether to sleep until somebody wakes this shard. `was_busy`: something happened since it last looked.
    pub fn poll_sleep(&mut self, is_held: bool, was_busy: bool) -> bool {
        let sleeps = !was_busy && !self.is_due && (is_held || self.idle_ticks >= IDLE_TICKS_MAX);
        if sleeps {
            self.idle_ticks = 0;
        }
        sleeps
    }

    /// A task ran that no request waits for.
    pub fn handle_others(&mut self, now: Duration) {
        if !self.ran_within(COMPANY, now) {
            // No tick passes, and none decides how long the next is, while it is expected to run again.
            self.tick = TICK_MIN;
        }
        self.others_at = Some(now);
    }

    /// Whether such tasks are expected to run again soon.
    pub fn is_attentive(&self, now: Duration) -> bool {
        self.ran_within(ATTENTION, now)
    }

    fn ran_within(&self, time: Duration, now: Duration) -> bool {
        self.others_at.is_some_and(|at| now < at + time)
    }

    /// So many completions of clients.
    pub fn handle_completions(&mut self, count: u32) {
        self.count = self.count.saturating_add(count);
        if count > 0 {
            self.idle_ticks = 0;
        }
    }

    /// The tick that was asked for.
    pub fn handle_tick(&mut self, now: Duration) {
        let load = self.count.saturating_mul(1000) / self.tick.as_micros().max(1) as u32;
        let is_short = load >= LOAD_PER_MS_MIN && self.ran_within(COMPANY, now);
        self.tick = if is_short { TICK_MIN } else { (self.tick * 2).min(TICK_MAX) };
        self.idle_ticks = if self.count == 0 { self.idle_ticks + 1 } else { 0 };
        (self.is_armed, self.is_due, self.count) = (false, true, 0);
    }

    /// Another thread wants something.
    pub fn handle_bell(&mut self) {
        self.is_due = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// A tick after `count` completions; the time until the next.
    fn tick_after(pace: &mut Pace, count: u32) -> Duration {
        let enter = pace.poll_enter(false, false);
        assert!(matches!(enter, Enter::Wait(_)), "{enter:?}");
        pace.handle_completions(count);
        pace.handle_tick(US);
        assert!(pace.poll_turn(false, US), "each tick is the reactor's turn");
        assert!(!pace.poll_turn(false, US), "one turn a tick");
        pace.tick
    }

    #[test]
    fn ticks_are_short_under_load_in_company_and_long_without() {
        let mut pace = Pace { others_at: Some(Duration::ZERO), ..Pace::default() };
        assert_eq!(pace.poll_enter(false, false), Enter::Wait(Some(TICK_MAX)));
        assert_eq!(pace.poll_enter(false, false), Enter::Wait(None), "one tick at a time");
        assert_eq!(tick_after(&mut pace, 49), TICK_MAX, "below 5 a millisecond");
        assert_eq!(tick_after(&mut pace, 50), TICK_MIN);
        assert_eq!(tick_after(&mut pace, 5), TICK_MIN);
        let less: Vec<u128> = (0..5).map(|_| tick_after(&mut pace, 4).as_millis()).collect();
        assert_eq!(less, [2, 4, 8, 10, 10]);
        let mut alone = Pace::default();
        assert_eq!(tick_after(&mut alone, 1000), TICK_MAX, "whatever the load");
        alone.handle_others(Duration::ZERO);
        assert_eq!(alone.poll_enter(false, false), Enter::Wait(Some(TICK_MIN)), "from the first on");
        alone.handle_completions(1000);
        alone.handle_tick(COMPANY);
        assert_eq!(alone.tick, 2 * TICK_MIN, "whoever ran a second ago");
    }

    #[test]
    fn who_is_idle_for_a_tick_sleeps_until_woken() {
        let mut pace = Pace::default();
        assert!(!pace.poll_sleep(false, false), "not before a tick has passed");
        assert_eq!(pace.poll_enter(false, false), Enter::Wait(Some(TICK_MAX)));
        pace.handle_tick(US);
        assert_eq!(pace.poll_enter(false, false), Enter::Pass);
        assert!(!pace.poll_sleep(false, false), "the reactor's turn comes first");
        assert!(pace.poll_turn(false, US));
        assert!(!pace.poll_sleep(false, true), "something happened");
        let mut loaded = Pace { idle_ticks: IDLE_TICKS_MAX, ..Pace::default() };
        loaded.handle_completions(1);
        assert_eq!(
            loaded.poll_enter(false, false),
            Enter::Wait(Some(TICK_MAX)),
            "load after an idle tick has its ticks"
        );
        assert!(pace.poll_sleep(false, false));
        assert_eq!(pace.poll_enter(false, false), Enter::Wait(Some(TICK_MAX)), "awake again");
    }

    #[test]
    fn who_is_held_never_waits_in_the_ring() {
        let mut pace = Pace::default();
        let now = Duration::from_secs(1);
        assert_eq!(pace.poll_enter(true, false), Enter::Pass);
        assert!(pace.poll_turn(true, now));
        assert!(!pace.poll_turn(true, now + 99 * US), "work goes first for so long");
        assert!(pace.poll_turn(true, now + 100 * US));
        assert!(pace.poll_sleep(true, false), "with nothing to do, the reactor has all the time");
        assert!(!pace.poll_sleep(true, true));
    }

    #[test]
    fn a_task_that_ran_is_expected_again_for_a_while() {
        let mut pace = Pace::default();
        let now = Duration::from_secs(1);
        assert!(!pace.is_attentive(now));
        pace.handle_others(now);
        assert!(pace.is_attentive(now) && pace.is_attentive(now + 4999 * US));
        assert!(!pace.is_attentive(now + 5000 * US));
    }

    #[test]
    fn work_that_is_there_is_not_waited_for_and_a_bell_is_heard() {
        let mut pace = Pace::default();
        assert_eq!(pace.poll_enter(false, true), Enter::Pass);
        pace.handle_bell();
        assert_eq!(pace.poll_enter(false, false), Enter::Pass);
        assert!(!pace.poll_sleep(false, false));
        assert!(pace.poll_turn(false, US));
        assert!(matches!(pace.poll_enter(false, false), Enter::Wait(_)));
    }
}
