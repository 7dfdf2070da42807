//! `bench gate`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Gate {}

impl Gate {
    pub fn perform(self) -> Result<ExitCode, String> {
        unimplemented!()
    }
}
