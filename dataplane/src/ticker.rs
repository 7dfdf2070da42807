//! A thread that tells every shard now and then that time has passed. A shard that waits for a timer of its own arms it
//! before each sleep and takes it back after: two system calls a wake, which at 10,000 requests a second is two a request.
//! It never waits for a shard.

use std::io;
use std::time::Duration;

use async_channel::{Receiver, Sender, TrySendError, bounded};

/// How often. Deadlines are this much late at most.
const EVERY: Duration = Duration::from_millis(250);

/// One shard's end.
pub struct Ticks(Receiver<()>);

impl Ticks {
    /// Waits for the next tick. One that comes while another waits is the same.
    pub async fn next(&self) {
        if self.0.recv().await.is_err() {
            // The thread lives as long as anybody listens; were it gone, a shard must not turn without end.
            std::future::pending::<()>().await;
        }
    }
}

/// Starts the thread, for so many shards. It ends when none of them listens.
///
/// # Errors
/// When the system gives no thread.
pub fn start(shards: usize) -> io::Result<Vec<Ticks>> {
    let (senders, ticks): (Vec<Sender<()>>, Vec<Ticks>) =
        (0..shards).map(|_| bounded(1)).map(|(sender, receiver)| (sender, Ticks(receiver))).unzip();
    std::thread::Builder::new().name("ticks".into()).spawn(move || {
        while tick(&senders) {
            std::thread::sleep(EVERY);
        }
    })?;
    Ok(ticks)
}

/// Tells everybody. False when nobody listens.
fn tick(senders: &[Sender<()>]) -> bool {
    let heard = |sender: &Sender<()>| !matches!(sender.try_send(()), Err(TrySendError::Closed(())));
    // All of them, whoever listens.
    senders.iter().filter(|sender| heard(sender)).count() > 0
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn each_shard_hears_of_it_once_and_the_thread_ends_with_them() {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| bounded(1)).unzip();
        assert!(tick(&senders) && tick(&senders), "a shard that is busy makes nobody wait");
        let mut ticks: Vec<Ticks> = receivers.into_iter().map(Ticks).collect();
        for ticks in &ticks {
            assert!(block_on(poll_once(Box::pin(ticks.next()))).is_some());
            assert!(block_on(poll_once(Box::pin(ticks.next()))).is_none(), "two ticks are one where none was taken");
        }
        ticks.pop();
        assert!(tick(&senders), "one still listens");
        ticks.pop();
        assert!(!tick(&senders));
    }

    #[test]
    fn ticks_come_by_themselves() {
        let ticks = start(1).expect("a thread");
        for _ in 0..3 {
            block_on(ticks[0].next());
        }
    }
}
