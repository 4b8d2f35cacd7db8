//! The service's one thread: takes messages from the transport, hands them to workers, commits what is settled.
//!
//! It never waits by itself: [`Engine::turn`] does what is to do and says how long there is nothing. Whoever
//! drives it waits, or is woken before. Up the stream: a [`Transport`]; down the stream: the [`worker`](super::worker)
//! of each partition, and back from them the [`Mailbox`].

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use tracing::{info, warn};

use super::{
    board::Board,
    drain::{Drain, Step},
    error::{RunError, ServiceReport},
    flow::{Flow, HighWater, Turn},
    held::HeldPartitions,
    mailbox::{AssignmentId, Mailbox, Report, Stop},
    stats::Phase,
    transport::{Event, PartitionEnd, Transport},
};
use crate::{router::Routes, topic::TopicPartition};

/// How often settled messages are committed.
pub(super) const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How soon a commit that failed is tried again while something waits for it.
pub(super) const COMMIT_RETRY: Duration = Duration::from_millis(250);
/// How soon an assignment whose committed offsets could not be read is tried again.
pub(super) const ASSIGN_RETRY: Duration = Duration::from_secs(1);
/// The longest wait between two turns, should a wake-up ever be missed.
const TURN_AT_LEAST_EVERY: Duration = Duration::from_millis(100);
/// The most events in one turn, so that commits and drains are never starved.
const EVENTS_PER_TURN: usize = 1_000;
/// What a partition may hold: messages, unless a batch is larger, and bytes of keys, values and headers.
pub(super) const HIGH_WATER: HighWater = HighWater { records: 1_000, bytes: 4 * 1_024 * 1_024 };

/// What the engine is made of, besides the transport.
pub(super) struct Wiring {
    pub(super) group: String,
    pub(super) routes: Routes,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) board: Arc<Board>,
    pub(super) runtime: Handle,
    pub(super) drain: Duration,
    pub(super) seed: u64,
}

pub(super) struct Engine<T> {
    pub(super) transport: T,
    pub(super) wiring: Wiring,
    pub(super) held: HeldPartitions,
    pub(super) newest: AssignmentId,
    /// Given by the group, but their committed offsets could not be read yet; tried again then.
    pub(super) unassigned: Option<(Vec<TopicPartition>, Instant)>,
    pub(super) revokes: VecDeque<(Vec<TopicPartition>, Drain)>,
    pub(super) ending: Option<Ending>,
    pub(super) commit_at: Instant,
    /// No commit is tried before, because one has just failed.
    pub(super) commit_not_before: Instant,
    /// The mailbox was last told that reports are waited for.
    pub(super) wanted: bool,
    pub(super) reports: Vec<Report>,
    pub(super) report: ServiceReport,
}

pub(super) struct Ending {
    pub(super) cause: Option<RunError>,
    pub(super) drain: Drain,
}

impl<T: Transport> Engine<T> {
    pub(super) fn new(transport: T, wiring: Wiring, now: Instant) -> Self {
        Self {
            transport,
            wiring,
            held: HeldPartitions::default(),
            newest: 0,
            unassigned: None,
            revokes: VecDeque::new(),
            ending: None,
            commit_at: now + COMMIT_INTERVAL,
            commit_not_before: now,
            wanted: false,
            reports: Vec::new(),
            report: ServiceReport::default(),
        }
    }

