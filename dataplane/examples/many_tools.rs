//! The built-in tools and as many others as one likes: does a call cost more where there are ten thousand of them?
//! It measures nothing itself.
//!
//! ```text
//! cargo build --release -p ringway-dataplane --example many_tools
//! ringway bench compare --workload echo \
//!   --a 'target/release/examples/many_tools 10 127.0.0.1:{port} {cpus}' \
//!   --b 'target/release/examples/many_tools 10000 127.0.0.1:{port} {cpus}'
//! ```

use std::process::ExitCode;

use ringway_dataplane::{Options, Server, StartError, ToolDefinition, ToolResult, builtin, tool_fn};
use serde_json::json;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [tool_count, listen, cpus] = &words[..] else {
        eprintln!("usage: many_tools COUNT ADDRESS:PORT CPUS");
        return ExitCode::from(2);
    };
    match (tool_count.parse(), listen.parse(), cpus.parse()) {
        (Ok(tool_count), Ok(listen), Ok(cpus)) => {
            let options = Options { listen, cpus: Some(cpus), ..Options::default() };
            match server(tool_count).and_then(|server| server.run(options)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            eprintln!("many_tools: a count, an address with its port, and a list of cores like 0-3");
            ExitCode::from(2)
        }
    }
}

/// Definitions of the size that tools of real servers have.
fn server(tool_count: usize) -> Result<Server, StartError> {
    let mut builder = builtin::add_to(Server::builder("many-tools", env!("CARGO_PKG_VERSION")));
    for number in 0..tool_count {
        let definition =
            ToolDefinition::new(format!("lookup_{number:05}"), "Looks a record up by its key.").input(json!({
                "type": "object",
                "properties": {
                    "key": { "type": "string", "description": "What to look up." },
                    "limit": { "type": "integer", "minimum": 1, "maximum": 100 }
                },
                "required": ["key"]
            }));
        builder = builder.tool(tool_fn(definition, |arguments, _context| async move {
            Ok(ToolResult::text(arguments.str("key")?.to_owned()))
        }));
    }
    builder.build()
}
