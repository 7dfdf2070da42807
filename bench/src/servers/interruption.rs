//! What to take down when somebody interrupts us: our children, and the folders of the run. One thread waits for the
//! signal; it ends only what is written down here, and nothing is written down that we did not start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// For servers to end by themselves before they are killed.
const END_S_MAX: u64 = 2;

/// Bounded by what a run starts: a few servers at once.
struct Ours {
    groups: BTreeSet<i32>,
    folders: BTreeSet<PathBuf>,
}

static OURS: Mutex<Ours> = Mutex::new(Ours { groups: BTreeSet::new(), folders: BTreeSet::new() });

fn ours() -> MutexGuard<'static, Ours> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spawns while nothing can interrupt between the fork and the note of it.
pub fn spawn(command: &mut std::process::Command) -> std::io::Result<std::process::Child> {
    watch();
    let mut ours = ours();
    let child = command.spawn()?;
    ours.groups.insert(child.id().cast_signed());
    Ok(child)
}

/// Reaps a child that has ended. Its number may be anyone's from then on, so it is struck out in the same breath.
pub fn reap(child: &mut std::process::Child) -> std::io::Result<std::process::ExitStatus> {
    let mut ours = ours();
    let status = child.wait();
    ours.groups.remove(&child.id().cast_signed());
    status
}

pub fn guard_folder(path: &Path) {
    watch();
    ours().folders.insert(path.into());
}

pub fn release_folder(path: &Path) {
    ours().folders.remove(path);
}

/// Whether the child has ended; it stays a zombie, so that its number stays its own.
pub fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without the watch an interrupted run leaves its servers behind; that is no reason not to measure.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let wait = move || {
            if let Some(signal) = signals.forever().next() {
                take_down();
                std::process::exit(128 + signal);
            }
        };
        drop(std::thread::Builder::new().name("interruption".into()).spawn(wait));
    });
}

fn take_down() {
    // Held to the end: nothing is started any more.
    let ours = ours();
    let pids: Vec<Pid> = ours.groups.iter().filter_map(|&group| Pid::from_raw(group)).collect();
    for &pid in &pids {
        let _ = kill_process_group(pid, Signal::TERM);
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(END_S_MAX) && !pids.iter().all(|&pid| has_ended(pid)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    for &pid in &pids {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    for folder in &ours.folders {
        drop(std::fs::remove_dir_all(folder));
    }
}
