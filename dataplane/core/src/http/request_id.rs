//! The name of a request: what its client calls it, or one that is made here. It goes back in the answer and into logs,
//! so only characters that are harmless in both are taken.

use super::head::{Field, Head};

/// Characters of a name; a longer one is not taken.
const CHARS_MAX: usize = 128;
/// Characters of a name that is made here.
const MADE_CHARS: usize = 24;

/// The name of a request.
#[derive(Clone, Copy, Debug)]
pub enum RequestId<'b> {
    /// The client's.
    Given(&'b str),
    /// Ours.
    Made(MadeId),
}

impl RequestId<'_> {
    /// Its text, visible ASCII.
    pub fn as_str(&self) -> &str {
        match self {
            RequestId::Given(text) => text,
            RequestId::Made(made) => made.as_str(),
        }
    }

    /// The same as it goes out, where nobody asks anew whether it is text.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            RequestId::Given(text) => text.as_bytes(),
            RequestId::Made(made) => made.as_bytes(),
        }
    }
}

/// A name that is made here: hexadecimal, unique by what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeId([u8; MADE_CHARS]);

impl MadeId {
    /// The name made of a process's random number, a shard, and how many it has made: 8, 4 and 12 digits.
    pub fn new(random: u32, shard: u16, count: u64) -> MadeId {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let value = u128::from(random) << 64 | u128::from(shard) << 48 | u128::from(count & 0xffff_ffff_ffff);
        let mut text = [0; MADE_CHARS];
        for (index, digit) in text.iter_mut().enumerate() {
            *digit = HEX[(value >> (4 * (MADE_CHARS - 1 - index))) as usize & 15];
        }
        MadeId(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The same as it goes out.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the client calls its request: `X-Request-Id`, else `X-Correlation-Id`, else the trace of `traceparent` (W3C Trace
/// Context). A value that could do harm is not taken, and refused nowhere.
pub fn given<'b>(head: &Head, request: &'b [u8]) -> Option<&'b str> {
    let named = plain(head.request_id, request).or_else(|| plain(head.correlation_id, request));
    named.or_else(|| trace(head.trace_parent, request))
}

/// The value of `X-Correlation-Id`, which goes back under its own name too.
pub fn correlation<'b>(head: &Head, request: &'b [u8]) -> Option<&'b str> {
    plain(head.correlation_id, request)
}

fn plain(field: Field, request: &[u8]) -> Option<&str> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@|~".contains(&byte);
    let text = field.text(request).filter(|_| field.count == 1)?;
    ((1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(harmless)).then_some(text)
}

/// `version-trace-parent-flags`, of 2, 32, 16 and 2 lower-case digits; a later version may have more behind.
fn trace(field: Field, request: &[u8]) -> Option<&str> {
    let text = field.text(request).filter(|_| field.count == 1)?;
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let is_alone = parts.next().is_none() || version != "00";
    let is_named = version != "ff" && trace.bytes().any(|byte| byte != b'0');
    (is_whole && is_alone && is_named).then_some(trace)
}

#[cfg(test)]
mod tests {
    use ringway_policy::Limits;

    use super::*;

    #[track_caller]
    fn check(fields: &str, want: Option<&str>) {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let head = super::super::head::parse(text.as_bytes(), &Limits::default()).expect("good").expect("whole");
        assert_eq!(given(&head, text.as_bytes()), want, "{fields:?}");
    }

    #[test]
    fn a_client_names_its_request() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        check("", None);
        check("X-Request-Id: a-1\r\n", Some("a-1"));
        check("X-Correlation-Id: c-1\r\n", Some("c-1"));
        check("X-Correlation-Id: c-1\r\nX-Request-Id: a-1\r\n", Some("a-1"));
        check(&format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n"), Some(TRACE));
        check(&format!("traceparent: 01-{TRACE}-b7ad6b7169203331-01-more\r\n"), Some(TRACE));
    }

    #[test]
    fn what_could_do_harm_is_not_taken() {
        check("X-Request-Id: a b\r\n", None);
        check("X-Request-Id: \"\r\n", None);
        check("X-Request-Id: \r\n", None);
        check("X-Request-Id: a\r\nX-Request-Id: b\r\n", None);
        check("X-Request-Id: \u{fc}\r\n", None);
        check(&format!("X-Request-Id: {}\r\n", "a".repeat(129)), None);
        check("traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n", None);
        check("traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01\r\n", None);
        check("traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", None);
        check("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x\r\n", None);
    }

    #[test]
    fn a_made_name_holds_all_it_is_made_from() {
        assert_eq!(MadeId::new(0x0123_4567, 0x89ab, 0xcdef).as_str(), "0123456789ab00000000cdef");
        assert_ne!(MadeId::new(1, 2, 3), MadeId::new(1, 2, 4));
    }
}
