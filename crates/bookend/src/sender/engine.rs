//! The sender's state: which message is where. Pure: no clock, no I/O; time is an argument.
//!
//! Up the stream: encoded messages from [`recorder`](crate::recorder)'s sources. Down the stream: the worker hands
//! what [`Engine::hand_over`] gives to the transport and returns its reports to [`Engine::settle`].

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::{
    lanes::{Lane, Lanes, Queued},
    slab::Slab,
    stats::{DropReason, Dropped},
    transport::{Outgoing, Ticket},
};
use crate::{
    batch::{Batch, BatchLimits, Encoded},
    record::LaneId,
    topic::{Partition, TopicName},
};

/// What bounds an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) batch: BatchLimits,
    pub(crate) ids: bool,
    /// Weight of all messages here, handed over ones too.
    pub(crate) memory_bytes_max: usize,
    /// Weight of the messages that the client holds.
    pub(crate) handed_bytes_max: usize,
    pub(crate) message_bytes_max: usize,
}

/// All messages between a source and their report.
#[derive(Debug)]
pub(crate) struct Engine {
    limits: Limits,
    sender: LaneId,
    lanes_made: u32,
    topics: Vec<Lanes>,
    /// Batches that left, one after the other; within a lane strictly in order.
    ready: VecDeque<Queued>,
    /// With the number of the hand-over, which orders them should they have to be sent again.
    handed: Slab<(u64, Queued)>,
    hand_overs: u64,
    weight: usize,
    handed_weight: usize,
    queued: u64,
    acked: u64,
    dropped: Dropped,
    generation: u64,
    /// Messages here by flush generation; a generation that is gone is flushed.
    generations: BTreeMap<u64, u64>,
}

impl Engine {
    pub(crate) fn new(sender: LaneId, limits: Limits) -> Self {
        Self {
            limits,
            sender,
            lanes_made: 0,
            topics: Vec::new(),
            ready: VecDeque::new(),
            handed: Slab::default(),
            hand_overs: 0,
            weight: 0,
            handed_weight: 0,
            queued: 0,
            acked: 0,
            dropped: Dropped::default(),
            generation: 0,
            generations: BTreeMap::new(),
        }
    }

    /// The index of a topic; all its recorders share its lanes.
    pub(crate) fn topic(&mut self, name: &TopicName) -> usize {
        self.topics.iter().position(|topic| topic.name == *name).unwrap_or_else(|| {
            self.topics.push(Lanes::new(name.clone()));
            self.topics.len() - 1
        })
    }

    /// Takes a message in, or counts why not. Messages are to come in the order they were recorded.
    pub(crate) fn accept(&mut self, topic: usize, at: Instant, message: Encoded) {
        let weight = message.weight();
        if message.bytes() > self.limits.message_bytes_max {
            return self.drop_unaccepted(DropReason::TooLarge);
        }
        if self.weight + weight > self.limits.memory_bytes_max {
            return self.drop_unaccepted(DropReason::MemoryFull);
        }
        self.weight += weight;
        self.queued += 1;
        let generation = self.generation;
        *self.generations.entry(generation).or_default() += 1;
        let queued = Queued { message, topic, partition: Partition(0), id: None, at, generation };
        if self.topics[topic].lanes.is_empty() {
            self.topics[topic].unrouted.push_back(queued);
        } else {
            self.route(queued);
        }
    }

    /// Counts a message that never became one.
    pub(crate) fn drop_unaccepted(&mut self, reason: DropReason) {
        self.dropped.add(reason, 1);
    }

    /// The topics whose messages wait for the number of partitions, or all topics.
    pub(crate) fn topics(&self, all: bool) -> impl Iterator<Item = (usize, &TopicName)> {
        let wanted = move |(_, topic): &(usize, &Lanes)| all || !topic.unrouted.is_empty();
        self.topics.iter().enumerate().filter(wanted).map(|(index, topic)| (index, &topic.name))
    }

    /// Takes note that `topic` has `count` partitions, and routes what waited for it. More partitions than before
    /// are used from now on; fewer are not believed, as Kafka never removes any.
    pub(crate) fn partitions_known(&mut self, topic: usize, count: u32) {
        let (sender, made) = (self.sender, &mut self.lanes_made);
        let lanes = &mut self.topics[topic].lanes;
        while lanes.len() < count as usize {
            let id = sender.lane(*made);
            *made += 1;
            lanes.push(Lane::new(id));
        }
        let unrouted = std::mem::take(&mut self.topics[topic].unrouted);
        let flushed = unrouted.iter().any(|queued| queued.generation < self.generation);
        for queued in unrouted {
            self.route(queued);
        }
        if flushed {
            self.close_where(|batch| batch.len() > 0); // the flush came before the route
        }
    }

    /// Picks the lane, gives the id, and adds the message to the lane's batch.
    fn route(&mut self, mut queued: Queued) {
        let topic = &mut self.topics[queued.topic];
        queued.partition = topic.pick(queued.message.key.as_deref());
        let lane = topic.lane(queued.partition);
        if self.limits.ids {
            queued.id = Some(lane.next_id());
        }
        let bytes = queued.message.bytes();
        if let Some(full) = lane.batch.push(queued.at, queued, bytes, &self.limits.batch) {
            self.leave(full);
        }
    }

