//! `Fetch`: batches from an offset on, at once or as soon as there are enough of them.
//!
//! A fetch that finds too little is parked until the bytes it lacks have been appended, so nothing polls, and nothing
//! is read again before it suffices.
//! Sessions (KIP-227) are not kept: a client that asks for one is told so, and names its partitions each
//! time. Topic ids from version 13 on: KIP-516.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, FetchRequest, FetchResponse, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::{FetchableTopicResponse, PartitionData},
    },
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Api, Client, Refusal, check_leader_epoch, code, millis,
    schema::{Schema, array, fixed, list, structure, tagged, text},
};
use crate::{
    buffers::Buffers,
    node::{Node, blocking},
    partition::{Partition, Waiter, Watch},
};

pub(super) const API: Api = Api {
    key: ApiKey::Fetch,
    min: 4,
    max: 17,
    schema: Schema {
        flexible: 12,
        fields: &[
            fixed(4).until(14),
            fixed(4),
            fixed(4),
            fixed(4),
            fixed(1),
            fixed(4).since(7),
            fixed(4).since(7),
            array(&[
                text().until(12),
                fixed(16).since(13),
                array(&[
                    fixed(4),
                    fixed(4).since(9),
                    fixed(8),
                    fixed(4).since(12),
                    fixed(8).since(5),
                    fixed(4),
                    tagged(0, &fixed(16)).since(17),
                ]),
            ]),
            array(&[text().until(12), fixed(16).since(13), list(&fixed(4))]).since(7),
            text().since(11),
            tagged(0, &text()),
            tagged(1, &structure(&[fixed(4), fixed(8)])).since(15),
        ],
    },
};

/// The most bytes of records in one answer, whatever the client asks for; Apache Kafka's `fetch.max.bytes`.
const FETCH_BYTES_MAX: usize = 55 * 1024 * 1024;

/// Topics with what is asked for of them.
type Topics = Vec<(TopicName, Uuid, Vec<Wanted>)>;

/// What a parked fetch is reckoned to keep of each partition.
const PARKED_BYTES: usize = 128;

/// One partition that is asked for.
#[derive(Debug)]
struct Wanted {
    partition: Result<Arc<Partition>, ResponseError>,
    index: i32,
    offset: i64,
    bytes_max: usize,
}

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    version: i16,
    request: FetchRequest,
) -> Result<FetchResponse, Refusal> {
    if request.session_id != 0 {
        let error = ResponseError::FetchSessionIdNotFound.code();
        return Ok(FetchResponse::default().with_error_code(error));
    }
    let mut named = HashSet::new();
    let resolve = |topic| resolve(node, version, topic, &mut named);
    let topics: Topics = request.topics.into_iter().map(resolve).collect();
    let topics = Arc::new(topics);
    let partitions: Vec<_> = topics
        .iter()
        .flat_map(|(_, _, wanted)| wanted)
        .filter_map(|wanted| wanted.partition.as_ref().ok())
        .collect();
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(FETCH_BYTES_MAX);
    let nothing = topics.iter().all(|(_, _, wanted)| wanted.is_empty());
    let bytes_min = usize::try_from(request.min_bytes).unwrap_or(0).min(bytes_max);
    // Who asks for nothing waits for nothing.
    let bytes_min = if nothing { 0 } else { bytes_min };
    let deadline = Instant::now() + millis(request.max_wait_ms);
    let waiter = Arc::new(Waiter::default());
    let mut watches: Vec<Watch<'_>> = Vec::new();
    loop {
        let seen = bytes_seen(&partitions);
        let in_time = Instant::now() < deadline;
        let mut room = client.held.memory().take_up_to(bytes_max).await?;
        let read = look(&node.buffers, &topics, room.bytes()).await;
        // A client that asks for more than there is room for gets less.
        let bytes_min = bytes_min.min(room.bytes());
        if read.bytes >= bytes_min || read.failed || !in_time {
            room.shrink(read.bytes);
            client.held.keep(room);
            return Ok(FetchResponse::default().with_responses(read.responses));
        }
        drop(room);
        waiter.wait_for((bytes_min - read.bytes) as u64);
        if watches.is_empty() {
            watches.extend(partitions.iter().map(|partition| partition.watch(&waiter)));
        }
        // What was appended since the look began, and perhaps before this fetch could be told of it.
        let missed = bytes_seen(&partitions).wrapping_sub(seen);
        if missed > 0 && waiter.count(missed) || has_failed(&topics) {
            continue;
        }
        client.held.shrink(partitions.len() * PARKED_BYTES);
        tokio::select! {
            () = waiter.woken() => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = client.gone() => return Err(Refusal::Gone),
        }
    }
}

