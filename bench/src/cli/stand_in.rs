//! `bench stand-in`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub struct StandIn {}

impl StandIn {
    pub fn perform(self) -> Result<ExitCode, String> {
        unimplemented!()
    }
}
