//! What each of several records is called in a legend: as short as tells them apart. Pure.

use std::collections::BTreeSet;

use super::figures::one_line;
use crate::record::Record;

/// One label a record, all different.
pub fn of(records: &[Record]) -> Vec<String> {
    let workloads: BTreeSet<&str> = records.iter().map(|record| record.workload.name.as_str()).collect();
    let targets: BTreeSet<&str> = records.iter().map(|record| record.target.name.as_str()).collect();
    let label = |record: &Record| match (workloads.len(), targets.len()) {
        (_, 1) if workloads.len() > 1 || records.len() == 1 => record.workload.name.clone(),
        (1, _) => record.target.name.clone(),
        _ => format!("{} → {}", record.workload.name, record.target.name),
    };
    let mut labels: Vec<String> = records.iter().map(|record| one_line(&label(record))).collect();
    let commits: Vec<Option<String>> = records.iter().map(|record| record.target.commit.clone()).collect();
    tell_apart(&mut labels, |index| {
        commits[index].as_ref().map(|commit| one_line(&commit.chars().take(9).collect::<String>()))
    });
    tell_apart(&mut labels, |index| Some(format!("run {}", index + 1)));
    labels
}

/// Adds to each label that stands more than once what `more` says of it.
fn tell_apart(labels: &mut [String], more: impl Fn(usize) -> Option<String>) {
    let before = labels.to_vec();
    for (index, label) in labels.iter_mut().enumerate() {
        let is_alone = before.iter().filter(|other| **other == before[index]).count() == 1;
        if let (false, Some(more)) = (is_alone, more(index)) {
            label.push_str(&format!(", {more}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::record;
    use super::*;

    #[test]
    fn labels_are_as_short_as_tells_them_apart() {
        let named = |workload: &str, target: &str| {
            let mut record = record(target);
            record.workload.name = workload.to_owned();
            record
        };
        let check = |records: &[Record], want: &[&str]| assert_eq!(of(records), want);
        check(&[named("echo", "a")], &["echo"]);
        check(&[named("echo", "a"), named("echo", "b")], &["a", "b"]);
        check(&[named("echo", "a"), named("get", "a")], &["echo", "get"]);
        check(&[named("echo", "a"), named("get", "b")], &["echo → a", "get → b"]);
        let mut other = named("echo", "a");
        other.target.commit = None;
        check(&[named("echo", "a"), other.clone(), other], &["a, 87ac88b0c", "a, run 2", "a, run 3"]);
        check(&[named("echo", "a"), named("echo", "a")], &["a, 87ac88b0c, run 1", "a, 87ac88b0c, run 2"]);
        check(&[], &[]);
    }
}
