//! What `tools list` and `tools call` do: ask, then print for people or for programs. It never prints JSON that the
//! server did not send.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

use super::arguments::{Call, Connection, Format, List, Tools};
use super::client::Client;
use super::input::{self, Input};
use super::message::{Answer, Outcome, Tool};
use super::trouble::Trouble;
use super::{table, text};

/// How like a known name a mistyped one must be to be meant, of 1; clap's own measure for flags.
const LIKENESS_MIN: f64 = 0.7;

/// JSON-RPC: the parameters are wrong; an unknown tool is one reason.
const INVALID_PARAMS: i64 = -32602;

/// Runs a verb.
pub fn run(tools: Tools) -> Result<ExitCode, Trouble> {
    match tools {
        Tools::List(verb) => list(verb),
        Tools::Call(verb) => call(verb),
    }
}

fn list(List { connection }: List) -> Result<ExitCode, Trouble> {
    let mut client = Client::connect(&connection)?;
    let mut kept = Vec::new();
    let mut tools = Vec::new();
    for raw in client.tools()? {
        let tool: Tool = client.read(&raw)?;
        if client.is_callable(&tool) {
            kept.push(raw);
            tools.push(tool);
        } else {
            remark(
                &connection,
                &format!("`{}` is left out: its x-mcp-header names what no header can carry", tool.name),
            );
        }
    }
    if format(&connection) == Format::Json {
        let texts: Vec<&str> = kept.iter().map(|raw| raw.get()).collect();
        print(&format!("{}\n", text::indented(&format!("[{}]", texts.join(",")))))?;
    } else if tools.is_empty() {
        remark(&connection, &format!("{} offers no tools", client.url()));
    } else {
        let row = |tool: Tool| [tool.name, tool.description.lines().next().unwrap_or_default().to_owned()];
        let rows: Vec<_> = tools.into_iter().map(row).collect();
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        print(&table::render(["NAME", "DESCRIPTION"], &rows, width))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn call(Call { name, input, connection }: Call) -> Result<ExitCode, Trouble> {
    // What is wrong here is said before anybody is asked.
    let input = input::read(&input)?;
    let mut client = Client::connect(&connection)?;
    let mut tool = None;
    let arguments = match input {
        Input::Json(raw) => raw,
        Input::Pairs(pairs) => {
            tool = client.tool(&name)?;
            if tool.is_none() {
                // Pairs mean what its schema says; an object may be sent to a tool that is not listed.
                return Err(unknown(&mut client, &name).unwrap_or_else(|| unknown_alone(&name)));
            }
            input::typed(&pairs, tool.as_ref().map_or(&Value::Null, |tool| &tool.input_schema))
        }
    };
    let answer = client.call(&name, &arguments, tool.as_ref())?;
    let raw = match answer {
        Answer::Error { error, .. } if error.code == INVALID_PARAMS && tool.is_none() => {
            let answer = Answer::Error { status: 200, error };
            let refusal = answer.result(client.url(), "tools/call").err();
            return Err(unknown(&mut client, &name).or(refusal).unwrap_or_else(|| unknown_alone(&name)));
        }
        answer => answer.result(client.url(), "tools/call")?,
    };
    let outcome: Outcome = client.read(&raw)?;
    if format(&connection) == Format::Json {
        print(&format!("{}\n", text::indented(raw.get())))?;
    } else {
        let said = said(&outcome);
        if outcome.is_error {
            return Err(Trouble::Refused(format!("`{name}` failed: {said}")));
        }
        print(&if io::stdout().is_terminal() { text::tame(&said) } else { said })?;
    }
    Ok(ExitCode::from(u8::from(outcome.is_error)))
}

fn unknown_alone(name: &str) -> Trouble {
    Trouble::Refused(format!("no tool is named `{name}`: `ringway tools list` names them"))
}

/// The sentence about a tool that is not there; `None` when it is, or nobody says.
fn unknown(client: &mut Client, name: &str) -> Option<Trouble> {
    let raws = client.tools().ok()?;
    let names: Vec<String> = raws.iter().filter_map(|raw| Some(client.read::<Tool>(raw).ok()?.name)).collect();
    if names.iter().any(|known| known == name) {
        return None;
    }
    let likeness = |known: &&String| strsim::jaro(name, known);
    let nearest = names.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    Some(match nearest.filter(|known| likeness(known) >= LIKENESS_MIN) {
        Some(known) => Trouble::Refused(format!("no tool is named `{name}`: did you mean `{known}`?")),
        None => unknown_alone(name),
    })
}

/// What a tool says, for a reader: texts as they are, and a word for what is no text.
fn said(outcome: &Outcome) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut parts: Vec<String> = Vec::new();
    for block in &outcome.content {
        parts.push(match block["type"].as_str() {
            Some("text") => text(&block["text"]),
            Some(kind @ ("image" | "audio")) => {
                let size = block["data"].as_str().map_or(0, |data| data.trim_end_matches('=').len() * 3 / 4);
                format!("[{kind}, {}, {size} bytes: -o json has them]", text(&block["mimeType"]))
            }
            Some("resource_link") => format!("[{}]", text(&block["uri"])),
            Some("resource") => {
                let resource = &block["resource"];
                resource["text"].as_str().map_or_else(|| format!("[{}]", text(&resource["uri"])), str::to_owned)
            }
            kind => format!("[{}: -o json has it]", kind.unwrap_or("content")),
        });
    }
    if let (true, Some(raw)) = (parts.is_empty(), &outcome.structured_content) {
        parts.push(text::indented(raw.get()));
    }
    let mut said = parts.join("\n");
    if !said.is_empty() && !said.ends_with('\n') {
        said.push('\n');
    }
    said
}

fn format(connection: &Connection) -> Format {
    let usual = || if io::stdout().is_terminal() { Format::Table } else { Format::Json };
    connection.output.unwrap_or_else(usual)
}

/// Says what is worth knowing, unless it is not wanted.
fn remark(connection: &Connection, sentence: &str) {
    if !connection.quiet {
        let _ = writeln!(io::stderr(), "ringway: {}", text::one_line(sentence));
    }
}

/// Prints.
fn print(text: &str) -> Result<(), Trouble> {
    crate::printed::print(text).map_err(Trouble::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(result: &str, want: &str) {
        let outcome: Outcome = serde_json::from_str(result).expect("a result");
        assert_eq!(said(&outcome), want);
    }

    /// Goal: a reader sees text, and learns of what is no text. Method: a row a kind of content.
    #[test]
    fn content_is_told() {
        check(r#"{"content":[]}"#, "");
        check(r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b\n"}]}"#, "a\nb\n");
        let image = r#"{"content":[{"type":"image","mimeType":"image/png","data":"AAAA"}]}"#;
        check(image, "[image, image/png, 3 bytes: -o json has them]\n");
        check(r#"{"content":[{"type":"resource","resource":{"uri":"a:b","text":"t"}}]}"#, "t\n");
        check(r#"{"content":[{"type":"resource","resource":{"uri":"a:b","blob":""}}]}"#, "[a:b]\n");
        check(r#"{"content":[{"type":"resource_link","uri":"a:b","name":"n"}]}"#, "[a:b]\n");
        check(r#"{"content":[{"type":"hologram"}]}"#, "[hologram: -o json has it]\n");
        check(r#"{"content":[],"structuredContent":{"a":1.0}}"#, "{\n  \"a\": 1.0\n}\n");
    }
}
