//! The loop that turns a shard's ring: what connections ask goes in, what completed comes out, and tasks run in between.
//! Whether it waits in the ring, in the executor, or not at all is decided by [`Pace`]. It never serves a request.

use std::cell::Cell;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_lite::future;
use glommio::timer::Timer;
use ringway_core::ring::pace::{Enter, Pace};

use super::bell::Bell;
use super::bridge::Bridge;
use super::stream::Stream;
use super::table::{Asked, Table};
use super::uring::{self, Completion, Uring};
use crate::shard::Shard;
use crate::shard::accept;
use crate::shard::socket::Socket;
use crate::stall::Doing;

/// Bytes of a buffer: a request with its head fits into one.
pub const BUFFER_BYTES: u32 = 4096;
/// Completions between two turns of the shard's tasks.
const REAP_MAX: usize = 512;
/// A connection takes so many buffers in one go, if it has sent as much (`MULTISHOT_MAX_RETRY` of the kernel): so many times
/// fewer than there are buffers are let try again at once.
const BUFFERS_A_TURN: usize = 32;
/// How often the loop lets other tasks run before it enters the ring, should each turn wake another.
const YIELDS_MAX: usize = 16;
/// The shortest timer that makes the executor give its reactor a whole turn. One of no length is done at once.
const TURN: Duration = Duration::from_micros(1);

/// All connections of a shard keep so many times what its buffers hold.
const KEPT_PER_BUFFERED: usize = 16;
/// How often those that lost their ring are looked after.
const LOST_LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a loop is made from.
pub struct Setup {
    /// Each with whether it serves MCP.
    pub listeners: Vec<(TcpListener, bool)>,
    /// How other threads reach it.
    pub bell: Arc<Bell>,
    /// Buffers of [`BUFFER_BYTES`], a power of two.
    pub buffer_count: u16,
}

/// One shard's ring.
pub struct EventLoop {
    shard: Rc<Shard>,
    table: Rc<Table>,
    uring: Uring,
    bridge: Bridge,
    bridging: glommio::Task<()>,
    bell: Arc<Bell>,
    pace: Pace,
    listeners: Vec<Listener>,
    buffer_count: usize,
    /// The ring could not be entered the last time.
    has_complained: bool,
    /// Polls of the ring's own tasks.
    own_polls: Rc<Cell<u64>>,
    /// Polls of all tasks, as the executor counts them.
    executed: u64,
    /// Of these, such that are neither the ring's own nor watched.
    others: u64,
}

/// Which of the shard's tasks ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    /// None was ready.
    Nothing,
    /// Those that were, and none is any more.
    Some,
    /// Some, and others may be ready.
    OutOfTurns,
}

struct Listener {
    socket: TcpListener,
    serves_mcp: bool,
    /// The kernel accepts.
    is_armed: bool,
    /// Accepting waits until there are descriptors.
    is_paused: Rc<Cell<bool>>,
    /// Lets one caller in to be turned away when there are none.
    reserve: Option<File>,
    has_complained: bool,
}

impl EventLoop {
    /// Makes the ring, on the shard's own thread.
    ///
    /// # Errors
    /// What the kernel refuses; the listeners come back.
    pub fn new(shard: &Rc<Shard>, setup: Setup) -> Result<EventLoop, (io::Error, Setup)> {
        let made = Uring::new(setup.buffer_count, BUFFER_BYTES).and_then(|mut uring| {
            let (bridge, task) = Bridge::new()?;
            uring.register_signal(bridge.as_raw_fd())?;
            Ok((uring, bridge, task))
        });
        let own_polls = Rc::<Cell<u64>>::default();
        let (mut uring, bridge, task) = match made {
            Ok(made) => made,
            Err(error) => return Err((error, setup)),
        };
        uring.watch_bell(setup.bell.as_raw_fd());
        let listener = |(socket, serves_mcp)| Listener {
            socket,
            serves_mcp,
            is_armed: false,
            is_paused: Rc::default(),
            reserve: accept::reserve(),
            has_complained: false,
        };
        let buffer_count = usize::from(setup.buffer_count);
        Ok(EventLoop {
            shard: Rc::clone(shard),
            table: Rc::new(Table::new(buffer_count * BUFFER_BYTES as usize * KEPT_PER_BUFFERED)),
            uring,
            bridge,
            bridging: glommio::spawn_local(counted(Rc::clone(&own_polls), task)),
            bell: setup.bell,
            pace: Pace::default(),
            listeners: setup.listeners.into_iter().map(listener).collect(),
            buffer_count,
            has_complained: false,
            own_polls,
            executed: 0,
            others: 0,
        })
    }

