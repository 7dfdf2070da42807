//! The connections of a ring, as its loop and their tasks share them: what has come, what is to go, who waits for which.
//! It never enters the ring: what is to be asked of the kernel waits in a list for the loop.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::task::{Context, Poll, Waker};

use ringway_core::ring::life::{Act, Life, Received};
use ringway_core::ring::token::Place;
use slab::Slab;
use socket2::SockRef;

use super::uring::When;

/// Bytes of one connection that wait to be read; then it is received no further. What was under way still comes.
const INBOX_BYTES_MAX: usize = 64 << 10;
/// Bytes of one connection that wait to be sent, those under way included; then its task waits.
const OUTBOX_BYTES_MAX: usize = 64 << 10;
/// What a connection may still put down to be sent when all of them together keep as much as they may.
const OUTBOX_BYTES_MIN: usize = 4 << 10;
/// Buffers that are kept for the next connection that needs one.
const SPARE_MAX: usize = 256;
/// Those that grew past this are freed.
const SPARE_BYTES_MAX: usize = 16 << 10;

/// One connection.
struct Slot {
    socket: OwnedFd,
    place: Place,
    life: Life,
    /// What has come, from `taken` on.
    inbox: Vec<u8>,
    taken: usize,
    /// What is to go next.
    outbox: Vec<u8>,
    /// Bytes under way.
    sending: usize,
    /// The last send found no room for all of it.
    is_backlogged: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Why it is broken.
    error: Option<i32>,
    /// It is in the list.
    is_listed: bool,
}

/// The connections.
pub struct Table {
    slots: RefCell<Slab<Slot>>,
    /// Places whose life may have something to ask.
    list: RefCell<VecDeque<u32>>,
    /// Places that found no buffer, in turn.
    starved: RefCell<VecDeque<Place>>,
    /// Buffers for what has come and what is to go: a connection has one only while there is something in it.
    spare: RefCell<Vec<Vec<u8>>>,
    opened: Cell<u32>,
    /// Bytes that wait in all connections, in either direction, those under way included.
    kept: Cell<usize>,
    /// How many may. Beyond, a connection is received no further while it keeps anything.
    kept_max: usize,
    /// The loop, while it sleeps.
    sleeper: RefCell<Option<Waker>>,
    /// Somebody woke it.
    is_woken: Cell<bool>,
}

/// What the loop is to ask of the kernel.
pub enum Asked {
    /// To receive.
    Receive(RawFd, Place),
    /// To send these bytes.
    Send(RawFd, Place, Vec<u8>, When),
    /// To end receiving.
    CancelReceive(Place),
    /// To end everything.
    CancelAll(RawFd, Place),
}

impl Table {
    /// A table whose connections together keep so many bytes, and what is received before the kernel hears of it.
    pub fn new(kept_max: usize) -> Table {
        Table {
            slots: RefCell::default(),
            list: RefCell::default(),
            starved: RefCell::default(),
            spare: RefCell::default(),
            opened: Cell::new(0),
            kept: Cell::new(0),
            kept_max,
            sleeper: RefCell::default(),
            is_woken: Cell::new(false),
        }
    }

    /// Takes a connection in.
    pub fn open(&self, socket: OwnedFd) -> Place {
        let count = self.opened.get();
        self.opened.set(count.wrapping_add(1));
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        let place = Place::new(entry.key() as u32, count);
        entry.insert(Slot {
            socket,
            place,
            life: Life::default(),
            inbox: Vec::new(),
            taken: 0,
            outbox: Vec::new(),
            sending: 0,
            is_backlogged: false,
            reader: None,
            writer: None,
            error: None,
            is_listed: true,
        });
        self.list.borrow_mut().push_back(place.index);
        place
    }

    /// How many places are not free.
    pub fn count(&self) -> usize {
        self.slots.borrow().len()
    }

    /// The descriptor, owned by the table until the connection is closed.
    pub fn fd(&self, place: Place) -> RawFd {
        self.with(place, |_, slot| slot.socket.as_raw_fd()).unwrap_or(-1)
    }

    /// Where the client is, asked of the kernel.
    pub fn peer(&self, place: Place) -> Option<SocketAddr> {
        self.with(place, |_, slot| SockRef::from(&slot.socket).peer_addr().ok()?.as_socket())?
    }

