//! The configuration file: which one, its bytes, and what it says of each key. It never looks at another source.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Said;
use super::keys::{self, Key, SECTIONS};
use super::kind::{Raw, Scalar};
use super::nearest::nearest;
use super::problem::{Findings, Origin};
use super::yaml::{self, Body, Entry, Node, Place};

/// Names that are looked for in the working directory.
pub const NAMES: [&str; 3] = ["ringway.yaml", "ringway.yml", "ringway.json"];
/// Bytes of a file; every key with its comment takes 10 KiB.
pub const FILE_BYTES_MAX: u64 = 256 << 10;

/// The file in a directory, if there is one.
///
/// # Errors
/// When there are several, since nobody could say which counts.
pub fn locate(directory: &Path) -> Result<Option<PathBuf>, String> {
    // A dangling link is a file somebody meant, and is found unreadable later.
    let there: Vec<&str> = NAMES.into_iter().filter(|name| directory.join(name).symlink_metadata().is_ok()).collect();
    match there[..] {
        [] => Ok(None),
        // A relative name reads better, and follows nobody: the process never changes its directory.
        [name] => Ok(Some(if directory == Path::new(".") { name.into() } else { directory.join(name) })),
        _ => Err(format!(
            "there is more than one configuration: {}; keep one, or name one with --config",
            there.join(", ")
        )),
    }
}

/// What tells one content of a file from another without reading it: where it lies, its size and its times.
pub type Stamp = [i64; 7];

/// The stamp of a file, through every link; `None` where there is none.
pub fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let it = path.metadata().ok()?;
    let (device, inode, size) = (it.dev().cast_signed(), it.ino().cast_signed(), it.size().cast_signed());
    Some([device, inode, size, it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()])
}

/// The bytes of a file.
///
/// # Errors
/// Why there are none, and what to do.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    use std::io::ErrorKind;
    let explain = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file; `ringway config init FILE` writes one".to_owned(),
        ErrorKind::PermissionDenied => "it may not be read; let the user that runs ringway read it".to_owned(),
        ErrorKind::IsADirectory => "this is a directory; name the file in it".to_owned(),
        _ => format!("it cannot be read: {error}"),
    };
    let metadata = std::fs::metadata(path).map_err(explain)?;
    if metadata.is_dir() {
        return Err("this is a directory; name the file in it".into());
    }
    if !metadata.is_file() {
        // A pipe would keep the start, or a reload, waiting for its writer.
        return Err("this is not a file; name one that can be read again".into());
    }
    let file = std::fs::File::open(path).map_err(explain)?;
    // As large as it can get, since what a buffer grows out of is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len().min(FILE_BYTES_MAX) as usize + 2));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is larger than {} KiB; a configuration with every key takes 10", FILE_BYTES_MAX >> 10));
    }
    Ok(bytes)
}

/// What a file says of each key.
pub fn interpret(name: &Arc<str>, bytes: &[u8], said: &mut Vec<Said>, findings: &mut Findings) {
    let mut reader = Reader { name, said, findings };
    match std::str::from_utf8(bytes) {
        Ok(text) => reader.document(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let column = good.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
            let at = (good.matches('\n').count() + 1, column);
            reader.error(at, "this is not UTF-8; save the file as UTF-8");
        }
    }
}

