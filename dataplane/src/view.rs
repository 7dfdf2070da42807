//! The catalog as one principal sees it: what is denied is not in it, so that it is in no list and unknown to every call.
//! Those who may see the same share one. It never decides: the rules do.

use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::local_tool::{self, LocalTool};

/// What somebody may see.
pub struct View {
    /// Of which catalog and policy.
    pub generation: u64,
    /// What there is.
    pub catalog: Arc<Catalog>,
    /// Its tools, in its order.
    tools: Vec<Rc<LocalTool>>,
}

impl View {
    /// A view of a catalog. Tools that are in `former` too are the same.
    pub fn new(generation: u64, catalog: Arc<Catalog>, former: &[Rc<LocalTool>]) -> Rc<View> {
        let tools = local_tool::table(&catalog, former);
        Rc::new(View { generation, catalog, tools })
    }

    /// The tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Rc<LocalTool>> {
        self.tools.get(self.catalog.tool_index(name)?)
    }

    /// All tools, in the catalog's order.
    pub fn tools(&self) -> &[Rc<LocalTool>] {
        &self.tools
    }
}
