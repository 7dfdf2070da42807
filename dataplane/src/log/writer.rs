//! The thread that writes logs, and the bounded queues before it. It never makes anybody wait: who finds a queue full has
//! its line dropped and counted, and the log says how many were.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

use super::LogFormat;
use super::entry::Entry;
use super::output::{LogOutput, Open};

/// Entries of one shard that may wait: what a shard at full speed makes in 80 ms, were nothing sampled.
const ENTRIES_MAX: usize = 8192;
/// State lines that may wait.
const LINES_MAX: usize = 4096;
/// How often the queues are emptied. Nobody wakes the writer: that would cost a shard a system call a line.
const EVERY: Duration = Duration::from_millis(40);
/// Lines are written together up to this size.
const BATCH_BYTES: usize = 256 << 10;
/// How long the end of a process waits for its last lines.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// Where logs go and how they look.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Where state changes go.
    pub state: LogOutput,
    /// Where the access log goes.
    pub access: LogOutput,
    /// How the access log's lines look.
    pub access_format: LogFormat,
}

/// One shard's queue.
pub struct Entries {
    queue: ArrayQueue<Entry>,
    dropped: AtomicU64,
}

impl Entries {
    /// Adds an entry, or counts it as dropped.
    pub fn push(&self, entry: Entry) {
        if self.queue.push(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Shared {
    entries: Mutex<Vec<Arc<Entries>>>,
    lines: ArrayQueue<Vec<u8>>,
    lines_dropped: AtomicU64,
    /// Lines that could not be written.
    lost: AtomicU64,
    /// Counts turns of the writer, so that a flush can wait for one that began after it.
    turns: AtomicU64,
    ends: AtomicBool,
}

/// Hands lines to the thread that writes them. Clones are the same writer.
#[derive(Clone)]
pub struct LogWriter {
    shared: Arc<Shared>,
    thread: Thread,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Opens the outputs and starts the thread.
    ///
    /// # Errors
    /// When a file cannot be written, naming it.
    pub fn start(options: &LogOptions) -> io::Result<LogWriter> {
        let open = |output: &LogOutput| {
            output.open().map_err(|error| match output {
                LogOutput::File(path) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
                _ => error,
            })
        };
        let state = open(&options.state)?;
        // One descriptor where both go to one place, so that lines of one never land inside lines of the other.
        let access = if options.access == options.state { None } else { Some(open(&options.access)?) };
        let shared = Shared::new();
        let of_thread = Arc::clone(&shared);
        let format = options.access_format;
        let run = move || Writer { shared: of_thread, state, access, format, told: 0, failing: false }.run();
        let thread = std::thread::Builder::new().name("log".into()).spawn(run)?;
        Ok(LogWriter { shared, thread: thread.thread().clone() })
    }

    /// A queue for one more shard.
    pub(crate) fn entries(&self) -> Arc<Entries> {
        let entries = Arc::new(Entries { queue: ArrayQueue::new(ENTRIES_MAX), dropped: AtomicU64::new(0) });
        self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&entries));
        entries
    }

    /// Takes whole lines about state changes.
    pub fn sink(&self) -> LineSink {
        LineSink(Arc::clone(&self.shared))
    }

    /// Lines that were dropped since their queue was full or their output could not be written.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }

    /// Waits until everything that was logged before is written, a second at the most.
    pub fn flush(&self) {
        let began = Instant::now();
        // The turn under way may have passed a queue already; the one after it has not.
        let wanted = self.shared.turns.load(Ordering::Acquire) + 2;
        while self.shared.turns.load(Ordering::Acquire) < wanted && began.elapsed() < FLUSH_TIME_MAX {
            self.thread.unpark();
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Writes what is there and ends the thread; what is logged afterwards is dropped when the queues are full.
    pub fn end(&self) {
        self.flush();
        self.shared.ends.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared {
            entries: Mutex::default(),
            lines: ArrayQueue::new(LINES_MAX),
            lines_dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            ends: AtomicBool::new(false),
        })
    }

    fn dropped(&self) -> u64 {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let of_shards: u64 = entries.iter().map(|entries| entries.dropped.load(Ordering::Relaxed)).sum();
        of_shards + self.lines_dropped.load(Ordering::Relaxed) + self.lost.load(Ordering::Relaxed)
    }
}

/// Takes whole lines: each write is one.
#[derive(Clone)]
pub struct LineSink(Arc<Shared>);

impl Write for LineSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.lines.push(line.to_vec()).is_err() {
            self.0.lines_dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread's own.
struct Writer {
    shared: Arc<Shared>,
    state: Open,
    /// `None`: the same as `state`.
    access: Option<Open>,
    format: LogFormat,
    /// How many dropped lines the log has told of.
    told: u64,
    /// Whether the output that is told of them could not be written last time.
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            self.turn(&mut batch);
            self.shared.turns.fetch_add(1, Ordering::Release);
            if self.shared.ends.load(Ordering::Acquire) {
                return;
            }
            std::thread::park_timeout(EVERY);
        }
    }

    fn turn(&mut self, batch: &mut Vec<u8>) {
        while let Some(line) = self.shared.lines.pop() {
            batch.extend_from_slice(&line);
            if batch.len() >= BATCH_BYTES {
                self.write(batch, false);
            }
        }
        self.write(batch, false);
        let queues = self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for entries in &queues {
            // At most what a full queue holds, so that a busy shard does not keep the others waiting.
            for _ in 0..ENTRIES_MAX {
                let Some(entry) = entries.queue.pop() else { break };
                entry.write(batch, self.format);
                if batch.len() >= BATCH_BYTES {
                    self.write(batch, true);
                }
            }
        }
        let dropped = self.shared.dropped();
        // Telling of what cannot be written would fail the same way: it waits until something can be.
        if dropped > self.told && !self.failing {
            tell_dropped(batch, dropped - self.told, self.format);
            self.told = dropped;
        }
        self.write(batch, true);
    }

    fn write(&mut self, batch: &mut Vec<u8>, is_access: bool) {
        if batch.is_empty() {
            return;
        }
        let output = match &mut self.access {
            Some(access) if is_access => access,
            _ => &mut self.state,
        };
        let outcome = output.write(batch);
        if is_access || self.access.is_none() {
            self.failing = outcome.is_err();
        }
        if let Err(lost) = outcome {
            self.shared.lost.fetch_add(lost, Ordering::Relaxed);
        }
        batch.clear();
    }
}

fn tell_dropped(batch: &mut Vec<u8>, count: u64, format: LogFormat) {
    let time = humantime::format_rfc3339_micros(std::time::SystemTime::now());
    // Writing to memory does not fail.
    let _ = match format {
        LogFormat::Json => writeln!(
            batch,
            r#"{{"timestamp":"{time}","level":"WARN","message":"log lines were dropped","dropped":{count}}}"#
        ),
        LogFormat::Pretty => writeln!(batch, "{time}  WARN log lines were dropped: {count}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: lines that a full disk swallowed are counted, and told once there is room. Method: the thread's own turns,
    /// on a device that is always full, then on a file.
    #[test]
    fn what_a_full_disk_swallowed_is_told() {
        let path = std::env::temp_dir().join(format!("ringway-writer-{}.log", std::process::id()));
        let open = |path: &str| LogOutput::File(path.into()).open().expect("it opens");
        let shared = Shared::new();
        let mut sink = LineSink(Arc::clone(&shared));
        let format = LogFormat::Pretty;
        let mut writer = Writer { shared, state: open("/dev/full"), access: None, format, told: 0, failing: false };
        let mut turn = |writer: &mut Writer, line: &[u8]| {
            sink.write_all(line).expect("it is taken");
            writer.turn(&mut Vec::new());
            writer.shared.dropped()
        };
        assert_eq!(turn(&mut writer, b"one\n"), 1);
        assert_eq!(turn(&mut writer, b"two\n"), 2, "and telling of them is not tried");
        writer.state = open(path.to_str().expect("text"));
        assert_eq!(turn(&mut writer, b"three\n"), 2);
        assert_eq!(turn(&mut writer, b"four\n"), 2);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::remove_file(&path).expect("it goes");
        let told = text.lines().filter(|line| line.ends_with("log lines were dropped: 2")).count();
        assert!(text.starts_with("three\n") && text.ends_with("four\n") && told == 1, "{text}");
    }
}
