//! Whether a GET becomes a WebSocket (RFC 6455 section 4.2). It never looks at who asks: `Host`, `Origin` and the caller
//! were judged before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest;

use crate::http::decoder::Request;
use crate::http::head::Framing;
use crate::refusal::Refusal;

/// The subprotocol that MCP clients offer.
pub const SUBPROTOCOL: &str = "mcp";
/// The version of the protocol that RFC 6455 defines.
pub const VERSION: &str = "13";

/// What every server appends to a client's key (RFC 6455 section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a client's nonce.
const NONCE_BYTES: usize = 16;

/// A handshake that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// `Sec-WebSocket-Accept`.
    pub accept: String,
    /// `Sec-WebSocket-Protocol`: [`SUBPROTOCOL`] when the client offers it. A client that offers others only gets none,
    /// as section 4.2.2 has it, and one that insists ends the connection itself: browsers do.
    pub subprotocol: Option<&'static str>,
}

/// Judges the handshake of a GET.
///
/// # Errors
/// 426 when nothing, or another version, is asked for, 400 when the handshake is malformed.
pub fn accept(request: Request<'_>) -> Result<Accepted, Refusal> {
    let head = request.head;
    if !head.upgrades {
        return Err(Refusal::UpgradeRequired);
    }
    if head.framing != Framing::Length(0) {
        // Its bytes would be read as frames by some.
        return Err(Refusal::Handshake("A WebSocket handshake has no body"));
    }
    let version = head.websocket_version.bytes(request.bytes);
    if version != Some(VERSION.as_bytes()) || head.websocket_version.count != 1 {
        return Err(Refusal::WebSocketVersion);
    }
    let key = head.websocket_key.bytes(request.bytes).filter(|_| head.websocket_key.count == 1);
    let key = key.filter(|key| is_key(key));
    let key = key.ok_or(Refusal::Handshake("Sec-WebSocket-Key must be one value of 16 bytes in base64"))?;
    Ok(Accepted { accept: accept_key(key), subprotocol: head.offers_mcp.then_some(SUBPROTOCOL) })
}

fn is_key(key: &[u8]) -> bool {
    let mut nonce = [0; NONCE_BYTES + 2];
    BASE64.decode_slice(key, &mut nonce) == Ok(NONCE_BYTES)
}

/// The proof that this server speaks the protocol, for a client's key.
pub fn accept_key(key: &[u8]) -> String {
    // The protocol names SHA-1; nothing secret depends on it.
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key);
    context.update(KEY_SUFFIX);
    BASE64.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use ringway_policy::Limits;

    use super::*;
    use crate::http::{Decoder, Step};

    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const GOOD: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n";

    fn judge(fields: &str) -> Result<Accepted, Refusal> {
        let mut decoder = Decoder::default();
        decoder.feed(format!("GET /ws HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes());
        assert_eq!(decoder.step(&Limits::default()), Ok(Step::Request));
        accept(decoder.request().expect("a whole request"))
    }

    #[test]
    fn the_key_of_the_rfc_gives_its_proof() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let accepted = judge(&format!("{GOOD}{KEY}")).expect("a good handshake");
        assert_eq!(accepted, Accepted { accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into(), subprotocol: None });
    }

    #[test]
    fn mcp_is_chosen_wherever_it_is_offered() {
        let chosen = |offer: &str| judge(&format!("{GOOD}{KEY}{offer}")).expect("good").subprotocol;
        assert_eq!(chosen("Sec-WebSocket-Protocol: mcp\r\n"), Some("mcp"));
        assert_eq!(chosen("Sec-WebSocket-Protocol: chat, mcp\r\n"), Some("mcp"));
        assert_eq!(chosen("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mcp\r\n"), Some("mcp"));
        assert_eq!(chosen("Sec-WebSocket-Protocol: chat\r\n"), None);
        assert_eq!(chosen("Sec-WebSocket-Protocol: MCP\r\n"), None, "names are compared as they are");
        assert_eq!(chosen("Sec-WebSocket-Extensions: permessage-deflate\r\n"), None);
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let status = |fields: &str| judge(fields).expect_err("a refusal").answer().status;
        assert_eq!(status(""), 426);
        assert_eq!(status(&format!("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{KEY}")), 426);
        assert_eq!(status(&GOOD.replace("WebSocket\r\nSec", "h2c\r\nSec")), 426);
        assert_eq!(judge(&GOOD.replace("13", "8")).expect_err("a refusal"), Refusal::WebSocketVersion);
        assert_eq!(status(&format!("{GOOD}Sec-WebSocket-Version: 13\r\n{KEY}")), 426, "said twice");
        assert_eq!(status(GOOD), 400, "no key");
        assert_eq!(status(&format!("{GOOD}{KEY}{KEY}")), 400, "two keys");
        for key in ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=", "!!!!!!!!!!!!!!!!!!!!!!=="] {
            assert_eq!(status(&format!("{GOOD}Sec-WebSocket-Key: {key}\r\n")), 400, "{key:?}");
        }
    }
}
