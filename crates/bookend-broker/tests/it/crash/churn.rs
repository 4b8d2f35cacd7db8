//! Topics that do not stay as they are: one whose oldest records are deleted and whose segments change their size, and
//! one that is deleted and created again. Each has one client, so it is known what may be there.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use kafka_protocol::{
    messages::{
        CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest, FetchRequest,
        IncrementalAlterConfigsRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
    },
    records::RecordBatchDecoder,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::load::count;
use crate::client::{Client, batch, fetch, produce, text, topic_name};

const TRIMMED: &str = "trimmed";
const REBORN: &str = "reborn";
/// As `IncrementalAlterConfigs` calls a topic, and a new value.
const TOPIC: i8 = 2;
const SET: i8 = 0;

/// A topic whose oldest records are deleted. Each record's value is its offset.
#[derive(Debug, Default)]
pub(crate) struct Trimmed {
    /// Its creation was answered; before that it may be there or not.
    is_created: bool,
    start_acked: i64,
    start_sent: i64,
    end_acked: i64,
    end_sent: i64,
    pub(crate) broken: Vec<String>,
}

/// A topic that is deleted and created again, with one record: its id.
#[derive(Debug, Default)]
pub(crate) struct Reborn {
    state: State,
    pub(crate) broken: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// It is not there.
    #[default]
    Gone,
    /// Something was asked for that was not answered.
    Unknown,
    /// It is there, and whether its record is.
    There { id: Uuid, is_written: bool },
}

/// Creates a topic of one partition with small segments; the topic's id, or `None` if the connection ends before that.
pub(super) async fn create(
    client: &mut Client,
    name: &str,
    partitions: i32,
    segment_bytes: &str,
) -> Option<Uuid> {
    let small = CreatableTopicConfig::default()
        .with_name(text("segment.bytes"))
        .with_value(Some(text(segment_bytes)));
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(vec![small]);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1_000);
    Some(client.try_ask(7, &request).await?.topics.remove(0).topic_id)
}

async fn offset_at(client: &mut Client, name: &str, time: i64) -> Option<i64> {
    let partition = ListOffsetsPartition::default().with_timestamp(time);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name(name)).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_topics(vec![topic]);
    let answer = client.try_ask::<ListOffsetsRequest>(7, &request).await?;
    Some(answer.topics[0].partitions[0].offset)
}

/// The offsets and values of all records from `from` on.
async fn records(client: &mut Client, name: &str, from: i64) -> Option<Vec<(i64, String)>> {
    let answer: FetchRequest = fetch(name, from, Duration::ZERO);
    let mut answer = client.try_ask(12, &answer).await?;
    let mut records = answer.responses.remove(0).partitions.remove(0).records.unwrap_or_default();
    let sets = RecordBatchDecoder::decode_all(&mut records).unwrap();
    let value = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    let all = sets.into_iter().flat_map(|set| set.records);
    Some(all.map(|record| (record.offset, value(record.value))).collect())
}

impl Trimmed {
    /// Works on the broker until it is gone.
    pub(super) async fn work(mut self, addr: SocketAddr, acks: Arc<watch::Sender<u64>>) -> Self {
        if let Some(mut client) = Client::try_connect(addr).await
            && create(&mut client, TRIMMED, 1, "500").await.is_some()
        {
            self.is_created = true;
            if self.check(&mut client).await.is_some() {
                self.churn(&mut client, &acks).await;
            }
        }
        self
    }

    async fn churn(&mut self, client: &mut Client, acks: &watch::Sender<u64>) -> Option<()> {
        loop {
            self.end_sent = self.end_acked + 1;
            let value = format!("{:100}", self.end_acked);
            let request: ProduceRequest = produce(TRIMMED, batch(None, &[&value]));
            let answer = client.try_ask(9, &request).await?;
            let answer = &answer.responses[0].partition_responses[0];
            if (answer.error_code, answer.base_offset) != (0, self.end_acked) {
                self.broken.push(format!("{} was answered with {answer:?}", self.end_acked));
            }
            self.end_acked = self.end_sent;
            count(acks);
            if self.end_acked % 3 == 0 {
                self.delete(client).await?;
                count(acks);
            }
            if self.end_acked % 5 == 0 {
                resize(client, &(300 + self.end_acked).to_string()).await?;
                count(acks);
            }
        }
    }

