//! What deadlines and drain see of a connection, whose task is elsewhere: how far it is, and how to end it. It never reads or
//! writes a byte.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use ringway_core::http::deadline::{self, Overdue, Progress};
use ringway_core::http::decoder::Phase;
use ringway_core::identify::Lapse;
use ringway_policy::Limits;

use super::lasting::Holder;
use super::socket::Socket;
use super::websocket::Pipe;
use crate::net::Direction;

/// How long a handshake may take while others wait for room: three round trips over a bad mobile link. Who holds many open
/// without going on keeps others out no longer than this.
const PRESSED_HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(1);

/// How long a client whose credential is worth nothing may keep what was on its way before: with two sweeps it is gone within a
/// second.
const LAPSED_WRITE_TIME_MAX: Duration = Duration::from_millis(500);

/// A handshake, as deadlines see it.
#[derive(Clone, Copy, Debug)]
pub struct Handshaking {
    /// By when it has to be done.
    pub until: Duration,
    /// Since when it is under way, and not only waits for room.
    pub under_way_since: Option<Duration>,
}

/// What deadlines and drain see of a connection.
pub struct Control {
    socket: Rc<Socket>,
    progress: Cell<Progress>,
    /// Which deadline has passed.
    pub overdue: Cell<Option<Overdue>>,
    /// Its handshake, until that is done.
    pub handshake: Cell<Option<Handshaking>>,
    /// What the connection has become.
    pipe: RefCell<Option<Rc<Pipe>>>,
    /// Whose it is, while it carries something that lasts.
    holder: RefCell<Option<Holder>>,
    /// Why whatever lasts on it ends.
    lapse: Cell<Option<Lapse>>,
    /// What is to end then.
    lasting: Cell<Option<Waker>>,
}

impl Control {
    /// A connection that has just begun.
    pub fn new(socket: Rc<Socket>, now: Duration) -> Rc<Control> {
        // A connection that never sends a byte has as long as a head may take.
        let progress = Progress {
            phase: Phase::Head,
            phase_began: now,
            body_bytes: 0,
            window: (now, 0),
            write_blocked_since: None,
            serving: false,
        };
        Rc::new(Control {
            socket,
            progress: Cell::new(progress),
            overdue: Cell::new(None),
            handshake: Cell::new(None),
            pipe: RefCell::default(),
            holder: RefCell::default(),
            lapse: Cell::default(),
            lasting: Cell::default(),
        })
    }

    /// Ends the connection's pending read or write when it has taken too long. `is_pressed`: others wait for handshakes to
    /// end.
    pub fn enforce_deadline(&self, now: Duration, limits: &Limits, is_pressed: bool) {
        if self.overdue.get().is_some() {
            return;
        }
        if let Some(handshake) = self.handshake.get() {
            let is_slow = |since| is_pressed && now.saturating_sub(since) > PRESSED_HANDSHAKE_TIME_MAX;
            if now > handshake.until || handshake.under_way_since.is_some_and(is_slow) {
                self.overdue.set(Some(Overdue::Head));
                self.socket.shut_down(Direction::Both);
            }
            return;
        }
        let mut progress = self.progress.get();
        let is_blocked = |since| now.saturating_sub(since) >= LAPSED_WRITE_TIME_MAX;
        if self.lapse.get().is_some() && progress.write_blocked_since.is_some_and(is_blocked) {
            self.overdue.set(Some(Overdue::Write));
            return self.close();
        }
        let overdue = deadline::overdue(&mut progress, now, limits);
        self.progress.set(progress);
        if let Some(pipe) = &*self.pipe.borrow() {
            pipe.handle_time(now, limits);
        }
        if let Some(overdue) = overdue {
            self.overdue.set(Some(overdue));
            let direction = match overdue {
                Overdue::Head | Overdue::Body => Direction::Read,
                // TLS has a word for the end, which still goes.
                Overdue::Idle if self.socket.is_secured() => Direction::Read,
                Overdue::Idle | Overdue::Write => Direction::Both,
            };
            self.socket.shut_down(direction);
        }
    }

    /// Looks whether the client of a request that takes its time has gone without a word.
    pub fn doubt(&self) {
        if self.progress.get().serving {
            self.socket.doubt();
        }
    }

    /// Ends a connection that waits for its next request, or has not sent a byte of its first.
    pub fn close_if_idle(&self) {
        if let Some(pipe) = &*self.pipe.borrow() {
            return pipe.drain();
        }
        let progress = self.progress.get();
        // A connection that has not sent a byte yet is in its first head, by its deadline.
        let waits = match progress.phase {
            Phase::Idle => true,
            Phase::Head => progress.body_bytes == 0,
            Phase::Body => false,
        };
        if waits && !progress.serving && progress.write_blocked_since.is_none() {
            self.socket.shut_down(Direction::Read);
        }
    }

    /// Shows it the pipe that serves the connection as a WebSocket.
    pub fn attach(&self, pipe: Option<Rc<Pipe>>) {
        self.pipe.replace(pipe);
    }

    /// Says whose it is while it carries something that lasts, and whether that is to end already.
    pub fn hold(&self, holder: Option<Holder>, lapse: Option<Lapse>) {
        self.holder.replace(holder);
        self.lapse.set(lapse);
        self.lasting.set(None);
    }

    /// Looks at whose it is, if it carries something that lasts and is not to end.
    pub fn with_holder<T>(&self, look: impl FnOnce(&Holder) -> T) -> Option<T> {
        if self.lapse.get().is_some() { None } else { self.holder.borrow().as_ref().map(look) }
    }

    /// Ends what lasts on it: the credential that it rests on is worth nothing.
    pub fn handle_lapse(&self, lapse: Lapse) {
        self.lapse.set(Some(lapse));
        if let Some(pipe) = &*self.pipe.borrow() {
            pipe.handle_lapse(lapse);
        }
        if let Some(waker) = self.lasting.take() {
            waker.wake();
        }
    }

    /// Why what lasts on it is to end.
    pub fn lapse(&self) -> Option<Lapse> {
        self.lapse.get()
    }

    /// Whom to wake then.
    pub fn wake_at_lapse(&self, waker: &Waker) {
        self.lasting.set(Some(waker.clone()));
    }

    /// Ends the connection, whatever it does.
    pub fn close(&self) {
        self.socket.shut_down(Direction::Both);
    }

    /// The client takes none of what is written, or has just taken some and others wait.
    pub fn write_is_blocked(&self, now: Duration) {
        self.update(|progress| progress.write_blocked_since = Some(now));
    }

    /// Changes what is known of its progress.
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.get();
        change(&mut progress);
        self.progress.set(progress);
    }
}
