//! `bench compare`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Compare {}

impl Compare {
    pub fn perform(self) -> Result<ExitCode, String> {
        unimplemented!()
    }
}
