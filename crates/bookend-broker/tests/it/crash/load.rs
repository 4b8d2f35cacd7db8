//! What clients do until the broker is gone: idempotent producers with several batches in flight, commits, new topics,
//! new producer ids; each part remembers what it sent and what was acknowledged.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use bookend_log::testing::seeded;
use bytes::Bytes;
use kafka_protocol::messages::{
    CreateTopicsRequest, InitProducerIdRequest, OffsetCommitRequest,
    create_topics_request::CreatableTopic,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::churn::{self, Reborn, Trimmed};
use crate::client::{Client, batch, produce, text, topic_name};

pub(crate) const TOPIC: &str = "t";
pub(crate) const PARTITIONS: i32 = 2;
/// Small enough that a partition has many segments, and saves its producers now and then.
const SEGMENT_BYTES: &str = "16384";
/// A topic whose offsets are committed with so much metadata that their log is rewritten now and then.
pub(crate) const WIDE: &str = "wide";
const WIDE_PARTITIONS: i32 = 64;
const METADATA_BYTES: usize = 4_000;
const PRODUCERS: i32 = 3;
const GROUPS: usize = 2;
/// The longest value of a record.
const VALUE_BYTES_MAX: usize = 2_000;

/// What the clients know.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) producers: Vec<Producer>,
    pub(crate) groups: Vec<Group>,
    pub(crate) topics: Vec<Created>,
    pub(crate) trimmed: Trimmed,
    pub(crate) reborn: Reborn,
    /// Every producer id that was given.
    pub(crate) ids: Vec<i64>,
    /// What a broker refused that should not refuse anything.
    pub(crate) refusals: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Producer {
    seed: u64,
    pub(crate) partition: i32,
    pub(crate) id: Option<i64>,
    next: i32,
    pub(crate) sent: Vec<Sent>,
    refusals: Vec<String>,
}

/// A batch that was sent, perhaps not for the first time.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) sequence: i32,
    pub(crate) bytes: Bytes,
    pub(crate) acked: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) sent: i64,
    pub(crate) acked: i64,
}

#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) name: String,
    pub(crate) id: Uuid,
}

impl Known {
    pub(crate) fn new(seed: u64) -> Self {
        let producers = (0..PRODUCERS).map(|n| Producer {
            seed: seed * 100 + u64::from(n.unsigned_abs()),
            partition: n % PARTITIONS,
            id: None,
            next: 0,
            sent: Vec::new(),
            refusals: Vec::new(),
        });
        let groups = (0..GROUPS).map(|n| Group { name: format!("g{n}"), sent: 0, acked: 0 });
        Self { producers: producers.collect(), groups: groups.collect(), ..Self::default() }
    }

    /// Works on the broker at `addr` until it is gone; counts every acknowledgment in `acks`.
    pub(crate) async fn load(self, addr: SocketAddr, acks: &Arc<watch::Sender<u64>>) -> Self {
        let Self { producers, groups, mut topics, mut ids, mut refusals, trimmed, reborn } = self;
        if let Some(mut client) = Client::try_connect(addr).await {
            // Where they are there already, this is refused.
            churn::create(&mut client, TOPIC, PARTITIONS, SEGMENT_BYTES).await;
            churn::create(&mut client, WIDE, WIDE_PARTITIONS, SEGMENT_BYTES).await;
        }
        let mut producing: JoinSet<_> =
            producers.into_iter().map(|p| p.work(addr, Arc::clone(acks))).collect();
        let mut committing: JoinSet<_> =
            groups.into_iter().map(|g| g.commit(addr, Arc::clone(acks))).collect();
        let (made, given, trimmed, reborn) = tokio::join!(
            create(addr, topics.len(), acks),
            take_ids(addr, acks),
            trimmed.work(addr, Arc::clone(acks)),
            reborn.work(addr, Arc::clone(acks)),
        );
        topics.extend(made);
        ids.extend(given);
        let mut producers = Vec::new();
        while let Some(producer) = producing.join_next().await {
            let mut producer = producer.unwrap();
            refusals.append(&mut producer.refusals);
            producers.push(producer);
        }
        let mut groups = Vec::new();
        while let Some(group) = committing.join_next().await {
            groups.push(group.unwrap());
        }
        Self { producers, groups, topics, trimmed, reborn, ids, refusals }
    }
}

pub(super) fn count(acks: &watch::Sender<u64>) {
    acks.send_modify(|acks| *acks += 1);
}

async fn connect(addr: SocketAddr) -> Option<Client> {
    let mut client = Client::try_connect(addr).await?;
    client.try_topic(TOPIC).await?;
    Some(client)
}

