//! What the process says of itself: liveness, readiness, health, state, metrics. Shards leave numbers; one thread beside
//! them adds these up and renders them, and only the two probes that load balancers ask are answered on the shard.

mod compatibility;

mod observer;

pub mod process;

mod prometheus;

pub mod report;

use std::ops::Deref;
use std::sync::Arc;

use ringway_core::http::response;
use ringway_core::request_path::Route;
use serde_json::json;

use crate::answer::Reply;
use crate::cold::{Cold, Unanswered};
use crate::health::{Check, Checks, checks};
use crate::shard::Shard;
pub use observer::Observer;
use process::Process;

/// Scrapes, probes and tools that wait for the thread.
const WAITING_MAX: usize = 256;
/// Those of them that are not for `/health`: however many scrape, a load balancer hears how the server is.
const OTHERS_MAX: usize = WAITING_MAX / 2;

/// The process with the thread that observes it.
pub struct Observatory {
    process: Arc<Process>,
    observer: Cold<Observer>,
    /// One more than waits for anything but `/health`: each question holds one.
    others: Arc<()>,
}

impl Deref for Observatory {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Observatory {
    /// Observes a process, with these health checks besides its own.
    pub fn new(process: Process, added: &[Check]) -> Arc<Observatory> {
        let process = Arc::new(process);
        let all = [checks::all(&process), added.to_vec()].concat();
        let of_thread = Arc::clone(&process);
        let observer = Cold::start("observer", WAITING_MAX, move || Observer::new(of_thread, Checks::new(all)));
        Arc::new(Observatory { process, observer, others: Arc::default() })
    }

    /// Asks the thread that observes.
    ///
    /// # Errors
    /// When too many wait for it already, or it has ended with its shards.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Observer) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        if Arc::strong_count(&self.others) > OTHERS_MAX {
            return Err(Unanswered::Full);
        }
        // Held by the question, which waits on when whoever asked is gone.
        let place = Arc::clone(&self.others);
        let asked = self.observer.ask(move |observer| {
            let _place = place;
            question(observer)
        });
        asked.await
    }

    /// Asks for `/health`, for which there is room when there is none for others.
    async fn ask_health(&self) -> Result<(u16, Vec<u8>), Unanswered> {
        let health = |observer: &mut Observer| {
            let (status, body) = report::health(observer);
            (status, body.to_string().into_bytes())
        };
        self.observer.ask(health).await
    }
}

/// The answer to a health, metrics or status request.
pub async fn answer(shard: &Shard, route: Route) -> Reply {
    let observatory = Arc::clone(&shard.observatory);
    let text = |status, body: Vec<u8>| Reply { content_type: Some(response::TEXT), ..Reply::json(status, body) };
    let rendered = match route {
        Route::Livez => return text(200, b"ok\n".to_vec()),
        Route::Readyz if observatory.is_ready() => return text(200, b"ready\n".to_vec()),
        Route::Readyz => return text(503, b"not ready\n".to_vec()).field("Retry-After", "1"),
        Route::Metrics => {
            let sets = shard.policy().metrics;
            let rendered = observatory.ask(move |observer| prometheus::text(&observer.view(), sets)).await;
            rendered.map(|body| Reply {
                content_type: Some("text/plain; version=0.0.4; charset=utf-8"),
                ..Reply::json(200, body)
            })
        }
        Route::Health => observatory.ask_health().await.map(|(status, body)| Reply::json(status, body)),
        _ => {
            let rendered = observatory.ask(|observer| report::status(observer).to_string().into_bytes());
            rendered.await.map(|body| Reply::json(200, body))
        }
    };
    rendered.unwrap_or_else(|_| {
        let body = json!({ "status": "unhealthy", "message": "Too many ask at once, or the process ends" });
        Reply::json(503, body.to_string().into_bytes()).field("Retry-After", "1")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures_lite::future::{block_on, poll_once};

    use super::*;
    use crate::catalog::Parts;
    use crate::handle::ServerHandle;

    /// Goal: a flood of scrapes, left or not, does not make the server look ill. Method: the thread waits at a gate.
    #[test]
    fn health_has_room_when_scrapes_have_none() {
        let observatory = Observatory::new(Process::new(1, ServerHandle::new(Parts::default()), None), &[]);
        let (entered, begun) = channel();
        let (gate, release) = channel::<()>();
        let mut busy = Box::pin(observatory.ask(move |_| {
            let _ = entered.send(());
            let _ = release.recv();
        }));
        assert!(block_on(poll_once(&mut busy)).is_none());
        begun.recv().expect("the thread is at it");
        let refused = (0..2 * WAITING_MAX).filter(|_| {
            let asked = block_on(poll_once(Box::pin(observatory.ask(|_| ()))));
            asked.is_some_and(|asked| asked == Err(Unanswered::Full))
        });
        assert_eq!(refused.count(), 2 * WAITING_MAX - (OTHERS_MAX - 1));
        let mut health = Box::pin(observatory.ask_health());
        assert!(block_on(poll_once(&mut health)).is_none(), "it waits for its turn");
        drop(gate);
        assert!(block_on(health).is_ok());
        assert_eq!(block_on(observatory.ask(|_| 7)), Ok(7), "there is room again");
    }
}
