//! Logging to stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::raw::{Log, LogFormat};

/// Begins to log. A second call in one process changes nothing.
pub(crate) fn init(config: &Log) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|error| {
        eprintln!("log.filter is ignored: {error}");
        EnvFilter::new("info")
    });
    // Colours are for people who look, not for files; https://no-color.org.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    // An error means that logging was begun before.
    let _ = match config.format {
        LogFormat::Pretty => log.compact().with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
