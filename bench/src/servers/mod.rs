//! The servers under test: what the user named, started, known to be up, and ended. Ends only what it started.
//! START HERE: a [`Spec`] is prepared (built, installed), a [`Prepared`] started as often as one likes, a [`Running`] asked
//! what it used and dropped. Never measures.

mod spec;
mod manners;
mod peer;
mod revision;
mod child;
mod interruption;
mod folder;
mod probe;
mod process;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::load::Target;
use crate::record::ServerUsage;
use crate::workload::Workload;
use child::Child;
use manners::Manners;
use peer::Peer;
use spec::{Address, Place};

pub use child::run_to_end;
pub use folder::Folder;

/// Until the first right answer. Interpreters on a busy machine take seconds; nothing we know takes this long.
const START_S_MAX: u64 = 30;

/// What to measure, as the user names it.
///
/// - `http://127.0.0.1:8080/mcp` (also `https:`, `ws:`): something that runs already
/// - `ringway`, `./target/release/ringway serve --set a=b`: a command; where it listens is added
/// - `git:REVISION`: this repository at that revision, built once and kept
/// - `peer:NAME`: a folder of `bench/peers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    Url(String),
    Command(Vec<String>),
    Revision(String),
    Peer(String),
}

/// A spec made ready to start: built or installed. Starting is then quick, and may happen many times.
pub struct Prepared {
    name: String,
    kind: Kind,
    manners: Manners,
    commit: Option<String>,
    /// What a constant peer answers to everything.
    answer: Option<Vec<u8>>,
}

enum Kind {
    Elsewhere(Address),
    Command(Vec<String>),
    Peer { peer: Peer, behind: Option<Box<Prepared>> },
}

/// A running server. Dropping it ends it, if it is ours.
pub struct Running {
    pub target: Target,
    name: String,
    // Fields are dropped in this order: the server, then what is behind it, then the folder with their files.
    child: Option<Child>,
    _behind: Option<Box<Running>>,
    _folder: Option<Folder>,
}

/// What a server used up to a moment; two of them make a [`ServerUsage`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub ran_ns: u64,
    pub waited_ns: u64,
    /// When it was read, on the monotonic clock.
    at_ns: u64,
}

impl Spec {
    /// Builds or installs, which may take minutes; `tell` hears what it is doing.
    pub fn prepare(&self, tell: &mut dyn FnMut(&str)) -> Result<Prepared, String> {
        self.prepare_in(None, tell)
    }

    /// The same, with peers from another folder than `bench/peers`.
    pub fn prepare_in(&self, peers: Option<&Path>, tell: &mut dyn FnMut(&str)) -> Result<Prepared, String> {
        let (kind, manners, commit) = match self {
            Self::Url(url) => {
                let address = url.parse::<Address>()?;
                let manners = Manners { path: address.path.clone(), ..Manners::default() };
                (Kind::Elsewhere(address), manners, None)
            }
            Self::Command(words) => {
                let this = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
                (Kind::Command(with_this_ringway(words, &this)), Manners::default(), None)
            }
            Self::Revision(revision) => {
                let built = revision::build(revision, tell)?;
                let program = built.program.to_string_lossy().into_owned();
                (Kind::Command(vec![program]), Manners::default(), Some(built.commit))
            }
            Self::Peer(name) => {
                let peer = Peer::find(name, peers)?;
                tell(&format!("peer:{name}: installing"));
                peer.install()?;
                let behind = if peer.upstream { Some(Box::new(own_server()?.prepare(tell)?)) } else { None };
                let manners = peer.manners();
                (Kind::Peer { peer, behind }, manners, None)
            }
        };
        Ok(Prepared { name: self.to_string(), kind, manners, commit, answer: None })
    }
}

/// The Ringway at hand: the program that runs this if it is one, else what the release build left.
pub fn own_server() -> Result<Spec, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    let built = target_folder().join("release/ringway");
    let program = if this.file_name().is_some_and(|name| name == "ringway") { this } else { built };
    if !program.is_file() {
        return Err(format!("no server at {}: cargo build --release -p ringway, or name one", program.display()));
    }
    Ok(Spec::Command(vec![program.to_string_lossy().into_owned(), "serve".into()]))
}

/// `ringway` alone is the program that runs this, where it is one: not whichever `PATH` has, which may be an older one.
fn with_this_ringway(words: &[String], this: &Path) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(program) = words.first_mut()
        && program == "ringway"
        && this.file_name().is_some_and(|name| name == "ringway")
    {
        *program = this.to_string_lossy().into_owned();
    }
    words
}

/// Where cargo puts what it builds, as far as the environment says.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// Where builds and peers are kept.
pub const CACHE_VARIABLE: &str = "RINGWAY_BENCH_CACHE";

