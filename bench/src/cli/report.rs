//! `bench report`: stored results once more, as text, as JSON, or as one HTML page.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::record::Record;
use crate::{history, report};

#[derive(clap::Args)]
pub struct Report {
    /// Stored results, of `bench run` or `bench compare`: JSON, one or many a file.
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
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs: one line a result.
    Json,
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
            write_page(path, &report::html(title, &records))?;
        }
        let paint = report::Paint::for_stdout();
        let texts = records.iter().map(|record| match self.output {
            Form::Text => Ok(report::text_in_colour(record, paint)),
            Form::Json => record.to_json_line(),
        });
        let gap = if self.output == Form::Text { "\n" } else { "" };
        print(&texts.collect::<Result<Vec<_>, _>>()?.join(gap))
    }

    fn show_history(&self, path: &Path) -> Result<(), String> {
        let entries = history::read(path)?;
        if let Some(page) = &self.html {
            let title = self.title.as_deref().unwrap_or("Ringway bench, by commit");
            write_page(page, &report::html_of_history(title, &entries))?;
        }
        match self.output {
            Form::Text => print(&report::text_of_history(&entries)),
            Form::Json => {
                let lines = entries.iter().map(|entry| serde_json::to_string(entry).map(|line| line + "\n"));
                print(&lines.collect::<Result<String, _>>().map_err(|why| format!("history: {why}"))?)
            }
        }
    }
}

fn write_page(path: &Path, html: &str) -> Result<(), String> {
    std::fs::write(path, html).map_err(|why| format!("--html {}: {why}", path.display()))
}

/// A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {why}")),
        _ => Ok(()),
    }
}
