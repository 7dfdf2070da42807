//! This repository at another revision, built once and kept. The build happens in a worktree of its own, so that nobody's
//! working tree is touched; all revisions share one target folder, so dependencies are built once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use rustix::fs::FlockOperation;

use crate::servers::{cache_folder, interruption, run_to_end};

/// Programs kept; the ones used longest ago go first.
const KEPT_MAX: usize = 8;
const PROGRAM: &str = "ringway";
/// Beside it: the tools that built it.
const TOOLS: &str = "built-with";
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
    let tools = tools();
    if !is_built(&kept, &tools) {
        let source = kept.join("source");
        tell(&format!("git:{revision}: building {short}, minutes the first time"));
        interruption::guard_folder(&source);
        let done = check_out(&source, &commit)
            .and_then(|()| compile(&source, &cache.join("target"), &kept.join(PROGRAM)))
            .and_then(|()| write(&kept.join(TOOLS), &tools));
        remove(&source);
        interruption::release_folder(&source);
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

/// What a program hangs on beside its source: one of an older compiler would make the compiler's progress ours.
fn tools() -> String {
    let mut command = Command::new("rustc");
    command.arg("-vV");
    let mut tools = run_to_end("rustc", command).unwrap_or_default();
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        let value = std::env::var_os(name).unwrap_or_default();
        tools += &format!("{name}={}\n", value.to_string_lossy());
    }
    tools
}

fn is_built(kept: &Path, tools: &str) -> bool {
    kept.join(PROGRAM).is_file() && fs::read_to_string(kept.join(TOOLS)).is_ok_and(|with| with == tools)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
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
    let built = target.join("release").join(PROGRAM);
    // Another revision's: were this one built elsewhere, by a `build.target` say, that one would be taken for it.
    drop(fs::remove_file(&built));
    let mut command = Command::new("cargo");
    command.current_dir(source).args(["build", "--release", "--locked", "-p", PROGRAM]);
    command.env("CARGO_TARGET_DIR", target).env_remove("CARGO_BUILD_TARGET");
    run_to_end("cargo build", command)?;
    let part = program.with_extension("part");
    fs::copy(built, &part).map_err(|error| format!("{}: {error}", part.display()))?;
    fs::rename(&part, program).map_err(|error| format!("{}: {error}", program.display()))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    // A hook of git's runs us with these; a worktree made with the caller's index would overwrite it.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
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

    /// Goal: a program that another compiler built is built again, and one without a word about it too.
    #[test]
    fn what_other_tools_built_is_not_kept() {
        let folder = crate::servers::Folder::create().unwrap();
        let kept = folder.path();
        assert!(!is_built(kept, "rustc 1"));
        fs::write(kept.join(PROGRAM), b"").unwrap();
        assert!(!is_built(kept, "rustc 1"));
        fs::write(kept.join(TOOLS), "rustc 1").unwrap();
        assert!(is_built(kept, "rustc 1") && !is_built(kept, "rustc 2"));
    }

    /// Goal: the other revision that the shared target folder still holds is never taken for this one.
    #[test]
    fn a_stale_program_is_not_taken() {
        let folder = crate::servers::Folder::create().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        fs::create_dir_all(target.join("release")).unwrap();
        fs::create_dir(&source).unwrap();
        fs::write(target.join("release").join(PROGRAM), b"another").unwrap();
        // An empty folder builds nothing, whatever cargo says of it.
        assert!(compile(&source, &target, &folder.path().join(PROGRAM)).is_err());
        assert!(!target.join("release").join(PROGRAM).exists());
    }

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
