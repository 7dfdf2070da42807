//! A bounded table of state by handle. When it is full the entry that has been idle longest makes room, but never one in
//! use and never one that was used a moment ago; then the newcomer is refused. It never reads a clock.

use std::collections::HashMap;
use std::time::Duration;

use super::Handle;

/// State that can say whether it may be dropped.
pub trait Resident {
    /// Whether something still depends on it: an open stream, a call in flight.
    fn is_in_use(&self) -> bool;
}

impl<R: Resident> Resident for std::rc::Rc<R> {
    fn is_in_use(&self) -> bool {
        R::is_in_use(self)
    }
}

struct Entry<S> {
    state: S,
    last_used: Duration,
}

/// The table. Times are since any fixed start.
pub struct Table<S> {
    entries: HashMap<Handle, Entry<S>, ahash::RandomState>,
    count_max: usize,
    idle_max: Duration,
    evict_idle_min: Duration,
}

impl<S: Resident> Table<S> {
    /// An empty table of at most `count_max`; entries end after `idle_max`, or after `evict_idle_min` when room is needed.
    pub fn new(count_max: usize, idle_max: Duration, evict_idle_min: Duration) -> Table<S> {
        Table { entries: HashMap::default(), count_max, idle_max, evict_idle_min }
    }

    /// Changes the bounds. What is held beyond a smaller count stays until it ends or makes room.
    pub fn set_bounds(&mut self, count_max: usize, idle_max: Duration, evict_idle_min: Duration) {
        (self.count_max, self.idle_max, self.evict_idle_min) = (count_max, idle_max, evict_idle_min);
    }

    /// Takes in `state` under `handle`, and returns what had to make room.
    ///
    /// # Errors
    /// Gives `state` back when the table is full of what is in use or was just used.
    pub fn insert(&mut self, handle: Handle, state: S, now: Duration) -> Result<Option<S>, S> {
        let mut evicted = None;
        let count_before = self.entries.len();
        if self.entries.len() >= self.count_max {
            let idle = |entry: &Entry<S>| now.saturating_sub(entry.last_used);
            let coldest = self
                .entries
                .iter()
                .filter(|(_, entry)| !entry.state.is_in_use() && idle(entry) >= self.evict_idle_min)
                .max_by_key(|(_, entry)| idle(entry))
                .map(|(handle, _)| *handle);
            let Some(coldest) = coldest else {
                return Err(state);
            };
            evicted = self.remove(&coldest);
        }
        self.entries.insert(handle, Entry { state, last_used: now });
        debug_assert!(self.entries.len() <= self.count_max.max(count_before));
        Ok(evicted)
    }

    /// The state under `handle`, marked as used.
    pub fn touch(&mut self, handle: &Handle, now: Duration) -> Option<&mut S> {
        let entry = self.entries.get_mut(handle)?;
        entry.last_used = now;
        Some(&mut entry.state)
    }

    /// The state under `handle`.
    pub fn peek(&self, handle: &Handle) -> Option<&S> {
        self.entries.get(handle).map(|entry| &entry.state)
    }

    /// Takes out the state under `handle`.
    pub fn remove(&mut self, handle: &Handle) -> Option<S> {
        self.entries.remove(handle).map(|entry| entry.state)
    }

    /// Takes out what has been idle too long.
    pub fn expire(&mut self, now: Duration) -> Vec<S> {
        let stale = |entry: &Entry<S>| !entry.state.is_in_use() && now.saturating_sub(entry.last_used) > self.idle_max;
        let handles: Vec<_> =
            self.entries.iter().filter(|(_, entry)| stale(entry)).map(|(handle, _)| *handle).collect();
        handles.iter().filter_map(|handle| self.remove(handle)).collect()
    }

    /// All states.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.entries.values().map(|entry| &entry.state)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct State(u8, bool);
    impl Resident for State {
        fn is_in_use(&self) -> bool {
            self.1
        }
    }

    fn handle(n: u8) -> Handle {
        Handle { home: 0, random: [n; 16] }
    }

    #[test]
    fn a_full_table_drops_the_coldest_or_refuses() {
        let secs = Duration::from_secs;
        let mut table = Table::new(2, secs(100), secs(10));
        assert_eq!(table.insert(handle(1), State(1, true), secs(0)), Ok(None));
        assert_eq!(table.insert(handle(2), State(2, false), secs(1)), Ok(None));
        assert_eq!(table.insert(handle(3), State(3, false), secs(5)), Err(State(3, false)), "2 is still warm");
        assert_eq!(table.insert(handle(3), State(3, false), secs(11)), Ok(Some(State(2, false))), "1 is in use");
        assert!(table.peek(&handle(2)).is_none());
        assert!(table.touch(&handle(3), secs(50)).is_some());
        assert!(table.expire(secs(150)).is_empty());
        assert_eq!(table.expire(secs(151)), [State(3, false)]);
        assert_eq!(table.len(), 1);
    }
}
