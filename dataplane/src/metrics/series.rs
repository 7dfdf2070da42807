//! Which series of durations there are: one of each method, and of each method or tool and error once it occurs, up to a
//! bound; what comes later is counted together. Claimed for the whole process without a lock, stored by each shard for
//! itself. It never takes a name from a caller.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::{Method, add};
use crate::record::Ending;
use crate::tool_names::{self, ToolId};

/// Upper bounds of the buckets in nanoseconds: most calls are answered in microseconds, and some wait for a model.
pub const BOUNDS_NS: [u64; 14] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    50_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
    30_000_000_000,
];
/// The last has no upper bound.
pub const BUCKETS: usize = BOUNDS_NS.len() + 1;

/// How a request ended, as the `error_type` label: OpenTelemetry has the JSON-RPC code, `tool_error`, and `_OTHER`;
/// `cancelled` is ours.
pub const ENDINGS: [&str; 15] = [
    "",
    "tool_error",
    "-32700",
    "-32600",
    "-32601",
    "-32602",
    "-32603",
    "-32000",
    "-32001",
    "-32002",
    "-32020",
    "-32021",
    "-32022",
    "cancelled",
    "_OTHER",
];
const GOOD: u8 = 0;
const TOOL_ERROR: u8 = 1;
const CANCELLED: u8 = ENDINGS.len() as u8 - 2;
const OTHER: u8 = ENDINGS.len() as u8 - 1;

fn class(ending: Ending) -> u8 {
    match ending {
        Ending::Good => GOOD,
        // What is wrong with its arguments a model is told in a result, too.
        Ending::ToolError | Ending::BadArguments => TOOL_ERROR,
        Ending::Cancelled | Ending::Lapsed(_) => CANCELLED,
        Ending::Error(-32700) => 2,
        Ending::Error(-32600) => 3,
        Ending::Error(-32601) => 4,
        Ending::Error(-32602) => 5,
        Ending::Error(-32603) | Ending::Late => 6,
        Ending::Error(-32000) => 7,
        Ending::Error(-32001) => 8,
        Ending::Error(-32002) => 9,
        Ending::Error(-32020) => 10,
        Ending::Error(-32021) => 11,
        Ending::Error(-32022) => 12,
        // A tool may answer with any code; each would be a series.
        Ending::Error(_) => OTHER,
    }
}

/// Series of methods and their errors, once claimed.
pub const METHOD_ERRORS_MAX: usize = 12;
/// Series of tools and their errors, once claimed.
pub const TOOL_SERIES_MAX: usize = 48;

// The good ends of each method come first, at the method's number. Then those for what has no series of its own.
const OTHER_TOOLS: usize = Method::COUNT;
const OTHER_METHODS: usize = OTHER_TOOLS + 3;
const FIRST_METHOD_ERROR: usize = OTHER_METHODS + 1;
const FIRST_TOOL: usize = FIRST_METHOD_ERROR + METHOD_ERRORS_MAX;
/// All series.
pub const SERIES: usize = FIRST_TOOL + TOOL_SERIES_MAX;

/// What a series is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its method; `None` for methods that have no series of their own.
    pub method: Option<Method>,
    /// Its tool.
    pub tool: Option<ToolId>,
    /// One of [`ENDINGS`].
    pub ending: u8,
}

impl Key {
    /// Whether it counts what went as asked for.
    pub fn is_good(&self) -> bool {
        self.ending == GOOD
    }
}

/// Who has which series. Slots are claimed once and kept, so that a series never moves or goes back.
pub struct SeriesKeys {
    method_errors: [AtomicU32; METHOD_ERRORS_MAX],
    tools: [AtomicU32; TOOL_SERIES_MAX],
}

impl Default for SeriesKeys {
    fn default() -> Self {
        SeriesKeys {
            method_errors: std::array::from_fn(|_| AtomicU32::new(0)),
            tools: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }
}

/// A key as one number that is never zero: method, ending and tool behind a set bit.
fn packed(method: Method, ending: u8, tool: ToolId) -> u32 {
    const { assert!(Method::COUNT < 64 && ENDINGS.len() < 256) };
    1 << 31 | (method as u32) << 24 | u32::from(ending) << 16 | u32::from(tool)
}

fn unpacked(key: u32) -> Option<Key> {
    let method = Method::ALL[(key >> 24 & 0x3f) as usize];
    let tool = Some(key as ToolId).filter(|tool| *tool != tool_names::NONE);
    (key != 0).then_some(Key { method: Some(method), tool, ending: (key >> 16) as u8 })
}

/// The place of `key` in a pool; `None` when it is full of others. Two shards that claim the same at once get the same.
fn claim(pool: &[AtomicU32], key: u32) -> Option<usize> {
    pool.iter().position(|slot| match slot.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => true,
        Err(taken) => taken == key,
    })
}

