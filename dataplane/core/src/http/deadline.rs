//! When a connection has taken too long, as one pure rule over its phase and the time. It never owns a timer: the shell
//! asks now and then.

use std::time::Duration;

use super::decoder::Phase;
use crate::limits::Limits;

/// What a connection has been doing, and since when. Times are since any fixed start.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it reads.
    pub phase: Phase,
    /// When that phase began.
    pub phase_began: Duration,
    /// Bytes of the body that arrived.
    pub body_bytes: u64,
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

/// Whether `progress` has passed a deadline at `now`.
pub fn overdue(progress: &Progress, now: Duration, limits: &Limits) -> Option<Overdue> {
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
            let due_bytes = spent.as_secs() * limits.body_rate_min_bytes;
            let too_slow = spent > limits.body_rate_grace && progress.body_bytes < due_bytes;
            (too_slow || spent > limits.body_time_max).then_some(Overdue::Body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_deadline() {
        let limits = Limits::default();
        let secs = Duration::from_secs;
        let at = |phase, body_bytes, now| {
            let progress = Progress {
                phase,
                phase_began: secs(100),
                body_bytes,
                write_blocked_since: None,
                serving: false,
            };
            overdue(&progress, secs(100) + now, &limits)
        };
        assert_eq!(at(Phase::Idle, 0, secs(60)), None);
        assert_eq!(at(Phase::Idle, 0, secs(61)), Some(Overdue::Idle));
        assert_eq!(at(Phase::Head, 0, secs(10)), None);
        assert_eq!(at(Phase::Head, 0, secs(11)), Some(Overdue::Head));
        assert_eq!(at(Phase::Body, 0, secs(5)), None);
        assert_eq!(
            at(Phase::Body, 6_000, secs(6)),
            Some(Overdue::Body),
            "1 KiB/s after 5 s"
        );
        assert_eq!(at(Phase::Body, 7_000, secs(6)), None);
        assert_eq!(
            at(Phase::Body, 4_000_000, secs(31)),
            Some(Overdue::Body),
            "30 s in all"
        );
    }

    #[test]
    fn a_served_request_is_only_bound_by_its_writes() {
        let limits = Limits::default();
        let secs = Duration::from_secs;
        let mut progress = Progress {
            phase: Phase::Idle,
            phase_began: secs(0),
            body_bytes: 0,
            write_blocked_since: None,
            serving: true,
        };
        assert_eq!(overdue(&progress, secs(1_000), &limits), None);
        progress.write_blocked_since = Some(secs(1_000));
        assert_eq!(overdue(&progress, secs(1_030), &limits), None);
        assert_eq!(
            overdue(&progress, secs(1_031), &limits),
            Some(Overdue::Write)
        );
    }
}