    /// Its connections.
    pub fn table(&self) -> Rc<Table> {
        Rc::clone(&self.table)
    }

    /// Turns until `is_over` and no connection is left. Should the kernel refuse the ring from now on, every connection is
    /// broken and the shard drains.
    pub async fn run(mut self) {
        let outcome = counted(Rc::clone(&self.own_polls), self.turn()).await;
        let EventLoop { shard, table, uring, bridge, bridging, listeners, .. } = self;
        drop((uring, listeners));
        // Its task holds a descriptor that the executor would not close.
        drop(bridge);
        bridging.await;
        if let Err(error) = outcome {
            tracing::error!(%error, shard = shard.id, "the ring is lost; this shard serves nobody any more");
            table.handle_ring_lost();
            shard.begin_drain();
            while !shard.is_over.get() || table.count() > 0 {
                while table.poll_ask().is_some() {}
                glommio::timer::sleep(LOST_LOOK_EVERY).await;
            }
        }
    }

    async fn turn(&mut self) -> io::Result<()> {
        let mut is_ready = false;
        loop {
            self.table.awake();
            let is_starving = self.table.feed((self.buffer_count / BUFFERS_A_TURN).max(1));
            self.ask();
            if self.shard.is_over.get() && self.table.count() == 0 {
                return Ok(());
            }
            let now = self.shard.now();
            let is_held = self.is_held(now);
            self.enter(is_held, is_starving || is_ready)?;
            let now = if is_held { now } else { self.shard.now() };
            if self.pace.poll_turn(is_held, now) {
                Timer::new(TURN).await;
                // Here and not after the tasks' run: those that are known would be counted before the executor counts them.
                self.look_for_others(now);
            }
            let reaped = self.shard.stalls.clone().run(Doing::Pump, || self.reap(now));
            let mut ran = self.let_run().await;
            let was_busy = reaped > 0 || ran != Ran::Nothing || is_starving || self.table.has_work();
            if self.pace.poll_sleep(self.is_held(now), was_busy) {
                self.sleep().await;
                // What woke it may have made others ready.
                ran = self.let_run().await;
            }
            is_ready = ran == Ran::OutOfTurns;
        }
    }

    /// Whether somebody waits for what only the reactor brings, or is expected to.
    fn is_held(&self, now: Duration) -> bool {
        self.shard.is_held() || self.pace.is_attentive(now)
    }

    /// Looks whether tasks ran since the last turn that are neither watched nor the ring's own: somebody's whom no request
    /// waits for.
    fn look_for_others(&mut self, now: Duration) {
        let known = self.shard.stalls.polls() + self.own_polls.get();
        // Asking takes them. The executor has not counted the run that this is in: of others there are as many, or a few more.
        self.executed += glommio::executor().executor_stats().tasks_executed();
        let others = self.executed.saturating_sub(known);
        if others > self.others {
            self.others = others;
            self.pace.handle_others(now);
        }
    }

