//! Finds members and elements in JSON text that was already validated, without reading what is inside them. It never
//! judges: on text that was not validated it stops early or returns nonsense, but it never panics.

/// The texts of an object's values, in order, white space included.
pub fn members(object: &[u8]) -> impl Iterator<Item = &[u8]> {
    Items {
        text: object,
        at: open(object, b'{'),
        keyed: true,
    }
}

/// The texts of an array's elements, in order.
pub fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    Items {
        text: array,
        at: open(array, b'['),
        keyed: false,
    }
}

fn open(text: &[u8], bracket: u8) -> usize {
    text.iter()
        .position(|&byte| byte == bracket)
        .map_or(text.len(), |at| at + 1)
}

struct Items<'a> {
    text: &'a [u8],
    at: usize,
    keyed: bool,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.keyed {
            let key = self.at + memchr::memchr2(b'"', b'}', self.text.get(self.at..)?)?;
            if self.text[key] != b'"' {
                return None;
            }
            let key_end = string_end(self.text, key);
            self.at = key_end + memchr::memchr(b':', self.text.get(key_end..)?)? + 1;
        }
        let start = self.at;
        let end = value_end(self.text, start)?;
        let byte = *self.text.get(end)?;
        if !self.keyed && byte == b']' && self.text[start..end].iter().all(u8::is_ascii_whitespace)
        {
            return None;
        }
        // A comma leads to the next item; a closing bracket makes the next search fail.
        self.at = if byte == b',' {
            end + 1
        } else {
            self.text.len()
        };
        Some(&self.text[start..end])
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
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
