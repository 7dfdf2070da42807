//! Server-sent events, read as they arrive. It never interprets what they carry.

use std::io::{self, BufRead, Read};
use std::time::Duration;

/// One event may be this large: as much as a plain answer.
const EVENT_BYTES_MAX: u64 = super::door::ANSWER_BYTES_MAX;

/// The events of one answer.
pub struct Events<R> {
    source: R,
    /// The id of the last event that had one: where a broken stream is taken up.
    pub last_id: Option<String>,
    /// How long the server wants to be left alone before that.
    pub retry: Option<Duration>,
    is_begun: bool,
}

impl<R: BufRead> Events<R> {
    pub fn new(source: R) -> Events<R> {
        Events { source, last_id: None, retry: None, is_begun: false }
    }

    /// The data of the next event that has any; `None` at the end. What an ending stream leaves unfinished is no event.
    pub fn next_data(&mut self) -> io::Result<Option<String>> {
        let mut data: Option<String> = None;
        let mut room = EVENT_BYTES_MAX;
        loop {
            let mut line = Vec::new();
            let count = (&mut self.source).take(room).read_until(b'\n', &mut line)?;
            room -= count as u64;
            if line.pop() != Some(b'\n') {
                let is_full = room == 0;
                return if is_full { Err(not_mcp("an event is too large")) } else { Ok(None) };
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            let line = String::from_utf8(line).map_err(|_| not_mcp("an event is not UTF-8"))?;
            // A byte order mark may begin a stream.
            let line = if self.is_begun { &line } else { line.strip_prefix('\u{feff}').unwrap_or(&line) };
            self.is_begun = true;
            for line in line.split('\r') {
                if !line.is_empty() {
                    self.field(line, &mut data);
                } else if data.as_ref().is_some_and(|data| !data.is_empty()) {
                    return Ok(data);
                } else {
                    data = None;
                    room = EVENT_BYTES_MAX;
                }
            }
        }
    }

    fn field(&mut self, line: &str, data: &mut Option<String>) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => *data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.last_id = Some(value.to_owned()),
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry),
            // `event` is always `message` here; a comment keeps the connection alive.
            _ => {}
        }
    }
}

fn not_mcp(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stream: &str, want: &[&str]) {
        let mut events = Events::new(stream.as_bytes());
        let mut seen = Vec::new();
        while let Some(data) = events.next_data().expect("readable") {
            seen.push(data);
        }
        assert_eq!(seen, want, "{stream:?}");
    }

    /// Goal: events are cut as the HTML standard says, whatever ends their lines. Method: a row a rule.
    #[test]
    fn events_are_cut_as_the_standard_says() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data:a\r\n\r\ndata:  b\r\n\r\n", &["a", " b"]);
        check("\u{feff}event: message\ndata: a\ndata: b\n\n", &["a\nb"]);
        check(": keep-alive\n\ndata\n\nid: 1\ndata:\n\ndata: x\n\n", &["x"]);
        check("data: a\rdata: b\r\n\n", &["a\nb"]);
        check("data: whole\n\ndata: cut off\n", &["whole"]);
        check("", &[]);
    }

    /// Goal: what is no event stream is the server's doing, and not a way that is broken. Method: the kind of the error.
    #[test]
    fn what_is_no_event_is_told_apart_from_a_broken_way() {
        struct Endless;
        impl Read for Endless {
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                room.fill(b'x');
                Ok(room.len())
            }
        }
        let mut text = Events::new(&b"data: \xff\n\n"[..]);
        assert_eq!(text.next_data().expect_err("not text").kind(), io::ErrorKind::InvalidData);
        let mut large = Events::new(io::BufReader::new(Endless));
        assert_eq!(large.next_data().expect_err("too large").kind(), io::ErrorKind::InvalidData);
    }

    /// Goal: where to take a stream up is known. Method: ids and times of a stream that ends.
    #[test]
    fn a_stream_says_where_it_ended() {
        let mut events = Events::new("id: 7\nretry: 40\ndata:\n\nretry: soon\n: x\n".as_bytes());
        assert_eq!(events.next_data().expect("readable"), None);
        assert_eq!(events.last_id.as_deref(), Some("7"));
        assert_eq!(events.retry, Some(Duration::from_millis(40)));
    }
}
