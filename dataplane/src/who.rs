//! Who calls, as one shard knows it: the principal, and the view of the catalog that it has. It never leaves its shard.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use ringway_core::authorize::Kind;
use ringway_core::identify::{CredentialKind, Principal};
use serde_json::{Map, Value};

use crate::shard::Shard;
use crate::view::View;

/// A caller whose credential was checked.
pub struct Who {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What sessions, tasks and sealed state are kept for: of another kind of credential, the same name is another.
    pub key: Rc<str>,
    /// Where it calls from, where rules ask for that.
    pub address: Option<IpAddr>,
    /// What it saw last.
    view: RefCell<Rc<View>>,
}

impl Who {
    /// Somebody on a shard, with what it may see.
    pub fn new(principal: Arc<Principal>, address: Option<IpAddr>, view: Rc<View>) -> Rc<Who> {
        let key = match principal.kind {
            CredentialKind::Anonymous => principal.name.as_ref().into(),
            kind => format!("{}:{}", kind.word(), principal.name).into(),
        };
        Rc::new(Who { principal, key, address, view: RefCell::new(view) })
    }

    /// The same, calling from elsewhere.
    pub fn at(self: &Rc<Who>, address: Option<IpAddr>) -> Rc<Who> {
        if self.address == address {
            return Rc::clone(self);
        }
        let (principal, key) = (Arc::clone(&self.principal), Rc::clone(&self.key));
        Rc::new(Who { principal, key, address, view: RefCell::new(Rc::clone(&self.view.borrow())) })
    }

    /// Whether it may use something that is decided by the call.
    pub fn may(&self, shard: &Shard, kind: Kind, name: &str, arguments: &Map<String, Value>) -> bool {
        shard.access().rules.decide(&self.principal, kind, name, self.address, arguments).allowed
    }

    /// What it may see at this moment.
    pub fn view(&self, shard: &Shard) -> Rc<View> {
        let mut view = self.view.borrow_mut();
        if view.generation != shard.generation() {
            *view = shard.view_for(&self.principal);
        }
        Rc::clone(&view)
    }
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key)
    }
}
