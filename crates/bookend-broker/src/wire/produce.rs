//! `Produce`: batches are checked and appended, and acknowledged once they stand in the log.
//!
//! There is one replica, so `acks=1` and `acks=all` are the same; with `acks=0` there is no answer, and a refusal
//! shows as a cut connection, as in Apache Kafka. Message format: KIP-98; zstd from version 7 on: KIP-110.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, ProduceRequest, ProduceResponse, TopicName,
        produce_request::PartitionProduceData,
        produce_response::{
            BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
        },
    },
    protocol::{Decodable, StrBytes},
};

use super::{
    Api, Client, Refusal, first_words, framed,
    schema::{Schema, array, bytes, fixed, text},
};
use crate::{
    node::{Node, blocking, now_ms},
    partition::batch::{self, Invalid, Rules},
};

pub(super) const API: Api = Api {
    key: ApiKey::Produce,
    min: 3,
    max: 11,
    schema: Schema {
        flexible: 9,
        fields: &[text(), fixed(2), fixed(4), array(&[text(), array(&[fixed(4), bytes()])])],
    },
};

/// The first version that may carry zstd.
const ZSTD_SINCE: i16 = 7;
/// The first version that tells which record was refused.
const RECORD_ERRORS_SINCE: i16 = 8;

pub(super) async fn answer(
    node: &Arc<Node>,
    version: i16,
    request: ProduceRequest,
) -> Result<Option<ProduceResponse>, Refusal> {
    let acks = request.acks;
    let refused = if !matches!(acks, -1..=1) {
        Some(ResponseError::InvalidRequiredAcks)
    } else if request.transactional_id.is_some() {
        Some(ResponseError::InvalidTxnState)
    } else {
        None
    };
    // Unpacking takes processor time and some memory, so not everyone does it at once.
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let packed = partitions.filter_map(|data| data.records.as_ref()).any(|r| batch::is_packed(r));
    let _turn = if packed { node.unpacking.acquire().await.ok() } else { None };
    let responses = {
        let node = Arc::clone(node);
        let append = move |name: &TopicName, data: &PartitionProduceData| match refused {
            Some(error) => refuse(data, version, error.into()),
            None => append(&node, name, version, data),
        };
        blocking(move || {
            let topics = request.topic_data.into_iter().map(|topic| {
                let partitions =
                    topic.partition_data.iter().map(|data| append(&topic.name, data)).collect();
                TopicProduceResponse::default()
                    .with_name(topic.name)
                    .with_partition_responses(partitions)
            });
            topics.collect::<Vec<_>>()
        })
        .await
    };
    if acks != 0 {
        return Ok(Some(ProduceResponse::default().with_responses(responses)));
    }
    let mut codes = responses.iter().flat_map(|t| &t.partition_responses).map(|p| p.error_code);
    match codes.find_map(ResponseError::try_from_code) {
        Some(error) => Err(Refusal::Unacknowledged(error)),
        None => Ok(None),
    }
}

fn append(
    node: &Node,
    topic: &str,
    version: i16,
    data: &PartitionProduceData,
) -> PartitionProduceResponse {
    let topic = node.catalog.find(topic);
    let found = topic.as_ref().and_then(|topic| Some((topic, topic.partition(data.index)?)));
    let Some((topic, partition)) = found else {
        return refuse(data, version, ResponseError::UnknownTopicOrPartition.into());
    };
    let now = now_ms();
    let append_time = topic.settings.append_time.then_some(now);
    let bytes_max = topic.settings.batch_bytes_max;
    let rules = Rules { zstd: version >= ZSTD_SINCE, bytes_max, append_time };
    let records = data.records.clone().unwrap_or_default();
    let appended = batch::split(records, &rules).and_then(|batches| {
        // As in Apache Kafka since this message format, a request carries one batch for a partition.
        let [batch] = &batches[..] else { return Err(ResponseError::InvalidRecord.into()) };
        Ok(partition.append(batch, now)?)
    });
    match appended {
        Err(invalid) => refuse(data, version, invalid),
        Ok(base_offset) => {
            let response = PartitionProduceResponse::default()
                .with_index(data.index)
                .with_error_message(None)
                .with_base_offset(base_offset)
                .with_log_append_time_ms(append_time.unwrap_or(-1));
            if version < 5 { response } else { response.with_log_start_offset(partition.start()) }
        }
    }
}

/// Answers that nothing was appended; which record is at fault is told since version 8 (KIP-467).
fn refuse(data: &PartitionProduceData, version: i16, invalid: Invalid) -> PartitionProduceResponse {
    let Invalid { error, record } = invalid;
    tracing::debug!(partition = data.index, %error, ?record, "records were refused");
    let response = PartitionProduceResponse::default()
        .with_index(data.index)
        .with_error_code(error.code())
        .with_error_message(None)
        .with_base_offset(-1);
    match record {
        Some(record) if version >= RECORD_ERRORS_SINCE => {
            let reason = StrBytes::from_static_str(record.reason);
            let one = BatchIndexAndErrorMessage::default()
                .with_batch_index(record.index.cast_signed())
                .with_batch_index_error_message(Some(reason.clone()));
            response.with_record_errors(vec![one]).with_error_message(Some(reason))
        }
        _ => response,
    }
}

/// Answers versions 0 to 2, which are advertised and not supported (see [`api_versions`](super::api_versions)).
///
/// They are version 3 without its first field; the answers differ in what came later: the throttle
/// time with version 1, the append time with version 2.
pub(super) async fn refuse_old(
    client: &Client,
    version: i16,
    frame: &[u8],
) -> Result<BytesMut, Refusal> {
    let key = ApiKey::Produce;
    let (_, _, correlation_id) = first_words(frame)?;
    let client_id = frame.get(8..10).map_or(0, |l| i16::from_be_bytes([l[0], l[1]]));
    let body = 10 + usize::try_from(client_id).unwrap_or(0);
    let mut as_third = BytesMut::from(&[0xff, 0xff][..]);
    as_third.put_slice(frame.get(body..).ok_or(Refusal::Header)?);
    let elements = API.schema.elements_of_body(3, &as_third);
    let elements = elements.map_err(|source| Refusal::Malformed { key, version, source })?;
    client.held.take_elements(elements).await?;
    let request = ProduceRequest::decode(&mut Bytes::from(as_third), 3)
        .map_err(|error| Refusal::Decode { key, version, reason: error.to_string() })?;
    framed(0, |answer| {
        answer.put_i32(correlation_id);
        put_count(answer, request.topic_data.len());
        for topic in &request.topic_data {
            put_text(answer, &topic.name);
            put_count(answer, topic.partition_data.len());
            for partition in &topic.partition_data {
                answer.put_i32(partition.index);
                answer.put_i16(ResponseError::UnsupportedVersion.code());
                answer.put_i64(-1);
                if version >= 2 {
                    answer.put_i64(-1);
                }
            }
        }
        if version >= 1 {
            answer.put_i32(0);
        }
        Ok(())
    })
}

fn put_count(answer: &mut BytesMut, count: usize) {
    answer.put_u32(u32::try_from(count).expect("a request holds fewer elements"));
}

fn put_text(answer: &mut BytesMut, text: &StrBytes) {
    answer.put_u16(u16::try_from(text.len()).expect("it came with a length of two bytes"));
    answer.put_slice(text.as_bytes());
}
