//! `bench compare` as a program, where it must not measure: a mistake is named, and nothing is left behind.

use std::process::Command;

fn compare(options: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ringway-bench")).arg("compare").args(options).output().expect("it runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[track_caller]
fn refused(options: &[&str], why: &str) {
    let (code, errors) = compare(options);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains(why), "{why}: {errors}");
}

#[test]
fn mistakes_are_named() {
    refused(&["--a", "peer:../x", "--b", "x"], "name of a folder");
    refused(&["--a", "ftp://h", "--b", "x"], "scheme");
    refused(&["--a", "x"], "--b");
    refused(&["--a", "x", "--b", "y", "--workload", "ecko"], "did you mean `echo`");
    refused(&["--a", "x", "--b", "y", "--cpus", "one"], "list of cores");
    refused(&["--a", "x", "--b", "y", "--seconds", "0"], "0.1 to 3600");
    refused(&["--a", "git:no-such-revision", "--b", "y"], "git:no-such-revision");
}

/// Goal: a server that ends at once is not waited for, and what it said is shown.
#[test]
fn a_server_that_ends_says_why() {
    let script = "/bin/sh -c 'echo {port} is not mine >&2; exit 3'";
    refused(&["--a", script, "--b", script, "--workload", "echo", "--server-cpus", "0", "--cpus", "0"], "is not mine");
}
