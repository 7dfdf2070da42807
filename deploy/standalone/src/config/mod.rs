//! The configuration: what may be said, who said it, and what is in force. Start at [`load`], which names the stages;
//! `keys` is the table that all of them follow. It never starts a server.

pub mod keys;
pub mod kind;
pub mod problem;
pub mod settings;

mod access;
mod conflicts;
mod environment;
mod field;
mod flags;
mod init;
mod nearest;
mod older;
mod profiles;
mod published;
mod reload;
mod schema;
mod show;
mod rules_file;
mod source_file;
mod secret;

mod state_key;
mod tls;
mod units;
mod verbs;
mod watch;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_dataplane::Tls;
use ringway_dataplane::identify::access::Access;

use keys::Key;
use kind::Value;
use problem::{Findings, Origin, Problem};
use settings::Settings;

pub use flags::Flags;
pub use verbs::{Validate, Verb};
pub use watch::Watch;

/// What a source says of a key; no value takes away what a weaker source said.
#[derive(Clone, Debug)]
pub struct Said {
    key: &'static Key,
    value: Option<Value>,
    origin: Origin,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path)
    }
}

/// Everything a configuration is made of, so that it can be read again.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file that was named or found. Once it was there it is not searched again, so that a file that is gone for a
    /// moment does not become the defaults.
    file: Option<PathBuf>,
    /// Whether a file is searched when none was named.
    search: bool,
    /// The file's stamp when it was last read.
    read: Option<source_file::Stamp>,
    /// The files of TLS, with their stamps when they were last read.
    tls_files: Vec<(PathBuf, Option<source_file::Stamp>)>,
    /// The same of who may call.
    access_files: Vec<(PathBuf, Option<source_file::Stamp>)>,
    /// The certificates in force.
    tls: Option<Tls>,
    /// The keys that an issuer publishes.
    published: published::Published,
    variables: environment::Variables,
    flags: Flags,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Variables hold secrets, of others too.
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Sources {
    /// Those of this process: its flags, its environment, and the file that these name or that lies in its directory.
    pub fn of_process(flags: Flags) -> Sources {
        let variables = environment::variables();
        let named = variables.get("RINGWAY_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
        Sources { file: flags.config.clone().or(named), search: true, variables, flags, ..Sources::default() }
    }

    /// One file, and nothing besides.
    pub fn of_file(path: &Path) -> Sources {
        Sources { file: Some(path.to_owned()), ..Sources::default() }
    }

    /// The file's stamp at this moment.
    fn stamp(&self) -> Option<source_file::Stamp> {
        self.file.as_deref().and_then(source_file::stamp)
    }

    /// Whether a file is another than when it was last read.
    fn has_changed(&self) -> bool {
        let is_other = |(path, stamp): &(PathBuf, Option<source_file::Stamp>)| source_file::stamp(path) != *stamp;
        self.stamp() != self.read || self.tls_files.iter().chain(&self.access_files).any(is_other)
    }

    /// Whether there is a file to look at.
    fn has_files(&self) -> bool {
        self.file.is_some() || !(self.tls_files.is_empty() && self.access_files.is_empty()) || self.published.is_used()
    }
}

/// A key, its value in force, and who said so.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The key.
    pub key: &'static Key,
    /// Its value, `None` where there is none.
    pub value: Option<Value>,
    /// Who said so.
    pub origin: Origin,
}

