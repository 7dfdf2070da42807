//! `bench stand-in`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use crate::stand_in::StandIn as Server;
use crate::stand_in::answer::{Answer, BODY_BYTES};
use crate::stand_in::delay::Delay;

#[derive(clap::Args)]
pub struct StandIn {
    /// Where to listen; port 0 takes a free one, and the URL is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// When to answer: now, constant:5ms, bimodal:1ms,20ms,0.1 (short, long, share of long), stall:1s@5s (once, 5 s after the first request).
    #[arg(long, default_value = "now", value_name = "WHEN")]
    answer: Delay,
    /// Answer everybody alike, with a body of so many bytes.
    #[arg(long, default_value_t = BODY_BYTES, value_name = "N", conflicts_with = "echo")]
    body_bytes: usize,
    /// Answer as an echo tool would, with the id and the text of the request.
    #[arg(long)]
    echo: bool,
    /// Never sleep: answers leave on time, for the price of a core.
    #[arg(long)]
    spin: bool,
}

impl StandIn {
    pub fn perform(self) -> Result<ExitCode, String> {
        let answer = if self.echo { Answer::Echo } else { Answer::constant(self.body_bytes)? };
        let failed = |error: std::io::Error| format!("listen on {}: {error}", self.listen);
        let listener = TcpListener::bind(self.listen).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "http://{addr}/mcp").and_then(|()| out.flush()).map_err(|error| format!("stdout: {error}"))?;
        drop(out);
        Server { answer, delay: self.answer, spin: self.spin }.serve(listener, &AtomicBool::new(false))?;
        Ok(ExitCode::SUCCESS)
    }
}
