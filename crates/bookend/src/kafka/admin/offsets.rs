//! Where partitions begin and end, and how far groups have come.
//!
//! librdkafka asks for a partition's beginning and end as it asks for a time: by the numbers -2 and -1 in its place
//! (`ListOffsets`, KIP-79), one request for all partitions of a leader.

use std::collections::BTreeMap;

use rdkafka::{
    Offset as KafkaOffset,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};

use super::{Admin, AdminError, list, read};
use crate::{
    kafka::{cluster::REQUEST_TIMEOUT, context::Logged},
    record::Timestamp,
    topic::{Offset, TopicPartition},
};

/// What a partition holds: offsets from `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first offset that can be read.
    pub start: Offset,
    /// The offset that the next record will have.
    pub end: Offset,
}

impl OffsetRange {
    /// How many offsets lie between; where a topic is compacted, some of them have no record any more.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::try_from(self.end.0 - self.start.0).unwrap_or(0)
    }
}

impl Admin {
    /// Where these partitions begin and end now.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when the leader of one does not answer in time; a partition without one has none to ask.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn ranges(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, OffsetRange>, AdminError> {
        let partitions = partitions.to_vec();
        self.ask(move |client| {
            let starts = look_up(client, &partitions, KafkaOffset::Beginning)?;
            let mut ends: BTreeMap<_, _> =
                look_up(client, &partitions, KafkaOffset::End)?.into_iter().collect();
            let both = starts.into_iter().filter_map(|(at, start)| {
                let end = ends.remove(&at)??;
                Some((at, OffsetRange { start: start?, end }))
            });
            Ok(both.collect())
        })
        .await
    }

    /// In each of these partitions, the first offset whose record is of `time` or later; those that have none are left
    /// out.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when the leader of one does not answer in time.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn at_time(
        &self,
        partitions: &[TopicPartition],
        time: Timestamp,
    ) -> Result<BTreeMap<TopicPartition, Offset>, AdminError> {
        let partitions = partitions.to_vec();
        // Numbers below 0 are names for other places.
        let number = KafkaOffset::Offset(time.0.max(0));
        self.ask(move |client| {
            let found = look_up(client, &partitions, number)?;
            Ok(found.into_iter().filter_map(|(at, offset)| Some((at, offset?))).collect())
        })
        .await
    }

    /// What `group` has committed, of these partitions; those without are left out. Kafka's API for all at once is not
    /// within this client's reach, so give it all partitions to learn all.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when the group's coordinator does not answer in time or may not tell.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn committed(
        &self,
        group: &str,
        among: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Offset>, AdminError> {
        let among = among.to_vec();
        self.ask_as(group, move |client| committed(client, &among)).await
    }

    /// Commits these offsets in the place of `group`, which has no members, and says what is committed then.
    ///
    /// Kafka itself refuses while the group has members, so a member that comes in between is safe.
    ///
    /// # Errors
    /// [`AdminError::GroupInUse`] when the group has members; [`AdminError::Failed`] when its coordinator does not answer
    /// in time.
    ///
    /// # Cancel safety
    /// Dropped before it completes, the offsets may have been committed.
    pub async fn reset(
        &self,
        group: &str,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<BTreeMap<TopicPartition, Offset>, AdminError> {
        let offsets = offsets.to_vec();
        let moved = self.ask_as(group, move |client| {
            let at: Vec<_> = offsets.iter().map(|(at, _)| at.clone()).collect();
            // The question waits until the coordinator is known; a commit would only say that it is not.
            committed(client, &at)?;
            let new = offsets.iter().map(|(at, offset)| (at, KafkaOffset::Offset(offset.0)));
            match client.commit(&list(new)?, CommitMode::Sync) {
                Ok(()) => committed(client, &at).map(Some),
                Err(error) if is_in_use(&error) => Ok(None),
                Err(error) => Err(error),
            }
        });
        moved.await?.ok_or_else(|| AdminError::GroupInUse { group: group.to_owned() })
    }
}

/// Whether a commit is refused because the group has members.
fn is_in_use(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress)
    )
}

pub(in crate::kafka) fn look_up(
    client: &BaseConsumer<Logged>,
    partitions: &[TopicPartition],
    number: KafkaOffset,
) -> KafkaResult<Vec<(TopicPartition, Option<Offset>)>> {
    // librdkafka refuses to ask for nothing.
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let asked = list(partitions.iter().map(|at| (at, number)))?;
    read(&client.offsets_for_times(asked, REQUEST_TIMEOUT)?)
}

fn committed(
    client: &BaseConsumer<Logged>,
    among: &[TopicPartition],
) -> KafkaResult<BTreeMap<TopicPartition, Offset>> {
    if among.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = list(among.iter().map(|at| (at, KafkaOffset::Invalid)))?;
    let answer = read(&client.committed_offsets(asked, REQUEST_TIMEOUT)?)?;
    Ok(answer.into_iter().filter_map(|(at, offset)| Some((at, offset?))).collect())
}
