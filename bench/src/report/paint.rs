//! Colour on a terminal, and none elsewhere: not in files, not in pipes, not where `NO_COLOR` is set.

use std::io::IsTerminal;

/// Whether and how text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    is_coloured: bool,
}

impl Paint {
    pub const PLAIN: Self = Self { is_coloured: false };
    #[cfg(test)]
    pub const COLOURED: Self = Self { is_coloured: true };

    pub fn for_stdout() -> Self {
        Self::on(&std::io::stdout())
    }

    pub fn for_stderr() -> Self {
        Self::on(&std::io::stderr())
    }

    /// no-color.org: any value but the empty one.
    fn on(stream: &impl IsTerminal) -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: stream.is_terminal() && !is_unwanted }
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
