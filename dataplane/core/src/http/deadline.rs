//! When a connection has taken too long, as one pure rule over its phase and the time. It never owns a timer: the shell
//! asks now and then.

use std::time::Duration;

use super::decoder::Phase;
use ringway_policy::Limits;

/// What a connection has been doing, and since when. Times are since any fixed start.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it reads.
    pub phase: Phase,
    /// When that phase began.
    pub phase_began: Duration,
    /// Bytes of the body that arrived, framing included.
    pub body_bytes: u64,
    /// When the window in which the body's rate is measured began, and the bytes that had arrived by then.
    pub window: (Duration, u64),
    /// When the oldest byte that waits to be taken by the client was last moved forward.
    pub write_blocked_since: Option<Duration>,
    /// Whether a request is being served, so that no read deadline runs.
    pub serving: bool,
}

/// What to do about a connection that is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Close it quietly.
    Idle,
    /// Answer 408 and close.
    Head,
    /// Answer 408 and close.
    Body,
    /// Close it: it takes no bytes.
    Write,
}

impl Progress {
    /// Enters `phase` at `now`.
    pub fn enter(&mut self, phase: Phase, now: Duration) {
        *self = Progress { phase, phase_began: now, body_bytes: 0, window: (now, 0), ..*self };
    }
}

/// Whether `progress` has passed a deadline at `now`. Moves the rate's window on when the body was fast enough in it.
pub fn overdue(progress: &mut Progress, now: Duration, limits: &Limits) -> Option<Overdue> {
    if let Some(since) = progress.write_blocked_since {
        return (now.saturating_sub(since) > limits.write_stall_max).then_some(Overdue::Write);
    }
    if progress.serving {
        return None;
    }
    let spent = now.saturating_sub(progress.phase_began);
    match progress.phase {
        Phase::Idle => (spent > limits.idle_time_max).then_some(Overdue::Idle),
        Phase::Head => (spent > limits.head_time_max).then_some(Overdue::Head),
        Phase::Body => {
            let (window_began, bytes_before) = progress.window;
            let window = now.saturating_sub(window_began);
            let mut too_slow = false;
            if window > limits.body_rate_grace {
                let due_bytes = window.as_millis() as u64 * limits.body_rate_min_bytes / 1000;
                too_slow = progress.body_bytes - bytes_before < due_bytes;
                progress.window = (now, progress.body_bytes);
            }
            (too_slow || spent > limits.body_time_max).then_some(Overdue::Body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECS: fn(u64) -> Duration = Duration::from_secs;

    fn begun(phase: Phase) -> Progress {
        let mut progress = Progress {
            phase: Phase::Idle,
            phase_began: SECS(0),
            body_bytes: 0,
            window: (SECS(0), 0),
            write_blocked_since: None,
            serving: false,
        };
        progress.enter(phase, SECS(100));
        progress
    }

    #[test]
    fn every_phase_has_its_deadline() {
        let limits = Limits::default();
        let at = |phase, after| overdue(&mut begun(phase), SECS(100) + after, &limits);
        assert_eq!(at(Phase::Idle, SECS(60)), None);
        assert_eq!(at(Phase::Idle, SECS(61)), Some(Overdue::Idle));
        assert_eq!(at(Phase::Head, SECS(10)), None);
        assert_eq!(at(Phase::Head, SECS(11)), Some(Overdue::Head));
        assert_eq!(at(Phase::Body, SECS(5)), None);
        assert_eq!(at(Phase::Body, SECS(6)), Some(Overdue::Body), "nothing came");
    }

    #[test]
    fn a_body_must_keep_coming() {
        let limits = Limits::default();
        let mut progress = begun(Phase::Body);
        for second in 101..=130 {
            progress.body_bytes += 1_100;
            assert_eq!(overdue(&mut progress, SECS(second), &limits), None, "1.1 KB/s at {second}");
        }
        progress.body_bytes += 1_000_000;
        assert_eq!(overdue(&mut progress, SECS(131), &limits), Some(Overdue::Body), "30 s in all");

        let mut progress = begun(Phase::Body);
        progress.body_bytes = 1_000_000;
        assert_eq!(overdue(&mut progress, SECS(106), &limits), None);
        assert_eq!(overdue(&mut progress, SECS(112), &limits), Some(Overdue::Body), "a fast start buys no rest");
    }

    #[test]
    fn a_served_request_is_only_bound_by_its_writes() {
        let limits = Limits::default();
        let mut progress = Progress { serving: true, ..begun(Phase::Idle) };
        assert_eq!(overdue(&mut progress, SECS(1_100), &limits), None);
        progress.write_blocked_since = Some(SECS(1_100));
        assert_eq!(overdue(&mut progress, SECS(1_130), &limits), None);
        assert_eq!(overdue(&mut progress, SECS(1_131), &limits), Some(Overdue::Write));
    }
}
