//! Fetches that wait for a record: how soon the one that it is for is answered, and what a thousand cost meanwhile.
//!
//! The requests are the protocol's own (<https://kafka.apache.org/protocol>), Fetch 4 and Produce 3, so that nothing but
//! the broker is between a produce and the answer to a fetch.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use kafka_protocol::{
    messages::{
        FetchRequest, ProduceRequest, RequestHeader, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Request, StrBytes, encode_request_header_into_buffer},
    records::{
        Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
        Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};

use super::{Place, clients::Admin, clients::PATIENCE, process::Process, round_trip::at};
use crate::report::{self, Row};

const TOPIC: &str = "parked";
const VALUE_BYTES: usize = 100;
const CONSUMERS: usize = 1_000;
const RECORDS: usize = 500;
/// For how long those who wait are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Until a fetch that was sent waits.
const PARKING: Duration = Duration::from_millis(5);

const SOON_GOAL: &str = "goal at most 1";

pub(super) fn run(place: &Place, is_smoke: bool) -> Result<Vec<Row>> {
    let ours = place.embedded("parked", &[])?;
    let mut rows = wakeups("bookend broker", &ours, SOON_GOAL, is_smoke)?;
    rows.extend(crowd(&ours, is_smoke)?);
    if let Some(apache) = place.apache("parked-apache")? {
        rows.extend(wakeups("Apache Kafka", &apache, "for comparison", is_smoke)?);
    }
    Ok(rows)
}

/// One consumer waits, one record comes, again and again.
fn wakeups(name: &str, process: &Process, goal: &str, is_smoke: bool) -> Result<Vec<Row>> {
    Admin::start(&process.address)?.create(&[TOPIC.to_owned()], 1)?;
    let records = if is_smoke { 5 } else { RECORDS };
    let [mut producer, mut consumer] = [Wire::connect(process)?, Wire::connect(process)?];
    let mut times = Vec::new();
    report::progress(&format!("parked: {name} is woken"));
    for offset in (0..).take(records) {
        consumer.send(4, &fetch(offset))?;
        thread::park_timeout(PARKING);
        consumer.ensure_parked()?;
        let began = Instant::now();
        producer.send(3, &produce()?)?;
        consumer.record()?;
        times.push(began.elapsed());
        producer.answer()?;
    }
    // The first ones find a cold broker.
    let times = times.split_off(times.len() / 5);
    let quantiles = [(0.5, "p50", goal), (0.99, "p99", "no goal")].into_iter();
    Ok(quantiles
        .filter_map(|(share, words, goal)| {
            let time = at(&times, share)?.as_secs_f64() * 1e3;
            let what = format!("produce to answer of a parked fetch, {name}, {words}");
            Some(Row::plain("B1", &what, time, "ms", goal))
        })
        .collect())
}

/// Many consumers wait for nothing, then for one record.
fn crowd(process: &Process, is_smoke: bool) -> Result<Vec<Row>> {
    let (consumers, watched) =
        if is_smoke { (10, Duration::from_millis(100)) } else { (CONSUMERS, WATCHED) };
    let mut producer = Wire::connect(process)?;
    // Behind all that was sent before.
    let end = i64::try_from(if is_smoke { 5 } else { RECORDS })?;
    let mut crowd = (0..consumers)
        .map(|_| {
            let mut consumer = Wire::connect(process)?;
            consumer.send(4, &fetch(end))?;
            Ok(consumer)
        })
        .collect::<Result<Vec<_>>>()?;
    report::progress(&format!("parked: {consumers} consumers wait"));
    thread::park_timeout(watched / 10);
    let before = process.processor_time()?;
    thread::park_timeout(watched);
    let spent = process.processor_time()?.saturating_sub(before);
    for consumer in &crowd {
        consumer.ensure_parked()?;
    }
    let began = Instant::now();
    producer.send(3, &produce()?)?;
    for consumer in &mut crowd {
        consumer.record()?;
    }
    let all = began.elapsed();
    producer.answer()?;
    let idle = format!("{consumers} parked fetches, processor time in {watched:.0?}");
    let woken = format!("{consumers} parked fetches, answered after one record");
    Ok(vec![
        Row::plain("B1", &idle, spent.as_secs_f64() * 1e3, "ms", "goal 0; steps of 10 ms"),
        Row::plain("B1", &woken, all.as_secs_f64() * 1e3, "ms", "no goal"),
    ])
}

/// A connection that sends requests and looks at no more of the answers than whether a record can be in them.
struct Wire(TcpStream);

impl Wire {
    fn connect(process: &Process) -> Result<Self> {
        let stream = TcpStream::connect(&process.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    fn send<R: Request>(&mut self, version: i16, request: &R) -> Result<()> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(StrBytes::from_static_str("bench")));
        let mut frame = BytesMut::from(&[0; 4][..]);
        encode_request_header_into_buffer(&mut frame, &header)?;
        request.encode(&mut frame, version)?;
        let length = u32::try_from(frame.len() - 4)?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(self.0.write_all(&frame)?)
    }

    /// An answer that is there already would be one to something else than was asked.
    fn ensure_parked(&self) -> Result<()> {
        self.0.set_nonblocking(true)?;
        let peeked = self.0.peek(&mut [0]).map_err(|error| error.kind());
        self.0.set_nonblocking(false)?;
        ensure!(peeked == Err(io::ErrorKind::WouldBlock), "a fetch of nothing does not wait");
        Ok(())
    }

    /// Waits for the next answer; returns its length.
    fn answer(&mut self) -> Result<usize> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).context("no answer came in time")?;
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        self.0.read_exact(&mut frame)?;
        Ok(frame.len())
    }

    /// Waits for the answer to a fetch.
    fn record(&mut self) -> Result<()> {
        ensure!(self.answer()? > VALUE_BYTES, "a fetch was answered without its record");
        Ok(())
    }
}

fn topic() -> TopicName {
    StrBytes::from_static_str(TOPIC).into()
}

/// A fetch that waits for a record of this offset.
fn fetch(offset: i64) -> FetchRequest {
    let partition =
        FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1_000_000);
    let topic = FetchTopic::default().with_topic(topic()).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic])
        .with_min_bytes(1)
        .with_max_bytes(1_000_000)
        .with_max_wait_ms(60_000)
}

/// One record.
fn produce() -> Result<ProduceRequest> {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: i64::try_from(UNIX_EPOCH.elapsed()?.as_millis())?,
        key: None,
        value: Some(vec![7; VALUE_BYTES].into()),
        headers: [].into_iter().collect(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, [&record], &options)?;
    ensure!(!batch.is_empty(), "a batch of one record has bytes");
    let data = PartitionProduceData::default().with_records(Some(batch.freeze()));
    let topic = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
    Ok(ProduceRequest::default().with_acks(-1).with_timeout_ms(10_000).with_topic_data(vec![topic]))
}
