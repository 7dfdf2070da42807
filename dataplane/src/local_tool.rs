//! A tool as one shard holds it: counted by that shard alone, so that a call writes nothing another shard reads. It never
//! leaves its shard.

use std::collections::HashMap;
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
    // There may be thousands, and the shard does nothing else meanwhile.
    let known: HashMap<*const ToolEntry, &Rc<LocalTool>> =
        former.iter().map(|tool| (Arc::as_ptr(&tool.entry), tool)).collect();
    let local = |entry: &Arc<ToolEntry>| {
        let known = known.get(&Arc::as_ptr(entry));
        known
            .copied()
            .cloned()
            .unwrap_or_else(|| Rc::new(LocalTool { entry: Arc::clone(entry), places: Places::default() }))
    };
    catalog.tools().iter().map(local).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::catalog::Parts;

    #[test]
    fn what_is_unchanged_lives_on() {
        let mut parts = Parts::default();
        for tool in [Arc::new(builtin::echo()) as Arc<dyn crate::tool::Tool>, Arc::new(builtin::get_resource_usage())] {
            parts.add_tool(tool).expect("a good tool");
        }
        let former = table(&Catalog::new(parts.clone(), 1, 100), &[]);
        parts.tools.remove(0);
        parts.add_tool(Arc::new(builtin::echo())).expect("a good tool");
        let after = table(&Catalog::new(parts, 2, 100), &former);
        assert!(Rc::ptr_eq(&after[0], &former[1]));
        assert_eq!(after[1].definition.name, "echo");
        assert!(!Rc::ptr_eq(&after[1], &former[0]), "a new tool of an old name is another one");
    }
}
