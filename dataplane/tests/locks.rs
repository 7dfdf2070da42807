//! No lock on the request path.
//!
//! Goal: a lock that somebody adds is noticed, and what it is for is said here.
//! Method: every source file of what runs on a shard is read for the words of locks.

use std::path::Path;

/// Files that have a lock, and who takes it.
const KNOWN: [(&str, &str); 5] = [
    (
        "dataplane/src/audit/open.rs",
        "the list of queues: a shard that begins, the thread that writes, and whoever counts",
    ),
    ("dataplane/src/handle.rs", "changes of the configuration, one after the other"),
    ("dataplane/src/health/checks.rs", "the thread of a health check"),
    ("dataplane/src/log/writer.rs", "the list of queues, as in the audit log"),
    ("dataplane/src/tool_names.rs", "numbers of tools, when a catalog is made"),
];
const LOCKS: [&str; 4] = ["Mutex", "RwLock", "Condvar", "Barrier"];

#[test]
fn no_file_has_a_lock_that_is_not_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let mut found = Vec::new();
    for folder in ["dataplane/src", "dataplane/core/src", "proto/policy/src"] {
        look(root, &root.join(folder), &mut found);
    }
    found.sort();
    assert_eq!(found, KNOWN.map(|(file, _)| file.to_owned()));
}

/// The files below `folder` that name a lock outside of comments and tests.
fn look(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            look(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            if code.lines().filter(is_code).any(|line| LOCKS.iter().any(|lock| line.contains(lock))) {
                let name = path.strip_prefix(root).expect("below the repository");
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
}
