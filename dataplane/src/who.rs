//! Who calls, as one shard knows it: the principal, and the view of the catalog that it has. It never leaves its shard.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use ringway_core::authorize::{self, Kind};
use ringway_core::identify::{CredentialKind, Lapse, Principal};
use ringway_core::refusal::Refusal;
use serde_json::{Map, Value};

use crate::cold::Unanswered;
use crate::record::Denied;
use crate::shard::Shard;
use crate::view::{AT_ONCE_ITEMS_MAX, View};

/// Views that one request has made or waits for: more changes than this come one upon the other only by mistake.
const TRIES_MAX: usize = 4;

/// A caller whose credential was checked.
pub struct Who {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What sessions, tasks and sealed state are kept for: of another kind of credential, the same name is another.
    pub key: Rc<str>,
    /// Where it calls from, where rules ask for that.
    pub address: Option<IpAddr>,
    /// What it sees, wherever it calls from.
    sight: Rc<Sight>,
}

/// What somebody saw last.
#[derive(Default)]
struct Sight {
    /// `None` until something asks.
    view: RefCell<Option<Rc<View>>>,
    /// Ends when the view that is being made has been.
    making: RefCell<Option<Receiver<()>>>,
}

impl Who {
    /// Somebody on a shard.
    pub fn new(principal: Arc<Principal>, address: Option<IpAddr>) -> Rc<Who> {
        let key = match principal.kind {
            CredentialKind::Anonymous => principal.name.as_ref().into(),
            kind => format!("{}:{}", kind.word(), principal.name).into(),
        };
        Rc::new(Who { principal, key, address, sight: Rc::default() })
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
        Rc::new(Who { principal, key, address, sight: Rc::clone(&self.sight) })
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
            authorize::Sight::Denied(Some(rule)) => access.rules.rule_name(rule),
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

    /// What it may see at this moment. Made here where it is not there yet, which keeps the shard where there is much to
    /// see: whatever can wait asks [`Who::prepare`] first.
    pub fn view(&self, shard: &Shard) -> Rc<View> {
        let mut view = self.sight.view.borrow_mut();
        match &*view {
            Some(view) if view.generation == shard.generation() => Rc::clone(view),
            _ => Rc::clone(view.insert(shard.view_for(&self.principal))),
        }
    }

    /// Whether [`Who::view`] has it, or makes it in no time.
    pub fn is_prepared(&self, shard: &Shard) -> bool {
        let is_there = |view: &Rc<View>| view.generation == shard.generation();
        self.sight.view.borrow().as_ref().is_some_and(is_there) || shard.whole().items() <= AT_ONCE_ITEMS_MAX
    }

    /// Waits until it is, without keeping the shard. Of many who wait for the same caller's view one has it made.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when too many callers' views wait to be made, or what is offered changes faster than views of
    /// it can be made.
    pub async fn prepare(&self, shard: &Shard) -> Result<(), Refusal> {
        for _ in 0..TRIES_MAX {
            // Its end is what is waited for, whoever makes the view and whatever comes of that.
            let making = self.sight.making.borrow().clone();
            if let Some(making) = making {
                let _ = making.recv().await;
            }
            if self.is_prepared(shard) {
                return Ok(());
            }
            if self.sight.making.borrow().is_some() {
                continue;
            }
            let _making = Making::new(&self.sight);
            match shard.make_view(&self.principal).await {
                Ok(view) => *self.sight.view.borrow_mut() = Some(view),
                Err(Unanswered::Full) => return Err(Refusal::Overloaded),
                // No thread makes views: the shard does.
                Err(Unanswered::Gone) => return Ok(()),
            }
            if self.is_prepared(shard) {
                return Ok(());
            }
        }
        Err(Refusal::Overloaded)
    }
}

/// A view that is being made; whoever waits for it goes on when this is dropped.
struct Making<'s> {
    sight: &'s Sight,
    _end: Sender<()>,
}

impl<'s> Making<'s> {
    fn new(sight: &'s Sight) -> Making<'s> {
        let (end, making) = async_channel::bounded(1);
        sight.making.replace(Some(making));
        Making { sight, _end: end }
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.sight.making.take();
    }
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key)
    }
}
