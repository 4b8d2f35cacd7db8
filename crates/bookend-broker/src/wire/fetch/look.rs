//! One look at the partitions: what there is of them within the bytes that an answer may have.

use std::sync::Arc;

use bookend_log::Bounds;
use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        TopicName,
        fetch_response::{FetchableTopicResponse, PartitionData},
    },
};
use uuid::Uuid;

use super::super::{apart::Apart, code};
use crate::{
    buffers::Buffers,
    node::{Node, blocking},
    partition::{Batches, Partition},
    records::{LOCATED_BYTES, OpenFiles, Records},
};

/// Topics with what is asked for of them.
pub(super) type Topics = Vec<(TopicName, Uuid, Vec<Wanted>)>;

/// One partition that is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) partition: Result<Arc<Partition>, ResponseError>,
    pub(super) index: i32,
    pub(super) offset: i64,
    /// The client takes no more of it.
    pub(super) bytes_max: usize,
}

/// Reads what there is, also a first batch that is larger but has `first_max` bytes at most, or is sent from its file.
/// Where there is nothing, without a blocking thread.
pub(super) async fn look(
    node: &Node,
    topics: &Arc<Topics>,
    bytes_max: usize,
    first_max: usize,
) -> Read {
    let has_news = topics.iter().flat_map(|(_, _, wanted)| wanted).any(Wanted::has_news);
    let by = Means { buffers: node.buffers.clone(), open_files: node.open_files.clone() };
    if !has_news {
        return read_all(&by, topics, bytes_max, first_max);
    }
    let topics = Arc::clone(topics);
    blocking(move || read_all(&by, &topics, bytes_max, first_max)).await
}

/// What a look at the partitions needs of the node.
struct Means {
    buffers: Buffers,
    open_files: OpenFiles,
}

impl Wanted {
    /// Whether reading gives anything but "nothing yet".
    fn has_news(&self) -> bool {
        self.partition.as_ref().is_ok_and(|partition| partition.has_news(self.offset))
    }

    /// Reads at most `bytes_max`, or a first batch as [`Bounds::first_max`] says. Also says whether there is more.
    fn read(
        &self,
        by: &Means,
        bytes_max: usize,
        first_max: Option<usize>,
    ) -> Result<(Records, bool), ResponseError> {
        let partition = self.partition.as_ref().map_err(|error| *error)?;
        if partition.is_closed() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        if self.offset < partition.start() {
            return Err(ResponseError::OffsetOutOfRange);
        }
        if !partition.has_news(self.offset) || bytes_max == 0 && first_max.is_none() {
            return Ok((Records::default(), self.offset < partition.end()));
        }
        let permit = by.open_files.permit();
        let located_from = permit.is_some().then_some(LOCATED_BYTES);
        let bounds = Bounds { bytes_max, first_max, located_from };
        let mut found = Batches::default();
        let bytes = by.buffers.filled(|to| {
            found = partition.read(self.offset, bounds, to)?;
            Ok(())
        })?;
        Ok((Records::new(&bytes, found.payloads, permit), found.has_more))
    }
}

/// What one look at the partitions gave.
#[derive(Default)]
pub(super) struct Read {
    pub(super) responses: Vec<FetchableTopicResponse>,
    /// Those of their records that are not in them.
    pub(super) apart: Apart,
    pub(super) bytes: usize,
    pub(super) bytes_in_memory: usize,
    /// As how many bytes it counts for who waits for some: where there is more, as all that would have been taken.
    pub(super) bytes_there: usize,
    /// Whether a partition has more than was taken.
    pub(super) has_more: bool,
    /// Whether there is no room for a next batch: further files are not opened to find the same.
    is_full: bool,
    pub(super) failed: bool,
}

impl Read {
    /// Counts the records of one partition, for which there was so much room and which takes so many.
    fn take(&mut self, records: &Records, has_more: bool, room: usize, bytes_max: usize) {
        let bytes = records.bytes();
        self.bytes += bytes;
        self.bytes_in_memory += records.bytes_in_memory();
        self.bytes_there += if has_more { bytes.max(room.min(bytes_max)) } else { bytes };
        self.has_more |= has_more;
        self.is_full |= has_more && room < bytes_max;
    }
}

fn read_all(by: &Means, topics: &Topics, bytes_max: usize, first_max: usize) -> Read {
    let mut read = Read::default();
    for (name, id, wanted) in topics {
        let mut partitions = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let room = if read.is_full { 0 } else { bytes_max.saturating_sub(read.bytes) };
            let first_max = (read.bytes == 0).then_some(first_max);
            let found = wanted.read(by, room.min(wanted.bytes_max), first_max);
            read.failed |= found.is_err();
            let records = found.map(|(records, has_more)| {
                read.take(&records, has_more, room, wanted.bytes_max);
                records.into_memory().unwrap_or_else(|records| {
                    read.apart.put(name, *id, wanted.index, records);
                    Bytes::new()
                })
            });
            partitions.push(partition_data(wanted, records));
        }
        read.responses.push(
            FetchableTopicResponse::default()
                .with_topic(name.clone())
                .with_topic_id(*id)
                .with_partitions(partitions),
        );
    }
    read
}

fn partition_data(wanted: &Wanted, records: Result<Bytes, ResponseError>) -> PartitionData {
    let data = PartitionData::default()
        .with_partition_index(wanted.index)
        .with_error_code(code(&records))
        .with_records(Some(records.unwrap_or_default()));
    match &wanted.partition {
        // One replica: what is appended is committed, and without transactions it is stable.
        Ok(partition) => data
            .with_high_watermark(partition.end())
            .with_last_stable_offset(partition.end())
            .with_log_start_offset(partition.start()),
        Err(_) => data.with_high_watermark(-1),
    }
}
