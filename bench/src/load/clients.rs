//! The clients of one thread: what the connections of a group have in common, and what each of them is doing. Data; who
//! moves it is [`crate::load::worker`].

use fastrand::Rng;

use crate::load::Target;
use crate::load::connection::{Connection, Dial};
use crate::load::poller::Token;
use crate::load::schedule::{Nanos, exponential};
use crate::load::trust::Trust;
use crate::wire::script::Script;
use crate::wire::stamp::Digits;
use crate::workload::{Churn, Clients, Spread, Think};

/// First pause after a connection could not be made; each further one is twice as long, up to the longest. A server that
/// is being restarted is found again soon, and one that is dead costs next to nothing.
const BACK_OFF_NS: Nanos = 10_000_000;
const BACK_OFF_NS_MAX: Nanos = 1_000_000_000;

pub struct Group {
    pub script: Script,
    pub dial: Dial,
    think: Option<Think>,
    churn: Option<Churn>,
    /// How many requests the group has made on this thread.
    turn: u64,
    /// Of its exchanges among those of all groups.
    pub first_exchange: usize,
    random: Rng,
}

/// The place of one connection, which stays when the connection is made anew.
pub struct Slot {
    pub group: usize,
    /// Within its group, over all threads.
    pub number: usize,
    pub token: Token,
    pub phase: Phase,
    /// `None`: it is made when the next request needs it, and making it counts into that request's latency.
    pub connection: Option<Connection>,
    /// Since it was made.
    pub request_count: u32,
    /// Closed by the server since it was made, so that making it again is a reconnect.
    pub was_lost: bool,
    pub idle_since_ns: Nanos,
    /// Closed loop: a thinking client's next request is due when the thinking ends.
    pub thought_until_ns: Option<Nanos>,
    back_off_ns: Nanos,
}

#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// In the queue for the next request that is due.
    Idle,
    /// Until its timer ends.
    Thinking,
    /// The connection is on its way, and with it the request that waits, except at the very beginning.
    Making { due_ns: Option<Nanos> },
    /// It could not be made; until its timer ends.
    BackingOff { due_ns: Nanos },
    /// A request is in flight.
    Asked(Asked),
    /// Said goodbye, and hears whether the server has something to say to that.
    Leaving,
}

#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Of its group.
    pub exchange: usize,
    pub digits: Digits,
    pub due_ns: Nanos,
    pub had_event: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Churning {
    Orderly,
    Reset,
}

impl Group {
    pub fn new(
        clients: &Clients,
        target: &Target,
        trust: Option<Trust>,
        first_exchange: usize,
        thread: usize,
    ) -> Result<Self, String> {
        Ok(Self {
            script: Script::compile(clients, &target.authority)?,
            dial: Dial { addr: target.addr, trust },
            think: clients.think,
            churn: clients.churn,
            // Threads begin at different places of the mix, so that they do not all ask for the same at a time.
            turn: thread as u64,
            first_exchange,
            random: Rng::with_seed((thread as u64) << 32 | first_exchange as u64),
        })
    }

    /// Which exchange the next request is.
    pub fn take_turn(&mut self) -> usize {
        let exchange = self.script.exchange_at(self.turn);
        self.turn += 1;
        exchange
    }

    pub fn think_ns(&mut self) -> Option<Nanos> {
        let think = self.think?;
        let times = match think.spread {
            Spread::Constant => 1.0,
            Spread::Exponential => exponential(&mut self.random),
        };
        Some((think.mean_ms * 1e6 * times) as Nanos)
    }

    /// Whether a connection has lived long enough, and how it ends.
    pub fn churn_after(&mut self, request_count: u32) -> Option<Churning> {
        let churn = self.churn.filter(|churn| request_count >= churn.requests)?;
        Some(if self.random.f64() < churn.reset_ratio { Churning::Reset } else { Churning::Orderly })
    }
}

impl Slot {
    pub fn new(group: usize, number: usize, index: usize) -> Self {
        Self {
            group,
            number,
            token: Token { index: u32::try_from(index).expect("fewer connections than ports"), generation: 0 },
            phase: Phase::Making { due_ns: None },
            connection: None,
            request_count: 0,
            was_lost: false,
            idle_since_ns: 0,
            thought_until_ns: None,
            back_off_ns: BACK_OFF_NS,
        }
    }

    pub fn back_off_ns(&mut self) -> Nanos {
        let back_off_ns = self.back_off_ns;
        self.back_off_ns = (2 * back_off_ns).min(BACK_OFF_NS_MAX);
        back_off_ns
    }

    pub fn is_made(&mut self) {
        self.back_off_ns = BACK_OFF_NS;
        self.request_count = 0;
    }
}