    /// Deletes all records, or all but a few.
    async fn delete(&mut self, client: &mut Client) -> Option<()> {
        self.start_sent = self.start_acked.max(self.end_acked - self.end_acked % 4);
        let partition = DeleteRecordsPartition::default().with_offset(self.start_sent);
        let topic = DeleteRecordsTopic::default()
            .with_name(topic_name(TRIMMED))
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
        let answer = client.try_ask(2, &request).await?;
        let answer = &answer.topics[0].partitions[0];
        if (answer.error_code, answer.low_watermark) != (0, self.start_sent) {
            self.broken.push(format!("{} is not the start: {answer:?}", self.start_sent));
        }
        self.start_acked = self.start_sent;
        Some(())
    }

    /// Compares what is there with what may be there, and takes it for known.
    pub(super) async fn check(&mut self, client: &mut Client) -> Option<()> {
        let start = offset_at(client, TRIMMED, -2).await?;
        let end = offset_at(client, TRIMMED, -1).await?;
        if !self.is_created && (start, end) == (-1, -1) {
            return Some(());
        }
        let is_right = (self.start_acked..=self.start_sent).contains(&start)
            && (self.end_acked..=self.end_sent).contains(&end);
        if !is_right {
            self.broken.push(format!("{start}..{end} is there of {self:?}"));
        }
        let found = records(client, TRIMMED, start).await?;
        let expected = (start..end).map(|offset| (offset, format!("{offset:100}")));
        if !found.iter().cloned().eq(expected) {
            self.broken.push(format!("{start}..{end} holds {found:?}"));
        }
        (self.start_acked, self.start_sent, self.end_acked, self.end_sent) =
            (start, start, end, end);
        Some(())
    }
}

async fn resize(client: &mut Client, bytes: &str) -> Option<()> {
    let change = AlterableConfig::default()
        .with_name(text("segment.bytes"))
        .with_config_operation(SET)
        .with_value(Some(text(bytes)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(TRIMMED))
        .with_configs(vec![change]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    client.try_ask(1, &request).await.map(drop)
}

impl Reborn {
    /// Works on the broker until it is gone.
    pub(super) async fn work(mut self, addr: SocketAddr, acks: Arc<watch::Sender<u64>>) -> Self {
        if let Some(mut client) = Client::try_connect(addr).await
            && self.check(&mut client).await.is_some()
        {
            self.churn(&mut client, &acks).await;
        }
        self
    }

    async fn churn(&mut self, client: &mut Client, acks: &watch::Sender<u64>) -> Option<()> {
        loop {
            if let State::There { .. } = std::mem::replace(&mut self.state, State::Unknown) {
                let names = vec![topic_name(REBORN)];
                let request = DeleteTopicsRequest::default().with_topic_names(names);
                client.try_ask(5, &request.with_timeout_ms(1_000)).await?;
                count(acks);
            }
            let id = create(client, REBORN, 1, "500").await?;
            self.state = State::There { id, is_written: false };
            count(acks);
            let request: ProduceRequest = produce(REBORN, batch(None, &[&id.to_string()]));
            client.try_ask(9, &request).await?;
            self.state = State::There { id, is_written: true };
            count(acks);
        }
    }

    /// Compares what is there with what may be there, and takes it for known.
    pub(super) async fn check(&mut self, client: &mut Client) -> Option<()> {
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(REBORN)));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![asked]))
            .with_allow_auto_topic_creation(false);
        let topic = client.try_ask(12, &request).await?.topics.remove(0);
        let found = (topic.error_code == 0).then_some(topic.topic_id);
        let written = match found {
            Some(_) => records(client, REBORN, 0).await?,
            None => Vec::new(),
        };
        let is_right = match (self.state, found) {
            (State::Gone, found) => found.is_none(),
            (State::There { id, is_written }, found) => {
                found == Some(id) && (!is_written || written == [(0, id.to_string())])
            }
            (State::Unknown, _) => {
                written.iter().all(|(_, id)| Some(id.clone()) == found.map(|id| id.to_string()))
            }
        };
        if !is_right {
            self.broken.push(format!("{found:?} with {written:?} is there of {:?}", self.state));
        }
        self.state = found.map_or(State::Gone, |id| State::There { id, is_written: false });
        Some(())
    }
}
