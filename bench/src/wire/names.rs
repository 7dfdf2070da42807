//! What reports call the exchanges of a group: the share's name, and its size where it has several. Each is there once.

use std::collections::BTreeSet;

use crate::workload::{Operation, Share};

/// The names of a share's exchanges, one for each size.
pub fn of_share(share: &Share) -> Vec<String> {
    let sizes = &share.text_bytes;
    let name = if share.name.is_empty() { made_of(share) } else { share.name.clone() };
    if sizes.len() < 2 {
        return vec![name];
    }
    // A made name has them all: `call echo 100/1000 B`.
    let all: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let base = name.strip_suffix(&format!(" {} B", all.join("/"))).unwrap_or(&name);
    sizes.iter().map(|size| format!("{base} {size} B")).collect()
}

/// A name that is taken gets a number.
pub fn told_apart(names: Vec<String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let numbered = |name: String| {
        let others = (2..).map(|number| format!("{name} {number}"));
        let free = std::iter::once(name.clone()).chain(others).find(|name| !taken.contains(name));
        let name = free.unwrap_or(name);
        taken.insert(name.clone());
        name
    };
    names.into_iter().map(numbered).collect()
}

fn made_of(share: &Share) -> String {
    match share.operation {
        Operation::Discover => "discover".into(),
        Operation::List => "list".into(),
        Operation::Call => called("call", share),
        Operation::Stream => called("stream", share),
        Operation::Get => format!("get {}", share.path.as_deref().unwrap_or("/livez")),
        Operation::Request => {
            let file = share.file.as_deref().and_then(|file| file.file_name()).unwrap_or_default();
            format!("request {}", file.to_string_lossy())
        }
    }
}

fn called(operation: &str, share: &Share) -> String {
    let tool = share.tool.as_deref().unwrap_or("echo");
    match share.text_bytes[..] {
        [size] => format!("{operation} {tool} {size} B"),
        _ => format!("{operation} {tool}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Clients;

    #[track_caller]
    fn check(toml: &str, want: &[&str]) {
        let shares = toml::from_str::<Clients>(toml).expect("a group").mix;
        assert_eq!(told_apart(shares.iter().flat_map(of_share).collect()), want);
    }

    #[test]
    fn names_are_short_and_told_apart() {
        check("[[mix]]\noperation = 'call'", &["call echo"]);
        check("[[mix]]\noperation = 'call'\ntext_bytes = [100, 1000]", &["call echo 100 B", "call echo 1000 B"]);
        check("[[mix]]\noperation = 'stream'\ntool = 'slow'\ntext_bytes = [16]", &["stream slow 16 B"]);
        check("[[mix]]\noperation = 'get'\n[[mix]]\noperation = 'get'", &["get /livez", "get /livez 2"]);
        check("[[mix]]\noperation = 'request'\nfile = '/a/b.http'", &["request b.http"]);
        let given = "[[mix]]\nname = 'mine 12/13 B'\noperation = 'call'\ntext_bytes = [12, 13]";
        check(given, &["mine 12 B", "mine 13 B"]);
        check("[[mix]]\nname = 'mine'\noperation = 'call'\ntext_bytes = [12, 12]", &["mine 12 B", "mine 12 B 2"]);
    }
}
