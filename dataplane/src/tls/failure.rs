//! Why a handshake came to nothing, in words few enough to be counted by. It never says what a client sent.

use rustls::Error;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// It took longer than it may.
    Late,
    /// Others wanted their turn: it never had one, or was the slow one among many.
    Crowded,
    /// The client showed no certificate where one is required, or one that is not taken.
    ClientCertificate,
    /// The client would not go on, as when it does not trust the server's certificate.
    ByClient,
    /// Plain HTTP came.
    Plain,
    /// What came is no TLS, or none that is spoken here.
    Protocol,
    /// The connection ended.
    Gone,
}

impl HandshakeFailure {
    /// All of them.
    pub const ALL: [HandshakeFailure; 7] = [
        HandshakeFailure::Late,
        HandshakeFailure::Crowded,
        HandshakeFailure::ClientCertificate,
        HandshakeFailure::ByClient,
        HandshakeFailure::Plain,
        HandshakeFailure::Protocol,
        HandshakeFailure::Gone,
    ];

    /// As the `reason` label.
    pub fn label(self) -> &'static str {
        match self {
            HandshakeFailure::Late => "timeout",
            HandshakeFailure::Crowded => "crowded",
            HandshakeFailure::ClientCertificate => "client_certificate",
            HandshakeFailure::ByClient => "client_alert",
            HandshakeFailure::Plain => "plain_http",
            HandshakeFailure::Protocol => "protocol",
            HandshakeFailure::Gone => "closed",
        }
    }
}

impl From<&Error> for HandshakeFailure {
    fn from(error: &Error) -> HandshakeFailure {
        match error {
            Error::NoCertificatesPresented
            | Error::InvalidCertificate(_)
            | Error::UnsupportedNameType
            | Error::InvalidCertRevocationList(_) => HandshakeFailure::ClientCertificate,
            Error::AlertReceived(_) => HandshakeFailure::ByClient,
            _ => HandshakeFailure::Protocol,
        }
    }
}
