//! State changes as `tracing` events, formatted where they happen and written by the log thread. It never logs a
//! request: the access log does.

use std::panic::PanicHookInfo;

use ringway_dataplane::{LogFormat, LogWriter};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// Changes the level while the process runs.
#[derive(Clone)]
pub struct LogLevel(reload::Handle<LevelFilter, Registry>);

impl LogLevel {
    /// Logs from `level` on.
    pub fn set(&self, level: LevelFilter) {
        // Only a subscriber that is gone refuses, and it is installed for the life of the process.
        let _ = self.0.reload(level);
    }
}

/// Sends state changes and panics to `writer`.
pub fn install(writer: &LogWriter, format: LogFormat, level: LevelFilter, colours: bool) -> LogLevel {
    let (filter, handle) = reload::Layer::new(level);
    let sink = writer.sink();
    let lines = fmt::layer().with_writer(move || sink.clone()).with_target(false);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        LogFormat::Pretty => lines.with_ansi(colours).boxed(),
    };
    // A second installation is a bug of ours that costs nothing but its logs.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    std::panic::set_hook(Box::new(log_panic));
    LogLevel(handle)
}

/// A panic's text may hold what a caller sent, so that only its place is told.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "unknown".into(), ToString::to_string);
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or("unnamed"), "panic");
}
