//! How `#[measured]` tells an outcome from what a function returned; no public API.

use super::Outcome;

/// Wraps a returned value. `outcome()` is the method below if the types show a `Result`, also behind an alias, and
/// else [`AnyOutcome`]'s: a method of the type itself goes before one of a trait.
#[derive(Debug)]
pub struct OutcomeOf<'a, T>(pub &'a T);

impl<T, E> OutcomeOf<'_, Result<T, E>> {
    /// `Err` counts as failed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.0.is_ok() { Outcome::Ok } else { Outcome::Failed }
    }
}

/// For all that is not seen to be a `Result`.
pub trait AnyOutcome {
    /// Whatever returned, ended well.
    fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

impl<T> AnyOutcome for OutcomeOf<'_, T> {}

/// Asks `tell` for the outcome; the signature gives a closure the type of its argument.
pub fn outcome_by<T>(tell: impl FnOnce(&T) -> Outcome, output: &T) -> Outcome {
    tell(output)
}
