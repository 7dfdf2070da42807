//! The shard's side: says on the board what it does, and writes down what kept it. It costs two reads of the coarse clock
//! and two stores a poll, and nothing else while all is well.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use ringway_core::sampling::Sampler;

use super::core_wait::CoreWait;
use super::{Doing, STALL_MS_MIN, Word, clock};
use crate::metrics::ShardMetrics;
use crate::tool_names::ToolNames;

/// Lines of one shard: enough to learn the names, few enough to read. The metric counts the others.
const LINES_PER_SECOND_MAX: u32 = 5;

/// What one shard does and did for too long.
pub struct Stalls {
    shard: u16,
    metrics: Arc<ShardMetrics>,
    names: Arc<ToolNames>,
    /// Until when the poll under way is accounted for: what a tool did is not told again of its connection.
    told_until_ms: Cell<u64>,
    lines: RefCell<Sampler>,
    core_wait: CoreWait,
    /// Polls of tasks so far, modulo 2^32, and of what runs inside them.
    turns: Cell<u32>,
    /// Polls of tasks alone.
    polls: Cell<u64>,
}

impl Stalls {
    /// Of the shard of this thread.
    pub fn new(shard: u16, metrics: Arc<ShardMetrics>, names: Arc<ToolNames>) -> Rc<Stalls> {
        Rc::new(Stalls {
            shard,
            metrics,
            names,
            told_until_ms: Cell::new(0),
            lines: RefCell::default(),
            core_wait: CoreWait::of_this_thread(),
            turns: Cell::new(0),
            polls: Cell::new(0),
        })
    }

    /// Runs `future`; what keeps the shard in it is told as `doing`.
    pub fn watch<F: Future>(&self, doing: Doing, future: F) -> Watched<'_, F> {
        Watched { stalls: self, doing, future }
    }

    /// Runs `code`, which never waits; what keeps the shard in it is told as `doing`.
    pub fn run<T>(&self, doing: Doing, code: impl FnOnce() -> T) -> T {
        let _turn = Turn::begin(self, doing);
        code()
    }

    /// Polls so far: whether another task has run since is seen by it.
    pub fn turns(&self) -> u32 {
        self.turns.get()
    }

    /// Polls of watched tasks so far.
    pub fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// To be called now and then: waiting for a core before this is not held against what comes after.
    pub fn look(&self) {
        self.core_wait.look();
    }

    #[cold]
    fn stalled(&self, word: Word, stalled_ms: u64, now_ms: u64) {
        self.told_until_ms.set(now_ms);
        self.metrics.board.count(word);
        let now = Duration::from_millis(now_ms);
        let Some(left_out) = self.lines.borrow_mut().good(now, LINES_PER_SECOND_MAX) else { return };
        let tool = word.tool().map(|tool| self.names.name(tool));
        tracing::warn!(
            shard = self.shard,
            task = word.name(),
            tool = tool.as_deref(),
            stalled_ms,
            // At most: it counts from the last sweep.
            waited_for_core_ms = self.core_wait.since_look_ms().filter(|waited_ms| *waited_ms > 0),
            left_out = (left_out > 0).then_some(left_out),
            "a task kept its shard"
        );
    }
}

pin_project! {
    /// A future that is watched. Not an `async fn`: that would hold what it is given twice, and a connection is large.
    pub struct Watched<'s, F> {
        stalls: &'s Stalls,
        doing: Doing,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let watched = self.project();
        let turn = Turn::begin(watched.stalls, *watched.doing);
        if turn.outer == Word::NOTHING {
            watched.stalls.polls.set(watched.stalls.polls.get() + 1);
        }
        watched.future.poll(cx)
    }
}

/// One poll of a task, or of what runs inside it.
struct Turn<'s> {
    stalls: &'s Stalls,
    outer: Word,
}

impl<'s> Turn<'s> {
    fn begin(stalls: &'s Stalls, doing: Doing) -> Turn<'s> {
        stalls.turns.set(stalls.turns.get().wrapping_add(1));
        let board = &stalls.metrics.board;
        let outer = board.word();
        board.set(Word::new(doing, clock::coarse_ms()));
        Turn { stalls, outer }
    }
}

impl Drop for Turn<'_> {
    /// A poll that panics ends here too.
    fn drop(&mut self) {
        let board = &self.stalls.metrics.board;
        let (word, now_ms) = (board.word(), clock::coarse_ms());
        let took_ms = now_ms.saturating_sub(word.began_ms().max(self.stalls.told_until_ms.get()));
        if took_ms > STALL_MS_MIN {
            self.stalls.stalled(word, took_ms, now_ms);
        }
        board.set(self.outer);
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use futures_lite::future::{block_on, yield_now};

    use super::*;
    use crate::metrics::SeriesKeys;

    fn stalls() -> Rc<Stalls> {
        let metrics = ShardMetrics::new(&Arc::new(SeriesKeys::default()));
        Stalls::new(3, metrics, Arc::new(ToolNames::default()))
    }

    const LONG: Duration = Duration::from_millis(50);

    fn counted(stalls: &Stalls) -> u64 {
        stalls.metrics.board.stalls()
    }

    #[test]
    fn a_long_poll_is_a_stall_and_a_long_wait_is_none() {
        let stalls = stalls();
        block_on(stalls.watch(Doing::Sweep, async { sleep(LONG) }));
        assert_eq!(counted(&stalls), 1);
        assert_eq!(stalls.metrics.board.word(), Word::NOTHING);
        let waits = stalls.watch(Doing::Sweep, yield_now());
        let mut waits = Box::pin(waits);
        assert!(block_on(futures_lite::future::poll_once(&mut waits)).is_none());
        assert_eq!(stalls.metrics.board.word(), Word::NOTHING, "it waits, and others run");
        sleep(LONG);
        block_on(waits);
        assert_eq!(counted(&stalls), 1);
    }

    #[test]
    fn what_a_tool_did_is_not_told_of_its_connection() {
        let stalls = stalls();
        let names_seen = RefCell::new(Vec::new());
        let see = |stalls: &Stalls| names_seen.borrow_mut().push(stalls.metrics.board.word().name());
        block_on(stalls.watch(Doing::Connection, async {
            see(&stalls);
            stalls
                .watch(Doing::Tool(1), async {
                    see(&stalls);
                    sleep(LONG);
                })
                .await;
            see(&stalls);
        }));
        assert_eq!(*names_seen.borrow(), ["connection", "tool", "connection"]);
        assert_eq!(counted(&stalls), 1);
        block_on(stalls.watch(Doing::Connection, async {
            stalls.watch(Doing::Tool(1), async { sleep(LONG) }).await;
            sleep(LONG);
        }));
        assert_eq!(counted(&stalls), 3, "what the connection did besides is its own");
    }

    #[test]
    fn a_poll_that_panics_leaves_the_board_clean() {
        let stalls = stalls();
        let panics = std::panic::AssertUnwindSafe(stalls.watch(Doing::Call, async { panic!("planted") }));
        assert!(block_on(futures_lite::FutureExt::catch_unwind(panics)).is_err());
        assert_eq!(stalls.metrics.board.word(), Word::NOTHING);
    }
}
