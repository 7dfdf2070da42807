//! The ring as the shard's own code sees it: requests in, completions out, and no way to free what the kernel still uses.
//! Bytes to send are owned here until they are sent, received ones are lent while one completion is looked at. It decides
//! nothing.

use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use ringway_core::ring::token::{Place, Token};

use super::buffers::{BufferRing, GROUP};

/// Requests that are submitted together; more are submitted before.
const SUBMIT_MAX: u32 = 1024;
/// Completions that may wait; the kernel keeps more aside, which costs.
const COMPLETIONS_MAX: u32 = 4096;
/// `IORING_ENTER_GETEVENTS`: only with it does the kernel complete what it has put off (`IORING_SETUP_DEFER_TASKRUN`).
const GETEVENTS: u32 = 1;
/// Buffers are shown to the kernel again after so many at the latest.
const PUBLISH_EVERY: u16 = 64;
/// How long a ring that ends waits for what it has cancelled.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// One completion.
pub enum Completion<'r> {
    /// A connection was accepted, or could not be; `goes_on` if more may come.
    Accepted {
        /// The listener.
        listener: u32,
        /// Its socket.
        result: io::Result<OwnedFd>,
        /// Whether accepting goes on.
        goes_on: bool,
    },
    /// Bytes were received: none at the end.
    Received {
        /// The connection.
        place: Place,
        /// The bytes, to be copied now.
        result: io::Result<&'r [u8]>,
        /// Whether receiving goes on.
        goes_on: bool,
    },
    /// So many bytes were sent. What was given to be sent comes back.
    Sent {
        /// The connection.
        place: Place,
        /// How many bytes went.
        result: io::Result<usize>,
        /// All bytes, sent or not.
        bytes: Vec<u8>,
    },
    /// A cancellation was looked after, whatever it found.
    Cancelled(Place),
    /// The tick.
    Tick,
    /// Somebody rang; `goes_on` if the bell is still watched.
    Bell {
        /// Whether it is still watched.
        goes_on: bool,
    },
}

/// When to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once or not at all: it completes while it is submitted.
    Now {
        /// Whether somebody waits for its completion.
        is_awaited: bool,
    },
    /// When there is room, since there was none.
    Room,
}

/// A ring with its buffers.
pub struct Uring {
    ring: ManuallyDrop<IoUring>,
    buffers: ManuallyDrop<BufferRing>,
    /// By place: what the kernel sends.
    sending: ManuallyDrop<Vec<Vec<u8>>>,
    tick: Box<Timespec>,
    /// Requests that have not completed for good.
    under_way: u32,
    /// Of those submitted next, such that complete at once and let nobody go on.
    quick: u32,
    /// Buffers given back since they were shown.
    unpublished: u16,
    /// What the kernel refused while the queue was full.
    refused: Option<io::Error>,
}

