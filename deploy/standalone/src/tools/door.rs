//! The way to one server: a URL, the headers somebody gave, and the time left. It performs HTTP and says in a sentence
//! why it could not; it never reads a message, never follows a redirect with somebody's token, and never prints one.

use std::io::{BufReader, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{HeaderName, HeaderValue, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, BodyReader, RequestBuilder};

use super::arguments::Connection;
use super::trouble::Trouble;

/// What an answer may weigh: many times what servers send, and no flood of memory.
pub const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// A server that is there takes a connection long before.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// What a polite farewell may take.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// What of an answer that is not MCP is worth repeating.
const EXCERPT_BYTES_MAX: u64 = 200;

/// Headers that follow from the request itself.
const OURS: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

/// Header fields of one request.
pub type Fields<'a> = [(&'a str, String)];

/// The way to a server.
pub struct Door {
    agent: Agent,
    pub url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    deadline: Instant,
}

/// A body as it arrives.
pub type Stream = BufReader<BodyReader<'static>>;

/// An answer whose body is still to be read.
pub struct Reply {
    pub status: u16,
    pub is_json: bool,
    pub is_events: bool,
    response: Response<Body>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)?.to_str().ok().map(str::to_owned)
    }

    pub fn events(self) -> Stream {
        BufReader::new(self.response.into_body().into_reader())
    }
}

impl Door {
    pub fn new(connection: &Connection) -> Result<Door, Trouble> {
        let uri = uri(&connection.url)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .user_agent(concat!("ringway/", env!("CARGO_PKG_VERSION")));
        // A proxy of the environment cannot know what this machine's loopback is.
        let config = if is_here(&uri) { config.proxy(None) } else { config };
        let config = if uri.scheme_str() == Some("https") { config.tls_config(tls()?) } else { config };
        let headers = connection.headers.iter().filter(|text| !text.trim().is_empty());
        Ok(Door {
            agent: config.build().new_agent(),
            url: connection.url.clone(),
            headers: headers.map(|text| header(text)).collect::<Result<_, _>>()?,
            timeout: connection.timeout,
            deadline: Instant::now() + connection.timeout,
        })
    }

    /// Posts a message.
    pub fn post(&self, body: &str, fields: &Fields<'_>) -> Result<Reply, Trouble> {
        let request = self.agent.post(&self.url).header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        self.reply(self.dressed(request, fields, self.time_left()?).send(body))
    }

    /// Takes up an event stream.
    pub fn listen(&self, fields: &Fields<'_>) -> Result<Reply, Trouble> {
        let request = self.agent.get(&self.url).header("accept", "text/event-stream");
        self.reply(self.dressed(request, fields, self.time_left()?).call())
    }

    /// Ends a session. A server need not have that, and nobody waits for it long.
    pub fn end(&self, fields: &Fields<'_>) {
        let _ = self.dressed(self.agent.delete(&self.url), fields, END_TIME_MAX).call();
    }

    fn dressed<B>(&self, request: RequestBuilder<B>, fields: &Fields<'_>, time: Duration) -> RequestBuilder<B> {
        let mut request = request.config().timeout_global(Some(time)).build();
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    fn reply(&self, outcome: Result<Response<Body>, ureq::Error>) -> Result<Reply, Trouble> {
        let response = outcome.map_err(|error| self.trouble(error))?;
        let mime = response.body().mime_type().unwrap_or_default().to_ascii_lowercase();
        let status = response.status().as_u16();
        Ok(Reply { status, is_json: mime == "application/json", is_events: mime == "text/event-stream", response })
    }

    /// The whole body of a plain answer.
    pub fn body(&self, reply: Reply) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        let limited = reply.response.into_body().into_reader().take(ANSWER_BYTES_MAX + 1);
        let read = { limited }.read_to_end(&mut bytes);
        read.map_err(|error| self.trouble(error.into()))?;
        if bytes.len() as u64 > ANSWER_BYTES_MAX {
            let large = ANSWER_BYTES_MAX >> 20;
            return Err(Trouble::Refused(format!("{} answers with more than {large} MiB", self.url)));
        }
        String::from_utf8(bytes).map_err(|_| Trouble::Refused(format!("{} answers what is not UTF-8 text", self.url)))
    }