/// A configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its values, with types.
    pub settings: Settings,
    /// The same, a row a key, in the order of the table.
    pub values: Vec<InForce>,
    /// The certificates that it names.
    pub tls: Option<Tls>,
    /// Who may call.
    pub access: Arc<Access>,
    /// The files that say so.
    access_files: Vec<(PathBuf, Option<source_file::Stamp>)>,
    /// The keys that an issuer publishes.
    published: Option<Arc<str>>,
    /// What its author should know.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Whether files of who may call are others than those of another configuration.
    fn has_other_access_files(&self, other: &Config) -> bool {
        self.access_files != other.access_files || self.published != other.published
    }

    /// Tells the log what a server starts with: a file that lies in its directory may not be the one that was meant.
    pub fn log_start(&self, sources: &Sources) {
        let file = sources.file.as_ref().map_or("none".into(), |file| file.display().to_string());
        let profile = self.settings.profile.as_deref().unwrap_or("none");
        let said = self.values.iter().filter(|row| row.origin != Origin::Default).count();
        tracing::info!(file, profile, keys = said, "configuration read");
        self.log_warnings(&[]);
    }

    /// Tells the log what its author should know and was not told before.
    fn log_warnings(&self, told: &[Problem]) {
        for warning in self.warnings.iter().filter(|warning| !told.contains(warning)) {
            tracing::warn!(at = %warning.at, "{}", warning.text);
        }
    }
}

/// Reads every source, and returns what is in force; or everything that is wrong, in the order of its places.
pub fn load(sources: &mut Sources) -> Result<Config, Vec<Problem>> {
    let mut findings = Findings::default();
    let mut from_file = Vec::new();
    let mut from_environment = Vec::new();
    let mut from_flags = Vec::new();
    read_file(sources, &mut from_file, &mut findings);
    environment::interpret(&sources.variables, &mut from_environment, &mut findings);
    sources.flags.interpret(&mut from_flags, &mut findings);

    let mut from_older = Vec::new();
    let mut loud = from_file.iter().chain(&from_environment).chain(&from_flags);
    let is_none = |said: &Said| said.key.path == "auth.mode" && said.value == Some(Value::Text("none".into()));
    let no_auth = loud.clone().any(is_none);
    let tls = loud.any(|said| ["tls.certificate", "tls.certificates"].contains(&said.key.path));
    older::interpret(&sources.variables, no_auth, tls, &mut from_older, &mut findings);
    warn_of_two_names(&from_older, &from_environment, &mut findings);

    // Weakest first. The profile is chosen by the strongest source that names one, and is weaker than all of them.
    let said: Vec<Said> = from_file.into_iter().chain(from_older).chain(from_environment).chain(from_flags).collect();
    let mut values = profile_and_defaults(&said);
    for Said { key, value, origin } in said {
        if let Some(row) = values.iter_mut().find(|row| row.key.path == key.path) {
            (row.value, row.origin) = (value, origin);
        }
    }
    let settings = settings_of(&values);
    tell_conflicts(&settings, &values, &mut findings);
    // Before reading, as with the file.
    sources.tls_files = tls::stamps(&settings);
    let tls = tls::load(&settings, &values, sources.tls.as_ref(), &mut findings);
    sources.access_files = access::stamps(&settings);
    sources.published.refresh(&settings);
    let access =
        access::load(&settings, &values, &sources.variables, &sources.published, &mut findings).unwrap_or_default();
    let access_files = sources.access_files.clone();
    let published = sources.published.text().cloned();
    warn_of_open_secrets(sources.file.as_deref(), &values, &mut findings);
    warn_of_no_hosts(&settings, &values, &mut findings);
    findings.sort();
    if findings.errors.is_empty() {
        Ok(Config { settings, values, tls, access, access_files, published, warnings: findings.warnings })
    } else {
        Err(findings.errors)
    }
}

fn read_file(sources: &mut Sources, said: &mut Vec<Said>, findings: &mut Findings) {
    if sources.file.is_none() && sources.search {
        match source_file::locate(Path::new(".")) {
            Ok(found) => sources.file = found,
            Err(text) => {
                let path: Arc<str> = ".".into();
                return findings.error(&Origin::File { path, line: 0, column: 0 }, text);
            }
        }
    }
    // Before reading: a change that comes while it is read is seen at the next look.
    sources.read = sources.stamp();
    let Some(path) = &sources.file else { return };
    let name: Arc<str> = path.display().to_string().into();
    match source_file::read(path) {
        Ok(bytes) => source_file::interpret(&name, &bytes, said, findings),
        Err(text) => findings.error(&Origin::File { path: name, line: 0, column: 0 }, text),
    }
}

