//! A task (extension `io.modelcontextprotocol/tasks`): a call that goes on after its answer, polled by its client. It
//! lives on one shard and never outlives its time to live.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use ringway_core::mcp::question::Question;
use ringway_core::session::Handle;
use ringway_core::session::table::Resident;
use serde_json::{Map, Value, json};

use crate::who::Who;

/// The extension's name.
pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// How often a client should look.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Where a task stands.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It works.
    Working,
    /// It waits for answers.
    InputRequired,
    /// It has a result, good or `isError`.
    Completed(Value),
    /// It ended in a JSON-RPC error.
    Failed(Value),
    /// It was cancelled.
    Cancelled,
}

struct Open {
    question: Question,
    sender: async_channel::Sender<Value>,
}

/// The task.
pub struct Task {
    /// Its name.
    pub handle: Handle,
    /// Who may see it: whoever has its key.
    pub who: Rc<Who>,
    ttl: Duration,
    created: SystemTime,
    updated: Cell<SystemTime>,
    progress: RefCell<Progress>,
    open: RefCell<BTreeMap<String, Open>>,
    /// Keys are unique for the life of a task, even when a tool asks the same again.
    used_keys: RefCell<BTreeSet<String>>,
    cancel: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Resident for Task {
    fn is_in_use(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Working | Progress::InputRequired)
    }
}

impl Task {
    /// A task that works.
    pub fn new(handle: Handle, who: Rc<Who>, ttl: Duration, now: SystemTime) -> Rc<Task> {
        Rc::new(Task {
            handle,
            who,
            ttl,
            created: now,
            updated: Cell::new(now),
            progress: RefCell::new(Progress::Working),
            open: RefCell::default(),
            used_keys: RefCell::default(),
            cancel: RefCell::default(),
        })
    }

    /// Says how to stop the work.
    pub fn on_cancel(&self, cancel: Box<dyn FnOnce()>) {
        self.cancel.replace(Some(cancel));
    }

    /// Whether it will change no more.
    pub fn is_over(&self) -> bool {
        !matches!(*self.progress.borrow(), Progress::Working | Progress::InputRequired)
    }

    /// Records an outcome, unless there is one already.
    pub fn conclude(&self, outcome: Progress) {
        if !self.is_over() {
            self.open.borrow_mut().clear();
            self.set(outcome);
        }
    }

    /// Stops the work. A task that is over stays as it is.
    pub fn cancel(&self) {
        if self.is_over() {
            return;
        }
        self.conclude(Progress::Cancelled);
        let cancel = self.cancel.borrow_mut().take();
        if let Some(cancel) = cancel {
            cancel();
        }
    }

    /// Puts a question to whoever polls.
    pub fn ask(&self, key: &str, question: Question) -> async_channel::Receiver<Value> {
        let (sender, receiver) = async_channel::bounded(1);
        let mut used = self.used_keys.borrow_mut();
        let mut unique = key.to_owned();
        while !used.insert(unique.clone()) {
            unique = format!("{key}-{}", used.len());
        }
        self.open.borrow_mut().insert(unique, Open { question, sender });
        self.set(Progress::InputRequired);
        receiver
    }

    /// Takes answers, all or none; returns what is wrong with the first bad one. Keys that nobody asked for are ignored.
    pub fn answer(&self, answers: &Map<String, Value>) -> Option<String> {
        let mut open = self.open.borrow_mut();
        for (key, answer) in answers {
            if let Some(fault) = open.get(key).and_then(|open| open.question.fault_of(answer)) {
                return Some(format!("inputResponses.{key}: {fault}"));
            }
        }
        for (key, answer) in answers {
            if let Some(answered) = open.remove(key) {
                // A closed channel means that the work has stopped meanwhile.
                let _ = answered.sender.try_send(answer.clone());
            }
        }
        let all_answered = open.is_empty();
        drop(open);
        if all_answered && matches!(*self.progress.borrow(), Progress::InputRequired) {
            self.set(Progress::Working);
        }
        None
    }

    fn set(&self, progress: Progress) {
        self.updated.set(SystemTime::now());
        self.progress.replace(progress);
    }

    /// The members that name it, as `CreateTaskResult` has them.
    pub fn summary(&self) -> Value {
        let status = match *self.progress.borrow() {
            Progress::Working => "working",
            Progress::InputRequired => "input_required",
            Progress::Completed(_) => "completed",
            Progress::Failed(_) => "failed",
            Progress::Cancelled => "cancelled",
        };
        let stamp = |time| humantime::format_rfc3339_millis(time).to_string();
        json!({
            "taskId": self.handle.to_string(),
            "status": status,
            "createdAt": stamp(self.created),
            "lastUpdatedAt": stamp(self.updated.get()),
            "ttlMs": self.ttl.as_millis() as u64,
            "pollIntervalMs": POLL_INTERVAL.as_millis() as u64,
        })
    }

    /// The members of `tasks/get`: the summary with result, error or open questions.
    pub fn detail(&self) -> Value {
        let mut detail = self.summary();
        let Some(members) = detail.as_object_mut() else {
            return detail;
        };
        match &*self.progress.borrow() {
            Progress::Completed(result) => members.insert("result".into(), result.clone()),
            Progress::Failed(error) => members.insert("error".into(), error.clone()),
            Progress::InputRequired => {
                let open = self.open.borrow();
                let ask =
                    |open: &Open| json!({ "method": open.question.method(), "params": open.question.params(None) });
                members
                    .insert("inputRequests".into(), open.iter().map(|(key, open)| (key.clone(), ask(open))).collect())
            }
            Progress::Working | Progress::Cancelled => None,
        };
        detail
    }
}
