//! What a right answer is, and whether this one is it. Every answer of a run is held to it, not a sample.
//!
//! Answers to equal requests mostly differ in the counter alone. So the last right answer is remembered with the counter
//! wherever it stood, and one that equals it is right after a single comparison; any other is looked at closely. Never
//! builds a tree of JSON.

use memchr::memmem;

use crate::wire::envelope::{self, Kind};
use crate::wire::response::Answer;
use crate::wire::stamp::{Digits, Stamped};

#[derive(Clone, Debug)]
pub struct Expect {
    pub status: u16,
    pub body_bytes: BodyBytes,
    /// Events before the answer, at least.
    pub events_min: u32,
    pub outcome: Outcome,
    pub contains: Vec<Needle>,
    pub remembered: Remembered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyBytes {
    Any,
    /// As long as the first answer that is otherwise right; requests have one length, so should their answers.
    LikeFirst,
    Exactly(usize),
}

/// How an answer says that it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unsaid,
    /// A JSON-RPC result, and where `id` is set, to the request with this counter; a tool's one is no failure.
    Result {
        id: bool,
    },
    /// A tool's result by itself, and no failure.
    Content,
    /// `"success": true`.
    Success,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Status,
    Length,
    Content,
}

impl Expect {
    pub fn check(&mut self, answer: &Answer<'_>, digits: Digits) -> Result<(), Wrong> {
        if answer.status != self.status {
            return Err(Wrong::Status);
        }
        let has_events = answer.event_count >= self.events_min;
        if has_events && self.remembered.is(answer.body, digits) {
            return Ok(());
        }
        if let BodyBytes::Exactly(body_bytes) = self.body_bytes
            && answer.body.len() != body_bytes
        {
            return Err(Wrong::Length);
        }
        let contains_all = self.contains.iter_mut().all(|needle| needle.is_in(answer.body, digits));
        if !has_events || !contains_all || !self.outcome.is_good(answer.body, digits) {
            return Err(Wrong::Content);
        }
        if self.body_bytes == BodyBytes::LikeFirst {
            self.body_bytes = BodyBytes::Exactly(answer.body.len());
        }
        self.remembered.learn(answer.body, digits);
        Ok(())
    }
}

impl Outcome {
    fn is_good(self, body: &[u8], digits: Digits) -> bool {
        match self {
            Self::Unsaid => true,
            Self::Result { id } => {
                let envelope = envelope::read(body).filter(|envelope| envelope.kind == Kind::Result);
                let is_ours = envelope.is_some_and(|envelope| !id || envelope.id == Some(digits.as_bytes()));
                is_ours && !says_true(body, b"\"isError\"")
            }
            Self::Content => !says_true(body, b"\"isError\""),
            Self::Success => says_true(body, b"\"success\""),
        }
    }
}

/// `"isError":true`, with or without spaces. Inside a string the quotes would be escaped, so that it is a member's name.
fn says_true(body: &[u8], name: &[u8]) -> bool {
    memmem::find_iter(body, name).any(|at| {
        let after = body[at + name.len()..].trim_ascii_start().strip_prefix(b":");
        after.is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
    })
}

#[derive(Clone, Debug)]
pub struct Needle {
    text: Stamped,
    /// Where it was the last time. Answers look alike, so one comparison there mostly saves the search.
    found_at: usize,
}

impl Needle {
    pub fn new(text: &str) -> Self {
        Self { text: Stamped::new(text.into()), found_at: 0 }
    }

    pub fn has_counter(&self) -> bool {
        self.text.has_counter()
    }

    fn is_in(&mut self, body: &[u8], digits: Digits) -> bool {
        let text = self.text.stamp(digits);
        if body.get(self.found_at..).is_some_and(|body| body.starts_with(text)) {
            return true;
        }
        let found_at = memmem::find(body, text);
        self.found_at = found_at.unwrap_or(0);
        found_at.is_some()
    }
}

/// The last right answer. Has at most the bytes of one answer, `ANSWER_BYTES_MAX`.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// `None` until the first.
    body: Option<Stamped>,
    missed_count: u32,
}

impl Remembered {
    fn is(&mut self, body: &[u8], digits: Digits) -> bool {
        let Some(remembered) = &mut self.body else {
            return false;
        };
        // The lengths first: a stamp is worth it only where the rest can be equal.
        if remembered.bytes_count() == body.len() && remembered.stamp(digits) == body {
            self.missed_count = 0;
            return true;
        }
        false
    }

