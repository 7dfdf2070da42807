//! A tool as one shard holds it: counted by that shard alone, so that a call writes nothing another shard reads. It never
//! leaves its shard.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::{Catalog, ToolEntry};
use crate::metrics::Places;

/// The tool.
pub struct LocalTool {
    entry: Arc<ToolEntry>,
    /// Where this shard counts its calls.
    pub places: Places,
}

impl Deref for LocalTool {
    type Target = ToolEntry;

    fn deref(&self) -> &ToolEntry {
        &self.entry
    }
}

/// The tools of a catalog for one shard, in the catalog's order. Those of `former` that are unchanged live on.
pub fn table(catalog: &Catalog, former: &[Rc<LocalTool>]) -> Vec<Rc<LocalTool>> {
    let local = |entry: &Arc<ToolEntry>| {
        let known = former.iter().find(|tool| Arc::ptr_eq(&tool.entry, entry));
        known.cloned().unwrap_or_else(|| Rc::new(LocalTool { entry: Arc::clone(entry), places: Places::default() }))
    };
    catalog.tools().iter().map(local).collect()
}
