//! How many of many good events are written down: so many a second, and of the rest their number. It never decides about
//! errors, which are always written, and reads no clock.

use std::time::Duration;

/// The state of one log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sampler {
    second: u64,
    written: u32,
    left_out: u64,
}

impl Sampler {
    /// A good event at `now`: `None` when it is left out, else how many were left out since the last that was written.
    pub fn good(&mut self, now: Duration, per_second_max: u32) -> Option<u64> {
        if now.as_secs() != self.second {
            (self.second, self.written) = (now.as_secs(), 0);
        }
        if self.written >= per_second_max {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(self.always())
    }

    /// An event that is written whatever came before: how many were left out since the last.
    pub fn always(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_written_and_the_rest_counted() {
        let mut sampler = Sampler::default();
        let at = Duration::from_millis;
        assert_eq!(sampler.good(at(100), 2), Some(0));
        assert_eq!(sampler.good(at(200), 2), Some(0));
        assert_eq!(sampler.good(at(300), 2), None);
        assert_eq!(sampler.good(at(999), 2), None);
        assert_eq!(sampler.good(at(1000), 2), Some(2), "a new second begins, and says what was left out");
        assert_eq!(sampler.good(at(1001), 2), Some(0));
        assert_eq!(sampler.good(at(1002), 2), None);
        assert_eq!(sampler.always(), 1, "an error says it too");
        assert_eq!(sampler.good(at(1003), 2), None, "and takes nothing from the good ones' share");
    }

    #[test]
    fn nothing_is_written_when_none_may_be() {
        let mut sampler = Sampler::default();
        assert_eq!(sampler.good(Duration::ZERO, 0), None);
        assert_eq!(sampler.always(), 1);
    }
}