impl SeriesKeys {
    fn of_method(&self, method: Method, ending: u8) -> usize {
        let claimed = claim(&self.method_errors, packed(method, ending, tool_names::NONE));
        claimed.map_or(OTHER_METHODS, |at| FIRST_METHOD_ERROR + at)
    }

    fn of_tool(&self, tool: ToolId, ending: u8) -> usize {
        let other = OTHER_TOOLS + usize::from(ending.min(2));
        if tool == tool_names::OTHER {
            return other;
        }
        claim(&self.tools, packed(Method::ToolsCall, ending, tool)).map_or(other, |at| FIRST_TOOL + at)
    }

    /// What the series at a place is about; `None` for one that nobody has claimed.
    pub fn key(&self, index: usize) -> Option<Key> {
        let other_tool = |ending| Key { method: Some(Method::ToolsCall), tool: Some(tool_names::OTHER), ending };
        match index {
            0..OTHER_TOOLS => Some(Key { method: Some(Method::ALL[index]), tool: None, ending: GOOD }),
            OTHER_TOOLS..OTHER_METHODS => Some(other_tool([GOOD, TOOL_ERROR, OTHER][index - OTHER_TOOLS])),
            OTHER_METHODS => Some(Key { method: None, tool: None, ending: OTHER }),
            FIRST_METHOD_ERROR..FIRST_TOOL => {
                unpacked(self.method_errors[index - FIRST_METHOD_ERROR].load(Ordering::Relaxed))
            }
            _ => unpacked(self.tools[index - FIRST_TOOL].load(Ordering::Relaxed)),
        }
    }
}

/// Places that one shard has looked up already, by ending; zero where it has not.
#[derive(Debug, Default)]
pub struct Places([Cell<u8>; ENDINGS.len()]);

/// The same of a method, in counters that other threads may hold too.
pub type MethodPlaces = [std::sync::atomic::AtomicU8; ENDINGS.len()];

/// The place of a request's series.
pub fn place(
    keys: &SeriesKeys,
    methods: &[MethodPlaces; Method::COUNT],
    method: Method,
    tool: Option<(ToolId, &Places)>,
    ending: Ending,
) -> usize {
    const { assert!(SERIES < u8::MAX as usize) };
    let ending = class(ending);
    match tool {
        Some((tool, places)) if method == Method::ToolsCall => {
            let known = &places.0[usize::from(ending)];
            if known.get() == 0 {
                known.set(keys.of_tool(tool, ending) as u8 + 1);
            }
            usize::from(known.get()) - 1
        }
        _ if ending == GOOD || !method.is_operation() => method as usize,
        _ => {
            let known = &methods[method as usize][usize::from(ending)];
            match known.load(Ordering::Relaxed) {
                0 => {
                    let place = keys.of_method(method, ending);
                    known.store(place as u8 + 1, Ordering::Relaxed);
                    place
                }
                known => usize::from(known) - 1,
            }
        }
    }
}

/// One series of one shard: two cache lines.
#[repr(align(128))]
pub struct Durations {
    buckets: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

const _: () = assert!(size_of::<Durations>() == 128);

impl Default for Durations {
    fn default() -> Self {
        Durations { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_ns: AtomicU64::new(0) }
    }
}

impl Durations {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let ns = took.as_nanos() as u64;
        let bucket = BOUNDS_NS.iter().position(|bound| ns <= *bound).unwrap_or(BUCKETS - 1);
        add(&self.buckets[bucket], 1);
        add(&self.sum_ns, ns);
    }
}

/// Durations added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many were in each bucket, not in those below.
    pub buckets: [u64; BUCKETS],
    /// Their sum.
    pub sum_ns: u64,
}

