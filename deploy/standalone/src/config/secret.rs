//! A secret among the settings: wiped when it is dropped, shown by nothing. It never judges whether it is a good one.

use zeroize::Zeroizing;

/// What stands for a secret wherever one would be shown.
pub const SHOWN: &str = "********";

/// A text that no log, error or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// This text, copied once.
    pub fn new(text: &str) -> Secret {
        Secret(Zeroizing::new(text.to_owned()))
    }

    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({SHOWN})")
    }
}
