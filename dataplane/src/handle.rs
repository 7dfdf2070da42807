//! Changes a running server from any thread: what it offers, what it announces, its end. It never serves a request, and
//! no request waits for it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ringway_core::identify::access::Access;
use ringway_policy::Policy;

use crate::catalog::{Catalog, CatalogError, Parts};
use crate::mailbox::{Changed, Letter, Mailboxes};
use crate::tls::Tls;
use crate::tool::{Prompt, Resource, ResourceTemplate, Tool};
use crate::tool_names::ToolNames;

/// What every shard is to have: the catalog, the policy and the certificates of one moment.
#[derive(Clone)]
pub(crate) struct InForce {
    /// Counts changes of any.
    pub generation: u64,
    /// What is offered.
    pub catalog: Arc<Catalog>,
    /// What the operator decided.
    pub policy: Arc<Policy>,
    /// Who may call.
    pub access: Arc<Access>,
    /// How callers are met.
    pub tls: Option<Tls>,
}

struct State {
    parts: Parts,
    /// Where it listens: a server answers for its own addresses whatever the operator allows besides.
    own_addresses: Vec<IpAddr>,
    /// Absent until the server runs.
    in_force: Option<InForce>,
}

struct Shared {
    mailboxes: Mailboxes,
    /// Cold: a change takes it, and each shard once a change; never a request.
    state: Mutex<State>,
    /// The generation in force, for a shard to see that it missed the news of a change.
    generation: AtomicU64,
}

const TOOLS: Changed = Changed { tools: true, prompts: false, resources: false };
const PROMPTS: Changed = Changed { tools: false, prompts: true, resources: false };
const RESOURCES: Changed = Changed { tools: false, prompts: false, resources: true };

/// Changes a running server from any thread. Shards take a change between requests and announce it to clients.
#[derive(Clone)]
pub struct ServerHandle(Arc<Shared>);

impl ServerHandle {
    /// A handle on a server that offers `parts`.
    pub(crate) fn new(parts: Parts) -> ServerHandle {
        ServerHandle(Arc::new(Shared {
            mailboxes: Mailboxes::default(),
            state: Mutex::new(State { parts, own_addresses: Vec::new(), in_force: None }),
            generation: AtomicU64::new(0),
        }))
    }

    /// The way to its shards.
    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.0.mailboxes
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// When its definition is bad or its name is taken.
    pub fn add_tool(&self, tool: impl Tool) -> Result<(), CatalogError> {
        self.change(TOOLS, |parts| parts.add_tool(Arc::new(tool)))
    }

