//! What kind of JSON-RPC message a body is (MCP base protocol, "Messages"). It never looks at a method's meaning.

use super::RpcError;
use super::rpc_error::INVALID_PARAMS;
use crate::json::{Object, Value};

/// One JSON-RPC message.
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// A request, which gets exactly one answer.
    Request(Request<'a>),
    /// A notification, which gets none.
    Notification(Notification<'a>),
    /// A client's answer to a request of ours.
    Response(Response<'a>),
}

/// A request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The id's text, echoed as it came: a string or an integer.
    pub id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The parameters.
    pub params: Option<Object<'a>>,
}

/// A notification.
#[derive(Clone, Copy)]
pub struct Notification<'a> {
    /// The method.
    pub method: &'a str,
    /// The parameters.
    pub params: Option<Object<'a>>,
}

/// An answer from a client.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// The id's text.
    pub id: &'a str,
    /// The result, or the error.
    pub outcome: Result<Value<'a>, Value<'a>>,
}

/// A message that cannot be served, with the id when it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadMessage {
    /// The id's text.
    pub id: Option<String>,
    /// The answer.
    pub error: RpcError,
}

/// Reads one message.
///
/// # Errors
/// -32600 with HTTP 400 when the value is not a JSON-RPC 2.0 message, -32602 when its params are not an object.
pub fn read(value: Value<'_>) -> Result<Message<'_>, BadMessage> {
    let fail = |id: Option<&str>, error| Err(BadMessage { id: id.map(str::to_owned), error });
    let invalid = |text: &'static str| RpcError::invalid_request(text);
    let Some(object) = value.as_object() else {
        return fail(None, invalid("Invalid Request: a message must be an object"));
    };
    let Members { id: id_value, jsonrpc, method, params: params_value, result, error } = Members::of(object);
    let id = id_value.filter(|id| id.is_integer() || id.as_str().is_some()).map(Value::text);
    if id_value.is_some() && id.is_none() {
        return fail(None, invalid("Invalid Request: `id` must be a string or an integer"));
    }
    if jsonrpc.and_then(Value::as_str) != Some("2.0") {
        return fail(id, invalid("Invalid Request: `jsonrpc` must be \"2.0\""));
    }
    if let Some(method) = method {
        let Some(method) = method.as_str() else {
            return fail(id, invalid("Invalid Request: `method` must be a string"));
        };
        if result.is_some() || error.is_some() {
            return fail(id, invalid("Invalid Request: a request has no `result` or `error`"));
        }
        let params = params_value.and_then(Value::as_object);
        if params_value.is_some() && params.is_none() {
            let error = RpcError::new(INVALID_PARAMS, "Invalid params: `params` must be an object");
            return fail(id, error.with_status(400));
        }
        return Ok(match id {
            Some(id) => Message::Request(Request { id, method, params }),
            None => Message::Notification(Notification { method, params }),
        });
    }
    let outcome = match (result, error) {
        (Some(result), None) => Ok(result),
        (None, Some(error)) => Err(error),
        _ => return fail(id, invalid("Invalid Request: `method` is missing")),
    };
    match id {
        Some(id) => Ok(Message::Response(Response { id, outcome })),
        None => fail(None, invalid("Invalid Request: a response needs an `id`")),
    }
}

/// The members that JSON-RPC knows, found in one go.
#[derive(Default)]
struct Members<'a> {
    id: Option<Value<'a>>,
    jsonrpc: Option<Value<'a>>,
    method: Option<Value<'a>>,
    params: Option<Value<'a>>,
    result: Option<Value<'a>>,
    error: Option<Value<'a>>,
}

impl<'a> Members<'a> {
    fn of(object: Object<'a>) -> Members<'a> {
        let mut members = Members::default();
        for (name, value) in object.members() {
            let place = match name {
                "id" => &mut members.id,
                "jsonrpc" => &mut members.jsonrpc,
                "method" => &mut members.method,
                "params" => &mut members.params,
                "result" => &mut members.result,
                "error" => &mut members.error,
                _ => continue,
            };
            *place = Some(value);
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonParser;

    fn kind(text: &str) -> String {
        JsonParser::default()
            .with(text.as_bytes(), |value| match read(value) {
                Ok(Message::Request(request)) => {
                    format!("request {} {}", request.id, request.method)
                }
                Ok(Message::Notification(notification)) => {
                    format!("notification {}", notification.method)
                }
                Ok(Message::Response(response)) => {
                    format!("response {} {}", response.id, response.outcome.is_ok())
                }
                Err(bad) => format!("{} {:?}", bad.error.code, bad.id),
            })
            .expect("good JSON")
    }

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#), "request 1 m");
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":"\u00e9","method":"m","params":{}}"#), r#"request "\u00e9" m"#);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}"#), "request 9007199254740993 m");
        assert_eq!(kind(r#"{"jsonrpc":"2.0","method":"m"}"#), "notification m");
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":"s","result":{}}"#), r#"response "s" true"#);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":"s","error":{}}"#), r#"response "s" false"#);
    }

    #[test]
    fn what_is_not_a_message_is_refused() {
        for bad in [
            "1",
            "null",
            "{}",
            r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1.0,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":true,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","result":{}}"#,
        ] {
            assert_eq!(kind(bad), "-32600 None", "{bad}");
        }
        assert_eq!(kind(r#"{"jsonrpc":"1.0","id":7,"method":"m"}"#), r#"-32600 Some("7")"#);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":7,"method":1}"#), r#"-32600 Some("7")"#);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":7,"method":"m","params":[]}"#), r#"-32602 Some("7")"#);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":7,"result":1,"error":2}"#), r#"-32600 Some("7")"#);
    }
}
