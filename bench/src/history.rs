//! Results by commit: one line of JSON each in `bench/history.jsonl`, appended and never changed. Figures of different
//! machines are never compared.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// At half a KiB a line, more results than anyone commits.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What was measured at one commit. Files of older and newer benches are read: what they lack has its default, what is
/// unknown is passed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339, UTC.
    pub at: String,
    /// Absent: built outside of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Built with changes that are in no commit.
    #[serde(default)]
    pub is_dirty: bool,
    /// Alike for figures that can be compared.
    #[serde(default)]
    pub machine: String,
    #[serde(default)]
    pub is_quiet: bool,
    /// Name of the budget or measure, and its value.
    #[serde(default)]
    pub results: BTreeMap<String, f64>,
}

/// In one write at the file's end, so that two gates at once leave two lines. Makes the file where there is none.
pub fn append(path: &Path, entry: &Entry) -> Result<(), String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    // JSON has no word for such a value, and a line that cannot be read again would spoil the file.
    if let Some((name, value)) = entry.results.iter().find(|(_, value)| !value.is_finite()) {
        return Err(failed(format!("{name} is {value}, which is no result; nothing was written")));
    }
    let mut line = serde_json::to_string(entry).map_err(|why| failed(why.to_string()))?;
    line.push('\n');
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|why| failed(why.to_string()))
}

/// All entries, in the order in which they were written.
pub fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let bytes = std::fs::metadata(path).map_err(|why| failed(why.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(failed(format!("{bytes} bytes; a history has {FILE_BYTES_MAX} at most")));
    }
    let text = std::fs::read_to_string(path).map_err(|why| failed(why.to_string()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let entry = |(line, number): (&str, usize)| {
        serde_json::from_str(line).map_err(|why| failed(format!("line {number} is no result: {why}")))
    };
    lines.map(entry).collect()
}

/// One measure on one machine, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend<'a> {
    pub name: &'a str,
    pub machine: &'a str,
    /// Never empty.
    pub points: Vec<(&'a Entry, f64)>,
}

/// By name, then by machine.
pub fn trends(entries: &[Entry]) -> Vec<Trend<'_>> {
    let mut points: BTreeMap<(&str, &str), Vec<(&Entry, f64)>> = BTreeMap::new();
    for entry in entries {
        for (name, value) in &entry.results {
            points.entry((name, &entry.machine)).or_default().push((entry, *value));
        }
    }
    points.into_iter().map(|((name, machine), points)| Trend { name, machine, points }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(machine: &str, results: &[(&str, f64)]) -> Entry {
        let results = results.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Entry { at: "2026-07-28T12:00:00Z".to_owned(), machine: machine.to_owned(), results, ..Entry::default() }
    }

    /// A file that nobody else has, gone with its owner.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("ringway-bench-{}-{name}.jsonl", std::process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// Goal: gates at once leave whole lines. Method: four threads append, and all of it is read again.
    #[test]
    fn what_is_appended_is_read_again() {
        let file = Scratch::new("appended");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &file.0;
                scope.spawn(move || {
                    for nth in 0..25 {
                        let wanted = entry(&format!("machine {thread}"), &[("echo_rps", f64::from(nth))]);
                        append(path, &wanted).expect("it can be written");
                    }
                });
            }
        });
        let read = read(&file.0).expect("it can be read");
        assert_eq!(read.len(), 100);
        let trends = trends(&read);
        assert_eq!(trends.len(), 4);
        for trend in trends {
            let values: Vec<f64> = trend.points.iter().map(|(_, value)| *value).collect();
            assert_eq!(values, (0..25).map(f64::from).collect::<Vec<_>>(), "{}", trend.machine);
        }
    }

    #[test]
    fn other_versions_are_read_and_broken_lines_named() {
        let file = Scratch::new("versions");
        let good = "{\"at\":\"x\",\"later\":[1],\"results\":{\"a\":1}}\n\n{\"at\":\"y\"}\n";
        std::fs::write(&file.0, good).expect("it can be written");
        assert_eq!(read(&file.0).map(|entries| entries.len()), Ok(2));
        std::fs::write(&file.0, format!("{good}{{\"at\":")).expect("it can be written");
        let found = read(&file.0).expect_err("it is torn");
        assert!(found.contains("line 4 is no result: EOF"), "{found}");
        assert!(read(Path::new("/nonexistent/history.jsonl")).is_err());
    }

    #[test]
    fn no_number_is_not_written() {
        let file = Scratch::new("nan");
        let found = append(&file.0, &entry("m", &[("echo_rps", f64::NAN)])).expect_err("it is no number");
        assert!(found.contains("echo_rps is NaN"), "{found}");
        assert!(!file.0.exists());
    }
}