    /// The beginning of an answer that is not MCP.
    pub fn excerpt(&self, reply: Reply) -> String {
        let mut bytes = Vec::new();
        // What cannot be read of it is not missed.
        let _ = reply.response.into_body().into_reader().take(EXCERPT_BYTES_MAX).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// What is left of `--timeout`.
    pub fn time_left(&self) -> Result<Duration, Trouble> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.late()) } else { Ok(left) }
    }

    fn late(&self) -> Trouble {
        let time = humantime::format_duration(self.timeout);
        Trouble::Unreachable(format!("no answer from {} within {time}: give it more --timeout", self.url))
    }

    /// Says why there is no answer.
    pub fn trouble(&self, error: ureq::Error) -> Trouble {
        use ureq::Error;
        let url = &self.url;
        let authority = self.url.parse().ok().and_then(|uri: Uri| uri.authority().map(ToString::to_string));
        let authority = authority.unwrap_or_default();
        let unreachable = match error {
            Error::Timeout(ureq::Timeout::Connect) => format!("{authority} takes no connection: check --url"),
            Error::Timeout(_) => return self.late(),
            Error::HostNotFound => format!("no host is called {authority}: check --url"),
            Error::Io(error) if error.to_string().contains("lookup address") => {
                format!("no host is called {authority}: check --url")
            }
            Error::Io(error)
                if error.kind() == ErrorKind::ConnectionRefused && self.agent.config().proxy().is_some() =>
            {
                let advice = "check HTTP_PROXY and NO_PROXY";
                format!("the way to {authority} leads through a proxy, and no connection is taken: {advice}")
            }
            Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                format!("nothing listens on {authority}: start it with `ringway serve`, or name another with --url")
            }
            Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                format!("TLS with {authority} failed: {error}{}", tls_advice(&error.to_string()))
            }
            Error::Rustls(error) => {
                format!("TLS with {authority} failed: {error}{}", tls_advice(&error.to_string()))
            }
            Error::Io(error) if is_broken(error.kind()) => {
                let advice = if url.starts_with("http://") { "; it may serve https:// only" } else { "" };
                format!("{authority} broke the connection before its answer was whole{advice}")
            }
            Error::Protocol(error) => {
                let text = format!("{authority} does not speak HTTP as agreed ({error}): check --url");
                return Trouble::Refused(text);
            }
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                return Trouble::Refused(format!("{url} answers what is not MCP: {error}"));
            }
            Error::Io(error) => format!("{authority} cannot be reached: {error}"),
            error => format!("{authority} cannot be reached: {error}"),
        };
        Trouble::Unreachable(unreachable)
    }
}

fn is_broken(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
    )
}

fn tls_advice(error: &str) -> &'static str {
    if error.contains("UnknownIssuer") {
        "; SSL_CERT_FILE can name a file with the certificate of its authority"
    } else if error.contains("CaUsedAsEndEntity") {
        "; it signs itself as an authority: give the server a certificate that is not one (openssl: CA:FALSE)"
    } else if error.contains("InvalidContentType") || error.contains("corrupt") {
        "; it may serve http:// only"
    } else {
        ""
    }
}

/// The URL, judged before anything is sent. A refused one is not repeated: it may hold a password.
fn uri(text: &str) -> Result<Uri, Trouble> {
    let wrong = |what: &str| Err(Trouble::Usage(format!("--url {what}, like http://127.0.0.1:9999/mcp")));
    match text.parse::<Uri>() {
        Ok(uri) if !matches!(uri.scheme_str(), Some("http" | "https")) => wrong("must begin with http:// or https://"),
        Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => Err(Trouble::Usage(
            "--url must not carry a name or password: send them with --header 'Authorization: …'".to_owned(),
        )),
        Ok(uri) => Ok(uri),
        Err(_) => wrong("must be a URL"),
    }
}

fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// One `Name: value`. The value is in no message: it may be a secret.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), Trouble> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(Trouble::Usage("--header needs a name, a colon and a value, like 'Name: value'".to_owned()));
    };
    let Ok(parsed) = name.trim().parse::<HeaderName>() else {
        // A colon in a value alone, and the name would be a piece of it.
        return Err(Trouble::Usage("--header begins with what is no header name: write 'Name: value'".to_owned()));
    };
    if OURS.contains(&parsed.as_str()) {
        return Err(Trouble::Usage(format!("--header cannot set {parsed}: the protocol does")));
    }
    let Ok(mut value) = value.trim().parse::<HeaderValue>() else {
        return Err(Trouble::Usage(format!("--header {parsed} has a value with characters that no header may hold")));
    };
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// TLS with this machine's own certificates, so that a company's authority counts.
fn tls() -> Result<TlsConfig, Trouble> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let advice = "install Debian's ca-certificates, or name a file in SSL_CERT_FILE";
        return Err(Trouble::Usage(format!("this machine trusts no certificates: {advice}")));
    }
    let certificates: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&certificates))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what cannot be a server or a header is refused before anything is sent, and no secret is repeated.
    /// Method: a row a mistake, each with a secret in it.
    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        #[track_caller]
        fn check<T>(outcome: Result<T, Trouble>, want: &str) {
            let Err(Trouble::Usage(text)) = outcome else {
                panic!("this is refused");
            };
            assert!(text.contains(want), "{text}");
            assert!(!text.contains("sesame"), "{text}");
        }
        check(uri("127.0.0.1:9999/sesame"), "--url must be");
        check(uri("ftp://sesame/"), "http://");
        check(uri("http://user:sesame@localhost/"), "--header");
        check(header("Bearer sesame"), "a colon");
        check(header("Bearer sesame: x"), "'Name: value'");
        check(header("Host: sesame"), "host");
        check(header("Authorization: Bearer sesame\u{1}"), "authorization");
        assert!(header("X-Api-Key: a:b").is_ok_and(|(name, value)| name == "x-api-key" && value == "a:b"));
    }

    /// Goal: only this machine's own addresses are reached past a proxy.
    #[test]
    fn loopback_is_here() {
        for (url, want) in [
            ("http://127.0.0.9:1/", true),
            ("http://[::1]:1/mcp", true),
            ("http://localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://localhost.example.com/", false),
        ] {
            assert_eq!(is_here(&url.parse().expect("a URL")), want, "{url}");
        }
    }
}
