//! The files of the repository, as git tells them, or as they lie on disk where there is no git.
//! It reads, and judges nothing: the rules are in `main.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.ancestors().nth(2).expect("deploy/xtask is two folders below the root")
}

#[track_caller]
pub fn read(file: &str) -> String {
    let bytes = fs::read(root().join(file)).unwrap_or_else(|fault| panic!("read {file}: {fault}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn first_part(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}

/// The files of the repository, new ones included. What lies beside it in a checkout is left out: `ours` says by
/// its top-level entry whether a file belongs.
pub fn files(ours: impl Fn(&str) -> bool) -> Vec<String> {
    let mut files = git_files(&["--cached", "--others", "--exclude-standard"]).unwrap_or_else(all_files);
    files.retain(|file| ours(first_part(file)) && root().join(file).is_file());
    files
}

/// `None` outside a git checkout, and in one that holds no file yet.
pub fn git_files(which: &[&str]) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .args(which)
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<String> = names.split_terminator('\0').map(String::from).collect();
    (!names.is_empty()).then_some(names)
}

/// Every file below the root that neither cargo nor git put there.
pub fn all_files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).expect("a folder that was just listed");
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = folder.join(&name);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name != "target" && name != ".git" => {
                    folders.push(path);
                }
                Ok(kind) if kind.is_file() => files.push(path.to_string_lossy().into_owned()),
                _ => {}
            }
        }
    }
    files
}
