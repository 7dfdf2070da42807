//! Server-sent events as MCP uses them: one JSON message an event. It never splits a message, which has no newline.

/// Appends an event. `id` makes a stream resumable (legacy only).
pub fn event(out: &mut Vec<u8>, id: Option<&str>, message: &[u8]) {
    debug_assert!(!message.contains(&b'\n'));
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"event: message\ndata: ");
    out.extend_from_slice(message);
    out.extend_from_slice(b"\n\n");
}

/// Appends the first event of a resumable stream: an id to come back with, and how soon (MCP 2025-11-25, transports).
pub fn priming(out: &mut Vec<u8>, id: &str, retry_ms: u32) {
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\nretry: ");
    out.extend_from_slice(itoa::Buffer::new().format(retry_ms).as_bytes());
    out.extend_from_slice(b"\ndata:\n\n");
}

/// The first event of the older HTTP+SSE pair: where the client's messages go (MCP 2024-11-05, transports).
pub fn endpoint(target: &str) -> Vec<u8> {
    format!("event: endpoint\ndata: {target}\n\n").into_bytes()
}

/// A comment that keeps proxies from closing a quiet stream.
pub const KEEP_ALIVE: &[u8] = b": keepalive\n\n";
