//! The rmcp peer: an MCP server with one tool, `echo`, on the official Rust SDK, set up for speed. It reads `PORT` and
//! `CPU_COUNT`, and listens on loopback until it is killed. It never shares code with Ringway.
//!
//! Start at `main`; `configuration` says which of rmcp's settings were chosen, and why.

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};

// What Ringway allocates with, so that the two do not differ by it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Connections that wait to be accepted, as with every peer.
const BACKLOG: u32 = 4096;

type Service = StreamableHttpService<Arc<Echo>, NeverSessionManager>;

#[derive(Clone)]
struct Echo {
    tool_router: ToolRouter<Self>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct EchoArguments {
    text: String,
}

#[tool_router]
impl Echo {
    #[tool(description = "Answers with the text it was given.")]
    async fn echo(&self, Parameters(EchoArguments { text }): Parameters<EchoArguments>) -> String {
        text
    }
}

// Without `router` the macro builds the router anew for each call.
#[tool_handler(router = self.tool_router)]
impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = number("PORT")?;
    let cpu_count: usize = number("CPU_COUNT")?;
    runtime(cpu_count)?.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = listen(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
        serve(&listener, Arc::new(service())).await
    })
}

/// One core needs no scheduler that hands tasks from thread to thread.
fn runtime(cpu_count: usize) -> std::io::Result<Runtime> {
    if cpu_count == 1 {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread().worker_threads(cpu_count).enable_all().build()
    }
}

/// `TcpListener::bind` would take a backlog of 1024.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn service() -> Service {
    // rmcp asks for a handler at each request. The router is built once, and each request has a pointer to it.
    let echo = Arc::new(Echo { tool_router: Echo::tool_router() });
    StreamableHttpService::new(move || Ok(echo.clone()), Arc::default(), configuration())
}

fn configuration() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        // No session to look up, which 2026-07-28 has none of anyway.
        .with_legacy_session_mode(false)
        // One JSON body in place of a stream with one event.
        .with_json_response(true)
}

async fn serve(listener: &TcpListener, service: Arc<Service>) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = listener.accept().await?;
        // An answer is one small write, which must not wait for another one.
        stream.set_nodelay(true)?;
        let service = service.clone();
        // `handle` rather than the tower service around it, which copies the configuration at each request.
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.handle(request).await) }
        });
        tokio::spawn(async move {
            // A caller who leaves in the middle of a request is no concern of the others.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn number<T: FromStr>(name: &str) -> Result<T, String> {
    let value = std::env::var(name).map_err(|_| format!("{name} is not set"))?;
    value.parse().map_err(|_| format!("{name} is not a number: {value:?}"))
}
