//! Fetches of large batches, which are sent from their files.

use super::*;
use crate::{
    fault::{ErrorCode, Fault},
    partition::batch::{self, tests::one},
    records::LOCATED_BYTES,
};

/// A batch of a little less than so many bytes, and what is served of it at that offset.
fn sent(bytes: usize, offset: i64) -> (Vec<u8>, Vec<u8>) {
    let records = u32::try_from(bytes / 12).unwrap();
    let sent = sample_batch(None, records.max(1), 5);
    let mut served = sent.clone();
    batch::place(&mut served, offset, 0);
    (sent, served)
}

/// A scene with batches of these sizes in the partitions of `topic`, and what is served of each partition.
fn filled(partitions: &[&[usize]]) -> (Scene, Vec<Vec<u8>>) {
    let scene = Scene::with_memory(1 << 28);
    let count = u32::try_from(partitions.len()).unwrap();
    let topic = scene.node.catalog.create("topic", count).unwrap();
    let fill = |(partition, sizes): (&Arc<crate::partition::Partition>, &&[usize])| {
        let batches = sizes.iter().map(|&bytes| {
            let (sent, served) = sent(bytes, partition.end());
            partition.append(&one(sent), 0).unwrap();
            served
        });
        batches.collect::<Vec<_>>().concat()
    };
    let served = topic.partitions.iter().zip(partitions).map(fill).collect();
    (scene, served)
}

fn fetch(partitions: i32, bytes_max: usize) -> FetchRequest {
    let bytes_max = i32::try_from(bytes_max).unwrap();
    let partition =
        |index| FetchPartition::default().with_partition(index).with_partition_max_bytes(bytes_max);
    let asked = FetchTopic::default()
        .with_topic(topic())
        .with_partitions((0..partitions).map(partition).collect());
    FetchRequest::default().with_topics(vec![asked]).with_max_bytes(bytes_max)
}

/// The records of each partition, and its error.
async fn ask(scene: &Scene, request: FetchRequest) -> Vec<(Vec<u8>, i16)> {
    let answered = tokio::time::timeout(Duration::from_secs(10), scene.ask(12, request.into()));
    let Ok(ResponseKind::Fetch(response)) = answered.await else { panic!("no answer in time") };
    let partitions = response.responses.into_iter().flat_map(|topic| topic.partitions);
    partitions.map(|p| (p.records.unwrap_or_default().to_vec(), p.error_code)).collect()
}

// Goal: whatever is sent from files and whatever is read, a client gets every batch, in order, with its offset. Method:
// small and large batches in turns; then with no permit to keep files open, so that all are read.
#[tokio::test]
async fn large_and_small_batches_are_served_in_order() {
    const L: usize = 2 * LOCATED_BYTES;
    let (scene, served) =
        filled(&[&[L, 9, L, L, 9, 9], &[9, L], &[], &[9, 9], &[L], &[L, 9, L, 9]]);
    let files = ask(&scene, fetch(6, 1 << 20)).await;
    let permits: Vec<_> = std::iter::from_fn(|| scene.node.open_files.permit()).collect();
    let memory = ask(&scene, fetch(6, 1 << 20)).await;
    drop(permits);
    for (way, answer) in [("files", files), ("memory", memory)] {
        for (index, ((records, error), served)) in answer.iter().zip(&served).enumerate() {
            assert!(*error == 0 && records == served, "partition {index} from {way}");
        }
    }
}

// Goal: an answer keeps within its bytes whatever its client asks for, but for what that waits for; it waits for no more
// than fits; and a large batch is served. Method: batches that fill an answer by thirds, and a large one.
#[tokio::test]
async fn an_answer_has_a_megabyte_or_what_was_waited_for() {
    const THIRD: usize = 320_000;
    let (scene, served) = filled(&[&[THIRD, THIRD], &[THIRD, THIRD], &[850_000]]);
    let lengths = async |request| -> Vec<usize> {
        ask(&scene, request).await.iter().map(|(records, _)| records.len()).collect()
    };
    let third = served[0].len() / 2;
    assert_eq!(lengths(fetch(3, 8 << 20)).await, [2 * third, third, 0]);
    assert_eq!(lengths(fetch(3, third)).await, [third, 0, 0]);
    let four = i32::try_from(4 * third).unwrap();
    let waits = |bytes| fetch(3, 8 << 20).with_min_bytes(bytes).with_max_wait_ms(600_000);
    assert_eq!(lengths(waits(four)).await, [2 * third, 2 * third, 0]);
    let all = 4 * third + served[2].len();
    assert_eq!(
        lengths(waits(i32::try_from(all).unwrap())).await,
        [2 * third, 2 * third, served[2].len()]
    );
    // There is more, but it does not fit.
    assert_eq!(lengths(waits(four + 1)).await, [2 * third, 2 * third, 0]);
    let little = i32::try_from(third + 1).unwrap();
    let waits = fetch(1, third + 1).with_min_bytes(little).with_max_wait_ms(600_000);
    assert_eq!(lengths(waits).await, [third]);
    let mut large = fetch(3, 8 << 20);
    large.topics[0].partitions.drain(..2);
    assert_eq!(lengths(large).await, [served[2].len()]);
}

