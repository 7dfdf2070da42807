//! epoll, edge-triggered: which connections have something. Never reads or writes them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

const EVENTS_PER_WAIT_MAX: usize = 256;
const INTEREST: epoll::EventFlags =
    epoll::EventFlags::IN.union(epoll::EventFlags::OUT).union(epoll::EventFlags::RDHUP).union(epoll::EventFlags::ET);

pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// Which connection, and which of the sockets it had one after the other: events of a socket that is gone may still be
/// waiting in the batch when its successor is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub index: u32,
    pub generation: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub token: Token,
    /// The server has closed, or the socket is in error: read on until it says so.
    pub hung_up: bool,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_PER_WAIT_MAX) })
    }

    /// Watches until the socket is dropped. Room to write costs no wake-ups: the kernel tells of it only after a write
    /// that found none.
    pub fn watch(&self, source: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, event_data(token), INTEREST)?)
    }

    /// Tells of the socket once more, as far as it has something: for whoever turned away from it before it was empty.
    pub fn watch_again(&self, source: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, event_data(token), INTEREST)?)
    }

    /// Waits for `timeout` at the most; zero looks and comes back. Returns how many `ready` has.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<usize> {
        self.events.clear();
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(self.events.len()),
            Err(error) => Err(error.into()),
        }
    }

    pub fn ready(&self, at: usize) -> Ready {
        let event = self.events[at];
        let (flags, data) = (event.flags, event.data.u64());
        Ready {
            token: Token { index: data as u32, generation: (data >> 32) as u32 },
            hung_up: flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR),
        }
    }
}

fn event_data(token: Token) -> epoll::EventData {
    epoll::EventData::new_u64(u64::from(token.generation) << 32 | u64::from(token.index))
}
