//! Compares what clients know with what a broker says that was started after a crash.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use kafka_protocol::messages::OffsetFetchRequest;

use super::load::{Known, PARTITIONS, Producer, TOPIC};
use crate::client::{Client, fetch, text};

/// A batch as it stands in a partition.
struct Stored {
    offset: i64,
    bytes: Bytes,
}

/// What the broker at `addr` contradicts of what is known; nothing, if no promise was broken.
pub(crate) async fn broken(mut known: Known, addr: SocketAddr) -> Vec<String> {
    let mut broken = std::mem::take(&mut known.refusals);
    let mut client = Client::connect(addr).await;
    client.topic(TOPIC).await;
    broken.extend(send_again(&mut known, &mut client).await);
    for partition in 0..PARTITIONS {
        let stored = read(&mut client, partition).await;
        broken.extend(compare(&known, partition, &stored));
    }
    for group in &known.groups {
        let all = committed(&mut client, &group.name).await;
        let committed = all.first().copied().unwrap_or_default();
        if all.iter().any(|other| *other != committed) {
            broken.push(format!("{}: a commit is there in parts, {all:?}", group.name));
        }
        if !(group.acked..=group.sent).contains(&committed) {
            let (name, acked, sent) = (&group.name, group.acked, group.sent);
            broken.push(format!("{name}: {committed} is not within {acked} and {sent}"));
        }
    }
    for topic in &known.topics {
        let found = client.topic(&topic.name).await;
        if found.topic_id != topic.id {
            broken.push(format!("{}: created as {}, now {}", topic.name, topic.id, found.topic_id));
        }
    }
    known.trimmed.check(&mut client).await;
    known.reborn.check(&mut client).await;
    broken.append(&mut known.trimmed.broken);
    broken.append(&mut known.reborn.broken);
    known.ids.push(client.producer_id().await);
    let ids = known.ids.iter().chain(known.producers.iter().filter_map(|p| p.id.as_ref()));
    let mut seen = HashSet::new();
    broken.extend(ids.filter(|id| !seen.insert(**id)).map(|id| format!("id {id} given twice")));
    broken
}

/// Sends again what was not acknowledged, as any idempotent producer does.
async fn send_again(known: &mut Known, client: &mut Client) -> Vec<String> {
    let mut refused = Vec::new();
    for producer in &mut known.producers {
        for index in 0..producer.sent.len() {
            if producer.sent[index].acked.is_some() {
                continue;
            }
            let answer = client.ask(9, &producer.request(index)).await;
            let answer = &answer.responses[0].partition_responses[0];
            if answer.error_code == 0 {
                producer.sent[index].acked = Some(answer.base_offset);
            } else {
                let (id, sequence) = (producer.id, producer.sent[index].sequence);
                refused.push(format!("{id:?} {sequence}: again, {}", answer.error_code));
            }
        }
    }
    refused
}

/// All batches of a partition.
async fn read(client: &mut Client, partition: i32) -> Vec<Stored> {
    let mut all = Vec::new();
    let mut next = 0;
    loop {
        let mut request = fetch(TOPIC, next, Duration::ZERO);
        request.topics[0].partitions[0].partition = partition;
        let mut answer = client.ask(12, &request).await;
        let answer = answer.responses.remove(0).partitions.remove(0);
        assert_eq!(answer.error_code, 0);
        let mut records = answer.records.unwrap_or_default();
        if records.is_empty() {
            assert_eq!(answer.high_watermark, next);
            return all;
        }
        while records.has_remaining() {
            let length = 12 + (&records[8..12]).get_u32() as usize;
            let bytes = records.split_to(length);
            let offset = (&bytes[..]).get_i64();
            assert_eq!(offset, next, "offsets are without a hole");
            next += i64::from((&bytes[23..27]).get_i32()) + 1;
            all.push(Stored { offset, bytes });
        }
    }
}

/// Who sent a batch, and as what in the order of its batches.
fn stamp(bytes: &[u8]) -> (i64, i32) {
    ((&bytes[43..51]).get_i64(), (&bytes[53..57]).get_i32())
}

fn compare(known: &Known, partition: i32, stored: &[Stored]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut found = HashMap::new();
    let mut latest: HashMap<i64, i32> = HashMap::new();
    for Stored { offset, bytes } in stored {
        let (id, sequence) = stamp(bytes);
        if let Some(first) = found.insert((id, sequence), (*offset, bytes)) {
            broken.push(format!("{id} {sequence}: at {} and at {offset}", first.0));
        }
        if latest.insert(id, sequence).is_some_and(|before| before > sequence) {
            broken.push(format!("{id} {sequence}: behind a later one"));
        }
    }
    let ours = known.producers.iter().filter(|producer| producer.partition == partition);
    for (producer, sent) in ours.flat_map(|p: &Producer| p.sent.iter().map(move |s| (p, s))) {
        let id = producer.id.expect("it sent something");
        match (found.remove(&(id, sent.sequence)), sent.acked) {
            (Some((offset, bytes)), Some(acked)) => {
                // The first 16 bytes are the broker's: offset, length, epoch.
                if offset != acked || bytes[16..] != sent.bytes[16..] {
                    let at = format!("acknowledged at {acked}, other bytes at {offset}");
                    broken.push(format!("{id} {}: {at}", sent.sequence));
                }
            }
            (None, Some(acked)) => {
                broken.push(format!("{id} {}: acknowledged at {acked}, and lost", sent.sequence));
            }
            (_, None) => {}
        }
    }
    broken.extend(found.keys().map(|stamp| format!("{stamp:?}: nobody sent it")));
    broken
}

/// What a group has committed for the partitions of the one topic it reads.
async fn committed(client: &mut Client, group: &str) -> Vec<i64> {
    let request = OffsetFetchRequest::default().with_group_id(text(group).into()).with_topics(None);
    let topics = client.ask(7, &request).await.topics;
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| partition.committed_offset).collect()
}
