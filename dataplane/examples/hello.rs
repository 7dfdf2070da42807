//! The shortest useful server: one tool over HTTP. Run it with `cargo run -p ringway-dataplane --example hello`.

use ringway_dataplane::{Options, Server, StartError, ToolDefinition, ToolResult, tool_fn};
use serde_json::json;

fn main() -> Result<(), StartError> {
    let greet = ToolDefinition::new("greet", "Greets somebody by name.").input(json!({
        "type": "object",
        "properties": { "name": { "type": "string" } },
        "required": ["name"]
    }));
    Server::builder("hello", "1.0.0")
        .tool(tool_fn(greet, |arguments, _context| async move {
            Ok(ToolResult::text(format!("Hello, {}!", arguments.str("name")?)))
        }))
        .build()?
        .run(Options::default())
}
