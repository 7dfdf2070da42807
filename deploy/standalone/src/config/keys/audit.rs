//! The keys of the audit log. It never opens it.

use super::{Key, key};
use crate::config::field::Field as _;
use crate::config::kind::Kind;

const FSYNC: &[(&str, &str)] = &[
    ("always", "an answer goes out when its record is on disk"),
    ("interval", "records are on disk after audit.fsync_every at the latest"),
    ("never", "the system writes them when it likes"),
];
const ON_FAILURE: &[(&str, &str)] = &[
    ("refuse-writes", "calls of tools that change something are answered 503"),
    ("refuse-all", "every call is answered 503"),
    ("serve", "calls are served, and what is lost is counted"),
];

/// Every key of the audit log, in the order people read them.
pub static KEYS: [Key; 6] = [
    key!("audit.folder", Kind::Path, audit.folder, "The folder that records go to; nobody else may read it.")
        .absent("nothing is audited")
        .at_start(),
    key!("audit.fsync", Kind::Choice(FSYNC), audit.fsync, "When records are made to last.").at_start(),
    key!(
        "audit.fsync_every",
        Kind::Time(1, 3_600_000),
        audit.fsync_every,
        "How long a record may wait for that, where audit.fsync is `interval`."
    )
    .at_start(),
    key!(
        "audit.on_failure",
        Kind::Choice(ON_FAILURE),
        audit.on_failure,
        "What is done while records cannot be written; /readyz says so besides."
    )
    .at_start(),
    key!(
        "audit.rotate_bytes",
        Kind::Bytes(1 << 20, 1 << 40),
        audit.rotate_bytes,
        "Bytes after which a new file is begun."
    )
    .at_start(),
    key!(
        "audit.keep_files",
        Kind::Count(0, 1_000_000),
        audit.keep_files,
        "Files that are kept, the oldest going first; 0 keeps all."
    )
    .at_start(),
];
