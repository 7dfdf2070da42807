//! The messages of one stream between whoever makes them and whoever sends them. A resumable log keeps what was read, up
//! to its bounds, for a client that comes back; a plain one forgets it. It never formats or sends.

use std::collections::VecDeque;

/// The log is full of messages nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The log. Sequence numbers start at 1; 0 is the place before the first message.
#[derive(Debug)]
pub struct EventLog {
    messages: VecDeque<Vec<u8>>,
    /// Number of the first message still held.
    first: u64,
    bytes: usize,
    bytes_max: usize,
    /// Read messages to keep; 0 for a plain log.
    kept_max: usize,
    /// Number up to which everything was read.
    read: u64,
}

impl EventLog {
    /// A log that forgets what was read.
    pub fn plain(bytes_max: usize) -> EventLog {
        EventLog { messages: VecDeque::new(), first: 1, bytes: 0, bytes_max, kept_max: 0, read: 0 }
    }

    /// A log that keeps up to `kept_max` messages for replay.
    pub fn resumable(bytes_max: usize, kept_max: usize) -> EventLog {
        EventLog { kept_max, ..EventLog::plain(bytes_max) }
    }

    /// Whether read messages are kept.
    pub fn is_resumable(&self) -> bool {
        self.kept_max > 0
    }

    /// Adds a message and returns its number.
    ///
    /// # Errors
    /// [`Full`], and the message is not taken, when a plain log would hold more unread bytes than it may. A resumable log
    /// drops its oldest messages instead: a client that comes back too late misses them, and its session lives on.
    pub fn push(&mut self, message: Vec<u8>) -> Result<u64, Full> {
        let passes = self.bytes + message.len() > self.bytes_max && !self.messages.is_empty();
        if passes && !self.is_resumable() {
            return Err(Full);
        }
        self.bytes += message.len();
        self.messages.push_back(message);
        if self.is_resumable() {
            while self.messages.len() > self.kept_max || (self.bytes > self.bytes_max && self.messages.len() > 1) {
                self.drop_first();
            }
        }
        Ok(self.last())
    }

    /// The next message behind number `after`, with its number.
    pub fn next(&mut self, after: u64) -> Option<(u64, &[u8])> {
        // `after` is what a client says, up to the largest number there is.
        self.read = self.read.max(after.min(self.last()));
        if !self.is_resumable() {
            while self.first <= self.read && !self.messages.is_empty() {
                self.drop_first();
            }
        }
        let number = self.first.max(after.saturating_add(1));
        let message = self.messages.get((number - self.first) as usize)?;
        Some((number, message))
    }

    /// The number up to which everything was read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The number of the newest message.
    pub fn last(&self) -> u64 {
        self.first + self.messages.len() as u64 - 1
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_first(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(log: &mut EventLog, mut after: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((number, _)) = log.next(after) {
            numbers.push(number);
            after = number;
        }
        log.next(after);
        numbers
    }

    #[test]
    fn a_plain_log_forgets_and_overflows() {
        let mut log = EventLog::plain(10);
        assert_eq!(log.push(vec![0; 6]), Ok(1));
        assert_eq!(log.push(vec![0; 4]), Ok(2));
        assert_eq!(log.push(vec![0; 1]), Err(Full));
        assert_eq!(log.bytes(), 10, "what does not fit is not held");
        assert_eq!(drain(&mut log, 0), [1, 2]);
        assert_eq!(log.bytes(), 0);
        assert_eq!(log.push(vec![0; 100]), Ok(3), "one message always fits");
    }

    #[test]
    fn a_resumable_log_replays_within_its_bounds() {
        let mut log = EventLog::resumable(1000, 3);
        for _ in 0..5 {
            log.push(vec![0; 10]).expect("never full");
        }
        assert_eq!(drain(&mut log, 0), [3, 4, 5], "the oldest are gone");
        assert_eq!(drain(&mut log, 4), [5]);
        assert_eq!(drain(&mut log, 5), [] as [u64; 0]);
        assert_eq!(log.bytes(), 30);
        assert_eq!(log.read(), 5);
        assert_eq!(drain(&mut log, u64::MAX), [] as [u64; 0]);
        assert_eq!(log.read(), 5, "what was never there was never read");
    }
}