impl Uring {
    /// A ring with so many buffers, a power of two, of so many bytes each. To be made on the thread that uses it.
    ///
    /// # Errors
    /// What the kernel lacks or refuses.
    pub fn new(buffer_count: u16, buffer_bytes: u32) -> io::Result<Uring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS_MAX)
            .dontfork()
            .build(SUBMIT_MAX)?;
        let buffers = BufferRing::new(buffer_count, buffer_bytes);
        // SAFETY: they are freed in `drop`, and only when nothing is under way any more.
        unsafe { buffers.register(&ring.submitter())? };
        Ok(Uring {
            ring: ManuallyDrop::new(ring),
            buffers: ManuallyDrop::new(buffers),
            sending: ManuallyDrop::default(),
            tick: Box::new(Timespec::new()),
            under_way: 0,
            quick: 0,
            unpublished: 0,
            refused: None,
        })
    }

    /// Takes connections off a listener until told otherwise.
    pub fn accept(&mut self, listener: RawFd, index: u32) {
        let flags = libc::SOCK_CLOEXEC;
        self.push(opcode::AcceptMulti::new(Fd(listener)).flags(flags).build(), Token::Accept(index));
    }

    /// Takes no more of them; nobody hears of the end of that.
    pub fn cancel_accept(&mut self, index: u32) {
        self.push(opcode::AsyncCancel::new(Token::Accept(index).to_bits()).build(), Token::Nobody);
    }

    /// Receives until told otherwise.
    pub fn receive(&mut self, fd: RawFd, place: Place) {
        self.push(opcode::RecvMulti::new(Fd(fd), GROUP).build(), Token::Receive(place));
    }

    /// Sends of `bytes` as many as go: at once, or when the client takes some. One send a place at a time.
    pub fn send(&mut self, fd: RawFd, bytes: Vec<u8>, place: Place, when: When) {
        let index = place.index as usize;
        if self.sending.len() <= index {
            self.sending.resize_with(index + 1, Vec::new);
        }
        debug_assert!(self.sending[index].is_empty(), "one send a place at a time");
        // The kernel reads from the heap, which does not move with the Vec.
        let send = opcode::Send::new(Fd(fd), bytes.as_ptr(), u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.sending[index] = bytes;
        let flags = match when {
            When::Room => libc::MSG_NOSIGNAL,
            When::Now { is_awaited } => {
                self.quick += u32::from(!is_awaited);
                libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT
            }
        };
        self.push(send.flags(flags).build(), Token::Send(place));
    }

    /// Ends receiving.
    pub fn cancel_receive(&mut self, place: Place) {
        let receive = Token::Receive(place).to_bits();
        self.push(opcode::AsyncCancel::new(receive).build(), Token::Cancel(place));
    }

    /// Ends what is under way on a connection's descriptor.
    pub fn cancel_all(&mut self, fd: RawFd, place: Place) {
        self.push(opcode::AsyncCancel2::new(CancelBuilder::fd(Fd(fd)).all()).build(), Token::Cancel(place));
    }

    /// Completes after `time`. One at a time.
    pub fn tick(&mut self, time: Duration) {
        *self.tick = Timespec::from(time);
        // The kernel copies the time when it is submitted.
        let timeout = opcode::Timeout::new(&raw const *self.tick).build();
        self.push(timeout, Token::Tick);
    }

    /// Completes whenever somebody writes to an eventfd, until told otherwise.
    pub fn watch_bell(&mut self, bell: RawFd) {
        self.push(opcode::PollAdd::new(Fd(bell), libc::POLLIN as u32).multi(true).build(), Token::Bell);
    }

    /// Signals this eventfd when something completes, while [`Uring::signal`] says so.
    ///
    /// # Errors
    /// As the kernel refuses it.
    pub fn register_signal(&mut self, eventfd: RawFd) -> io::Result<()> {
        self.ring.submitter().register_eventfd(eventfd)?;
        self.signal(false);
        Ok(())
    }

    /// Whether to signal.
    pub fn signal(&mut self, signals: bool) {
        let completions = self.ring.completion();
        if signals { completions.enable_eventfd() } else { completions.disable_eventfd() }
    }

    /// Whether there is something that no signal will tell of.
    pub fn has_news(&mut self) -> bool {
        // The kernel's view of whether to signal, and ours of whether there is something, must not pass each other.
        fence(Ordering::SeqCst);
        let submission = self.ring.submission();
        // What the kernel did not take is to be handed to it again.
        let is_put_off = submission.taskrun() || submission.cq_overflow() || !submission.is_empty();
        drop(submission);
        is_put_off || !self.ring.completion().is_empty()
    }

    /// Submits, and if it `waits`, waits until something completes. What the kernel does not take now goes with the next.
    ///
    /// # Errors
    /// As the kernel says; being interrupted is none, nor is having to try again. After others than those of memory nothing
    /// can be asked any more, or completions are lost: the ring is to be dropped.
    pub fn enter(&mut self, waits: bool) -> io::Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        self.publish();
        let count = self.ring.submission().len() as u32;
        // What is waited for is one more than those that complete at once.
        let quick = mem::take(&mut self.quick);
        let wanted = if waits { quick + 1 } else { 0 };
        // SAFETY: no argument is given, and every entry's memory is kept as the functions that made it say.
        match unsafe { self.ring.submitter().enter::<libc::sigset_t>(count, wanted, GETEVENTS, None) } {
            Err(error) if !is_passing(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Hands out up to `count_max` completions; how many there were.
    pub fn reap(&mut self, count_max: usize, mut handle: impl FnMut(Completion<'_>)) -> usize {
        let mut count = 0;
        while count < count_max {
            let Some(entry) = self.ring.completion().next() else { break };
            count += 1;
            let goes_on = cqueue::more(entry.flags());
            self.under_way -= u32::from(!goes_on);
            let result = if entry.result() < 0 {
                Err(io::Error::from_raw_os_error(-entry.result()))
            } else {
                Ok(entry.result() as usize)
            };
            match Token::from_bits(entry.user_data()) {
                Token::Accept(listener) => {
                    // SAFETY: the kernel just made it for us, and nobody else knows it.
                    let result = result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
                    handle(Completion::Accepted { listener, result, goes_on });
                }
                Token::Receive(place) => {
                    let buffer = cqueue::buffer_select(entry.flags());
                    let result = result.map(|count| match buffer {
                        // SAFETY: the completion names it, and it is given back below.
                        Some(buffer) => unsafe { self.buffers.filled(buffer, count) }.unwrap_or_default(),
                        None => &[],
                    });
                    handle(Completion::Received { place, result, goes_on });
                    if let Some(buffer) = buffer {
                        self.give(buffer);
                    }
                }
                Token::Send(place) => {
                    let bytes = self.sending.get_mut(place.index as usize).map(mem::take).unwrap_or_default();
                    handle(Completion::Sent { place, result, bytes });
                }
                Token::Cancel(place) => handle(Completion::Cancelled(place)),
                Token::Tick => handle(Completion::Tick),
                Token::Bell => handle(Completion::Bell { goes_on }),
                Token::Nobody => {}
            }
        }
        count
    }

    fn give(&mut self, buffer: u16) {
        self.buffers.give(buffer);
        self.unpublished += 1;
        if self.unpublished >= PUBLISH_EVERY {
            self.publish();
        }
    }

    fn publish(&mut self) {
        if mem::take(&mut self.unpublished) > 0 {
            self.buffers.publish();
        }
    }

    fn push(&mut self, entry: squeue::Entry, token: Token) {
        let entry = entry.user_data(token.to_bits());
        self.under_way += 1;
        loop {
            // SAFETY: what the entry points to stays until it completes: bytes to send in `sending`, the tick in its box,
            // received bytes in `buffers`; and all of them until then when this ends, as `drop` says.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            // The queue is full: what is in it goes first.
            match self.ring.submit() {
                Ok(_) => {}
                Err(error) if is_passing(&error) || is_of_memory(&error) => std::thread::yield_now(),
                Err(error) => {
                    // It stays under way for ever, and so does what it points to.
                    self.refused = Some(error);
                    return;
                }
            }
        }
    }

    /// Cancels everything and waits for its end; whether there is an end.
    fn end(&mut self) -> bool {
        self.push(opcode::AsyncCancel2::new(CancelBuilder::any().all()).build(), Token::Nobody);
        let slice = Timespec::from(END_TIME_MAX / 100);
        for _ in 0..100 {
            let args = SubmitArgs::new().timespec(&slice);
            // A time-out or an interruption is looked at below like everything else.
            let _ = self.ring.submitter().submit_with_args(1, &args);
            self.reap(usize::MAX, |completion| drop(completion));
            if self.under_way == 0 {
                return true;
            }
        }
        false
    }
}

/// Whether the same is to be asked again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY | libc::EAGAIN))
}

/// Whether the kernel lacks memory at this moment.
pub fn is_of_memory(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS))
}

