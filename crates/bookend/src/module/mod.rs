//! Wires a service: typed tokens name what is provided, providers say what they depend on, `build` checks and builds.
//!
//! Stands beside the stream: it knows no other module of this crate, and none of them knows it.
//!
//! ```
//! use std::time::Duration;
//! use bookend::module::{Module, Token};
//!
//! const NAME: Token<&str> = Token::new("NAME");
//! const GREETING: Token<String> = Token::new("GREETING");
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = Module::new()
//!     .provide_value(NAME, "world")
//!     .provide(GREETING, (NAME,), async |(name,)| format!("hello {name}"))
//!     .on_shutdown(GREETING, async |greeting| drop(greeting))
//!     .build((GREETING,)) // the ends of the chains: typed, never an `Option`
//!     .await?;
//! let (greeting,) = app.ends;
//! assert_eq!(greeting, "hello world");
//! app.shutdown.run(Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What runs in between may fail; the hooks run all the same, before its error goes on:
//!
//! ```
//! # use std::{error::Error, time::Duration};
//! # use bookend::module::Shutdown;
//! # async fn work() -> Result<(), Box<dyn Error>> { Ok(()) }
//! # async fn example(shutdown: Shutdown) -> Result<(), Box<dyn Error>> {
//! let ended = work().await; // such as a service's `run`
//! shutdown.run(Duration::from_secs(5)).await?;
//! ended
//! # }
//! ```
//!
//! Wrong use does not start. What is missing, provided twice, circular, of another type, or overridden for nothing is
//! found before the first factory runs, and all of it is reported at once:
//!
//! ```
//! # use bookend::module::{Module, Token};
//! # const NAME: Token<&str> = Token::new("NAME");
//! # const GREETING: Token<String> = Token::new("GREETING");
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = Module::new().provide(GREETING, (NAME,), async |(name,)| format!("hello {name}"));
//! let error = app.build((GREETING,)).await.unwrap_err();
//! assert!(error.to_string().contains("`NAME` (`&str`) is missing: `GREETING` at "));
//! # }
//! ```

mod token;
mod error;
mod graph;
mod provider;
mod build;
mod shutdown;
#[cfg(test)]
mod tests;

pub use self::{
    error::{Asker, BoxError, BuildError, Fault, HookFault, ShutdownError},
    provider::{IntoHookResult, IntoProvided},
    shutdown::Shutdown,
    token::{Dependency, Deps, Optional, Provided, Token},
};

use std::{fmt, future::ready, panic::Location};

use self::{
    build::Plan,
    graph::{Ask, Graph, Place},
    provider::{Hook, Provider},
    token::Need,
};

/// Providers, overrides and hooks, collected until [`build`](Self::build).
///
/// Factories may borrow for `'m`, so that the configuration can stay where it is.
#[derive(Default)]
#[must_use = "nothing is built before `build`"]
pub struct Module<'m> {
    providers: Vec<Provider<'m>>,
    overrides: Vec<Provider<'m>>,
    hooks: Vec<Hook>,
}

/// What [`Module::build`] gives. Take the two apart as you like: `let (first, second) = built.ends;`.
#[derive(Debug)]
#[must_use = "the shutdown hooks wait in it"]
pub struct Built<V> {
    /// The values of the tokens given to `build`, in their order.
    pub ends: V,
    /// Takes down what was built.
    pub shutdown: Shutdown,
}

impl<'m> Module<'m> {
    /// An empty module.
    pub fn new() -> Self {
        Self::default()
    }

    /// Provides `token` by a factory, which gets the values of `deps` and returns the value or a `Result` of it.
    ///
    /// It runs once, and only if an end needs it. Factories that do not depend on each other run at the same time.
    #[track_caller]
    pub fn provide<T: Provided, D: Deps, F, Fut>(
        mut self,
        token: Token<T>,
        deps: D,
        factory: F,
    ) -> Self
    where
        F: FnOnce(D::Values) -> Fut + Send + 'm,
        Fut: Future<Output: IntoProvided<T>> + Send + 'm,
    {
        self.providers.push(Provider::new(token, deps, factory));
        self
    }

