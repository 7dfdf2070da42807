//! `ringway audit export`: the records that are asked for. It never checks the chain; `verify` does.

use super::arguments::{Export, ExportFormat};
use super::output::Out;
use super::row::{COLUMNS, Row};
use super::{Ended, Trouble, folder, remark};

/// Prints them.
pub fn run(export: &Export) -> Result<Ended, Trouble> {
    let mut out = Out::new();
    let mut ended = Ended::Good;
    if export.format == ExportFormat::Csv {
        out.write(format!("{}\r\n", COLUMNS.join(",")).as_bytes())?;
    }
    for file in folder::files(&export.folder)? {
        file.each_line(|number, line| {
            let Some(row) = Row::read(line) else {
                remark(&format!("{}, line {number}: it is no record, and is left out", file.shown()));
                ended = Ended::Broken;
                return Ok(());
            };
            match export.format {
                _ if !row.is_wanted(export) => Ok(()),
                ExportFormat::Json => out.line(line),
                ExportFormat::Csv => out.write(row.csv().as_bytes()),
            }
        })?;
    }
    out.flush()?;
    Ok(ended)
}
