//! The sender on a transport that does as it is told: the worker's behavior under every fault, without Kafka.
//!
//! Real threads and real time, never a sleep: each test waits for the event itself, with a deadline.

mod engine;
mod fake;

use std::{future::Future, time::Duration};

use self::fake::Fake;
use super::{DropReason, Event, RecorderError, SendError, Sender, SenderOptions, Stats};
use crate::{
    batch::BatchLimits,
    record::Record,
    recorder::{Measured, Outcome, Recorder},
};

const DEADLINE: Duration = Duration::from_secs(20);

async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

/// Asks for the stats until they are as wanted. Each must balance.
async fn stats_until(sender: &Sender, what: &str, wanted: impl Fn(&Stats) -> bool + Sync) -> Stats {
    in_time(what, async {
        loop {
            let stats = sender.stats().await;
            assert!(stats.balances(), "{stats:?}");
            if wanted(&stats) {
                return stats;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn options(linger: Duration) -> SenderOptions {
    let batch = BatchLimits { linger, ..BatchLimits::default() };
    SenderOptions { batch, ..SenderOptions::default() }
}

fn quick() -> SenderOptions {
    options(Duration::from_millis(5))
}

fn never() -> SenderOptions {
    options(Duration::from_secs(3_600))
}

fn start(fake: &Fake, options: SenderOptions) -> Sender {
    Sender::start_on(fake.clone(), options).expect("a thread")
}

// Goal: fewer than a batchful leave by themselves, and the way back tells it.
#[tokio::test]
async fn a_lone_record_leaves_within_its_linger() {
    let fake = Fake::acking();
    let sender = start(&fake, quick());
    let mut events = sender.events();
    let recorder = sender.recorder("T", |measured: Measured<u32>| measured.before).unwrap();
    recorder.start(7).finish();
    let event = in_time("the ack", events.recv()).await.unwrap();
    assert!(matches!(event, Event::Acked { ref topic, count: 1 } if topic.as_str() == "T"));
    assert_eq!(fake.values(), ["7"]);
    sender.shutdown(DEADLINE).await;
}

// Goal: every way a task can end is told by its message.
#[tokio::test]
async fn a_guard_records_however_the_task_ends() {
    let fake = Fake::acking();
    let sender = start(&fake, quick());
    let recorder = sender
        .recorder("T", |measured: Measured<&'static str>| {
            (measured.before, format!("{:?}", measured.outcome))
        })
        .unwrap();
    recorder.start("finished").finish();
    recorder.start("failed").finish_as(Outcome::Failed);
    drop(recorder.start("dropped"));
    let task = std::thread::spawn(move || {
        let _recording = recorder.start("panicked");
        panic!("on purpose");
    });
    assert!(task.join().is_err());
    assert_eq!(recorder.try_measure("error", async { Err::<(), _>(1) }).await, Err(1));
    assert_eq!(recorder.measure("measured", async { 5 }).await, 5);
    sender.shutdown(DEADLINE).await;
    assert_eq!(
        fake.values(),
        [
            r#"["finished","Ok"]"#,
            r#"["failed","Failed"]"#,
            r#"["dropped","Cancelled"]"#,
            r#"["panicked","Panicked"]"#,
            r#"["error","Failed"]"#,
            r#"["measured","Ok"]"#,
        ]
    );
}

// Goal: user code on the sender's thread costs its own message only, and is counted by reason.
#[tokio::test]
async fn a_bad_message_is_dropped_alone() {
    let fake = Fake::acking();
    let sender = start(&fake, quick());
    let recorder = sender
        .recorder("T", |measured: Measured<u32>| match measured.before {
            0 => panic!("on purpose"),
            // JSON has no map whose keys are sequences.
            1 => Err(std::collections::BTreeMap::from([(vec![1], 1)])),
            n => Ok(n),
        })
        .unwrap();
    for n in 0..4 {
        recorder.start(n).finish();
    }
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!(fake.values(), [r#"{"Ok":2}"#, r#"{"Ok":3}"#]);
    assert_eq!(stats.dropped.get(DropReason::Panicked), 1);
    assert_eq!(stats.dropped.get(DropReason::Unencodable), 1);
    assert!(stats.balances(), "{stats:?}");
}

// Goal: an outage fills memory up to the cap and not beyond; the rest is counted; what fitted arrives in order.
#[tokio::test]
async fn an_outage_is_bounded_and_counted() {
    let fake = Fake::away();
    let memory_bytes_max = 100 * 1_024;
    let sender = start(&fake, SenderOptions { memory_bytes_max, ..quick() });
    let recorder = sender.recorder("T", |measured: Measured<u64>| measured.before).unwrap();
    for n in 0..1_000u64 {
        recorder.start(n).finish();
    }
    // All have left their shards once more than 600 are dropped: the cap holds fewer than 400.
    let full = |stats: &Stats| stats.dropped.get(DropReason::MemoryFull) > 600;
    let away = stats_until(&sender, "the cap", full).await;
    assert!(away.oldest_waiting.is_some());
    let kept = away.queued + away.handed;
    assert!((300..400).contains(&kept), "{kept} messages of 256 bytes and more under 100 KiB");
    fake.come_back();
    in_time("the flush", sender.flush()).await;
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!((stats.acked, stats.dropped.total()), (kept, 1_000 - kept));
    assert_eq!(fake.values(), (0..kept).map(|n| n.to_string()).collect::<Vec<_>>());
}

// Goal: a producer that breaks is replaced; what was outstanding goes again, in order, under the same ids.
#[tokio::test]
async fn a_broken_producer_is_rebuilt() {
    let fake = Fake::holding();
    let sender = start(&fake, quick());
    let topic = sender.topic::<u32>("T").unwrap();
    for n in 0..50 {
        topic.send("one key", n).unwrap();
    }
    stats_until(&sender, "the hand-over", |stats| stats.handed == 50).await;
    let first = fake.sent();
    let mut events = sender.events();
    fake.break_down();
    let rebuilt = async { while !matches!(events.recv().await, Ok(Event::Rebuilt)) {} };
    in_time("the rebuild", rebuilt).await;
    fake.come_back();
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!((stats.acked, stats.dropped.total()), (50, 0));
    assert_eq!(fake.sent()[first.len()..], first[..], "the same messages again, ids too");
}

// Goal: what the broken producer had acknowledged is not sent again. Method: of ten messages one breaks; the acks of
// the others are only reported after that.
#[tokio::test]
async fn a_rebuild_sends_nothing_twice_that_was_acked() {
    let fake = Fake::holding();
    let sender = start(&fake, quick());
    let topic = sender.topic::<u32>("T").unwrap();
    for n in 0..10 {
        topic.send("one key", n).unwrap();
    }
    stats_until(&sender, "the hand-over", |stats| stats.handed == 10).await;
    fake.break_one();
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!((stats.acked, stats.dropped.total()), (10, 0));
    assert_eq!(fake.values(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "9"]);
}

// Goal: settings and deadlines without an end are taken for what they say.
#[tokio::test]
async fn a_linger_without_an_end_waits_for_the_flush() {
    let fake = Fake::acking();
    let sender = start(&fake, options(Duration::MAX));
    let recorder = sender.recorder("T", |measured: Measured<u32>| measured.before).unwrap();
    recorder.start(1).finish();
    stats_until(&sender, "the record", |stats| stats.queued == 1).await;
    in_time("the flush", sender.flush()).await;
    assert_eq!(sender.shutdown(Duration::MAX).await.stats.acked, 1);
}

// Goal: a shutdown with the broker away ends at its deadline and says what is lost and what nobody knows.
#[tokio::test]
async fn a_shutdown_tells_the_truth() {
    let fake = Fake::holding();
    let sender = start(&fake, never());
    let recorder = sender.recorder("T", |measured: Measured<u32>| measured.before).unwrap();
    recorder.start(1).finish();
    // The flush is not awaited: its future asks at once, and answers never.
    let flush = tokio::spawn({
        let sender = sender.clone();
        async move { sender.flush().await }
    });
    stats_until(&sender, "the hand-over", |stats| stats.handed == 1).await;
    fake.refuse_as_busy();
    recorder.start(2).finish();
    let report = sender.shutdown(Duration::from_millis(50)).await;
    assert_eq!((report.stats.handed, report.stats.unknown), (1, 1));
    assert_eq!(report.stats.dropped.get(DropReason::Shutdown), 1);
    assert_eq!(report.lost(), 2);
    assert!(report.stats.balances(), "{:?}", report.stats);
    in_time("the flush ends with the sender", flush).await.unwrap();
}

// Goal: whatever comes after the shutdown is refused with its value, or counted.
#[tokio::test]
async fn a_closed_sender_counts_and_refuses() {
    let sender = start(&Fake::acking(), quick());
    let recorder = sender.recorder("T", |measured: Measured<u32>| measured.before).unwrap();
    let topic = sender.topic::<u32>("T").unwrap();
    sender.shutdown(DEADLINE).await;
    recorder.start(1).finish();
    let refused = topic.send("key", 2).unwrap_err();
    assert_eq!(refused, SendError::Closed(Record::new(2).with_key("key")));
    let late = sender.recorder("T", |measured: Measured<u32>| measured.before);
    assert_eq!(late.unwrap_err(), RecorderError::Closed);
    sender.flush().await;
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!((stats.recorded, stats.dropped.get(DropReason::Closed)), (1, 1));
    assert!(stats.balances(), "{stats:?}");
}

// Goal: recorders on several threads lose nothing, the books balance at every moment, and each thread's own
// messages keep their order, as they share a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_balance_under_load() {
    const THREADS: u32 = 3;
    const EACH: u32 = 20_000;
    let fake = Fake::acking();
    let sender = start(&fake, quick());
    let recorder: Recorder<_, (u32, u32)> = sender
        .recorder("T", |measured: Measured<(u32, u32)>| {
            Record::new(measured.before).with_key(measured.before.0.to_string())
        })
        .unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            tokio::task::spawn_blocking(move || {
                for n in 0..EACH {
                    recorder.start((thread, n)).finish();
                }
            })
        })
        .collect();
    let recorded = |stats: &Stats| stats.recorded == u64::from(THREADS * EACH);
    stats_until(&sender, "all recorded", recorded).await;
    for thread in threads {
        in_time("a thread", thread).await.unwrap();
    }
    in_time("the flush", sender.flush()).await;
    let stats = sender.shutdown(DEADLINE).await.stats;
    assert_eq!(stats.acked + stats.dropped.total(), u64::from(THREADS * EACH));
    let mut next = [0; THREADS as usize];
    for value in fake.values() {
        let (thread, n): (usize, u32) = serde_json::from_str(&value).unwrap();
        assert!(n >= next[thread], "thread {thread}: {n} after {}", next[thread]);
        next[thread] = n + 1;
    }
    assert_eq!(fake.values().len() as u64, stats.acked);
}
