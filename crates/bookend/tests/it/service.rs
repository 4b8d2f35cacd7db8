//! Services as members of a group: what they consume, commit, resume, share, and refuse.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use bookend::{
    Position, Service,
    extract::{Batch, State},
    service::{BatchOf, RunError},
};
use bookend_broker::Broker;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};

use crate::house::{Seen, kafka, see, send, start, until};

fn service(seen: &Seen) -> Service<()> {
    Service::new("group").on("NUMBERS", see).with_partitions(3).with_state(seen.clone())
}

// Goal: a service that starts before its topic exists misses nothing; what it has settled is committed when it stops,
// so that the next goes on behind it; lag is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumes_commits_and_resumes() {
    let broker = Broker::builder().start().await.unwrap();
    let first = Seen::default();
    let running = start(service(&first), &broker);
    send(&broker, "NUMBERS", 0..300).await;
    until("all are seen", || first.count() == 300).await;
    until("there is no lag", || {
        let partitions = running.handle.stats().partitions;
        partitions.len() == 3 && partitions.iter().all(|partition| partition.lag == Some(0))
    })
    .await;
    let report = running.stop().await;
    assert!(report.uncommitted.is_empty() && report.cut_off.is_empty(), "{report:?}");

    send(&broker, "NUMBERS", 300..400).await;
    let second = Seen::default();
    let running = start(service(&second), &broker);
    until("the rest is seen", || second.count() == 100).await;
    running.stop().await;
    assert_eq!((first.repeated(), second.repeated()), (0, 0));
    broker.stop().await;
}

// Goal: members that join and leave under traffic lose nothing, and as each drains before it gives up, nothing comes
// twice either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_share_without_loss() {
    let broker = Broker::builder().start().await.unwrap();
    let seen = Seen::default();
    let first = start(service(&seen), &broker);
    let partitions = |running: &crate::house::Running| running.handle.stats().partitions.len();
    until("the first has all", || partitions(&first) == 3).await;
    send(&broker, "NUMBERS", 0..500).await;
    let second = start(service(&seen), &broker);
    until("they share", || {
        partitions(&first) + partitions(&second) == 3 && partitions(&second) > 0
    })
    .await;
    send(&broker, "NUMBERS", 500..1_000).await;
    until("all are seen", || seen.count() == 1_000).await;
    first.stop().await;
    until("the second has all", || partitions(&second) == 3).await;
    send(&broker, "NUMBERS", 1_000..1_500).await;
    until("all are seen", || seen.count() == 1_500).await;
    second.stop().await;
    assert_eq!(seen.repeated(), 0);
    broker.stop().await;
}

// Goal: a service whose future is dropped commits and leaves by itself; the next member need not wait for a timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_service_leaves() {
    let broker = Broker::builder().start().await.unwrap();
    let seen = Seen::default();
    let first = start(service(&seen), &broker);
    send(&broker, "NUMBERS", 0..100).await;
    until("all are seen", || seen.count() == 100).await;
    first.drop_future();
    let next = start(service(&seen), &broker);
    until("the next has all", || next.handle.stats().partitions.len() == 3).await;
    send(&broker, "NUMBERS", 100..110).await;
    until("the rest is seen", || seen.count() == 110).await;
    next.stop().await;
    assert_eq!(seen.repeated(), 0);
    broker.stop().await;
}

// Goal: a committed offset that is not in the log ends the service with an error that names the choice; nothing is
// consumed in its stead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offset_out_of_range_is_an_error() {
    let broker = Broker::builder().start().await.unwrap();
    kafka(&broker)
        .ensure_topics(&[bookend::kafka::TopicSpec::new("NUMBERS").unwrap()])
        .await
        .unwrap();
    send(&broker, "NUMBERS", 0..10).await;
    let bootstrap = broker.bootstrap();
    let commit = move || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("group.id", "group");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("NUMBERS", 0, Offset::Offset(1_000)).unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    };
    tokio::task::spawn_blocking(commit).await.unwrap();
    let seen = Seen::default();
    let error = start(service(&seen), &broker).error().await;
    let RunError::OutOfRange { partition, next, first, end, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((partition.to_string().as_str(), next.0, first.0), ("NUMBERS/0", 1_000, 0));
    assert!(end.0 <= 10);
    broker.stop().await;
}

// Goal: a broker that goes away is noted, and the service goes on by itself when it is back. Method: the same port
// and folder again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_back_is_found() {
    let folder = std::env::temp_dir().join(format!("bookend-it-{}", std::process::id()));
    let broker = Broker::builder().data(&folder).start().await.unwrap();
    let addr = broker.addr();
    let seen = Seen::default();
    let running = start(service(&seen), &broker);
    send(&broker, "NUMBERS", 0..50).await;
    until("all are seen", || seen.count() == 50).await;
    broker.stop().await;
    until("it is noted", || !running.handle.stats().waiting_for().is_empty()).await;
    assert!(running.handle.stats().is_live());
    let broker = Broker::builder().listen(addr).data(&folder).start().await.unwrap();
    until("it is over", || running.handle.stats().waiting_for().is_empty()).await;
    send(&broker, "NUMBERS", 50..100).await;
    until("the rest is seen", || seen.count() == 100).await;
    let report = running.stop().await;
    assert!(report.uncommitted.is_empty(), "{report:?}");
    broker.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// What is seen of one partition: the next offset, and how many came out of order.
#[derive(Clone, Default)]
struct Order {
    next: Arc<AtomicI64>,
    broken: Arc<AtomicI64>,
}

// Goal: a fast partition under a batch handler: a hundred thousand messages, each once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_arrive_once_and_in_order() {
    async fn in_order(batch: Batch<Position>, State(order): State<Order>) {
        for at in batch {
            if order.next.swap(at.offset.0 + 1, SeqCst) != at.offset.0 {
                order.broken.fetch_add(1, SeqCst);
            }
        }
    }
    const COUNT: u64 = 100_000;
    let broker = Broker::builder().partitions(1).start().await.unwrap();
    let order = Order::default();
    let batch = BatchOf::records(500).or_after(Duration::from_millis(10));
    let service = Service::new("group").on_batch("NUMBERS", in_order, batch);
    let running = start(service.with_state(order.clone()), &broker);
    send(&broker, "NUMBERS", 0..COUNT).await;
    let count = i64::try_from(COUNT).unwrap();
    until("all are seen", || order.next.load(SeqCst) == count).await;
    let report = running.stop().await;
    let topic = report.topics.values().next().unwrap();
    assert_eq!((topic.done, topic.skipped, order.broken.load(SeqCst)), (COUNT, 0, 0));
    broker.stop().await;
}
