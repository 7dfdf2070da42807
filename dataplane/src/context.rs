//! What a call may do besides compute: report progress, log, ask its client, become a task, change the server's lists.
//! The same code serves every revision; what differs between them is decided here. It never writes to a connection.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use ringway_core::mcp::question::Question;
use ringway_core::mcp::types::LogLevel;
use ringway_core::mcp::{Era, RpcError, Version, render};
use serde_json::{Map, Value, json};

use crate::handle::ServerHandle;
use crate::outbox::Outbox;
use crate::session::Session;
use crate::shard::Shard;
use crate::task::{self, Task};
use crate::tool::ToolError;
use crate::who::Who;

/// Who calls, and how its messages reach it.
#[derive(Clone)]
pub struct Caller {
    /// The revision it speaks.
    pub version: Version,
    /// Its session, in the legacy era.
    pub session: Option<Rc<Session>>,
    /// What it can be asked.
    pub capabilities: Rc<Value>,
    /// From which level on this call's log messages are wanted (2026-07-28).
    pub log_level: Option<LogLevel>,
    /// The text of its progress token.
    pub progress_token: Option<String>,
    /// Whose credential was checked.
    pub who: Rc<Who>,
}

/// The answers of earlier rounds, and what this round asks (2026-07-28).
#[derive(Default)]
pub struct Rounds {
    /// Answers by key.
    pub answers: Map<String, Value>,
    /// What the tool kept between rounds.
    pub kept: Option<Value>,
    /// What this round asks.
    pub open: Vec<(String, Question)>,
    /// Answers that were used, which the next round needs again.
    pub used: Map<String, Value>,
}

/// The state of one call.
pub struct Call {
    pub(crate) shard: Rc<Shard>,
    pub(crate) caller: Caller,
    pub(crate) outbox: Rc<Outbox>,
    pub(crate) rounds: RefCell<Rounds>,
    pub(crate) task: RefCell<Option<Rc<Task>>>,
    last_progress: Cell<f64>,
    time_max: Duration,
    deadline: OnceCell<Instant>,
}

/// A call's view of its server and client. Cheap to clone; it stays on its shard.
#[derive(Clone)]
pub struct Context(pub(crate) Rc<Call>);

/// Why a question has no answer. Turn it into a [`ToolError`] with `?`.
#[derive(Clone, Debug)]
pub enum AskError {
    /// The answer comes with the next round (2026-07-28).
    InputRequired,
    /// The client does not take this kind of question.
    Unsupported(Question),
    /// The answer does not have the shape its question demands.
    Malformed(String),
    /// The client answered with an error.
    Refused(String),
    /// Nobody answered in time, or the client is gone.
    Unanswered,
}

impl From<AskError> for ToolError {
    fn from(error: AskError) -> ToolError {
        match error {
            AskError::InputRequired => ToolError::InputRequired,
            AskError::Unsupported(question) => ToolError::Unsupported(question.capability()),
            AskError::Malformed(text) => ToolError::Rpc(RpcError::invalid_params(text)),
            AskError::Refused(text) => ToolError::Failed(format!("The client gave no usable answer: {text}")),
            AskError::Unanswered => ToolError::failed("The client did not answer the question in time"),
        }
    }
}

impl Context {
    pub(crate) fn new(shard: Rc<Shard>, caller: Caller, outbox: Rc<Outbox>, rounds: Rounds, time: Duration) -> Context {
        Context(Rc::new(Call {
            shard,
            caller,
            outbox,
            rounds: RefCell::new(rounds),
            task: RefCell::new(None),
            last_progress: Cell::new(f64::NEG_INFINITY),
            time_max: time,
            deadline: OnceCell::new(),
        }))
    }

    /// The revision the client speaks.
    pub fn version(&self) -> Version {
        self.0.caller.version
    }

    /// When the call must be done.
    pub fn deadline(&self) -> Instant {
        // Most calls are done before anybody asks, and a clock costs as much as parsing a small message.
        *self.0.deadline.get_or_init(|| Instant::now() + self.0.time_max)
    }

