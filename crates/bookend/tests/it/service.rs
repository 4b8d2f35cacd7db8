//! Services as members of a group: what they consume, commit, resume, share, and refuse.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, Instant},
};

use bookend::{
    Position, Service,
    extract::{Batch, State},
    kafka::GroupMember,
    service::{BatchOf, Connect, Event, Phase, RunError, Subscription, Transport, Wake},
    topic::TopicName,
};
use bookend_broker::Broker;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};
use tokio::{sync::oneshot, time::timeout};

use crate::house::{
    DEADLINE, Gate, Running, Seen, kafka, kafka_with_long_session, own_address, see, send, start,
    start_with_long_session, until, wait_at,
};

/// How many messages of all its topics a service has settled as done.
fn done(running: &Running) -> u64 {
    running.handle.stats().topics.values().map(|topic| topic.done).sum()
}

/// A service waits no longer until its group is left.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

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
    let partitions = |running: &Running| running.handle.stats().partitions.len();
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
    // Seen is not yet settled: what is dropped in between comes again.
    until("all are settled", || done(&first) == 100).await;
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
    let broker = Broker::builder().listen(own_address()).data(&folder).start().await.unwrap();
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

// Goal: a partition that was paused when it was lost is fetched again when it comes back. Found by a service that
// stood still for ever and called itself ready. Method: a handler that waits lets the lane fill; the broker forgets
// the group when it starts anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_partition_that_comes_back_is_fetched() {
    const COUNT: u64 = 3_000;
    let folder = std::env::temp_dir().join(format!("bookend-it-paused-{}", std::process::id()));
    let builder = Broker::builder().partitions(1).listen(own_address());
    let broker = builder.data(&folder).start().await.unwrap();
    let addr = broker.addr();
    let gate = Gate::closed();
    let service = Service::new("group").on("NUMBERS", wait_at);
    let running = start(service.with_state(gate.clone()), &broker);
    send(&broker, "NUMBERS", 0..COUNT).await;
    let is_paused = || running.handle.stats().partitions.iter().any(|at| at.is_paused);
    until("the lane is full", is_paused).await;
    assert_eq!(gate.begun(), 1);
    broker.stop().await;
    let broker = Broker::builder().listen(addr).data(&folder).start().await.unwrap();
    until("the first message comes again", || gate.begun() == 2).await;
    gate.open();
    let mark = || running.handle.stats().partitions.first().and_then(|at| at.settled_below);
    until("all are settled", || mark().is_some_and(|mark| mark.0 == COUNT.cast_signed())).await;
    running.stop().await;
    broker.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

// Goal: a member that stops in the middle of a rebalance leaves the group all the same. Found by ghosts, whose
// partitions were nobody's until their session ran out. Method: a handler that waits holds the stop up while another
// member joins; a third can only have the first one's partitions once that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_stops_in_a_rebalance_leaves() {
    let broker = Broker::builder().start().await.unwrap();
    let (seen, gate) = (Seen::default(), Gate::closed());
    let waits = || Service::new("group").on("HELD", wait_at).with_partitions(3);
    let both = waits().on("NUMBERS", wait_at).with_state(gate.clone());
    let first = start_with_long_session(both, &broker);
    let partitions = |running: &Running| running.handle.stats().partitions.len();
    until("the first has all", || partitions(&first) == 6).await;
    send(&broker, "HELD", 0..1).await;
    until("a handler waits", || gate.begun() == 1).await;
    let handle = first.handle.clone();
    let first = first.stopping();
    until("the first stops", || handle.stats().phase == Phase::Stopping).await;
    let second = start_with_long_session(service(&seen), &broker);
    until("the second has its part", || partitions(&second) > 0).await;
    gate.open();
    let third = start_with_long_session(waits().with_state(gate), &broker);
    until("the others have all", || partitions(&second) == 3 && partitions(&third) == 3).await;
    let report = first.report().await;
    assert!(report.uncommitted.is_empty() && report.cut_off.is_empty(), "{report:?}");
    second.stop().await;
    third.stop().await;
    broker.stop().await;
}

// Goal: a member that closes while the group waits for its answer leaves all the same, and the others have the
// partitions before the session of the first would run out. Method: a bare transport that leaves each kind of change
// unanswered; a newcomer is first given nothing, because the others must give something up before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_change_does_not_keep_a_member() {
    for change in [Change::Given, Change::GivenNothing, Change::Revoked] {
        let broker = Broker::builder().start().await.unwrap();
        let seen = Seen::default();
        let start = || start_with_long_session(service(&seen), &broker);
        let partitions = |other: &Running| other.handle.stats().partitions.len();
        let mut other = None;
        if change == Change::GivenNothing {
            let before = other.insert(start());
            until("the other has all", || partitions(before) == 3).await;
        }
        let first = Unanswering::join(&broker, change).await;
        let (joined, has_joined) = oneshot::channel();
        let wait = tokio::task::spawn_blocking(move || first.wait(joined));
        if change == Change::Revoked {
            has_joined.await.unwrap();
            other = Some(start());
        }
        let member = timeout(DEADLINE, wait).await.unwrap().unwrap();
        // On a thread that nobody joins: one that never ends must fail the test, not hang it.
        let (closed, has_closed) = oneshot::channel();
        std::thread::spawn(move || {
            member.close();
            closed.send(()).unwrap_or_default();
        });
        timeout(LEAVE_TIMEOUT, has_closed).await.expect("it leaves in time").unwrap();
        let other = other.unwrap_or_else(start);
        until("the other has all", || partitions(&other) == 3).await;
        other.stop().await;
        broker.stop().await;
    }
}

/// A change of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Given,
    GivenNothing,
    Revoked,
}

/// A member that leaves one change of the group unanswered.
struct Unanswering {
    member: GroupMember,
    woken: mpsc::Receiver<()>,
    change: Change,
}

impl Unanswering {
    async fn join(broker: &Broker, change: Change) -> Self {
        let (wake, woken) = mpsc::sync_channel(1);
        let wake = Wake::new(move || wake.try_send(()).unwrap_or_default());
        let topics = vec![TopicName::new("NUMBERS").unwrap()];
        let group = Subscription { group: "group".to_owned(), topics, partitions: Some(3) };
        let member = kafka_with_long_session(broker).connect(group, wake).await.unwrap();
        Self { member, woken, change }
    }

    /// Waits for the change; says before when it has partitions.
    fn wait(mut self, joined: oneshot::Sender<()>) -> GroupMember {
        let mut joined = Some(joined);
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            let Some(event) = self.member.poll() else {
                // Looks again after a while, as the service does.
                self.woken.recv_timeout(Duration::from_millis(100)).unwrap_or_default();
                continue;
            };
            let change = match &event {
                Event::Assigned(partitions) if partitions.is_empty() => Change::GivenNothing,
                Event::Assigned(_) => Change::Given,
                Event::Revoked(_) => Change::Revoked,
                _ => continue,
            };
            if change == self.change {
                return self.member;
            }
            if let Event::Assigned(partitions) = event {
                self.member.assign(&partitions).unwrap();
                joined.take().map(|joined| joined.send(()));
            }
        }
        panic!("the change did not come");
    }
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
