//! The folder of an audit log: what the writer asks of the file system, and nothing else does. A trait, so that a test can
//! have each of these fail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ringway_core::audit::{file_name, file_number};

/// The file that says that a process writes here.
const LOCK: &str = "lock";
/// Others may write into the folder.
const OTHERS_MAY_WRITE: u32 = 0o022;
/// So many bytes are given to the disk together, and let go of in memory together. 2 MiB are on disk in milliseconds, while a second
/// of a busy log, 40 MiB, keeps an fsync waiting for longer than queues have room. A log that is not busy stays in memory.
const PIECE_BYTES: u64 = 2 << 20;

/// What a log is written to: files with numbers, one of them open.
pub trait Disk: Send {
    /// The numbers of all files, rising.
    fn numbers(&self) -> io::Result<Vec<u64>>;
    /// Makes a file, which is open from here on in place of the one before.
    fn create(&mut self, number: u64) -> io::Result<()>;
    /// Appends some of the bytes; how many.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes the file so short.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
    /// What was appended is on disk when this comes back.
    fn sync(&mut self) -> io::Result<()>;
    /// What was made durable need not stay in memory besides.
    fn let_go(&mut self) {}
    /// Removes a file.
    fn remove(&mut self, number: u64) -> io::Result<()>;
    /// Whether the open file still has its name.
    fn is_in_place(&self) -> bool;
}

/// A folder that nobody else writes to.
pub struct Folder {
    path: PathBuf,
    file: Option<(u64, File)>,
    /// Its bytes.
    bytes: u64,
    /// As far as this the disk was given them.
    given_bytes: u64,
    /// As far as this they were on disk, and let go of.
    let_go_bytes: u64,
    /// Held for as long as this lives.
    _lock: File,
}

impl Folder {
    /// Opens the folder, and makes it if it is absent.
    ///
    /// # Errors
    /// When it cannot be, or belongs to another process, as a sentence.
    pub fn open(path: &Path) -> Result<Folder, String> {
        let shown = path.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| format!("the audit folder {shown} cannot be made: {error}"))?;
        let about = fs::metadata(path).map_err(|error| format!("the audit folder {shown} cannot be read: {error}"))?;
        if about.permissions().mode() & OTHERS_MAY_WRITE != 0 {
            return Err(format!("others may write to the audit folder {shown}: `chmod go-w {shown}`"));
        }
        let lock = options().create(true).truncate(false).open(path.join(LOCK));
        let lock = lock.map_err(|error| format!("the audit folder {shown} cannot be written to: {error}"))?;
        // SAFETY: flock(2) takes no memory, and the descriptor is open.
        if unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
            return Err(format!("another process writes to the audit folder {shown}: give each a folder of its own"));
        }
        Ok(Folder { path: path.to_owned(), file: None, bytes: 0, given_bytes: 0, let_go_bytes: 0, _lock: lock })
    }

    /// The path of a file.
    pub fn file(&self, number: u64) -> PathBuf {
        self.path.join(file_name(number))
    }

    /// Goes on with a file; how long it is.
    pub fn go_on(&mut self, number: u64) -> io::Result<u64> {
        let file = options().append(true).open(self.file(number))?;
        let bytes = file.metadata()?.len();
        self.begin(number, file, bytes);
        Ok(bytes)
    }

    /// The end of a file, so many bytes of it at the most, and where it begins.
    pub fn tail(&self, number: u64, bytes_max: u64) -> io::Result<(u64, Vec<u8>)> {
        let mut file = options().open(self.file(number))?;
        let begin = file.metadata()?.len().saturating_sub(bytes_max);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok((begin, bytes))
    }

    /// Keeps bytes beside the log, under a name that says where they stood; the name. Whatever an earlier start left under it
    /// is the beginning of the same.
    pub fn set_aside(&self, number: u64, place: u64, bytes: &[u8]) -> io::Result<String> {
        let name = format!("{}.{place}.torn", file_name(number));
        let mut file = options().create(true).truncate(true).open(self.path.join(&name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.sync_folder()?;
        Ok(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn begin(&mut self, number: u64, file: File, bytes: u64) {
        self.file = Some((number, file));
        (self.bytes, self.given_bytes, self.let_go_bytes) = (bytes, bytes, bytes);
    }

    /// Gives the disk what it has not got, without waiting for it, and lets go of what it was given before.
    fn give(&mut self) {
        let Some((_, file)) = &self.file else { return };
        let (begin, bytes) = (self.given_bytes.cast_signed(), (self.bytes - self.given_bytes).cast_signed());
        // What fails here fails when it is made durable too, and is told then.
        // SAFETY: sync_file_range(2) takes no memory, and the descriptor is open.
        let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), begin, bytes, libc::SYNC_FILE_RANGE_WRITE) };
        self.forget(self.given_bytes);
        self.given_bytes = self.bytes;
    }

    /// Lets go in memory of what is on disk up to here. A log that is written and hardly read takes the memory of what is read, and
    /// to the kernel a page that was never used costs several times what one costs that was.
    fn forget(&self, end: u64) {
        let Some((_, file)) = &self.file else { return };
        let (begin, bytes) = (self.let_go_bytes.cast_signed(), (end - self.let_go_bytes).cast_signed());
        // No bytes would mean all of them. Pages that are not on disk are kept, and pages that are kept are no trouble.
        if bytes > 0 {
            // SAFETY: posix_fadvise(2) takes no memory, and the descriptor is open.
            let _ = unsafe { libc::posix_fadvise(file.as_raw_fd(), begin, bytes, libc::POSIX_FADV_DONTNEED) };
        }
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().map(|(_, file)| file).ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }
}

/// How files are opened: for their owner alone, and never what a link leads to.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

impl Disk for Folder {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            numbers.extend(entry?.file_name().to_str().and_then(file_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn create(&mut self, number: u64) -> io::Result<()> {
        let file = options().append(true).create_new(true).open(self.file(number))?;
        // A file whose name is lost with the power is lost.
        self.sync_folder()?;
        self.begin(number, file, 0);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.opened()?.write(bytes)?;
        self.bytes += written as u64;
        if self.bytes - self.given_bytes >= PIECE_BYTES {
            self.give();
        }
        Ok(written)
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.opened()?.set_len(bytes)?;
        self.bytes = bytes;
        self.given_bytes = self.given_bytes.min(bytes);
        self.let_go_bytes = self.let_go_bytes.min(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.opened()?.sync_data()
    }

    fn let_go(&mut self) {
        if self.bytes - self.let_go_bytes >= PIECE_BYTES {
            self.forget(self.bytes);
            (self.given_bytes, self.let_go_bytes) = (self.bytes, self.bytes);
        }
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        fs::remove_file(self.file(number))
    }

    fn is_in_place(&self) -> bool {
        self.file.as_ref().is_some_and(|(number, file)| match (fs::metadata(self.file(*number)), file.metadata()) {
            (Ok(named), Ok(held)) => (named.dev(), named.ino()) == (held.dev(), held.ino()),
            // Who cannot look does not know; a file that is gone is `NotFound`.
            (Err(error), _) => error.kind() != io::ErrorKind::NotFound,
            _ => true,
        })
    }
}
