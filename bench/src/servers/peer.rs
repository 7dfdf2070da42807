//! A peer: a folder that says how to install a server of somebody else's and how to start it. `peer.toml` says how it wants
//! to be called; `install` and `start` are programs. Never looks into what they do.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::cores;
use crate::servers::manners::Manners;
use crate::servers::{cache_folder, run_to_end};
use crate::workload::Era;

/// `peer.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerFile {
    about: String,
    #[serde(default = "mcp")]
    path: String,
    era: Era,
    /// Answers everybody alike: the bytes of `ANSWER_FILE`.
    #[serde(default)]
    constant: bool,
    #[serde(default)]
    echo_argument: Option<String>,
    #[serde(default)]
    tls: bool,
    /// A proxy: it passes requests on to `UPSTREAM`, which we start behind it.
    #[serde(default)]
    upstream: bool,
}

fn mcp() -> String {
    "/mcp".into()
}

#[derive(Debug)]
pub struct Peer {
    folder: PathBuf,
    pub path: String,
    era: Era,
    pub constant: bool,
    echo_argument: Option<String>,
    tls: bool,
    pub upstream: bool,
}

impl Peer {
    pub fn find(name: &str, peers: Option<&Path>) -> Result<Self, String> {
        let peers = match peers {
            Some(peers) => peers.to_owned(),
            None => nearest_peers().ok_or("no bench/peers here or above: say --peers DIR")?,
        };
        let folder = peers.join(name);
        if !folder.is_dir() {
            return Err(format!("no peer {name} in {}, which has {}", peers.display(), names(&peers)));
        }
        let path = folder.join("peer.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text, std::path::absolute(&folder).unwrap_or(folder))
            .map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(text: &str, folder: PathBuf) -> Result<Self, String> {
        let PeerFile { about, path, era, constant, echo_argument, tls, upstream } =
            toml::from_str(text).map_err(|error| error.to_string())?;
        if about.trim().is_empty() {
            return Err("about says nothing: one sentence for whoever reads the table".into());
        }
        if !path.starts_with('/') {
            return Err(format!("path = {path:?} does not begin with a slash"));
        }
        if constant && upstream {
            return Err("constant and upstream: a proxy has no answer of its own".into());
        }
        Ok(Self { folder, path, era, constant, echo_argument, tls, upstream })
    }

    pub fn manners(&self) -> Manners {
        Manners {
            path: Some(self.path.clone()),
            era: Some(self.era),
            echo_argument: self.echo_argument.clone(),
            is_constant: self.constant,
            is_tls: self.tls,
        }
    }

    pub fn install(&self) -> Result<(), String> {
        let mut command = Command::new(self.folder.join("install"));
        command.current_dir(&self.folder).env("RINGWAY_BENCH_CACHE", cache_folder()?);
        run_to_end(&format!("{}/install", self.folder.display()), command).map(drop)
    }

    /// `run` is a folder that goes with the run.
    pub fn command(&self, port: u16, cpus: &[usize], run: &Path) -> Result<Command, String> {
        let mut command = Command::new(self.folder.join("start"));
        command
            .current_dir(&self.folder)
            .env("RINGWAY_BENCH_CACHE", cache_folder()?)
            .env("RINGWAY_BENCH_RUN", run)
            .env("PORT", port.to_string())
            .env_remove("UPSTREAM")
            .env_remove("ANSWER_FILE");
        if cpus.is_empty() {
            command.env_remove("CPU");
        } else {
            command.env("CPU", cores::list(cpus));
        }
        Ok(command)
    }
}

/// In the working folder or the nearest one above that has it.
fn nearest_peers() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join("bench/peers")).find(|peers| peers.is_dir())
}

fn names(peers: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(peers) else { return "no such folder".into() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("peer.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Peer, String> {
        Peer::parse(text, PathBuf::from("/peers/x"))
    }

    #[test]
    fn a_peer_says_how_it_wants_to_be_called() {
        let peer = parse("about = 'x'\nera = 'legacy'\necho_argument = 'message'").unwrap();
        let want = Manners {
            path: Some("/mcp".into()),
            era: Some(Era::Legacy),
            echo_argument: Some("message".into()),
            ..Manners::default()
        };
        assert_eq!(peer.manners(), want);
        assert!(parse("about = 'x'\nera = 'modern'\nconstant = true").unwrap().manners().is_constant);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("era = 'modern'", "about"),
            ("about = 'x'", "era"),
            ("about = ' '\nera = 'modern'", "about"),
            ("about = 'x'\nera = 'old'", "old"),
            ("about = 'x'\nera = 'modern'\npath = 'mcp'", "slash"),
            ("about = 'x'\nera = 'modern'\nconstnat = true", "constnat"),
            ("about = 'x'\nera = 'modern'\nconstant = true\nupstream = true", "proxy"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn start_gets_its_place_by_the_environment() {
        let peer = parse("about = 'x'\nera = 'modern'").unwrap();
        let command = peer.command(8080, &[0, 2], Path::new("/run/x")).unwrap();
        let set = |name: &str| {
            command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| Some(value?.to_str()?.to_owned()))
        };
        assert_eq!(command.get_program(), "/peers/x/start");
        assert_eq!((set("PORT"), set("CPU")), (Some("8080".into()), Some("0,2".into())));
        assert_eq!(set("RINGWAY_BENCH_RUN"), Some("/run/x".into()));
        assert_eq!(set("UPSTREAM"), None);
    }

    /// Goal: an unknown peer's error says which there are.
    #[test]
    fn an_unknown_peer_is_told_which_there_are() {
        let folder = crate::servers::folder::Folder::create().unwrap();
        std::fs::create_dir(folder.path().join("nginx")).unwrap();
        std::fs::write(folder.path().join("nginx/peer.toml"), "").unwrap();
        let error = Peer::find("nginix", Some(folder.path())).unwrap_err();
        assert!(error.contains("no peer nginix") && error.contains("which has nginx"), "{error}");
    }
}
