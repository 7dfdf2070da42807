//! The event log and the table beside models without a bound or an index.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use ringway_core::session::table::Resident;
use ringway_core::session::{EventLog, Handle, Table};

#[derive(Clone, Debug)]
enum Event {
    Push(usize),
    /// Reads so many messages behind the last one read.
    Read(usize),
    /// Comes back to a place, for resumable logs.
    Return(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0usize..60).prop_map(Event::Push),
        3 => (1usize..5).prop_map(Event::Read),
        1 => prop_oneof![0u64..40, Just(u64::MAX)].prop_map(Event::Return),
    ];
    vec(event, 0..80)
}

const BYTES_MAX: usize = 100;
const KEPT_MAX: usize = 5;

/// A message that tells its number.
fn message(number: u64, bytes: usize) -> Vec<u8> {
    let mut text = number.to_be_bytes().to_vec();
    text.resize(8 + bytes, 0);
    text
}

proptest! {
    #[test]
    fn a_log_loses_only_what_its_kind_may(resumable in any::<bool>(), events in events()) {
        let mut log = if resumable {
            EventLog::resumable(BYTES_MAX, KEPT_MAX)
        } else {
            EventLog::plain(BYTES_MAX)
        };
        // All that was ever taken, by number.
        let mut taken: Vec<Vec<u8>> = Vec::new();
        let mut after = 0;
        for event in events {
            match event {
                Event::Push(bytes) => {
                    let next = taken.len() as u64 + 1;
                    let text = message(next, bytes);
                    match log.push(text.clone()) {
                        Ok(number) => {
                            prop_assert_eq!(number, next);
                            taken.push(text);
                        }
                        Err(_) => prop_assert!(!resumable, "only a plain log is full"),
                    }
                }
                Event::Read(count) => {
                    for _ in 0..count {
                        let Some((number, text)) = log.next(after) else {
                            prop_assert!(after >= taken.len() as u64, "all was read");
                            break;
                        };
                        prop_assert!(number > after, "forwards only");
                        prop_assert!(resumable || number == after + 1, "a plain log skips none");
                        prop_assert_eq!(text, &taken[number as usize - 1][..]);
                        after = number;
                    }
                }
                Event::Return(place) if resumable => after = place,
                Event::Return(_) => {}
            }
            prop_assert_eq!(log.last(), taken.len() as u64);
            let newest = taken.last().map_or(0, Vec::len);
            prop_assert!(log.bytes() <= BYTES_MAX.max(newest), "{} bytes", log.bytes());
            prop_assert!(log.read() <= log.last());
        }
        if resumable {
            // The newest are there for whoever comes back.
            let mut place = 0;
            let mut kept = Vec::new();
            while let Some((number, _)) = log.next(place) {
                kept.push(number);
                place = number;
            }
            let newest: Vec<u64> = (1..=taken.len() as u64).collect();
            prop_assert!(newest.ends_with(&kept) && kept.len() <= KEPT_MAX);
            prop_assert!(taken.is_empty() || !kept.is_empty(), "one message always fits");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    name: u8,
    in_use: bool,
}

impl Resident for State {
    fn is_in_use(&self) -> bool {
        self.in_use
    }
}

#[derive(Clone, Debug)]
enum Act {
    Insert { in_use: bool },
    Touch(u8),
    Remove(u8),
    Expire,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<bool>().prop_map(|in_use| Act::Insert { in_use }),
        2 => (0u8..40).prop_map(Act::Touch),
        1 => (0u8..40).prop_map(Act::Remove),
        1 => Just(Act::Expire),
        3 => (0u64..20).prop_map(Act::Wait),
    ];
    vec(act, 0..60)
}

const COUNT_MAX: usize = 4;
const IDLE_MAX_S: u64 = 50;
const EVICT_IDLE_MIN_S: u64 = 5;

fn handle(name: u8) -> Handle {
    Handle { home: 0, random: [name; 16] }
}

proptest! {
    #[test]
    fn a_table_does_what_a_list_would(acts in acts()) {
        let secs = Duration::from_secs;
        let mut table = Table::new(COUNT_MAX, secs(IDLE_MAX_S), secs(EVICT_IDLE_MIN_S));
        // The state and when it was last used, in seconds.
        let mut model: Vec<(State, u64)> = Vec::new();
        let (mut now, mut next) = (0, 0);
        for act in acts {
            match act {
                Act::Insert { in_use } => {
                    let state = State { name: next, in_use };
                    next += 1;
                    let idle = |used: u64| now - used;
                    let goes = |(state, used): &&(State, u64)| {
                        !state.in_use && idle(*used) >= EVICT_IDLE_MIN_S
                    };
                    let longest = model.iter().filter(goes).map(|(_, used)| idle(*used)).max();
                    let is_full = model.len() >= COUNT_MAX;
                    match table.insert(handle(state.name), state, secs(now)) {
                        Ok(None) => prop_assert!(!is_full),
                        Ok(Some(evicted)) => {
                            prop_assert!(is_full);
                            let at = model.iter().position(|(state, _)| *state == evicted);
                            let (gone, used) = model.remove(at.expect("it was there"));
                            prop_assert!(!gone.in_use, "what is in use stays");
                            prop_assert_eq!(Some(idle(used)), longest, "the coldest goes");
                        }
                        Err(back) => {
                            prop_assert_eq!(back, state);
                            prop_assert!(is_full && longest.is_none(), "there was no room");
                            continue;
                        }
                    }
                    model.push((state, now));
                }
                Act::Touch(name) => {
                    let known = model.iter_mut().find(|(state, _)| state.name == name);
                    let touched = table.touch(&handle(name), secs(now)).copied();
                    prop_assert_eq!(touched, known.map(|(state, used)| {
                        *used = now;
                        *state
                    }));
                }
                Act::Remove(name) => {
                    let at = model.iter().position(|(state, _)| state.name == name);
                    let known = at.map(|at| model.remove(at).0);
                    prop_assert_eq!(table.remove(&handle(name)), known);
                }
                Act::Expire => {
                    let stale = |(state, used): &(State, u64)| !state.in_use && now - used > IDLE_MAX_S;
                    let mut known: Vec<u8> = model.iter().filter(|entry| stale(entry)).map(|(state, _)| state.name).collect();
                    model.retain(|entry| !stale(entry));
                    let mut expired: Vec<u8> = table.expire(secs(now)).iter().map(|state| state.name).collect();
                    known.sort_unstable();
                    expired.sort_unstable();
                    prop_assert_eq!(expired, known);
                }
                Act::Wait(seconds) => now += seconds,
            }
            prop_assert!(table.len() <= COUNT_MAX);
            prop_assert_eq!(table.len(), model.len());
            for (state, _) in &model {
                prop_assert_eq!(table.peek(&handle(state.name)), Some(state));
            }
        }
    }
}
