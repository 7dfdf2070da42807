//! Is it up? One short-lived connection a question. Never checks more than that somebody speaks HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ANSWER_S_MAX: u64 = 2;
const STATUS_LINE_BYTES: usize = "HTTP/1.1 200".len();

/// For what does not speak plain HTTP.
pub fn accepts(addr: SocketAddr) -> Result<(), String> {
    connect(addr).map(drop)
}

/// Any answer below 500 will do: an MCP server may well refuse a GET, but only one that is up does.
pub fn answers(addr: SocketAddr, path: &str) -> Result<(), String> {
    let mut stream = connect(addr)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nAccept: application/json, text/event-stream\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut line = [0; STATUS_LINE_BYTES];
    stream.read_exact(&mut line).map_err(|error| error.to_string())?;
    match status(&line) {
        Some(status) if status < 500 => Ok(()),
        Some(status) => Err(format!("GET {path} was answered {status}")),
        None => Err(format!("no HTTP: {}", String::from_utf8_lossy(&line).escape_debug())),
    }
}

fn connect(addr: SocketAddr) -> Result<TcpStream, String> {
    let most = Duration::from_secs(ANSWER_S_MAX);
    let stream = TcpStream::connect_timeout(&addr, most).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(most)).map_err(|error| error.to_string())?;
    stream.set_write_timeout(Some(most)).map_err(|error| error.to_string())?;
    Ok(stream)
}

fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[track_caller]
    fn check(answer: &'static str, want: Result<(), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let got = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            assert!(request[..got].starts_with(b"GET /x HTTP/1.1\r\n"));
        });
        let said = answers(addr, "/x");
        server.join().unwrap();
        match want {
            Ok(()) => assert_eq!(said, Ok(())),
            Err(why) => assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{said:?}"),
        }
    }

    #[test]
    fn whoever_speaks_http_is_up() {
        check("HTTP/1.1 200 OK\r\n\r\n", Ok(()));
        check("HTTP/1.1 405 Method Not Allowed\r\n\r\n", Ok(()));
        check("HTTP/1.1 503 Service Unavailable\r\n\r\n", Err("503"));
        check("SSH-2.0-OpenSSH_9.9\r\n", Err("no HTTP"));
        check("HTTP/1.1", Err(""));
    }
}
