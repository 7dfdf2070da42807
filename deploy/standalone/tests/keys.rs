//! `ringway keys` as people and scripts meet it.
//!
//! Goal: a key is shown once and lives as it was said; the file is for its owner alone, never torn, and no change is lost.
//! Method: the binary as a child, in a folder of its own; the file read by what a server reads it with.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use ringway_dataplane::keys::{KeyError, KeyRing};
use serde_json::Value;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ringway-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a place for files");
        Folder(path)
    }

    fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

fn command(file: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.arg("keys").args(arguments).arg("--file").arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn keys(file: &Path, arguments: &[&str]) -> Run {
    let output = command(file, arguments).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code().expect("an exit"), out: text(output.stdout), err: text(output.stderr) }
}

/// A run that worked, and what it printed.
#[track_caller]
fn done(file: &Path, arguments: &[&str]) -> String {
    let run = keys(file, arguments);
    assert_eq!(run.code, 0, "{run:?}");
    run.out
}

/// A run that was refused in one sentence.
#[track_caller]
fn refused(file: &Path, arguments: &[&str], code: i32, want: &str) {
    let run = keys(file, arguments);
    assert_eq!((run.code, run.out.as_str()), (code, ""), "{run:?}");
    assert!(run.err.starts_with("ringway: ") && run.err.contains(want), "no {want:?} in {}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// What a server that reads the file says of a key.
#[track_caller]
fn found(file: &Path, key: &str, in_s: u64) -> Result<String, KeyError> {
    let ring = KeyRing::from_json(&fs::read_to_string(file).expect("a file")).expect("keys");
    ring.find(key.trim_end().as_bytes(), now_unix_s() + in_s).map(|principal| principal.name.into())
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("it is there").permissions().mode() & 0o777
}

fn listed(file: &Path) -> Vec<Value> {
    let list = done(file, &["list", "-o", "json"]);
    serde_json::from_str::<Value>(&list).expect("JSON").as_array().expect("a list").clone()
}

#[test]
fn a_key_is_shown_once_and_lives_as_it_was_said() {
    let folder = Folder::new("create");
    let file = folder.keys();
    let flags = ["--name", "ci", "--scope", "mcp:read", "--role", "agent", "--expires", "90d", "--rate", "100"];
    let run = keys(&file, &[&["create"], &flags[..]].concat());
    assert_eq!((run.code, run.out.lines().count()), (0, 1), "{run:?}");
    let key = run.out.trim_end();
    assert!(key.starts_with("rw_") && !run.err.contains(&key[16..]), "{run:?}");
    assert!(run.err.contains("keys.json is made") && run.err.contains("the only time"), "{}", run.err);
    assert_eq!(mode(&file), 0o600);
    let id = &key[3..15];
    assert_eq!(found(&file, key, 0).as_deref(), Ok(id));
    assert_eq!(found(&file, key, 91 * 86_400), Err(KeyError::Expired));

    let json = done(&file, &["create", "--name", "other", "--permission", "get_*,list_*", "-o", "json"]);
    let other: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        found(&file, other["key"].as_str().expect("a key"), 0).as_deref(),
        Ok(other["id"].as_str().expect("an id"))
    );
    assert_eq!(other["expires_at"], Value::Null);

    let rows = listed(&file);
    assert_eq!((rows.len(), &rows[0]["id"], &rows[0]["name"]), (2, &Value::from(id), &Value::from("ci")));
    assert_eq!((&rows[0]["scopes"][0], &rows[0]["roles"][0]), (&Value::from("mcp:read"), &Value::from("agent")));
    assert_eq!((&rows[0]["rate_rps"], &rows[0]["burst"]), (&Value::from(100.0), &Value::from(100)));
    assert_eq!((&rows[0]["state"], &rows[1]["permissions"][1]), (&Value::from("active"), &Value::from("list_*")));
    let table = done(&file, &["list"]);
    assert!(table.starts_with("ID  ") && table.contains(id) && table.contains("never"), "{table}");
    let content = fs::read_to_string(&file).expect("a file");
    for text in [&table, &content, &format!("{rows:?}")] {
        assert!(!text.contains(&key[16..]), "the secret is nowhere else: {text}");
    }
    assert_eq!(folder.names(), [".keys.json.lock", "keys.json"], "nothing else is left");
}

#[test]
fn a_revoked_key_is_gone_and_a_rotated_one_has_a_grace() {
    let folder = Folder::new("change");
    let file = folder.keys();
    let first = done(&file, &["create", "--name", "ci"]);
    let id = first[3..15].to_owned();
    let second = done(&file, &["rotate", &id, "--grace", "1h"]);
    assert_eq!((found(&file, &first, 0).as_deref(), found(&file, &second, 0).as_deref()), (Ok(&*id), Ok(&*id)));
    assert_eq!(found(&file, &first, 3601), Err(KeyError::Superseded));
    assert!(done(&file, &["list"]).contains("active, the secret before until "));
    let third = done(&file, &["rotate", &id, "--grace", "0s", "-o", "json"]);
    let third: Value = serde_json::from_str(&third).expect("JSON");
    assert_eq!(third["previous_until"], Value::Null);
    assert_eq!(found(&file, &second, 0), Err(KeyError::Unknown));
    let third = third["key"].as_str().expect("a key");
    assert_eq!(found(&file, third, 0).as_deref(), Ok(&*id));

    // The whole key, as somebody finds it in a log, names its id; it is not repeated.
    let run = keys(&file, &["revoke", third]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains(&id) && !format!("{run:?}").contains(&third[16..]), "{run:?}");
    assert_eq!(found(&file, third, 0), Err(KeyError::Revoked));
    assert!(done(&file, &["revoke", &id]).contains("revoked already"));
    assert_eq!(listed(&file)[0]["state"], "revoked");
    refused(&file, &["rotate", &id], 1, "is revoked: make another");
    refused(&file, &["revoke", "zzzzzzzzzzzz"], 1, "there is no key `zzzzzzzzzzzz`");
    refused(&file, &["rotate", "hunter2"], 1, "no id of a key");
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_fix() {
    let folder = Folder::new("mode");
    let file = folder.keys();
    let key = done(&file, &["create", "--name", "ci"]);
    for open in [0o640, 0o604, 0o622, 0o601] {
        fs::set_permissions(&file, PermissionsExt::from_mode(open)).expect("it is ours");
        let want = format!("(mode {open:04o}): chmod 600 {}", file.display());
        for arguments in [&["list"][..], &["create", "--name", "x"], &["revoke", &key[3..15]]] {
            refused(&file, arguments, 2, &want);
        }
    }
    fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).expect("it is ours");
    done(&file, &["create", "--name", "other"]);
    assert_eq!((mode(&file), listed(&file).len()), (0o400, 2), "a change keeps the mode");
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let folder = Folder::new("wrong");
    let file = folder.keys();
    refused(&file, &["list"], 2, "there is no such file: `ringway keys create` makes it");
    refused(&file, &["revoke", "zzzzzzzzzzzz"], 2, "there is no such file");
    refused(&folder.0.join("none/keys.json"), &["create", "--name", "x"], 2, "cannot be locked");
    refused(&file, &["create", "--name", ""], 2, "a name is 1 to 100");
    refused(&file, &["create", "--name", "x", "--scope", "a b"], 2, "scope 1 is no word");
    refused(&file, &["create", "--name", "x", "--rate", "0"], 2, "--rate: a rate is more than 0");
    refused(&file, &["create", "--name", "x", "--expires", "2020-01-01T00:00:00Z"], 2, "expire before it is made");
    refused(&file, &["create", "--name", "x", "--expires", "9000y"], 2, "leave it out for never");
    assert!(!file.exists());
    done(&file, &["create", "--name", "ci"]);
    let good = fs::read_to_string(&file).expect("a file");
    for (bad, want) in
        [("", "line 1 column 0"), ("{\"format\":2}", "its format is 2"), (&good[..200], "this is not JSON")]
    {
        fs::write(&file, bad).expect("it is ours");
        refused(&file, &["create", "--name", "x"], 2, want);
        assert_eq!(fs::read_to_string(&file).expect("a file"), bad, "it is as it was");
    }
    fs::write(&file, &good).expect("it is ours");
    assert_eq!(listed(&file).len(), 1);
}

/// Goal: no change is lost, and no reader sees a part. Method: many writers at once, and a reader all the while.
#[test]
fn writers_take_turns() {
    const WRITERS: usize = 8;
    let folder = Folder::new("turns");
    let file = folder.keys();
    done(&file, &["create", "--name", "first"]);
    let mut children: Vec<_> = (0..WRITERS)
        .map(|index| command(&file, &["create", "--name", &format!("key {index}")]).spawn().expect("it starts"))
        .collect();
    while children.iter_mut().any(|child| child.try_wait().expect("a child of ours").is_none()) {
        KeyRing::from_json(&fs::read_to_string(&file).expect("a file")).expect("a whole one");
    }
    for child in children {
        let output = child.wait_with_output().expect("a child of ours");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(found(&file, &key, 0).is_ok());
    }
    assert_eq!(listed(&file).len(), WRITERS + 1);
}

#[test]
fn a_link_stays_one_and_what_a_crash_left_is_in_nobodys_way() {
    let folder = Folder::new("link");
    let target = folder.0.join("target.json");
    done(&target, &["create", "--name", "ci"]);
    let link = folder.keys();
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    fs::write(folder.0.join(".target.json.new"), "half of").expect("it is ours");
    done(&link, &["create", "--name", "other"]);
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert_eq!(listed(&target).len(), 2);
    assert!(!folder.0.join(".target.json.new").exists());
}

/// Goal: a key that nobody got is told to be lost. Method: standard output that is closed.
#[test]
fn a_key_that_cannot_be_printed_is_said_to_be_lost() {
    let folder = Folder::new("closed");
    let file = folder.keys();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = command(&file, &["create", "--name", "ci"]).stdout(full).output().expect("it starts");
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("nobody has its secret: `ringway keys rotate` gives it another"), "{told}");
}
