//! How bytes leave a connection: by a deadline, and in the end so that the client sees them. It never looks at what they say.

use std::io;
use std::time::Duration;

use super::Shard;
use super::control::Control;
use super::socket::Socket;
use crate::answer::poll_now;
use crate::net::Direction;

/// How long what a refused client still sends is read, so that it gets to see the answer instead of a reset.
pub const LINGER: Duration = Duration::from_secs(1);

/// Sends bytes. False when the client is gone or takes no more.
pub async fn write(shard: &Shard, control: &Control, socket: &Socket, bytes: &[u8]) -> bool {
    let blocked = || control.write_is_blocked(shard.coarse_now.get());
    timed(control, blocked, socket.write_all(bytes, blocked)).await
}

/// Waits until what was written has gone out. False as [`write`].
pub async fn sent(shard: &Shard, control: &Control, socket: &Socket) -> bool {
    let blocked = || control.write_is_blocked(shard.coarse_now.get());
    timed(control, blocked, socket.sent(blocked)).await
}

/// Waits for a write by its deadline: a client that takes nothing is cut off.
async fn timed(control: &Control, blocked: impl Fn(), write: impl Future<Output = io::Result<()>>) -> bool {
    let mut write = std::pin::pin!(write);
    let outcome = match poll_now(&mut write).await {
        Some(outcome) => outcome,
        None => {
            blocked();
            write.await
        }
    };
    control.update(|progress| progress.write_blocked_since = None);
    outcome.is_ok()
}

/// Ends the output, then reads and drops what the client still sends for a moment: closing with unread bytes would reset
/// the connection, and the client would never see the answer.
pub async fn linger(socket: &Socket) {
    let drain = async {
        if socket.finish().await.is_err() {
            return;
        }
        socket.shut_down(Direction::Write);
        let mut sink = vec![0; 16 << 10];
        while matches!(socket.read(&mut sink).await, Ok(1..)) {}
    };
    crate::context::within(LINGER, drain).await;
}