    /// Runs `work` on a connection. `None` when its place was given up.
    fn with<T>(&self, place: Place, work: impl FnOnce(&Table, &mut Slot) -> T) -> Option<T> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(place.index as usize).filter(|slot| slot.place == place)?;
        Some(work(self, slot))
    }

    fn keep(&self, bytes: usize) {
        self.kept.set(self.kept.get() + bytes);
    }

    fn let_go(&self, bytes: usize) {
        debug_assert!(bytes <= self.kept.get(), "nothing is let go twice");
        self.kept.set(self.kept.get().saturating_sub(bytes));
    }

    /// Whether all connections together keep as much as they may.
    fn is_full(&self) -> bool {
        self.kept.get() >= self.kept_max
    }

    fn list(&self, slot: &mut Slot) {
        if !std::mem::replace(&mut slot.is_listed, true) {
            self.list.borrow_mut().push_back(slot.place.index);
        }
    }

    // ---- for the connection's task ------------------------------------------------------------------------------------

    /// Reads some bytes; 0 at the end.
    pub fn poll_read(&self, place: Place, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let polled = self.with(place, |table, slot| {
            let waiting = &slot.inbox[slot.taken..];
            if !waiting.is_empty() {
                let count = waiting.len().min(room.len());
                room[..count].copy_from_slice(&waiting[..count]);
                slot.taken += count;
                table.let_go(count);
                if slot.taken == slot.inbox.len() {
                    slot.taken = 0;
                    if slot.life.is_full() {
                        slot.life.handle_full(false);
                        table.list(slot);
                    }
                    table.give_spare(std::mem::take(&mut slot.inbox));
                }
                return Poll::Ready(Ok(count));
            }
            if slot.life.has_ended() {
                return Poll::Ready(slot.error.map_or(Ok(0), |code| Err(io::Error::from_raw_os_error(code))));
            }
            slot.reader = Some(cx.waker().clone());
            Poll::Pending
        });
        self.wake_loop_to_ask();
        polled.unwrap_or(Poll::Ready(Ok(0)))
    }

    /// Takes some bytes to be sent.
    pub fn poll_write(&self, place: Place, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.with(place, |table, slot| {
            if slot.life.is_broken() {
                return Poll::Ready(Err(broken(slot)));
            }
            let bytes_max = if table.is_full() { OUTBOX_BYTES_MIN } else { OUTBOX_BYTES_MAX };
            let room = bytes_max.saturating_sub(slot.outbox.len() + slot.sending);
            if room == 0 {
                slot.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if slot.outbox.capacity() == 0 {
                slot.outbox = table.spare();
            }
            let count = room.min(bytes.len());
            slot.outbox.extend_from_slice(&bytes[..count]);
            table.keep(count);
            slot.life.handle_output();
            table.list(slot);
            Poll::Ready(Ok(count))
        });
        self.wake_loop_to_ask();
        polled.unwrap_or(Poll::Ready(Err(io::ErrorKind::NotConnected.into())))
    }

    /// Waits until all that was taken has been sent.
    pub fn poll_sent(&self, place: Place, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.with(place, |_, slot| {
            if slot.life.is_broken() {
                return Poll::Ready(Err(broken(slot)));
            }
            if slot.outbox.is_empty() && slot.sending == 0 {
                return Poll::Ready(Ok(()));
            }
            slot.writer = Some(cx.waker().clone());
            Poll::Pending
        });
        polled.unwrap_or(Poll::Ready(Ok(())))
    }

    /// Looks whether its end was missed.
    pub fn doubt(&self, place: Place) {
        self.with(place, |table, slot| {
            slot.life.handle_doubt();
            table.list(slot);
        });
        self.wake_loop();
    }

    /// Nobody holds the connection any more.
    pub fn close(&self, place: Place) {
        self.with(place, |table, slot| {
            slot.life.handle_closed();
            table.let_go(slot.inbox.len() - slot.taken + slot.outbox.len());
            table.give_spare(std::mem::take(&mut slot.inbox));
            table.give_spare(std::mem::take(&mut slot.outbox));
            slot.taken = 0;
            table.list(slot);
        });
        self.wake_loop();
    }

    // ---- for the loop --------------------------------------------------------------------------------------------------

    /// What to ask of the kernel next. A place that is free is given up here, and its descriptor closed.
    pub fn poll_ask(&self) -> Option<Asked> {
        loop {
            let index = *self.list.borrow().front()?;
            let mut slots = self.slots.borrow_mut();
            let Some(slot) = slots.get_mut(index as usize) else {
                self.list.borrow_mut().pop_front();
                continue;
            };
            let (fd, place) = (slot.socket.as_raw_fd(), slot.place);
            let Some(act) = slot.life.poll_act() else {
                slot.is_listed = false;
                self.list.borrow_mut().pop_front();
                continue;
            };
            return Some(match act {
                Act::Receive => Asked::Receive(fd, place),
                Act::CancelReceive => Asked::CancelReceive(place),
                Act::CancelAll => Asked::CancelAll(fd, place),
                Act::Send => {
                    let bytes = std::mem::take(&mut slot.outbox);
                    slot.sending = bytes.len();
                    let is_awaited = slot.writer.is_some();
                    let when = if slot.is_backlogged { When::Room } else { When::Now { is_awaited } };
                    Asked::Send(fd, place, bytes, when)
                }
                Act::Free => {
                    drop(slots.remove(index as usize));
                    self.list.borrow_mut().pop_front();
                    continue;
                }
            });
        }
    }

    /// A completion of receiving.
    pub fn handle_received(&self, place: Place, result: io::Result<&[u8]>, goes_on: bool) {
        let reader = self.with(place, |table, slot| {
            let what = match result {
                Ok([]) => Received::End,
                Ok(bytes) => {
                    if !slot.life.is_closed() {
                        if slot.inbox.capacity() == 0 {
                            slot.inbox = table.spare();
                        }
                        slot.inbox.extend_from_slice(bytes);
                        table.keep(bytes.len());
                        slot.life.handle_full(slot.inbox.len() >= INBOX_BYTES_MAX || table.is_full());
                    }
                    Received::Bytes
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::ENOBUFS) => {
                        table.starved.borrow_mut().push_back(place);
                        Received::NoBuffer
                    }
                    Some(libc::ECANCELED | libc::EINTR | libc::EAGAIN) => Received::Nothing,
                    code => {
                        slot.error = code;
                        Received::End
                    }
                },
            };
            slot.life.handle_received(what, goes_on);
            table.list(slot);
            if matches!(what, Received::Bytes | Received::End) { slot.reader.take() } else { None }
        });
        wake(reader.flatten());
    }

    /// The completion of a send, with the bytes that were given for it.
    pub fn handle_sent(&self, place: Place, result: io::Result<usize>, mut bytes: Vec<u8>) {
        let wakers = self.with(place, |table, slot| {
            table.let_go(std::mem::take(&mut slot.sending));
            let gone = match result {
                Ok(0) if !bytes.is_empty() => None,
                Ok(count) => Some(count),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN)) => Some(0),
                Err(error) => {
                    slot.error = slot.error.or(error.raw_os_error());
                    None
                }
            };
            slot.is_backlogged = gone.is_none_or(|count| count < bytes.len());
            if let Some(count) = gone.filter(|count| *count < bytes.len() && !slot.life.is_closed()) {
                // What is left goes before what came since.
                bytes.drain(..count);
                table.keep(bytes.len());
                bytes.append(&mut slot.outbox);
                slot.outbox = std::mem::take(&mut bytes);
                slot.life.handle_output();
            }
            let is_broken = gone.is_none();
            slot.life.handle_sent(is_broken);
            table.list(slot);
            // Nothing comes any more of what is broken.
            let reader = if is_broken { slot.reader.take() } else { None };
            (slot.writer.take(), reader)
        });
        self.give_spare(bytes);
        let (writer, reader) = wakers.unwrap_or_default();
        wake(writer);
        wake(reader);
    }

    /// The completion of a cancellation.
    pub fn handle_cancelled(&self, place: Place) {
        self.with(place, |table, slot| {
            slot.life.handle_cancelled();
            table.list(slot);
        });
    }

    /// Lets up to `count_max` of those that found no buffer try again, in turn; whether others still wait.
    pub fn feed(&self, count_max: usize) -> bool {
        for _ in 0..count_max {
            let Some(place) = self.starved.borrow_mut().pop_front() else { break };
            self.with(place, |table, slot| {
                slot.life.handle_buffers();
                table.list(slot);
            });
        }
        !self.starved.borrow().is_empty()
    }

    /// The ring is gone: every connection is broken.
    pub fn handle_ring_lost(&self) {
        let mut wakers = Vec::new();
        for (_, slot) in self.slots.borrow_mut().iter_mut() {
            slot.life.handle_ring_lost();
            slot.error = slot.error.or(Some(libc::ECONNABORTED));
            self.list(slot);
            wakers.extend([slot.reader.take(), slot.writer.take()]);
        }
        self.starved.borrow_mut().clear();
        wakers.into_iter().for_each(wake);
    }

    /// Whether the loop has something to do.
    pub fn has_work(&self) -> bool {
        !self.list.borrow().is_empty() || !self.starved.borrow().is_empty()
    }

    fn wake_loop_to_ask(&self) {
        if !self.list.borrow().is_empty() {
            self.wake_loop();
        }
    }

    /// Wakes the loop, if it sleeps.
    pub fn wake_loop(&self) {
        // Also while it is awake: it may have looked already at what it is woken for.
        self.is_woken.set(true);
        let sleeper = self.sleeper.borrow_mut().take();
        wake(sleeper);
    }

    /// Whether somebody woke the loop; `waker` is woken otherwise.
    pub fn poll_woken(&self, waker: &Waker) -> Poll<()> {
        if self.is_woken.take() {
            return Poll::Ready(());
        }
        self.sleeper.replace(Some(waker.clone()));
        Poll::Pending
    }

    /// The loop is awake, and looks at everything from here on.
    pub fn awake(&self) {
        self.sleeper.replace(None);
        self.is_woken.set(false);
    }

    fn spare(&self) -> Vec<u8> {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    fn give_spare(&self, mut buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if (1..=SPARE_BYTES_MAX).contains(&buffer.capacity()) && spare.len() < SPARE_MAX {
            buffer.clear();
            spare.push(buffer);
        }
    }
}

/// Outside every borrow: a waker may be the last that holds a task, and a task its connection.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn broken(slot: &Slot) -> io::Error {
    slot.error.map_or(io::ErrorKind::BrokenPipe.into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests;
