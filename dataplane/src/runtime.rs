//! What a tool may await besides its own futures, without knowing the executor. It never blocks the shard.

use std::time::Duration;

/// Waits.
pub async fn sleep(time: Duration) {
    glommio::timer::sleep(time).await;
}

/// Runs something that blocks, or computes for long, on a thread beside the shard, and waits for its result.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    glommio::executor().spawn_blocking(work).await
}
