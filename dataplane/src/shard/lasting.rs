//! What lasts longer than a request ends with its credential: streams of every kind, WebSockets, and calls and tasks that go on
//! without their connection. It is looked at when who may call has changed, and when the first credential of it expires;
//! nothing is asked of a request. It never decides whether a credential is good.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use futures_lite::FutureExt;
use ringway_core::identify::Lapse;
use ringway_core::identify::client_address::ClientAddress;

use super::Shard;
use super::control::Control;
use crate::who::Who;

/// Whose a connection is, while it carries something that lasts.
pub struct Holder {
    who: Rc<Who>,
    /// Where it comes from, where that was asked.
    address: Option<ClientAddress>,
}

/// A connection carries something that lasts, until this is dropped.
pub struct Lasting<'c>(&'c Control);

impl<'c> Lasting<'c> {
    /// From here on. `generation` is that of the policy by which its holder was let in.
    pub fn begin(
        shard: &Shard,
        control: &'c Control,
        who: &Rc<Who>,
        address: Option<ClientAddress>,
        generation: u64,
    ) -> Lasting<'c> {
        let holder = Holder { who: Rc::clone(who), address };
        if let Some(end) = who.principal.expires_at_unix_s {
            shard.next_lapse_unix_s.set(shard.next_lapse_unix_s.get().min(end));
        }
        // Whoever was let in by another policy was not there when this one came.
        let lapse = if shard.generation() == generation { None } else { holder.standing(shard).err() };
        control.hold(Some(holder), lapse);
        Lasting(control)
    }

    /// Waits until the holder's credential is worth nothing.
    pub async fn lapsed(&self) -> Lapse {
        poll_fn(|cx| self.0.lapse().map_or_else(|| self.wait(cx.waker()), Poll::Ready)).await
    }

    fn wait(&self, waker: &std::task::Waker) -> Poll<Lapse> {
        self.0.wake_at_lapse(waker);
        Poll::Pending
    }

    /// Goes on with `work` for as long as the credential is good.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, Lapse> {
        // Told first: what is ready at the same turn is not for them any more.
        async { Err(self.lapsed().await) }.or(async { Ok(work.await) }).await
    }
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        self.0.hold(None, None);
    }
}

impl Holder {
    fn standing(&self, shard: &Shard) -> Result<Option<u64>, Lapse> {
        shard.access().check_address(self.address).map_err(|_| Lapse::Revoked)?;
        self.who.standing(shard)
    }
}

/// Ends what lasts of those whose credential is worth nothing, and finds out when to look next. As much work as there are
/// connections, sessions and tasks, which have their bounds.
pub fn sweep(shard: &Shard) {
    if shard.is_local {
        // Whoever starts the process is known to the system.
        return;
    }
    let mut next_lapse_unix_s = u64::MAX;
    for (_, control) in shard.connections.borrow().iter() {
        match control.with_holder(|holder| holder.standing(shard)) {
            Some(Ok(end)) => next_lapse_unix_s = next_lapse_unix_s.min(end.unwrap_or(u64::MAX)),
            Some(Err(lapse)) => control.handle_lapse(lapse),
            None => {}
        }
    }
    // Clients of the older pair end with their streams; they are told first, so that their calls are recorded as what they are.
    for client in shard.pairs.borrow().values() {
        if let Err(lapse) = client.who().standing(shard) {
            client.handle_lapse(lapse);
        }
    }
    shard.next_lapse_unix_s.set(next_lapse_unix_s);
}

/// Ends calls and tasks that go on without a connection of whoever may not call any more. Those of an expired credential go
/// on: they were asked for in its time, and their client may come back with another for what comes of them.
pub fn sweep_detached(shard: &Shard) {
    if shard.is_local {
        return;
    }
    let is_revoked = |who: &Who| who.standing(shard) == Err(Lapse::Revoked);
    for session in shard.sessions.borrow().iter() {
        session.cancel_calls_of(is_revoked);
    }
    let mut cancelled = Vec::new();
    for task in shard.tasks.borrow().iter() {
        if !task.is_over() && is_revoked(&task.who) {
            task.cancel();
            cancelled.push(Rc::clone(task));
        }
    }
    cancelled.iter().for_each(|task| shard.announce_task(task));
}
