//! Logs on stderr: what happens, one line each. `RUST_LOG` chooses what is said.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::closing::is_colored;

/// What is said unless `RUST_LOG` says otherwise.
const DEFAULT: &str = "info";

/// Starts logging for the whole process.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A log that cannot be written is lost; told on the same stderr, that would be a panic.
        .log_internal_errors(false)
        .with_ansi(is_colored(&io::stderr()))
        .init();
}
