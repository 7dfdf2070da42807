//! The access log's end on a shard: which answered requests are written, and their way into the queue. It never waits.

use std::cell::Cell;
use std::sync::Arc;
use std::time::SystemTime;

use ringway_core::sampling::Sampler;

use super::entry::Entry;
use super::writer::Entries;
use crate::metrics::Method;
use crate::record::{Ending, Finished};
use crate::shard::Shard;
use crate::trail;

/// One shard's end.
pub struct AccessLog {
    entries: Arc<Entries>,
    sampler: Cell<Sampler>,
}

impl AccessLog {
    /// An end that fills `entries`.
    pub fn new(entries: Arc<Entries>) -> AccessLog {
        AccessLog { entries, sampler: Cell::default() }
    }

    /// Hands an answered request over, when it is to be written: errors always, good ones up to so many a second, good
    /// answers to health checks and scrapes never.
    pub fn note(&self, shard: &Shard, finished: &Finished<'_>) {
        let policy = shard.policy().access_log;
        let is_good = finished.ending == Ending::Good && finished.status < 400;
        if !policy.enabled || (is_good && finished.about.method == Method::Probe) {
            return;
        }
        let mut sampler = self.sampler.get();
        let written =
            if is_good { sampler.good(shard.coarse_now.get(), policy.per_second_max) } else { Some(sampler.always()) };
        self.sampler.set(sampler);
        let Some(left_out) = written else { return };
        self.entries.push(Entry {
            at: SystemTime::now(),
            request_id: finished.request_id.into(),
            client: finished.socket.and_then(|socket| socket.peer()),
            principal: finished.who.map_or("unknown", |who| &who.key).into(),
            method: finished.about.method.label(),
            tool: finished.about.tool.as_ref().map(|tool| tool.definition.name.as_str().into()),
            era: finished.about.era,
            status: finished.status,
            ending: finished.ending,
            took: finished.took,
            bytes: finished.bytes,
            denied: trail::why(finished),
            shard: shard.id,
            left_out,
        });
    }
}
