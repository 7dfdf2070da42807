//! What is in force on a shard: the policy, who may call, certificates, and the catalog with what of it each principal may
//! see. It takes the newest between requests, and decides none of it.

use std::cell::Ref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::identify::Principal;
use ringway_core::identify::access::Access;
use ringway_policy::{AllowList, Limits, Policy};

use super::{Shard, lasting};
use crate::cold::Unanswered;
use crate::handle::InForce;
use crate::tls::Tls;
use crate::view::{Seen, Sights, VIEWS_MAX, View, Wanted};

impl Shard {
    /// The policy in force. Not to be held across an await: a newer one may come.
    pub fn policy(&self) -> Ref<'_, Policy> {
        Ref::map(self.policy.borrow(), Arc::as_ref)
    }

    /// The bounds in force, as [`Shard::policy`].
    pub fn limits(&self) -> Ref<'_, Limits> {
        Ref::map(self.policy(), |policy| &policy.limits)
    }

    /// The hosts and origins that may call, as [`Shard::policy`].
    pub fn allowed(&self) -> Ref<'_, AllowList> {
        Ref::map(self.policy(), |policy| &policy.allowed)
    }

    /// Takes what is in force, if it is newer than what this shard has.
    pub(super) fn catch_up(&self) {
        if self.server.generation() == self.generation.get() {
            return;
        }
        let Some(InForce { generation, catalog, policy, access, tls }) = self.server.in_force() else { return };
        debug_assert!(generation > self.generation.get(), "generations never go back");
        self.generation.set(generation);
        let whole = View::new(generation, catalog, self.whole.borrow().tools());
        self.whole.replace(whole);
        self.views.borrow_mut().clear();
        // Also where only the catalog changed: what is remembered is of one generation.
        self.known.borrow_mut().follow(generation);
        let former = self.access.replace(access);
        let is_other_access = !Arc::ptr_eq(&former, &self.access());
        self.tls.replace(tls);
        let limits = &policy.limits;
        self.sessions.borrow_mut().set_bounds(
            limits.sessions_max,
            limits.session_idle_max,
            limits.session_evict_idle_min,
        );
        self.tasks.borrow_mut().set_bounds(limits.tasks_max, limits.task_ttl, Duration::ZERO);
        self.policy.replace(policy);
        if is_other_access {
            lasting::sweep(self);
            lasting::sweep_detached(self);
        }
    }

    /// Everything that is offered, whoever may see it.
    pub fn whole(&self) -> Rc<View> {
        Rc::clone(&self.whole.borrow())
    }

    /// Which change of catalog or policy this shard is at.
    pub fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Who may call, as the operator decided it. Not to be held across an await.
    pub fn access(&self) -> Ref<'_, Arc<Access>> {
        self.access.borrow()
    }

    /// What a principal may see, made here: for catalogs that are small, and where nothing can wait. Those who may see the same
    /// share it.
    pub fn view_for(&self, principal: &Principal) -> Rc<View> {
        let (whole, access) = (self.whole(), self.access());
        let Some(sights) = Sights::of(principal, &access, &whole.catalog) else { return whole };
        if let Some(view) = self.views.borrow().get(&sights) {
            return Rc::clone(view);
        }
        let seen = Seen::new(&whole.catalog, sights, whole.generation, self.limits().page_items_max);
        self.keep_view(&whole, &seen)
    }

    /// The same, made beside the shards.
    ///
    /// # Errors
    /// When too many wait for views already.
    pub async fn make_view(&self, principal: &Arc<Principal>) -> Result<Rc<View>, Unanswered> {
        let whole = self.whole();
        let wanted = Wanted {
            principal: Arc::clone(principal),
            access: Arc::clone(&self.access()),
            whole: Arc::clone(&whole.catalog),
            generation: whole.generation,
            page_items_max: self.limits().page_items_max,
        };
        let Some(seen) = self.view_maker.make(wanted).await? else { return Ok(whole) };
        if whole.generation != self.generation() {
            // Of no use but to tell whoever waits that there is a newer one to ask for.
            return Ok(View::restricted(&whole, &seen));
        }
        Ok(self.keep_view(&whole, &seen))
    }

    fn keep_view(&self, whole: &View, seen: &Arc<Seen>) -> Rc<View> {
        let mut views = self.views.borrow_mut();
        if let Some(view) = views.get(seen.sights()) {
            return Rc::clone(view);
        }
        if views.len() >= VIEWS_MAX {
            // As many callers with as many different rights: they are made again as they come.
            views.clear();
        }
        let view = View::restricted(whole, seen);
        views.insert(seen.sights().clone(), Rc::clone(&view));
        view
    }

    /// TLS of callers that come at this moment.
    pub(super) fn tls(&self) -> Option<Tls> {
        self.tls.borrow().clone()
    }
}
