//! What `cargo metadata` says about the workspace and all it depends on, offline.
//! It reads, and judges nothing: the rules are in `main.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::files::root;

/// What cargo knows about the workspace and all it depends on.
pub struct Metadata {
    members: BTreeSet<String>,
    pub packages: BTreeMap<String, Package>,
}

pub struct Package {
    pub name: String,
    /// Relative to the root.
    pub folder: String,
    pub uses: Vec<Use>,
}

pub struct Use {
    pub id: String,
    /// A normal dependency: part of what users run, unlike one of tests or of the build.
    pub shipped: bool,
}

pub static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    // Only what this machine builds: crates for other systems may never have been downloaded.
    let version = output_of(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host triple");
    let json = output_of(&["metadata", "--offline", "--format-version=1", "--filter-platform", host]);
    Metadata::parse(&serde_json::from_str(&json).expect("cargo metadata prints JSON"))
});

fn output_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output();
    let output = output.expect("cargo starts, since it started this test");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {stderr}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

impl Metadata {
    fn parse(json: &Value) -> Self {
        let mut packages = BTreeMap::new();
        for package in list(&json["packages"]) {
            let manifest = Path::new(text(&package["manifest_path"]));
            let folder = manifest.parent().expect("a manifest lies in a folder");
            let folder = folder.strip_prefix(root()).unwrap_or(folder);
            packages.insert(
                text(&package["id"]).to_string(),
                Package {
                    name: text(&package["name"]).to_string(),
                    folder: folder.to_string_lossy().into_owned(),
                    uses: Vec::new(),
                },
            );
        }
        for node in list(&json["resolve"]["nodes"]) {
            let package = packages.get_mut(text(&node["id"])).expect("each node is a package");
            package.uses.extend(list(&node["deps"]).iter().map(|used| Use {
                id: text(&used["pkg"]).to_string(),
                shipped: list(&used["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()),
            }));
        }
        let members = list(&json["workspace_members"]).iter();
        Self { members: members.map(|id| text(id).to_string()).collect(), packages }
    }

    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().map(|id| &self.packages[id])
    }

    /// How `from` reaches the crate called `to` in what users run, not counting ways through `homes`.
    pub fn path_to(&self, from: &Package, to: &str, homes: &[&str]) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut ways = vec![(from, from.name.clone())];
        while let Some((package, way)) = ways.pop() {
            if package.name == to {
                return Some(way);
            }
            for used in package.uses.iter().filter(|used| used.shipped) {
                let next = &self.packages[&used.id];
                if !homes.contains(&next.name.as_str()) && seen.insert(&used.id) {
                    ways.push((next, format!("{way} → {}", next.name)));
                }
            }
        }
        None
    }
}

#[track_caller]
fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("cargo metadata has a list here")
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a text here")
}
