//! What `Content-Type` and `Accept` say, as far as MCP asks. It never negotiates anything else.

/// What the client takes as an answer. Absent `Accept` takes anything (RFC 9110 section 12.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    present: bool,
    json: bool,
    event_stream: bool,
}

impl Accept {
    /// Reads one `Accept` line; several lines add up.
    pub fn add(&mut self, value: &[u8]) {
        self.present = true;
        // What MCP asks its clients to send, and nearly all do.
        if value == b"application/json, text/event-stream" {
            (self.json, self.event_stream) = (true, true);
            return;
        }
        for range in value.split(|&byte| byte == b',') {
            let kind = range.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
            match kind {
                b"*/*" => (self.json, self.event_stream) = (true, true),
                _ if kind.eq_ignore_ascii_case(b"application/json") => self.json = true,
                _ if kind.eq_ignore_ascii_case(b"application/*") => self.json = true,
                _ if kind.eq_ignore_ascii_case(b"text/event-stream") => self.event_stream = true,
                _ if kind.eq_ignore_ascii_case(b"text/*") => self.event_stream = true,
                _ => {}
            }
        }
    }

    /// Whether a JSON answer is acceptable.
    pub fn json(self) -> bool {
        !self.present || self.json
    }

    /// Whether an SSE answer is acceptable.
    pub fn event_stream(self) -> bool {
        !self.present || self.event_stream
    }
}

/// Whether a `Content-Type` value is JSON in UTF-8.
pub fn is_json(value: &[u8]) -> bool {
    if value == b"application/json" {
        return true;
    }
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let kind = parts.next().unwrap_or_default();
    kind.eq_ignore_ascii_case(b"application/json")
        && parts.all(|parameter| {
            let mut sides = parameter.splitn(2, |&byte| byte == b'=');
            let is_charset = sides.next().unwrap_or_default().eq_ignore_ascii_case(b"charset");
            let charset = sides.next().unwrap_or_default();
            !is_charset || charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"\"utf-8\"")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_utf_8_json_only() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["text/plain", "application/jsonp", "", "application/json; charset=utf-16"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn accept_adds_up() {
        let mut accept = Accept::default();
        assert!(accept.json() && accept.event_stream());
        accept.add(b"application/json;q=0.9");
        assert!(accept.json() && !accept.event_stream());
        accept.add(b"text/event-stream");
        assert!(accept.event_stream());
        let mut usual = Accept::default();
        usual.add(b"application/json, text/event-stream");
        assert_eq!(usual, accept);
    }
}
