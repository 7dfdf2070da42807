//! What the user names, taken apart, and the command line it becomes. Never starts anything.

use std::fmt;
use std::net::ToSocketAddrs;
use std::str::FromStr;

use crate::cores;
use crate::load::Target;
use crate::servers::Spec;

const FORMS: &str = "a URL, a command, git:REVISION or peer:NAME";

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(revision) = text.strip_prefix("git:") {
            // A revision that begins with `-` would be an option of git's.
            let is_one = !revision.is_empty() && !revision.starts_with('-') && !revision.contains(char::is_whitespace);
            return if is_one {
                Ok(Self::Revision(revision.into()))
            } else {
                Err(format!("{text:?}: git: wants a revision"))
            };
        }
        if let Some(name) = text.strip_prefix("peer:") {
            // It becomes the name of a folder.
            let is_one =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            return if is_one {
                Ok(Self::Peer(name.into()))
            } else {
                Err(format!("{text:?}: peer: wants the name of a folder"))
            };
        }
        if let Some((scheme, _)) = text.split_once("://")
            && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
        {
            text.parse::<Address>()?;
            return Ok(Self::Url(text.into()));
        }
        match shlex::split(text) {
            Some(words) if !words.is_empty() => Ok(Self::Command(words)),
            Some(_) => Err(format!("an empty server: it is {FORMS}")),
            None => Err(format!("{text:?}: a quote is not closed")),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            // Quoting fails for NUL alone, which no command line holds.
            Self::Command(words) => {
                f.write_str(&shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" ")))
            }
            Self::Revision(revision) => write!(f, "git:{revision}"),
            Self::Peer(name) => write!(f, "peer:{name}"),
        }
    }
}

/// A URL, as far as we need one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    authority: String,
    is_tls: bool,
    /// Absent: the URL ends with the host, and each face uses its own.
    pub path: Option<String>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("{url:?} is no URL"))?;
        let (is_tls, default_port) = match scheme {
            "http" | "ws" => (false, 80),
            "https" | "wss" => (true, 443),
            _ => return Err(format!("{url:?}: the scheme is one of http, https, ws, wss")),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err("a URL with a user in it: credentials belong into the workload, by environment".into());
        }
        if path.contains(['#', ' ']) || authority.contains(['#', '?', ' ']) {
            return Err(format!("{url:?}: a path, and at most a query after it"));
        }
        // An IPv6 host has colons of its own, in brackets.
        let after_host = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_host..].rfind(':') {
            Some(at) => {
                let (host, port) = authority.split_at(after_host + at);
                (host, port[1..].parse().map_err(|_| format!("{url:?}: the port is from 1 to 65535"))?)
            }
            None => (authority, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || port == 0 {
            return Err(format!("{url:?}: a URL is http://HOST:PORT/PATH"));
        }
        let path = (path.len() > 1).then(|| path.to_owned());
        Ok(Self { host: host.into(), port, authority: authority.into(), is_tls, path })
    }
}

impl Address {
    /// Asks the resolver where the host is a name.
    pub fn target(&self) -> Result<Target, String> {
        let mut found = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| format!("{} has no address: {error}", self.host))?;
        let addr = found.next().ok_or_else(|| format!("{} has no address", self.host))?;
        Ok(Target { addr, authority: self.authority.clone(), is_tls: self.is_tls })
    }
}

/// Where a server is to be.
pub struct Place<'a> {
    pub port: u16,
    pub admin_port: u16,
    pub cpus: &'a [usize],
}

