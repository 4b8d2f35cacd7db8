//! The engine under random schedules: nothing lost, nothing double, order kept, bounds held.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    batch::{BatchLimits, Encoded},
    record::{Headers, LaneId, MessageId},
    sender::{
        engine::{Engine, Limits},
        stats::DropReason,
        transport::Ticket,
    },
    topic::TopicName,
};

const LIMITS: Limits = Limits {
    batch: BatchLimits { records_max: 4, bytes_max: 2_000, linger: Duration::from_millis(20) },
    ids: true,
    memory_bytes_max: 12_000,
    handed_bytes_max: 3_000,
    message_bytes_max: 900,
};

#[derive(Debug, Clone)]
enum Step {
    Accept { key: Option<u8>, bytes: usize },
    Pass { ms: u64 },
    Partitions { count: u32 },
    HandOver,
    Settle { which: usize, acked: bool },
    Busy,
    Rebuilt,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (prop::option::of(0u8..4), 0usize..1_000)
            .prop_map(|(key, bytes)| Step::Accept { key, bytes }),
        2 => (0u64..30).prop_map(|ms| Step::Pass { ms }),
        1 => (1u32..4).prop_map(|count| Step::Partitions { count }),
        5 => Just(Step::HandOver),
        4 => (0usize..8, prop::bool::weighted(0.9))
            .prop_map(|(which, acked)| Step::Settle { which, acked }),
        1 => Just(Step::Busy),
        1 => Just(Step::Rebuilt),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 0..300)
}

/// The engine with what a transport would know.
struct Run {
    engine: Engine,
    now: Instant,
    accepted: u64,
    in_flight: Vec<Ticket>,
    in_flight_bytes: BTreeMap<Ticket, usize>,
    settled: HashSet<MessageId>,
    /// The highest sequence handed over, by lane.
    lanes: BTreeMap<LaneId, u64>,
}

impl Run {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Accept { key, bytes } => {
                let key = key.map(|key| Bytes::from(vec![key]));
                let (value, at) = (Bytes::from(vec![b'x'; bytes]), SystemTime::UNIX_EPOCH);
                self.engine.accept(0, self.now, Encoded::new(key, Headers::new(), value, at));
                self.accepted += 1;
            }
            Step::Pass { ms } => {
                self.now += Duration::from_millis(ms);
                self.engine.close_due(self.now);
            }
            Step::Partitions { count } => self.engine.partitions_known(0, count),
            Step::HandOver => {
                if let Some(ticket) = self.engine.hand_over() {
                    self.handed_over(ticket);
                }
            }
            Step::Settle { which, acked } => {
                let Some(ticket) = self.pick(which) else { return };
                let id = self.id(ticket);
                assert!(self.settled.insert(id), "{id} was settled twice");
                let end = if acked { Ok(()) } else { Err(DropReason::Refused) };
                assert_eq!(self.engine.settle(ticket, end), Some(0));
                assert_eq!(self.engine.settle(ticket, end), None, "a second report counts nothing");
            }
            // Only the message handed over last is ever refused as busy.
            Step::Busy => {
                if let Some(ticket) = self.in_flight.pop() {
                    let id = self.id(ticket);
                    self.in_flight_bytes.remove(&ticket);
                    self.goes_back(id);
                    self.engine.take_back(ticket);
                }
            }
            Step::Rebuilt => {
                for ticket in std::mem::take(&mut self.in_flight) {
                    let id = self.id(ticket);
                    self.goes_back(id);
                }
                self.in_flight_bytes.clear();
                self.engine.recall();
            }
            Step::Flush => {
                self.engine.flush();
            }
        }
    }

    fn handed_over(&mut self, ticket: Ticket) {
        let outgoing = self.engine.outgoing(ticket).expect("just handed over");
        let bytes = outgoing.value.len();
        let id = self.id(ticket);
        if let Some(highest) = self.lanes.insert(id.lane, id.sequence) {
            assert!(id.sequence > highest, "{id} after {highest}");
        }
        self.in_flight.push(ticket);
        self.in_flight_bytes.insert(ticket, bytes);
        let together: usize = self.in_flight_bytes.values().sum();
        assert!(together <= LIMITS.handed_bytes_max, "{together} bytes in flight");
    }

    /// This message, and with it all later ones of its lane, will be handed over again.
    fn goes_back(&mut self, id: MessageId) {
        let highest = self.lanes.remove(&id.lane);
        let before = id.sequence.checked_sub(1);
        if let Some(highest) = highest.min(before) {
            self.lanes.insert(id.lane, highest);
        }
    }

    fn pick(&mut self, which: usize) -> Option<Ticket> {
        let index = which.checked_rem(self.in_flight.len())?;
        let ticket = self.in_flight.remove(index);
        self.in_flight_bytes.remove(&ticket);
        Some(ticket)
    }

    fn id(&self, ticket: Ticket) -> MessageId {
        self.engine
            .outgoing(ticket)
            .and_then(|outgoing| outgoing.id)
            .expect("in flight, with an id")
    }

    fn balances(&self) -> bool {
        let engine = &self.engine;
        let settled = engine.acked() + engine.dropped().total();
        self.accepted == engine.queued() + engine.handed() + settled
    }
}

proptest! {
    // Goal: under any schedule every message is in exactly one state, each lane is handed over in order, the budget
    // holds, and in the end all is settled. Method: random steps, then a transport that acks everything.
    #[test]
    fn keeps_every_promise(steps in steps()) {
        let mut engine = Engine::new(LaneId([7; 12]), LIMITS);
        engine.topic(&TopicName::new("T").unwrap());
        let (in_flight, in_flight_bytes) = Default::default();
        let (settled, lanes) = Default::default();
        let now = Instant::now();
        let mut run =
            Run { engine, now, accepted: 0, in_flight, in_flight_bytes, settled, lanes };
        for step in &steps {
            run.step(step);
            prop_assert!(run.balances(), "after {:?}", step);
            prop_assert!(run.engine.oldest().is_none() == (run.engine.queued() + run.engine.handed() == 0));
        }
        run.engine.partitions_known(0, 3);
        let last = run.engine.flush();
        loop {
            run.step(&Step::HandOver);
            if run.in_flight.is_empty() { break }
            run.step(&Step::Settle { which: 0, acked: true });
        }
        prop_assert_eq!((run.engine.queued(), run.engine.handed()), (0, 0));
        prop_assert!(run.engine.flushed(last));
        prop_assert!(run.balances());
    }
}

// Goal: a flush waits for what came before it, and for nothing else.
#[test]
fn a_flush_is_over_when_its_own_are_settled() {
    let mut engine = Engine::new(LaneId([7; 12]), LIMITS);
    let topic = engine.topic(&TopicName::new("T").unwrap());
    engine.partitions_known(topic, 1);
    let message =
        || Encoded::new(None, Headers::new(), Bytes::from_static(b"x"), SystemTime::UNIX_EPOCH);
    engine.accept(topic, Instant::now(), message());
    let flush = engine.flush();
    engine.accept(topic, Instant::now(), message());
    assert!(!engine.flushed(flush));
    let ticket = engine.hand_over().expect("the flush let it leave");
    assert!(engine.hand_over().is_none(), "the second still gathers");
    engine.settle(ticket, Ok(()));
    assert!(engine.flushed(flush));
}