impl Histogram {
    /// Adds what a shard has counted.
    pub fn add(&mut self, durations: &Durations) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&durations.buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
        self.sum_ns = self.sum_ns.wrapping_add(durations.sum_ns.load(Ordering::Relaxed));
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += bucket;
        }
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The sum in seconds.
    pub fn sum_s(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// What that share of all do not exceed, in seconds: taken as evenly spread within a bucket, as by Prometheus'
    /// `histogram_quantile`. `None` where there are none.
    pub fn quantile_s(&self, quantile: f64) -> Option<f64> {
        let count = self.count();
        let rank = quantile * count as f64;
        let mut below = 0;
        for (index, bucket) in self.buckets.iter().enumerate().filter(|(_, bucket)| **bucket > 0) {
            if (below + bucket) as f64 >= rank {
                let low = if index == 0 { 0 } else { BOUNDS_NS[index - 1] } as f64;
                // Nothing is known of the last bucket but where it begins.
                let high = BOUNDS_NS.get(index).map_or(low, |bound| *bound as f64);
                let share = ((rank - below as f64) / *bucket as f64).clamp(0.0, 1.0);
                return Some((low + (high - low) * share) / 1e9);
            }
            below += bucket;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(keys: &SeriesKeys, tool: ToolId, ending: Ending) -> usize {
        let methods = std::array::from_fn(|_| MethodPlaces::default());
        place(keys, &methods, Method::ToolsCall, Some((tool, &Places::default())), ending)
    }

    #[test]
    fn a_series_keeps_its_place_whoever_asks() {
        let keys = SeriesKeys::default();
        let first = spread(&keys, 7, Ending::Good);
        let second = spread(&keys, 8, Ending::ToolError);
        assert_eq!((spread(&keys, 7, Ending::Good), spread(&keys, 8, Ending::ToolError)), (first, second));
        assert_eq!(keys.key(first), Some(Key { method: Some(Method::ToolsCall), tool: Some(7), ending: 0 }));
        assert_eq!(keys.key(second), Some(Key { method: Some(Method::ToolsCall), tool: Some(8), ending: 1 }));
        assert_eq!(keys.key(second + 1), None);
    }

    #[test]
    fn what_finds_no_room_is_counted_together() {
        let keys = SeriesKeys::default();
        let places: Vec<usize> = (1..=200).map(|tool| spread(&keys, tool, Ending::Good)).collect();
        let own = places.iter().filter(|place| **place >= FIRST_TOOL).count();
        assert_eq!(own, TOOL_SERIES_MAX);
        assert!(places[TOOL_SERIES_MAX..].iter().all(|place| *place == OTHER_TOOLS));
        let rest = keys.key(spread(&keys, 999, Ending::Error(-5))).expect("it is always there");
        assert_eq!((rest.tool, ENDINGS[usize::from(rest.ending)]), (Some(tool_names::OTHER), "_OTHER"));
    }

    #[test]
    fn errors_of_methods_cannot_crowd_out_tools() {
        let keys = SeriesKeys::default();
        let methods = std::array::from_fn(|_| MethodPlaces::default());
        for method in Method::ALL {
            for code in [-32700, -32600, -32601, -32602, -32603, -1] {
                let at = place(&keys, &methods, method, None, Ending::Error(code));
                assert!(at < FIRST_TOOL);
                assert_eq!(at, place(&keys, &methods, method, None, Ending::Error(code)), "it stays");
            }
        }
        assert!(spread(&keys, 1, Ending::Good) >= FIRST_TOOL);
    }

    #[test]
    fn quantiles_are_found_within_their_bucket() {
        let durations = Durations::default();
        for microseconds in 1..=100 {
            durations.observe(Duration::from_micros(microseconds));
        }
        let mut histogram = Histogram::default();
        histogram.add(&durations);
        assert_eq!((histogram.count(), histogram.sum_ns), (100, 5_050_000));
        let close = |quantile, want: f64| {
            let found = histogram.quantile_s(quantile).expect("there are some");
            assert!((found - want).abs() < 1e-6, "{quantile}: {found}, not {want}");
        };
        close(0.1, 10e-6);
        close(0.5, 50e-6);
        close(0.99, 99e-6);
        assert_eq!(Histogram::default().quantile_s(0.5), None);
        durations.observe(Duration::from_secs(1000));
        let mut histogram = Histogram::default();
        histogram.add(&durations);
        assert_eq!(histogram.quantile_s(1.0), Some(30.0));
    }
}