fn warn_of_two_names(older: &[Said], newer: &[Said], findings: &mut Findings) {
    for old in older {
        let other = newer.iter().find(|new| new.key.path == old.key.path && new.value != old.value);
        if let Some(Said { key, value, origin: Origin::Environment(name) }) = other {
            let text = format!("{name} says otherwise, and wins with {}; unset one of them", key.shown(value.as_ref()));
            findings.warning(&old.origin, text);
        }
    }
}

/// The value of every key when nobody but a profile says anything.
fn profile_and_defaults(said: &[Said]) -> Vec<InForce> {
    let defaults = Settings::default();
    let row = |key: &'static Key| InForce { key, value: (key.value)(&defaults), origin: Origin::Default };
    let mut values: Vec<InForce> = keys::all().map(row).collect();
    let profile = said.iter().rev().find(|said| said.key.path == "profile");
    let Some(Value::Text(profile)) = profile.and_then(|said| said.value.as_ref()) else { return values };
    let mut rows = Vec::new();
    for (path, text) in profiles::rows(profile) {
        let (Some(key), Some(name)) = (keys::find(path), profiles::known(profile)) else { continue };
        // Its tests read every row of every profile.
        environment::take(key, text, Origin::Profile(name), &mut rows, &mut Findings::default());
    }
    for Said { key, value, origin } in rows {
        if let Some(row) = values.iter_mut().find(|row| row.key.path == key.path) {
            (row.value, row.origin) = (value, origin);
        }
    }
    values
}

fn settings_of(values: &[InForce]) -> Settings {
    let mut settings = Settings::default();
    for row in values {
        (row.key.store)(&mut settings, row.value.clone());
    }
    settings
}

/// Tells each conflict where somebody caused it: at the stronger of the two keys.
fn tell_conflicts(settings: &Settings, values: &[InForce], findings: &mut Findings) {
    for conflict in conflicts::find(settings) {
        if conflict.keys.iter().any(|key| findings.bad.contains(key)) {
            // One of the values was not understood, and what stands in for it clashes with nothing anybody said.
            continue;
        }
        let origins = values.iter().filter(|row| conflict.keys.contains(&row.key.path)).map(|row| &row.origin);
        let at = origins.max().unwrap_or(&Origin::Default).clone();
        findings.error(&at, conflict.text);
    }
}

/// A server that listens everywhere knows none of the names it is called by.
fn warn_of_no_hosts(settings: &Settings, values: &[InForce], findings: &mut Findings) {
    let addresses = [("server.listen", Some(settings.listen)), ("server.admin_listen", settings.admin_listen)];
    for (path, address) in addresses {
        if settings.allow_hosts.is_empty() && address.is_some_and(|address| address.ip().is_unspecified()) {
            let row = values.iter().find(|row| row.key.path == path);
            let text = format!(
                "{path} is reachable from other machines, by address only: server.allow_hosts is empty, and whoever \
                 calls it by a name is answered 403; list the names"
            );
            findings.warning(row.map_or(&Origin::Default, |row| &row.origin), text);
        }
    }
}

/// A secret where others can read it is told, and used: on a test machine that is nobody's business.
fn warn_of_open_secrets(file: Option<&Path>, values: &[InForce], findings: &mut Findings) {
    use std::os::unix::fs::PermissionsExt;
    for row in values.iter().filter(|row| row.key.secret && row.value.is_some()) {
        let path = row.key.path;
        match &row.origin {
            Origin::Flag(_) => {
                let text = format!("every user of this machine sees flags; give {path} by {}_FILE", row.key.variable());
                findings.warning(&row.origin, text);
            }
            Origin::File { .. } => {
                let mode = file.and_then(|file| file.metadata().ok()).map(|metadata| metadata.permissions().mode());
                if mode.is_some_and(|mode| mode & 0o044 != 0) {
                    let text = format!("others can read this file, and {path} in it; chmod 600 it");
                    findings.warning(&row.origin, text);
                }
            }
            _ => {}
        }
    }
}
