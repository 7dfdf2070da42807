//! `ringway man`: manual pages made of what `--help` says, one a verb. It never installs them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::arguments::Arguments;

/// Where to.
#[derive(Args)]
pub struct Manual {
    /// Write every page into this directory; ringway(1) goes to standard output when absent.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Manual {
    /// Prints the first page, or writes all.
    pub fn write(self) -> io::Result<()> {
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        match self.dir {
            None => io::stdout().write_all(&page(&command, &[])?),
            Some(dir) => {
                let within = |error| io::Error::other(format!("--dir {}: {error}", dir.display()));
                fs::create_dir_all(&dir).and_then(|()| pages(&command, &[], &dir)).map_err(within)
            }
        }
    }
}

fn pages(command: &Command, above: &[&Command], dir: &Path) -> io::Result<()> {
    let lineage = [above, &[command]].concat();
    let name = lineage.iter().map(|command| command.get_name()).collect::<Vec<_>>().join("-");
    fs::write(dir.join(format!("{name}.1")), page(command, above)?)?;
    command.get_subcommands().try_for_each(|verb| pages(verb, &lineage, dir))
}

/// A page: clap's sections, then those of the text after the help, then its neighbours.
fn page(command: &Command, above: &[&Command]) -> io::Result<Vec<u8>> {
    // No day, so that two builds agree; a blank one, since an empty field would make the version take its place.
    let man =
        Man::new(command.clone()).date(" ").manual("Ringway").source(concat!("ringway ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_help() {
        sections(&text.to_string()).to_writer(&mut page)?;
    }
    if let Some(parent) = above.last() {
        let name = parent.get_bin_name().unwrap_or("ringway").replace(' ', "-");
        let mut roff = Roff::new();
        roff.control("SH", ["SEE ALSO"]).text([bold(name), roman("(1)")]);
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

/// The text after the help, whose unindented lines that end in a colon are headings.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    let mut is_open = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                if is_open {
                    roff.control("fi", []);
                }
                roff.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
                is_open = true;
            }
            None => {
                let line: Inline = roman(line.strip_prefix("  ").unwrap_or(line));
                roff.text([line]);
            }
        }
    }
    if is_open {
        roff.control("fi", []);
    }
    roff
}
