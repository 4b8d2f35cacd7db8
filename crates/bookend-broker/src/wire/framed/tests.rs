//! Answers in parts, in memory and in files, against the encoder that copies.

use std::{io::Write as _, sync::Arc};

use bookend_log::{Located, Payload};
use kafka_protocol::{messages::fetch_response::FetchableTopicResponse, protocol::StrBytes};
use uuid::Uuid;

use super::*;
use crate::records::OpenFiles;

fn partition(index: i32, records: Option<Vec<u8>>) -> PartitionData {
    PartitionData::default().with_partition_index(index).with_records(records.map(Bytes::from))
}

/// Two topics with large, small, empty and missing records in every order of two.
fn fetch(version: i16) -> FetchResponse {
    let lengths = [SPLICED_BYTES, 200_000, 0, SPLICED_BYTES - 1, 3_000_000, SPLICED_BYTES, 7];
    let partitions = (0..).zip(lengths).map(|(index, length)| {
        let byte = u8::try_from(index).unwrap();
        partition(index, Some(vec![byte; length]))
    });
    let topic = |name: &str, partitions: Vec<PartitionData>| {
        let (id, name) = if version < 13 { (0, name) } else { (name.len(), "") };
        FetchableTopicResponse::default()
            .with_topic(StrBytes::from_string(name.to_owned()).into())
            .with_topic_id(Uuid::from_u128(id as u128))
            .with_partitions(partitions)
    };
    let mut partitions: Vec<_> = partitions.collect();
    partitions.push(partition(7, None));
    let alone = topic("alone", vec![partition(0, Some(vec![9; 70_000]))]);
    FetchResponse::default().with_responses(vec![
        topic("one", partitions),
        topic("without", Vec::new()),
        alone,
    ])
}

/// The answer, some of whose records are apart and in a file.
fn answer(version: i16, response: &ResponseKind) -> Answer {
    let ResponseKind::Fetch(mut fetch) = response.clone() else { panic!() };
    let (mut apart, open_files) = (Apart::default(), OpenFiles::new(9));
    for topic in &mut fetch.responses {
        let large = topic.partitions.iter_mut().filter(|p| p.partition_index % 3 == 0);
        for (place, partition) in large.map(|partition| (in_file(partition), partition)) {
            let payloads = vec![Payload::Read(0..5), Payload::Located(place)];
            let records = partition.records.replace(Bytes::new()).unwrap();
            let records = Records::new(&records.slice(..5), payloads, open_files.permit());
            apart.put(&topic.topic, topic.topic_id, partition.partition_index, records);
        }
    }
    encode(ApiKey::Fetch, version, 77, fetch.into(), apart).unwrap()
}

/// Where its records stand in a file, but for the first five bytes.
fn in_file(partition: &PartitionData) -> Located {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(partition.records.as_ref().unwrap()).unwrap();
    let bytes = partition.records.as_ref().unwrap().len() - 5;
    Located { file: Arc::new(file), at: 5, bytes }
}

fn plain(version: i16, response: &ResponseKind) -> BytesMut {
    let frame = framed(0, |frame| {
        let header = ResponseHeader::default().with_correlation_id(77);
        header.encode(frame, ApiKey::Fetch.response_header_version(version)).unwrap();
        response.encode(frame, version).unwrap();
        Ok(())
    });
    frame.unwrap()
}

// Goal: splicing changes no byte, in any version, and copies nothing large. Method: the encoder itself, which copies.
#[test]
fn a_spliced_fetch_is_what_the_encoder_writes() {
    for version in super::super::fetch::API.min..=super::super::fetch::API.max {
        let response = ResponseKind::from(fetch(version));
        let answer = answer(version, &response);
        let is_file = |part: &&Part| matches!(part, Part::File(_));
        assert_eq!(answer.0.iter().filter(is_file).count(), 4);
        let is_large = |part: &&Part| part.bytes() > SPLICED_BYTES - 10;
        assert_eq!(answer.0.iter().filter(is_large).count(), 6);
        assert!(answer.0.iter().all(|part| part.bytes() > 0));
        assert!(answer.into_bytes() == plain(version, &response), "version {version}");
    }
}

// Goal: a partition that is told an error gets no records that were read before.
#[test]
fn an_error_takes_no_records_with_it() {
    let mut apart = Apart::default();
    let data = partition(0, Some(Vec::new())).with_error_code(7);
    let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
    apart.put(&topic.topic, topic.topic_id, 0, Bytes::from_static(b"records").into());
    let response = ResponseKind::from(FetchResponse::default().with_responses(vec![topic]));
    let answer = encode(ApiKey::Fetch, 12, 77, response.clone(), apart).unwrap();
    assert!(answer.into_bytes() == plain(12, &response));
}

// Goal: an answer is sent whole however little of it goes at a time, in one call or over several.
#[test]
fn an_answer_is_sent_in_any_steps() {
    let response = ResponseKind::from(fetch(12));
    let whole = plain(12, &response);
    for step in [1_000, 65_536, usize::MAX] {
        let (mut answer, mut sent) = (answer(12, &response), Vec::new());
        loop {
            let mut slices = [IoSlice::new(&[]); 3];
            let mut taken = 0;
            match answer.next(&mut slices) {
                None => break,
                Some(Next::File(place)) => {
                    taken = place.bytes.min(step);
                    sent.extend(&place.read().unwrap()[..taken]);
                }
                Some(Next::Memory { slices: count, then_file }) => {
                    assert!(count > 0 && !(then_file && answer.0.len() == count));
                    for slice in &slices[..count] {
                        let part = &slice[..slice.len().min(step - taken)];
                        sent.extend_from_slice(part);
                        taken += part.len();
                    }
                }
            }
            answer.advance(taken);
        }
        assert!(sent == whole, "steps of {step}");
        assert!(answer.into_bytes().is_empty());
    }
}