    /// Does what is to do. Says how long there is nothing, unless woken; `None` when the service is over.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Duration> {
        self.wiring.board.polled(now);
        self.hear(now);
        let blocked = self.relieve(now);
        let more = blocked.is_none() && self.poll(now);
        self.assign_again(now);
        self.commit_when_due(now);
        let mut next = now + TURN_AT_LEAST_EVERY;
        next = next.min(blocked.unwrap_or(next));
        next = next.min(self.revoke_step(now).unwrap_or(next));
        if let Some(ending) = &mut self.ending {
            match ending.drain.step(self.held.iter(), now) {
                Step::Over => return None,
                Step::Handling(until) => next = next.min(until),
                Step::Committing(until) => {
                    next = next.min(until);
                    self.held.iter_mut().filter(|held| !held.has_ended).for_each(|held| {
                        held.cut_off();
                        self.report.cut_off.push(held.partition.clone());
                    });
                    self.commit_now(now, None);
                }
            }
        }
        // A report that came between hearing and wanting has woken nobody: look once more.
        let wants = self.wants_reports();
        let missed = wants && !std::mem::replace(&mut self.wanted, wants);
        self.wanted = wants;
        if more || missed {
            Some(Duration::ZERO)
        } else {
            Some(next.saturating_duration_since(now))
        }
    }

    /// Says how it went, and gives the transport back to be closed.
    pub(super) fn finish(mut self) -> (Result<ServiceReport, RunError>, T) {
        for held in self.held.iter() {
            self.report.given_back += held.progress.unsettled() as u64;
            if !held.is_committed() {
                self.report.uncommitted.push(held.partition.clone());
            }
        }
        self.report.topics = self.wiring.board.topic_stats();
        let result = self.ending.and_then(|ending| ending.cause).map_or(Ok(self.report), Err);
        (result, self.transport)
    }

    fn wants_reports(&self) -> bool {
        self.ending.is_some()
            || !self.revokes.is_empty()
            || self.held.iter().any(|held| held.flow != Flow::Open)
    }

    /// Reads the mailbox. What comes from a revoked assignment is ignored: its messages are another's now.
    fn hear(&mut self, now: Instant) {
        let mut reports = std::mem::take(&mut self.reports);
        let stop = self.wiring.mailbox.take(&mut reports, self.wanted);
        for report in reports.drain(..) {
            match report {
                Report::Settled { assignment, offset, settled } => {
                    if let Some(held) = self.held.assignment(assignment) {
                        held.settle(offset, settled);
                    }
                }
                Report::Stop { position, cause } => {
                    self.end(Some(RunError::Stopped { position, cause }), now);
                }
                Report::Ended { assignment } => self.worker_ended(assignment, now),
            }
        }
        self.reports = reports;
        match stop {
            Some(Stop::Drain) => self.end(None, now),
            Some(Stop::Abandon) => {
                self.end(None, now);
                self.ending.iter_mut().for_each(|ending| ending.drain.hurry(now));
            }
            None => {}
        }
    }

    fn worker_ended(&mut self, assignment: AssignmentId, now: Instant) {
        let Some(held) = self.held.assignment(assignment) else { return };
        held.has_ended = true;
        if held.lane.is_open() {
            let partition = held.partition.clone();
            self.end(Some(RunError::WorkerGone { partition }), now);
        }
    }

    /// Begins to end. The first cause stays.
    fn end(&mut self, cause: Option<RunError>, now: Instant) {
        if let Some(ending) = &mut self.ending {
            ending.cause = ending.cause.take().or(cause);
            return;
        }
        self.wiring.board.enter(Phase::Stopping);
        self.held.iter().for_each(|held| held.lane.close());
        self.ending = Some(Ending { cause, drain: Drain::begin(now, self.wiring.drain) });
    }

    /// Pauses and resumes. While a lane may yet empty by itself, nothing is polled until the time given.
    fn relieve(&mut self, now: Instant) -> Option<Instant> {
        let mut blocked = None::<Instant>;
        for held in self.held.iter_mut() {
            match held.turn(now) {
                Turn::Stay => {}
                Turn::Wait(until) => {
                    blocked = Some(blocked.map_or(until, |other| other.min(until)));
                }
                Turn::Pause => self.transport.pause(&held.partition),
                Turn::Resume => self.transport.resume(&held.partition),
            }
        }
        blocked
    }

    /// Takes what the transport has, until a lane is full. `true` when there may be more.
    fn poll(&mut self, now: Instant) -> bool {
        for _ in 0..EVENTS_PER_TURN {
            let Some(event) = self.transport.poll() else { return false };
            if self.event(event, now) {
                return true;
            }
        }
        true
    }

    /// Takes one event. `true` when it filled a lane.
    fn event(&mut self, event: Event, now: Instant) -> bool {
        match event {
            Event::Message(message) => {
                self.recovered();
                let partition = TopicPartition::new(message.topic.clone(), message.partition);
                let held = self.held.partition(&partition);
                // Taken in any case: the client counts it as consumed, even while a pause is on its way.
                return held.is_some_and(|held| held.take(message));
            }
            Event::Assigned(partitions) => {
                self.recovered();
                self.assign(partitions, now);
            }
            Event::Revoked(partitions) => self.revoke(partitions, now),
            Event::Committed(offsets) => {
                self.recovered();
                for (partition, offset) in offsets {
                    if let Some(held) = self.held.partition(&partition) {
                        held.committed = Some(offset);
                    }
                }
            }
            Event::CommitFailed { partitions, reason } => {
                self.commit_failed(partitions.into_iter(), &reason, now);
            }
            Event::Reachable { ends } => {
                self.recovered();
                self.look_behind(ends, now);
            }
            Event::Trouble(reason) => self.trouble(&reason),
            Event::OutOfRange { partition, next, first, end } => {
                let group = self.wiring.group.clone();
                self.end(Some(RunError::OutOfRange { partition, group, next, first, end }), now);
            }
            Event::Failed(reason) => self.end(Some(RunError::Failed { reason }), now),
        }
        false
    }

    /// Notes how far the partitions are fetched. One whose end is not known is not fetched at all.
    fn look_behind(&mut self, ends: Vec<PartitionEnd>, now: Instant) {
        self.held.iter().for_each(|held| held.board.falls_behind(now));
        for PartitionEnd { partition, end, is_fetched } in ends {
            if let Some(held) = self.held.partition(&partition) {
                held.board.ends_at(end);
                if is_fetched {
                    held.board.keeps_up();
                }
            }
        }
    }

    /// Says once that something fails; the service goes on.
    pub(super) fn trouble(&self, reason: &str) {
        // What does not come meanwhile is explained.
        self.held.iter().for_each(|held| held.board.keeps_up());
        if self.wiring.board.trouble(Some(reason.to_owned())).is_none() {
            let group = &self.wiring.group;
            warn!(
                group,
                reason, "something fails on the way to the brokers; going on when it is over"
            );
        }
    }

    /// Notes that trouble is over, unless partitions still wait to be assigned.
    fn recovered(&self) {
        if self.unassigned.is_none() && self.wiring.board.trouble(None).is_some() {
            info!(group = self.wiring.group, "the brokers answer");
        }
    }
}