    /// Hands to the kernel what there is to ask.
    fn ask(&mut self) {
        while let Some(asked) = self.table.poll_ask() {
            match asked {
                Asked::Receive(fd, place) => self.uring.receive(fd, place),
                Asked::Send(fd, place, bytes, when) => self.uring.send(fd, bytes, place, when),
                Asked::CancelReceive(place) => self.uring.cancel_receive(place),
                Asked::CancelAll(fd, place) => self.uring.cancel_all(fd, place),
            }
        }
        let is_draining = self.shard.draining.get();
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            if !is_draining && !listener.is_armed && !listener.is_paused.get() {
                listener.is_armed = true;
                self.uring.accept(listener.socket.as_raw_fd(), index as u32);
            }
        }
        if is_draining {
            // The kernel listens for as long as it accepts, whatever is closed.
            for (index, _) in self.listeners.drain(..).enumerate() {
                self.uring.cancel_accept(index as u32);
            }
        }
    }

    fn enter(&mut self, is_held: bool, is_ready: bool) -> io::Result<()> {
        let waits = match self.pace.poll_enter(is_held, is_ready) {
            Enter::Pass => false,
            Enter::Wait(tick) => {
                if let Some(tick) = tick {
                    self.uring.tick(tick);
                }
                let may_wait = self.bell.begin_wait();
                if !may_wait {
                    self.pace.handle_bell();
                }
                may_wait
            }
        };
        let entered = self.uring.enter(waits);
        if waits {
            self.bell.end_wait();
        }
        match entered {
            Ok(()) => self.has_complained = false,
            Err(error) if uring::is_of_memory(&error) => {
                if !std::mem::replace(&mut self.has_complained, true) {
                    // Once a trouble. What was asked stays in the queue, and goes with the next.
                    tracing::error!(%error, shard = self.shard.id, "the ring cannot be entered");
                }
                std::thread::yield_now();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Looks at what completed.
    fn reap(&mut self, now: Duration) -> usize {
        let EventLoop { shard, table, uring, pace, listeners, bell, .. } = self;
        let mut count = 0;
        let mut is_bell_lost = false;
        let reaped = uring.reap(REAP_MAX, |completion| match completion {
            Completion::Received { place, result, goes_on } => {
                count += u32::from(matches!(result, Ok(bytes) if !bytes.is_empty()));
                table.handle_received(place, result, goes_on);
            }
            Completion::Sent { place, result, bytes } => table.handle_sent(place, result, bytes),
            Completion::Cancelled(place) => table.handle_cancelled(place),
            Completion::Accepted { listener, result, goes_on } => {
                count += 1;
                match listeners.get_mut(listener as usize) {
                    Some(listener) => listener.handle_accepted(shard, table, result, goes_on),
                    // Accepted while a drain began: nobody will serve it.
                    None => drop(result),
                }
            }
            Completion::Tick => pace.handle_tick(now),
            Completion::Bell { goes_on } => {
                pace.handle_bell();
                is_bell_lost |= !goes_on;
            }
        });
        if is_bell_lost {
            uring.watch_bell(bell.as_raw_fd());
        }
        pace.handle_completions(count);
        reaped
    }

    /// Lets the shard's tasks run until none of them is ready, or each has had enough turns.
    async fn let_run(&self) -> Ran {
        let mut ran = Ran::Nothing;
        for _ in 0..YIELDS_MAX {
            let before = self.shard.stalls.turns();
            future::yield_now().await;
            if self.shard.stalls.turns() == before {
                return ran;
            }
            ran = Ran::Some;
        }
        Ran::OutOfTurns
    }

    /// Waits in the executor until something completes or somebody asks for something.
    async fn sleep(&mut self) {
        self.bridge.clear();
        self.uring.signal(true);
        if !self.uring.has_news() && !self.table.has_work() {
            let (bridge, table) = (&self.bridge, &self.table);
            poll_fn(|cx| match (bridge.poll_fired(cx.waker()), table.poll_woken(cx.waker())) {
                (Poll::Pending, Poll::Pending) => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
        }
        self.uring.signal(false);
    }
}

/// Counts the polls of a future.
async fn counted<F: Future>(polls: Rc<Cell<u64>>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
    .await
}

impl Listener {
    fn handle_accepted(&mut self, shard: &Rc<Shard>, table: &Rc<Table>, result: io::Result<OwnedFd>, goes_on: bool) {
        self.is_armed = goes_on;
        match result {
            Ok(socket) => {
                if self.reserve.is_none() {
                    self.reserve = accept::reserve();
                    if self.reserve.is_none() {
                        // It came in on the reserve's descriptor: turned away instead of left hanging.
                        drop(socket);
                        self.reserve = accept::reserve();
                        return;
                    }
                }
                self.has_complained = false;
                let socket = Socket::of_ring(Stream::new(table, table.open(socket)));
                // Unguarded, a panic would end the loop and with it every connection of the shard.
                let admit = || accept::admit(shard, socket, self.serves_mcp);
                if std::panic::catch_unwind(AssertUnwindSafe(admit)).is_err() {
                    shard.metrics.count_panic();
                }
            }
            // Ended by us, or by a connection that was gone before it was accepted.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ECONNABORTED | libc::EINTR)) => {}
            Err(error) => {
                if !self.has_complained {
                    // Once a shortage, not once a failed accept.
                    tracing::warn!(%error, shard = shard.id, "connections cannot be accepted");
                    self.has_complained = true;
                }
                shard.metrics.count_accept_error();
                drop(self.reserve.take());
                self.is_paused.set(true);
                let (is_paused, table) = (Rc::clone(&self.is_paused), Rc::clone(table));
                let pause = async move {
                    glommio::timer::sleep(accept::PAUSE).await;
                    is_paused.set(false);
                    table.wake_loop();
                };
                shard.spawn(Doing::Accept, pause).detach();
            }
        }
    }
}
