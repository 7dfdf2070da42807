//! Reads while an answer is on its way: notices a client that leaves, and keeps what it sends ahead. It never decides what
//! becomes of the answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::Shard;
use super::socket::Socket;
use crate::stall::Doing;

/// Bytes a client may send ahead while its request is being served.
const AHEAD_BYTES_MAX: usize = 64 << 10;

/// The watch.
pub struct Watch {
    state: Rc<WatchState>,
    task: glommio::Task<()>,
}

/// What a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It sends no more, and may still read.
    Sending,
    /// It is gone.
    Altogether,
}

#[derive(Default)]
struct WatchState {
    gone: Cell<Option<Gone>>,
    waker: RefCell<Option<Waker>>,
    ahead: RefCell<Vec<u8>>,
}

impl Watch {
    /// Begins to read.
    pub fn start(shard: &Shard, socket: Rc<Socket>) -> Watch {
        let state = Rc::new(WatchState::default());
        let of_task = Rc::clone(&state);
        let task = shard.spawn(Doing::Watch, async move {
            let mut room = [0; 2048];
            // A client that fills its allowance is read no further: TCP holds it back until its answer is done.
            while of_task.ahead.borrow().len() < AHEAD_BYTES_MAX {
                match socket.read(&mut room).await {
                    Ok(count) if count > 0 => of_task.ahead.borrow_mut().extend_from_slice(&room[..count]),
                    outcome => {
                        // The end of what the client sends may be the end of its request only; an error is not.
                        of_task.gone.set(Some(if outcome.is_ok() { Gone::Sending } else { Gone::Altogether }));
                        if let Some(waker) = of_task.waker.borrow_mut().take() {
                            waker.wake();
                        }
                        return;
                    }
                }
            }
        });
        Watch { state, task }
    }

    /// Waits until the client has ended something; each end is told once.
    pub async fn gone(&self) -> Gone {
        std::future::poll_fn(|cx| {
            if let Some(gone) = self.state.gone.take() {
                return Poll::Ready(gone);
            }
            self.state.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Stops reading, and returns what was sent ahead.
    pub async fn stop(self) -> Vec<u8> {
        self.task.cancel().await;
        self.state.ahead.take()
    }
}
