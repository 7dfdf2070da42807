//! One process we start: in a group of its own, on the cores it is given, its output in a log. Ended with its whole group
//! when dropped. Knows nothing of what it does.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::cores;
use crate::servers::folder::Folder;
use crate::servers::interruption;

/// From TERM to KILL.
const END_S_MAX: u64 = 5;
/// Short beside a cold start of some milliseconds.
const POLL_US: u64 = 200;
/// Of a log, as much as one can read in an error.
const LOG_TAIL_BYTES: u64 = 2000;

pub struct Child {
    name: String,
    process: std::process::Child,
    pid: Pid,
    log: PathBuf,
    /// Its number may be anyone's.
    is_reaped: bool,
}

impl Child {
    /// `cpus` empty: wherever we may run ourselves.
    pub fn spawn(name: &str, mut command: Command, cpus: &[usize], folder: &Path) -> Result<Self, String> {
        let log = folder.join("log");
        let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        // A group of its own: Ctrl-C reaches us alone, and we end it; and its children are ended with it.
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let process = on_cpus(cpus, || interruption::spawn(&mut command))?
            .map_err(|error| format!("{name}: cannot start {program}: {error}"))?;
        let pid = Pid::from_child(&process);
        Ok(Self { name: name.into(), process, pid, log, is_reaped: false })
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn is_alive(&self) -> bool {
        !interruption::has_ended(self.pid)
    }

    /// Asks `is_up` again and again, until it is, or the process has ended, or the time is over.
    pub fn wait_until(&mut self, most: Duration, mut is_up: impl FnMut() -> Result<(), String>) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let Err(why) = is_up() else { return Ok(()) };
            if !self.is_alive() {
                return Err(format!("{} ended before it answered:\n{}", self.name, self.log_tail()));
            }
            if began.elapsed() > most {
                return Err(format!("{} gave no right answer in {most:?} ({why}):\n{}", self.name, self.log_tail()));
            }
            std::thread::sleep(Duration::from_micros(POLL_US));
        }
    }

    pub fn log_tail(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(&self.log)?;
            let bytes = file.metadata()?.len();
            file.seek(SeekFrom::Start(bytes.saturating_sub(LOG_TAIL_BYTES)))?;
            let mut tail = Vec::new();
            file.take(LOG_TAIL_BYTES).read_to_end(&mut tail)?;
            Ok(String::from_utf8_lossy(&tail).trim().into())
        };
        match read() {
            Ok(tail) if tail.is_empty() => "(it wrote nothing)".into(),
            Ok(tail) => tail,
            Err(error) => format!("(its output is lost: {error})"),
        }
    }

    /// TERM, then KILL. The number is its own until it is reaped, so nobody else is hit.
    fn end(&mut self) {
        if self.is_reaped {
            return;
        }
        if self.is_alive() {
            let _ = kill_process_group(self.pid, Signal::TERM);
        }
        let began = Instant::now();
        while self.is_alive() && began.elapsed() < Duration::from_secs(END_S_MAX) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Also when it has ended: what it started may still be there.
        let _ = kill_process_group(self.pid, Signal::KILL);
        // Were it in no group of its own, we would wait for it forever.
        let _ = kill_process(self.pid, Signal::KILL);
        drop(self.reap());
    }

    fn reap(&mut self) -> std::io::Result<ExitStatus> {
        self.is_reaped = true;
        interruption::reap(&mut self.process)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command to its end and returns what it wrote to standard output; an error holds the end of all it wrote
/// elsewhere. Interruptible as servers are.
pub fn run_to_end(name: &str, mut command: Command) -> Result<String, String> {
    let folder = Folder::create()?;
    let (output_path, log_path) = (folder.path().join("output"), folder.path().join("log"));
    let create = |path: &Path| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
    command.stdin(Stdio::null()).stdout(create(&output_path)?).stderr(create(&log_path)?).process_group(0);
    let program = command.get_program().to_string_lossy().into_owned();
    let process =
        interruption::spawn(&mut command).map_err(|error| format!("{name}: cannot start {program}: {error}"))?;
    let pid = Pid::from_child(&process);
    let mut child = Child { name: name.into(), process, pid, log: log_path, is_reaped: false };
    while child.is_alive() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = child.reap();
    let log = child.log_tail();
    let output = std::fs::read(&output_path).map_err(|error| format!("{}: {error}", output_path.display()))?;
    match status {
        Ok(status) if status.success() => Ok(String::from_utf8_lossy(&output).into()),
        Ok(status) => Err(format!("{name} failed ({status}):\n{log}")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// A child gets the cores of the thread that forks it, so this thread goes there for a moment.
fn on_cpus<T>(cpus: &[usize], act: impl FnOnce() -> T) -> Result<T, String> {
    if cpus.is_empty() {
        return Ok(act());
    }
    let before = cores::allowed()?;
    cores::move_to(cpus)?;
    let done = act();
    cores::move_to(&before)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    /// Goal: dropping ends the process and what it started, and one that ignores TERM is not waited for with its children.
    #[test]
    fn dropping_ends_the_whole_group() {
        let folder = Folder::create().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("sleep 600 & echo $! > {0}.part; mv {0}.part {0}; wait", pids.display());
        let mut child = Child::spawn("sh", shell(&script), &[], folder.path()).unwrap();
        child
            .wait_until(Duration::from_secs(20), || if pids.exists() { Ok(()) } else { Err("no pids".into()) })
            .unwrap();
        let grandchild: u32 = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
        let pid = child.pid();
        assert!(exists(pid) && exists(grandchild));
        drop(child);
        assert!(!exists(pid));
        // Its new parent reaps it, in its own time.
        let began = Instant::now();
        while exists(grandchild)
            && !std::fs::read_to_string(format!("/proc/{grandchild}/stat")).is_ok_and(|stat| stat.contains(") Z"))
        {
            assert!(began.elapsed() < Duration::from_secs(20), "the grandchild lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_ends_early_is_not_waited_for_and_says_why() {
        let folder = Folder::create().unwrap();
        let mut child = Child::spawn("early", shell("echo no such option >&2; exit 3"), &[], folder.path()).unwrap();
        let error = child.wait_until(Duration::from_secs(60), || Err("not up".into())).unwrap_err();
        assert!(error.contains("early ended") && error.contains("no such option"), "{error}");
    }

    #[test]
    fn one_that_never_answers_is_given_up() {
        let folder = Folder::create().unwrap();
        let mut child = Child::spawn("mute", shell("echo busy; exec sleep 600"), &[], folder.path()).unwrap();
        let error = child.wait_until(Duration::from_millis(50), || Err("refused".into())).unwrap_err();
        assert!(error.contains("mute gave no right answer") && error.contains("refused"), "{error}");
    }

    /// Goal: the child runs where it was told, and we run where we ran before.
    #[test]
    fn a_child_is_pinned_and_we_are_not() {
        let before = cores::allowed().unwrap();
        let cpu = *before.last().unwrap();
        let folder = Folder::create().unwrap();
        let script = "sed -n 's/Cpus_allowed_list:[[:space:]]*//p' /proc/self/status; exec sleep 600";
        let mut child = Child::spawn("pinned", shell(script), &[cpu], folder.path()).unwrap();
        let is_written = |child: &Child| child.log_tail() == cpu.to_string();
        let began = Instant::now();
        while !is_written(&child) && began.elapsed() < Duration::from_secs(20) {
            child.wait_until(Duration::from_millis(1), || Ok(())).unwrap();
        }
        assert_eq!(child.log_tail(), cpu.to_string());
        assert_eq!(cores::allowed().unwrap(), before);
    }

    #[test]
    fn a_core_that_is_not_there_is_named() {
        let folder = Folder::create().unwrap();
        let error = Child::spawn("x", shell("true"), &[999_999], folder.path()).err().unwrap();
        assert!(error.contains("core 999999"), "{error}");
    }

    #[test]
    fn a_command_run_to_its_end_tells_what_it_wrote() {
        assert_eq!(run_to_end("words", shell("echo out; echo err >&2")), Ok("out\n".into()));
        let error = run_to_end("words", shell("echo out; echo why >&2; exit 4")).unwrap_err();
        assert!(error.contains("words failed") && error.contains("why") && error.contains('4'), "{error}");
        let error = run_to_end("words", Command::new("/no/such/program")).unwrap_err();
        assert!(error.contains("cannot start /no/such/program"), "{error}");
    }
}
