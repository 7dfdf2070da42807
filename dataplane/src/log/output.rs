//! Where lines go: standard output, standard error, or a file that is opened again when it was moved away, so that
//! log rotation by renaming needs no signal. It never decides what is written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to, readable by its owner and group.
    File(PathBuf),
}

/// How often it is looked whether a file was moved away.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An open output.
pub struct Open {
    to: Destination,
    /// Whether the last line was written in part, so that the next one has to begin anew.
    torn: bool,
}

enum Destination {
    Stderr,
    Stdout,
    File(OpenFile),
}

/// A file that is appended to.
struct OpenFile {
    path: PathBuf,
    file: File,
    looked: Instant,
    /// It was removed, and there is no other in its place: nobody would ever read what is written to it.
    gone: bool,
}

impl LogOutput {
    /// Opens it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(&self) -> io::Result<Open> {
        let to = match self {
            LogOutput::Stderr => Destination::Stderr,
            LogOutput::Stdout => Destination::Stdout,
            LogOutput::File(path) => {
                let (path, file) = (path.clone(), append_to(path)?);
                Destination::File(OpenFile { path, file, looked: Instant::now(), gone: false })
            }
        };
        Ok(Open { to, torn: false })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let options = || OpenOptions::new().append(true).create(true).mode(0o640).clone();
    // A pipe that nobody reads would hold up who opens it, and a server would neither start nor say why.
    let file = options().custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { options().open(path) }
}

impl Open {
    /// Writes whole lines.
    ///
    /// # Errors
    /// How many of them were lost.
    pub fn write(&mut self, lines: &[u8]) -> Result<(), u64> {
        let torn = &mut self.torn;
        match &mut self.to {
            Destination::Stderr => write_to(&mut io::stderr().lock(), torn, lines),
            Destination::Stdout => {
                let mut stdout = io::stdout().lock();
                write_to(&mut stdout, torn, lines)?;
                stdout.flush().map_err(|_| count(lines))
            }
            Destination::File(open) => {
                if open.looked.elapsed() >= LOOK_EVERY {
                    *torn &= !open.look();
                }
                if open.gone { Err(count(lines)) } else { write_to(&mut open.file, torn, lines) }
            }
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

fn write_to(out: &mut impl Write, torn: &mut bool, lines: &[u8]) -> Result<(), u64> {
    if *torn {
        // Lines are told apart by their ends alone, and the piece that is there must not spoil the next one.
        out.write_all(b"\n").map_err(|_| count(lines))?;
        *torn = false;
    }
    let mut left = lines;
    while !left.is_empty() {
        match out.write(left) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => {
                *torn = lines[..lines.len() - left.len()].last().is_some_and(|last| *last != b'\n');
                return Err(count(left));
            }
            Ok(written) => left = &left[written..],
        }
    }
    Ok(())
}

impl OpenFile {
    /// Opens the file again when it was moved away; returns whether it is another one.
    fn look(&mut self) -> bool {
        self.looked = Instant::now();
        if self.is_in_place() {
            return false;
        }
        match append_to(&self.path) {
            Ok(file) => {
                (self.file, self.gone) = (file, false);
                true
            }
            // Where there is no place for a new one, the old one does as long as it has a name.
            Err(_) => {
                self.gone = self.file.metadata().is_ok_and(|held| held.nlink() == 0);
                false
            }
        }
    }

    fn is_in_place(&self) -> bool {
        match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(held)) => (named.dev(), named.ino()) == (held.dev(), held.ino()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and is full then.
    struct Disk(Vec<u8>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = bytes.len().min(self.1 - self.0.len());
            self.0.extend_from_slice(&bytes[..room]);
            if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_does_not_spoil_the_next() {
        let (mut disk, mut torn) = (Disk(Vec::new(), 6), false);
        assert_eq!(write_to(&mut disk, &mut torn, b"one\ntwo\nthree\n"), Err(2), "the first was written");
        assert_eq!(write_to(&mut disk, &mut torn, b"four\n"), Err(1));
        disk.1 = 100;
        assert_eq!(write_to(&mut disk, &mut torn, b"five\n"), Ok(()));
        assert_eq!(write_to(&mut disk, &mut torn, b"six\n"), Ok(()));
        assert_eq!(disk.0, b"one\ntw\nfive\nsix\n");
    }

    /// Goal: no line is written where nobody finds it, and none is lost that has a place. Method: the file's directory
    /// is moved, then removed, then made anew.
    #[test]
    fn a_directory_may_go() {
        let place = |name: &str| std::env::temp_dir().join(format!("ringway-log-{name}-{}", std::process::id()));
        let (before, after) = (place("before"), place("after"));
        std::fs::create_dir_all(&before).expect("a directory");
        let mut open = LogOutput::File(before.join("a.log")).open().expect("a file");
        let mut write = |line: &[u8]| {
            let Destination::File(file) = &mut open.to else { panic!("a file") };
            file.looked -= LOOK_EVERY;
            open.write(line)
        };
        std::fs::rename(&before, &after).expect("it moves");
        assert_eq!(write(b"one\n"), Ok(()));
        assert_eq!(std::fs::read(after.join("a.log")).expect("a file"), b"one\n");
        std::fs::remove_dir_all(&after).expect("it goes");
        assert_eq!(write(b"two\n"), Err(1));
        std::fs::create_dir_all(&before).expect("a directory");
        assert_eq!(write(b"three\n"), Ok(()));
        assert_eq!(std::fs::read(before.join("a.log")).expect("a file"), b"three\n");
        std::fs::remove_dir_all(&before).expect("it goes");
    }
}
