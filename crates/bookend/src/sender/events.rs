//! What the sender tells whoever listens: the way back from Kafka to the application.
//!
//! Up the stream: the worker. Down the stream: [`Sender::events`](crate::Sender::events), metrics.

use std::collections::BTreeMap;

use metrics::counter;
use tokio::sync::broadcast;

use super::stats::DropReason;
use crate::{telemetry::Metric, topic::TopicName};

/// How many events wait for a slow listener before it misses some.
const EVENTS_MAX: usize = 1_024;

/// Something that happened to messages after they were recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Messages of a topic were delivered to all in-sync replicas.
    Acked {
        /// The topic.
        topic: TopicName,
        /// How many.
        count: u64,
    },
    /// Messages were handed over and then dropped.
    Dropped {
        /// Why.
        reason: DropReason,
        /// How many.
        count: u64,
    },
    /// The producer broke and a new one sends what is outstanding, in order, with the same ids.
    Rebuilt,
}

/// Gathers what one round of the worker booked, and tells it in one event per topic and reason.
#[derive(Debug)]
pub(super) struct Events {
    sender: broadcast::Sender<Event>,
    acked: BTreeMap<TopicName, u64>,
    dropped: BTreeMap<&'static str, (DropReason, u64)>,
}

impl Events {
    pub(super) fn new() -> Self {
        let (acked, dropped) = Default::default();
        Self { sender: broadcast::Sender::new(EVENTS_MAX), acked, dropped }
    }

    pub(super) fn sender(&self) -> broadcast::Sender<Event> {
        self.sender.clone()
    }

    pub(super) fn acked(&mut self, topic: &TopicName) {
        if let Some(count) = self.acked.get_mut(topic) {
            *count += 1;
        } else {
            self.acked.insert(topic.clone(), 1);
        }
    }

    pub(super) fn dropped(&mut self, reason: DropReason) {
        self.dropped.entry(reason.as_str()).or_insert((reason, 0)).1 += 1;
    }

    pub(super) fn rebuilt(&self) {
        self.tell(Event::Rebuilt);
    }

    /// Tells what was gathered.
    pub(super) fn flush(&mut self) {
        for (topic, count) in std::mem::take(&mut self.acked) {
            counter!(Metric::Acked.as_str(), "topic" => topic.to_string()).increment(count);
            self.tell(Event::Acked { topic, count });
        }
        for (_, (reason, count)) in std::mem::take(&mut self.dropped) {
            self.tell(Event::Dropped { reason, count });
        }
    }

    fn tell(&self, event: Event) {
        // An error says that nobody listens.
        drop(self.sender.send(event));
    }
}
