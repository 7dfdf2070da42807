//! A thread beside the shards that owns a state and answers questions about it one after the other: for what takes too
//! long for a shard, and for what must be the same whichever shard is asked. It holds no lock, and no shard waits for
//! another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// What lives on such a thread.
pub trait Resident: 'static {
    /// Called before each question, and when the time it returned last is up. `None` ends the thread.
    fn turn(&mut self) -> Option<Duration>;
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// As many questions wait as may.
    Full,
    /// The thread has ended, or could not answer this one.
    Gone,
}

type Question<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The way to such a thread. It ends when every way to it is gone.
pub struct Cold<S> {
    questions: SyncSender<Question<S>>,
}

impl<S: Resident> Cold<S> {
    /// Starts a thread; `waiting_max` questions may wait. Where the system gives no thread every question is answered
    /// with [`Unanswered::Gone`].
    pub fn start(name: &str, waiting_max: usize, make: impl FnOnce() -> S + Send + 'static) -> Cold<S> {
        let (questions, inbox) = sync_channel(waiting_max);
        let _ = std::thread::Builder::new().name(name.into()).spawn(move || live(make(), &inbox));
        Cold { questions }
    }

    /// Asks, and waits for the answer without holding the shard.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = async_channel::bounded(1);
        let question = Box::new(move |state: &mut S| {
            // Closed means that whoever asked is gone, and nobody needs the answer.
            let _ = reply.try_send(question(state));
        });
        self.questions.try_send(question).map_err(|fault| match fault {
            TrySendError::Full(_) => Unanswered::Full,
            TrySendError::Disconnected(_) => Unanswered::Gone,
        })?;
        answer.recv().await.map_err(|_| Unanswered::Gone)
    }
}

fn live<S: Resident>(mut state: S, inbox: &Receiver<Question<S>>) {
    while let Some(patience) = state.turn() {
        match inbox.recv_timeout(patience) {
            Ok(question) => {
                // What came in meanwhile is seen before the answer is given.
                if state.turn().is_none() {
                    return;
                }
                // A panic drops the question with its reply: whoever asked learns that no answer will come.
                let _ = catch_unwind(AssertUnwindSafe(|| question(&mut state)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_lite::future::block_on;

    use super::*;

    struct Counter(u32);

    impl Resident for Counter {
        fn turn(&mut self) -> Option<Duration> {
            Some(Duration::from_secs(60))
        }
    }

    #[test]
    fn questions_are_answered_in_turn() {
        let cold = Cold::start("test", 4, || Counter(0));
        let next = |counter: &mut Counter| {
            counter.0 += 1;
            counter.0
        };
        assert_eq!(block_on(cold.ask(next)), Ok(1));
        assert_eq!(block_on(cold.ask(next)), Ok(2));
    }

    #[test]
    fn a_panic_costs_its_own_question() {
        let cold = Cold::start("test", 4, || Counter(7));
        let asked: Result<(), _> = block_on(cold.ask(|_| panic!("planted")));
        assert_eq!(asked, Err(Unanswered::Gone));
        assert_eq!(block_on(cold.ask(|counter| counter.0)), Ok(7));
    }

    #[test]
    fn a_full_queue_says_so() {
        let cold = Cold::start("test", 1, || Counter(0));
        let (entered, begun) = mpsc::channel();
        let (gate, release) = mpsc::channel::<()>();
        let busy = cold.ask(move |_| {
            let _ = entered.send(());
            let _ = release.recv();
        });
        let mut busy = Box::pin(busy);
        // Polled once, a question is on its way.
        assert!(block_on(futures_lite::future::poll_once(&mut busy)).is_none());
        begun.recv().expect("the thread is at it");
        let mut waits = Box::pin(cold.ask(|_| ()));
        assert!(block_on(futures_lite::future::poll_once(&mut waits)).is_none());
        assert_eq!(block_on(cold.ask(|_| ())), Err(Unanswered::Full));
        drop(gate);
        assert_eq!(block_on(busy), Ok(()));
        assert_eq!(block_on(waits), Ok(()));
    }

    #[test]
    fn the_thread_ends_when_its_state_says_so() {
        struct Once;
        impl Resident for Once {
            fn turn(&mut self) -> Option<Duration> {
                None
            }
        }
        let cold = Cold::start("test", 1, || Once);
        // Either the thread has ended, or it ends before it answers.
        assert!(block_on(cold.ask(|_| ())).is_err());
    }
}
