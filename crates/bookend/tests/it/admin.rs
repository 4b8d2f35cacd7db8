//! Looking at a cluster and changing it: what the commands of the app have no way to bring about.

use std::time::Duration;

use bookend::{
    Offset, Partition, Service, TopicName, TopicPartition,
    kafka::{AdminError, GroupState, Tailed, TopicSpec},
};
use bookend_broker::{Api, Broker, ErrorCode, Fault};
use tokio::time::timeout;

use crate::house::{DEADLINE, Seen, kafka, see, send, start, until};

fn numbers(partition: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new("NUMBERS").unwrap(), Partition(partition))
}

// Goal: a member that comes between the look and the reset is safe, as the broker itself refuses; when it has gone, the
// offsets are moved, and the service goes on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_moved_only_without_members() {
    let broker = Broker::builder().start().await.unwrap();
    let kafka = kafka(&broker);
    kafka.ensure_topics(&[TopicSpec::new("NUMBERS").unwrap().partitions(1)]).await.unwrap();
    send(&broker, "NUMBERS", 0..10).await;
    let admin = kafka.admin(DEADLINE).await.unwrap();
    let service = |seen: &Seen| Service::new("group").on("NUMBERS", see).with_state(seen.clone());
    let first = Seen::default();
    let running = start(service(&first), &broker);
    until("all are seen", || first.count() == 10).await;
    let to = [(numbers(0), Offset(7))];
    let refused = admin.reset("group", &to).await;
    assert_eq!(refused, Err(AdminError::GroupInUse { group: "group".to_owned() }));
    running.stop().await;

    let groups = admin.groups().await.unwrap();
    assert_eq!((groups.len(), groups[0].state), (1, GroupState::Empty), "{groups:?}");
    assert_eq!(admin.reset("group", &to).await, Ok([(numbers(0), Offset(7))].into()));
    let second = Seen::default();
    let running = start(service(&second), &broker);
    until("three are seen again", || second.count() == 3).await;
    running.stop().await;
    broker.stop().await;
}

// Goal: a coordinator that is not there yet, as on a new cluster, is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_is_waited_for() {
    let broker = Broker::builder().start().await.unwrap();
    let kafka = kafka(&broker);
    kafka.ensure_topics(&[TopicSpec::new("NUMBERS").unwrap().partitions(1)]).await.unwrap();
    let admin = kafka.admin(DEADLINE).await.unwrap();
    let to = [(numbers(0), Offset(0))];
    for code in [ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS] {
        for api in [Api::OffsetFetch, Api::OffsetCommit] {
            let absent = broker.inject(Fault::error(code).on(api).times(2));
            assert_eq!(admin.reset("group", &to).await, Ok(to.clone().into()), "{code:?} {api:?}");
            assert_eq!(absent.struck(), 2);
        }
    }
    broker.stop().await;
}

// Goal: a look changes nothing, whatever is asked for: no topic, no group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_leaves_nothing_behind() {
    let broker = Broker::builder().start().await.unwrap();
    let admin = kafka(&broker).admin(DEADLINE).await.unwrap();
    let committed = admin.committed("nobody", &[numbers(0)]).await;
    assert!(committed.unwrap_or_default().is_empty());
    assert_eq!((admin.topics().await, admin.groups().await), (Ok(Vec::new()), Ok(Vec::new())));
    assert!(matches!(admin.committed("", &[]).await, Err(AdminError::Refused { .. })));
    broker.stop().await;
}

// Goal: a tail whose wait is cut off, again and again, loses nothing and repeats nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_goes_on_when_it_is_cut_off_in_waiting() {
    let broker = Broker::builder().start().await.unwrap();
    let kafka = kafka(&broker);
    kafka.ensure_topics(&[TopicSpec::new("NUMBERS").unwrap().partitions(1)]).await.unwrap();
    let topic = numbers(0).topic;
    let mut tail = kafka.tail(&topic, &[(Partition(0), Offset(0))]).unwrap();
    send(&broker, "NUMBERS", 0..50).await;
    let mut offsets = Vec::new();
    let reading = async {
        while offsets.len() < 50 {
            // Most of these waits end before anything has come.
            match timeout(Duration::from_micros(100), tail.next()).await {
                Ok(Ok(Tailed::Message(message))) => offsets.push(message.offset.0),
                Ok(Ok(Tailed::End(_) | Tailed::Away | Tailed::Back)) | Err(_) => {}
                Ok(Err(error)) => panic!("{error}"),
            }
        }
    };
    timeout(DEADLINE, reading).await.unwrap();
    assert_eq!(offsets, (0..50).collect::<Vec<_>>());
    broker.stop().await;
}
