//! Standard output, written in large pieces. It never decides what is printed.

use std::io::{self, BufWriter, StdoutLock, Write};

use super::Trouble;

/// Standard output.
pub struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    /// All of it, until this is dropped.
    pub fn new() -> Out {
        Out(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        Ok(self.0.write_all(bytes)?)
    }

    /// Writes bytes and the end of a line.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.write(bytes)?;
        self.write(b"\n")
    }

    /// Hands over what was written so far.
    pub fn flush(&mut self) -> Result<(), Trouble> {
        Ok(self.0.flush()?)
    }
}
