//! Where a result goes, as its user wants it: options that `run` and `compare` share. Never decides what a result says.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::print::{Output, print, write};

#[derive(clap::Args)]
pub struct Deliver {
    /// Also write the result to this file, as JSON; `bench report` reads that of a run.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write a page with plots that opens offline.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Deliver {
    /// Prints first: a file may be one that cannot be written, and what was measured is not lost to that.
    pub fn deliver(
        &self,
        result: &impl Serialize,
        text: impl FnOnce() -> String,
        page: impl FnOnce() -> String,
    ) -> Result<(), String> {
        print(&match self.output {
            Output::Text => text(),
            Output::Json => serde_json::to_string(result).map_err(|why| why.to_string())? + "\n",
        })?;
        if let Some(path) = &self.out {
            let pretty = serde_json::to_string_pretty(result).map_err(|why| why.to_string())?;
            write("--out", path, &(pretty + "\n"))?;
        }
        match &self.html {
            Some(path) => write("--html", path, &page()),
            None => Ok(()),
        }
    }
}
