//! Tasks that keep their shard. A shard does one thing at a time, so that a task which blocks or computes for long holds
//! up every connection of its core: each poll says what it is, and one that took over 10 ms is counted and written down
//! by its name, while it goes on if it lasts. It never ends a task: nothing can take a thread back from its own code.
//!
//! [`Stalls`] is the shard's side, [`Lookout`] that of the thread beside the shards, [`Board`] what both see.

mod clock;

mod core_wait;

mod lookout;

mod stalls;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::tool_names::ToolId;
pub use lookout::Lookout;
pub use stalls::Stalls;

/// How long a task may keep its shard without a word: as long as the executor lets tasks run before it looks for others.
const STALL_MS_MIN: u64 = 10;

/// What a shard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Takes connections.
    Accept,
    /// Looks at what the ring of client sockets brought.
    Pump,
    /// Serves a connection: reads, decides, answers.
    Connection,
    /// Reads on while an answer is on its way.
    Watch,
    /// Writes to a WebSocket.
    WebSocket,
    /// Serves one client over standard input, a WebSocket or an HTTP+SSE pair.
    Duplex,
    /// Goes on with a call that was not done at once.
    Call,
    /// Acts on what other threads and shards ask.
    Letters,
    /// Looks after deadlines and what has expired.
    Sweep,
    /// Runs the code of a prompt.
    Prompt,
    /// Runs the code of a resource.
    Resource,
    /// Runs the code of a tool.
    Tool(ToolId),
}

/// By the number that [`Word::new`] has for each.
const NAMES: [&str; 13] = [
    "none",
    "accept",
    "connection",
    "watch",
    "websocket",
    "duplex",
    "call",
    "letters",
    "sweep",
    "prompt",
    "resource",
    "tool",
    "pump",
];

/// One poll in one word, so that another thread never reads half of it: when it began, what it does, which tool's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const NOTHING: Word = Word(0);

    /// Milliseconds of the coarse clock take 40 bits, which last 34 years.
    fn new(doing: Doing, began_ms: u64) -> Word {
        let (name, tool) = match doing {
            Doing::Accept => (1, 0),
            Doing::Connection => (2, 0),
            Doing::Watch => (3, 0),
            Doing::WebSocket => (4, 0),
            Doing::Duplex => (5, 0),
            Doing::Call => (6, 0),
            Doing::Letters => (7, 0),
            Doing::Sweep => (8, 0),
            Doing::Prompt => (9, 0),
            Doing::Resource => (10, 0),
            Doing::Tool(tool) => (11, tool),
            Doing::Pump => (12, 0),
        };
        Word(began_ms << 24 | name << 16 | u64::from(tool))
    }

    fn began_ms(self) -> u64 {
        self.0 >> 24
    }

    fn name(self) -> &'static str {
        NAMES.get((self.0 >> 16 & 0xff) as usize).copied().unwrap_or("none")
    }

    fn tool(self) -> Option<ToolId> {
        (self.0 >> 16 & 0xff == 11).then_some(self.0 as ToolId)
    }
}

/// What a shard does at this moment, and how often a task kept it. Written by the shard, read by anybody.
#[derive(Default)]
pub struct Board {
    word: AtomicU64,
    /// The last poll that was counted: the shard and the lookout may both see the same.
    counted: AtomicU64,
    stalls: AtomicU64,
}

impl Board {
    /// How often a task kept its shard.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    fn word(&self) -> Word {
        Word(self.word.load(Ordering::Relaxed))
    }

    fn set(&self, word: Word) {
        self.word.store(word.0, Ordering::Relaxed);
    }

    /// Counts a stall, once whoever sees it.
    fn count(&self, word: Word) {
        if self.counted.swap(word.0, Ordering::Relaxed) != word.0 {
            self.stalls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool_names;

    #[test]
    fn a_word_says_what_and_since_when() {
        let all = [
            (Doing::Accept, "accept"),
            (Doing::Pump, "pump"),
            (Doing::Connection, "connection"),
            (Doing::Watch, "watch"),
            (Doing::WebSocket, "websocket"),
            (Doing::Duplex, "duplex"),
            (Doing::Call, "call"),
            (Doing::Letters, "letters"),
            (Doing::Sweep, "sweep"),
            (Doing::Prompt, "prompt"),
            (Doing::Resource, "resource"),
            (Doing::Tool(7), "tool"),
            (Doing::Tool(tool_names::OTHER), "tool"),
        ];
        let thirty_years_ms = 30 * 365 * 24 * 60 * 60 * 1000;
        for (doing, name) in all {
            for began_ms in [0, 1, thirty_years_ms] {
                let word = Word::new(doing, began_ms);
                let tool = if let Doing::Tool(tool) = doing { Some(tool) } else { None };
                assert_eq!((word.name(), word.tool(), word.began_ms()), (name, tool, began_ms));
                assert_ne!(word, Word::NOTHING, "{name}");
            }
        }
        assert_eq!((Word::NOTHING.name(), Word::NOTHING.tool()), ("none", None));
    }

    #[test]
    fn one_stall_is_counted_once() {
        let board = Board::default();
        board.count(Word::new(Doing::Sweep, 5));
        board.count(Word::new(Doing::Sweep, 5));
        assert_eq!(board.stalls(), 1, "the lookout and the shard saw the same");
        board.count(Word::new(Doing::Sweep, 50));
        assert_eq!(board.stalls(), 2);
    }
}
