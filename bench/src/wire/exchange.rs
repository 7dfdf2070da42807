//! One thing a client asks, and the answer it expects: each share of a mix, through the group's face, in its era.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::wire::call::{self, Call};
use crate::wire::door::Door;
use crate::wire::expect::{BodyBytes, Expect, Needle, Outcome, Remembered};
use crate::wire::frame::{self, Opcode};
use crate::wire::message::{self, Message};
use crate::wire::request::{Request, Template};
use crate::wire::response::ANSWER_BYTES_MAX;
use crate::wire::stamp::{Digits, Stamped};
use crate::workload::{BodyLength, Expectation, Face, Operation, Share};

#[derive(Clone, Debug)]
pub struct Exchange {
    outgoing: Outgoing,
    pub expect: Expect,
}

#[derive(Clone, Debug)]
enum Outgoing {
    Http(Template),
    Frame(Stamped),
}

impl Exchange {
    pub fn append(&self, digits: Digits, lines: &[u8], out: &mut Vec<u8>) {
        match &self.outgoing {
            Outgoing::Http(template) => template.append(digits, lines, out),
            Outgoing::Frame(frame) => frame.append(digits, out),
        }
    }
}

/// The exchanges of a share, one for each size of its texts.
pub fn of_share(door: &Door<'_>, share: &Share) -> Result<Vec<Exchange>, String> {
    use Face::{Command, Http, Mcp, Rest, WebSocket};
    let era = door.clients.era;
    let exchange = |outgoing: Result<Outgoing, String>, usual: Usual| {
        Ok(Exchange { outgoing: outgoing?, expect: expect(&usual, &share.expect)? })
    };
    let calls = |exchange_of: &dyn Fn(&Call) -> Result<Exchange, String>| {
        call::of_share(share)?.iter().map(exchange_of).collect::<Result<Vec<_>, String>>()
    };
    let result = Outcome::Result { id: !share.expect.constant };
    match (door.clients.face, share.operation) {
        (Mcp | WebSocket, Operation::Discover) => {
            exchange(send(door, &message::discover(era)), Usual::new(result)).map(|one| vec![one])
        }
        (Mcp | WebSocket, Operation::List) => {
            exchange(send(door, &message::list(era)), Usual::new(result).with("\"tools\"")).map(|one| vec![one])
        }
        (Mcp | WebSocket, operation @ (Operation::Call | Operation::Stream)) => {
            let streams = operation == Operation::Stream;
            calls(&|call| {
                let usual = Usual { events_min: u32::from(streams), ..Usual::of_call(result, call) };
                exchange(send(door, &message::call(era, call, streams)), usual)
            })
        }
        (Rest, Operation::List) => {
            let usual = Usual::new(Outcome::Unsaid).with("\"tools\"");
            exchange(Ok(Outgoing::Http(door.render(door.list_tools()))), usual).map(|one| vec![one])
        }
        (Rest, Operation::Call) => calls(&|call| {
            let request = door.render(door.post_tool(&call.tool, &call.arguments));
            exchange(Ok(Outgoing::Http(request)), Usual::of_call(Outcome::Content, call))
        }),
        (Command, Operation::Call) => calls(&|call| {
            let command = serde_json::Value::from(call.tool.as_str());
            let json = format!("{{\"command\":{command},\"params\":{}}}", call.arguments);
            // The answer tells the time, and some servers' clocks leave out zeros.
            let usual = Usual { body_bytes: BodyBytes::Any, ..Usual::of_call(Outcome::Success, call) };
            exchange(Ok(Outgoing::Http(door.render(door.post_command(&json)))), usual)
        }),
        (Http, Operation::Get) => {
            let request = door.render(door.plain_get(share.path.as_deref()));
            exchange(Ok(Outgoing::Http(request)), Usual::new(Outcome::Unsaid)).map(|one| vec![one])
        }
        (Http, Operation::Request) => {
            let file = share.file.as_deref().ok_or("file: operation request needs the HTTP/1.1 request to send")?;
            let request = door.render_file(read_request(file)?);
            exchange(Ok(Outgoing::Http(request)), Usual::new(Outcome::Unsaid)).map(|one| vec![one])
        }
        (face, operation) => Err(format!("operation: face {face:?} has no {operation:?}")),
    }
}

fn send(door: &Door<'_>, message: &Message) -> Result<Outgoing, String> {
    match door.clients.face {
        Face::WebSocket => Ok(Outgoing::Frame(frame::masked(Opcode::Text, message.json.as_bytes()))),
        _ => Ok(Outgoing::Http(door.render(door.post(message)?))),
    }
}

/// What a right answer is, where the workload says nothing else.
struct Usual {
    outcome: Outcome,
    /// In each answer, whoever asked.
    text: Option<&'static str>,
    /// In the answer to this request alone.
    echoed: Option<String>,
    body_bytes: BodyBytes,
    events_min: u32,
}

impl Usual {
    fn new(outcome: Outcome) -> Self {
        Self { outcome, text: None, echoed: None, body_bytes: BodyBytes::Any, events_min: 0 }
    }

    fn with(self, text: &'static str) -> Self {
        Self { text: Some(text), ..self }
    }

    fn of_call(outcome: Outcome, call: &Call) -> Self {
        let body_bytes = if call.echoed.is_some() { BodyBytes::LikeFirst } else { BodyBytes::Any };
        Self { echoed: call.echoed.clone(), body_bytes, ..Self::new(outcome) }
    }
}

fn expect(usual: &Usual, asked: &Expectation) -> Result<Expect, String> {
    let (outcome, contains) = match &asked.contains {
        Some(texts) => (Outcome::Unsaid, texts.iter().map(|text| Needle::new(text)).collect()),
        None => {
            let echoed = usual.echoed.as_deref().filter(|_| !asked.constant);
            (usual.outcome, usual.text.into_iter().chain(echoed).map(Needle::new).collect::<Vec<_>>())
        }
    };
    if asked.constant && contains.iter().any(Needle::has_counter) {
        return Err("expect: `constant` answers have no `{{_counter}}`; take out one or the other".into());
    }
    Ok(Expect {
        status: asked.status.unwrap_or(200),
        body_bytes: match asked.body_bytes {
            None => usual.body_bytes,
            Some(BodyLength::Any) => BodyBytes::Any,
            Some(BodyLength::First) => BodyBytes::LikeFirst,
            Some(BodyLength::Exactly(body_bytes)) => BodyBytes::Exactly(body_bytes),
        },
        events_min: asked.events_min.unwrap_or(usual.events_min),
        outcome,
        contains,
        remembered: Remembered::default(),
    })
}

/// A request larger than the largest answer is a slip: `/dev/zero`, say.
const FILE_BYTES_MAX: u64 = ANSWER_BYTES_MAX as u64;

fn read_request(path: &Path) -> Result<Request, String> {
    let failed = |error: String| format!("file: {}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(failed(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Request::parse(&bytes).map_err(failed)
}
