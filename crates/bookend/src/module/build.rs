//! Builds a checked graph: each provider as soon as what it needs is there, independent ones at once.
//!
//! Upstream: [`graph`](super::graph), which has found no fault. Downstream: [`Shutdown`], which takes it all down.

use std::{collections::HashSet, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::{
    Built,
    error::BuildError,
    provider::{Hook, Made, Provider},
    shutdown::Shutdown,
    token::{Deps, Values},
};

/// How long the hooks of a build that failed may take together.
const UNDO_MAX: Duration = Duration::from_secs(10);

/// What is to be built: only providers that the ends need, and a graph without faults.
pub(super) struct Plan<'m> {
    pub(super) providers: Vec<Provider<'m>>,
    pub(super) hooks: Vec<Hook>,
}

impl Plan<'_> {
    pub(super) async fn run<D: Deps>(self, ends: D) -> Result<Built<D::Values>, BuildError> {
        let Self { providers: mut waiting, mut hooks } = self;
        let expected: HashSet<_> = waiting.iter().map(|provider| provider.node.name).collect();
        let mut values = Values::default();
        let mut shutdown = Shutdown::new();
        let mut running = FuturesUnordered::new();
        loop {
            let ready = |provider: &mut Provider<'_>| {
                provider.is_ready(&values, |name| expected.contains(name))
            };
            running.extend(waiting.extract_if(.., ready).map(|provider| provider.make(&values)));
            match running.next().await {
                None => break,
                Some(Made { name, value: Ok(value), .. }) => {
                    values.insert(name, value);
                    for hook in hooks.extract_if(.., |hook| hook.need.name == name) {
                        shutdown.push(hook.bind(&values));
                    }
                }
                Some(Made { name, at, value: Err(source) }) => {
                    // Factories still at work end here: a hook must not wait for what nobody will use.
                    drop(running);
                    let hooks = shutdown.run_all(UNDO_MAX).await;
                    return Err(BuildError::Factory { name, at, source, hooks });
                }
            }
        }
        assert!(waiting.is_empty(), "the graph was checked, yet some providers never got ready");
        Ok(Built { ends: ends.values(&values), shutdown })
    }
}
