//! The name somebody probably meant. It never corrects by itself.

/// Words that users of other servers try first, and where the matter is found here.
const SYNONYMS: [(&str, &str); 14] = [
    ("host", "server.listen"),
    ("port", "server.listen"),
    ("bind", "server.listen"),
    ("address", "server.listen"),
    ("admin_port", "server.admin_listen"),
    ("metrics_port", "server.admin_listen"),
    ("workers", "server.shards"),
    ("threads", "server.shards"),
    ("max_connections", "limits.connections_max"),
    ("max_body_size", "limits.body_bytes_max"),
    ("cors_origins", "server.allow_origins"),
    ("log_level", "log.level"),
    ("logging", "log"),
    ("max_memory", "health.memory_bytes_max"),
];

/// How far a name may be from what was meant: one slip, and one more for every four letters.
fn tolerance(name: &str) -> usize {
    1 + name.len() / 4
}

/// `bodyBytesMax` and `Body-Bytes-Max` as `body_bytes_max`.
fn plain(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before = '.';
    for letter in name.chars() {
        if letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            text.push('_');
        }
        before = letter;
        text.extend(if letter == '-' { '_' } else { letter }.to_lowercase());
    }
    text
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The candidate nearest to `name`, when one is near: the same last word in another section, or a few letters off.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let name = plain(name);
    if let Some((_, meant)) = SYNONYMS.iter().find(|(word, _)| *word == last(&name)) {
        let found = candidates.clone().find(|candidate| candidate == meant);
        if found.is_some() {
            return found;
        }
    }
    let distance = |candidate: &str| {
        let candidate = plain(candidate);
        let moved = last(&candidate) == last(&name);
        let whole = strsim::damerau_levenshtein(&candidate, &name);
        let longer = last(&name).starts_with(last(&candidate)) && last(&candidate).len() > 2;
        // `warning` for `warn`, `production` for `prod`: as near as one slip.
        let words = if longer { 1 } else { strsim::damerau_levenshtein(last(&candidate), last(&name)) };
        // A right word in the wrong section is nearer than a misspelt one in the right section.
        let (near, allowed) = if moved { (0, 0) } else { (whole.min(words + 1), tolerance(last(&name))) };
        (near <= allowed).then_some((near, whole))
    };
    let scored = candidates.filter_map(|candidate| Some((distance(candidate)?, candidate)));
    scored.min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let names = ["limits.body_bytes_max", "limits.body_time_max", "server.listen", "log.level", "log", "log.file"];
        let check = |name: &str, want: Option<&str>| assert_eq!(nearest(name, names.into_iter()), want, "{name}");
        check("limits.body_byte_max", Some("limits.body_bytes_max"));
        check("limits.bodyBytesMax", Some("limits.body_bytes_max"));
        check("body_bytes_max", Some("limits.body_bytes_max"));
        check("server.body-bytes-max", Some("limits.body_bytes_max"));
        check("server.lisen", Some("server.listen"));
        check("server.port", Some("server.listen"));
        check("sever.listen", Some("server.listen"));
        check("lgo", Some("log"));
        check("login", Some("log"));
        check("database.url", None);
        check("x", None);
    }
}
