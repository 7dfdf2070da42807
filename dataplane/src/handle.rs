//! Changes a running server from any thread: what it offers, what it announces, its end. It never serves a request, and
//! no request waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::{Catalog, CatalogError, Parts};
use crate::mailbox::{Changed, Letter, Mailboxes};
use crate::tool::{Prompt, Resource, ResourceTemplate, Tool};

struct Offered {
    parts: Parts,
    generation: u64,
    page_items_max: usize,
}

struct Shared {
    mailboxes: Mailboxes,
    /// Cold: only changes of what is offered take it, never a request.
    offered: Mutex<Offered>,
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
            offered: Mutex::new(Offered { parts, generation: 0, page_items_max: 1 }),
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
        let mut offered = self.0.offered.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&mut offered.parts)?;
        offered.generation += 1;
        let catalog = Catalog::new(offered.parts.clone(), offered.generation, offered.page_items_max);
        // Sent under the lock, so that catalogs arrive in the order of their generations.
        self.0.mailboxes.broadcast(|| Letter::Catalog(Arc::clone(&catalog), changed));
        Ok(())
    }

    /// What is offered at the start, in pages of so many items.
    pub(crate) fn first_catalog(&self, page_items_max: usize) -> Arc<Catalog> {
        let mut offered = self.0.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.page_items_max = page_items_max;
        Catalog::new(offered.parts.clone(), offered.generation, page_items_max)
    }
}
