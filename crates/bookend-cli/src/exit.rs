//! How the process ends: its exit code, and one clear sentence on stderr when it failed.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
    iter::successors,
    process::ExitCode,
    time::Duration,
};

use tokio::runtime::Runtime;

/// Something is missing or failed on the way.
const FAILED: u8 = 1;
/// It never started.
const CANNOT_START: u8 = 2;
/// Left by a signal: 128 and SIGINT's number.
pub(crate) const LEFT: i32 = 130;

/// How long a thread that nobody waits for may delay the end.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// How a command ended, when nothing failed outright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All numbers add up.
    Exact,
    /// Some do not; the closing words have said which.
    NotExact,
}

impl Ending {
    pub(crate) fn of(exact: bool) -> Self {
        if exact { Self::Exact } else { Self::NotExact }
    }
}

/// Why nothing was started; a sentence with what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CannotStart(String);

impl CannotStart {
    pub(crate) fn because(sentence: impl Display) -> anyhow::Error {
        Self(sentence.to_string()).into()
    }
}

/// Runs a command, and turns its end into the end of the process.
pub(crate) fn of(command: impl Future<Output = anyhow::Result<Ending>>) -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(Err(CannotStart::because(format!("no threads: {error}")))),
    };
    let code = report(runtime.block_on(command));
    // All parts have closed. What may still wait is a question to a broker that does not answer.
    runtime.shutdown_timeout(LINGER_MAX);
    code
}

fn report(result: anyhow::Result<Ending>) -> ExitCode {
    match result {
        Ok(Ending::Exact) => ExitCode::SUCCESS,
        Ok(Ending::NotExact) => ExitCode::from(FAILED),
        Err(error) => {
            say(&format!("bookend: {error:#}"));
            let never_started = error.downcast_ref::<CannotStart>().is_some();
            ExitCode::from(if never_started { CANNOT_START } else { FAILED })
        }
    }
}

/// An error and its causes in one sentence.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Says a line on stderr, for people. A closed stderr is no reason to fail.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// Says a line on stdout, at once also through a pipe. A reader that has gone is no reason to fail.
pub(crate) fn print(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
