//! `subscriptions/listen` (2026-07-28): streams that announce what changed, and nothing a client did not ask for. It
//! never holds more of them than the shard may.

use std::collections::BTreeSet;
use std::rc::Rc;

use ringway_core::json::Value;
use ringway_core::mcp::RpcError;
use ringway_core::mcp::render::{self, META_SUBSCRIPTION, ResultWriter};
use serde_json::{Map, Value as Tree, json};

use crate::answer::{Answer, Events, Reply, Source};
use crate::catalog::Catalog;
use crate::mailbox::Changed;
use crate::outbox::Outbox;
use crate::record::Ending;
use crate::shard::Shard;
use crate::who::Who;

/// Bytes of what a client wants to hear, as text: a stream keeps it for as long as it is open.
const FILTER_BYTES_MAX: usize = 64 << 10;
/// URIs and task ids of one subscription.
const NAMES_MAX: usize = 1024;

/// What a client wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    lists: Changed,
    resources: BTreeSet<String>,
    tasks: BTreeSet<String>,
}

impl Filter {
    /// Reads `params.notifications`.
    ///
    /// # Errors
    /// -32602 when a member has the wrong type or there are too many names.
    pub fn read(value: Option<Value<'_>>) -> Result<Filter, RpcError> {
        let bad = |what: &str| RpcError::invalid_params(format!("Invalid params: `notifications{what}"));
        if value.is_some_and(|value| value.text().len() > FILTER_BYTES_MAX) {
            return Err(bad("` must be at most 64 KiB"));
        }
        let Some(tree) = value.and_then(|value| value.to_tree()) else {
            return Err(bad("` must be an object"));
        };
        let members = tree.as_object().ok_or_else(|| bad("` must be an object"))?;
        let wants = |name: &str| match members.get(name) {
            None | Some(Tree::Null) => Ok(false),
            Some(Tree::Bool(wanted)) => Ok(*wanted),
            Some(_) => Err(bad(&format!(".{name}` must be true or false"))),
        };
        let names = |name: &str| {
            let Some(value) = members.get(name).filter(|value| !value.is_null()) else {
                return Ok(BTreeSet::new());
            };
            let items = value.as_array().filter(|items| items.len() <= NAMES_MAX);
            let texts = items.map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
            let all = texts.and_then(|texts| texts.collect::<Option<BTreeSet<String>>>());
            all.ok_or_else(|| bad(&format!(".{name}` must be an array of at most {NAMES_MAX} strings")))
        };
        Ok(Filter {
            lists: Changed {
                tools: wants("toolsListChanged")?,
                prompts: wants("promptsListChanged")?,
                resources: wants("resourcesListChanged")?,
            },
            resources: names("resourceSubscriptions")?,
            tasks: names("taskIds")?,
        })
    }

    /// Whether it names tasks.
    pub fn names_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Leaves the part that is honoured for those who see `catalog` and may read what `may_read` says.
    pub fn honoured(mut self, catalog: &Catalog, may_read: impl Fn(&str) -> bool) -> Filter {
        self.lists.prompts &= catalog.has_prompts();
        self.lists.resources &= catalog.has_resources();
        if !catalog.has_resources() {
            self.resources.clear();
        }
        self.resources.retain(|uri| may_read(uri));
        self
    }

    /// The filter on the wire, without what it does not ask for.
    fn to_tree(&self) -> Tree {
        let mut members = Map::new();
        let lists = [
            ("toolsListChanged", self.lists.tools),
            ("promptsListChanged", self.lists.prompts),
            ("resourcesListChanged", self.lists.resources),
        ];
        members.extend(lists.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| (name.into(), true.into())));
        if !self.resources.is_empty() {
            members.insert("resourceSubscriptions".into(), json!(self.resources));
        }
        if !self.tasks.is_empty() {
            members.insert("taskIds".into(), json!(self.tasks));
        }
        Tree::Object(members)
    }
}

/// One open stream.
pub struct Listen {
    /// The request's id as JSON text: it names the subscription with its own type.
    id: String,
    /// Whose it is.
    owner: Rc<str>,
    filter: Filter,
    outbox: Rc<Outbox>,
}

impl Listen {
    fn send(&self, method: &str, mut params: Tree) {
        let id: Tree = serde_json::from_str(&self.id).unwrap_or_default();
        if let Some(members) = params.as_object_mut() {
            members.insert("_meta".into(), json!({ META_SUBSCRIPTION: id }));
        }
        self.outbox.push(render::notification(method, &params));
    }

    /// Announces changed lists.
    pub fn lists_changed(&self, changed: Changed) {
        for (method, wanted) in list_methods(changed, self.filter.lists) {
            if wanted {
                self.send(method, json!({}));
            }
        }
    }

    /// Announces a changed resource.
    pub fn resource_updated(&self, uri: &str) {
        if self.filter.resources.contains(uri) {
            self.send("notifications/resources/updated", json!({ "uri": uri }));
        }
    }

    /// Announces a changed task to its owner.
    pub fn task_changed(&self, owner: &str, task: &str, detail: &str) {
        if *self.owner == *owner && self.filter.tasks.contains(task) {
            self.send("notifications/tasks", serde_json::from_str(detail).unwrap_or_default());
        }
    }

    /// Ends the stream with its result.
    pub fn finish(&self, shard: &Shard) {
        self.outbox.finish(200, Ending::Good, last_words(shard, &self.id));
    }
}

/// The result of a stream that ends here rather than with its client; `id` is JSON text.
pub fn last_words(shard: &Shard, id: &str) -> Vec<u8> {
    let named: Tree = serde_json::from_str(id).unwrap_or_default();
    ResultWriter::with_meta(id, &shard.identity, &json!({ META_SUBSCRIPTION: named }))
}

/// The notification of each changed list, and whether it is wanted.
pub fn list_methods(changed: Changed, wanted: Changed) -> [(&'static str, bool); 3] {
    [
        ("notifications/tools/list_changed", changed.tools && wanted.tools),
        ("notifications/prompts/list_changed", changed.prompts && wanted.prompts),
        ("notifications/resources/list_changed", changed.resources && wanted.resources),
    ]
}

/// Takes a stream off its shard when its connection ends.
struct ListenGuard {
    shard: Rc<Shard>,
    key: usize,
}

impl Drop for ListenGuard {
    fn drop(&mut self) {
        self.shard.listens.borrow_mut().try_remove(self.key);
    }
}

/// Opens a stream: its first message says what will be announced.
pub fn open(shard: &Rc<Shard>, id: String, filter: Filter, who: &Who) -> Answer {
    let mut listens = shard.listens.borrow_mut();
    if listens.len() >= shard.limits().listens_max {
        let error = RpcError::internal("Too many open subscriptions; try again soon");
        return Reply::error_with_status(200, Some(&id), &error).into();
    }
    let owner = Rc::clone(&who.key);
    let listen = Listen { id, owner, filter, outbox: Outbox::plain(&shard.limits()) };
    let honoured = listen.filter.to_tree();
    listen.send("notifications/subscriptions/acknowledged", json!({ "notifications": honoured }));
    let source = Source::Local(listen.outbox.attach(0));
    let key = listens.insert(listen);
    let guard = ListenGuard { shard: Rc::clone(shard), key };
    if shard.draining.get() {
        listens[key].finish(shard);
    }
    Answer::Events(Events {
        source,
        fields: Vec::new(),
        id_prefix: None,
        opening: None,
        primes: None,
        always_stream: true,
        translate: None,
        guard: Some(Box::new(guard)),
    })
}
