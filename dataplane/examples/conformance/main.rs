//! The server that the MCP conformance suites are run against: everything they expect, offered through the library.
//! `.ci/conformance.py` runs the suites. Nothing here is for copying into a real server; see `hello.rs` for that.
//!
//! ```text
//! cargo run --release -p ringway-dataplane --example conformance -- --listen 127.0.0.1:7200
//! cargo run --release -p ringway-dataplane --example conformance -- --stdio
//! ```

use std::io::Write;
use std::process::ExitCode;

use ringway_dataplane::{Driver, Options, Server, StartError};

mod content;
mod tools;
mod elicitation;
mod input_required;
mod tasks;
mod prompts;
mod resources;

const USAGE: &str = "usage: conformance [--listen ADDRESS:PORT] [--driver auto|ring|glommio] | --stdio";

fn main() -> ExitCode {
    let outcome = match serving(std::env::args().skip(1)) {
        Some(Serving::Http(options)) => server().and_then(|server| serve(server, *options)),
        Some(Serving::Stdio) => server().and_then(|server| server.run_stdio(Options::default())),
        None => Err(StartError::Option(USAGE.into())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error that is closed leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves HTTP, and says where: port 0 takes any free one.
fn serve(server: Server, options: Options) -> Result<(), StartError> {
    let running = server.start(options)?;
    // Standard output that is closed leaves nobody to tell.
    let _ = writeln!(std::io::stdout(), "http://{}/mcp", running.address);
    running.join()
}

enum Serving {
    Http(Box<Options>),
    Stdio,
}

/// What the command line asks for; `None` when it makes no sense.
fn serving(mut arguments: impl Iterator<Item = String>) -> Option<Serving> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--stdio" => return arguments.next().is_none().then_some(Serving::Stdio),
            "--listen" => options.listen = arguments.next()?.parse().ok()?,
            "--driver" => {
                options.io.driver = match arguments.next()?.as_str() {
                    "auto" => Driver::Auto,
                    "ring" => Driver::Ring,
                    "glommio" => Driver::Glommio,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(Serving::Http(Box::new(options)))
}

fn server() -> Result<Server, StartError> {
    let mut builder = Server::builder("ringway-conformance", env!("CARGO_PKG_VERSION"));
    // Order shows: the suites call the first tool of the list without arguments and capabilities.
    for add_to in [
        content::add_to,
        tools::add_to,
        elicitation::add_to,
        input_required::add_to,
        tasks::add_to,
        prompts::add_to,
        resources::add_to,
    ] {
        builder = add_to(builder);
    }
    builder.build()
}
