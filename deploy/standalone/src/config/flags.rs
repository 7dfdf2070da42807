//! The flags of the table: `--listen` and its like, `--set` for every key, and where the file is. It never reads a
//! value; the kinds do, so that all mistakes are told at once.

use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::keys::{self, Key};
use super::kind::Kind;
use super::nearest::nearest;
use super::problem::{Findings, Origin};
use super::settings::Settings;
use super::{Said, environment};

/// Flags as they were given.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// A flag, its key and its text.
    given: Vec<(String, &'static Key, String)>,
    /// `KEY=VALUE`.
    sets: Vec<String>,
}

/// A flag that was there before its key had a unit.
const DRAIN_SECONDS: (&str, &str) = ("drain-seconds-max", "limits.drain_time_max");

impl Flags {
    /// What flags say of each key.
    pub fn interpret(&self, said: &mut Vec<Said>, findings: &mut Findings) {
        let mut all: Vec<(Origin, &'static Key, &str)> = Vec::new();
        for (flag, key, text) in &self.given {
            all.push((Origin::Flag(flag.clone()), key, text));
        }
        for set in &self.sets {
            let (path, text) = set.split_once('=').unwrap_or((set, ""));
            let origin = Origin::Flag(format!("--set {path}"));
            match keys::find(path) {
                Some(key) if set.contains('=') => all.push((origin, key, text)),
                Some(_) => findings.error(&origin, format!("it has no value; write --set {path}=VALUE")),
                None => {
                    let near = nearest(path, keys::all().map(|key| key.path));
                    let near = near.map_or("`ringway config schema` lists all keys".into(), |near| {
                        format!("did you mean {near}?")
                    });
                    findings.error(&origin, format!("there is no key {path}; {near}"));
                }
            }
        }
        for (index, (origin, key, text)) in all.iter().enumerate() {
            match all[..index].iter().find(|(_, earlier, _)| earlier.path == key.path) {
                Some((earlier, ..)) => {
                    let text = format!("{earlier} says {} already; keep one", key.path);
                    findings.error(origin, text);
                }
                None => environment::take(key, text, origin.clone(), said, findings),
            }
        }
    }
}

/// Words that help and completion show, while any text is let through: the kind judges it, with everything else.
#[derive(Clone)]
struct Words(&'static [(&'static str, &'static str)]);

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &std::ffi::OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|(word, meaning)| PossibleValue::new(*word).help(*meaning))))
    }
}

fn flag_of(key: &'static Key, flag: &'static str) -> Arg {
    let default = match ((key.value)(&Settings::default()), key.absent) {
        (Some(value), _) if !matches!(key.kind, Kind::Hosts | Kind::Origins) => key.kind.text(&value),
        (None, Some(meaning)) => meaning.to_owned(),
        _ => "none".to_owned(),
    };
    let help = format!("{} [default: {default}]", key.summary.trim_end_matches('.'));
    let arg = Arg::new(key.path).long(flag).value_name(key.kind.value_name()).help(help);
    let arg = if is_list(key) { arg.action(ArgAction::Append) } else { arg };
    match key.kind {
        Kind::Choice(words) => arg.value_parser(Words(words)),
        _ => arg,
    }
}

fn is_list(key: &Key) -> bool {
    matches!(key.kind, Kind::Hosts | Kind::Origins | Kind::Choices(_))
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = clap::builder::PathBufValueParser::new();
        let config = Arg::new("config").long("config").value_name("FILE").value_parser(file);
        let config = config.help("The configuration file [default: ./ringway.yaml, .yml or .json; RINGWAY_CONFIG]");
        let set = Arg::new("set").long("set").value_name("KEY=VALUE").action(ArgAction::Append);
        let set = set.help("Sets any key, like --set limits.call_time_max=1m; repeatable");
        let no_auth = Arg::new("no-auth").long("no-auth").alias("insecure-no-auth").action(ArgAction::SetTrue);
        let no_auth = no_auth.help("Authenticates nobody, and says so: auth.mode none");
        let drain = Arg::new(DRAIN_SECONDS.0).long(DRAIN_SECONDS.0).value_name("SECONDS");
        let drain = drain.help("Seconds within which a draining server ends: limits.drain_time_max [default: 30]");
        let flags = keys::all().filter_map(|key| Some(flag_of(key, key.flag?)));
        command.arg(config).args(flags).arg(drain).arg(set).arg(no_auth)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, clap::Error> {
        let mut flags = Flags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.config = matches.get_one::<PathBuf>("config").cloned();
        self.sets = matches.get_many::<String>("set").into_iter().flatten().cloned().collect();
        for (key, flag) in keys::all().filter_map(|key| Some((key, key.flag?))) {
            let texts: Vec<&str> =
                matches.get_many::<String>(key.path).into_iter().flatten().map(String::as_str).collect();
            if !texts.is_empty() {
                self.given.push((format!("--{flag}"), key, texts.join(",")));
            }
        }
        if let (Some(seconds), Some(key)) = (matches.get_one::<String>(DRAIN_SECONDS.0), keys::find(DRAIN_SECONDS.1)) {
            self.given.push((format!("--{}", DRAIN_SECONDS.0), key, format!("{seconds}s")));
        }
        if let (true, Some(key)) = (matches.get_flag("no-auth"), keys::find("auth.mode")) {
            self.given.push(("--no-auth".into(), key, "none".into()));
        }
        Ok(())
    }
}
