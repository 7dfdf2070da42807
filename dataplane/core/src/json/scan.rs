//! Finds values in JSON text that was already validated, without reading what is inside them. It never
//! judges: on text that was not validated it stops early or returns nonsense, but it never panics.

/// The index behind the colon that follows the key whose first character is at `key`.
pub fn behind_key(text: &[u8], key: usize) -> usize {
    let key_end = string_end(text, key.saturating_sub(1));
    let colon = text.get(key_end..).and_then(|rest| memchr::memchr(b':', rest));
    colon.map_or(text.len(), |found| key_end + found + 1)
}

/// The value that starts at `start`, white space around it included.
pub fn value_at(text: &[u8], start: usize) -> &[u8] {
    let end = value_end(text, start).unwrap_or(text.len());
    text.get(start..end).unwrap_or_default()
}

/// The texts of an array's elements, in order.
pub fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    Elements { text: array, at: open(array, b'[') }
}

fn open(text: &[u8], bracket: u8) -> usize {
    text.iter().position(|&byte| byte == bracket).map_or(text.len(), |at| at + 1)
}

struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let end = value_end(self.text, start)?;
        let element = &self.text[start..end];
        let is_last = self.text[end] != b',';
        // Behind a closing bracket the next search fails.
        self.at = if is_last { self.text.len() } else { end + 1 };
        (!is_last || !element.iter().all(u8::is_ascii_whitespace)).then_some(element)
    }
}

/// The index of the `,`, `]` or `}` behind the value that starts at `at`.
fn value_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match *text.get(at)? {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

/// The index behind the string whose opening quote is at `at`.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
