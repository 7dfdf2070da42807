//! A folder of one run, for logs and what a server writes; gone with the run, also with one that is interrupted.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::servers::interruption;

/// Names tried before we give up; others leave a name behind only when killed with -9.
const NAMES_MAX: u32 = 10_000;

pub struct Folder(PathBuf);

impl Folder {
    pub fn create() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let parent = std::env::temp_dir();
        for _ in 0..NAMES_MAX {
            let name = format!("ringway-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = parent.join(name);
            // Private: nobody else may put a link where a log is to be.
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    interruption::guard_folder(&path);
                    return Ok(Self(path));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!("{} holds too many folders of former runs", parent.display()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        interruption::release_folder(&self.0);
        // A server that outlived its KILL may still write; there is nothing better to do about it than to leave it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
