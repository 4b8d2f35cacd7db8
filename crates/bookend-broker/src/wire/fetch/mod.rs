//! `Fetch`: batches from an offset on, at once or as soon as there are enough of them.
//!
//! A fetch that finds too little is parked until as many bytes have been appended as it lacks, so nothing polls.
//! Sessions (KIP-227) are not kept: a client that asks for one is told so, and names its partitions each
//! time. Topic ids from version 13 on: KIP-516. [`look`] is one look at the partitions.

mod look;

use std::{collections::HashSet, sync::Arc};

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, FetchRequest, FetchResponse, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
    },
};
use tokio::time::Instant;
use uuid::Uuid;

use self::look::{Read, Topics, Wanted, look};
use super::{
    Api, Client, Refusal, check_leader_epoch, millis,
    schema::{Schema, array, fixed, list, structure, tagged, text},
};
use crate::{
    memory::{OWN_BYTES, Room},
    node::Node,
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

/// How many bytes of records an answer has at most, though clients ask for 50 MiB and more, unless a batch is larger or
/// its client waits for more. A client reads all of an answer before it looks at the first record: what is short is
/// sooner at work, and still in the processor's cache. That the others come next is each client's care (KIP-74).
const ANSWER_BYTES: usize = 1024 * 1024;
/// How many bytes a client may wait for; Apache Kafka's `fetch.max.bytes`.
const FETCH_BYTES_MAX: usize = 55 * 1024 * 1024;

/// What a parked fetch is reckoned to keep of each partition.
const PARKED_BYTES: usize = 128;

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
    let all = topics.iter().flat_map(|(_, _, wanted)| wanted);
    let takes = all.fold(0, |sum: usize, wanted| sum.saturating_add(wanted.bytes_max));
    let nothing = topics.iter().all(|(_, _, wanted)| wanted.is_empty());
    // More than is taken is not waited for.
    let bytes_min =
        usize::try_from(request.min_bytes).unwrap_or(0).min(bytes_max).min(takes.max(1));
    let bytes_max = bytes_max.min(bytes_min.max(ANSWER_BYTES));
    // Who asks for nothing waits for nothing.
    let bytes_min = if nothing { 0 } else { bytes_min };
    let deadline = Instant::now() + millis(request.max_wait_ms);
    let waiter = Arc::new(Waiter::default());
    let mut watches: Vec<Watch<'_>> = Vec::new();
    loop {
        let seen = bytes_seen(&partitions);
        let (read, mut room) = look_within(node, client, &topics, bytes_max).await?;
        let in_time = Instant::now() < deadline;
        // A client that asks for more than there is room for gets less.
        let bytes_min = bytes_min.min(room.bytes());
        if read.bytes_there >= bytes_min || read.failed || !in_time {
            room.shrink(read.bytes_in_memory);
            client.held.keep(room);
            client.lay_apart(read.apart);
            return Ok(FetchResponse::default().with_responses(read.responses));
        }
        let missing = bytes_min - read.bytes_there;
        drop((read, room)); // who waits keeps no records, nor their files
        waiter.wait_for(missing as u64);
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

/// Looks as far as there is room for. Nobody waits for room to find nothing, nor for little, nor for what is sent from a
/// file: only for a batch that is larger than what stands to a connection anyway.
async fn look_within(
    node: &Node,
    client: &Client,
    topics: &Arc<Topics>,
    bytes_max: usize,
) -> Result<(Read, Room), Refusal> {
    let memory = client.held.memory();
    let room = memory.take_what_is_free(bytes_max);
    let is_short = room.is_own() && bytes_max > OWN_BYTES;
    let first_max = if is_short { OWN_BYTES } else { usize::MAX };
    let read = look(node, topics, room.bytes(), first_max).await;
    if !is_short || read.failed || read.bytes > 0 || !read.has_more {
        return Ok((read, room));
    }
    let room = memory.take_for_batch().await?;
    let read = look(node, topics, bytes_max.min(room.bytes()), usize::MAX).await;
    Ok((read, room))
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
