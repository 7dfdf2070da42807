//! The `ringway` binary: reads the command line, starts the data plane, says where everything is. It never serves a
//! request itself.
#![forbid(unsafe_code)]

mod arguments;

mod audit;

mod config;

mod examples;

mod explain;

mod greeting;

mod logging;

mod tools;

mod keys;

mod completion;

mod man;

mod printed;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use ringway_dataplane::{AuditLog, LogOutput, LogWriter, Options, Server, StartError, builtin};

use arguments::{Arguments, Command, Serve};
use config::{Sources, Watch};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit code for a machine that lacks something, a bad option or a taken address.
const CANNOT_START: u8 = 2;
/// How long the end of a process waits until its reason is written.
const TELL_TIME_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(serve) => run(*serve),
        Command::Stdio => server().and_then(|server| server.run_stdio(Default::default())),
        Command::Tools(verb) => return tools::run(verb),
        Command::Keys(verb) => return keys::run(verb),
        Command::Config(verb) => return verb.run(),
        Command::Validate(validate) => return validate.run(),
        Command::Explain(verb) => return explain::run(&verb),
        Command::Audit(verb) => return audit::run(&verb),
        Command::Bench(bench) => return bench.perform(),
        Command::Completion(completion) => return written(completion.print()),
        Command::Man(manual) => return written(manual.write()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::from(if matches!(error, StartError::Shard(_)) { 1 } else { CANNOT_START })
        }
    }
}

/// Says why it ends, on standard error; a pipe that nobody reads does not keep it from ending.
fn tell(error: &StartError) {
    let lines: String = error.to_string().lines().map(|line| format!("ringway: {line}\n")).collect();
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Standard error that is closed leaves nobody to tell.
        let _ = std::io::stderr().write_all(lines.as_bytes());
        let _ = told.send(());
    });
    let _ = heard.recv_timeout(TELL_TIME_MAX);
}

/// The end of a verb that only writes.
fn written(outcome: std::io::Result<()>) -> ExitCode {
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "ringway: {error}");
            ExitCode::from(CANNOT_START)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn server() -> Result<Server, StartError> {
    let builder = Server::builder("ringway", env!("CARGO_PKG_VERSION"));
    builtin::add_to(builder).build()
}

fn cannot_log(error: std::io::Error) -> StartError {
    let fix = "log.file and access_log.file name files in directories that are there and may be written";
    StartError::Option(format!("the log cannot be written: {error}; {fix}"))
}

fn run(serve: Serve) -> Result<(), StartError> {
    let watch = Watch::new().map_err(|error| StartError::Option(format!("SIGHUP cannot be taken: {error}")))?;
    let mut sources = Sources::of_process(serve.flags);
    let config = config::load(&mut sources).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        StartError::Option(lines.join("\n"))
    })?;
    let is_terminal = std::io::stderr().is_terminal();
    let log_options = config.settings.log_options(is_terminal);
    let log = LogWriter::start(&log_options).map_err(cannot_log)?;
    let colours = is_terminal && log_options.state == LogOutput::Stderr;
    let level = logging::install(&log, log_options.access_format, config.settings.log_level(), colours);
    config.log_start(&sources);
    let (tls, access) = (config.tls.clone(), Arc::clone(&config.access));
    let audit = config.settings.audit_options().map(AuditLog::open).transpose();
    let audit = audit.map_err(|missing| StartError::Option(missing.to_string()))?;
    let options = Options { log: Some(log.clone()), tls, access, audit: audit.clone(), ..config.settings.options() };
    let started = server().and_then(|server| server.start(options));
    let ended = started.and_then(|running| {
        let handle = running.handle().clone();
        watch.start(sources, config, move |config| {
            level.set(config.settings.log_level());
            handle.apply(config.settings.policy(), Arc::clone(&config.access));
            config.tls.iter().for_each(|tls| handle.apply_tls(tls.clone()));
        });
        greeting::print(&running);
        running.join()
    });
    if let Some(audit) = audit {
        // What is not on disk within its time is told by the chain's end.
        audit.end();
    }
    log.end();
    ended
}
