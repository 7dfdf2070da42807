//! What an operator decides about the audit log. It never opens anything.

use std::path::PathBuf;
use std::time::Duration;

/// Options of the audit log.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The folder of its files, made when it is absent. One process writes into it at a time.
    pub folder: PathBuf,
    /// A file that has grown to so many bytes is followed by another.
    pub rotate_bytes: u64,
    /// So many files stay, the one being written among them; zero keeps all.
    pub keep_files: usize,
    /// When what was written is made to reach the disk.
    pub fsync: Fsync,
    /// What is done while it cannot be written.
    pub on_failure: OnFailure,
    /// Records of one shard that may wait for the thread that writes, each of 1.5 KiB once it was needed.
    pub queue_records: usize,
    /// The program that writes, as headers name it; the process's number is added.
    pub program: String,
}

impl Default for AuditOptions {
    fn default() -> AuditOptions {
        AuditOptions {
            folder: PathBuf::from("audit"),
            // 150,000 records, which are verified in less than a second.
            rotate_bytes: 64 << 20,
            // 1 GiB in all.
            keep_files: 16,
            fsync: Fsync::default(),
            on_failure: OnFailure::default(),
            // What a shard at full speed makes in 40 ms.
            queue_records: 4096,
            program: concat!("ringway ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// When what was written is made to reach the disk. A process that is killed loses what waits in its queues, a tenth of a
/// second; a machine that loses power loses besides what the disk has not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before whoever waits for a record goes on. One fsync serves all that wait.
    Always,
    /// This often, when anything was written.
    Interval(Duration),
    /// When the system pleases.
    Never,
}

impl Default for Fsync {
    fn default() -> Fsync {
        Fsync::Interval(Duration::from_secs(1))
    }
}

/// What is done while the log cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Writes and what administers are refused, reads are served.
    #[default]
    RefuseWrites,
    /// Everything is refused.
    RefuseAll,
    /// Everything is served; what is lost is counted.
    Serve,
}
