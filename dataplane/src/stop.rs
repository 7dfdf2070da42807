//! Ends a task from outside it. It stands in for glommio's join handles, which must not be dropped by the task they
//! belong to: glommio 0.9 then never drops the task's future, and with it whatever that holds.

use futures_lite::FutureExt;

/// Ends the work it was made for. Dropping it does not.
#[derive(Clone)]
pub struct Stop(async_channel::Sender<()>);

/// The other end, which the work runs under.
pub struct Stopped(async_channel::Receiver<()>);

/// A pair of ends.
pub fn pair() -> (Stop, Stopped) {
    let (stop, stopped) = async_channel::bounded(1);
    (Stop(stop), Stopped(stopped))
}

impl Stop {
    /// Ends the work at its next turn, wherever it waits. Work that is over stays as it is.
    pub fn stop(&self) {
        // Full means that it was told already, closed that it is over.
        let _ = self.0.try_send(());
    }
}

impl Stopped {
    /// Runs `work` to its end, or until it is stopped; then it is dropped where it waits.
    pub async fn run(self, work: impl Future<Output = ()>) {
        let told = async {
            if self.0.recv().await.is_err() {
                // Nobody can tell it any more.
                std::future::pending::<()>().await;
            }
        };
        // Told first: what is ready at the same turn is not sent any more.
        told.or(work).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::rc::Rc;

    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn only_stopping_stops() {
        let held = Rc::new(());
        let of_work = Rc::clone(&held);
        let (stop, stopped) = pair();
        let mut work = Box::pin(stopped.run(async move {
            let _held = of_work;
            pending::<()>().await;
        }));
        assert_eq!(block_on(poll_once(&mut work)), None);
        assert_eq!(Rc::strong_count(&held), 2);
        stop.stop();
        stop.clone().stop();
        assert_eq!(block_on(poll_once(&mut work)), Some(()));
        assert_eq!(Rc::strong_count(&held), 1);

        let (stop, stopped) = pair();
        drop(stop);
        assert_eq!(block_on(poll_once(stopped.run(pending()))), None);
    }
}
