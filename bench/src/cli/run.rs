//! `bench run`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Run {}

impl Run {
    pub fn perform(self) -> Result<ExitCode, String> {
        unimplemented!()
    }
}
