//! The protocol revisions, in order of time. It never negotiates: see `era`.

/// A revision of MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// First public revision.
    V2024_11_05,
    /// Streamable HTTP, sessions, batches.
    V2025_03_26,
    /// Structured output, elicitation; no batches.
    V2025_06_18,
    /// URL elicitation, icons, SSE polling.
    V2025_11_25,
    /// Stateless: no handshake, no sessions.
    V2026_07_28,
}

/// Whether a revision begins with `initialize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Revisions with `initialize`.
    Legacy,
    /// 2026-07-28: every request stands alone.
    Modern,
}

impl Version {
    /// The latest revision that `initialize` can reach.
    pub const LEGACY_LATEST: Version = Version::V2025_11_25;
    /// What a legacy request without a version header speaks.
    pub const LEGACY_ASSUMED: Version = Version::V2025_03_26;
    /// All revisions, oldest first.
    pub const ALL: [Version; 5] =
        [Version::V2024_11_05, Version::V2025_03_26, Version::V2025_06_18, Version::V2025_11_25, Version::V2026_07_28];

    /// The revision named `text`.
    pub fn parse(text: &str) -> Option<Version> {
        Self::ALL.into_iter().find(|version| version.name() == text)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Version::V2024_11_05 => "2024-11-05",
            Version::V2025_03_26 => "2025-03-26",
            Version::V2025_06_18 => "2025-06-18",
            Version::V2025_11_25 => "2025-11-25",
            Version::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era this revision belongs to.
    pub fn era(self) -> Era {
        if self == Version::V2026_07_28 { Era::Modern } else { Era::Legacy }
    }

    /// What `initialize` answers to a wish: the wished revision when it is a legacy one, else the latest of those.
    pub fn negotiate(wish: &str) -> Version {
        match Version::parse(wish) {
            Some(version) if version.era() == Era::Legacy => version,
            _ => Version::LEGACY_LATEST,
        }
    }
}
