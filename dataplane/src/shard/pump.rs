//! Which pump a shard's client sockets are on: the ring where it was chosen and the kernel grants it, glommio's own
//! otherwise. It starts and ends them; it never serves a connection.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Shard, accept};
use crate::ring::bell::Bell;
use crate::ring::event_loop::{EventLoop, Setup};
use crate::ring::table::Table;
use crate::stall::Doing;

/// How long what is closed may take to be gone.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// The pump of one shard.
pub enum Pump {
    /// One task a listener.
    Glommio(Vec<glommio::Task<()>>),
    /// One task for all.
    Ring(glommio::Task<()>, Rc<Table>),
}

impl Pump {
    /// Begins to accept, each listener with whether it serves MCP.
    ///
    /// # Errors
    /// When there is to be a ring, and the kernel grants none any more.
    pub fn start(shard: &Rc<Shard>, listeners: Vec<(TcpListener, bool)>) -> io::Result<Pump> {
        let ring = shard
            .observatory
            .io
            .as_ref()
            .and_then(|io| Some((io.ring_buffers?, io.is_required)))
            .filter(|_| !listeners.is_empty());
        let Some((buffer_count, is_required)) = ring else {
            return Ok(Pump::on_glommio(shard, listeners));
        };
        let (error, listeners) = match Pump::on_ring(shard, buffer_count, listeners) {
            Ok(pump) => return Ok(pump),
            Err(failed) => failed,
        };
        if is_required {
            return Err(error);
        }
        tracing::warn!(%error, shard = shard.id, "no ring for this shard; its client sockets are on glommio's");
        Ok(Pump::on_glommio(shard, listeners))
    }

    fn on_ring(
        shard: &Rc<Shard>,
        buffer_count: u16,
        listeners: Vec<(TcpListener, bool)>,
    ) -> Result<Pump, (io::Error, Vec<(TcpListener, bool)>)> {
        let bell = match Bell::new() {
            Ok(bell) => Arc::new(bell),
            Err(error) => return Err((error, listeners)),
        };
        match EventLoop::new(shard, Setup { listeners, bell: Arc::clone(&bell), buffer_count }) {
            Err((error, setup)) => Err((error, setup.listeners)),
            Ok(event_loop) => {
                shard.mailboxes.hang(shard.id, bell);
                shard.observatory.shard_is_on_ring();
                let table = event_loop.table();
                // Not watched as other tasks are: it is meant to keep the shard while there is nothing else to do.
                Ok(Pump::Ring(glommio::spawn_local(event_loop.run()), table))
            }
        }
    }

    fn on_glommio(shard: &Rc<Shard>, listeners: Vec<(TcpListener, bool)>) -> Pump {
        let accept =
            |(listener, serves_mcp)| shard.spawn(Doing::Accept, accept::run(Rc::clone(shard), listener, serves_mcp));
        Pump::Glommio(listeners.into_iter().map(accept).collect())
    }

    /// Closes the listeners. Called when the shard drains.
    pub async fn accept_no_more(self) -> Pump {
        match self {
            Pump::Glommio(tasks) => {
                for task in tasks {
                    task.cancel().await;
                }
                Pump::Glommio(Vec::new())
            }
            Pump::Ring(task, table) => {
                table.wake_loop();
                Pump::Ring(task, table)
            }
        }
    }

    /// Ends with the shard, when its connections are served or cut off.
    pub async fn end(self, shard: &Shard) {
        shard.is_over.set(true);
        if let Pump::Ring(task, table) = self {
            table.wake_loop();
            // A connection whose task never lets go of it is left to the end of the thread.
            if crate::context::within(CLOSE_TIME_MAX, task).await.is_none() {
                tracing::warn!(shard = shard.id, connections = table.count(), "the ring did not end in time");
            }
        }
    }
}
