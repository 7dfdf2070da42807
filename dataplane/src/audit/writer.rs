//! The thread that writes: gives records their place in the chain, appends them, and makes them durable. What it could not
//! write it keeps and tries again; what found no room meanwhile it tells of in a record. It never drops a record it has
//! taken.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringway_core::audit::{Chain, Header, Kind, Record, file_name};

use super::disk::Disk;
use super::open::Shared;
use super::options::Fsync;
use super::queue::Queue;
use super::recover::{Found, Note};
use super::unix_us;

/// How often the queues are looked into when nobody wakes the thread.
const EVERY: Duration = Duration::from_millis(100);
/// Lines are written together up to about this size.
const BATCH_BYTES: usize = 256 << 10;
/// How long it waits before it tries again, at first; twice as long each time.
const RETRY_MIN: Duration = Duration::from_millis(50);
/// And at the most: so long a disk that has room again is not noticed.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The thread's own.
pub struct Writer<D> {
    disk: D,
    shared: Arc<Shared>,
    chain: Chain,
    process: String,
    started_unix_us: u64,
    /// The number of the open file.
    number: u64,
    /// Bytes of it that are whole records, written.
    bytes: u64,
    /// A piece of a line may stand behind them.
    is_untidy: bool,
    /// Lines that are to be written.
    batch: Vec<u8>,
    /// How many.
    batch_records: u64,
    /// Of each queue, how many records were taken; what of them is not in the batch is written.
    taken: Vec<u64>,
    /// What was written since is not asked to be on disk yet.
    is_unsynced: bool,
    synced_at: Instant,
    /// Records without room that the log has told of: lost, refused.
    told: (u64, u64),
    /// Something that was written may not reach the disk, and the log has not told of it.
    is_doubtful: bool,
    /// The queue that is looked into first, so that none is always last.
    first_queue: usize,
    has_told_end: bool,
    retry: Duration,
}

impl<D: Disk> Writer<D> {
    /// A writer that goes on where the log was found to end.
    pub fn new(disk: D, shared: Arc<Shared>, found: Found, started_unix_us: u64) -> Writer<D> {
        let Found { chain, number, bytes, notes } = found;
        let process = format!("{} ({})", shared.options.program, std::process::id());
        let mut writer = Writer {
            disk,
            shared,
            chain,
            process,
            started_unix_us,
            number,
            bytes,
            is_untidy: false,
            batch: Vec::new(),
            batch_records: 0,
            taken: Vec::new(),
            is_unsynced: false,
            synced_at: Instant::now(),
            told: (0, 0),
            is_doubtful: false,
            first_queue: 0,
            has_told_end: false,
            retry: RETRY_MIN,
        };
        writer.push_header();
        for note in notes {
            let (kind, detail) = match &note {
                Note::Torn(detail) => (Kind::Torn, detail),
                Note::Broken(detail) => (Kind::Broken, detail),
            };
            tracing::warn!(%detail, "the audit log did not end in order");
            writer.push(&Record { kind, detail, ..Record::default() });
        }
        writer
    }

