//! The side of the thread beside the shards: tells of a task that keeps its shard and has not come back, as a tool that
//! waits for ever does. It never waits for a shard.

use super::{Word, clock};
use crate::observe::process::Process;
use crate::tool_names::ToolNames;

/// From when on a stall is told while it goes on; what ends sooner is told by its shard.
const LASTING_MS_MIN: u64 = 1000;

/// What has been told.
#[derive(Default)]
pub struct Lookout {
    /// By shard: the poll that was told last.
    told: Vec<Word>,
}

/// A task that keeps its shard.
#[derive(Debug, PartialEq, Eq)]
struct Lasting {
    shard: usize,
    word: Word,
    stalled_ms: u64,
}

impl Lookout {
    /// Looks at each shard, and writes down what keeps one: each stall once.
    pub fn turn(&mut self, process: &Process, names: &ToolNames) {
        for Lasting { shard, word, stalled_ms } in self.find(process, clock::coarse_ms()) {
            let tool = word.tool().map(|tool| names.name(tool));
            tracing::warn!(
                shard,
                task = word.name(),
                tool = tool.as_deref(),
                stalled_ms,
                "a task keeps its shard and has not come back"
            );
        }
    }

    fn find(&mut self, process: &Process, now_ms: u64) -> Vec<Lasting> {
        self.told.resize(process.shards.len(), Word::NOTHING);
        let mut found = Vec::new();
        for (shard, (metrics, told)) in process.shards.iter().zip(&mut self.told).enumerate() {
            let word = metrics.board.word();
            let stalled_ms = now_ms.saturating_sub(word.began_ms());
            if word != Word::NOTHING && word != *told && stalled_ms > LASTING_MS_MIN {
                *told = word;
                metrics.board.count(word);
                found.push(Lasting { shard, word, stalled_ms });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Parts;
    use crate::handle::ServerHandle;
    use crate::stall::Doing;

    #[test]
    fn a_stall_that_lasts_is_told_and_counted_once() {
        let process = Process::new(2, ServerHandle::new(Parts::default()), None);
        let mut lookout = Lookout::default();
        let board = &process.shards[1].board;
        let word = Word::new(Doing::Tool(4), 5_000);
        board.set(word);
        assert_eq!(lookout.find(&process, 5_900), [], "its shard may still tell it");
        assert_eq!(lookout.find(&process, 6_500), [Lasting { shard: 1, word, stalled_ms: 1_500 }]);
        assert_eq!(lookout.find(&process, 7_500), []);
        assert_eq!(board.stalls(), 1);
        board.count(word);
        assert_eq!(board.stalls(), 1, "its shard, when it ends at last, tells how long it was, and counts it no more");
        board.set(Word::NOTHING);
        assert_eq!(lookout.find(&process, 20_000), [], "an idle shard is not kept");
        let again = Word::new(Doing::Tool(4), 21_000);
        board.set(again);
        assert_eq!(lookout.find(&process, 23_000), [Lasting { shard: 1, word: again, stalled_ms: 2_000 }]);
        assert_eq!((board.stalls(), process.shards[0].board.stalls()), (2, 0));
    }
}
