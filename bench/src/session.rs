//! The legacy era's handshake, before a connection carries load, and its farewell after. Blocking, with a deadline.
//!
//! Never measured: a session is opened once and used for the whole run, as clients do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::preset::LEGACY_VERSION;
use crate::request::Request;
use crate::response::Inbox;

const SESSION_HEADER: &str = "Mcp-Session-Id";
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// Returns the header that later requests must carry; none where the server keeps no sessions.
pub fn open(stream: &mut TcpStream, host: &str, load: &Request) -> Result<Vec<(String, String)>, String> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{LEGACY_VERSION}","capabilities":{{}},"clientInfo":{{"name":"ringway-bench","version":"1"}}}}}}"#
    );
    let initialize = like(load, "POST", &body);
    let (status, session) = exchange(stream, host, &initialize, &[])?;
    if status != 200 {
        return Err(format!("initialize was answered {status}"));
    }
    let session: Vec<_> = session.map(|id| (SESSION_HEADER.to_owned(), id)).into_iter().collect();
    let initialized = like(load, "POST", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    match exchange(stream, host, &initialized, &session)? {
        (200..=299, _) => Ok(session),
        (status, _) => Err(format!("notifications/initialized was answered {status}")),
    }
}

/// So that a run leaves no session behind. The measuring is over: a server that refuses changes nothing.
pub fn close(stream: &mut TcpStream, host: &str, load: &Request, session: &[(String, String)]) {
    if !session.is_empty() {
        let _ = exchange(stream, host, &like(load, "DELETE", ""), session);
    }
}

/// Same target and headers (credentials among them) as the load, another method and body.
fn like(load: &Request, method: &str, body: &str) -> Request {
    let (_, target_and_version) = load.line.split_once(' ').expect("a request line has three words");
    Request { line: format!("{method} {target_and_version}"), headers: load.headers.clone(), body: body.into() }
}

fn exchange(
    stream: &mut TcpStream,
    host: &str,
    request: &Request,
    extra: &[(String, String)],
) -> Result<(u16, Option<String>), String> {
    let failed = |error: std::io::Error| format!("session: {error}");
    stream.set_read_timeout(Some(ANSWER_WAIT_MAX)).map_err(failed)?;
    stream.write_all(request.render(host, extra).as_bytes()).map_err(failed)?;
    let mut inbox = Inbox::default();
    let mut scratch = [0; 16 << 10];
    loop {
        let read_bytes = stream.read(&mut scratch).map_err(failed)?;
        if read_bytes == 0 {
            return Err("session: the server closed the connection".into());
        }
        let answer =
            inbox.handle_bytes(&scratch[..read_bytes]).map_err(|malformed| format!("session: {malformed:?}"))?;
        if let Some(answer) = answer {
            let session = answer.header(SESSION_HEADER).map(|id| String::from_utf8_lossy(id).into_owned());
            return Ok((answer.status, session));
        }
    }
}
