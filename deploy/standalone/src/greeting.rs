//! What `ringway serve` prints when it serves: where everything is, and a first call to paste.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use ringway_dataplane::{Faces, Running, Tls};

/// Prints it. Standard output that is closed leaves nobody to tell.
pub fn print(running: &Running) {
    let faces = running.handle().policy().map_or_else(Faces::default, |policy| policy.faces);
    let _ = std::io::stdout()
        .write_all(text(running.address, running.admin_address, faces, running.handle().tls().as_ref()).as_bytes());
}

/// What somebody who opens a server to others must know.
fn warning(address: SocketAddr) -> &'static str {
    if address.ip().to_canonical().is_loopback() {
        ""
    } else {
        "Warning: this address is reachable from other machines, and nothing authenticates callers.\n\n"
    }
}

fn text(address: SocketAddr, admin: Option<SocketAddr>, faces: Faces, tls: Option<&Tls>) -> String {
    let (http, ws) = if tls.is_some() { ("https", "wss") } else { ("http", "ws") };
    let reach = tls.map_or_else(|| reachable(address).to_string(), |tls| named(reachable(address), tls));
    let socket = if faces.websocket { format!(" and {ws}://{reach}/ws") } else { String::new() };
    let tools =
        if faces.rest { format!("  tools    {http}://{reach}/tools and /openapi.json\n") } else { String::new() };
    let admin = admin.map_or(String::new(), |admin| format!("  admin    http://{}/metrics\n", reachable(admin)));
    format!(
        "Ringway {version} serves\n  MCP      {http}://{reach}/mcp{socket}\n{tools}  health   {http}://{reach}/health\n{admin}\nFirst call:\n\n\
         curl -s {http}://{reach}/mcp -H 'Content-Type: application/json' \\\n  \
         -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: echo' \\\n  \
         -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"echo\",\"arguments\":\
         {{\"text\":\"hello\"}},\"_meta\":{{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
         \"io.modelcontextprotocol/clientCapabilities\":{{}}}}}}}}'\n\n{warning}",
        version = env!("CARGO_PKG_VERSION"),
        warning = warning(address),
    )
}

/// The address as clients can check it: by a name that the certificate is for, where it is not for the address itself.
fn named(reach: SocketAddr, tls: &Tls) -> String {
    if tls.is_for(reach.ip()) {
        return reach.to_string();
    }
    let names = tls.names();
    let local = names.iter().find(|name| *name == "localhost" && reach.ip().to_canonical().is_loopback());
    match local.or_else(|| names.iter().find(|name| !name.contains('*'))) {
        Some(name) => format!("{name}:{}", reach.port()),
        None => reach.to_string(),
    }
}

/// An address a client on this machine can use: `0.0.0.0` is for listening only.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reach = address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => reach.set_ip(IpAddr::from([127, 0, 0, 1])),
        IpAddr::V6(ip) if ip.is_unspecified() => reach.set_ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])),
        _ => {}
    }
    reach
}
