//! Notices that the configuration changed, by SIGHUP or by looking at its file, and has it applied. What is bad is
//! told, and what was in force stays. It runs on a thread of its own and never holds a shard up.
//!
//! Looking is polling: it works on every file system, through links (a ConfigMap is one that is swapped) and renames
//! (an editor's way of saving), at the price of one `stat` a second.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

use super::problem::Problem;
use super::{Config, Sources, load, reload};

/// Between two looks at a file that is being written.
const SETTLE: Duration = Duration::from_millis(100);
/// Looks at a file that never stays the same, after which it is read as it is.
const SETTLE_LOOKS_MAX: u32 = 20;

/// Why it is read again.
const SIGNAL: &str = "SIGHUP";
const FILE: &str = "file";
const PUBLISHED: &str = "published keys";

/// Puts what may change in force.
type Apply = Box<dyn Fn(&Config) + Send>;

/// Takes SIGHUP from its creation on, so that one that comes while the server starts does not end it.
pub struct Watch {
    signals: Signals,
}

impl Watch {
    /// Takes SIGHUP.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> std::io::Result<Watch> {
        Ok(Watch { signals: Signals::new([SIGHUP])? })
    }

    /// Watches from a thread of its own, until the process ends. `apply` puts in force what may change. Where there is
    /// no thread to be had the server runs on, with the configuration it began with.
    pub fn start(self, mut sources: Sources, config: Config, apply: impl Fn(&Config) + Send + 'static) {
        let Watch { mut signals } = self;
        let (sender, receiver) = channel();
        sources.tls = config.tls.clone();
        let mut watcher = Watcher { sources, config, apply: Box::new(apply) };
        let forward = move || {
            for _ in signals.forever() {
                if sender.send(()).is_err() {
                    return;
                }
            }
        };
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let started = named("config-signal")
            .spawn(forward)
            .and_then(|_| named("config-watch").spawn(move || watcher.run(&receiver)));
        if let Err(error) = started {
            tracing::error!(%error, "the configuration is not watched; a change needs a restart");
        }
    }
}

struct Watcher {
    sources: Sources,
    config: Config,
    apply: Apply,
}

impl Watcher {
    fn run(&mut self, signalled: &Receiver<()>) {
        loop {
            let reload = &self.config.settings.reload;
            // Without a file there is nothing to look at, and a signal comes when it comes.
            let looks = reload.watch && self.sources.has_files();
            let told = if looks {
                signalled.recv_timeout(reload.check_every)
            } else {
                signalled.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match told {
                Ok(()) => {
                    // Several signals are one wish.
                    while signalled.try_recv().is_ok() {}
                    self.reload(SIGNAL);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.sources.has_changed() {
                        self.settle();
                        self.reload(FILE);
                    } else if self.sources.published.refresh(&self.config.settings) {
                        self.reload(PUBLISHED);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Waits until the file stays as it is: whoever writes it may not be done.
    fn settle(&self) {
        let stamps = || {
            let settings = &self.config.settings;
            (self.sources.stamp(), super::tls::stamps(settings), super::access::stamps(settings))
        };
        let mut before = stamps();
        for _ in 0..SETTLE_LOOKS_MAX {
            std::thread::sleep(SETTLE);
            let after = stamps();
            let is_there = after.0.is_some() || self.sources.file.is_none();
            if after == before && is_there {
                return;
            }
            before = after;
        }
    }

    fn reload(&mut self, cause: &str) {
        match load(&mut self.sources) {
            Ok(new) => self.take(new, cause),
            Err(problems) => refuse(&problems, cause),
        }
    }

    fn take(&mut self, new: Config, cause: &str) {
        let outcome = reload::compare(&self.config, new);
        outcome.in_force.log_warnings(&self.config.warnings);
        for change in &outcome.changed {
            tracing::info!(
                key = change.key,
                from = change.from,
                to = change.to,
                at = change.at,
                "configuration changed"
            );
        }
        for change in &outcome.waiting {
            tracing::warn!(
                key = change.key,
                from = change.from,
                to = change.to,
                at = change.at,
                "configuration needs a restart: the value stays as it was"
            );
        }
        let has_certificates = match (&self.config.tls, &outcome.in_force.tls) {
            (Some(old), Some(new)) => !old.is_same(new),
            _ => false,
        };
        if has_certificates {
            tracing::info!(cause, "certificates changed");
        }
        let has_access = self.config.has_other_access_files(&outcome.in_force);
        if has_access {
            tracing::info!(cause, "keys or rules changed");
        }
        let renewed = has_certificates || has_access;
        if outcome.changed.is_empty() && outcome.waiting.is_empty() && !renewed && cause == FILE {
            tracing::debug!(cause, "configuration read again, nothing changed");
        } else if outcome.changed.is_empty() && !renewed {
            tracing::info!(cause, waiting = outcome.waiting.len(), "configuration read again, nothing changed");
        } else {
            (self.apply)(&outcome.in_force);
            let (changed, waiting) = (outcome.changed.len(), outcome.waiting.len());
            tracing::info!(cause, changed, waiting, "configuration reloaded");
        }
        self.sources.tls = outcome.in_force.tls.clone();
        self.config = outcome.in_force;
    }
}

fn refuse(problems: &[Problem], cause: &str) {
    for problem in problems {
        tracing::error!(at = %problem.at, "{}", problem.text);
    }
    tracing::error!(cause, errors = problems.len(), "configuration kept as it was: the new one is bad");
}
