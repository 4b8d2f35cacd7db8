//! The comfort of bookend: `#[measured]`; it expands to public API, so whatever it does can be written by hand.
//!
//! Use it as `bookend::measured`.

mod measured;

use proc_macro::TokenStream;

/// Records each call of an `async fn`, without a line in its body.
///
/// `#[measured(recorder, before = expr)]`
///
/// - `recorder` is any expression for a `bookend::Recorder` that can be read where the body begins: an argument, a
///   part of one, a static.
/// - `before` is what the recorder is told when the task starts. It is evaluated before the body, so it may look at
///   arguments that the body moves.
/// - `outcome = |result| …`, if given, tells the `Outcome` from a reference to the returned value. Without it, a
///   `Result` that is `Err` counts as `Failed` and everything else as `Ok`. An `impl Trait` or generic return does not
///   show that it is a `Result`: there, say it with `outcome`.
///
/// The clock runs from the first poll to the end of the body. A future that is dropped midway is recorded as
/// `Cancelled`, one that panics as `Panicked`. No polls are added, no allocation, and 64 bytes at most beside `before`.
///
/// ```
/// use bookend::{Recorder, measured};
///
/// # struct Translated;
/// #[measured(recorder, before = text.len())]
/// async fn translate(recorder: Recorder<usize, Translated>, text: String) -> std::io::Result<String> {
///     let text = text.to_uppercase();
///     std::str::from_utf8(text.as_bytes()).map_err(std::io::Error::other)?;
///     Ok(text)
/// }
/// ```
///
/// is short for
///
/// ```
/// # use bookend::{Recorder, recorder::Outcome};
/// # struct Translated;
/// async fn translate(recorder: Recorder<usize, Translated>, text: String) -> std::io::Result<String> {
///     let recording = recorder.start(text.len());
///     let output = async move {
///         let text = text.to_uppercase();
///         std::str::from_utf8(text.as_bytes()).map_err(std::io::Error::other)?;
///         Ok(text)
///     }
///     .await;
///     recording.finish_as(if output.is_ok() { Outcome::Ok } else { Outcome::Failed });
///     output
/// }
/// ```
#[proc_macro_attribute]
pub fn measured(options: TokenStream, item: TokenStream) -> TokenStream {
    measured::attribute(options.into(), item.into()).into()
}