impl Drop for Uring {
    fn drop(&mut self) {
        let has_ended = self.end();
        // SAFETY: nothing is used after this, and each is dropped once. The ring goes first.
        unsafe {
            ManuallyDrop::drop(&mut self.ring);
            if has_ended {
                ManuallyDrop::drop(&mut self.buffers);
                ManuallyDrop::drop(&mut self.sending);
            }
        }
        if !has_ended {
            // Better lost than used by others while the kernel writes to it.
            tracing::error!(under_way = self.under_way, "a ring did not end in time; its memory is left to the kernel");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    /// A small ring; absent where the kernel grants none, unless `RINGWAY_TEST_DRIVER` says that it does.
    fn ring() -> Option<Uring> {
        let made = Uring::new(4, 64);
        assert!(made.is_ok() || std::env::var("RINGWAY_TEST_DRIVER").as_deref() != Ok("ring"), "{:?}", made.err());
        made.ok()
    }

    /// Both ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens");
        (client, listener.accept().expect("a client").0)
    }

    /// Enters and reaps until `is_done`.
    fn turn_until(ring: &mut Uring, mut handle: impl FnMut(Completion<'_>), is_done: impl Fn() -> bool) {
        while !is_done() {
            ring.enter(true).expect("the ring turns");
            ring.reap(usize::MAX, &mut handle);
        }
    }

    #[test]
    fn bytes_come_through_few_buffers_and_go_back() {
        let Some(mut ring) = ring() else { return };
        let (mut client, server) = pair();
        let place = Place::new(3, 1);
        let sent: Vec<u8> = (0..240).collect();
        client.write_all(&sent).expect("room");
        let came = std::cell::RefCell::new(Vec::new());
        let is_armed = std::cell::Cell::new(true);
        ring.receive(server.as_raw_fd(), place);
        // Four buffers hold 256 bytes; what was lent comes back, so that as much again has room.
        for round in 1..=3 {
            let handle = |completion: Completion<'_>| {
                let Completion::Received { place: of, result, goes_on } = completion else { panic!("only bytes come") };
                assert_eq!(of, place);
                came.borrow_mut().extend_from_slice(result.unwrap_or_default());
                is_armed.set(goes_on);
            };
            turn_until(&mut ring, handle, || came.borrow().len() == 240 * round || !is_armed.get());
            if !is_armed.replace(true) {
                ring.receive(server.as_raw_fd(), place);
            }
            if came.borrow().len() == 240 * round {
                client.write_all(&sent).expect("room");
            }
        }
        let came = came.into_inner();
        assert!(came.chunks(240).all(|chunk| chunk == &sent[..chunk.len()]), "in order, whole");
        let done = std::cell::Cell::new(None);
        ring.send(server.as_raw_fd(), came.clone(), place, When::Now { is_awaited: true });
        let handle = |completion: Completion<'_>| {
            if let Completion::Sent { result, bytes, .. } = completion {
                done.set(Some((result.expect("room"), bytes.len())));
            }
        };
        turn_until(&mut ring, handle, || done.get().is_some());
        assert_eq!(done.get(), Some((came.len(), came.len())), "what was given to be sent comes back");
        let mut answer = vec![0; came.len()];
        client.read_exact(&mut answer).expect("it was sent");
        assert_eq!(answer, came);
    }

