//! `ringway explain`: why a request was answered as it was, asked of a server that runs. It never decides anything.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::printed;

/// How long the server may take.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Why a request was answered as it was.
#[derive(Args)]
pub struct Explain {
    /// The request's name: its `X-Request-Id`, or `request_id` in the access log.
    #[arg(value_name = "REQUEST-ID")]
    request_id: String,
    /// Where the server's operators reach it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9990")]
    url: String,
    /// A header to send, like 'X-API-Key: …'; a server that others reach asks operators who they are.
    #[arg(long, value_name = "NAME: VALUE", env = "RINGWAY_HEADER", hide_env_values = true)]
    header: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Asks, and prints the answer.
pub fn run(explain: &Explain) -> ExitCode {
    match explain.ask().and_then(|told| printed::print(&told).map_err(|text| (2, text))) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, text)) => {
            let _ = writeln!(std::io::stderr(), "ringway: {text}");
            ExitCode::from(code)
        }
    }
}

impl Explain {
    fn ask(&self) -> Result<String, (u8, String)> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(TIME_MAX)).http_status_as_error(false).build().into();
        let url = format!("{}/explain/{}", self.url.trim_end_matches('/'), self.request_id);
        let mut request = agent.get(&url);
        if let Some(header) = &self.header {
            let (name, value) = header.split_once(':').ok_or((2, "--header is NAME: VALUE".to_owned()))?;
            request = request.header(name.trim(), value.trim());
        }
        let mut response = request.call().map_err(|error| (3, format!("{} cannot be asked: {error}", self.url)))?;
        let status = response.status().as_u16();
        let text =
            response.body_mut().read_to_string().map_err(|error| (3, format!("{} broke off: {error}", self.url)))?;
        match status {
            200 => {}
            404 => {
                return Err((
                    1,
                    format!("nothing is remembered of a request named {}; names are kept for a while", self.request_id),
                ));
            }
            401 | 403 => {
                return Err((2, format!("{} asks operators who they are; give a key with --header", self.url)));
            }
            _ => return Err((1, format!("{} answered {status}", self.url))),
        }
        if self.output == Output::Json {
            return Ok(text + "\n");
        }
        let told: Value =
            serde_json::from_str(&text).map_err(|error| (1, format!("the answer is not JSON: {error}")))?;
        Ok(told["decisions"].as_array().into_iter().flatten().map(line).collect())
    }
}

/// A decision in a line.
fn line(decision: &Value) -> String {
    let word = |name: &str| match &decision[name] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    format!(
        "{}  {} {} {} at {}: rule {}, principal {}, status {}, generation {}, shard {}\n",
        word("time"),
        word("method"),
        word("tool"),
        word("decision"),
        word("stage"),
        word("rule"),
        word("principal"),
        word("status"),
        word("generation"),
        word("shard"),
    )
}