    /// Provides `token` by a value that is already there.
    #[track_caller]
    pub fn provide_value<T: Provided>(self, token: Token<T>, value: T) -> Self {
        self.provide(token, (), move |()| ready(value))
    }

    /// Runs `hook` with the token's value at shutdown, after the hooks of all that was built later.
    ///
    /// It runs if the value was built, also when a factory failed after it. Hooks of one token run in reverse order
    /// of their registration; an overridden token keeps its hooks.
    #[track_caller]
    pub fn on_shutdown<T: Provided, F, Fut>(mut self, token: Token<T>, hook: F) -> Self
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        Fut: Future<Output: IntoHookResult> + Send + 'static,
    {
        self.hooks.push(Hook::new(token, hook));
        self
    }

    /// For tests: `value` takes the place of what `token`'s provider would build; its factory does not run.
    ///
    /// What only that provider needed is not built either. Overriding what nobody provides is a fault; of several
    /// overrides of one token, the last counts.
    #[track_caller]
    pub fn override_value<T: Provided>(self, token: Token<T>, value: T) -> Self {
        self.override_with(token, (), move |()| ready(value))
    }

    /// For tests: another factory, with dependencies of its own, takes the place of `token`'s; else as
    /// [`override_value`](Self::override_value).
    #[track_caller]
    pub fn override_with<T: Provided, D: Deps, F, Fut>(
        mut self,
        token: Token<T>,
        deps: D,
        factory: F,
    ) -> Self
    where
        F: FnOnce(D::Values) -> Fut + Send + 'm,
        Fut: Future<Output: IntoProvided<T>> + Send + 'm,
    {
        self.overrides.push(Provider::new(token, deps, factory));
        self
    }

    /// Checks the whole module, then builds what `ends` need and returns their values.
    ///
    /// The check is done when this is called; factories run when the future is awaited.
    ///
    /// # Errors
    /// [`BuildError::Invalid`] holds every fault of the module, and nothing was built. [`BuildError::Factory`] tells
    /// which factory failed; those still at work were dropped, and the hooks of what was built have run.
    ///
    /// # Cancel safety
    /// Dropping this future drops what was built, without its hooks: a warning names them.
    #[track_caller]
    pub fn build<D: Deps>(
        self,
        ends: D,
    ) -> impl Future<Output = Result<Built<D::Values>, BuildError>> + Send {
        let plan = self.plan(&ends.needs(), Location::caller());
        async move { plan?.run(ends).await }
    }

    fn plan(mut self, ends: &[Need], at: Place) -> Result<Plan<'m>, BuildError> {
        let mut faults = Vec::new();
        let mut asks: Vec<_> =
            ends.iter().map(|&need| Ask { need, by: Asker::Build, at }).collect();
        asks.extend(self.hooks.iter().map(|hook| Ask {
            need: hook.need,
            by: Asker::Hook,
            at: hook.at,
        }));
        for overriding in std::mem::take(&mut self.overrides) {
            let (name, kind, at) = (overriding.node.name, overriding.node.kind, overriding.node.at);
            match self.providers.iter_mut().find(|provider| provider.node.name == name) {
                None => faults.push(Fault::UnusedOverride { name, at }),
                Some(provider) if provider.node.kind == kind => *provider = overriding,
                Some(_) => asks.push(Ask {
                    need: Need { name, kind, optional: false },
                    by: Asker::Override,
                    at,
                }),
            }
        }
        let graph = Graph::new(self.providers.iter().map(|provider| &provider.node));
        faults.extend(graph.faults(&asks));
        if !faults.is_empty() {
            return Err(BuildError::Invalid(faults));
        }
        let reached = graph.reached(ends);
        self.providers.retain(|provider| reached.contains(provider.node.name));
        Ok(Plan { providers: self.providers, hooks: self.hooks })
    }
}

impl fmt::Debug for Module<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<'a>(providers: &'a [Provider<'_>]) -> Vec<&'a str> {
            providers.iter().map(|provider| provider.node.name).collect()
        }
        f.debug_struct("Module")
            .field("providers", &names(&self.providers))
            .field("overrides", &names(&self.overrides))
            .finish_non_exhaustive()
    }
}
