//! A client of one connection that sends what a test tells it to, and a few requests every test needs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use bookend_broker::Broker;
use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
        ProduceRequest, RequestHeader, ResponseHeader, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        metadata_response::MetadataResponseTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::PartitionProduceResponse,
    },
    protocol::{Decodable, Request, StrBytes, encode_request_header_into_buffer},
    records::{
        Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
        TimestampType,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// No test waits longer than this for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub(crate) fn topic_name(value: &str) -> TopicName {
    text(value).into()
}

pub(crate) async fn broker() -> Broker {
    Broker::builder().partitions(1).start().await.unwrap()
}

/// Any port of a host that is this test's alone: a port of it that was freed is taken by nobody else. Linux has all of
/// 127.0.0.0/8; elsewhere there is one host for all.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    if !cfg!(target_os = "linux") {
        return (Ipv4Addr::LOCALHOST, 0).into();
    }
    let [.., high, low] = process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, high, low, last), 0).into()
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).await.unwrap()
    }

    /// `None` if nobody listens.
    pub(crate) async fn try_connect(addr: SocketAddr) -> Option<Self> {
        Some(Self { stream: TcpStream::connect(addr).await.ok()?, correlation_id: 0 })
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a request; `None` if the connection has ended.
    pub(crate) async fn try_send<R: Request + Sync>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Option<()> {
        let frame = self.frame(version, request);
        self.try_send_raw(&frame).await
    }

    /// Sends bytes as they are; `None` if the connection has ended.
    pub(crate) async fn try_send_raw(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// Receives the next answer; `None` if the connection ends before that.
    pub(crate) async fn try_receive<R: Request>(&mut self, version: i16) -> Option<R::Response> {
        let mut frame = self.receive_raw().await?;
        let header_version = ApiKey::try_from(R::KEY).unwrap().response_header_version(version);
        ResponseHeader::decode(&mut frame, header_version).unwrap();
        Some(R::Response::decode(&mut frame, version).unwrap())
    }

    /// Asks; `None` if the connection ends before the answer.
    pub(crate) async fn try_ask<R: Request + Sync>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        self.try_send(version, request).await?;
        self.try_receive::<R>(version).await
    }

    /// Sends a request.
    pub(crate) async fn send<R: Request + Sync>(&mut self, version: i16, request: &R) {
        let frame = self.frame(version, request);
        self.send_raw(&frame).await;
    }

    /// The bytes of the next request.
    pub(crate) fn frame<R: Request>(&mut self, version: i16, request: &R) -> Vec<u8> {
        self.correlation_id += 1;
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text("test")));
        encode_request_header_into_buffer(&mut frame, &header).unwrap();
        request.encode(&mut frame, version).unwrap();
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        [&length, &frame[..]].concat()
    }

    /// Receives the next answer, which must be to the request `behind` requests before the last.
    pub(crate) async fn receive<R: Request + Sync>(
        &mut self,
        version: i16,
        behind: i32,
    ) -> R::Response {
        let mut frame = self.receive_raw().await.expect("the broker closed the connection");
        let header_version = ApiKey::try_from(R::KEY).unwrap().response_header_version(version);
        let header = ResponseHeader::decode(&mut frame, header_version).unwrap();
        assert_eq!(header.correlation_id, self.correlation_id - behind);
        R::Response::decode(&mut frame, version).unwrap()
    }

    /// Receives the next frame; `None` if the broker has closed the connection.
    pub(crate) async fn receive_raw(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_u32().await.ok()?;
            let mut frame = vec![0; length as usize];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.into())
        };
        tokio::time::timeout(DEADLINE, read).await.expect("no answer in time")
    }

    /// Waits until an answer begins, without reading.
    pub(crate) async fn readable(&mut self) {
        tokio::time::timeout(DEADLINE, self.stream.readable()).await.expect("no answer").unwrap();
    }

    /// Waits until the broker has reset the connection, without reading.
    pub(crate) async fn reset(&mut self) {
        let reset = self.stream.ready(tokio::io::Interest::ERROR);
        tokio::time::timeout(DEADLINE, reset).await.expect("no reset in time").unwrap();
    }

    pub(crate) async fn ask<R: Request + Sync>(
        &mut self,
        version: i16,
        request: &R,
    ) -> R::Response {
        self.send(version, request).await;
        self.receive::<R>(version, 0).await
    }

    /// Asks for a topic's metadata, which creates it.
    pub(crate) async fn topic(&mut self, name: &str) -> MetadataResponseTopic {
        self.try_topic(name).await.expect("the broker closed the connection")
    }

    /// As [`topic`](Self::topic); `None` if the connection ends before the answer.
    pub(crate) async fn try_topic(&mut self, name: &str) -> Option<MetadataResponseTopic> {
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![asked]))
            .with_allow_auto_topic_creation(true);
        Some(self.try_ask(12, &request).await?.topics.remove(0))
    }

    pub(crate) async fn produce(&mut self, topic: &str, batch: Bytes) -> PartitionProduceResponse {
        let response = self.ask(9, &produce(topic, batch)).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Fetches from partition 0, without waiting.
    pub(crate) async fn fetch(&mut self, topic: &str, offset: i64) -> PartitionData {
        let mut response = self.ask(12, &fetch(topic, offset, Duration::ZERO)).await;
        response.responses.remove(0).partitions.remove(0)
    }

    /// All values of partition 0, in order.
    pub(crate) async fn values(&mut self, topic: &str) -> Vec<String> {
        values(&self.fetch(topic, 0).await)
    }

    pub(crate) async fn offset_at(&mut self, topic: &str, timestamp: i64) -> i64 {
        let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_topics(vec![topic]);
        self.ask(7, &request).await.topics[0].partitions[0].offset
    }

    pub(crate) async fn producer_id(&mut self) -> i64 {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        self.ask(4, &request).await.producer_id.0
    }
}

pub(crate) fn produce(topic: &str, batch: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_records(Some(batch));
    let topic =
        TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(1_000).with_topic_data(vec![topic])
}

pub(crate) fn fetch(topic: &str, offset: i64, wait: Duration) -> FetchRequest {
    let partition =
        FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1_000_000);
    let topic =
        FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_topics(vec![topic])
        .with_min_bytes(1)
        .with_max_bytes(10_000_000)
        .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap())
}

/// A batch of these values; `stamp` is the producer's id and the first sequence number.
pub(crate) fn batch(stamp: Option<(i64, i32)>, values: &[&str]) -> Bytes {
    let records: Vec<_> = (0..).zip(values).map(|(n, value)| record(stamp, n, value)).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

fn record(stamp: Option<(i64, i32)>, n: i32, value: &str) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: stamp.map_or(-1, |(id, _)| id),
        producer_epoch: if stamp.is_some() { 0 } else { -1 },
        timestamp_type: TimestampType::Creation,
        offset: n.into(),
        // The encoder begins a new batch where sequence numbers do not follow each other, also if there are none.
        sequence: stamp.map_or(-1, |(_, first)| first) + n,
        timestamp: 1_000,
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: kafka_protocol::indexmap::IndexMap::new(),
    }
}

/// The values in what was fetched, after a look at their offsets.
pub(crate) fn values(fetched: &PartitionData) -> Vec<String> {
    let mut records = fetched.records.clone().unwrap_or_default();
    let mut values = Vec::new();
    for set in RecordBatchDecoder::decode_all(&mut records).unwrap() {
        for record in set.records {
            assert_eq!(record.offset, i64::try_from(values.len()).unwrap());
            values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        }
    }
    values
}
