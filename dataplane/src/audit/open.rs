//! The audit log as a whole: opening it, what everybody may ask of it, and its end. It never writes a record itself.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::disk::{Disk, Folder};
use super::handle::AuditHandle;
use super::options::AuditOptions;
use super::queue::Queue;
use super::recover::{Found, recover};
use super::state::{AuditCounts, AuditState, State};
use super::unix_us;
use super::writer::Writer;
use crate::preflight::Missing;

/// How long a flush, and the end of a process, wait for the last records.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(2);

/// What shards, the writer and whoever asks share.
pub struct Shared {
    pub options: AuditOptions,
    pub state: State,
    /// One a shard. Locked when a shard begins, and by the writer and by who counts; never by a request.
    pub queues: Mutex<Vec<Arc<Queue>>>,
    /// Counts turns of the writer, so that a flush can wait for one that began after it.
    pub turns: AtomicU64,
    pub ends: AtomicBool,
    pub has_ended: AtomicBool,
    writer: OnceLock<Thread>,
}

impl Shared {
    /// Nothing is open yet.
    pub fn new(options: AuditOptions) -> Arc<Shared> {
        Arc::new(Shared {
            options,
            state: State::default(),
            queues: Mutex::default(),
            turns: AtomicU64::new(0),
            ends: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            writer: OnceLock::new(),
        })
    }

    /// All queues.
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The writer looks into the queues: a call of the system only where it sleeps.
    pub fn wake_writer(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// Everybody who waits for a record has to look again.
    pub fn wake_all(&self) {
        for queue in self.queues() {
            queue.wake();
        }
    }

    /// Records that found no room, and those whose callers were refused.
    pub fn without_room(&self) -> (u64, u64) {
        self.queues().iter().fold((0, 0), |(lost, refused), queue| {
            let more = (queue.lost.load(Ordering::Relaxed), queue.refused.load(Ordering::Relaxed));
            (lost + more.0, refused + more.1)
        })
    }
}

/// An audit log. Clones are the same.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("folder", &self.shared.options.folder).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Opens the folder, finds where its chain goes on, writes a header and starts the thread.
    ///
    /// # Errors
    /// When it cannot be written, as a sentence that says what to mend.
    pub fn open(options: AuditOptions) -> Result<AuditLog, Missing> {
        if options.queue_records == 0 || options.rotate_bytes == 0 {
            return Err(Missing("the audit log's queue_records and rotate_bytes must be 1 or more".to_owned()));
        }
        let mut folder = Folder::open(&options.folder).map_err(Missing)?;
        let shown = options.folder.display().to_string();
        let cannot = |what: &str, error: &dyn fmt::Display| {
            Missing(format!("the audit log in {shown} cannot be {what}: {error}; make room, or name another folder"))
        };
        let found = recover(&mut folder).map_err(|error| cannot("continued", &error))?;
        AuditLog::begin(options, folder, found).map_err(|error| cannot("written", &error))
    }

    /// The same with a disk of any kind.
    pub(super) fn begin(options: AuditOptions, disk: impl Disk + 'static, found: Found) -> std::io::Result<AuditLog> {
        let shared = Shared::new(options);
        let mut writer = Writer::new(disk, Arc::clone(&shared), found, unix_us());
        writer.write_first()?;
        let thread = std::thread::Builder::new().name("audit".into()).spawn(move || writer.run())?;
        // Set once, here.
        let _ = shared.writer.set(thread.thread().clone());
        Ok(AuditLog { shared })
    }

    /// The end of one more shard. `ring` is called from another thread after one of the shard's tasks was woken there, for a
    /// shard that waits in a ring of its own, where it does not hear that.
    pub fn handle(&self, ring: impl Fn() + Send + Sync + 'static) -> AuditHandle {
        let queue = Arc::new(Queue::new(self.shared.options.queue_records, Box::new(ring)));
        self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&queue));
        AuditHandle::new(self.clone(), queue)
    }

    /// How it is.
    pub fn state(&self) -> AuditState {
        self.shared.state.load()
    }

    /// Whether it cannot be written: the server is not ready then.
    pub fn is_failing(&self) -> bool {
        self.shared.state.is_failing()
    }

    /// What was counted.
    pub fn counts(&self) -> AuditCounts {
        let state = &self.shared.state;
        let (lost, refused) = self.shared.without_room();
        AuditCounts {
            written: state.written.load(Ordering::Relaxed),
            written_bytes: state.written_bytes.load(Ordering::Relaxed),
            lost,
            refused,
            syncs: state.syncs.load(Ordering::Relaxed),
            failures: state.failures.load(Ordering::Relaxed),
        }
    }

    /// Waits until what was submitted before is written, two seconds at the most. Never on a shard. False when it is not.
    pub fn flush(&self) -> bool {
        // The turn under way may have passed a queue already; the one after it has not.
        let wanted = self.shared.turns.load(Ordering::Acquire) + 2;
        self.wait_until(|shared| shared.turns.load(Ordering::Acquire) >= wanted) && !self.is_failing()
    }

    /// Writes what is there and a record of the end, and ends the thread. What is submitted afterwards is not written. Never
    /// on a shard. False when it was not all written within two seconds.
    pub fn end(&self) -> bool {
        self.shared.ends.store(true, Ordering::Release);
        self.wait_until(|shared| shared.has_ended.load(Ordering::Acquire)) && !self.is_failing()
    }

    fn wait_until(&self, is_done: impl Fn(&Shared) -> bool) -> bool {
        let began = Instant::now();
        while !is_done(&self.shared) {
            if began.elapsed() >= FLUSH_TIME_MAX {
                return false;
            }
            self.shared.wake_writer();
            std::thread::sleep(Duration::from_micros(200));
        }
        true
    }
}
