//! How a connection ends: a code and a reason (RFC 6455 section 7.4). It never sends anything.

use std::borrow::Cow;

/// Bytes of a control frame's payload, at most (RFC 6455 section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// The end of a connection, as one side tells it to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Why; absent when a client gave no code.
    pub code: Option<u16>,
    /// For people who read it.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// The client may go: all is done.
    pub const NORMAL: u16 = 1000;
    /// The server ends.
    pub const GOING_AWAY: u16 = 1001;
    /// The client broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// A kind of data that is not served.
    pub const UNSUPPORTED: u16 = 1003;
    /// Text that is not UTF-8.
    pub const NOT_UTF_8: u16 = 1007;
    /// A bound that is not about the size of a message.
    pub const POLICY: u16 = 1008;
    /// A message that is too large.
    pub const TOO_LARGE: u16 = 1009;

    /// An end that we decide.
    pub const fn ours(code: u16, reason: &'static str) -> Close {
        debug_assert!(reason.len() <= CONTROL_BYTES_MAX - 2);
        Close { code: Some(code), reason: Cow::Borrowed(reason) }
    }

    /// Reads the payload of a client's Close.
    ///
    /// # Errors
    /// The answer to a payload that nobody may send.
    pub fn read(payload: &[u8]) -> Result<Close, Close> {
        let (code, reason) = match payload {
            [] => return Ok(Close { code: None, reason: Cow::Borrowed("") }),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
            [_] => return Err(Close::ours(Close::PROTOCOL, "A close code has two bytes")),
        };
        if !may_be_sent(code) {
            return Err(Close::ours(Close::PROTOCOL, "This close code is not to be sent"));
        }
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Close { code: Some(code), reason: Cow::Owned(reason.to_owned()) }),
            Err(_) => Err(Close::ours(Close::NOT_UTF_8, "A reason must be UTF-8")),
        }
    }

    /// What a client's Close is answered with: its code, without the reason.
    pub fn echo(&self) -> Close {
        Close { code: self.code, reason: Cow::Borrowed("") }
    }

    /// Appends the payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(code) = self.code {
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(self.reason.as_bytes());
        }
    }

    /// Bytes of the payload.
    pub fn payload_bytes(&self) -> usize {
        if self.code.is_some() { 2 + self.reason.len() } else { 0 }
    }
}

/// RFC 6455 section 7.4.1 and IANA's registry: 1004 is reserved, 1005, 1006 and 1015 stand for ends without a Close.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_has_a_code_that_may_be_sent_and_a_reason_in_utf_8() {
        for code in [1000u16, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4999] {
            let payload = [&code.to_be_bytes()[..], "é".as_bytes()].concat();
            let close = Close::read(&payload).expect("a good close");
            assert_eq!((close.code, &*close.reason), (Some(code), "é"));
            let mut echoed = Vec::new();
            close.echo().write(&mut echoed);
            assert_eq!(echoed, code.to_be_bytes());
        }
        for code in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(Close::read(&code.to_be_bytes()).expect_err("refused").code, Some(1002), "{code}");
        }
        assert_eq!(Close::read(&[3]).expect_err("refused").code, Some(1002));
        assert_eq!(Close::read(&[3, 232, 0xff]).expect_err("refused").code, Some(1007));
        let silent = Close::read(&[]).expect("no code is a good close");
        assert_eq!((silent.code, silent.echo().payload_bytes()), (None, 0));
    }
}
