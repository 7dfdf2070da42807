//! What happens on a new connection before its first request: WebSocket's upgrade, the legacy era's `initialize`.
//!
//! Errors are sentences that name the step and what came.

use std::sync::Arc;

use crate::wire::door::{Door, SUBPROTOCOL, WEB_SOCKET_ACCEPT};
use crate::wire::envelope::{self, Kind};
use crate::wire::frame::{self, Opcode};
use crate::wire::head;
use crate::wire::http_inbox::HttpInbox;
use crate::wire::inbox::Inbox;
use crate::wire::message;
use crate::wire::request::Template;
use crate::wire::response::Answer;
use crate::wire::stamp::{COUNTER_FIRST, Digits, Stamped};
use crate::wire::web_socket_inbox::WebSocketInbox;
use crate::workload::{Era, Face};

const SESSION_HEADER: &str = "Mcp-Session-Id";
/// Of an answer that refuses us, so much is quoted.
const QUOTED_BYTES_MAX: usize = 300;

/// What one connection was given, or learned when it opened: credential and session, as header lines ready to send.
#[derive(Clone, Default)]
pub struct Peer {
    pub(super) lines: Vec<u8>,
    pub(super) has_session: bool,
}

pub enum Opened {
    /// Send what `poll_output` has, if anything, and read on.
    NotYet,
    /// What `poll_output` still has (`notifications/initialized` over WebSocket, a pong) goes out before the first request.
    Done(Peer),
}

/// How connections of a group begin.
#[derive(Debug)]
pub enum Beginning {
    AtOnce,
    Session { initialize: Template, initialized: Template },
    WebSocket { upgrade: Template, initialize: Option<(Stamped, Stamped)> },
}

pub struct Opening {
    beginning: Arc<Beginning>,
    peer: Peer,
    step: Step,
    /// Of a WebSocket's upgrade: the answer's head, until it is whole.
    head: Vec<u8>,
    output: Vec<u8>,
    inbox: Inbox,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Upgrade,
    Initialize,
    Initialized,
    Done,
}

impl Beginning {
    pub fn of(door: &Door<'_>) -> Result<Self, String> {
        let (initialize, initialized) = (message::initialize(), message::initialized());
        let frame = |message: message::Message| frame::masked(Opcode::Text, message.json.as_bytes());
        Ok(match (door.clients.face, door.clients.era) {
            (Face::Mcp, Era::Legacy) => Self::Session {
                initialize: door.render(door.post(&initialize)?),
                initialized: door.render(door.post(&initialized)?),
            },
            (Face::WebSocket, era) => Self::WebSocket {
                upgrade: door.render(door.upgrade()),
                initialize: (era == Era::Legacy).then(|| (frame(initialize), frame(initialized))),
            },
            (Face::Mcp | Face::Rest | Face::Command | Face::Http, _) => Self::AtOnce,
        })
    }

    pub fn inbox(&self) -> Inbox {
        match self {
            Self::AtOnce | Self::Session { .. } => Inbox::Http(HttpInbox::default()),
            Self::WebSocket { .. } => Inbox::WebSocket(WebSocketInbox::default()),
        }
    }
}

impl Opening {
    pub fn new(beginning: Arc<Beginning>, peer: Peer) -> Self {
        let inbox = beginning.inbox();
        let mut opening = Self { beginning, peer, step: Step::Done, head: Vec::new(), output: Vec::new(), inbox };
        match &*opening.beginning {
            Beginning::AtOnce => {}
            Beginning::Session { .. } => opening.begin(Step::Initialize),
            Beginning::WebSocket { .. } => opening.begin(Step::Upgrade),
        }
        opening
    }

