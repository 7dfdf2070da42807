//! `bench report`: stored results once more, as text, as JSON, or as one HTML page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::print::{Output, print, write};
use crate::record::Record;
use crate::{history, report};

#[derive(clap::Args)]
pub struct Report {
    /// Stored results, of `bench run --out`: JSON, one or many a file.
    #[arg(value_name = "FILE", required_unless_present = "history")]
    files: Vec<PathBuf>,
    /// Results by commit instead, as `bench gate` keeps them.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    history: Option<PathBuf>,
    /// Write one page with plots that opens offline.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The page's heading.
    #[arg(long, value_name = "TEXT", requires = "html")]
    title: Option<String>,
    /// What to print.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl Report {
    pub fn perform(self) -> Result<ExitCode, String> {
        match &self.history {
            Some(history) => self.show_history(history)?,
            None => self.show_records()?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show_records(&self) -> Result<(), String> {
        let mut records = Vec::new();
        for file in &self.files {
            records.extend(Record::read(file)?);
        }
        if let Some(path) = &self.html {
            let title = self.title.as_deref().unwrap_or("Ringway bench");
            write("--html", path, &report::html(title, &records))?;
        }
        let paint = report::Paint::for_stdout();
        let texts = records.iter().map(|record| match self.output {
            Output::Text => Ok(report::text(record, paint)),
            Output::Json => record.to_json_line(),
        });
        let gap = if self.output == Output::Text { "\n" } else { "" };
        print(&texts.collect::<Result<Vec<_>, _>>()?.join(gap))
    }

    fn show_history(&self, path: &Path) -> Result<(), String> {
        let entries = history::read(path)?;
        if let Some(page) = &self.html {
            let title = self.title.as_deref().unwrap_or("Ringway bench, by commit");
            write("--html", page, &report::html_of_history(title, &entries))?;
        }
        match self.output {
            Output::Text => print(&report::text_of_history(&entries)),
            Output::Json => {
                let lines = entries.iter().map(|entry| serde_json::to_string(entry).map(|line| line + "\n"));
                print(&lines.collect::<Result<String, _>>().map_err(|why| format!("history: {why}"))?)
            }
        }
    }
}
