//! This repository at another revision, built once and kept. The build happens in a worktree of its own, so that nobody's
//! working tree is touched; all revisions share one target folder, so dependencies are built once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use rustix::fs::FlockOperation;

use crate::servers::{cache_folder, run_to_end};

/// Programs kept; the ones used longest ago go first.
const KEPT_MAX: usize = 8;
const PROGRAM: &str = "ringway";
/// Enough of a commit's name to be one of a kind.
const NAME_DIGITS: usize = 12;

pub struct Built {
    pub program: PathBuf,
    pub commit: String,
}

pub fn build(revision: &str, tell: &mut dyn FnMut(&str)) -> Result<Built, String> {
    let commit = git(
        Path::new("."),
        &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
    )
    .map_err(|why| format!("git:{revision} is no revision of the repository here: {why}"))?;
    let short = &commit[..NAME_DIGITS.min(commit.len())];
    let cache = cache_folder()?.join("revisions");
    let kept = cache.join(short);
    let built = || Built { program: kept.join(PROGRAM), commit: commit.clone() };
    fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    // Of two benches at once the second waits, and finds what the first built.
    let lock = lock(&cache, tell)?;
    if !built().program.is_file() {
        let source = kept.join("source");
        tell(&format!("git:{revision}: building {short}, minutes the first time"));
        check_out(&source, &commit)?;
        let done = compile(&source, &cache.join("target"), &kept.join(PROGRAM));
        remove(&source);
        if let Err(why) = done {
            drop(fs::remove_dir_all(&kept));
            return Err(format!("git:{revision} ({short}): {why}"));
        }
    }
    // When it was used last is the folder's own time.
    drop(fs::write(kept.join("used"), b""));
    for old in surplus(kept_since(&cache), &kept) {
        drop(fs::remove_dir_all(old));
    }
    drop(lock);
    Ok(built())
}

fn lock(cache: &Path, tell: &mut dyn FnMut(&str)) -> Result<fs::File, String> {
    let path = cache.join("lock");
    let file = fs::File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        tell("another bench builds a revision; waiting for it");
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(file)
}

fn check_out(source: &Path, commit: &str) -> Result<(), String> {
    // Of a build that was interrupted.
    if source.exists() {
        remove(source);
    }
    let path = source.to_string_lossy();
    git(Path::new("."), &["worktree", "add", "--quiet", "--force", "--detach", &path, commit]).map(drop)
}

fn remove(source: &Path) {
    let path = source.to_string_lossy();
    if git(Path::new("."), &["worktree", "remove", "--force", &path]).is_err() {
        drop(fs::remove_dir_all(source));
        drop(git(Path::new("."), &["worktree", "prune"]));
    }
}

fn compile(source: &Path, target: &Path, program: &Path) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.current_dir(source).args(["build", "--release", "--locked", "-p", PROGRAM]).env("CARGO_TARGET_DIR", target);
    run_to_end("cargo build", command)?;
    let part = program.with_extension("part");
    fs::copy(target.join("release").join(PROGRAM), &part).map_err(|error| format!("{}: {error}", part.display()))?;
    fs::rename(&part, program).map_err(|error| format!("{}: {error}", program.display()))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    run_to_end("git", command).map(|output| output.trim().to_owned())
}

/// Each kept revision with the time it was used last.
fn kept_since(cache: &Path) -> Vec<(SystemTime, PathBuf)> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let dated = |path: PathBuf| Some((fs::metadata(path.join("used")).ok()?.modified().ok()?, path));
    entries.filter_map(|entry| dated(entry.ok()?.path())).collect()
}

/// Those to remove: all but the `KEPT_MAX` used last, and never the one in use.
fn surplus(mut kept: Vec<(SystemTime, PathBuf)>, in_use: &Path) -> Vec<PathBuf> {
    kept.sort();
    let excess = kept.len().saturating_sub(KEPT_MAX);
    kept.into_iter().take(excess).map(|(_, path)| path).filter(|path| path != in_use).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Goal: the oldest go, and what is in use stays even if a clock says it is the oldest.
    #[test]
    fn a_bounded_number_is_kept() {
        let at = |seconds: usize| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64);
        let all =
            |count: usize| (0..count).map(|index| (at(index), PathBuf::from(format!("r{index}")))).collect::<Vec<_>>();
        assert!(surplus(all(KEPT_MAX), Path::new("r0")).is_empty());
        assert_eq!(surplus(all(KEPT_MAX + 2), Path::new("r9")), [PathBuf::from("r0"), PathBuf::from("r1")]);
        assert_eq!(surplus(all(KEPT_MAX + 2), Path::new("r0")), [PathBuf::from("r1")]);
    }
}
