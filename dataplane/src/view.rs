//! The catalog as one principal sees it: what is denied is not in it, so that it is in no list and unknown to every call.
//! Those who may see the same share one. It never decides: the rules do. Of a catalog of any size it is made beside the
//! shards ([`ViewMaker`]): rendering thousands of tools takes longer than a shard may be kept.

mod maker;

use std::rc::Rc;
use std::sync::Arc;

use ringway_core::authorize::{Kind, Sight};
use ringway_core::identify::Principal;
use ringway_core::identify::access::Access;

use crate::catalog::{Catalog, Parts};
use crate::local_tool::{self, LocalTool};

pub use maker::{ViewMaker, Wanted};

/// Views besides the whole: of one shard, and of the thread that makes those of large catalogs for all shards.
pub const VIEWS_MAX: usize = 64;
/// Items of a catalog whose views are made where they are wanted: half a millisecond, less than asking a thread
/// could cost a request.
pub const AT_ONCE_ITEMS_MAX: usize = 128;

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

/// What of a catalog is in somebody's sight, rendered: the same for all shards.
pub struct Seen {
    sights: Sights,
    catalog: Arc<Catalog>,
    /// Where its tools stand in the whole catalog, in its own order.
    places: Box<[usize]>,
    /// Of each tool, whether each call of it is decided by itself.
    depends: Box<[bool]>,
}

impl Seen {
    /// What of `whole` is in sight. It takes milliseconds for hundreds of items.
    pub fn new(whole: &Catalog, sights: Sights, generation: u64, page_items_max: usize) -> Arc<Seen> {
        let parts = whole.parts();
        let mut items = sights.0.iter().copied();
        let (mut places, mut depends) = (Vec::new(), Vec::new());
        let mut next = || items.next().unwrap_or(Item::Hidden);
        let mut seen = Parts { names: Arc::clone(&parts.names), ..Parts::default() };
        for (place, tool) in parts.tools.iter().enumerate() {
            let item = next();
            if item != Item::Hidden {
                seen.tools.push(Arc::clone(tool));
                places.push(place);
                depends.push(item == Item::Depends);
            }
        }
        seen.resources.extend(parts.resources.iter().filter(|_| next() != Item::Hidden).cloned());
        seen.templates.extend(parts.templates.iter().filter(|_| next() != Item::Hidden).cloned());
        seen.prompts.extend(parts.prompts.iter().filter(|_| next() != Item::Hidden).cloned());
        let catalog = Catalog::new(seen, generation, page_items_max);
        Arc::new(Seen { sights, catalog, places: places.into(), depends: depends.into() })
    }

    /// What it is by.
    pub fn sights(&self) -> &Sights {
        &self.sights
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
    /// How it is less than everything, or decided by the call; `None` when it is neither.
    seen: Option<Arc<Seen>>,
}

impl View {
    /// A view of a whole catalog. Tools that are in `former` too are the same.
    pub fn new(generation: u64, catalog: Arc<Catalog>, former: &[Rc<LocalTool>]) -> Rc<View> {
        let tools = local_tool::table(&catalog, former);
        Rc::new(View { generation, catalog, tools, seen: None })
    }

    /// What of `whole`, which `seen` was made of, is in sight: on the shard, where it only counts.
    pub fn restricted(whole: &View, seen: &Arc<Seen>) -> Rc<View> {
        let tools = seen.places.iter().map(|place| Rc::clone(&whole.tools[*place])).collect();
        let (generation, catalog) = (whole.generation, Arc::clone(&seen.catalog));
        Rc::new(View { generation, catalog, tools, seen: Some(Arc::clone(seen)) })
    }

    /// How many items there are in it.
    pub fn items(&self) -> usize {
        let parts = self.catalog.parts();
        parts.tools.len() + parts.resources.len() + parts.templates.len() + parts.prompts.len()
    }

    /// The tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Rc<LocalTool>> {
        self.tools.get(self.catalog.tool_index(name)?)
    }

    /// Whether a call of that tool is decided by itself.
    pub fn depends(&self, name: &str) -> bool {
        let depends = |seen: &Arc<Seen>| self.catalog.tool_index(name).is_some_and(|index| seen.depends[index]);
        self.seen.as_ref().is_some_and(depends)
    }

    /// Whether it is less than everything, or some of it is decided by the call.
    pub fn is_restricted(&self) -> bool {
        self.seen.is_some()
    }

    /// All tools, in the catalog's order.
    pub fn tools(&self) -> &[Rc<LocalTool>] {
        &self.tools
    }
}
