//! UTF-8 checked piece by piece, so that text cut anywhere is judged as the whole would be, and as soon as no continuation
//! could make it good (RFC 6455 section 8.1). It never keeps more than the start of one character.

/// The text is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

/// What was checked so far.
#[derive(Clone, Debug, Default)]
pub struct TextCheck {
    /// The start of a character whose rest is to come.
    begun: [u8; 4],
    begun_bytes: usize,
}

impl TextCheck {
    /// Checks the next piece.
    ///
    /// # Errors
    /// [`NotUtf8`] when no continuation could make it good.
    pub fn check(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.begun_bytes > 0 {
            let [next, rest @ ..] = piece else {
                return Ok(());
            };
            self.begun[self.begun_bytes] = *next;
            self.begun_bytes += 1;
            piece = rest;
            match std::str::from_utf8(&self.begun[..self.begun_bytes]) {
                Ok(_) => self.begun_bytes = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                // A character has four bytes at most, so that this ends.
                Err(_) => {}
            }
        }
        if let Err(error) = std::str::from_utf8(piece) {
            if error.error_len().is_some() {
                return Err(NotUtf8);
            }
            let begun = &piece[error.valid_up_to()..];
            self.begun[..begun.len()].copy_from_slice(begun);
            self.begun_bytes = begun.len();
        }
        Ok(())
    }

    /// Ends the text, ready for another.
    ///
    /// # Errors
    /// [`NotUtf8`] when it ends inside a character.
    pub fn finish(&mut self) -> Result<(), NotUtf8> {
        if std::mem::take(&mut self.begun_bytes) == 0 { Ok(()) } else { Err(NotUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a text fails when it comes byte by byte; its length when it ends inside a character.
    fn fails_at(text: &[u8]) -> Option<usize> {
        let mut check = TextCheck::default();
        let failed = text.chunks(1).position(|byte| check.check(byte).is_err());
        failed.or_else(|| check.finish().is_err().then_some(text.len()))
    }

    #[test]
    fn a_text_fails_at_its_first_impossible_byte() {
        assert_eq!(fails_at("aé日🎉\u{10ffff}\0".as_bytes()), None);
        assert_eq!(fails_at(b"\xed\xa0\x80"), Some(1), "a surrogate");
        assert_eq!(fails_at(b"\xf4\x90\x80\x80"), Some(1), "beyond the last character");
        assert_eq!(fails_at(b"\xc0\xaf"), Some(0), "longer than it must be");
        assert_eq!(fails_at(b"\xe0\x80\xaf"), Some(1), "longer than it must be");
        assert_eq!(fails_at(b"a\x80"), Some(1));
        assert_eq!(fails_at(b"\xe6\x97"), Some(2), "cut short");
        assert_eq!(fails_at(b"\xe6\x97a"), Some(2));
    }
}
