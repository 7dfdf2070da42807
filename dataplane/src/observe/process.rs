//! The counters of all shards and the state of the process, read by anybody and at any time. It never locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::audit::AuditLog;
use crate::handle::ServerHandle;
use crate::io::Chosen;
use crate::log::LogWriter;
use crate::mailbox::Mailboxes;
use crate::metrics::{Counts, SeriesKeys, ShardMetrics};

/// The process as it is seen from beside its shards.
pub struct Process {
    /// Of each shard.
    pub shards: Vec<Arc<ShardMetrics>>,
    /// What their series are about.
    pub keys: Arc<SeriesKeys>,
    /// The way to the shards.
    pub mailboxes: Mailboxes,
    /// The server they are part of.
    pub server: ServerHandle,
    /// Who writes the access log.
    pub log: Option<LogWriter>,
    /// How client sockets are driven; absent where there are none.
    pub io: Option<Chosen>,
    /// The audit log.
    pub audit: Option<AuditLog>,
    /// When it began to serve.
    pub started: Instant,
    shards_up: AtomicUsize,
    shards_ended: AtomicUsize,
    shards_on_ring: AtomicUsize,
}

impl Process {
    /// A process of so many shards, none of which serves yet.
    pub fn new(shards: usize, server: ServerHandle, log: Option<LogWriter>) -> Process {
        let keys = Arc::new(SeriesKeys::default());
        Process {
            shards: (0..shards).map(|_| ShardMetrics::new(&keys)).collect(),
            keys,
            mailboxes: server.mailboxes().clone(),
            server,
            log,
            io: None,
            audit: None,
            started: Instant::now(),
            shards_up: AtomicUsize::new(0),
            shards_ended: AtomicUsize::new(0),
            shards_on_ring: AtomicUsize::new(0),
        }
    }

    /// The same with the audit log.
    pub fn with_audit(self, audit: Option<AuditLog>) -> Process {
        Process { audit, ..self }
    }

    /// The same with what drives client sockets.
    pub fn with_io(self, io: Option<Chosen>) -> Process {
        Process { io, ..self }
    }

    /// Says that a shard has its client sockets on a ring.
    pub fn shard_is_on_ring(&self) {
        self.shards_on_ring.fetch_add(1, Ordering::Relaxed);
    }

    /// How many shards have.
    pub fn shards_on_ring(&self) -> usize {
        self.shards_on_ring.load(Ordering::Relaxed)
    }

    /// Says that a shard serves.
    pub fn shard_is_up(&self) {
        self.shards_up.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that a shard serves no more.
    pub fn shard_is_down(&self) {
        self.shards_up.fetch_sub(1, Ordering::Relaxed);
        self.shards_ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether no shard has anything left to do.
    pub fn is_quiet(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_quiet())
    }

    /// Whether the process stops.
    pub fn is_draining(&self) -> bool {
        self.mailboxes.are_draining()
    }

    /// Whether new work is taken.
    pub fn is_ready(&self) -> bool {
        let is_served = self.shards_up.load(Ordering::Relaxed) == self.shards.len() && !self.is_draining();
        is_served && !self.audit.as_ref().is_some_and(AuditLog::is_failing)
    }

    /// Whether no shard serves, and none will.
    pub fn is_over(&self) -> bool {
        let ended = self.is_draining() || self.shards_ended.load(Ordering::Relaxed) == self.shards.len();
        ended && self.shards_up.load(Ordering::Relaxed) == 0
    }

    /// Milliseconds since it began to serve: what shards say they turn by.
    pub fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// How long ago each shard said that it turns.
    pub fn beat_ages(&self) -> Vec<Duration> {
        let now_ms = self.now_ms();
        let age = |shard: &Arc<ShardMetrics>| Duration::from_millis(now_ms.saturating_sub(shard.beat_ms()));
        self.shards.iter().map(age).collect()
    }

    /// The counters of each shard.
    pub fn each_shard(&self) -> Vec<Counts> {
        self.shards.iter().map(|shard| Counts::of(shard)).collect()
    }

    /// The counters of all shards together.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.shards.iter().for_each(|shard| totals.add(shard));
        totals
    }
}
