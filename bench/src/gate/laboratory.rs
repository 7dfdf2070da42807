//! Measures for real: servers on a bed, programs that count. Prepares only what is asked for. Never judges.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use crate::compare::bed::Bed;
use crate::compare::figure::Sample;
use crate::compare::rounds::Measure;
use crate::gate::budgets::Counter;
use crate::gate::counted;
use crate::gate::judge::{Laboratory, Side, Trouble};
use crate::machine::Watch;
use crate::record::{Machine, Quiet};
use crate::report::Ticker;
use crate::servers::Spec;
use crate::workload::Workload;

/// Answers a constant: HTTP at its best.
const YARDSTICK: &str = "nginx";

/// What a user may choose.
pub struct Setup {
    pub server: Spec,
    /// Absent: neither said nor in the budgets.
    pub baseline: Option<Spec>,
    pub peers: Option<PathBuf>,
    pub server_cpus: Vec<usize>,
    pub cpus: Vec<usize>,
    pub instructions: Option<Counter>,
    pub allocations: Option<Counter>,
}

pub struct Real {
    setup: Setup,
    began: Instant,
    watch: Watch,
    bed: Bed,
    /// Where each side is on the bed, or why it is not there.
    sides: BTreeMap<Side, Result<usize, Trouble>>,
    built: BTreeMap<&'static str, Result<(), Trouble>>,
    ticker: Ticker,
}

impl Real {
    pub fn new(setup: Setup) -> Self {
        let watch = Watch::begin(&[setup.server_cpus.as_slice(), &setup.cpus].concat());
        let bed = Bed::new(Vec::new(), setup.server_cpus.clone(), setup.cpus.clone());
        Self {
            setup,
            began: Instant::now(),
            watch,
            bed,
            sides: BTreeMap::new(),
            built: BTreeMap::new(),
            ticker: Ticker::default(),
        }
    }

    /// Ends all servers, and says what the machine was like.
    pub fn close(mut self) -> Machine {
        self.ticker.clear();
        drop(self.bed);
        self.watch.end()
    }

    fn side(&mut self, side: Side) -> Result<usize, Trouble> {
        if let Some(known) = self.sides.get(&side) {
            return known.clone();
        }
        // A constant yardstick takes its answer from this build, which therefore comes first.
        if side != Side::This {
            self.side(Side::This)?;
        }
        let placed = self.place(side);
        self.sides.insert(side, placed.clone());
        placed
    }

    fn place(&mut self, side: Side) -> Result<usize, Trouble> {
        let spec = match side {
            Side::This => self.setup.server.clone(),
            Side::Yardstick => Spec::Peer(YARDSTICK.into()),
            Side::Baseline => self.setup.baseline.clone().ok_or_else(|| {
                Trouble::Missing(
                    "no baseline: `baseline` of the budgets, or --baseline, names the build to compare with".into(),
                )
            })?,
        };
        let ticker = &mut self.ticker;
        let prepared = spec.prepare_in(self.setup.peers.as_deref(), &mut |what| ticker.tell(what));
        // This build has to be there; a yardstick or a baseline may be what this machine cannot have.
        let prepared =
            prepared.map_err(|why| if side == Side::This { Trouble::Failed(why) } else { Trouble::Missing(why) })?;
        Ok(self.bed.add(prepared))
    }

    fn counter(&mut self, name: &'static str) -> Result<Counter, Trouble> {
        let counter = if name == "instructions" { &self.setup.instructions } else { &self.setup.allocations };
        let Some(counter) = counter.clone() else {
            return Err(Trouble::Missing(format!("the budgets have no [{name}], which names the program that counts")));
        };
        self.built.entry(name).or_insert_with(|| counted::build(&counter)).clone()?;
        Ok(counter)
    }
}

impl Laboratory for Real {
    fn instructions(&mut self, scenario: &str) -> Result<f64, Trouble> {
        let counter = self.counter("instructions")?;
        counted::instructions(&counter, scenario)
    }

    fn allocations(&mut self, scenario: &str) -> Result<f64, Trouble> {
        let counter = self.counter("allocations")?;
        counted::allocations(&counter, scenario)
    }

    fn slice(&mut self, side: Side, workload: &Workload) -> Result<Sample, Trouble> {
        let side = self.side(side)?;
        self.bed.measure(side, workload).map_err(Trouble::Failed)
    }

    fn end(&mut self, side: Side) {
        if let Some(Ok(side)) = self.sides.get(&side) {
            self.bed.end(*side);
        }
    }

    fn now_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn quiet(&self) -> Quiet {
        self.watch.look().quiet
    }

    fn tell(&mut self, what: &str) {
        self.ticker.tell(what);
    }
}