/// A command with its place: filled in where it has a `{port}`, added as Ringway's options where it has none.
pub fn command_line(words: &[String], place: &Place<'_>) -> Vec<String> {
    let Place { port, admin_port, cpus } = place;
    if words.iter().any(|word| word.contains("{port}")) {
        let fill = |word: &String| {
            word.replace("{port}", &port.to_string())
                .replace("{admin_port}", &admin_port.to_string())
                .replace("{cpus}", &cores::list(cpus))
        };
        return words.iter().map(fill).collect();
    }
    let mut line = words.to_vec();
    if line.len() == 1 {
        line.push("serve".into());
    }
    line.extend(["--shards".into(), cpus.len().max(1).to_string()]);
    if !cpus.is_empty() {
        line.extend(["--cpus".into(), cores::list(cpus)]);
    }
    line.extend(["--listen".into(), format!("127.0.0.1:{port}")]);
    line.extend(["--admin-listen".into(), format!("127.0.0.1:{admin_port}")]);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[track_caller]
    fn parses(text: &str, want: Spec) {
        assert_eq!(text.parse(), Ok(want), "{text}");
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = text.parse::<Spec>().unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }

    /// Goal: each form is taken for what it is, and a URL among a command's words does not make it a URL.
    #[test]
    fn each_form_is_known() {
        parses("http://127.0.0.1:8080/mcp", Spec::Url("http://127.0.0.1:8080/mcp".into()));
        parses("wss://host", Spec::Url("wss://host".into()));
        parses("ringway", Spec::Command(words("ringway")));
        parses("./ringway serve --set a=http://b", Spec::Command(words("./ringway serve --set a=http://b")));
        parses("'my ringway' serve", Spec::Command(vec!["my ringway".into(), "serve".into()]));
        parses("git:main~3", Spec::Revision("main~3".into()));
        parses("peer:nginx-proxy", Spec::Peer("nginx-proxy".into()));
        refused("", "empty");
        refused("  ", "empty");
        refused("ringway 'serve", "quote");
        refused("git:", "revision");
        refused("git:--upload-pack=x", "revision");
        refused("peer:../etc", "folder");
        refused("ftp://host", "scheme");
        refused("http://:80/", "HOST");
        refused("http://host:99999/", "port");
        refused("http://user:secret@host/", "credentials");
    }

    /// Goal: what is shown can be given again.
    #[test]
    fn what_is_shown_parses_to_the_same() {
        for text in ["http://h:1/p", "'my ringway' serve --set 'a=b c'", "git:v1", "peer:nginx"] {
            let spec = text.parse::<Spec>().unwrap();
            assert_eq!(spec.to_string().parse(), Ok(spec), "{text}");
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        let address = |url: &str| {
            let Address { host, port, authority, is_tls, path } = url.parse().unwrap();
            (host, port, authority, is_tls, path)
        };
        let path = |path: &str| Some(path.to_owned());
        assert_eq!(address("http://h"), ("h".into(), 80, "h".into(), false, None));
        assert_eq!(address("https://h/"), ("h".into(), 443, "h".into(), true, None));
        assert_eq!(address("ws://[::1]:9/ws?a=b"), ("::1".into(), 9, "[::1]:9".into(), false, path("/ws?a=b")));
        assert_eq!(address("http://[::1]/mcp"), ("::1".into(), 80, "[::1]".into(), false, path("/mcp")));
    }

    #[test]
    fn a_command_gets_its_place() {
        let place = Place { port: 1, admin_port: 2, cpus: &[0, 3] };
        let line = |text: &str| command_line(&words(text), &place).join(" ");
        let options = "--shards 2 --cpus 0,3 --listen 127.0.0.1:1 --admin-listen 127.0.0.1:2";
        assert_eq!(line("ringway"), format!("ringway serve {options}"));
        assert_eq!(line("ringway serve --set a=b"), format!("ringway serve --set a=b {options}"));
        assert_eq!(line("other -p {port} --at=h:{admin_port} --on {cpus}"), "other -p 1 --at=h:2 --on 0,3");
        let anywhere = command_line(&words("ringway"), &Place { cpus: &[], ..place }).join(" ");
        assert_eq!(anywhere, "ringway serve --shards 1 --listen 127.0.0.1:1 --admin-listen 127.0.0.1:2");
    }
}
