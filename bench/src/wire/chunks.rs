//! A chunked body, taken apart as it comes (RFC 9112, 7.1). Never keeps a byte of it, and never asks what it means.

use crate::wire::response::{ANSWER_BYTES_MAX, Malformed};

/// Of a chunk's extension, or of all trailers: nobody needs them, and nobody may send them for ever.
const IGNORED_BYTES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, Default)]
pub struct Chunks {
    stage: Stage,
    /// Of the chunk: what its digits say so far, then what of it is still to come.
    chunk_bytes: usize,
    digit_count: usize,
    ignored_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Size,
    /// Behind the size: `;name=value`, and the line's end.
    Extension,
    Data,
    /// The line end that closes a chunk.
    DataEnd,
    /// At the beginning of a line behind the last chunk: an empty one ends the body.
    TrailerStart,
    Trailer,
    Ended,
}

impl Chunks {
    /// Hands the body's bytes to `sink`. Once the body has ended: what follows it.
    pub fn decode<'a>(
        &mut self,
        mut bytes: &'a [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<Option<&'a [u8]>, Malformed> {
        while self.stage != Stage::Ended {
            if self.stage == Stage::Data {
                let (data, rest) = bytes.split_at(bytes.len().min(self.chunk_bytes));
                if data.is_empty() {
                    return Ok(None);
                }
                sink(data)?;
                bytes = rest;
                self.chunk_bytes -= data.len();
                if self.chunk_bytes == 0 {
                    self.stage = Stage::DataEnd;
                }
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return Ok(None);
            };
            bytes = rest;
            self.stage = self.handle_byte(byte)?;
        }
        Ok(Some(bytes))
    }

    /// Line ends are taken as LF, the CR before it as filling: nothing hangs on it where only we read.
    fn handle_byte(&mut self, byte: u8) -> Result<Stage, Malformed> {
        match self.stage {
            Stage::Size => match (byte, (byte as char).to_digit(16)) {
                (_, Some(digit)) => {
                    self.chunk_bytes = self.chunk_bytes * 16 + digit as usize;
                    self.digit_count += 1;
                    if self.chunk_bytes > ANSWER_BYTES_MAX { Err(Malformed::TooLarge) } else { Ok(Stage::Size) }
                }
                _ if self.digit_count == 0 => Err(Malformed::BadChunk),
                (b'\n', _) => Ok(self.begin_chunk()),
                (b'\r' | b';' | b' ' | b'\t', _) => Ok(Stage::Extension),
                _ => Err(Malformed::BadChunk),
            },
            Stage::Extension if byte == b'\n' => Ok(self.begin_chunk()),
            Stage::DataEnd => match byte {
                b'\r' => Ok(Stage::DataEnd),
                b'\n' => {
                    self.digit_count = 0;
                    Ok(Stage::Size)
                }
                _ => Err(Malformed::BadChunk),
            },
            Stage::TrailerStart if byte == b'\n' => Ok(Stage::Ended),
            Stage::TrailerStart if byte == b'\r' => Ok(Stage::TrailerStart),
            Stage::Trailer if byte == b'\n' => Ok(Stage::TrailerStart),
            Stage::Extension | Stage::TrailerStart | Stage::Trailer => {
                self.ignored_bytes += 1;
                let stage = if self.stage == Stage::Extension { Stage::Extension } else { Stage::Trailer };
                if self.ignored_bytes > IGNORED_BYTES_MAX { Err(Malformed::BadChunk) } else { Ok(stage) }
            }
            Stage::Data | Stage::Ended => unreachable!("`decode` takes these"),
        }
    }

    fn begin_chunk(&mut self) -> Stage {
        self.ignored_bytes = 0;
        if self.chunk_bytes == 0 { Stage::TrailerStart } else { Stage::Data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<(String, &[u8])>, Malformed> {
        let mut body = Vec::new();
        let rest = Chunks::default().decode(bytes, |data| {
            body.extend_from_slice(data);
            Ok(())
        })?;
        Ok(rest.map(|rest| (String::from_utf8(body).expect("text"), rest)))
    }

    #[track_caller]
    fn check(bytes: &str, body: &str, rest: &str) {
        assert_eq!(decode(bytes.as_bytes()), Ok(Some((body.to_owned(), rest.as_bytes()))), "{bytes:?}");
    }

    #[test]
    fn chunks_become_a_body() {
        check("0\r\n\r\n", "", "");
        check("3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello", "");
        check("00A \r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nHTTP", "0123456789", "HTTP");
        check("1\na\n0\n\n", "a", "");
        assert_eq!(decode(b"3\r\nhel\r\n0\r\n"), Ok(None));
        assert_eq!(decode(b"3\r\nhe"), Ok(None));
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        #[track_caller]
        fn check(bytes: &str, want: Malformed) {
            assert_eq!(decode(bytes.as_bytes()), Err(want), "{bytes:?}");
        }
        check("zz\r\n", Malformed::BadChunk);
        check("\r\n", Malformed::BadChunk);
        check("-1\r\n", Malformed::BadChunk);
        check("1\r\nabc", Malformed::BadChunk);
        check("1\r\na\r\n\r\n", Malformed::BadChunk);
        check("ffffffffffffffffffff\r\n", Malformed::TooLarge);
        check(&format!("1;{}\r\n", "x".repeat(IGNORED_BYTES_MAX + 1)), Malformed::BadChunk);
        check(&format!("0\r\n{}", "X: y\r\n".repeat(IGNORED_BYTES_MAX)), Malformed::BadChunk);
    }
}
