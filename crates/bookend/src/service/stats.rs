//! How a service is, for health checks, metrics pages and people.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use serde::Serialize;

use super::board::Board;
use crate::topic::{Offset, TopicName, TopicPartition};

/// A service whose thread has not polled for so long is dead; it polls ten times a second.
const POLL_AGE_MAX: Duration = Duration::from_secs(30);

/// A partition whose messages have not come for so long stands still: fetching takes less than a second.
const BEHIND_MAX: Duration = Duration::from_secs(30);

/// Asks a service how it is, from anywhere. Cloning is cheap.
#[derive(Clone)]
pub struct ServiceHandle {
    pub(super) board: Arc<Board>,
}

impl ServiceHandle {
    /// How the service is right now.
    #[must_use]
    pub fn stats(&self) -> ServiceStats {
        self.board.stats()
    }
}

impl fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandle").finish_non_exhaustive()
    }
}

/// Where a service is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Phase {
    /// `run` has not connected yet.
    Starting,
    /// It consumes.
    Running,
    /// It drains its handlers and commits.
    Stopping,
    /// `run` has returned.
    Ended,
}

impl Phase {
    pub(super) fn from_u8(number: u8) -> Self {
        let all = [Self::Starting, Self::Running, Self::Stopping];
        all.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Self::Ended)
    }
}

/// How a service is.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ServiceStats {
    /// Where it is in its life.
    pub phase: Phase,
    /// What was counted since its start, by topic.
    pub topics: BTreeMap<TopicName, TopicStats>,
    /// What the group gave it.
    pub partitions: Vec<PartitionStats>,
    /// How long ago its thread last polled; `None` before it did.
    pub last_poll: Option<Duration>,
    /// What fails right now between it and the brokers; it goes on by itself when that is over.
    pub trouble: Option<String>,
}

/// What a service has done with one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopicStats {
    /// Messages taken from Kafka; those of a revoked partition come again elsewhere.
    pub consumed: u64,
    /// Messages settled as done.
    pub done: u64,
    /// Messages settled by leaving them aside.
    pub skipped: u64,
    /// Calls that were followed by another try.
    pub retries: u64,
}

/// One assigned partition.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PartitionStats {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub partition: TopicPartition,
    /// Messages taken and not yet below the mark.
    pub in_flight: u64,
    /// Everything taken below this offset is settled: the committed offset at first, or where the partition began;
    /// `None` until that is known.
    pub settled_below: Option<Offset>,
    /// Messages in the partition that are not settled, as far as known.
    pub lag: Option<u64>,
    /// Fetching stands still until the handler has caught up.
    pub is_paused: bool,
    /// How long the handler has been at its call; `None` while it is not.
    pub busy_for: Option<Duration>,
    /// That is longer than the handler's timeout.
    pub is_overdue: bool,
    /// How long messages have not come, although the brokers answer and nothing is in flight; `None` while all is
    /// well.
    pub behind_for: Option<Duration>,
    /// What is being tried again, and why.
    pub retrying: Option<Retrying>,
}

/// A message, or a batch, that is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retrying {
    /// The offset of the first message.
    pub offset: Offset,
    /// Tries so far.
    pub attempts: u32,
    /// Why the last one failed.
    pub cause: String,
}

fn as_text<S: serde::Serializer>(at: &TopicPartition, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

impl ServiceStats {
    /// Whether the service is alive: its thread polls, and no handler is past its timeout. A restart may help a
    /// service that is not; it does not help one that [waits](Self::waiting_for).
    #[must_use]
    pub fn is_live(&self) -> bool {
        let polls = !matches!(self.phase, Phase::Running | Phase::Stopping)
            || self.last_poll.is_none_or(|age| age < POLL_AGE_MAX);
        polls && !self.partitions.iter().any(|partition| partition.is_overdue)
    }

    /// What the service waits for, each in a sentence; empty when nothing keeps it from its work.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<String> {
        let retrying = |partition: &PartitionStats| {
            let Retrying { offset, attempts, cause } = partition.retrying.as_ref()?;
            let partition = &partition.partition;
            Some(format!("{partition} offset {offset} failed {attempts} times: {cause}"))
        };
        let trouble = self.trouble.iter().map(|trouble| format!("the brokers: {trouble}"));
        let behind = |partition: &PartitionStats| {
            let seconds = partition.behind_for.filter(|behind| *behind > BEHIND_MAX)?.as_secs();
            let partition = &partition.partition;
            Some(format!("{partition}: nothing has come for {seconds} s, and not all is fetched"))
        };
        let behind = self.partitions.iter().filter_map(behind);
        trouble.chain(self.partitions.iter().filter_map(retrying)).chain(behind).collect()
    }
}
