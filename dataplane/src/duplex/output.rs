//! The way of a client's messages out, bounded by their number, and known by their bytes: large messages must not wait in
//! numbers that small ones may. It never drops a message, and never looks at one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_channel::{Receiver, Sender, TryRecvError};

/// What waits: its bytes, and a word whenever there are fewer. A writer may be another thread.
struct Gauge {
    bytes: AtomicUsize,
    freed: Sender<()>,
}

/// Counts a message for as long as it waits.
struct Waits {
    bytes: usize,
    gauge: Arc<Gauge>,
}

impl Waits {
    fn new(bytes: usize, gauge: &Arc<Gauge>) -> Waits {
        gauge.bytes.fetch_add(bytes, Ordering::Relaxed);
        Waits { bytes, gauge: Arc::clone(gauge) }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.gauge.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        // Full means that it was said already, closed that nobody listens.
        let _ = self.gauge.freed.try_send(());
    }
}

/// Where messages go in. Who sends more than `messages_max` waits, and with it the call that speaks.
pub struct Output {
    messages: Sender<(Vec<u8>, Waits)>,
    gauge: Arc<Gauge>,
    freed: Receiver<()>,
}

/// Where they come out.
pub struct Messages(Receiver<(Vec<u8>, Waits)>);

/// Both ends.
pub fn pair(messages_max: usize) -> (Output, Messages) {
    let (messages, messages_end) = async_channel::bounded(messages_max);
    let (freed, freed_end) = async_channel::bounded(1);
    let gauge = Arc::new(Gauge { bytes: AtomicUsize::new(0), freed });
    (Output { messages, gauge, freed: freed_end }, Messages(messages_end))
}

impl Output {
    /// Sends a message, which is dropped when the client is gone or going.
    pub async fn send(&self, message: Vec<u8>) {
        let waits = Waits::new(message.len(), &self.gauge);
        let _ = self.messages.send((message, waits)).await;
    }

    /// Ends it behind what waits.
    pub fn close(&self) {
        self.messages.close();
    }

    /// Bytes that wait, those included whose sender waits.
    pub fn waiting_bytes(&self) -> usize {
        self.gauge.bytes.load(Ordering::Relaxed)
    }

    /// Waits until fewer bytes wait than `bytes_max`. For one caller at a time: a second would not be woken.
    pub async fn room(&self, bytes_max: usize) {
        while self.waiting_bytes() >= bytes_max && self.freed.recv().await.is_ok() {}
    }
}

impl Messages {
    /// The next message; `None` behind the last.
    pub async fn recv(&self) -> Option<Vec<u8>> {
        self.0.recv().await.ok().map(|(message, _)| message)
    }

    /// The next message that is there already.
    pub fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        self.0.try_recv().map(|(message, _)| message)
    }

    /// The next message, waited for by a thread.
    pub fn recv_blocking(&self) -> Option<Vec<u8>> {
        self.0.recv_blocking().ok().map(|(message, _)| message)
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn what_waits_is_known_and_what_is_taken_makes_room() {
        let (output, messages) = pair(2);
        block_on(output.send(vec![0; 6]));
        block_on(output.send(vec![0; 4]));
        let mut third = Box::pin(output.send(vec![0; 5]));
        assert_eq!(block_on(poll_once(&mut third)), None);
        assert_eq!(output.waiting_bytes(), 15, "one whose sender waits, waits");
        drop(third);
        assert_eq!(output.waiting_bytes(), 10, "one that was given up does not");
        let mut room = Box::pin(output.room(5));
        assert_eq!(block_on(poll_once(&mut room)), None);
        assert_eq!(block_on(messages.recv()).map(|message| message.len()), Some(6));
        assert_eq!(block_on(poll_once(&mut room)), Some(()));
        output.close();
        block_on(output.send(vec![0; 9]));
        assert_eq!(messages.recv_blocking().map(|message| message.len()), Some(4));
        assert_eq!((messages.recv_blocking(), output.waiting_bytes()), (None, 0));
    }
}