    /// Writes what a start has to tell.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_first(&mut self) -> io::Result<()> {
        self.write()?;
        self.sync()
    }

    /// Writes until the log ends.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let fault = catch_unwind(AssertUnwindSafe(|| self.live())).is_err();
        if fault {
            tracing::error!("the audit log's writer ended by a fault");
            shared.state.handle_failure(None, unix_us());
        }
        // The folder is free for another process once this has ended.
        drop(self);
        shared.has_ended.store(true, Ordering::SeqCst);
        shared.wake_all();
    }

    fn live(&mut self) {
        loop {
            let ends = self.shared.ends.load(Ordering::Acquire);
            let turned = self.turn(ends);
            // One that leaves something for the next is no whole turn: who flushes waits for that one too.
            if !matches!(turned, Ok(true)) {
                self.shared.turns.fetch_add(1, Ordering::Release);
            }
            match turned {
                Ok(true) => {}
                Ok(false) if ends => return,
                Ok(false) => std::thread::park_timeout(EVERY),
                Err(error) => {
                    let pause = self.handle_failure(&error);
                    if ends {
                        return;
                    }
                    self.rest(pause);
                }
            }
        }
    }

    /// Waits before it tries again, however often it is woken for records.
    fn rest(&self, pause: Duration) {
        let began = Instant::now();
        while let Some(left) = pause.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            if self.shared.ends.load(Ordering::Acquire) {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Takes what waits, a batch of it at the most, and writes it. True when more may wait.
    fn turn(&mut self, ends: bool) -> io::Result<bool> {
        // What could not be written goes first, as it is: it has its place in the chain.
        if self.batch.is_empty() {
            self.look_after_file()?;
            self.take(ends);
        }
        let is_retry = self.shared.state.is_failing();
        let has_more = self.batch.len() >= BATCH_BYTES;
        self.write()?;
        if self.is_sync_due(is_retry || ends) {
            self.sync()?;
        }
        if self.shared.state.handle_success() {
            tracing::info!("the audit log is written again");
        }
        self.retry = RETRY_MIN;
        Ok(has_more || is_retry)
    }

    /// Sees to it that there is a file, and that it is not too long.
    fn look_after_file(&mut self) -> io::Result<()> {
        if !self.disk.is_in_place() {
            let detail = format!("{} was taken away while it was written to", file_name(self.number));
            tracing::error!(%detail, "the audit log lost a file");
            self.begin_file()?;
            self.push(&Record { kind: Kind::Removed, detail: &detail, ..Record::default() });
        } else if self.bytes >= self.shared.options.rotate_bytes {
            self.sync()?;
            self.begin_file()?;
            self.remove_old();
        }
        Ok(())
    }

    fn begin_file(&mut self) -> io::Result<()> {
        let number = self.disk.numbers()?.last().copied().unwrap_or(0).max(self.number) + 1;
        self.disk.create(number)?;
        (self.number, self.bytes, self.is_untidy) = (number, 0, false);
        self.push_header();
        Ok(())
    }

    /// Removes files that are too many. One that cannot be removed stays until the next time.
    fn remove_old(&mut self) {
        let keep_files = self.shared.options.keep_files;
        let numbers = self.disk.numbers().unwrap_or_default();
        let too_many = if keep_files == 0 { 0 } else { numbers.len().saturating_sub(keep_files) };
        for number in &numbers[..too_many] {
            match self.disk.remove(*number) {
                Ok(()) => {
                    let detail = format!("{} was removed: {keep_files} files are kept", file_name(*number));
                    self.push(&Record { kind: Kind::Removed, detail: &detail, ..Record::default() });
                }
                Err(error) => tracing::warn!(%error, file = file_name(*number), "an audit file cannot be removed"),
            }
        }
    }

    /// Takes from the queues into the batch.
    fn take(&mut self, ends: bool) {
        // Before the queues are looked into: what was lost up to here is older than what comes behind it.
        self.tell_lost();
        let queues = self.shared.queues();
        self.taken.resize(queues.len(), 0);
        self.first_queue += 1;
        for index in (0..queues.len()).map(|index| (index + self.first_queue) % queues.len()) {
            let queue = &queues[index];
            // At most what a full queue holds, so that a busy shard does not keep the others waiting.
            for _ in 0..queue.capacity() {
                if self.batch.len() >= BATCH_BYTES {
                    return;
                }
                let Some(packed) = queue.pop() else { break };
                self.chain.push_packed(&packed, &mut self.batch);
                self.batch_records += 1;
                self.taken[index] += 1;
                queue.give_back(packed);
            }
        }
        if ends && !self.has_told_end && queues.iter().all(|queue| Queue::is_empty(queue)) {
            self.has_told_end = true;
            self.push(&Record { kind: Kind::End, ..Record::default() });
        }
    }

    fn tell_lost(&mut self) {
        let now = self.shared.without_room();
        let (lost, refused) = (now.0 - self.told.0, now.1 - self.told.1);
        if (lost, refused) != (0, 0) {
            self.told = now;
            self.push(&Record { kind: Kind::Gap, lost, refused, ..Record::default() });
        }
        if std::mem::take(&mut self.is_doubtful) {
            let detail = "fsync failed: of what was written before, some may be missing once the machine lost power";
            self.push(&Record { kind: Kind::Gap, detail, ..Record::default() });
        }
    }

    fn push(&mut self, record: &Record<'_>) {
        self.chain.push(&Record { at_unix_us: unix_us(), ..*record }, &mut self.batch);
        self.batch_records += 1;
    }

    fn push_header(&mut self) {
        let header = Header {
            at_unix_us: unix_us(),
            process: &self.process,
            started_unix_us: self.started_unix_us,
            file: self.number,
        };
        self.chain.push_header(&header, &mut self.batch);
        self.batch_records += 1;
    }

    /// Appends the batch. It is kept until it is written, and until it is durable where that is asked for.
    fn write(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.is_untidy, true) {
            self.disk.cut(self.bytes)?;
        }
        let mut left = &self.batch[..];
        while !left.is_empty() {
            match self.disk.append(left) {
                Ok(0) => return Err(io::Error::from_raw_os_error(libc::ENOSPC)),
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.is_unsynced = true;
        if self.shared.options.fsync == Fsync::Always {
            // What the disk did not take may be gone from memory too: it is written anew then.
            self.sync()?;
        }
        self.is_untidy = false;
        self.bytes += self.batch.len() as u64;
        let state = &self.shared.state;
        state.written.fetch_add(self.batch_records, Ordering::Relaxed);
        state.written_bytes.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
        self.batch.clear();
        self.batch_records = 0;
        for (queue, taken) in self.shared.queues().iter().zip(&self.taken) {
            queue.publish(*taken);
        }
        Ok(())
    }

    fn is_sync_due(&self, is_asked: bool) -> bool {
        self.is_unsynced
            && match self.shared.options.fsync {
                Fsync::Always => true,
                Fsync::Interval(interval) => is_asked || self.synced_at.elapsed() >= interval,
                Fsync::Never => false,
            }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.shared.options.fsync == Fsync::Never || !self.is_unsynced {
            return Ok(());
        }
        self.shared.state.syncs.fetch_add(1, Ordering::Relaxed);
        // Asked again after a failure, a system may call done what it threw away.
        self.disk.sync().inspect_err(|_| self.is_doubtful = self.shared.options.fsync != Fsync::Always)?;
        (self.is_unsynced, self.synced_at) = (false, Instant::now());
        self.disk.let_go();
        Ok(())
    }

    /// It could not be written: how long to wait before it is tried again.
    fn handle_failure(&mut self, error: &io::Error) -> Duration {
        if self.shared.state.handle_failure(Some(error), unix_us()) {
            // Once a trouble.
            tracing::error!(%error, "the audit log cannot be written");
        }
        self.shared.wake_all();
        let pause = self.retry;
        self.retry = (self.retry * 2).min(RETRY_MAX);
        pause
    }
}
