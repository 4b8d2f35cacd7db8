//! What errors and panics say, for people. Open to every module.

use std::{any::Any, error::Error, fmt};

/// The text of a panic, if it had one.
pub(crate) fn of_panic(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it left no text")
}

/// Writes an error and what caused it as one sentence. It serves as the `Debug` of errors that end a program: that is
/// what `fn main() -> Result<(), Box<dyn Error>>` prints.
pub(crate) fn of_error(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut source = error.source();
    while let Some(cause) = source {
        write!(f, ": {cause}")?;
        source = cause.source();
    }
    Ok(())
}
