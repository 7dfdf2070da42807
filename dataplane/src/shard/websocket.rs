//! The pump of a WebSocket: one task reads, one writes, and the core's [`Link`] says what the bytes are. What messages mean
//! is the [`Duplex`]'s business. It never decides when a connection ends; it only carries the end out.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use futures_lite::FutureExt;
use ringway_core::http::decoder::Request;
use ringway_core::identify::Lapse;
use ringway_core::refusal::Refusal;
use ringway_core::websocket::{Close, Link, Step, handshake};
use ringway_policy::Limits;

use super::Shard;
use super::connection::OUT_BYTES_MAX;
use super::control::Control;
use super::sending;
use super::socket::Socket;
use crate::answer::Reply;
use crate::duplex::output::Messages;
use crate::duplex::{Duplex, Manner, output};
use crate::net::Direction;
use crate::stall::Doing;
use crate::who::Who;

/// Calls and streams under way of one connection; one more is answered -32603.
const CALLS_MAX: usize = 256;
/// Messages that wait for a client that does not read; then the calls that make them wait, and the reading of more.
const MESSAGES_WAITING_MAX: usize = 64;
/// Their bytes; then the reading of more waits. The largest message fits, and many of the usual ones.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Answers a request for a WebSocket: 101 when the connection goes on as one.
pub fn handshake(shard: &Shard, request: Request<'_>) -> Reply {
    let accepted = match shard.draining.get() {
        true => Err(Refusal::Draining),
        false => handshake::accept(request),
    };
    match accepted {
        Ok(accepted) => {
            let reply = Reply::empty(101).field("Upgrade", "websocket").field("Connection", "Upgrade");
            let reply = reply.field("Sec-WebSocket-Accept", accepted.accept);
            match accepted.subprotocol {
                Some(name) => reply.field("Sec-WebSocket-Protocol", name),
                None => reply,
            }
        }
        Err(refusal) => {
            shard.metrics.count_refusal(refusal);
            Reply::refusal(refusal, "")
        }
    }
}

/// Serves a connection from behind its handshake to its end. `ahead` are bytes that came with the handshake.
pub async fn serve(shard: Rc<Shard>, socket: Rc<Socket>, control: Rc<Control>, who: Rc<Who>, ahead: Vec<u8>) {
    let (output, messages) = output::pair(MESSAGES_WAITING_MAX);
    let manner = Manner { calls_max: CALLS_MAX, waiting_bytes_max: WAITING_BYTES_MAX, leaves_slow: true };
    let client = Duplex::new(Rc::clone(&shard), output, manner, Some(Rc::clone(&socket)), who);
    let (wake, woken) = async_channel::bounded(1);
    let (over, is_over) = async_channel::bounded(1);
    let mut link = Link::new(shard.now());
    link.reader().feed(&ahead);
    drop(ahead);
    let pipe = Rc::new(Pipe { link: RefCell::new(link), client, is_heard: Cell::new(true), wake });
    let _attached = Attached::new(&control, &pipe);
    if shard.draining.get() {
        // The drain began between the handshake and here, and has passed this connection by.
        pipe.drain();
    }
    if let Some(lapse) = control.lapse() {
        // Its credential ended as soon.
        pipe.handle_lapse(lapse);
    }
    let writing = {
        let writer = Writer { shard: Rc::clone(&shard), socket: Rc::clone(&socket), control, pipe: Rc::clone(&pipe) };
        shard.spawn(Doing::WebSocket, async move {
            writer.run(&messages, &woken).await;
            drop(over);
        })
    };
    Reading { shard: &shard, socket: &socket, pipe: &pipe, is_over: &is_over }.run().await;
    pipe.client.end();
    pipe.wake();
    writing.await;
    sending::linger(&socket).await;
}

/// What the reader, the writer, deadlines and drain share.
pub struct Pipe {
    link: RefCell<Link>,
    client: Rc<Duplex>,
    /// Whether what the client sends is being read, and not held back by what it does not take.
    is_heard: Cell<bool>,
    wake: async_channel::Sender<()>,
}

impl Pipe {
    /// Acts on the time.
    pub fn handle_time(&self, now: Duration, limits: &Limits) {
        let mut link = self.link.borrow_mut();
        link.handle_time(now, self.is_heard.get(), limits);
        if link.has_output() {
            self.wake();
        }
    }

    /// Ends the connection when everything that was asked is answered.
    pub fn drain(&self) {
        self.client.part_if_done();
    }

    /// Ends the connection: the credential that it was opened with is worth nothing.
    pub fn handle_lapse(&self, lapse: Lapse) {
        self.client.handle_lapse(lapse);
        self.wake();
    }

    fn wake(&self) {
        // Full means that the writer was told already, closed that it is done.
        let _ = self.wake.try_send(());
    }
}

/// Shows a connection's control the pipe, for as long as it is served. What its client has going ends with it.
struct Attached {
    control: Rc<Control>,
    client: Rc<Duplex>,
}

impl Attached {
    fn new(control: &Rc<Control>, pipe: &Rc<Pipe>) -> Attached {
        control.attach(Some(Rc::clone(pipe)));
        Attached { control: Rc::clone(control), client: Rc::clone(&pipe.client) }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.control.attach(None);
        self.client.end();
    }
}

