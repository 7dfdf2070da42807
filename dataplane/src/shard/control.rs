//! What deadlines and drain see of a connection, whose task is elsewhere: how far it is, and how to end it. It never reads or
//! writes a byte.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ringway_core::http::deadline::{self, Overdue, Progress};
use ringway_core::http::decoder::Phase;
use ringway_policy::Limits;

use super::socket::Socket;
use super::websocket::Pipe;
use crate::net::{self, Direction};

/// What deadlines and drain see of a connection.
pub struct Control {
    socket: Rc<Socket>,
    progress: Cell<Progress>,
    /// Which deadline has passed.
    pub overdue: Cell<Option<Overdue>>,
    /// What the connection has become.
    pipe: RefCell<Option<Rc<Pipe>>>,
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
        Rc::new(Control { socket, progress: Cell::new(progress), overdue: Cell::new(None), pipe: RefCell::default() })
    }

    /// Ends the connection's pending read or write when it has taken too long.
    pub fn enforce_deadline(&self, now: Duration, limits: &Limits) {
        if self.overdue.get().is_some() {
            return;
        }
        let mut progress = self.progress.get();
        let overdue = deadline::overdue(&mut progress, now, limits);
        self.progress.set(progress);
        if let Some(pipe) = &*self.pipe.borrow() {
            pipe.handle_time(now, limits);
        }
        if let Some(overdue) = overdue {
            self.overdue.set(Some(overdue));
            let direction = match overdue {
                Overdue::Head | Overdue::Body => Direction::Read,
                Overdue::Idle | Overdue::Write => Direction::Both,
            };
            net::shut_down(self.socket.fd(), direction);
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
            net::shut_down(self.socket.fd(), Direction::Read);
        }
    }

    /// Shows it the pipe that serves the connection as a WebSocket.
    pub fn attach(&self, pipe: Option<Rc<Pipe>>) {
        self.pipe.replace(pipe);
    }

    /// Ends the connection, whatever it does.
    pub fn close(&self) {
        net::shut_down(self.socket.fd(), Direction::Both);
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
