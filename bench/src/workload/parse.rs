//! From text to a workload. Finds every mistake it can in one go, and says where each is. Pure: the environment is
//! handed in, and no file is read.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::Workload;
use super::problem::{Problem, Problems};
use super::{check, environment, keys, names};

/// A workload is written by hand; one of this size is something else.
const WORKLOAD_BYTES_MAX: usize = 1 << 20;

impl Workload {
    /// `name` is the file's name, for messages and as the workload's own name where `text` says none. Relative files
    /// in it are looked for in `folder`; `${NAME}` is answered by `environment`.
    pub fn parse(
        text: &str,
        name: &str,
        environment: &dyn Fn(&str) -> Option<String>,
        folder: &Path,
    ) -> Result<Self, Problems> {
        let problem = |span: Option<Range<usize>>, path: &str, what: String| Problem {
            file: name.to_owned(),
            place: span.map(|span| line_and_column(text, span.start)),
            path: path.to_owned(),
            what,
        };
        if text.len() > WORKLOAD_BYTES_MAX {
            let what = format!("is {} bytes long; a workload has {WORKLOAD_BYTES_MAX} at most", text.len());
            return Err(Problems(vec![problem(None, "", what)]));
        }
        let syntax = |error: &toml::de::Error| problem(error.span(), "", format!("not TOML: {}", error.message()));
        let mut root = DeTable::parse(text).map_err(|error| Problems(vec![syntax(&error)]))?;

        let mut found = Vec::new();
        take_unknown(root.get_mut(), &mut Vec::new(), "", &mut |span, path, what| found.push((span, path, what)));
        let places = root.clone();
        let mut workload = match Self::deserialize(toml::de::Deserializer::from(root)) {
            Ok(workload) => workload,
            Err(error) => {
                let path = error.span().map(|span| path_of(&places, &span)).unwrap_or_default();
                found.push((error.span(), path, error.message().replace('\n', " ")));
                return Err(Problems(sorted(found, problem)));
            }
        };
        let mut tell = |path: String, what: String| {
            let span = span_of(&places, &path);
            found.push((Some(span), path, what));
        };
        environment::fill(&mut workload, environment, &mut tell);
        check::check(&workload, &mut tell);
        if !found.is_empty() {
            return Err(Problems(sorted(found, problem)));
        }
        names::fill(&mut workload, name);
        find_files_in(&mut workload, folder);
        Ok(workload)
    }
}

type Found = (Option<Range<usize>>, String, String);

fn sorted(mut found: Vec<Found>, problem: impl Fn(Option<Range<usize>>, &str, String) -> Problem) -> Vec<Problem> {
    // Stable: what is found at one place stays in the order in which it was found.
    found.sort_by_key(|(span, ..)| span.as_ref().map(|span| span.start));
    found.into_iter().map(|(span, path, what)| problem(span, &path, what)).collect()
}

fn find_files_in(workload: &mut Workload, folder: &Path) {
    for clients in &mut workload.clients {
        let authorities = clients.tls.iter_mut().filter_map(|tls| tls.ca.as_mut());
        for path in clients.mix.iter_mut().filter_map(|share| share.file.as_mut()).chain(authorities) {
            // An absolute path stays what it is.
            *path = folder.join(&path);
        }
    }
}

/// Takes every unknown key out of the table, so that what else is wrong is found in the same go.
fn take_unknown<'i>(
    table: &mut DeTable<'i>,
    steps: &mut Vec<String>,
    path: &str,
    tell: &mut impl FnMut(Option<Range<usize>>, String, String),
) {
    let plain: Vec<&str> = steps.iter().map(String::as_str).collect();
    let Some(known) = keys::known(&plain) else { return };
    let keys = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
    for key in keys.cloned().collect::<Vec<_>>() {
        let name = key.get_ref();
        let hint = match keys::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        tell(Some(key.span()), join(path, name), format!("unknown key; {hint}"));
        table.remove(name.as_ref());
    }
    for (key, value) in table.iter_mut() {
        let path = join(path, key.get_ref());
        steps.push(key.get_ref().to_string());
        match value.get_mut() {
            DeValue::Table(inner) => take_unknown(inner, steps, &path, tell),
            DeValue::Array(list) => {
                for (index, item) in list.iter_mut().enumerate() {
                    if let DeValue::Table(inner) = item.get_mut() {
                        take_unknown(inner, steps, &format!("{path}[{index}]"), tell);
                    }
                }
            }
            _ => {}
        }
        steps.pop();
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of the innermost value that has this span, or holds it.
fn path_of(root: &Spanned<DeTable<'_>>, span: &Range<usize>) -> String {
    let mut best = (usize::MAX, String::new());
    visit_table(root.get_ref(), "", &mut |value_span, path| {
        let holds = value_span.start <= span.start && span.end <= value_span.end;
        if holds && value_span.len() <= best.0 {
            best = (value_span.len(), path.to_owned());
        }
    });
    best.1
}

/// Where `path` stands in the text; where it does not, its nearest parent does.
fn span_of(root: &Spanned<DeTable<'_>>, path: &str) -> Range<usize> {
    let mut best = (0, 0..0);
    visit_table(root.get_ref(), "", &mut |span, at| {
        let is_on_the_way = path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        if is_on_the_way && at.len() >= best.0 {
            best = (at.len(), span);
        }
    });
    best.1
}

fn visit_table(table: &DeTable<'_>, path: &str, see: &mut impl FnMut(Range<usize>, &str)) {
    for (key, value) in table {
        visit_value(value, &join(path, key.get_ref()), see);
    }
}

fn visit_value(value: &Spanned<DeValue<'_>>, path: &str, see: &mut impl FnMut(Range<usize>, &str)) {
    see(value.span(), path);
    match value.get_ref() {
        DeValue::Table(inner) => visit_table(inner, path, see),
        DeValue::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                visit_value(item, &format!("{path}[{index}]"), see);
            }
        }
        _ => {}
    }
}

/// From 1, columns in characters, as editors count.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