    /// The server this call runs on.
    pub fn server(&self) -> &ServerHandle {
        &self.0.shard.server
    }

    /// The client's capabilities, in the shape of MCP `ClientCapabilities`.
    pub fn client_capabilities(&self) -> &Value {
        &self.0.caller.capabilities
    }

    /// Reports progress, when the client asked for it. `progress` must grow; a report that does not is dropped.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let call = &self.0;
        let Some(token) = &call.caller.progress_token else {
            return;
        };
        // Neither NaN nor infinity is JSON, and NaN would compare as growth for ever.
        if !progress.is_finite() || progress <= call.last_progress.get() || call.task.borrow().is_some() {
            return;
        }
        call.last_progress.set(progress);
        let message = message.filter(|_| self.version() >= Version::V2025_03_26);
        call.outbox.push(render::progress(token, progress, total, message));
    }

    /// Sends a log message to the client, when it wants this level. Never put a secret into one.
    pub fn log(&self, level: LogLevel, logger: Option<&str>, data: impl Into<Value>) {
        let call = &self.0;
        let wanted = match &call.caller.session {
            // Until a legacy client sets a level the server chooses: everything from `info` on.
            Some(session) => Some(session.log_level.get().unwrap_or(LogLevel::Info)),
            None => call.caller.log_level,
        };
        if wanted.is_none_or(|wanted| level < wanted) || call.task.borrow().is_some() {
            return;
        }
        let mut params = json!({ "level": level.name(), "data": data.into() });
        if let (Some(logger), Some(members)) = (logger, params.as_object_mut()) {
            members.insert("logger".into(), logger.into());
        }
        call.outbox.push(render::notification("notifications/message", &params));
    }

    /// Whether the client takes this kind of question.
    pub fn can_ask(&self, question: &Question) -> bool {
        let askable = self.0.caller.session.is_some() || self.version().era() == Era::Modern;
        let url_known = self.version() >= Version::V2025_11_25 || !matches!(question, Question::Url { .. });
        askable && url_known && question.is_covered_by(&self.0.caller.capabilities)
    }

    /// Asks the client, and waits for the answer: an MCP `ElicitResult`, `CreateMessageResult` or `ListRootsResult`.
    /// `key` names the question; the same question must have the same key when the call is made again.
    ///
    /// # Errors
    /// [`AskError::InputRequired`] in 2026-07-28 until the client brings the answer, and what else can go wrong.
    pub async fn ask(&self, key: &str, question: Question) -> Result<Value, AskError> {
        let mut answers = self.ask_all(vec![(key.to_owned(), question)]).await?;
        answers.pop().ok_or(AskError::Unanswered)
    }

    /// Asks several questions at once; the answers come in their order.
    ///
    /// # Errors
    /// As [`Context::ask`].
    pub async fn ask_all(&self, questions: Vec<(String, Question)>) -> Result<Vec<Value>, AskError> {
        if let Some((_, question)) = questions.iter().find(|(_, question)| !self.can_ask(question)) {
            return Err(AskError::Unsupported(question.clone()));
        }
        let task = self.0.task.borrow().clone();
        let _asking = self.0.shard.waits.question();
        match (task, &self.0.caller.session) {
            (Some(task), _) => self.ask_poller(&task, questions).await,
            (None, Some(session)) => self.ask_session(session, questions).await,
            (None, None) => self.ask_next_round(questions),
        }
    }

    fn ask_next_round(&self, questions: Vec<(String, Question)>) -> Result<Vec<Value>, AskError> {
        let mut rounds = self.0.rounds.borrow_mut();
        let mut answers = Vec::new();
        for (key, question) in questions {
            match rounds.answers.get(&key).cloned() {
                Some(answer) => {
                    if let Some(fault) = question.fault_of(&answer) {
                        return Err(AskError::Malformed(format!("Invalid params: inputResponses.{key}: {fault}")));
                    }
                    rounds.used.insert(key, answer.clone());
                    answers.push(answer);
                }
                None => rounds.open.push((key, question)),
            }
        }
        if rounds.open.is_empty() { Ok(answers) } else { Err(AskError::InputRequired) }
    }

    async fn ask_session(
        &self,
        session: &Rc<Session>,
        questions: Vec<(String, Question)>,
    ) -> Result<Vec<Value>, AskError> {
        let mut waiting = Vec::new();
        for (key, question) in questions {
            let params = |id: &str| question.params(Some(id));
            let asked = session.ask(&self.0.outbox, question.method(), params).map_err(|_| AskError::Unanswered)?;
            waiting.push((key, question, asked));
        }
        let time_max = self.0.shard.limits().question_time_max;
        let mut answers = Vec::new();
        for (key, question, asked) in waiting {
            match within(time_max, asked.answer()).await.flatten() {
                Some(Ok(answer)) => match question.fault_of(&answer) {
                    None => answers.push(answer),
                    Some(fault) => return Err(AskError::Refused(format!("`{key}` {fault}"))),
                },
                Some(Err(error)) => {
                    let text = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
                    return Err(AskError::Refused(text.to_owned()));
                }
                None => return Err(AskError::Unanswered),
            }
        }
        Ok(answers)
    }

    async fn ask_poller(&self, task: &Rc<Task>, questions: Vec<(String, Question)>) -> Result<Vec<Value>, AskError> {
        let asked: Vec<_> = questions.into_iter().map(|(key, question)| task.ask(&key, question)).collect();
        self.0.shard.announce_task(task);
        let mut answers = Vec::new();
        for receiver in asked {
            // The task has checked the answer before it took it.
            let time_max = self.0.shard.limits().question_time_max;
            let answer = within(time_max, receiver.recv()).await;
            answers.push(answer.and_then(Result::ok).ok_or(AskError::Unanswered)?);
        }
        Ok(answers)
    }

    /// What an earlier round of this call kept (2026-07-28); the client cannot change it.
    pub fn kept(&self) -> Option<Value> {
        self.0.rounds.borrow().kept.clone()
    }

    /// Keeps a value for the next round of this call.
    pub fn keep(&self, value: Value) {
        self.0.rounds.borrow_mut().kept = Some(value);
    }

    /// Lets the call go on as a task, so that the client need not wait: it is answered now and polls from here on. True
    /// when the call is a task afterwards; a client that takes no tasks goes on waiting.
    pub fn become_task(&self) -> bool {
        if self.0.task.borrow().is_some() {
            return true;
        }
        if !self.takes_tasks() {
            return false;
        }
        let shard = &self.0.shard;
        let who = Rc::clone(&self.0.caller.who);
        let task = Task::new(shard.new_handle(), who, shard.limits().task_ttl, SystemTime::now());
        let inserted = shard.tasks.borrow_mut().insert(task.handle, Rc::clone(&task), shard.now());
        if inserted.is_ok() {
            self.0.task.replace(Some(task));
        }
        inserted.is_ok()
    }

    pub(crate) fn takes_tasks(&self) -> bool {
        let extensions = self.client_capabilities().get("extensions");
        self.version().era() == Era::Modern && extensions.and_then(|all| all.get(task::EXTENSION)).is_some()
    }

    /// Ends the connection that waits for this call; the client comes back for the rest (MCP 2025-11-25, SSE polling).
    /// Nothing happens where the client could not come back.
    pub fn suspend_stream(&self) {
        if self.0.caller.session.as_ref().is_some_and(|session| session.version >= Version::V2025_11_25) {
            self.0.outbox.suspend();
        }
    }
}

/// The future's output, or `None` when `time_max` has passed.
pub async fn within<F: Future>(time_max: Duration, future: F) -> Option<F::Output> {
    futures_lite::future::or(async { Some(future.await) }, async {
        glommio::timer::sleep(time_max).await;
        None
    })
    .await
}
