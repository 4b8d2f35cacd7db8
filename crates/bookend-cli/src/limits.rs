//! Raises what the system allows this process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Lets the process open as many files as it may: every request in flight is one, and shells often begin at 1,024.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