impl Producer {
    async fn work(mut self, addr: SocketAddr, acks: Arc<watch::Sender<u64>>) -> Self {
        if let Some(mut client) = connect(addr).await {
            self.produce(&mut client, &acks).await;
        }
        self
    }

    /// Sends what has no answer yet, then more, until the connection ends.
    async fn produce(&mut self, client: &mut Client, acks: &watch::Sender<u64>) -> Option<()> {
        if self.id.is_none() {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            self.id = Some(client.try_ask(4, &request).await?.producer_id.0);
        }
        let mut choose = seeded(self.seed + self.sent.len() as u64);
        let in_flight_max = 1 + choose(4);
        let mut in_flight: VecDeque<usize> = VecDeque::new();
        let mut next = self.sent.iter().take_while(|sent| sent.acked.is_some()).count();
        loop {
            while in_flight.len() < in_flight_max {
                if next == self.sent.len() {
                    self.make(&mut choose);
                }
                client.try_send(9, &self.request(next)).await?;
                in_flight.push_back(next);
                next += 1;
            }
            let answer = client.try_receive::<kafka_protocol::messages::ProduceRequest>(9).await?;
            let answer = &answer.responses[0].partition_responses[0];
            let answered = in_flight.pop_front()?;
            if answer.error_code != 0 {
                let sequence = self.sent[answered].sequence;
                let refusal =
                    format!("{:?} {sequence}: refused with {}", self.id, answer.error_code);
                self.refusals.push(refusal);
                return None;
            }
            self.sent[answered].acked = Some(answer.base_offset);
            count(acks);
        }
    }

    fn make(&mut self, choose: &mut impl FnMut(usize) -> usize) {
        let values: Vec<_> = (0..=choose(4)).map(|_| "v".repeat(choose(VALUE_BYTES_MAX))).collect();
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let stamp = (self.id.expect("it was asked for"), self.next);
        let bytes = batch(Some(stamp), &values);
        self.sent.push(Sent { sequence: self.next, bytes, acked: None });
        self.next += i32::try_from(values.len()).unwrap();
    }

    pub(crate) fn request(&self, index: usize) -> kafka_protocol::messages::ProduceRequest {
        let mut request = produce(TOPIC, self.sent[index].bytes.clone());
        request.topic_data[0].partition_data[0].index = self.partition;
        request
    }
}

impl Group {
    async fn commit(mut self, addr: SocketAddr, acks: Arc<watch::Sender<u64>>) -> Self {
        let Some(mut client) = connect(addr).await else { return self };
        loop {
            self.sent += 1;
            let partition = |index| {
                OffsetCommitRequestPartition::default()
                    .with_partition_index(index)
                    .with_committed_offset(self.sent)
                    .with_committed_metadata(Some(text(&"m".repeat(METADATA_BYTES))))
            };
            let topic = OffsetCommitRequestTopic::default()
                .with_name(topic_name(WIDE))
                .with_partitions((0..WIDE_PARTITIONS).map(partition).collect());
            let request = OffsetCommitRequest::default()
                .with_group_id(text(&self.name).into())
                .with_generation_id_or_member_epoch(-1)
                .with_topics(vec![topic]);
            let Some(answer) = client.try_ask(8, &request).await else { return self };
            assert!(answer.topics[0].partitions.iter().all(|partition| partition.error_code == 0));
            self.acked = self.sent;
            count(&acks);
        }
    }
}

/// Creates topics until the broker is gone, but not more than a few.
async fn create(addr: SocketAddr, so_far: usize, acks: &watch::Sender<u64>) -> Vec<Created> {
    let mut created = Vec::new();
    let Some(mut client) = connect(addr).await else { return created };
    for n in so_far..so_far + 5 {
        // A topic whose creation was not acknowledged may be there: the next round takes other names.
        let name = format!("made-{n}-{}", addr.port());
        let topic = CreatableTopic::default()
            .with_name(topic_name(&name))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1_000);
        let Some(answer) = client.try_ask(7, &request).await else { break };
        assert_eq!(answer.topics[0].error_code, 0, "{name}");
        created.push(Created { name, id: answer.topics[0].topic_id });
        count(acks);
    }
    created
}

/// Asks for producer ids until the broker is gone, but not for more than a few.
async fn take_ids(addr: SocketAddr, acks: &watch::Sender<u64>) -> Vec<i64> {
    let mut ids = Vec::new();
    let Some(mut client) = connect(addr).await else { return ids };
    for _ in 0..20 {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        let Some(answer) = client.try_ask(4, &request).await else { break };
        ids.push(answer.producer_id.0);
        count(acks);
    }
    ids
}