    /// Appends what must be sent; nothing when it waits for the server.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.output);
        self.inbox.poll_output(out);
    }

    /// Also called with no bytes, right after `open`, to learn whether anything has to happen at all.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<Opened, String> {
        let rest;
        let mut bytes = bytes;
        if self.step == Step::Upgrade {
            self.head.extend_from_slice(bytes);
            let split = head::read_one(&self.head).map_err(|malformed| self.failed(&format!("{malformed:?}")))?;
            let Some((_, head, after)) = split else {
                return Ok(Opened::NotYet);
            };
            check_upgrade(head)?;
            rest = after.to_vec();
            bytes = &rest;
            self.begin(if self.has_initialize() { Step::Initialize } else { Step::Done });
        }
        // What comes behind an upgrade may be the beginning of a frame: the inbox goes on once it is between messages.
        if !bytes.is_empty() {
            self.handle_answer(bytes)?;
        }
        if self.inbox.is_closed() {
            return Err(self.failed("the server closed the WebSocket"));
        }
        let is_done = self.step == Step::Done && self.inbox.is_between_messages();
        Ok(if is_done { Opened::Done(std::mem::take(&mut self.peer)) } else { Opened::NotYet })
    }

    fn has_initialize(&self) -> bool {
        !matches!(*self.beginning, Beginning::AtOnce | Beginning::WebSocket { initialize: None, .. })
    }

    fn begin(&mut self, step: Step) {
        self.step = step;
        let (digits, lines, out) = (Digits::of(COUNTER_FIRST), &self.peer.lines, &mut self.output);
        match (&*self.beginning, step) {
            (Beginning::Session { initialize, .. }, Step::Initialize) => initialize.append(digits, lines, out),
            (Beginning::Session { initialized, .. }, Step::Initialized) => initialized.append(digits, lines, out),
            (Beginning::WebSocket { upgrade, .. }, Step::Upgrade) => upgrade.append(digits, lines, out),
            (Beginning::WebSocket { initialize: Some((initialize, _)), .. }, Step::Initialize) => {
                initialize.append(digits, out);
            }
            (Beginning::WebSocket { initialize: Some((_, initialized)), .. }, Step::Initialized) => {
                // Nobody answers a notification over WebSocket.
                initialized.append(digits, out);
                self.step = Step::Done;
            }
            _ => {}
        }
    }

    fn handle_answer(&mut self, bytes: &[u8]) -> Result<(), String> {
        let step = self.step;
        let failed = |what: String| format!("{} {what}", step.name());
        let answer = self.inbox.handle_bytes(bytes);
        let Some(answer) = answer.map_err(|malformed| failed(format!("was answered malformed: {malformed:?}")))? else {
            return Ok(());
        };
        let next = match step {
            Step::Initialize if answer.status != 200 => return Err(failed(refusal(&answer))),
            Step::Initialize if envelope::read(answer.body).is_none_or(|envelope| envelope.kind != Kind::Result) => {
                return Err(failed(format!("was answered without a result: {}", quoted(answer.body))));
            }
            Step::Initialize => {
                if let Some(session) = answer.header(SESSION_HEADER) {
                    // It goes back as it came: a line end in it would be a header of the server's making.
                    if !session.iter().all(u8::is_ascii_graphic) {
                        return Err(failed(format!("was answered with the session id {:?}", quoted(session))));
                    }
                    self.peer.lines.extend_from_slice(&[SESSION_HEADER.as_bytes(), b": ", session, b"\r\n"].concat());
                    self.peer.has_session = true;
                }
                Step::Initialized
            }
            Step::Initialized if !(200..300).contains(&answer.status) => return Err(failed(refusal(&answer))),
            Step::Initialized => Step::Done,
            Step::Upgrade | Step::Done => {
                return Err(failed(format!("got an answer to nothing: {}", quoted(answer.body))));
            }
        };
        if answer.closes {
            return Err(failed("was answered, and the server closes the connection".to_owned()));
        }
        self.begin(next);
        Ok(())
    }

    fn failed(&self, what: &str) -> String {
        format!("{}: {what}", self.step.name())
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Upgrade => "the upgrade to WebSocket",
            Self::Initialize => "initialize",
            Self::Initialized => "notifications/initialized",
            Self::Done => "the connection",
        }
    }
}

fn check_upgrade(head: &[u8]) -> Result<(), String> {
    let refused = |what: String| Err(format!("{} {what}", Step::Upgrade.name()));
    // `HTTP/1.1 101 …`: `head` has looked at it.
    let status = String::from_utf8_lossy(&head[9..12]);
    if status != "101" {
        return refused(format!("was answered {status}"));
    }
    let has = |name: &str, want: &str| {
        let mut words = head::header(head, name).unwrap_or_default().split(|&byte| byte == b',');
        words.any(|word| word.trim_ascii().eq_ignore_ascii_case(want.as_bytes()))
    };
    if !has("Upgrade", "websocket") || !has("Connection", "upgrade") {
        return refused("was answered 101, and not to WebSocket".into());
    }
    if head::header(head, "Sec-WebSocket-Accept") != Some(WEB_SOCKET_ACCEPT.as_bytes()) {
        return refused("was answered with a wrong Sec-WebSocket-Accept".into());
    }
    // A server that knows no subprotocols names none.
    let subprotocol = head::header(head, "Sec-WebSocket-Protocol").filter(|&name| name != SUBPROTOCOL.as_bytes());
    if let Some(subprotocol) = subprotocol {
        return refused(format!(
            "was answered with the subprotocol {}, and {SUBPROTOCOL} was asked",
            quoted(subprotocol)
        ));
    }
    if head::header(head, "Sec-WebSocket-Extensions").is_some() {
        return refused("was answered with extensions, and none were offered".into());
    }
    Ok(())
}

fn refusal(answer: &Answer<'_>) -> String {
    let body = if answer.body.is_empty() { String::new() } else { format!(": {}", quoted(answer.body)) };
    format!("was answered {}{body}", answer.status)
}

fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTED_BYTES_MAX)]).into_owned()
}