    fn leave(&mut self, batch: Vec<Queued>) {
        if let Some(first) = batch.first() {
            self.topics[first.topic].left(first.partition);
        }
        self.ready.extend(batch);
    }

    /// Lets every batch leave whose linger has ended.
    pub(crate) fn close_due(&mut self, now: Instant) {
        let limits = self.limits.batch;
        self.close_where(|batch| batch.due_at(&limits).is_some_and(|due| due <= now));
    }

    /// Lets everything leave, and returns the generation to ask [`flushed`](Self::flushed) for.
    pub(crate) fn flush(&mut self) -> u64 {
        self.close_where(|batch| batch.len() > 0);
        self.generation += 1;
        self.generation - 1
    }

    fn close_where(&mut self, leaves: impl Fn(&Batch<Queued>) -> bool) {
        for topic in 0..self.topics.len() {
            for lane in 0..self.topics[topic].lanes.len() {
                let batch = &mut self.topics[topic].lanes[lane].batch;
                if leaves(batch) {
                    let batch = batch.close();
                    self.leave(batch);
                }
            }
        }
    }

    /// Whether everything accepted up to that generation is acked or dropped.
    pub(crate) fn flushed(&self, generation: u64) -> bool {
        self.generations.first_key_value().is_none_or(|(&oldest, _)| oldest > generation)
    }

    /// The next message for the client, while the budget allows one more.
    pub(crate) fn hand_over(&mut self) -> Option<Ticket> {
        let weight = self.ready.front()?.message.weight();
        // A message that is larger than the whole budget goes alone.
        if self.handed_weight > 0 && self.handed_weight + weight > self.limits.handed_bytes_max {
            return None;
        }
        let queued = self.ready.pop_front()?;
        self.queued -= 1;
        self.handed_weight += weight;
        self.hand_overs += 1;
        Some(Ticket(self.handed.insert((self.hand_overs, queued))))
    }

    /// The message of a ticket.
    pub(crate) fn outgoing(&self, ticket: Ticket) -> Option<Outgoing<'_>> {
        let (_, queued) = self.handed.get(ticket.0)?;
        Some(Outgoing {
            topic: &self.topics[queued.topic].name,
            partition: queued.partition,
            key: queued.message.key.as_ref(),
            value: &queued.message.value,
            headers: &queued.message.headers,
            id: queued.id,
            created_at: queued.message.created_at,
        })
    }

    /// Puts a message back at the head of the line: the client was busy.
    pub(crate) fn take_back(&mut self, ticket: Ticket) {
        if let Some((_, queued)) = self.handed.remove(ticket.0) {
            self.handed_weight -= queued.message.weight();
            self.queued += 1;
            self.ready.push_front(queued);
        }
    }

    /// A message's end: acked, or dropped for a reason. Returns its topic; `None` if the ticket was settled before.
    pub(crate) fn settle(&mut self, ticket: Ticket, end: Result<(), DropReason>) -> Option<usize> {
        let (_, queued) = self.handed.remove(ticket.0)?;
        self.handed_weight -= queued.message.weight();
        match end {
            Ok(()) => self.acked += 1,
            Err(reason) => self.dropped.add(reason, 1),
        }
        self.forget(&queued);
        Some(queued.topic)
    }

    /// Takes everything back that was handed over, in order: the client was rebuilt.
    pub(crate) fn recall(&mut self) {
        let mut handed = self.handed.take_all();
        handed.sort_by_key(|(number, _)| *number);
        for (_, queued) in handed.into_iter().rev() {
            self.queued += 1;
            self.ready.push_front(queued);
        }
        self.handed_weight = 0;
    }

    /// Drops all that was not handed over.
    pub(crate) fn drop_queued(&mut self, reason: DropReason) {
        self.close_where(|_| true);
        let unrouted = self.topics.iter_mut().flat_map(|topic| std::mem::take(&mut topic.unrouted));
        let gone: Vec<_> = unrouted.chain(std::mem::take(&mut self.ready)).collect();
        for queued in &gone {
            self.queued -= 1;
            self.dropped.add(reason, 1);
            self.forget(queued);
        }
    }

    fn forget(&mut self, queued: &Queued) {
        self.weight -= queued.message.weight();
        if let Some(count) = self.generations.get_mut(&queued.generation) {
            *count -= 1;
            if *count == 0 {
                self.generations.remove(&queued.generation);
            }
        }
    }

    /// When the message was recorded that has been here longest.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let lanes = self.topics.iter().flat_map(|topic| &topic.lanes);
        let gathering = lanes.filter_map(|lane| lane.batch.since());
        let unrouted = self.topics.iter().filter_map(|topic| Some(topic.unrouted.front()?.at));
        let handed = self.handed.iter().map(|(_, queued)| queued.at);
        gathering.chain(unrouted).chain(handed).chain(self.ready.front().map(|head| head.at)).min()
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued
    }

    pub(crate) fn handed(&self) -> u64 {
        self.handed.len() as u64
    }

    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    pub(crate) fn dropped(&self) -> Dropped {
        self.dropped
    }

    pub(crate) fn topic_name(&self, topic: usize) -> &TopicName {
        &self.topics[topic].name
    }
}
