//! Makes views of large catalogs on a thread of its own, for all shards: those who may see the same share what is rendered,
//! whichever shard they are on. It never decides: the rules do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::identify::Principal;
use ringway_core::identify::access::Access;

use super::{Seen, Sights, VIEWS_MAX};
use crate::catalog::Catalog;
use crate::cold::{Cold, Resident, Unanswered};

/// Views that wait to be made. Requests share one by their caller; one caller more is answered 503.
const WAITING_MAX: usize = 256;
/// The thread has nothing to look after between questions.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A view that is wanted: of whom, of what, and by which decisions.
pub struct Wanted {
    /// Of whom.
    pub principal: Arc<Principal>,
    /// By which rules and permissions.
    pub access: Arc<Access>,
    /// Of what.
    pub whole: Arc<Catalog>,
    /// Which change these are of.
    pub generation: u64,
    /// Items of a page of a list.
    pub page_items_max: usize,
}

/// The way to the thread.
pub struct ViewMaker(Cold<Maker>);

impl ViewMaker {
    /// Starts it.
    pub fn start() -> Arc<ViewMaker> {
        Arc::new(ViewMaker(Cold::start("views", WAITING_MAX, Maker::default)))
    }

    /// What somebody may see, `None` for everything, without holding the shard.
    ///
    /// # Errors
    /// When too many wait already, or there is no thread.
    pub async fn make(&self, wanted: Wanted) -> Result<Option<Arc<Seen>>, Unanswered> {
        self.0.ask(move |maker| maker.make(&wanted)).await
    }
}

/// What the thread has made of the newest catalog and rules it has heard of.
#[derive(Default)]
struct Maker {
    generation: u64,
    made: HashMap<Sights, Arc<Seen>>,
}

impl Resident for Maker {
    fn turn(&mut self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

impl Maker {
    fn make(&mut self, wanted: &Wanted) -> Option<Arc<Seen>> {
        if wanted.generation > self.generation || self.made.len() >= VIEWS_MAX {
            // As many callers with as many different rights: they are made again as they come.
            self.made.clear();
            self.generation = self.generation.max(wanted.generation);
        }
        let sights = Sights::of(&wanted.principal, &wanted.access, &wanted.whole)?;
        let make = |sights| Seen::new(&wanted.whole, sights, wanted.generation, wanted.page_items_max);
        if wanted.generation < self.generation {
            // Of a shard that has yet to hear of the change, and will ask again.
            return Some(make(sights));
        }
        if let Some(seen) = self.made.get(&sights) {
            return Some(Arc::clone(seen));
        }
        let seen = make(sights.clone());
        self.made.insert(sights, Arc::clone(&seen));
        Some(seen)
    }
}
