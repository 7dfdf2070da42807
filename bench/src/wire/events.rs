//! Server-sent events, taken apart as they come (the HTML standard, 9.2.6). Knows of MCP that an event's data is one
//! message. Keeps the last message only: whatever came before it was there to be counted.

use memchr::memchr2;

use crate::wire::envelope::{self, Kind};
use crate::wire::response::{ANSWER_BYTES_MAX, Malformed};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A stream of events has no end to its size; one line and one event have: `ANSWER_BYTES_MAX`.
#[derive(Debug, Default)]
pub struct Events {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The data of the event that is arriving.
    data: Vec<u8>,
    has_data: bool,
    message: Vec<u8>,
    notification_count: u32,
    had_line: bool,
    /// The last byte was a CR, which ends a line with or without the LF.
    had_return: bool,
}

impl Events {
    pub fn clear(&mut self) {
        self.line.clear();
        self.data.clear();
        self.message.clear();
        (self.has_data, self.notification_count, self.had_line, self.had_return) = (false, 0, false, false);
    }

    pub fn handle_bytes(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        if let (true, Some((&first, rest))) = (self.had_return, bytes.split_first()) {
            self.had_return = false;
            if first == b'\n' {
                bytes = rest;
            }
        }
        while let Some(at) = memchr2(b'\n', b'\r', bytes) {
            let (line, mut rest) = (&bytes[..at], &bytes[at + 1..]);
            if bytes[at] == b'\r' {
                self.had_return = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.handle_line_end(line)?;
            bytes = rest;
        }
        if self.line.len() + bytes.len() > ANSWER_BYTES_MAX {
            return Err(Malformed::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Notifications, up to here.
    pub fn notification_count(&self) -> u32 {
        self.notification_count
    }

    /// The last message; empty where there was none.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    fn handle_line_end(&mut self, end: &[u8]) -> Result<(), Malformed> {
        if self.line.is_empty() {
            return self.handle_line(end);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        let handled = self.handle_line(&line);
        line.clear();
        self.line = line;
        handled
    }

    fn handle_line(&mut self, mut line: &[u8]) -> Result<(), Malformed> {
        if !std::mem::replace(&mut self.had_line, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.handle_event();
        } else if let Some(value) = line.strip_prefix(b"data").filter(|after| matches!(after, [] | [b':', ..])) {
            let value = value.strip_prefix(b":").unwrap_or(value);
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            if self.data.len() > ANSWER_BYTES_MAX {
                return Err(Malformed::TooLarge);
            }
        }
        // Comments, ids, names and delays change nothing here.
        Ok(())
    }

    /// An event without data is no message: it primes a stream that can be resumed.
    fn handle_event(&mut self) {
        if !self.data.is_empty() {
            std::mem::swap(&mut self.message, &mut self.data);
            self.notification_count += u32::from(envelope::kind(&self.message) == Kind::Method);
        }
        self.data.clear();
        self.has_data = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, notification_count: u32, message: &str) {
        for cut in 0..=text.len() {
            let mut events = Events::default();
            events.handle_bytes(&text.as_bytes()[..cut]).expect("small");
            events.handle_bytes(&text.as_bytes()[cut..]).expect("small");
            let got = (events.notification_count(), String::from_utf8_lossy(events.message()));
            assert_eq!(got, (notification_count, message.into()), "{text:?} cut at {cut}");
        }
    }

    #[test]
    fn events_become_messages() {
        check("data: 1\n\n", 0, "1");
        check(
            "event: message\ndata: {\"method\":\"a\"}\n\nid: 7\ndata:{\"id\":1,\"result\":2}\n\n",
            1,
            r#"{"id":1,"result":2}"#,
        );
        check("data: {\"method\":\"a\"}\r\n\r\ndata: {\"method\":\"b\"}\r\rdata:c\n\r\n", 2, "c");
        check(": keepalive\n\nid: 1\nretry: 3000\ndata:\n\ndata\n\ndata: x\n\n", 0, "x");
        check("data: {\ndata: }\n\n", 0, "{\n}");
        check("data: {\r\ndata: }\r\n\r\n", 0, "{\n}");
        check("\u{feff}data:  two\n\n", 0, " two");
        check("database: no\ndata: yes\nx\n\n", 0, "yes");
    }

    #[test]
    fn an_event_without_its_end_is_none() {
        check("data: 1\n\ndata: 2\n", 0, "1");
        check("data: 1", 0, "");
        check("", 0, "");
    }

    #[test]
    fn a_line_and_an_event_have_a_bound() {
        let line = vec![b'x'; 1 << 20];
        let mut events = Events::default();
        let endless = (0..9).map(|_| events.handle_bytes(&line)).find(Result::is_err);
        assert_eq!(endless, Some(Err(Malformed::TooLarge)));
        let mut events = Events::default();
        let line = format!("data: {}\n", "x".repeat(1 << 20));
        let endless = (0..9).map(|_| events.handle_bytes(line.as_bytes())).find(Result::is_err);
        assert_eq!(endless, Some(Err(Malformed::TooLarge)));
    }
}
