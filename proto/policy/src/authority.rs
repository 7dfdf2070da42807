//! Which `Host` and `Origin` values may call this server: the defence against DNS rebinding (MCP transports, "Security
//! Warning"). It never resolves a name.

use std::net::{IpAddr, Ipv4Addr};

/// A host name or address, and a port when one is demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

/// Why a configured host or origin cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAuthority(String);

impl std::fmt::Display for BadAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not a host, a host:port, an origin like https://app.example.com, or *", self.0)
    }
}

impl std::error::Error for BadAuthority {}

/// The hosts and origins that may call.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    any_host: bool,
    any_address: bool,
    hosts: Vec<Authority>,
    any_origin: bool,
    /// Scheme and authority; a scheme of `*` matches http and https.
    origins: Vec<(String, Authority)>,
}

/// What a `Host` value turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostVerdict {
    /// On the list.
    Allowed,
    /// Well-formed, not on the list.
    Foreign,
    /// Not a host at all.
    Malformed,
}

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl AllowList {
    /// Loopback names on any port, as hosts and as origins: what a local server answers for by default.
    pub fn loopback() -> AllowList {
        let mut list = AllowList::default();
        for name in LOOPBACK_NAMES {
            list.hosts.push(Authority { host: name.into(), port: None });
            list.origins.push(("*".into(), Authority { host: name.into(), port: None }));
        }
        list
    }

    /// Adds a host, `host:port`, or `*` for all.
    ///
    /// # Errors
    /// When `text` is none of these.
    pub fn allow_host(&mut self, text: &str) -> Result<(), BadAuthority> {
        if text == "*" {
            self.any_host = true;
        } else {
            self.hosts.push(parse(text.as_bytes()).ok_or_else(|| BadAuthority(text.into()))?);
        }
        Ok(())
    }

    /// Adds an address, on any port: a server answers for the one it listens on. One that listens everywhere has all
    /// that its clients reach it by: a page that rebinds a name sends that name, never an address.
    pub fn allow_address(&mut self, address: IpAddr) {
        if address.is_unspecified() {
            self.any_address = true;
            return;
        }
        let host = match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        self.hosts.push(Authority { host, port: None });
    }

    /// Adds an origin (`scheme://host[:port]`), or `*` for all.
    ///
    /// # Errors
    /// When `text` is neither.
    pub fn allow_origin(&mut self, text: &str) -> Result<(), BadAuthority> {
        if text == "*" {
            self.any_origin = true;
        } else {
            self.origins.push(parse_origin(text.as_bytes()).ok_or_else(|| BadAuthority(text.into()))?);
        }
        Ok(())
    }

    /// Judges a `Host` value.
    pub fn host(&self, value: &[u8]) -> HostVerdict {
        // Most requests name the first entry without a port that matters; nothing is allocated for them.
        let Some((host, port)) = split(value) else {
            return HostVerdict::Malformed;
        };
        let listed = self.any_host
            || self.hosts.iter().any(|entry| matches(entry, host, port))
            || (self.any_address && is_address(host));
        if listed { HostVerdict::Allowed } else { HostVerdict::Foreign }
    }

    /// Whether an `Origin` value may call. `null` and anything malformed may not.
    pub fn origin(&self, value: &[u8]) -> bool {
        if self.any_origin {
            return true;
        }
        let Some((scheme, host, port)) = split_origin(value) else {
            return false;
        };
        self.origins.iter().any(|(wanted, authority)| {
            let web = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
            let scheme_fits = if wanted == "*" { web } else { scheme.eq_ignore_ascii_case(wanted.as_bytes()) };
            scheme_fits && matches(authority, host, port)
        })
    }
}

/// Whether a host that [`split`] took is an address.
fn is_address(host: &[u8]) -> bool {
    host.first() == Some(&b'[') || std::str::from_utf8(host).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok())
}

