//! Workloads that come with the bench, each a file of `bench/workloads`; and finding one by name or as a file.

use std::path::Path;

use super::keys;
use super::model::Workload;

/// Name and text of each, in the order in which they are listed.
pub const BUILT_IN: [(&str, &str); 12] = [
    ("echo", include_str!("../../workloads/echo.toml")),
    ("echo-legacy", include_str!("../../workloads/echo-legacy.toml")),
    ("open-10k", include_str!("../../workloads/open-10k.toml")),
    ("open-10k-by-1", include_str!("../../workloads/open-10k-by-1.toml")),
    ("open-10k-by-1000", include_str!("../../workloads/open-10k-by-1000.toml")),
    ("open-30k", include_str!("../../workloads/open-30k.toml")),
    ("connections-1000", include_str!("../../workloads/connections-1000.toml")),
    ("agents", include_str!("../../workloads/agents.toml")),
    ("faces", include_str!("../../workloads/faces.toml")),
    ("churn", include_str!("../../workloads/churn.toml")),
    ("stream", include_str!("../../workloads/stream.toml")),
    ("get", include_str!("../../workloads/get.toml")),
];

impl Workload {
    /// A built-in name first; what has a `/` in it or ends in `.toml` is always a file.
    pub fn by_name_or_file(text: &str) -> Result<Self, String> {
        let environment = |name: &str| std::env::var(name).ok();
        let is_file = text.contains('/') || text.ends_with(".toml");
        if !is_file && let Some((name, toml)) = BUILT_IN.iter().find(|(name, _)| *name == text) {
            return Self::parse(toml, name, &environment, Path::new("")).map_err(String::from);
        }
        let path = Path::new(text);
        if !is_file && !path.exists() {
            return Err(unknown(text));
        }
        let toml = std::fs::read_to_string(path).map_err(|why| format!("workload {text}: {why}"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&toml, text, &environment, folder).map_err(String::from)
    }

    /// All built-in ones with what they stand for, a line each.
    pub fn listing() -> String {
        let width = BUILT_IN.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let lines = BUILT_IN.iter().map(|(name, _)| {
            let about = Self::by_name_or_file(name).map(|workload| workload.about).unwrap_or_default();
            format!("  {name:<width$}  {about}\n")
        });
        lines.collect()
    }
}

fn unknown(text: &str) -> String {
    let meant = keys::nearest(text, BUILT_IN.iter().map(|(name, _)| *name));
    let hint = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
    format!("no workload `{text}`, neither a file nor built in{hint} Built in:\n{}", Workload::listing())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whatever is built in can be run, is listed with a sentence, and is called as its file is.
    #[test]
    fn every_built_in_is_right() {
        for (name, _) in BUILT_IN {
            let workload = Workload::by_name_or_file(name).expect(name);
            assert_eq!(workload.name, name);
            let about = &workload.about;
            assert!(about.ends_with('.') && about.matches(". ").count() == 0, "{name}: one sentence: {about}");
            assert!(Workload::listing().contains(&format!("{name}  ")), "{name}");
        }
    }

    /// Goal: no file of the folder is forgotten. Method: what lies there against what is embedded.
    #[test]
    fn every_file_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is in the tree")
            .map(|entry| entry.expect("readable").path().file_stem().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        let mut embedded: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        there.sort();
        embedded.sort();
        assert_eq!(there, embedded);
    }

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let found = Workload::by_name_or_file("ecko").expect_err("there is none");
        assert!(found.contains("did you mean `echo`?") && found.contains("connections-1000"), "{found}");
        for file in ["./none.toml", "none.toml", "none/echo"] {
            let found = Workload::by_name_or_file(file).expect_err("there is none");
            assert!(found.starts_with(&format!("workload {file}: No such file")), "{found}");
        }
    }
}
