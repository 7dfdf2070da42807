//! Usage: `ringway-client-rmcp MODE http URL` or `… MODE stdio COMMAND [ARG…]`,
//! where MODE is `initialize`, `discover` or `auto`. Ends with status 1 and a
//! message on stderr when the server does not behave.

use std::error::Error;
use std::time::{Duration, Instant};

use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use serde_json::json;
use tokio::process::Command;

type Client = RunningService<RoleClient, ClientConfig>;
type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, transport, target, rest @ ..] = args.as_slice() else {
        return Err("usage: MODE http URL | MODE stdio COMMAND [ARG…]".into());
    };

    let modern = vec![ProtocolVersion::V_2026_07_28];
    let (lifecycle, expected) = match mode.as_str() {
        "initialize" => (ClientLifecycleMode::Initialize, "2025-11-25"),
        "discover" => (
            ClientLifecycleMode::Discover {
                preferred_versions: modern,
            },
            "2026-07-28",
        ),
        "auto" => (
            ClientLifecycleMode::Auto {
                preferred_versions: modern,
                legacy_version: None,
            },
            "2026-07-28",
        ),
        other => return Err(format!("no such mode: {other}").into()),
    };

    let config = ClientConfig::default();
    let client = match transport.as_str() {
        "http" => {
            let transport = StreamableHttpClientTransportConfig::with_uri(target.as_str());
            let transport = StreamableHttpClientTransport::from_config(shown(transport)?);
            config.serve_with_lifecycle(transport, lifecycle).await?
        }
        "stdio" => {
            let mut command = Command::new(target);
            command.args(rest);
            let transport = TokioChildProcess::new(command)?;
            config.serve_with_lifecycle(transport, lifecycle).await?
        }
        other => return Err(format!("no such transport: {other}").into()),
    };
    scenario(client, expected).await
}

/// With what the client shows, as fields of its requests.
fn shown(
    transport: StreamableHttpClientTransportConfig,
) -> Result<StreamableHttpClientTransportConfig, Box<dyn Error>> {
    let mut transport = transport;
    for line in std::env::var("RINGWAY_HEADER").unwrap_or_default().lines() {
        let (name, value) = line.split_once(": ").ok_or("RINGWAY_HEADER is no header")?;
        transport = match value.strip_prefix("Bearer ") {
            // rmcp writes the scheme itself.
            Some(token) => transport.auth_header(token),
            None => transport.custom_headers([(name.parse()?, value.parse()?)].into()),
        };
    }
    Ok(transport)
}

async fn scenario(mut client: Client, expected: &str) -> Outcome {
    // Without this check a failed probe would pass unseen: `auto` falls back.
    let version = client
        .peer()
        .peer_info()
        .map(|info| info.protocol_version.to_string());
    ensure(
        version.as_deref() == Some(expected),
        format!("negotiated {version:?}, not {expected}"),
    )?;

    let tools = client.peer().list_all_tools().await?;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    ensure(names.contains(&"echo"), format!("no echo in {names:?}"))?;

    echo(&client).await?;
    if names.contains(&"get_resource_usage") {
        let usage = client
            .peer()
            .call_tool(CallToolRequestParams::new("get_resource_usage"))
            .await?;
        let structured = usage.structured_content.as_ref();
        ensure(
            structured.is_some_and(|value| value.is_object()),
            format!("get_resource_usage answered {usage:?}"),
        )?;
    }

    // An error of the protocol or of the tool will do, a broken connection not.
    match client
        .peer()
        .call_tool(CallToolRequestParams::new("no_such_tool"))
        .await
    {
        Err(ServiceError::McpError(_)) => {}
        Ok(result) if result.is_error == Some(true) => {}
        other => return Err(format!("no_such_tool answered {other:?}").into()),
    }
    echo(&client).await?;

    // A stdio server has three seconds to leave after its input has ended, then
    // rmcp sends it SIGTERM: a slow end is a server that ignored the end of input.
    let start = Instant::now();
    client.close().await?;
    let took = start.elapsed();
    ensure(
        took < Duration::from_millis(1900),
        format!("disconnecting took {took:?}"),
    )
}

async fn echo(client: &Client) -> Outcome {
    let text = std::env::var("RINGWAY_ECHO_TEXT")?;
    let arguments = json!({ "text": text })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let result = client
        .peer()
        .call_tool(CallToolRequestParams::new("echo").with_arguments(arguments))
        .await?;
    let texts: Vec<_> = result
        .content
        .iter()
        .map(|content| content.as_text())
        .collect();
    ensure(
        result.is_error != Some(true)
            && matches!(texts.as_slice(), [Some(content)] if content.text == text),
        format!("echo of {text:?} answered {result:?}"),
    )
}

fn ensure(holds: bool, message: String) -> Outcome {
    if holds { Ok(()) } else { Err(message.into()) }
}