struct Reader<'a> {
    name: &'a Arc<str>,
    said: &'a mut Vec<Said>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn origin(&self, (line, column): Place) -> Origin {
        Origin::File { path: Arc::clone(self.name), line, column }
    }

    fn error(&mut self, at: Place, text: impl Into<String>) {
        let at = self.origin(at);
        self.findings.error(&at, text);
    }

    fn document(&mut self, text: &str) {
        if text.trim().is_empty() {
            // What an editor or a copy has not finished writing looks like this, and must not become the defaults.
            self.error((0, 0), "it is empty; write {} if the defaults are meant");
            return;
        }
        let yaml::Document { root, mistakes, stopped } = yaml::parse(text);
        match root {
            Some(Node { body: Body::Map(entries), .. }) => self.entries("", entries),
            None | Some(Node { body: Body::Null | Body::Refused, .. }) => {}
            Some(node) => {
                let text = "a configuration is a mapping; write `key: value`, or `section:` with keys below";
                self.error(node.at, text);
            }
        }
        if let Some(stopped) = stopped {
            // What is left of a line that could not be read means something else than its author does.
            let before = |at: &Origin| !matches!(at, Origin::File { line, .. } if *line >= stopped);
            self.findings.errors.retain(|problem| before(&problem.at));
        }
        for (at, text) in mistakes {
            self.error(at, text);
        }
    }

    fn entries(&mut self, section: &str, entries: Vec<Entry>) {
        for Entry { key: name, at, value } in entries {
            let path = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
            if let Some(key) = keys::find(&path).filter(|key| key.parts().0.unwrap_or("") == section) {
                self.leaf(key, at, value);
            } else if SECTIONS.iter().any(|(known, _)| *known == path) {
                match value.body {
                    Body::Map(entries) => self.entries(&path, entries),
                    Body::Null | Body::Refused => {}
                    _ => self.error(value.at, format!("{path} is a section; write its keys below it, indented")),
                }
            } else if path != "$schema" {
                self.unknown(&path, at);
            }
        }
    }

    fn unknown(&mut self, path: &str, at: Place) {
        let meant = match (path, keys::find(path)) {
            ("<<", _) => "merges are not read here; write the keys themselves".into(),
            (_, Some(key)) => {
                let (section, name) = key.parts();
                format!("write `{name}` below `{}:`", section.unwrap_or_default())
            }
            _ => match nearest(path, keys::names()) {
                Some(near) => format!("did you mean {near}?"),
                None => "`ringway config schema` lists all keys".into(),
            },
        };
        self.error(at, format!("there is no key {path}; {meant}"));
    }

    fn leaf(&mut self, key: &'static Key, key_at: Place, node: Node) {
        let raw = match node.body {
            Body::Null if key.absent.is_some() => {
                let origin = self.origin(key_at);
                self.said.push(Said { key, value: None, origin });
                return;
            }
            Body::Null => {
                let text = format!("{} has no value; give it one, or remove the line", key.path);
                return self.refuse(key, key_at, text);
            }
            Body::Map(entries) => {
                let at = entries.first().map_or(node.at, |entry| entry.at);
                return self.refuse(key, at, format!("{} is not a section; write its value after the colon", key.path));
            }
            Body::Refused => return self.findings.bad.push(key.path),
            Body::Scalar(scalar) => Raw::Scalar(scalar),
            Body::List(items) => {
                let Some(scalars) = self.items(key, items) else { return };
                Raw::List(scalars)
            }
        };
        match key.kind.read(&raw) {
            Ok(value) => {
                let origin = self.origin(key_at);
                self.said.push(Said { key, value: Some(value), origin });
            }
            Err(wrong) => self.refuse(key, node.at, format!("{}: {wrong}", key.path)),
        }
    }

    /// The items of a list, or `None` when some are bad: each is told at its own place.
    fn items(&mut self, key: &'static Key, items: Vec<Node>) -> Option<Vec<Scalar>> {
        let mut scalars = Vec::with_capacity(items.len());
        let mut bad = false;
        for Node { at, body } in items {
            let wrong = match body {
                Body::Scalar(scalar) => {
                    let wrong =
                        if key.kind.is_list() { key.kind.read(&Raw::List(vec![scalar.clone()])).err() } else { None };
                    scalars.push(scalar);
                    wrong
                }
                Body::Refused => Some(String::new()),
                _ => Some("an item of a list is one text; write it without brackets, braces or keys".into()),
            };
            bad |= wrong.is_some();
            match wrong {
                Some(wrong) if !wrong.is_empty() => self.refuse(key, at, format!("{}: {wrong}", key.path)),
                _ => {}
            }
        }
        (!bad).then_some(scalars)
    }

    fn refuse(&mut self, key: &'static Key, at: Place, text: String) {
        self.findings.bad.push(key.path);
        self.error(at, text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is written, it is read to an end, and every mistake is in the file.
        #[test]
        fn any_file_is_judged(parts in prop::collection::vec(prop::sample::select(vec![
            "server:", "limits:", "log: ", "profile: ", "dev", "  ", "\n", "\n", "\n", "  listen: ", "127.0.0.1:1", "\t",
            "  body_bytes_max: ", "4MiB", "4", "- ", "[", "]", "{", "}", ", ", ": ", "&a ", "*a", "!!str ", "\"", "'", "# ",
            "null", "<<", "---", "é", "\u{feff}", "level", "cpus: ", "allow_hosts: ", "true",
        ]), 0..40)) {
            let text = parts.concat();
            let mut findings = Findings::default();
            let mut said = Vec::new();
            interpret(&Arc::from("file"), text.as_bytes(), &mut said, &mut findings);
            let lines = text.lines().count();
            for problem in &findings.errors {
                let Origin::File { line, column, .. } = problem.at else { panic!("a place in the file") };
                prop_assert!(line <= lines + 1 && (column > 0 || line == 0), "{problem}: {text:?}");
            }
            for Said { key, value, .. } in said {
                prop_assert!(value.is_some() || key.absent.is_some(), "{}", key.path);
            }
        }
    }
}
