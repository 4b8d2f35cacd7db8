//! The engine's part in the group: partitions come, go, and are committed.
//!
//! The group waits for an answer to each change, so there is time: for committed offsets to be read before the first
//! message, and for handlers to end before a partition goes.

use std::{sync::Arc, time::Instant};

use tracing::{Instrument, debug_span, info, warn};

use super::{
    drain::{Drain, Step},
    engine::{ASSIGN_RETRY, COMMIT_INTERVAL, COMMIT_RETRY, Engine, HIGH_WATER},
    flow::{Flow, HighWater},
    held::Held,
    lane::Lane,
    transport::{Begun, Transport},
    worker::Worker,
};
use crate::{
    router::Route,
    settle::{Backoff, Jitter, Progress},
    topic::{Offset, TopicPartition},
};

impl<T: Transport> Engine<T> {
    pub(super) fn assign(&mut self, mut partitions: Vec<TopicPartition>, now: Instant) {
        if self.ending.is_some() {
            // Leaving the group gives them back; until then, the others wait for an answer.
            partitions.clear();
        }
        let failed = match self.transport.assign(&partitions) {
            Ok(Begun { partitions: begun, refused }) => {
                info!(group = self.wiring.group, partitions = %list(begun.iter().map(|(at, _)| at)), "assigned");
                for (partition, committed) in begun {
                    partitions.retain(|other| *other != partition);
                    self.hold(partition, committed);
                }
                refused
            }
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            self.trouble(&format!("the committed offsets could not be read: {error}"));
            let waiting = self.unassigned.take().map(|(waiting, _)| waiting);
            partitions.extend(waiting.into_iter().flatten());
            self.unassigned = Some((partitions, now + ASSIGN_RETRY));
        }
    }

    /// Tries again what could not be assigned.
    pub(super) fn assign_again(&mut self, now: Instant) {
        if let Some((partitions, _)) = self.unassigned.take_if(|(_, at)| now >= *at) {
            self.assign(partitions, now);
        }
    }

    /// Gives a partition its lane and its worker.
    fn hold(&mut self, partition: TopicPartition, committed: Option<Offset>) {
        let wiring = &self.wiring;
        let route = wiring.routes.get(&partition.topic).cloned();
        let Some((route, topic)) = route.zip(wiring.board.topic(&partition.topic)) else {
            warn!(%partition, "the group assigned a partition that the service did not ask for");
            return;
        };
        self.newest += 1;
        let board = wiring.board.assigned(&partition);
        board.moved(0, committed);
        let lane = Arc::new(Lane::new());
        let high = high_water(&route);
        let worker = Worker {
            assignment: self.newest,
            route,
            lane: Arc::clone(&lane),
            mailbox: Arc::clone(&wiring.mailbox),
            topic: Arc::clone(&topic),
            board: Arc::clone(&board),
            backoff: Backoff::default(),
            jitter: Jitter::seeded(wiring.seed.wrapping_add(self.newest)),
        };
        let span = debug_span!("partition", %partition);
        let worker = wiring.runtime.spawn(worker.run().instrument(span)).abort_handle();
        let held = Held {
            partition,
            lane,
            worker,
            has_ended: false,
            high,
            topic,
            board,
            progress: Progress::default(),
            flow: Flow::Open,
            began: committed,
            committed: None,
            asked: None,
        };
        self.held.insert(self.newest, held);
    }

    /// Begins to give partitions up.
    pub(super) fn revoke(&mut self, partitions: Vec<TopicPartition>, now: Instant) {
        // With none left there is nothing to try again: an empty answer would make a lost assignment look held.
        self.unassigned.take_if(|(unassigned, _)| {
            unassigned.retain(|partition| !partitions.contains(partition));
            unassigned.is_empty()
        });
        for partition in &partitions {
            if let Some(held) = self.held.partition(partition) {
                held.lane.close();
            }
        }
        self.revokes.push_back((partitions, Drain::begin(now, self.wiring.drain)));
    }

    /// Moves the revoke at hand on; says when it must be looked at again.
    pub(super) fn revoke_step(&mut self, now: Instant) -> Option<Instant> {
        while let Some((partitions, mut drain)) = self.revokes.pop_front() {
            // What the group has already taken away is dropped at once: another member may be at work on it, and a
            // commit would move that one's mark.
            let is_lost = self.transport.is_lost();
            let step = if is_lost {
                Step::Over
            } else {
                let meant = |held: &&Held| partitions.contains(&held.partition);
                drain.step(self.held.iter().filter(meant), now)
            };
            if let Step::Committing(_) = step {
                for partition in &partitions {
                    let held = self.held.partition(partition);
                    held.filter(|held| !held.has_ended).into_iter().for_each(Held::cut_off);
                }
                self.commit_now(now, Some(&partitions));
            }
            match step {
                Step::Handling(until) | Step::Committing(until) => {
                    self.revokes.push_front((partitions, drain));
                    return Some(until);
                }
                Step::Over => self.give_up(&partitions, is_lost),
            }
        }
        None
    }

    fn give_up(&mut self, partitions: &[TopicPartition], is_lost: bool) {
        for partition in partitions {
            if let Some(mut held) = self.held.remove(partition) {
                held.cut_off();
                self.wiring.board.unassigned(partition);
                self.report.given_back += held.progress.unsettled() as u64;
            }
        }
        self.transport.unassign(partitions);
        info!(group = self.wiring.group, is_lost, partitions = %list(partitions), "revoked");
    }

    pub(super) fn commit_when_due(&mut self, now: Instant) {
        if now >= self.commit_at {
            self.commit_now(now, None);
        }
    }

    /// Commits what was not asked for yet, unless a commit has just failed.
    pub(super) fn commit_now(&mut self, now: Instant, only: Option<&[TopicPartition]>) {
        if now >= self.commit_not_before {
            self.commit(now, only);
        }
    }

    fn commit(&mut self, now: Instant, only: Option<&[TopicPartition]>) {
        let is_lost = self.transport.is_lost();
        let mut offsets: Vec<(TopicPartition, Offset)> = Vec::new();
        for held in self.held.iter_mut() {
            let is_meant = only.is_none_or(|only| only.contains(&held.partition));
            if let Some(mark) = held.to_commit().filter(|_| is_meant && !is_lost) {
                held.asked = Some(mark);
                offsets.push((held.partition.clone(), mark));
            }
        }
        self.commit_at = now + COMMIT_INTERVAL;
        if !offsets.is_empty() {
            self.transport.commit(&offsets);
        }
    }

    /// Notes which marks are still to be committed.
    pub(super) fn commit_failed(
        &mut self,
        partitions: impl Iterator<Item = TopicPartition>,
        reason: &str,
        now: Instant,
    ) {
        warn!(group = self.wiring.group, reason, "a commit failed and will be tried again");
        self.commit_not_before = now + COMMIT_RETRY;
        for partition in partitions {
            if let Some(held) = self.held.partition(&partition) {
                held.asked = held.committed;
            }
        }
    }
}

/// Room for a whole batch, and for the next to gather behind it.
fn high_water(route: &Route) -> HighWater {
    let two_batches = route.batch.map_or(0, |batch| batch.records_max.saturating_mul(2));
    HighWater { records: HIGH_WATER.records.max(two_batches), ..HIGH_WATER }
}

fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    partitions.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
