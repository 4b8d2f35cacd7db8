//! A provider and a shutdown hook with their types put away, so that a module can hold all of them in one list.

use std::panic::{AssertUnwindSafe, Location};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{
    error::{BoxError, panicked},
    graph::{Node, Place},
    token::{AnyValue, Dependency as _, Deps, Kind, Need, Provided, Token, Values},
};

/// What a factory for a `Token<T>` may return: `T`, or a `Result<T, E>` of any error.
#[diagnostic::on_unimplemented(
    message = "this factory returns `{Self}`, but the token promises `{T}`",
    label = "returns `{Self}`",
    note = "return `{T}` or `Result<{T}, E>`, where `E` is any error that is `Send + Sync`"
)]
pub trait IntoProvided<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// What the factory returned.
    fn into_provided(self) -> Result<T, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<T: Provided> IntoProvided<T> for T {
    fn into_provided(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Provided, E: Into<BoxError>> IntoProvided<T> for Result<T, E> {
    fn into_provided(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

/// What a shutdown hook may return: nothing, or a `Result<(), E>` of any error.
#[diagnostic::on_unimplemented(
    message = "this shutdown hook returns `{Self}`",
    label = "a hook returns `()` or `Result<(), E>`"
)]
pub trait IntoHookResult {
    /// How it went.
    ///
    /// # Errors
    /// What the hook returned.
    fn into_hook_result(self) -> Result<(), BoxError>;
}

impl IntoHookResult for () {
    fn into_hook_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> IntoHookResult for Result<(), E> {
    fn into_hook_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// Work on values that are not there yet: takes them out once they are, and works when it is polled.
trait Late<'m, T>: FnOnce(&Values) -> BoxFuture<'m, Result<T, BoxError>> + Send + 'm {}

impl<'m, T, F> Late<'m, T> for F where
    F: FnOnce(&Values) -> BoxFuture<'m, Result<T, BoxError>> + Send + 'm
{
}

/// How a value is made of those it depends on.
pub(super) struct Provider<'m> {
    pub(super) node: Node,
    factory: Box<dyn Late<'m, AnyValue>>,
}

impl<'m> Provider<'m> {
    #[track_caller]
    pub(super) fn new<T: Provided, D: Deps, F, Fut>(token: Token<T>, deps: D, factory: F) -> Self
    where
        F: FnOnce(D::Values) -> Fut + Send + 'm,
        Fut: Future<Output: IntoProvided<T>> + Send + 'm,
    {
        let node = Node {
            name: token.name(),
            kind: Kind::of::<T>(),
            at: Location::caller(),
            needs: deps.needs(),
        };
        let factory = Box::new(move |values: &Values| {
            let values = deps.values(values);
            let made = async move {
                let value = factory(values).await.into_provided()?;
                Ok(Box::new(value) as AnyValue)
            };
            caught(made).boxed()
        });
        Self { node, factory }
    }

    /// Whether all that it needs and that will ever be there is there.
    pub(super) fn is_ready(&self, values: &Values, expected: impl Fn(&str) -> bool) -> bool {
        self.node.needs.iter().all(|need| values.contains(need.name) || !expected(need.name))
    }

    /// Calls the factory once the returned future is polled.
    pub(super) fn make(self, values: &Values) -> BoxFuture<'m, Made> {
        let Node { name, at, .. } = self.node;
        (self.factory)(values).map(move |value| Made { name, at, value }).boxed()
    }
}

/// What a factory made.
pub(super) struct Made {
    pub(super) name: &'static str,
    pub(super) at: Place,
    pub(super) value: Result<AnyValue, BoxError>,
}

/// What is to be done with a value at shutdown.
pub(super) struct Hook {
    pub(super) need: Need,
    pub(super) at: Place,
    bind: Box<dyn Late<'static, ()>>,
}

impl Hook {
    #[track_caller]
    pub(super) fn new<T: Provided, F, Fut>(token: Token<T>, hook: F) -> Self
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        Fut: Future<Output: IntoHookResult> + Send + 'static,
    {
        let bind = Box::new(move |values: &Values| {
            let value = token.value(values);
            caught(async move { hook(value).await.into_hook_result() }).boxed()
        });
        Self { need: token.need(), at: Location::caller(), bind }
    }

    /// The hook with its value in hand; it runs when it is polled.
    pub(super) fn bind(self, values: &Values) -> BoundHook {
        BoundHook { name: self.need.name, run: (self.bind)(values) }
    }
}

/// A hook that waits for shutdown.
pub(super) struct BoundHook {
    pub(super) name: &'static str,
    pub(super) run: BoxFuture<'static, Result<(), BoxError>>,
}

/// Turns a panic into an error: one bad factory or hook must not keep the other hooks from running.
async fn caught<T>(run: impl Future<Output = Result<T, BoxError>> + Send) -> Result<T, BoxError> {
    AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|payload| Err(panicked(&*payload)))
}