/// How many bytes these partitions have seen: the difference of two calls is what came in between.
fn bytes_seen(partitions: &[&Arc<Partition>]) -> u64 {
    partitions.iter().fold(0, |sum, partition| sum.wrapping_add(partition.bytes_seen()))
}

/// Whether a read would now end in an error that it did not before: a topic is gone, or records are.
fn has_failed(topics: &Topics) -> bool {
    let mut wanted = topics.iter().flat_map(|(_, _, wanted)| wanted);
    wanted.any(|wanted| {
        let partition = wanted.partition.as_ref();
        partition.is_ok_and(|p| p.is_closed() || p.start() > wanted.offset)
    })
}

/// Reads what there is; where there is nothing, without a blocking thread.
async fn look(buffers: &Buffers, topics: &Arc<Topics>, bytes_max: usize) -> Read {
    let has_news = topics.iter().flat_map(|(_, _, wanted)| wanted).any(Wanted::has_news);
    if !has_news {
        return read_all(buffers, topics, bytes_max);
    }
    let (buffers, topics) = (buffers.clone(), Arc::clone(topics));
    blocking(move || read_all(&buffers, &topics, bytes_max)).await
}

/// Finds what is asked for, but for what was `named` already: a partition is read once, however often it is named.
fn resolve(
    node: &Node,
    version: i16,
    mut topic: FetchTopic,
    named: &mut HashSet<(TopicName, Uuid, i32)>,
) -> (TopicName, Uuid, Vec<Wanted>) {
    let place = |asked: &FetchPartition| (topic.topic.clone(), topic.topic_id, asked.partition);
    topic.partitions.retain(|asked| named.insert(place(asked)));
    let (found, missing) = if version < 13 {
        (node.catalog.find(&topic.topic), ResponseError::UnknownTopicOrPartition)
    } else {
        (node.catalog.find_id(topic.topic_id), ResponseError::UnknownTopicId)
    };
    let want = |asked: FetchPartition| {
        let partition = found.as_ref().ok_or(missing).and_then(|topic| {
            check_leader_epoch(asked.current_leader_epoch)?;
            topic.partition(asked.partition).ok_or(ResponseError::UnknownTopicOrPartition)
        });
        Wanted {
            partition: partition.cloned(),
            index: asked.partition,
            offset: asked.fetch_offset,
            bytes_max: usize::try_from(asked.partition_max_bytes).unwrap_or(0),
        }
    };
    let wanted = topic.partitions.into_iter().map(want).collect();
    (topic.topic, topic.topic_id, wanted)
}

impl Wanted {
    /// Whether reading gives anything but "nothing yet".
    fn has_news(&self) -> bool {
        self.partition.as_ref().is_ok_and(|partition| partition.has_news(self.offset))
    }

    /// Reads within `room`; if `first`, at least one batch, however large.
    fn read(&self, buffers: &Buffers, room: usize, first: bool) -> Result<Bytes, ResponseError> {
        let partition = self.partition.as_ref().map_err(|error| *error)?;
        if partition.is_closed() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let room = room.min(self.bytes_max);
        if room == 0 && !first || !partition.has_news(self.offset) {
            return Ok(Bytes::new());
        }
        let records = buffers.filled(|to| partition.read(self.offset, room, to))?;
        Ok(if first || records.len() <= room { records } else { Bytes::new() })
    }
}

/// What one look at the partitions gave.
struct Read {
    responses: Vec<FetchableTopicResponse>,
    bytes: usize,
    failed: bool,
}

fn read_all(buffers: &Buffers, topics: &Topics, bytes_max: usize) -> Read {
    let mut read = Read { responses: Vec::with_capacity(topics.len()), bytes: 0, failed: false };
    for (name, id, wanted) in topics {
        let mut partitions = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let room = bytes_max.saturating_sub(read.bytes);
            let records = wanted.read(buffers, room, read.bytes == 0);
            read.failed |= records.is_err();
            read.bytes += records.as_ref().map_or(0, Bytes::len);
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
