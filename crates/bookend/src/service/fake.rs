//! A transport that follows a script, and an engine that is turned by a paused clock.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle, time::Instant};

use super::{
    Service,
    engine::Engine,
    error::{RunError, ServiceReport},
    mailbox::{Mailbox, Stop},
    stats::Phase,
    transport::{Begun, Event, PartitionEnd, Transport, TransportError, Wake},
};
use crate::{
    extract::tests::message,
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// What the engine asked of the transport, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Assign(Vec<i32>),
    Unassign(Vec<i32>),
    Pause(i32),
    Resume(i32),
    Commit(Vec<(i32, i64)>),
    Close,
}

/// Both ends of the script.
#[derive(Default)]
struct Script {
    events: VecDeque<Event>,
    asked: Vec<Asked>,
    is_lost: bool,
    /// Commits are answered at once, unless a test wants to do it.
    silent_commits: bool,
    refused_assigns: usize,
    /// Assignments of these are refused, each by itself.
    forbidden: Vec<i32>,
    /// What all partitions have committed when they are assigned.
    committed: Option<Offset>,
}

pub(super) struct Fake {
    script: Arc<Mutex<Script>>,
    wake: Wake,
}

fn numbers(partitions: &[TopicPartition]) -> Vec<i32> {
    partitions.iter().map(|at| at.partition.0).collect()
}

impl Fake {
    /// A transport of its own, that assigns partition 0 and has this many messages there.
    pub(super) fn with_messages(count: i64, wake: Wake) -> Self {
        let fake = Self { script: Arc::default(), wake };
        let mut events = VecDeque::from([Event::Assigned(vec![at(0)])]);
        let of_partition_0 =
            |offset| crate::Message { partition: Partition(0), ..message(offset, "1") };
        events.extend((0..count).map(of_partition_0).map(Event::Message));
        fake.script().events = events;
        fake.wake.wake();
        fake
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn ask(&self, asked: Asked) {
        self.script().asked.push(asked);
    }
}

impl Transport for Fake {
    fn poll(&mut self) -> Option<Event> {
        self.script().events.pop_front()
    }

    fn assign(&mut self, partitions: &[TopicPartition]) -> Result<Begun, TransportError> {
        self.ask(Asked::Assign(numbers(partitions)));
        let mut script = self.script();
        if script.refused_assigns > 0 {
            script.refused_assigns -= 1;
            return Err("no coordinator".into());
        }
        let (bad, good): (Vec<_>, Vec<_>) =
            partitions.iter().cloned().partition(|at| script.forbidden.contains(&at.partition.0));
        let committed = |at| (at, script.committed);
        Ok(Begun {
            partitions: good.into_iter().map(committed).collect(),
            refused: bad.first().map(|at| format!("{at}: not allowed").into()),
        })
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) {
        self.script().is_lost = false;
        self.ask(Asked::Unassign(numbers(partitions)));
    }

    fn is_lost(&self) -> bool {
        self.script().is_lost
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.ask(Asked::Pause(partition.partition.0));
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.ask(Asked::Resume(partition.partition.0));
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Offset)]) {
        let asked = offsets.iter().map(|(at, offset)| (at.partition.0, offset.0)).collect();
        self.ask(Asked::Commit(asked));
        let mut script = self.script();
        if !script.silent_commits {
            script.events.push_back(Event::Committed(offsets.to_vec()));
            self.wake.wake();
        }
    }

    fn close(self) {
        self.ask(Asked::Close);
    }
}

/// A running service, from the side of Kafka.
pub(super) struct Running {
    script: Arc<Mutex<Script>>,
    pub(super) mailbox: Arc<Mailbox>,
    wake: Wake,
    end: JoinHandle<Result<ServiceReport, RunError>>,
}

pub(super) fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new("T").unwrap(), Partition(partition))
}

