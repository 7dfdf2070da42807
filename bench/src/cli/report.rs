//! `bench report`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Report {}

impl Report {
    pub fn perform(self) -> Result<ExitCode, String> {
        unimplemented!()
    }
}