    /// Answers that are never alike (they tell the time) are learned ever more rarely: it would be in vain.
    fn learn(&mut self, body: &[u8], digits: Digits) {
        self.missed_count = self.missed_count.saturating_add(1);
        if self.missed_count.is_power_of_two() {
            self.body.get_or_insert_default().learn(body, digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::{COUNTER_FIRST, COUNTER_MARK};

    const RIGHT: &str = r#"{"id": 100000000007,"result":{"text":"text 100000000007 end"}}"#;

    fn echo() -> Expect {
        Expect {
            status: 200,
            body_bytes: BodyBytes::LikeFirst,
            events_min: 0,
            outcome: Outcome::Result { id: true },
            contains: vec![Needle::new(&format!("text {COUNTER_MARK} end"))],
            remembered: Remembered::default(),
        }
    }

    fn check(expect: &mut Expect, status: u16, body: &str, count: u64) -> Result<(), Wrong> {
        let answer = Answer { status, head: b"", body: body.as_bytes(), event_count: 0, closes: false };
        expect.check(&answer, Digits::of(COUNTER_FIRST + count))
    }

    /// Goal: nothing that is wrong passes, neither before something is remembered nor after. Method: each wrong answer
    /// by itself, and again once right ones were seen.
    #[track_caller]
    fn check_wrong(wrong: &str, want: Wrong) {
        assert_eq!(check(&mut echo(), 200, wrong, 7), Err(Wrong::Content), "first: {wrong}");
        let mut expect = echo();
        assert_eq!(check(&mut expect, 200, RIGHT, 7), Ok(()));
        assert_eq!(check(&mut expect, 200, &RIGHT.replace("07", "08"), 8), Ok(()));
        assert_eq!(check(&mut expect, 200, wrong, 7), Err(want), "later: {wrong}");
        assert_eq!(check(&mut expect, 200, RIGHT, 7), Ok(()), "a wrong answer changes nothing");
    }

    #[test]
    fn the_answer_to_another_request_is_wrong() {
        check_wrong(&RIGHT.replace("07", "06"), Wrong::Content);
        check_wrong(&RIGHT.replacen("07", "06", 1), Wrong::Content);
        check_wrong(&RIGHT.replace("07 end", "06 end"), Wrong::Content);
        check_wrong(&RIGHT.replace("07,", "070,"), Wrong::Length);
        check_wrong(&RIGHT.replace(" 100000000007,", "\"100000000007\","), Wrong::Length);
    }

    #[test]
    fn an_error_is_wrong_whatever_it_quotes() {
        check_wrong(&RIGHT.replace("result", "errors"), Wrong::Content);
        check_wrong(r#"{"id":100000000007,"error":{"text 100000000007 end":"result"}}"#, Wrong::Content);
        let failed = r#"{"id":100000000007,"result":{"text":"text 100000000007 end","isError" : true}}"#;
        check_wrong(failed, Wrong::Length);
        let fine = failed.replace("true", "false");
        assert_eq!(check(&mut echo(), 200, &fine, 7), Ok(()));
        let quoted = r#"{"id":100000000007,"result":"\"isError\":true text 100000000007 end"}"#;
        assert_eq!(check(&mut echo(), 200, quoted, 7), Ok(()));
        check_wrong(&RIGHT[..RIGHT.len() - 1], Wrong::Length);
    }

    #[test]
    fn status_length_and_events_count_too() {
        let mut expect = echo();
        assert_eq!(check(&mut expect, 503, RIGHT, 7), Err(Wrong::Status));
        assert_eq!(check(&mut expect, 200, RIGHT, 7), Ok(()));
        assert_eq!(check(&mut expect, 503, RIGHT, 7), Err(Wrong::Status));
        assert_eq!(check(&mut expect, 200, &format!("{RIGHT} "), 7), Err(Wrong::Length));
        expect.events_min = 1;
        assert_eq!(check(&mut expect, 200, RIGHT, 7), Err(Wrong::Content));
    }

    #[test]
    fn a_text_that_moves_is_still_found() {
        let mut expect = Expect { body_bytes: BodyBytes::Any, outcome: Outcome::Unsaid, ..echo() };
        for body in ["a text 100000000000 end", "text 100000000000 end", "bb text 100000000000 end"] {
            assert_eq!(check(&mut expect, 200, body, 0), Ok(()), "{body}");
        }
    }

    #[test]
    fn faces_without_json_rpc_tell_failure_in_their_own_way() {
        let body = |text: &str| format!("{{{text},\"data\":\"text 100000000007 end\"}}");
        let mut expect = Expect { outcome: Outcome::Success, ..echo() };
        assert_eq!(check(&mut expect, 200, &body(r#""success": false"#), 7), Err(Wrong::Content));
        assert_eq!(check(&mut expect, 200, &body(r#""success": true"#), 7), Ok(()));
        let mut expect = Expect { outcome: Outcome::Content, ..echo() };
        assert_eq!(check(&mut expect, 200, &body(r#""isError":true"#), 7), Err(Wrong::Content));
        assert_eq!(check(&mut expect, 200, &body(r#""isError":false"#), 7), Ok(()));
    }

    /// Goal: a yardstick that answers everybody alike is held to its length and to being a result, and to no counter.
    #[test]
    fn a_constant_answer_may_be_expected() {
        let expect = || Expect { outcome: Outcome::Result { id: false }, contains: Vec::new(), ..echo() };
        let mut constant = expect();
        for count in [7, 8, 9, 10] {
            assert_eq!(check(&mut constant, 200, RIGHT, count), Ok(()), "{count}");
        }
        assert_eq!(check(&mut constant, 200, &format!("{RIGHT} "), 11), Err(Wrong::Length));
        assert_eq!(check(&mut expect(), 200, &RIGHT.replace("result", "error"), 7), Err(Wrong::Content));
    }

    #[test]
    fn what_never_repeats_is_not_learned_each_time() {
        let mut expect = Expect { body_bytes: BodyBytes::Any, ..echo() };
        for count in 0..1000 {
            let body = format!(r#"{{"id":{0},"result":"text {0} end {count}"}}"#, COUNTER_FIRST + count);
            assert_eq!(check(&mut expect, 200, &body, count), Ok(()));
        }
        assert!(!expect.remembered.missed_count.is_power_of_two());
        assert_eq!(expect.remembered.missed_count, 1000);
    }
}
