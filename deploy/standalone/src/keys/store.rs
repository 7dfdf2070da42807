//! The file of keys on disk: read whole, written whole. A reader sees the file before a change or after it, and never a
//! part; two writers take turns. It never changes a key itself.
//!
//! The file is for its owner alone, and one that others can read is refused. A change keeps owner and mode, so that who
//! administers a server as root does not take the file away from it.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ringway_dataplane::keys::KeyFile;
use zeroize::Zeroizing;

use super::Trouble;

/// Bytes of a file: a hundred thousand keys of some 500 bytes, and as much again.
const FILE_BYTES_MAX: u64 = 128 << 20;
/// How long another writer is waited for. A change takes milliseconds.
const LOCK_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the lock is tried meanwhile.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// What nobody but the owner may have.
const OTHERS: u32 = 0o077;

fn mend(path: &Path, why: impl std::fmt::Display) -> Trouble {
    Trouble::Usage(format!("{}: {why}", path.display()))
}

/// Reads a file: what a server does when it starts and when the file changes.
pub fn read(path: &Path) -> Result<KeyFile, Trouble> {
    match read_if_there(path)? {
        Some((file, _)) => Ok(file),
        None => Err(mend(path, "there is no such file: `ringway keys create` makes it")),
    }
}

/// The content with what the disk says of it; `None` when there is no file.
fn read_if_there(path: &Path) -> Result<Option<(KeyFile, fs::Metadata)>, Trouble> {
    let opened = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| mend(path, format!("it cannot be read: {error}")))?,
    };
    // Of what was opened, and not of what its name means a moment later.
    let metadata = opened.metadata().map_err(|error| mend(path, format!("it cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(mend(path, "it is not a file"));
    }
    let mode = metadata.mode() & 0o777;
    if mode & OTHERS != 0 {
        let why = format!("others than its owner can use it (mode {mode:04o}): chmod 600 {}", path.display());
        return Err(mend(path, why));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(mend(path, format!("it is longer than {} MiB, which no file of keys is", FILE_BYTES_MAX >> 20)));
    }
    let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
    let read = opened.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| mend(path, format!("it cannot be read: {error}")))?;
    let file = KeyFile::from_json(&text).map_err(|error| mend(path, error))?;
    Ok(Some((file, metadata)))
}

/// Changes a file, alone. Where there is none `missing` makes it, or says why not.
pub fn change<Outcome>(
    path: &Path,
    missing: impl FnOnce() -> Result<KeyFile, Trouble>,
    change: impl FnOnce(&mut KeyFile) -> Result<Outcome, Trouble>,
) -> Result<Outcome, Trouble> {
    // A link stays one: what it leads to is changed.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let _lock = lock(path)?;
    let (mut file, metadata) = match read_if_there(path)? {
        Some((file, metadata)) => (file, Some(metadata)),
        None => (missing()?, None),
    };
    let outcome = change(&mut file)?;
    write(path, &file, metadata.as_ref())?;
    Ok(outcome)
}

/// A file beside it, which stays: the file itself is another one after each change. It ends with its handle.
fn lock(path: &Path) -> Result<File, Trouble> {
    let lock_path = beside(path, "lock")?;
    let cannot = |error: std::io::Error| mend(&lock_path, format!("it cannot be locked: {error}"));
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&lock_path).map_err(cannot)?;
    let deadline = Instant::now() + LOCK_TIME_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(mend(path, "another `ringway keys` is changing it: try again when that has ended"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
    }
}

/// Puts the whole file in the place of what is there, durably.
fn write(path: &Path, file: &KeyFile, before: Option<&fs::Metadata>) -> Result<(), Trouble> {
    // Whoever holds the lock is alone, so one name is enough; what a crash left there is in the way of nobody.
    let temporary = beside(path, "new")?;
    let cannot = |error: std::io::Error| mend(path, format!("it cannot be written: {error}"));
    let _ = fs::remove_file(&temporary);
    let written = write_new(&temporary, file, before).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // It holds the pepper.
        let _ = fs::remove_file(&temporary);
        return Err(cannot(error));
    }
    // The name is durable when the folder is.
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(cannot)
}

fn write_new(path: &Path, content: &KeyFile, before: Option<&fs::Metadata>) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some(before) = before {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(before.mode() & 0o700))?;
    }
    file.write_all(content.to_json().as_bytes())?;
    file.sync_all()
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// `.keys.json.lock` beside `keys.json`.
fn beside(path: &Path, ending: &str) -> Result<PathBuf, Trouble> {
    let name = path.file_name().ok_or_else(|| mend(path, "it is not the name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{ending}"));
    Ok(folder(path).join(hidden))
}
