//! What a handler's result means for its message.

use std::{convert::Infallible, error::Error, fmt, time::Duration};

/// What becomes of a message. `Done`, `Skip` and `DeadLetter` settle it, so that its offset counts; `Retry` and
/// `Stop` do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was handled.
    Done,
    /// It is tried again in its place, before the messages behind it.
    Retry {
        /// How long to wait first; `None` leaves it to the back-off.
        after: Option<Duration>,
        /// Why it was not handled.
        cause: String,
    },
    /// It is left aside: counted, logged with its position, and passed over.
    Skip {
        /// Why.
        cause: String,
    },
    /// No try will help. A service without a dead-letter topic skips the message.
    DeadLetter {
        /// Why.
        cause: String,
    },
    /// The service stops with the cause as its error; the message stays unsettled and comes again.
    Stop {
        /// Why.
        cause: String,
    },
}

/// Whether trying again helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It may: a dependency is away or busy. The message is tried again.
    Transient,
    /// It does not: the message itself is wrong. It is left aside and the partition goes on.
    Permanent,
    /// Nothing does: going on would do harm. The service stops.
    Fatal,
}

/// An error that says whether trying again helps.
///
/// ```
/// use bookend::settle::{Class, Classify};
///
/// #[derive(Debug)]
/// enum StoreError {
///     Busy,
///     Constraint(String),
/// }
///
/// impl std::fmt::Display for StoreError {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         match self {
///             Self::Busy => f.write_str("the store is busy"),
///             Self::Constraint(name) => write!(f, "the row breaks {name}"),
///         }
///     }
/// }
///
/// impl Classify for StoreError {
///     fn class(&self) -> Class {
///         match self {
///             Self::Busy => Class::Transient,
///             Self::Constraint(_) => Class::Permanent,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` does not say whether trying again helps",
    label = "no `Classify` for this error",
    note = "implement `Classify` for `{Self}`, or return `Result<_, Failure>` and wrap it: `.map_err(transient)?`, `.map_err(permanent)?`, `.map_err(fatal)?`"
)]
pub trait Classify: fmt::Display {
    /// Whether trying again helps.
    fn class(&self) -> Class;
}

impl Classify for Infallible {
    fn class(&self) -> Class {
        match *self {}
    }
}

/// Any error, with its [`Class`] beside it; made by [`transient`], [`permanent`] and [`fatal`].
#[derive(Debug)]
pub struct Failure {
    class: Class,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    fn new(class: Class, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, error: error.into() }
    }

    /// The error inside.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.error
    }
}

/// The error and what caused it, in one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Classify for Failure {
    fn class(&self) -> Class {
        self.class
    }
}

/// Says that trying again may help: the message is retried in its place, with back-off.
///
/// ```
/// use bookend::settle::{Failure, transient};
///
/// fn connect() -> Result<(), Failure> {
///     std::net::TcpStream::connect("127.0.0.1:1").map_err(transient)?;
///     Ok(())
/// }
/// # assert!(connect().is_err());
/// ```
pub fn transient(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::new(Class::Transient, error)
}

/// Says that the message itself is wrong: it is left aside and the partition goes on.
pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::new(Class::Permanent, error)
}

/// Says that the service must not go on.
pub fn fatal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::new(Class::Fatal, error)
}

/// What a handler may return: `()`, an [`Outcome`], or a `Result` of these whose error is [`Classify`].
#[diagnostic::on_unimplemented(
    message = "a handler's result `{Self}` does not say what becomes of the message",
    label = "returns `{Self}`",
    note = "return `()`, an `Outcome`, or `Result<(), E>` where `E: Classify`"
)]
pub trait IntoOutcome {
    /// What becomes of the message.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Outcome::Done
    }
}

impl IntoOutcome for Infallible {
    fn into_outcome(self) -> Outcome {
        match self {}
    }
}

impl<T: IntoOutcome, E: Classify> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        let error = match self {
            Ok(result) => return result.into_outcome(),
            Err(error) => error,
        };
        // The alternate form shows the whole chain where an error type knows one.
        let cause = format!("{error:#}");
        match error.class() {
            Class::Transient => Outcome::Retry { after: None, cause },
            Class::Permanent => Outcome::DeadLetter { cause },
            Class::Fatal => Outcome::Stop { cause },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the row was not written")]
    struct Outer(#[source] io::Error);

    // Goal: each class has its outcome, and the cause names the whole chain.
    #[test]
    fn results_become_outcomes() {
        let check = |result: Result<(), Failure>, expected: Outcome| {
            assert_eq!(result.into_outcome(), expected);
        };
        let cause = || "disk".to_owned();
        check(Ok(()), Outcome::Done);
        check(Err(transient("disk")), Outcome::Retry { after: None, cause: cause() });
        check(Err(permanent("disk")), Outcome::DeadLetter { cause: cause() });
        check(Err(fatal("disk")), Outcome::Stop { cause: cause() });

        let outer = Outer(io::Error::other("the disk is full"));
        assert_eq!(permanent(outer).to_string(), "the row was not written: the disk is full");
    }

    // Goal: an outcome inside a result is kept.
    #[test]
    fn an_inner_outcome_is_kept() {
        let retry = Outcome::Retry { after: Some(Duration::from_secs(1)), cause: "later".into() };
        assert_eq!(Ok::<_, Failure>(retry.clone()).into_outcome(), retry);
    }
}
