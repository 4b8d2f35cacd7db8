//! Routing: which handler takes the messages of which topic.
//!
//! Pure: nothing runs here. Faults in the wiring are collected with the line that made them, and reported together
//! before any connection is made. Up the stream: [`handler`](crate::handler); down the stream, the
//! [`service`](crate::service) runs what is routed here.

mod misuse;

pub use self::misuse::{Misuse, Site};

use std::{collections::BTreeMap, panic::Location, sync::Arc, time::Duration};

use crate::{handler::Handle, topic::TopicName};

/// When a batch handler is called: once there are enough messages, or the first has waited long enough.
///
/// ```
/// use std::time::Duration;
///
/// use bookend::service::BatchOf;
///
/// let batch = BatchOf::records(1_000).or_after(Duration::from_millis(50));
/// assert_eq!(batch.records_max, 1_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOf {
    /// No batch has more.
    pub records_max: usize,
    /// No message waits longer for company; the clock starts at the first and never starts over.
    pub linger: Duration,
}

impl BatchOf {
    /// Up to `records_max` messages, waiting up to 20 ms for them.
    #[must_use]
    pub const fn records(records_max: usize) -> Self {
        Self { records_max, linger: Duration::from_millis(20) }
    }

    /// Sets how long the first message of a batch waits for others.
    #[must_use]
    pub const fn or_after(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }
}

/// How the messages of one topic are handled.
#[derive(Clone)]
pub(crate) struct Route {
    /// `None` for a handler of single messages.
    pub(crate) batch: Option<BatchOf>,
    pub(crate) handler: Arc<dyn Handle>,
}

/// The routes by topic, checked.
pub(crate) type Routes = BTreeMap<TopicName, Route>;

/// A handler that waits for its state.
type Bind<S> = Box<dyn FnOnce(&S) -> Arc<dyn Handle> + Send>;

/// Routes as they are wired, not yet checked.
pub(crate) struct Router<S> {
    entries: Vec<Entry<S>>,
}

struct Entry<S> {
    topic: String,
    site: Site,
    batch: Option<BatchOf>,
    bind: Bind<S>,
}

impl<S> Router<S> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a route that was wired at `site`.
    pub(crate) fn add(
        &mut self,
        topic: &str,
        batch: Option<BatchOf>,
        site: &'static Location<'static>,
        bind: impl FnOnce(&S) -> Arc<dyn Handle> + Send + 'static,
    ) {
        let (topic, site) = (topic.to_owned(), Site(site));
        self.entries.push(Entry { topic, site, batch, bind: Box::new(bind) });
    }

    /// Gives every handler its state.
    pub(crate) fn with_state(self, state: &S) -> Router<()> {
        let bound = |entry: Entry<S>| {
            let handler = (entry.bind)(state);
            let bind: Bind<()> = Box::new(move |()| handler);
            Entry { topic: entry.topic, site: entry.site, batch: entry.batch, bind }
        };
        Router { entries: self.entries.into_iter().map(bound).collect() }
    }
}

impl Router<()> {
    /// The routes, or everything that is wrong with them.
    pub(crate) fn check(self) -> Result<Routes, Vec<Misuse>> {
        let mut faults = Vec::new();
        let mut sites = BTreeMap::new();
        let mut routes = Routes::new();
        if self.entries.is_empty() {
            faults.push(Misuse::NoTopic);
        }
        for Entry { topic, site, batch, bind } in self.entries {
            if batch.is_some_and(|batch| batch.records_max == 0) {
                faults.push(Misuse::EmptyBatch { topic: topic.clone(), site });
            }
            match TopicName::new(topic) {
                Err(source) => faults.push(Misuse::InvalidTopic { site, source }),
                Ok(topic) => {
                    if let Some(first) = sites.insert(topic.clone(), site) {
                        faults.push(Misuse::Duplicate {
                            topic: topic.clone(),
                            first,
                            second: site,
                        });
                    }
                    routes.insert(topic, Route { batch, handler: bind(&()) });
                }
            }
        }
        if faults.is_empty() { Ok(routes) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Each;

    async fn nothing() {}

    #[track_caller]
    fn add(router: &mut Router<()>, topic: &str, batch: Option<BatchOf>) -> u32 {
        let site = Location::caller();
        router.add(topic, batch, site, |()| Arc::new(Each::<_, (), ()>::new(nothing, ())));
        site.line()
    }

    // Goal: every fault is found, each with the line that made it, in one go.
    #[test]
    fn faults_come_together_with_their_lines() {
        let mut router = Router::new();
        let first = add(&mut router, "A", None);
        let second = add(&mut router, "A", None);
        let invalid = add(&mut router, "no spaces", None);
        let empty = add(&mut router, "B", Some(BatchOf::records(0)));
        let faults = router.check().err().unwrap();
        let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(faults.len(), 3, "{text}");
        for (line, words) in
            [(first, "twice"), (second, "twice"), (invalid, "spaces"), (empty, "0")]
        {
            assert!(text.contains(&format!("router/mod.rs:{line}")), "{line} in {text}");
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn a_service_without_topics_is_a_fault() {
        assert_eq!(Router::new().check().err(), Some(vec![Misuse::NoTopic]));
    }

    #[test]
    fn good_routes_pass() {
        let mut router = Router::new();
        add(&mut router, "A", None);
        add(&mut router, "B", Some(BatchOf::records(1)));
        let routes = router.check().unwrap();
        assert_eq!(routes.keys().map(TopicName::as_str).collect::<Vec<_>>(), ["A", "B"]);
    }
}
