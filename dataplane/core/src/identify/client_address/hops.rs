//! The hops of one field line, from the right to the left: `X-Forwarded-For` (a list of addresses, by custom) and
//! `Forwarded` (RFC 7239). It says what is written there and believes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memrchr;

use super::HOPS_MAX;

/// Bytes of a hop that could be one: an IPv6 address in brackets is 47, a port 6; the rest is for a port's made-up name.
const HOP_BYTES_MAX: usize = 128;
/// Elements of a line that are kept in sight. One more than is looked at, so that a longer line is seen to be one.
const ELEMENTS_MAX: usize = HOPS_MAX + 1;

/// What stands in one hop's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// An address; an IPv4 address within IPv6 is IPv4.
    Address(IpAddr),
    /// Deliberately no address.
    Withheld,
    /// Nothing that has a meaning.
    Malformed,
}

/// The hops of an `X-Forwarded-For` line, the right-most first, until `take` has enough. Empty elements are passed over
/// (RFC 9110 section 5.6.1.2).
pub fn of_x_forwarded_for(line: &[u8], take: &mut dyn FnMut(Hop) -> bool) {
    let mut rest = line;
    for _ in 0..ELEMENTS_MAX {
        let comma = memrchr(b',', rest);
        let element = trimmed(&rest[comma.map_or(0, |at| at + 1)..]);
        if !element.is_empty() && !take(node(element)) {
            return;
        }
        match comma {
            Some(at) => rest = &rest[..at],
            None => return,
        }
    }
    // Nobody sends so many empty elements.
    take(Hop::Malformed);
}

/// The hops of a `Forwarded` line, the right-most first, until `take` has enough. Where a quotation is not closed, nobody
/// knows where elements begin, and the line is one malformed hop: a caller who opens one cannot hide what the proxy
/// adds, only spoil the line.
pub fn of_forwarded(line: &[u8], take: &mut dyn FnMut(Hop) -> bool) {
    // The places of the last elements: a comma within quotation marks does not end one, which is seen from the left only.
    let mut starts = [0; ELEMENTS_MAX];
    let (mut count, mut start) = (0, 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                starts[count % ELEMENTS_MAX] = start;
                count += 1;
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_quoted {
        take(Hop::Malformed);
        return;
    }
    let mut end = line.len();
    for index in (0..=count).rev() {
        if index != count {
            start = starts[index % ELEMENTS_MAX];
        }
        let element = trimmed(&line[start..end]);
        if !element.is_empty() && !take(forwarded_element(element)) {
            return;
        }
        if index > 0 && count - index == ELEMENTS_MAX {
            // What stands further left is not in sight; empty elements alone lead here.
            take(Hop::Malformed);
            return;
        }
        end = start.saturating_sub(1);
    }
}

/// The `for` of an element: pairs of a name and a value, with a semicolon between them.
fn forwarded_element(element: &[u8]) -> Hop {
    let mut found = None;
    let mut rest = element;
    loop {
        let end = pair_end(rest);
        let pair = trimmed(&rest[..end]);
        if !pair.is_empty() {
            let Some(equals) = memchr::memchr(b'=', pair) else { return Hop::Malformed };
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
                return Hop::Malformed;
            }
        }
        if end == rest.len() {
            break;
        }
        rest = &rest[end + 1..];
    }
    // An element that says nothing of its caller is well-formed (RFC 7239 section 4).
    let Some(value) = found else { return Hop::Withheld };
    match value {
        [b'"', inner @ .., b'"'] if !inner.iter().any(|byte| matches!(byte, b'"' | b'\\')) => node(inner),
        _ if value.iter().any(|byte| matches!(byte, b'"' | b'\\')) => Hop::Malformed,
        // Ports and IPv6 addresses ought to be quoted, and often are not.
        _ => node(value),
    }
}

/// Where a pair ends: at a semicolon outside quotation marks.
fn pair_end(bytes: &[u8]) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = bytes.iter().position(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => return true,
            _ => {}
        }
        false
    });
    end.unwrap_or(bytes.len())
}

/// An address with or without a port; IPv6 with or without brackets, but with them where there is a port.
fn node(text: &[u8]) -> Hop {
    if text.len() > HOP_BYTES_MAX {
        return Hop::Malformed;
    }
    let Ok(text) = std::str::from_utf8(text) else { return Hop::Malformed };
    let (name, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let Some((inside, behind)) = inner.split_once(']') else { return Hop::Malformed };
            let Ok(address) = inside.parse::<Ipv6Addr>() else { return Hop::Malformed };
            return if is_port(behind) { address_of(address.into()) } else { Hop::Malformed };
        }
        None => match text.split_once(':') {
            // More than one colon is an address of its own.
            Some((_, behind)) if behind.contains(':') => (text, ""),
            Some((name, _)) => (name, &text[name.len()..]),
            None => (text, ""),
        },
    };
    if !is_port(port) {
        return Hop::Malformed;
    }
    if name.eq_ignore_ascii_case("unknown") || is_made_up(name) {
        return Hop::Withheld;
    }
    if name.contains(':') {
        return name.parse::<Ipv6Addr>().map_or(Hop::Malformed, |address| address_of(address.into()));
    }
    name.parse::<Ipv4Addr>().map_or(Hop::Malformed, |address| address_of(address.into()))
}

fn address_of(address: IpAddr) -> Hop {
    Hop::Address(address.to_canonical())
}

/// Nothing, or a colon and a number or a made-up name.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some(port) if is_made_up(port) => true,
        Some(port) => {
            (1..=5).contains(&port.len())
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok()
        }
    }
}

/// `obfnode` and `obfport` (RFC 7239 section 6.3).
fn is_made_up(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

/// Without the blanks that a list may have around its elements.
fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