struct Reading<'c> {
    shard: &'c Rc<Shard>,
    socket: &'c Rc<Socket>,
    pipe: &'c Rc<Pipe>,
    is_over: &'c async_channel::Receiver<()>,
}

impl Reading<'_> {
    /// Reads and acts until the connection is over, or the client gone.
    async fn run(&self) {
        let Pipe { link, client, is_heard, .. } = &**self.pipe;
        loop {
            let step = link.borrow_mut().step(&self.shard.limits());
            let taken = match step {
                Step::NeedMore => None,
                Step::Over => return,
                Step::Message => {
                    // Where there is no room to have it made beside the shard, reading makes it.
                    let _ = client.prepare().await;
                    let mut link = link.borrow_mut();
                    let taken = client.read(link.message());
                    link.consume();
                    Some(taken)
                }
            };
            // A client that never stops sending has its turn, as the others have theirs.
            glommio::executor().yield_if_needed().await;
            match taken {
                Some(taken) => {
                    is_heard.set(false);
                    client.answer(taken).await;
                    self.over().or(client.room()).await;
                    is_heard.set(true);
                }
                None => {
                    if link.borrow().has_output() {
                        self.pipe.wake();
                    }
                    if !self.read().await {
                        return;
                    }
                }
            }
        }
    }

    /// Reads more bytes. False when the connection is over.
    async fn read(&self) -> bool {
        let read = poll_fn(|cx| {
            let mut link = self.pipe.link.borrow_mut();
            let reader = link.reader();
            let buffers = &self.shard.buffers;
            let count = if reader.is_empty() {
                if let Some(room) = reader.give_back() {
                    buffers.give_room(room);
                }
                let mut room = buffers.room();
                let polled = self.socket.poll_read(cx, &mut room);
                match &polled {
                    Poll::Ready(Ok(count)) if *count > 0 => reader.lend(room, *count),
                    _ => buffers.give_room(room),
                }
                ready!(polled)?
            } else {
                let count = ready!(self.socket.poll_read(cx, reader.room()))?;
                reader.filled(count);
                count
            };
            link.handle_bytes(self.shard.coarse_now.get());
            Poll::Ready(std::io::Result::Ok(count))
        });
        let over = async {
            self.over().await;
            Ok(0)
        };
        matches!(over.or(read).await, Ok(1..))
    }

    /// Waits until the writer is done.
    async fn over(&self) {
        // Nothing is ever sent: it closes with the writer.
        let _ = self.is_over.recv().await;
    }
}

struct Writer {
    shard: Rc<Shard>,
    socket: Rc<Socket>,
    control: Rc<Control>,
    pipe: Rc<Pipe>,
}

enum Next {
    Message(Vec<u8>),
    /// The client's [`Duplex`] has said its last.
    Ended,
    Woken,
}

impl Writer {
    /// Sends what there is until the connection's end is sent, or cannot be.
    async fn run(&self, messages: &Messages, woken: &async_channel::Receiver<()>) {
        let Pipe { link, client, .. } = &*self.pipe;
        let mut out = Vec::new();
        loop {
            self.gather(messages, &mut out);
            if !out.is_empty() {
                if !sending::write(&self.shard, &self.control, &self.socket, &out).await {
                    // The reader must not wait for more of a client that takes nothing.
                    return self.socket.shut_down(Direction::Both);
                }
                self.shard.buffers.give_out(std::mem::take(&mut out));
                continue;
            }
            if link.borrow().is_closing() {
                // A client that takes nothing is cut off by its deadline.
                sending::sent(&self.shard, &self.control, &self.socket).await;
                return;
            }
            let message = async { messages.recv().await.map_or(Next::Ended, Next::Message) };
            let wake = async {
                // It is never closed while this waits.
                let _ = woken.recv().await;
                Next::Woken
            };
            match message.or(wake).await {
                Next::Message(_) if client.lapse().is_some() => {}
                Next::Message(message) => {
                    out = self.shard.buffers.out();
                    link.borrow().write_message(&message, &mut out);
                }
                Next::Ended => link.borrow_mut().close(&end_of(&self.shard, client)),
                Next::Woken => {}
            }
        }
    }

    /// Appends what is ready, up to a bound.
    fn gather(&self, messages: &Messages, out: &mut Vec<u8>) {
        let mut link = self.pipe.link.borrow_mut();
        while out.len() < OUT_BYTES_MAX {
            match messages.try_recv() {
                // What waits is not for whoever shows such a credential.
                Ok(_) if self.pipe.client.lapse().is_some() => {}
                Ok(message) => link.write_message(&message, out),
                Err(async_channel::TryRecvError::Empty) => break,
                Err(async_channel::TryRecvError::Closed) => {
                    link.close(&end_of(&self.shard, &self.pipe.client));
                    break;
                }
            }
        }
        link.poll_output(out);
    }
}

fn end_of(shard: &Shard, client: &Duplex) -> Close {
    if client.lapse().is_some() {
        Close::ours(Close::POLICY, "The token or key is not valid here any more")
    } else if client.was_slow() {
        Close::ours(Close::POLICY, "The client reads more slowly than it asks")
    } else if shard.draining.get() {
        Close::ours(Close::GOING_AWAY, "The server ends")
    } else {
        // One that has only ended its sending still hears why.
        Close::ours(Close::PROTOCOL, "The client ended without a Close")
    }
}
