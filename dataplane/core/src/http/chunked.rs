//! The chunked transfer coding (RFC 9112 section 7.1), decoded in place: data moves down over the chunk lines already
//! read. It never keeps an extension or a trailer.

use crate::refusal::Refusal;

/// Bytes of one chunk-size line, extensions included.
const LINE_BYTES_MAX: usize = 4 << 10;
/// Bytes of all chunk-size lines of a body, beyond what its data explains; guards against a line a byte.
const OVERHEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of the trailer section.
const TRAILER_BYTES_MAX: usize = 8 << 10;
/// Fields of the trailer section.
const TRAILER_FIELDS_MAX: usize = 32;

const BAD_SIZE: Refusal = Refusal::Framing("A chunk size must be hexadecimal digits");
const BAD_LINE: Refusal = Refusal::Framing("A chunk line cannot be read");
const BAD_DATA: Refusal = Refusal::Framing("Chunk data must end in CR LF");
const BAD_TRAILER: Refusal = Refusal::Framing("A trailer field cannot be read");

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data { left: usize },
    DataEnd,
    Trailer,
    Done,
}

/// Decodes one chunked body.
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    overhead_bytes: usize,
    /// Bytes of data decoded so far.
    pub decoded_bytes: usize,
}

impl Default for Chunked {
    fn default() -> Self {
        Chunked { state: State::Size, overhead_bytes: 0, decoded_bytes: 0 }
    }
}

impl Chunked {
    /// Decodes from `raw` (an index into `buffer`) up to `filled`, writing data behind `body_start`. Returns the index
    /// up to which raw bytes were taken and whether the body is complete.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as the coding is in doubt or the body passes `body_bytes_max`.
    pub fn decode(
        &mut self,
        buffer: &mut [u8],
        body_start: usize,
        mut raw: usize,
        filled: usize,
        body_bytes_max: usize,
    ) -> Result<(usize, bool), Refusal> {
        loop {
            let rest = &buffer[raw..filled];
            match self.state {
                State::Size => {
                    let Some((size, line_bytes)) = size_line(rest)? else {
                        return Ok((raw, false));
                    };
                    // An operator may have lowered the bound below what is there.
                    if size > body_bytes_max.saturating_sub(self.decoded_bytes) as u64 {
                        return Err(Refusal::BodyTooLarge);
                    }
                    self.overhead_bytes += line_bytes;
                    if self.overhead_bytes > OVERHEAD_BYTES_MAX + self.decoded_bytes {
                        return Err(Refusal::BodyTooLarge);
                    }
                    raw += line_bytes;
                    self.state = if size == 0 { State::Trailer } else { State::Data { left: size as usize } };
                }
                State::Data { left } => {
                    let taken = left.min(rest.len());
                    buffer.copy_within(raw..raw + taken, body_start + self.decoded_bytes);
                    self.decoded_bytes += taken;
                    raw += taken;
                    if taken < left {
                        self.state = State::Data { left: left - taken };
                        return Ok((raw, false));
                    }
                    self.state = State::DataEnd;
                }
                State::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        raw += 2;
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok((raw, false)),
                    _ => return Err(BAD_DATA),
                },
                State::Trailer => {
                    let Some(bytes) = trailer(rest)? else {
                        return Ok((raw, false));
                    };
                    raw += bytes;
                    self.state = State::Done;
                }
                State::Done => return Ok((raw, true)),
            }
        }
    }
}

/// The size and length of a complete chunk-size line; `None` while it could still become good.
fn size_line(rest: &[u8]) -> Result<Option<(u64, usize)>, Refusal> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > 16 {
        return Err(BAD_SIZE);
    }
    let Some(&next) = rest.get(digits) else {
        return Ok(None);
    };
    if digits == 0 {
        return Err(BAD_SIZE);
    }
    let text = std::str::from_utf8(&rest[..digits]).map_err(|_| BAD_SIZE)?;
    let size = u64::from_str_radix(text, 16).map_err(|_| BAD_SIZE)?;
    let line_end = match next {
        b'\r' => Some(digits),
        b';' => extensions(rest, digits)?,
        _ => return Err(BAD_LINE),
    };
    let Some(line_end) = line_end else {
        return if rest.len() > LINE_BYTES_MAX { Err(BAD_LINE) } else { Ok(None) };
    };
    if line_end > LINE_BYTES_MAX {
        return Err(BAD_LINE);
    }
    match rest.get(line_end + 1) {
        Some(b'\n') => Ok(Some((size, line_end + 2))),
        Some(_) => Err(BAD_LINE),
        None => Ok(None),
    }
}