    #[test]
    fn a_send_without_room_says_so_at_once_or_waits() {
        let Some(mut ring) = ring() else { return };
        let (_client, server) = pair();
        let place = Place::new(0, 1);
        let is_full = std::cell::Cell::new(false);
        while !is_full.get() {
            ring.send(server.as_raw_fd(), vec![7; 1 << 20], place, When::Now { is_awaited: true });
            let count = std::cell::Cell::new(0);
            let handle = |completion: Completion<'_>| {
                let Completion::Sent { result, bytes, .. } = completion else { panic!("only sends complete") };
                is_full.set(!matches!(result, Ok(sent) if sent == bytes.len()));
                count.set(1);
            };
            turn_until(&mut ring, handle, || count.get() == 1);
        }
        // One that waits for room is under way when the ring ends, as is a receive.
        ring.send(server.as_raw_fd(), vec![7; 1 << 20], place, When::Room);
        ring.receive(server.as_raw_fd(), place);
        ring.enter(false).expect("it is taken");
        assert_eq!(ring.reap(usize::MAX, |_| ()), 0);
        assert!(ring.end(), "everything was cancelled and has completed");
    }

    #[test]
    fn what_completes_is_signalled_while_it_is_asked_for() {
        let Some(mut ring) = ring() else { return };
        let eventfd = crate::ring::bell::eventfd(libc::EFD_NONBLOCK).expect("a descriptor");
        ring.register_signal(eventfd.as_raw_fd()).expect("registered");
        let mut eventfd: std::fs::File = eventfd.into();
        let (mut client, server) = pair();
        ring.receive(server.as_raw_fd(), Place::new(0, 1));
        ring.enter(false).expect("it is taken");
        let mut count = [0; 8];
        for signals in [false, true] {
            ring.signal(signals);
            client.write_all(b"x").expect("room");
            // The bytes are the kernel's to bring; they are there once it says so.
            while !ring.has_news() {
                std::thread::yield_now();
            }
            assert_eq!(eventfd.read(&mut count).is_ok(), signals);
            ring.enter(false).expect("the ring turns");
            ring.reap(usize::MAX, |_| ());
        }
    }
}
