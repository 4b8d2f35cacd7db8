//! Handlers: async functions of extractors, and their calls with a message in hand.
//!
//! Up the stream: [`extract`](crate::extract) makes their arguments; down the stream: [`settle`](crate::settle)
//! reads their results.

mod call;

pub(crate) use self::call::{Call, Each, Handle, InBatches};

/// An async function whose arguments are the tuple `A`. Every such `async fn` and closure is one already.
///
/// `AsyncFn` itself cannot stand here: its future cannot be bounded `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not an async function of up to 8 extractors whose future is `Send`",
    note = "a handler is `async fn(Json<T>, Position, State<S>, …) -> Result<(), E>`; it must be `Clone + Send + Sync + 'static`, and so must what it keeps across an `.await` be `Send`"
)]
pub trait AsyncFnOf<A>: Clone + Send + Sync + 'static {
    /// What the function returns.
    type Output;
    /// The running call.
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Calls the function.
    fn apply(&self, arguments: A) -> Self::Future;
}

macro_rules! functions {
    ($($argument:ident)*) => {
        impl<F, Fut, $($argument),*> AsyncFnOf<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future + Send + 'static,
        {
            type Output = Fut::Output;
            type Future = Fut;

            #[allow(non_snake_case, reason = "the arguments are named as their types")]
            fn apply(&self, ($($argument,)*): ($($argument,)*)) -> Fut {
                self($($argument),*)
            }
        }
    };
}

functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
functions!(A1 A2 A3 A4 A5 A6 A7 A8);