// Goal: a partition whose client takes less of it than its next batch has does not end the answer for those behind it.
#[tokio::test]
async fn a_partition_that_takes_little_leaves_the_rest_to_others() {
    let (scene, served) = filled(&[&[9], &[9_000], &[9]]);
    let mut request = fetch(3, 1 << 20);
    request.topics[0].partitions[1].partition_max_bytes = 1_000;
    let answer = ask(&scene, request).await;
    let records: Vec<_> = answer.into_iter().map(|(records, _)| records).collect();
    assert!(records == [served[0].clone(), Vec::new(), served[2].clone()]);
}

// Goal: who waits for more keeps neither the records that are there nor their files. Method: paused time goes on only once
// the fetch waits, and comes to the look at what is free before the fetch's own end.
#[tokio::test(start_paused = true)]
async fn a_parked_fetch_keeps_nothing() {
    let (scene, served) = filled(&[&[100_000, 9, 100_000]]);
    let free = || {
        let permits: Vec<_> = std::iter::from_fn(|| scene.node.open_files.permit()).collect();
        (permits.len(), scene.client.held.memory().free())
    };
    let all = free();
    let waits = fetch(1, 1 << 20).with_min_bytes(1 << 20).with_max_wait_ms(5_000);
    let look = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        free()
    };
    let (answer, while_parked) = tokio::join!(scene.ask(12, waits.into()), look);
    let ResponseKind::Fetch(answer) = answer else { panic!() };
    assert_eq!(answer.responses[0].partitions[0].records.as_ref().unwrap(), &served[0]);
    let (permits, bytes) = while_parked;
    assert_eq!(permits, all.0);
    assert!(all.1 - bytes < 1_000, "{bytes} of {} are free", all.1);
}

// Goal: a client that waits for more than it takes is answered once there is as much as it takes.
#[tokio::test]
async fn no_more_is_waited_for_than_is_taken() {
    let (scene, served) = filled(&[&[9_000, 9_000], &[9]]);
    let mut waits = fetch(2, 1 << 20).with_min_bytes(1 << 20).with_max_wait_ms(600_000);
    let little = i32::try_from(served[0].len() / 2).unwrap();
    waits.topics[0].partitions[0].partition_max_bytes = little;
    waits.topics[0].partitions[1].partition_max_bytes = i32::try_from(served[1].len()).unwrap();
    let answer = ask(&scene, waits).await;
    let lengths: Vec<_> = answer.iter().map(|(records, _)| records.len()).collect();
    assert_eq!(lengths, [served[0].len() / 2, served[1].len()]);
}

// Goal: a consumer that takes less than a batch gets one all the same, or it would stand still. Method: bounds of nothing, of
// little, and of what stands to a connection.
#[tokio::test]
async fn a_batch_is_served_however_little_is_asked_for() {
    for size in [9, 100, 9_000, 100_000] {
        let (scene, served) = filled(&[&[size]]);
        for (bytes_max, partition_max) in [(0, 0), (1, 0), (0, 1), (64 << 10, 0), (1, 1 << 20)] {
            let mut little = fetch(1, bytes_max).with_min_bytes(1).with_max_wait_ms(600_000);
            little.topics[0].partitions[0].partition_max_bytes = partition_max;
            let answer = ask(&scene, little).await;
            assert!(answer == [(served[0].clone(), 0)], "{size} {bytes_max} {partition_max}");
        }
    }
}

// Goal: a small client's partition with a larger batch gets its turn beside one that always has a little.
#[tokio::test]
async fn a_large_batch_comes_first_also_where_little_is_taken() {
    let (scene, served) = filled(&[&[40_000], &[9]]);
    let mut little = fetch(2, 64 << 10).with_min_bytes(1);
    little.topics[0].partitions[0].partition_max_bytes = 16 << 10;
    assert_eq!(ask(&scene, little).await[0].0.len(), served[0].len());
}

// Goal: an offset that is gone is told, wherever it stands and however little is taken there; it is not looked for again
// and again until the time is over.
#[tokio::test]
async fn an_offset_that_is_gone_is_told_where_nothing_is_taken() {
    let (scene, served) = filled(&[&[9], &[9, 9]]);
    let topic = scene.node.catalog.find("topic").unwrap();
    topic.partitions[1].delete_before(1).unwrap();
    let mut nothing = fetch(2, 1 << 20).with_min_bytes(1 << 20).with_max_wait_ms(600_000);
    nothing.topics[0].partitions[1].partition_max_bytes = 0;
    let gone = ResponseError::OffsetOutOfRange.code();
    assert!(ask(&scene, nothing).await == [(served[0].clone(), 0), (Vec::new(), gone)]);
}

// Goal: an error that is told in place of records that were looked for goes out without them, and they are not left for
// the next answer.
#[tokio::test]
async fn an_error_goes_out_alone() {
    let (scene, served) = filled(&[&[100_000], &[100_000]]);
    scene.node.faults.add(Fault::error_after(ErrorCode(7)).partition("topic", 0));
    let mut answer = ask(&scene, fetch(2, 1 << 20)).await;
    answer.sort_by_key(|(_, error)| *error);
    assert!(answer == [(served[1].clone(), 0), (Vec::new(), 7)]);
    let again = ask(&scene, fetch(2, 1 << 20)).await;
    assert!(again == [(served[0].clone(), 0), (served[1].clone(), 0)]);
}