/// Runs `service` on the test's own clock, with these partitions of topic `T` assigned.
pub(super) async fn run(service: Service<()>, partitions: &[i32]) -> Running {
    let script = Arc::new(Mutex::new(Script::default()));
    let woken = Arc::new(Notify::new());
    let wake = {
        let woken = Arc::clone(&woken);
        Wake::new(move || woken.notify_one())
    };
    let mailbox = Arc::new(Mailbox::new(wake.clone()));
    let prepared = service.check().map_err(|faults| format!("{faults:?}")).unwrap();
    let wiring = (prepared.prepare)(Arc::clone(&mailbox));
    let fake = Fake { script: Arc::clone(&script), wake: wake.clone() };
    let end = tokio::spawn(async move {
        wiring.board.enter(Phase::Running);
        let mut engine = Engine::new(fake, wiring, Instant::now().into_std());
        while let Some(wait) = engine.turn(Instant::now().into_std()) {
            // Yields at least once, as a thread of its own would.
            tokio::task::yield_now().await;
            if !wait.is_zero() {
                // Which of the two it was is of no account: the next turn looks at everything.
                drop(tokio::time::timeout(wait, woken.notified()).await);
            }
        }
        let (result, transport) = engine.finish();
        transport.close();
        result
    });
    let running = Running { script, mailbox, wake, end };
    running.give(Event::Assigned(partitions.iter().copied().map(at).collect()));
    running.settle_down().await;
    running.asked();
    running
}

impl Running {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Kafka has this to say.
    pub(super) fn give(&self, event: Event) {
        self.script().events.push_back(event);
        self.wake.wake();
    }

    /// Kafka has messages of partition `partition` with these offsets.
    pub(super) fn messages(
        &self,
        partition: i32,
        offsets: std::ops::Range<i64>,
        value: &'static str,
    ) {
        for offset in offsets {
            let message = message(offset, value);
            self.give(Event::Message(crate::Message {
                partition: Partition(partition),
                ..message
            }));
        }
    }

    /// Everything that was asked since the last time.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.script().asked)
    }

    /// The assignment is lost, and the event that says so is still on its way.
    pub(super) fn lose_unsaid(&self) {
        self.script().is_lost = true;
    }

    pub(super) fn lose(&self, partitions: &[i32]) {
        self.lose_unsaid();
        self.give(Event::Revoked(partitions.iter().copied().map(at).collect()));
    }

    pub(super) fn revoke(&self, partitions: &[i32]) {
        self.give(Event::Revoked(partitions.iter().copied().map(at).collect()));
    }

    pub(super) fn silence_commits(&self) {
        self.script().silent_commits = true;
    }

    pub(super) fn refuse_assigns(&self, times: usize) {
        self.script().refused_assigns = times;
    }

    pub(super) fn forbid(&self, partitions: &[i32]) {
        self.script().forbidden = partitions.to_vec();
    }

    pub(super) fn have_committed(&self, offset: i64) {
        self.script().committed = Some(Offset(offset));
    }

    /// Brokers answer: partition 0 ends there, and is fetched to its end or not.
    pub(super) fn reachable(&self, end: i64, is_fetched: bool) {
        let end = PartitionEnd { partition: at(0), end: Offset(end), is_fetched };
        self.give(Event::Reachable { ends: vec![end] });
    }

    pub(super) fn stop(&self) {
        self.mailbox.stop(Stop::Drain);
    }

    pub(super) fn abandon(&self) {
        self.mailbox.stop(Stop::Abandon);
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_finished()
    }

    /// Lets everything happen that does not wait for the clock. The millisecond passes once nothing else can.
    pub(super) async fn settle_down(&self) {
        self.pass(Duration::from_millis(1)).await;
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits for the end.
    pub(super) async fn end(self) -> (Result<ServiceReport, RunError>, Vec<Asked>) {
        let result = self.end.await.unwrap();
        let asked = std::mem::take(&mut self.script.lock().unwrap().asked);
        (result, asked)
    }
}
