//! The catalog as one principal sees it: what is denied is not in it, so that it is in no list and unknown to every call.
//! Those who may see the same share one. It never decides: the rules do.

use std::rc::Rc;
use std::sync::Arc;

use ringway_core::authorize::{Kind, Sight};
use ringway_core::identify::Principal;
use ringway_core::identify::access::Access;

use crate::catalog::{Catalog, Parts};
use crate::local_tool::{self, LocalTool};

/// Views of one shard besides the whole.
pub const VIEWS_MAX: usize = 64;

/// What of a catalog somebody may see, item by item: tools, resources, templates, prompts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sights(Box<[Item]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Item {
    Hidden,
    Seen,
    /// Seen, and each call is decided.
    Depends,
}

impl Sights {
    /// What a principal may see; `None` when that is everything, without a second question.
    pub fn of(principal: &Principal, access: &Access, catalog: &Catalog) -> Option<Sights> {
        let permissions = access.credentials.as_ref().and_then(|credentials| credentials.permissions(principal));
        if access.rules.allow_everything() && permissions.is_none() {
            return None;
        }
        let item = |kind, name: &str| match access.rules.sees(principal, kind, name) {
            Sight::Denied(_) => Item::Hidden,
            Sight::Allowed(_) => Item::Seen,
            Sight::Depends => Item::Depends,
        };
        let is_permitted =
            |name: &str| permissions.as_ref().is_none_or(|permissions| permissions.iter().any(|glob| glob.fits(name)));
        let parts = catalog.parts();
        let tools = parts.tools.iter().map(|tool| tool.definition.name.as_str());
        let tools = tools.map(|name| if is_permitted(name) { item(Kind::Tool, name) } else { Item::Hidden });
        let resources = parts.resources.iter().map(|entry| item(Kind::Resource, &entry.definition.uri));
        let templates = parts.templates.iter().map(|entry| item(Kind::Template, &entry.definition.uri_template));
        let prompts = parts.prompts.iter().map(|entry| item(Kind::Prompt, &entry.definition.name));
        let items: Box<[Item]> = tools.chain(resources).chain(templates).chain(prompts).collect();
        items.iter().any(|item| *item != Item::Seen).then_some(Sights(items))
    }
}

/// What somebody may see.
pub struct View {
    /// Of which catalog and policy.
    pub generation: u64,
    /// What there is.
    pub catalog: Arc<Catalog>,
    /// Its tools, in its order.
    tools: Vec<Rc<LocalTool>>,
    /// Of each tool, whether each call of it is decided by itself; empty when none is.
    depends: Box<[bool]>,
    /// Whether it is less than everything, or some of it is decided by the call.
    is_restricted: bool,
}

impl View {
    /// A view of a whole catalog. Tools that are in `former` too are the same.
    pub fn new(generation: u64, catalog: Arc<Catalog>, former: &[Rc<LocalTool>]) -> Rc<View> {
        let tools = local_tool::table(&catalog, former);
        Rc::new(View { generation, catalog, tools, depends: Box::default(), is_restricted: false })
    }

    /// What of `whole` is in sight.
    pub fn filtered(whole: &View, sights: &Sights, page_items_max: usize) -> Rc<View> {
        let parts = whole.catalog.parts();
        let mut items = sights.0.iter().copied();
        let mut depends = Vec::new();
        let mut next = || items.next().unwrap_or(Item::Hidden);
        let mut seen = Parts { names: Arc::clone(&parts.names), ..Parts::default() };
        for tool in &parts.tools {
            let item = next();
            if item != Item::Hidden {
                seen.tools.push(Arc::clone(tool));
                depends.push(item == Item::Depends);
            }
        }
        seen.resources.extend(parts.resources.iter().filter(|_| next() != Item::Hidden).cloned());
        seen.templates.extend(parts.templates.iter().filter(|_| next() != Item::Hidden).cloned());
        seen.prompts.extend(parts.prompts.iter().filter(|_| next() != Item::Hidden).cloned());
        let catalog = Catalog::new(seen, whole.generation, page_items_max);
        let tools = local_tool::table(&catalog, &whole.tools);
        Rc::new(View { generation: whole.generation, catalog, tools, depends: depends.into(), is_restricted: true })
    }

    /// The tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Rc<LocalTool>> {
        self.tools.get(self.catalog.tool_index(name)?)
    }

    /// Whether a call of that tool is decided by itself.
    pub fn depends(&self, name: &str) -> bool {
        !self.depends.is_empty() && self.catalog.tool_index(name).is_some_and(|index| self.depends[index])
    }

    /// Whether it is less than everything, or some of it is decided by the call.
    pub fn is_restricted(&self) -> bool {
        self.is_restricted
    }

    /// All tools, in the catalog's order.
    pub fn tools(&self) -> &[Rc<LocalTool>] {
        &self.tools
    }
}
