//! How a ring wakes the executor: its kernel side counts completions on an eventfd, which a task of its own reads through
//! glommio, again and again. That read is never raced with anything: a source of glommio's that is polled anew collects
//! wakers until it panics.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};

use glommio::io::BufferedFile;

use super::bell;

/// The bridge of one shard.
pub struct Bridge {
    /// Our own descriptor of the eventfd.
    eventfd: File,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    has_fired: Cell<bool>,
    /// It hears nothing any more: whoever would sleep looks again and again instead.
    is_broken: Cell<bool>,
    is_over: Cell<bool>,
    sleeper: RefCell<Option<Waker>>,
}

impl Bridge {
    /// A bridge, and the task that has to run for it.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub fn new() -> io::Result<(Bridge, impl Future<Output = ()> + 'static)> {
        let eventfd: File = bell::eventfd(0)?.into();
        let state = Rc::new(State::default());
        let task = read_on(eventfd.try_clone()?.into(), Rc::clone(&state));
        Ok((Bridge { eventfd, state }, task))
    }

    /// Forgets what has been.
    pub fn clear(&self) {
        self.state.has_fired.set(false);
    }

    /// Whether something completed since; `waker` hears of it otherwise.
    pub fn poll_fired(&self, waker: &Waker) -> Poll<()> {
        if self.state.has_fired.take() || self.state.is_broken.get() {
            return Poll::Ready(());
        }
        self.state.sleeper.replace(Some(waker.clone()));
        Poll::Pending
    }
}

impl AsRawFd for Bridge {
    fn as_raw_fd(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }
}

impl Drop for Bridge {
    /// Its task ends with its next read.
    fn drop(&mut self) {
        self.state.is_over.set(true);
        let _ = self.eventfd.write(&1u64.to_ne_bytes());
    }
}

async fn read_on(eventfd: OwnedFd, state: Rc<State>) {
    // SAFETY: the descriptor is owned here, and given up to the file.
    let file = unsafe { BufferedFile::from_raw_fd(eventfd.into_raw_fd()) };
    while !state.is_over.get() && !state.is_broken.get() {
        // The kernel waits until the counter is not 0, and the offset means nothing to it.
        if let Err(error) = file.read_at(0, 8).await {
            tracing::error!(%error, "the ring's wake-ups cannot be read; this shard looks for them all the time");
            state.is_broken.set(true);
        }
        state.has_fired.set(true);
        if let Some(sleeper) = state.sleeper.borrow_mut().take() {
            sleeper.wake();
        }
    }
    // A close that fails leaves nothing to do.
    let _ = file.close().await;
}
