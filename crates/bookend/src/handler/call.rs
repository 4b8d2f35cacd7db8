//! One call of a handler: arguments taken, panics caught, the result read.

use std::{
    any::Any,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::{FutureExt, future::BoxFuture};

use super::AsyncFnOf;
use crate::{
    extract::{Batch, BatchArgs, FromMessage},
    record::Message,
    settle::{IntoOutcome, Outcome},
    words,
};

/// A call that was prepared: every message is either rejected, or one of those the future handles.
pub(crate) struct Call {
    /// Messages that an extractor rejected, by their place, ascending.
    pub(crate) rejected: Vec<(usize, Outcome)>,
    /// The handler at work on the others; `None` when there are none.
    pub(crate) running: Option<BoxFuture<'static, Outcome>>,
}

/// A handler with its state, its types erased.
pub(crate) trait Handle: Send + Sync {
    /// Prepares a call for these messages: one for a handler of single messages, at least one for a batch handler.
    fn call(&self, messages: &[Message]) -> Call;
}

/// A handler of single messages.
pub(crate) struct Each<F, A, S> {
    handler: F,
    state: S,
    arguments: PhantomData<fn(A)>,
}

/// A handler of batches.
pub(crate) struct InBatches<F, A, S> {
    handler: F,
    state: S,
    arguments: PhantomData<fn(A)>,
}

impl<F, A, S> Each<F, A, S> {
    pub(crate) fn new(handler: F, state: S) -> Self {
        Self { handler, state, arguments: PhantomData }
    }
}

impl<F, A, S> InBatches<F, A, S> {
    pub(crate) fn new(handler: F, state: S) -> Self {
        Self { handler, state, arguments: PhantomData }
    }
}

impl<F, A, S> Handle for Each<F, A, S>
where
    F: AsyncFnOf<A>,
    F::Output: IntoOutcome,
    A: FromMessage<S>,
    S: Send + Sync,
{
    fn call(&self, messages: &[Message]) -> Call {
        let [message] = messages else { unreachable!("single messages are gathered one by one") };
        match extract::<A, S>(message, &self.state) {
            Ok(arguments) => {
                let running = Some(guarded(&self.handler, arguments));
                Call { rejected: Vec::new(), running }
            }
            Err(outcome) => Call { rejected: vec![(0, outcome)], running: None },
        }
    }
}

impl<F, A, S> Handle for InBatches<F, A, S>
where
    F: AsyncFnOf<A>,
    F::Output: IntoOutcome,
    A: BatchArgs<S>,
    S: Send + Sync,
{
    fn call(&self, messages: &[Message]) -> Call {
        let mut rejected = Vec::new();
        let mut elements = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            match extract::<A::Element, S>(message, &self.state) {
                Ok(element) => elements.push(element),
                Err(outcome) => rejected.push((index, outcome)),
            }
        }
        let running = (!elements.is_empty())
            .then(|| guarded(&self.handler, A::assemble(Batch(elements), &self.state)));
        Call { rejected, running }
    }
}

fn extract<E: FromMessage<S>, S>(message: &Message, state: &S) -> Result<E, Outcome> {
    let take = || E::from_message(message, state).map_err(IntoOutcome::into_outcome);
    catch_unwind(AssertUnwindSafe(take))
        .unwrap_or_else(|panic| Err(panicked("an extractor", &*panic)))
}

/// The handler's call as a future that does not panic.
fn guarded<F, A>(handler: &F, arguments: A) -> BoxFuture<'static, Outcome>
where
    F: AsyncFnOf<A>,
    F::Output: IntoOutcome,
{
    match catch_unwind(AssertUnwindSafe(|| handler.apply(arguments))) {
        Ok(future) => async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(result) => result.into_outcome(),
                Err(panic) => panicked("the handler", &*panic),
            }
        }
        .boxed(),
        Err(panic) => std::future::ready(panicked("the handler", &*panic)).boxed(),
    }
}

/// A panic is a fault of this message until shown otherwise: no try will help, and its neighbors go on.
fn panicked(who: &str, panic: &(dyn Any + Send)) -> Outcome {
    let text = words::of_panic(panic);
    Outcome::DeadLetter { cause: format!("{who} panicked: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{Json, tests::message};

    async fn numbers(Batch(numbers): Batch<Json<u8>>) {
        assert_eq!(numbers, [Json(1), Json(3)], "the rejected one is not here");
    }

    // Goal: a batch handler sees what could be decoded; the rest is rejected by its place.
    #[tokio::test]
    async fn a_batch_leaves_out_what_is_rejected() {
        let messages = [message(0, "1"), message(1, "x"), message(2, "3")];
        let call = InBatches::<_, (Batch<Json<u8>>,), ()>::new(numbers, ()).call(&messages);
        let [(1, Outcome::DeadLetter { cause })] = &call.rejected[..] else { panic!() };
        assert!(cause.contains("JSON"), "{cause}");
        assert_eq!(call.running.unwrap().await, Outcome::Done);

        let call = InBatches::<_, (Batch<Json<u8>>,), ()>::new(numbers, ()).call(&messages[1..2]);
        assert!(call.running.is_none(), "an empty batch is not handed over");
    }

    // Goal: a panic is an outcome, wherever in the handler it happens.
    #[tokio::test]
    async fn a_panic_is_an_outcome() {
        async fn panics(Json(number): Json<u8>) {
            panic!("cannot do {number}");
        }
        let call = Each::<_, (Json<u8>,), ()>::new(panics, ()).call(&[message(0, "1")]);
        assert_eq!(
            call.running.unwrap().await,
            Outcome::DeadLetter { cause: "the handler panicked: cannot do 1".to_owned() }
        );

        let before = |_: Json<u8>| -> std::future::Ready<()> { panic!("before the future") };
        let call = Each::<_, (Json<u8>,), ()>::new(before, ()).call(&[message(0, "1")]);
        assert!(matches!(call.running.unwrap().await, Outcome::DeadLetter { .. }));
    }
}