    /// Removes a tool. Calls in flight finish.
    pub fn remove_tool(&self, name: &str) {
        self.remove(TOOLS, |parts| parts.tools.retain(|entry| entry.definition.name != name));
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When its URI is taken.
    pub fn add_resource(&self, resource: impl Resource) -> Result<(), CatalogError> {
        self.change(RESOURCES, |parts| parts.add_resource(Arc::new(resource)))
    }

    /// Removes a resource.
    pub fn remove_resource(&self, uri: &str) {
        self.remove(RESOURCES, |parts| parts.resources.retain(|entry| entry.definition.uri != uri));
    }

    /// Adds a family of resources.
    ///
    /// # Errors
    /// When its template is bad or taken.
    pub fn add_template(&self, resources: impl ResourceTemplate) -> Result<(), CatalogError> {
        self.change(RESOURCES, |parts| parts.add_template(Arc::new(resources)))
    }

    /// Adds a prompt.
    ///
    /// # Errors
    /// When its name is taken.
    pub fn add_prompt(&self, prompt: impl Prompt) -> Result<(), CatalogError> {
        self.change(PROMPTS, |parts| parts.add_prompt(Arc::new(prompt)))
    }

    /// Removes a prompt.
    pub fn remove_prompt(&self, name: &str) {
        self.remove(PROMPTS, |parts| parts.prompts.retain(|entry| entry.definition.name != name));
    }

    /// Tells clients to list tools again.
    pub fn announce_tools(&self) {
        self.announce(TOOLS);
    }

    /// Tells clients to list prompts again.
    pub fn announce_prompts(&self) {
        self.announce(PROMPTS);
    }

    /// Tells clients to list resources again.
    pub fn announce_resources(&self) {
        self.announce(RESOURCES);
    }

    /// Tells clients that follow a resource to read it again.
    pub fn announce_resource(&self, uri: &str) {
        let uri: Arc<str> = uri.into();
        self.0.mailboxes.broadcast(|| Letter::ResourceUpdated(Arc::clone(&uri)));
    }

    /// Stops the server: it accepts no more, finishes what it has begun, and ends.
    pub fn drain(&self) {
        tracing::info!("draining");
        self.0.mailboxes.drain();
    }

    fn announce(&self, changed: Changed) {
        self.0.mailboxes.broadcast(|| Letter::Announce(changed));
    }

    fn remove(&self, changed: Changed, apply: impl FnOnce(&mut Parts)) {
        let removed = self.change(changed, |parts| {
            apply(parts);
            Ok(())
        });
        debug_assert!(removed.is_ok(), "taking away cannot clash");
    }

    fn change(
        &self,
        changed: Changed,
        apply: impl FnOnce(&mut Parts) -> Result<(), CatalogError>,
    ) -> Result<(), CatalogError> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&mut state.parts)?;
        if let Some(in_force) = state.in_force.take() {
            let InForce { generation, policy, access, tls, .. } = in_force;
            let in_force = self.enforce(&mut state, generation + 1, policy, access, tls);
            tracing::info!(generation = in_force.generation, tools = in_force.catalog.tools().len(), "catalog changed");
            self.announce(changed);
        }
        Ok(())
    }

    /// Puts a policy in force, and who may call: shards take both between requests, and those under way finish on what they
    /// began with. The newest wins. Before the server runs its options say what is in force.
    pub fn apply(&self, policy: Policy, access: Arc<Access>) {
        self.change_policy(policy, Some(access));
    }

    /// Puts a policy in force, and leaves who may call.
    pub fn apply_policy(&self, policy: Policy) {
        self.change_policy(policy, None);
    }

    fn change_policy(&self, policy: Policy, access: Option<Arc<Access>>) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(in_force) = state.in_force.take() {
            let policy = with_addresses(policy, &state.own_addresses);
            let access = access.unwrap_or(in_force.access);
            let in_force = self.enforce(&mut state, in_force.generation + 1, policy, access, in_force.tls);
            tracing::info!(generation = in_force.generation, "policy in force");
            self.announce(Changed::default());
        }
    }

    /// Puts certificates in force: connections that come from here on see them, and open ones keep what they began with.
    /// A server that does not speak TLS begins to with a restart, and this changes nothing of it.
    pub fn apply_tls(&self, tls: Tls) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(in_force) = state.in_force.take_if(|in_force| in_force.tls.is_some()) {
            let not_after = humantime::format_rfc3339_seconds(tls.not_after());
            let InForce { generation, policy, access, .. } = in_force;
            let in_force = self.enforce(&mut state, generation + 1, policy, access, Some(tls));
            tracing::info!(generation = in_force.generation, %not_after, "certificates in force");
            self.announce(Changed::default());
        }
    }

    /// How callers are met, once the server runs.
    pub fn tls(&self) -> Option<Tls> {
        self.in_force()?.tls
    }

    /// The policy in force, once the server runs.
    pub fn policy(&self) -> Option<Arc<Policy>> {
        self.in_force().map(|in_force| in_force.policy)
    }

    /// Puts the first policy in force, with what is offered at the start. `own_addresses` are where it listens.
    pub(crate) fn open(
        &self,
        policy: Policy,
        access: Arc<Access>,
        tls: Option<Tls>,
        own_addresses: Vec<IpAddr>,
    ) -> InForce {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = with_addresses(policy, &own_addresses);
        state.own_addresses = own_addresses;
        self.enforce(&mut state, 1, policy, access, tls)
    }

    fn enforce(
        &self,
        state: &mut State,
        generation: u64,
        policy: Arc<Policy>,
        access: Arc<Access>,
        tls: Option<Tls>,
    ) -> InForce {
        let catalog = Catalog::new(state.parts.clone(), generation, policy.limits.page_items_max);
        let in_force = InForce { generation, catalog, policy, access, tls };
        state.in_force = Some(in_force.clone());
        self.0.generation.store(generation, Ordering::Release);
        in_force
    }

    /// Every name that a tool had.
    pub(crate) fn tool_names(&self) -> Arc<ToolNames> {
        Arc::clone(&self.0.state.lock().unwrap_or_else(PoisonError::into_inner).parts.names)
    }

    /// The generation in force.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// What is in force, once the server runs.
    pub(crate) fn in_force(&self) -> Option<InForce> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).in_force.clone()
    }
}

fn with_addresses(mut policy: Policy, own_addresses: &[IpAddr]) -> Arc<Policy> {
    for &address in own_addresses {
        policy.allowed.allow_address(address);
    }
    Arc::new(policy)
}