fn matches(entry: &Authority, host: &[u8], port: Option<u16>) -> bool {
    entry.host.as_bytes().eq_ignore_ascii_case(host) && (entry.port.is_none() || entry.port == port)
}

fn parse(value: &[u8]) -> Option<Authority> {
    let (host, port) = split(value)?;
    Some(Authority { host: std::str::from_utf8(host).ok()?.to_owned(), port })
}

fn parse_origin(value: &[u8]) -> Option<(String, Authority)> {
    let (scheme, host, port) = split_origin(value)?;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some((text(scheme)?, Authority { host: text(host)?, port }))
}

fn split_origin(value: &[u8]) -> Option<(&[u8], &[u8], Option<u16>)> {
    let at = value.windows(3).position(|window| window == b"://")?;
    let (host, port) = split(&value[at + 3..])?;
    Some((&value[..at], host, port))
}

/// `host[:port]` (RFC 3986 section 3.2): a registered name, an IPv4 address or a bracketed IPv6 address.
fn split(value: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_end = if value.first() == Some(&b'[') {
        let end = memchr::memchr(b']', value)? + 1;
        let inside = &value[1..end - 1];
        std::str::from_utf8(inside).ok()?.parse::<std::net::Ipv6Addr>().ok()?;
        end
    } else {
        let end = memchr::memchr(b':', value).unwrap_or(value.len());
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if end == 0 || !value[..end].iter().all(name) {
            return None;
        }
        end
    };
    let port = match &value[host_end..] {
        [] => None,
        [b':', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            Some(std::str::from_utf8(digits).ok()?.parse().ok()?)
        }
        _ => return None,
    };
    Some((&value[..host_end], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_answers_for_itself_only() {
        let list = AllowList::loopback();
        for host in ["localhost", "LOCALHOST:9999", "127.0.0.1:1", "[::1]:9"] {
            assert_eq!(list.host(host.as_bytes()), HostVerdict::Allowed, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80", "[::2]"] {
            assert_eq!(list.host(host.as_bytes()), HostVerdict::Foreign, "{host}");
        }
        for host in ["", "a b", "a,b", "a:b", "a:", "[::1", "a:99999", "a@b", "a/b"] {
            assert_eq!(list.host(host.as_bytes()), HostVerdict::Malformed, "{host}");
        }
    }

    #[test]
    fn who_listens_everywhere_answers_for_every_address_and_no_name() {
        let mut list = AllowList::loopback();
        list.allow_address(IpAddr::from([0, 0, 0, 0]));
        for host in ["10.1.2.3:9999", "192.0.2.1", "[2001:db8::1]:9999", "localhost"] {
            assert_eq!(list.host(host.as_bytes()), HostVerdict::Allowed, "{host}");
        }
        for host in ["evil.example", "10.1.2.3.nip.io", "10.1.2", "0x0a010203"] {
            assert_eq!(list.host(host.as_bytes()), HostVerdict::Foreign, "{host}");
        }
        assert!(!list.origin(b"http://10.1.2.3:9999"), "its pages are none of ours");
        let mut one = AllowList::loopback();
        one.allow_address(IpAddr::from([10, 1, 2, 3]));
        assert_eq!(one.host(b"10.1.2.3"), HostVerdict::Allowed);
        assert_eq!(one.host(b"10.1.2.4"), HostVerdict::Foreign);
    }

    #[test]
    fn origins_are_exact() {
        let mut list = AllowList::loopback();
        list.allow_origin("https://app.example.com").expect("an origin");
        for good in ["http://localhost:3000", "https://127.0.0.1", "https://app.example.com:443"] {
            assert!(list.origin(good.as_bytes()), "{good}");
        }
        for bad in
            ["null", "file://", "http://app.example.com", "http://localhost.evil.example", "ftp://localhost", "", "*"]
        {
            assert!(!list.origin(bad.as_bytes()), "{bad}");
        }
        assert!(list.allow_origin("localhost").is_err());
        assert!(list.allow_host("a b").is_err());
    }
}
