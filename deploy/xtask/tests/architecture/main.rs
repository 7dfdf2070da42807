//! The shape of the repository, held by tests: what lies where, who may depend on whom, and that the README says so.
//! Each rule is one test, and its message says what to do. It reads files and `cargo metadata`, and never the network.
//! Start at the constants: they are the rules.
#![forbid(unsafe_code)]

mod files;
mod metadata;

use std::collections::{BTreeMap, BTreeSet};

use files::{all_files, files, first_part, git_files, read, root};
use metadata::METADATA;

/// What the top level may hold beside dotfiles. `true`: it must be there.
const TOP_LEVEL: [(&str, bool); 12] = [
    ("Cargo.toml", true),
    ("Cargo.lock", true),
    ("LICENSE", true),
    ("README.md", true),
    ("ARCHITECTURE.md", true),
    ("CHANGELOG.md", true),
    ("proto", false),
    ("dataplane", true),
    ("controlplane", false),
    ("bench", true),
    ("tuning", false),
    ("deploy", true),
];

/// Which of our crates each of them may use, for any purpose, tests included. Dependencies point one way.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("ringway-policy", &[]),
    ("ringway-proto", &["ringway-policy"]),
    ("ringway-core", &["ringway-policy"]),
    ("ringway-sim", &["ringway-policy", "ringway-core"]),
    ("ringway-tuning", &[]),
    ("ringway-dataplane", &["ringway-policy", "ringway-proto", "ringway-core", "ringway-tuning"]),
    ("ringway-controlplane", &["ringway-policy", "ringway-proto"]),
    // Black box: it knows the wire, so that it can judge any server, and any version of ours.
    ("ringway-bench", &[]),
    (
        "ringway",
        &[
            "ringway-policy",
            "ringway-proto",
            "ringway-dataplane",
            "ringway-controlplane",
            "ringway-tuning",
            "ringway-bench",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that decide and never act. Nothing they use may reach what [`ACTS`] names.
const PURE: [&str; 2] = ["ringway-policy", "ringway-core"];

/// What performs I/O, waits, or starts threads.
/// Not here: `libc` and `getrandom`, which `ring` and hashing reach for random seeds, and `parking_lot`, which
/// `jsonschema` reaches for its caches; [`NOT_DIRECTLY`] keeps pure crates from using them by themselves.
const ACTS: &[&str] = &[
    // executors and reactors
    "glommio",
    "tokio",
    "mio",
    "async-std",
    "smol",
    "async-io",
    "async-executor",
    "polling",
    "io-uring",
    "rayon",
    // doors between threads
    "async-channel",
    "crossbeam-channel",
    "flume",
    // sockets, files, processes, the system
    "socket2",
    "nix",
    "rustix",
    "signal-hook",
    "libloading",
    "memmap2",
    "rusqlite",
    "nvml-wrapper",
    // protocols that come with their own I/O
    "rustls",
    "hyper",
    "h2",
    "axum",
    "tonic",
    "reqwest",
    "ureq",
    "tungstenite",
    // output
    "env_logger",
    "tracing-subscriber",
];

const NOT_DIRECTLY: &[&str] = &["libc", "getrandom", "rand", "parking_lot"];

/// What only these crates of ours may bring in. Others may depend on the home, never on the guest.
/// `ringway-dataplane` joins the homes of tokio with the control link, which is where it may use it.
const HOMES: [(&str, &[&str]); 3] = [
    ("glommio", &["ringway-dataplane"]),
    ("tokio", &["ringway-proto", "ringway-controlplane"]),
    ("tonic", &["ringway-proto", "ringway-controlplane"]),
];

/// Crates whose root says `#![forbid(unsafe_code)]`.
const FORBID_UNSAFE: [&str; 6] = ["ringway-policy", "ringway-core", "ringway-sim", "ringway-bench", "ringway", "xtask"];

/// Folders whose Rust files are written by hand. `proto` is not here: it holds generated code.
const HANDWRITTEN: [&str; 5] = ["dataplane", "controlplane", "bench", "tuning", "deploy"];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Traces of one builder's setup. In pieces, so that this file does not contain them.
const REGISTRY_TRACES: [&str; 7] = [
    concat!("sparse", "+http"),
    concat!("registry", "+http"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("replace", "-with"),
    concat!("[source", "."),
    concat!("--index", "-url"),
];
const MACHINE_PATHS: [&str; 3] = [concat!("/", "work", "/"), concat!("/", "farm", "/"), concat!("/", "root", "/")];

#[test]
fn readme_maps_every_crate() {
    let readme = read("README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("Code map"));
    let section = section.expect("README.md needs a section `## Code map`");
    let mut rows = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, folder, package, purpose, ..] = cells.as_slice() else {
            panic!("the code map's rows read | `folder` | `crate` | what it is |, unlike {row}");
        };
        assert!(!purpose.is_empty(), "say in README.md's code map what `{folder}` is");
        assert!(
            root().join(folder).is_dir(),
            "README.md's code map has a row for `{folder}`, which is not a folder: mend the row"
        );
        let earlier = rows.insert(folder.to_string(), package.to_string());
        assert!(earlier.is_none(), "README.md's code map has two rows for `{folder}`: keep one");
    }
    for package in METADATA.members() {
        assert_eq!(
            rows.get(&package.folder),
            Some(&package.name),
            "README.md's code map lacks its crate: add | `{}` | `{}` | what it is |",
            package.folder,
            package.name,
        );
    }
    for (folder, package) in rows.iter().filter(|(_, package)| *package != "—") {
        assert!(
            METADATA.members().any(|member| member.folder == *folder && member.name == *package),
            "README.md's code map names `{package}` in `{folder}`, which is no crate of the \
             workspace: remove the row, or write — for a folder without a crate"
        );
    }
}

#[test]
fn dependencies_point_one_way() {
    let may_use: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let ours: BTreeSet<&str> = METADATA.members().map(|member| member.name.as_str()).collect();
    for member in METADATA.members() {
        let allowed = may_use
            .get(member.name.as_str())
            .unwrap_or_else(|| panic!("`{}` is new: say in MAY_USE which of our crates it may use", member.name));
        for used in member.uses.iter().map(|used| METADATA.packages[&used.id].name.as_str()) {
            assert!(
                !ours.contains(used) || allowed.contains(&used),
                "`{}` must not depend on `{used}`: move the shared part to a crate below both \
                 (ARCHITECTURE.md, directions), or change MAY_USE and ARCHITECTURE.md together",
                member.name
            );
        }
    }
}

#[test]
fn pure_crates_reach_no_io() {
    for member in METADATA.members().filter(|member| PURE.contains(&member.name.as_str())) {
        for act in ACTS {
            if let Some(path) = METADATA.path_to(member, act, &[]) {
                panic!(
                    "`{}` decides and never acts, but reaches I/O by {path}: take that out, switch \
                     the feature off, or do the work in dataplane/src",
                    member.name
                );
            }
        }
        for used in member.uses.iter().filter(|used| used.shipped) {
            let used = &METADATA.packages[&used.id].name;
            assert!(
                !NOT_DIRECTLY.contains(&used.as_str()),
                "`{}` decides and never acts: let the shell use `{used}` and hand in the result",
                member.name
            );
        }
    }
}

#[test]
fn runtimes_stay_at_home() {
    for (runtime, homes) in HOMES {
        for member in METADATA.members().filter(|member| !homes.contains(&member.name.as_str())) {
            if let Some(path) = METADATA.path_to(member, runtime, homes) {
                panic!(
                    "`{runtime}` belongs to {}, but `{}` reaches it by {path}: use it through its \
                     home, or change HOMES and ARCHITECTURE.md together",
                    homes.join(" and "),
                    member.name
                );
            }
        }
    }
}

#[test]
fn unsafe_is_forbidden_where_it_can_be() {
    for member in METADATA.members() {
        if !FORBID_UNSAFE.contains(&member.name.as_str()) {
            continue;
        }
        for file in ["src/lib.rs", "src/main.rs"].map(|file| format!("{}/{file}", member.folder)) {
            assert!(
                !root().join(&file).exists() || read(&file).lines().any(|line| line == "#![forbid(unsafe_code)]"),
                "{file} must say #![forbid(unsafe_code)] after its //! header"
            );
        }
    }
}

#[test]
fn top_level_is_as_agreed() {
    let tracked = git_files(&["--cached"]).unwrap_or_else(all_files);
    for file in &tracked {
        let entry = first_part(file);
        assert!(
            has_a_place(entry),
            "`{entry}` has no place at the top level: move it into one of the agreed folders (a \
             script goes to deploy/xtask, configuration to a dotfile)"
        );
    }
    for (entry, _) in TOP_LEVEL.into_iter().filter(|(_, needed)| *needed) {
        assert!(root().join(entry).exists(), "`{entry}` is missing from the top level: restore it");
    }
}

#[test]
fn each_file_says_what_it_is() {
    let rust = |file: &&String| file.ends_with(".rs") && HANDWRITTEN.contains(&first_part(file));
    for file in files(has_a_place).iter().filter(rust) {
        assert!(
            read(file).starts_with("//! "),
            "{file} must begin with a //! header: what it is, what it never does, where to start"
        );
    }
}

#[test]
fn no_trace_of_the_builder() {
    for file in files(has_a_place) {
        for (index, line) in read(&file).replace(CRATES_IO, "").lines().enumerate() {
            let at = format!("{file}:{}", index + 1);
            for trace in REGISTRY_TRACES {
                assert!(
                    !line.contains(trace),
                    "{at} contains `{trace}`: package registries are configured in the builder's \
                     home, never in the repository"
                );
            }
            for path in MACHINE_PATHS {
                assert!(
                    !begins_a_path(line, path),
                    "{at} contains `{path}`, a path of one machine: make it relative, or take it \
                     from an argument or the environment"
                );
            }
        }
    }
}

fn has_a_place(entry: &str) -> bool {
    entry.starts_with('.') || TOP_LEVEL.iter().any(|(agreed, _)| *agreed == entry)
}

/// `/srv/` begins a path in `cd /srv/x` and in `file:///srv/x`, and does not in `a/srv/x`.
fn begins_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(index, _)| {
        let before = line[..index].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~*})$>".contains(c))
    })
}