/// The index of the CR behind `*( ";" name [ "=" value ] )`, without optional white space; `None` when unfinished.
fn extensions(rest: &[u8], mut at: usize) -> Result<Option<usize>, Refusal> {
    let token_end = |from: usize| from + rest[from..].iter().take_while(|&&byte| is_token(byte)).count();
    loop {
        match rest.get(at) {
            Some(b'\r') => return Ok(Some(at)),
            Some(b';') => {}
            Some(_) => return Err(BAD_LINE),
            None => return Ok(None),
        }
        let name_end = token_end(at + 1);
        if name_end == rest.len() {
            return Ok(None);
        }
        if name_end == at + 1 {
            return Err(BAD_LINE);
        }
        at = name_end;
        if rest[at] != b'=' {
            continue;
        }
        at += 1;
        if rest.get(at) == Some(&b'"') {
            let Some(end) = quoted_end(rest, at + 1)? else {
                return Ok(None);
            };
            at = end;
        } else {
            let value_end = token_end(at);
            if value_end == rest.len() {
                return Ok(None);
            }
            if value_end == at {
                return Err(BAD_LINE);
            }
            at = value_end;
        }
    }
}

fn quoted_end(rest: &[u8], mut at: usize) -> Result<Option<usize>, Refusal> {
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => return Ok(Some(at + 1)),
            // A quoted pair hides no line end or NUL (RFC 9110 section 5.6.4), which a peer might act on.
            b'\\' => match rest.get(at + 1) {
                Some(b'\t' | b' '..=b'~' | 0x80..) => at += 2,
                Some(_) => return Err(BAD_LINE),
                None => return Ok(None),
            },
            b'\t' | b' '..=b'~' | 0x80.. => at += 1,
            _ => return Err(BAD_LINE),
        }
    }
    Ok(None)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The length of a complete trailer section, fields discarded; `None` when unfinished.
fn trailer(rest: &[u8]) -> Result<Option<usize>, Refusal> {
    if rest.starts_with(b"\r\n") {
        return Ok(Some(2));
    }
    for at in memchr::memchr_iter(b'\n', rest) {
        if at == 0 || rest[at - 1] != b'\r' {
            return Err(BAD_TRAILER);
        }
        if rest[..at - 1].ends_with(b"\r\n") {
            break;
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    match httparse::parse_headers(rest, &mut fields) {
        Ok(httparse::Status::Complete((bytes, _))) if bytes <= TRAILER_BYTES_MAX => Ok(Some(bytes)),
        Ok(httparse::Status::Partial) if rest.len() <= TRAILER_BYTES_MAX => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(Refusal::HeadTooLarge),
        Err(_) => Err(BAD_TRAILER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<(String, bool), Refusal> {
        let mut buffer = text.as_bytes().to_vec();
        let filled = buffer.len();
        let mut chunked = Chunked::default();
        let (_, done) = chunked.decode(&mut buffer, 0, 0, filled, 1 << 20)?;
        Ok((String::from_utf8_lossy(&buffer[..chunked.decoded_bytes]).into_owned(), done))
    }

    #[test]
    fn good_codings_give_their_data() {
        let whole = |text: &str| Ok((text.to_owned(), true));
        assert_eq!(decode("3\r\nfoo\r\n0\r\n\r\n"), whole("foo"));
        assert_eq!(decode("1\r\na\r\nA;x=1;y=\"q;\\\"\"\r\n0123456789\r\n000\r\nX: y\r\n\r\n"), whole("a0123456789"));
        assert_eq!(decode("3\r\nfo"), Ok(("fo".into(), false)));
    }

    #[test]
    fn doubt_is_refused() {
        for bad in [
            "x\r\n",
            " 3\r\nfoo",
            "3 \r\nfoo",
            "0x3\r\n",
            "3;\r\nfoo",
            "3;a b\r\n",
            "3\nfoo",
            "3\rfoo",
            "3\r\nfooo",
            "11111111111111111\r\n",
            "0\r\nbad name: 1\r\n\r\n",
            "0\r\nA: 1\n\r\n",
            "0\r\n\n",
            "3;a=\"\\\n\"\r\nfoo",
            "3;a=\"\\\0\"\r\nfoo",
        ] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
        assert_eq!(decode("fffffffff\r\n"), Err(Refusal::BodyTooLarge));
    }

    #[test]
    fn a_bound_that_falls_below_what_is_there_ends_the_body() {
        let mut buffer = b"5\r\n01234\r\n1\r\n5\r\n0\r\n\r\n".to_vec();
        let filled = buffer.len();
        let mut chunked = Chunked::default();
        let (raw, done) = chunked.decode(&mut buffer, 0, 0, 10, 5).expect("good so far");
        assert_eq!((raw, done), (10, false));
        assert_eq!(chunked.clone().decode(&mut buffer, 0, raw, filled, 5), Err(Refusal::BodyTooLarge));
        assert_eq!(chunked.decode(&mut buffer, 0, raw, filled, 4), Err(Refusal::BodyTooLarge));
    }
}
