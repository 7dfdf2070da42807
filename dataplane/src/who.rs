//! Who calls, as one shard knows it: the principal, and the view of the catalog that it has. It never leaves its shard.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use ringway_core::authorize::{Kind, Sight};
use ringway_core::identify::{CredentialKind, Lapse, Principal};
use serde_json::{Map, Value};

use crate::record::Denied;
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

    /// Until when its credential is good, if that has an end.
    ///
    /// # Errors
    /// Why it is worth nothing any more.
    pub fn standing(&self, shard: &Shard) -> Result<Option<u64>, Lapse> {
        let access = shard.access();
        let credentials = access.credentials.as_ref();
        credentials.map_or(Ok(None), |credentials| credentials.standing(&self.principal, shard.coarse_unix_s.get()))
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

    /// Whether a call of something that is there is answered as one to something unknown, and by which rule.
    pub fn denied(&self, shard: &Shard, tool: &str) -> Option<Box<Denied>> {
        if self.view(shard).tool(tool).is_some() || shard.whole().tool(tool).is_none() {
            return None;
        }
        let access = shard.access();
        let rule = match access.rules.sees(&self.principal, Kind::Tool, tool) {
            Sight::Denied(Some(rule)) => access.rules.rule_name(rule),
            _ => "",
        };
        Some(Box::new(Denied { tool: tool.into(), rule: rule.into() }))
    }

    /// Why a call that is decided by itself is denied.
    pub fn denied_call(&self, shard: &Shard, tool: &str, arguments: &Map<String, Value>) -> Option<Box<Denied>> {
        let access = shard.access();
        let decision = access.rules.decide(&self.principal, Kind::Tool, tool, self.address, arguments);
        let rule = decision.rule.map_or("", |rule| access.rules.rule_name(rule));
        (!decision.allowed).then(|| Box::new(Denied { tool: tool.into(), rule: rule.into() }))
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