/// `~/.cache/ringway-bench`, or what `RINGWAY_BENCH_CACHE` says.
pub fn cache_folder() -> Result<PathBuf, String> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from(CACHE_VARIABLE)
        .or_else(|| from("XDG_CACHE_HOME").map(|cache| cache.join("ringway-bench")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/ringway-bench")))
        .ok_or_else(|| "nowhere to keep builds: set RINGWAY_BENCH_CACHE, or HOME".into())
}

impl Prepared {
    /// As the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Whether it answers everybody alike, and so has to be told with `answers_with` what to answer.
    pub fn is_constant(&self) -> bool {
        self.manners.is_constant
    }

    pub fn answers_with(&mut self, body: Vec<u8>) {
        self.answer = Some(body);
    }

    /// The workload as this server wants to be called: its path, its era, the name of its echo tool's argument.
    pub fn suited(&self, workload: &Workload) -> Result<Workload, String> {
        self.manners.suited(workload).map_err(|why| format!("{}: {why}", self.name))
    }

    /// Starts it on these cores, and waits for its first right answer. With its time from spawn to that answer.
    pub fn start(&self, cpus: &[usize]) -> Result<(Running, Duration), String> {
        match &self.kind {
            Kind::Elsewhere(address) => self.reach(address),
            Kind::Command(words) => {
                let [port, admin_port] = free_ports()?;
                let words = spec::command_line(words, &Place { port, admin_port, cpus });
                let mut command = Command::new(&words[0]);
                // A Ringway takes any RINGWAY_ variable for a setting, and refuses to start with one it does not know.
                command.args(&words[1..]).env_remove(CACHE_VARIABLE).env_remove("RINGWAY_BENCH_RUN");
                self.spawn(command, Folder::create()?, port, "/livez", cpus, None)
            }
            Kind::Peer { peer, behind } => {
                let [port, _] = free_ports()?;
                let behind = behind.as_ref().map(|behind| behind.start(cpus)).transpose()?.map(|(running, _)| running);
                let folder = Folder::create()?;
                let mut command = peer.command(port, cpus, folder.path())?;
                if let Some(answer) = &self.answer {
                    let path = folder.path().join("answer");
                    std::fs::write(&path, answer).map_err(|error| format!("{}: {error}", path.display()))?;
                    command.env("ANSWER_FILE", path);
                } else if peer.constant {
                    return Err(format!("{} answers a constant, and there is no server to take it from", self.name));
                }
                if let Some(behind) = &behind {
                    command.env("UPSTREAM", &behind.target.authority);
                }
                self.spawn(command, folder, port, &peer.path, cpus, behind)
            }
        }
    }

    fn reach(&self, address: &Address) -> Result<(Running, Duration), String> {
        let began = Instant::now();
        let target = address.target()?;
        probe::accepts(target.addr).map_err(|why| format!("{} cannot be reached: {why}", self.name))?;
        let running = Running { target, name: self.name.clone(), child: None, _behind: None, _folder: None };
        Ok((running, began.elapsed()))
    }

    fn spawn(
        &self,
        command: Command,
        folder: Folder,
        port: u16,
        path: &str,
        cpus: &[usize],
        behind: Option<Running>,
    ) -> Result<(Running, Duration), String> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let target = Target { addr, authority: addr.to_string(), is_tls: self.manners.is_tls };
        let began = Instant::now();
        let mut child = Child::spawn(&self.name, command, cpus, folder.path())?;
        let is_tls = self.manners.is_tls;
        child.wait_until(Duration::from_secs(START_S_MAX), || {
            if is_tls { probe::accepts(addr) } else { probe::answers(addr, path) }
        })?;
        let took = began.elapsed();
        let running = Running {
            target,
            name: self.name.clone(),
            child: Some(child),
            _behind: behind.map(Box::new),
            _folder: Some(folder),
        };
        Ok((running, took))
    }
}

impl Running {
    /// Started by us, and so from nothing.
    pub fn is_ours(&self) -> bool {
        self.child.is_some()
    }

    /// `None` for what is not ours.
    pub fn usage(&self) -> Option<Usage> {
        self.child.as_ref().map(|child| process::usage(child.pid()))
    }

    /// What it used since `before`, for `answer_count` answers.
    pub fn used_since(&self, before: Usage, answer_count: u64) -> Option<ServerUsage> {
        let child = self.child.as_ref()?;
        Some(process::used(before, process::usage(child.pid()), process::memory(child.pid()), answer_count))
    }

    /// An error, with the end of what it wrote, where it has ended by itself.
    pub fn check_alive(&self) -> Result<(), String> {
        match &self.child {
            Some(child) if !child.is_alive() => {
                Err(format!("{} ended while it was measured:\n{}", self.name, child.log_tail()))
            }
            _ => Ok(()),
        }
    }
}

/// Free when we looked. Someone may take one before the server does; the server then fails loudly.
fn free_ports() -> Result<[u16; 2], String> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"));
    let port =
        |listener: &TcpListener| listener.local_addr().map(|addr| addr.port()).map_err(|error| error.to_string());
    let both = [listen()?, listen()?];
    Ok([port(&both[0])?, port(&both[1])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: `--b ringway` is this program, as the help has it, and whoever names a path gets that.
    #[test]
    fn ringway_is_the_one_at_hand() {
        let check = |first: &str, this: &str, want: &str| {
            let words = [first.to_owned(), "serve".to_owned()];
            assert_eq!(with_this_ringway(&words, Path::new(this)), [want, "serve"], "{first} {this}");
        };
        check("ringway", "/here/ringway", "/here/ringway");
        check("./ringway", "/here/ringway", "./ringway");
        check("ringway", "/here/ringway-bench", "ringway");
    }
}
