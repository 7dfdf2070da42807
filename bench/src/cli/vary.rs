//! Options that vary a workload from run to run, without a file of its own.

use crate::workload::{Overrides, Workload};

/// What is not given stays as the workload has it.
#[derive(clap::Args, Clone, Debug)]
pub struct Vary {
    /// Open loop: so many requests a second, latency counted from when each was due.
    #[arg(long, value_name = "RPS", conflicts_with = "closed")]
    rate: Option<u64>,
    /// Closed loop: each connection asks again once it was answered.
    #[arg(long)]
    closed: bool,
    /// Connections of the workload's one group.
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Measured time.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Before that, checked and not measured.
    #[arg(long, value_name = "S")]
    warmup_s: Option<f64>,
    /// One more header on every request, any number of times.
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Instead of the face's own path.
    #[arg(long)]
    path: Option<String>,
}

impl Vary {
    pub fn apply(&self, workload: Workload) -> Result<Workload, String> {
        let overrides = Overrides {
            rate_rps: self.rate,
            is_closed: self.closed,
            connections: self.connections,
            seconds: self.seconds,
            warmup_s: self.warmup_s,
            headers: self.header.clone(),
            path: self.path.clone(),
        };
        workload.override_with(&overrides).map_err(|problems| problems.to_string())
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
