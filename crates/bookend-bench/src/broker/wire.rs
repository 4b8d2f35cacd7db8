//! Requests as they are, Fetch 4 and Produce 3 of the protocol guide (<https://kafka.apache.org/protocol>): what a client
//! of its own costs is not measured with the broker.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        FetchRequest, FetchResponse, ProduceRequest, RequestHeader, ResponseHeader,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Decodable as _, Request, StrBytes, encode_request_header_into_buffer},
    records::{
        Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
        Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};

use super::{clients::PATIENCE, process::Process};

/// What one record carries.
pub(super) const VALUE_BYTES: usize = 100;
/// What is asked of a partition at once: as librdkafka does unless it is told otherwise.
const PARTITION_BYTES: i32 = 1024 * 1024;

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    /// The last answer, without its length.
    frame: BytesMut,
}

impl Wire {
    pub(super) fn connect(process: &Process) -> Result<Self> {
        let stream = TcpStream::connect(&process.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, frame: BytesMut::new() })
    }

    /// Asks for the records of all partitions from these offsets on, and to wait that long for the first.
    pub(super) fn fetch(&mut self, topic: &str, offsets: &[i64], wait: Duration) -> Result<()> {
        let partition = |(index, offset): (i32, &i64)| {
            FetchPartition::default()
                .with_partition(index)
                .with_fetch_offset(*offset)
                .with_partition_max_bytes(PARTITION_BYTES)
        };
        let topic = FetchTopic::default()
            .with_topic(StrBytes::from_string(topic.to_owned()).into())
            .with_partitions((0..).zip(offsets).map(partition).collect());
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_topics(vec![topic])
            .with_min_bytes(1)
            .with_max_bytes(i32::MAX)
            .with_max_wait_ms(i32::try_from(wait.as_millis())?);
        self.send(4, &request)
    }

    /// Sends one record to partition 0.
    pub(super) fn produce(&mut self, topic: &str) -> Result<()> {
        let data = PartitionProduceData::default().with_records(Some(batch()?));
        let topic = TopicProduceData::default()
            .with_name(StrBytes::from_string(topic.to_owned()).into())
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![topic]);
        self.send(3, &request)
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
        Ok(self.stream.write_all(&frame)?)
    }

    /// An answer that is there already would be one to something else than was asked.
    pub(super) fn ensure_parked(&self) -> Result<()> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]).map_err(|error| error.kind());
        self.stream.set_nonblocking(false)?;
        ensure!(peeked == Err(io::ErrorKind::WouldBlock), "a fetch of nothing does not wait");
        Ok(())
    }

    /// Waits for the next answer.
    pub(super) fn answer(&mut self) -> Result<&[u8]> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).context("no answer came in time")?;
        self.frame.resize(usize::try_from(u32::from_be_bytes(length))?, 0);
        self.stream.read_exact(&mut self.frame)?;
        Ok(&self.frame)
    }

    /// Reads `records` records of so many partitions, from the beginning, and looks at no more of them than how many
    /// there are.
    pub(super) fn read_all(&mut self, topic: &str, partitions: i32, records: u32) -> Result<()> {
        let mut offsets = vec![0; usize::try_from(partitions)?];
        while offsets.iter().sum::<i64>() < i64::from(records) {
            self.fetch(topic, &offsets, PATIENCE)?;
            self.answer()?;
            let mut frame = self.frame.split().freeze();
            ResponseHeader::decode(&mut frame, 0)?;
            let mut answer = FetchResponse::decode(&mut frame, 4)?;
            for partition in answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
                ensure!(partition.error_code == 0, "a fetch failed: {}", partition.error_code);
                let offset = &mut offsets[usize::try_from(partition.partition_index)?];
                *offset = end_of(partition.records.take().unwrap_or_default()).unwrap_or(*offset);
            }
            drop(answer);
            // Its buffer again, now that nothing of it is held.
            self.frame = frame.try_into_mut().unwrap_or_default();
        }
        Ok(())
    }
}

/// The offset behind the last batch that is whole, `None` where there is none.
fn end_of(mut batches: Bytes) -> Option<i64> {
    /// Base offset, length; then, of what the length counts, the last record's delta.
    const HEAD: usize = 12;
    const DELTA_AT: usize = 11;
    let mut end = None;
    while batches.len() > HEAD {
        let (base, length) = (batches.get_i64(), usize::try_from(batches.get_i32()).ok()?);
        let delta = batches.get(DELTA_AT..DELTA_AT + 4)?.try_into().ok().map(i32::from_be_bytes)?;
        if length > batches.len() {
            break;
        }
        end = Some(base + i64::from(delta) + 1);
        batches.advance(length);
    }
    end
}

/// A batch of one record.
fn batch() -> Result<Bytes> {
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
    Ok(batch.freeze())
}
