//! What a right answer is, and whether this one is it. Every answer of a run is held to it, not a sample.
//!
//! Never parses JSON: it looks for the bytes that the request put in, which is cheap enough to do for each answer and
//! still catches an answer that belongs to another request, since both the text and the id carry the request's counter.

use memchr::memmem;

use crate::wire::response::Answer;
use crate::wire::stamp::{Digits, Stamped};

#[derive(Clone, Debug)]
pub struct Expect {
    pub status: u16,
    pub body_bytes: BodyBytes,
    /// The JSON-RPC id of the answer must be the request's counter.
    pub id: bool,
    pub contains: Vec<Needle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyBytes {
    Any,
    /// As long as the first answer that is otherwise right; requests have one length, so should their answers.
    LikeFirst,
    Exactly(usize),
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
        if let BodyBytes::Exactly(body_bytes) = self.body_bytes
            && answer.body.len() != body_bytes
        {
            return Err(Wrong::Length);
        }
        let content = self.contains.iter_mut().all(|needle| needle.is_in(&answer.body, digits))
            && (!self.id || holds_id(&answer.body, digits));
        if !content {
            return Err(Wrong::Content);
        }
        if self.body_bytes == BodyBytes::LikeFirst {
            self.body_bytes = BodyBytes::Exactly(answer.body.len());
        }
        Ok(())
    }
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

/// `"id": 100000000042`, with or without the space.
fn holds_id(body: &[u8], digits: Digits) -> bool {
    memmem::find_iter(body, b"\"id\":").any(|at| {
        let value = body[at + 5..].trim_ascii_start();
        value.strip_prefix(digits.as_bytes()).is_some_and(|after| !after.first().is_some_and(u8::is_ascii_digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::{COUNTER_FIRST, COUNTER_MARK};

    fn echo() -> Expect {
        let contains = vec![Needle::new("\"result\""), Needle::new(&format!("text {COUNTER_MARK} end"))];
        Expect { status: 200, body_bytes: BodyBytes::LikeFirst, id: true, contains }
    }

    fn check(expect: &mut Expect, status: u16, body: &str, count: u64) -> Result<(), Wrong> {
        let answer = Answer { status, head: b"", body: body.as_bytes().into(), closes: false };
        expect.check(&answer, Digits::of(COUNTER_FIRST + count))
    }

    #[test]
    fn the_answer_to_another_request_is_wrong() {
        let mut expect = echo();
        let right = r#"{"id": 100000000007,"result":"text 100000000007 end"}"#;
        assert_eq!(check(&mut expect, 200, right, 7), Ok(()));
        assert_eq!(check(&mut expect, 200, right, 8), Err(Wrong::Content));
        let crossed_id = r#"{"id": 100000000006,"result":"text 100000000007 end"}"#;
        assert_eq!(check(&mut expect, 200, crossed_id, 7), Err(Wrong::Content));
        let crossed_text = r#"{"id": 100000000007,"result":"text 100000000006 end"}"#;
        assert_eq!(check(&mut expect, 200, crossed_text, 7), Err(Wrong::Content));
        assert_eq!(check(&mut expect, 200, right, 7), Ok(()));
    }

    #[test]
    fn status_and_length_count_too() {
        let mut expect = echo();
        let right = r#"{"result":"text 100000000000 end","id":100000000000}"#;
        assert_eq!(check(&mut expect, 503, right, 0), Err(Wrong::Status));
        assert_eq!(check(&mut expect, 200, right, 0), Ok(()));
        assert_eq!(check(&mut expect, 200, &format!("{right} "), 0), Err(Wrong::Length));
        let error = right.replace("result", "errors");
        assert_eq!(check(&mut expect, 200, &error, 0), Err(Wrong::Content));
    }

    #[test]
    fn a_text_that_moves_is_still_found() {
        let mut expect = Expect { body_bytes: BodyBytes::Any, id: false, ..echo() };
        for body in ["\"result\" text 100000000000 end", "text 100000000000 end \"result\""] {
            assert_eq!(check(&mut expect, 200, body, 0), Ok(()), "{body}");
        }
    }
}
