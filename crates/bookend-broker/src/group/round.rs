//! The rounds of a [`Group`]: how one begins, ends, and what is due when someone is late.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::{
    GROUP_BYTES_MAX,
    member::Member,
    request::{Answer, JoinRefused, Joined, Synced, Ticket},
    state::{Group, Phase},
};

/// How long the first member of an empty group waits for company, so that members started together
/// share one round. Apache Kafka waits 3 s (`group.initial.rebalance.delay.ms`) and again for each that comes; an
/// instant is enough to converge, and a lone service starts at once.
pub(crate) const FIRST_ROUND: Duration = Duration::from_millis(50);

impl Group {
    /// Starts a round: everyone has to join again.
    pub(super) fn prepare(&mut self, now: Instant) {
        if self.phase == Phase::Preparing {
            return;
        }
        for place in 0..self.members.len() {
            self.members[place].assignment = Bytes::new();
            if let Some(ticket) = self.members[place].sync.take() {
                self.members[place].seen(now);
                let error = Answer::Sync(Err(ResponseError::RebalanceInProgress));
                self.answers.push((ticket, error));
            }
        }
        self.earliest = (self.phase == Phase::Empty).then(|| now + FIRST_ROUND);
        self.due = Some(now + self.rebalance_timeout().max(FIRST_ROUND));
        self.phase = Phase::Preparing;
    }

    /// Ends the round as soon as no one is missing.
    pub(super) fn settle(&mut self, now: Instant) {
        let everyone = self.members.iter().all(|m| m.join.is_some()) && self.reserved.is_empty();
        if self.phase == Phase::Preparing && everyone && self.earliest.is_none() {
            self.complete(now);
        }
    }

    /// Ends the round: who has joined is in the next generation, who has not is out. But a static member (KIP-345)
    /// keeps its place until its session runs out, so that a restart of its process makes no one else move.
    fn complete(&mut self, now: Instant) {
        self.members.retain(|m| m.join.is_some() || m.instance_id.is_some());
        self.earliest = None;
        let first_joined = self.members.iter().find(|m| m.join.is_some()).map(|m| m.id.clone());
        if first_joined.is_none() && !self.members.is_empty() {
            // No one would lead. The next to join does, or their sessions run out.
            self.due = Some(now + self.rebalance_timeout().max(FIRST_ROUND));
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let Some(first) = self.members.first() else {
            self.phase = Phase::Empty;
            self.due = None;
            self.leader = StrBytes::new();
            return;
        };
        self.protocol_type = first.protocol_type.clone();
        if !self.members.iter().any(|m| m.id == self.leader && m.join.is_some()) {
            self.leader = first_joined.expect("no generation begins without one who joined");
        }
        self.protocol = self.elect_protocol();
        self.phase = Phase::Completing;
        self.due = Some(now + self.rebalance_timeout().max(FIRST_ROUND));
        for place in 0..self.members.len() {
            let joined = self.joined(place);
            let member = &mut self.members[place];
            member.newcomer = false;
            member.synced = false;
            member.seen(now);
            if let Some(ticket) = member.join.take() {
                self.answers.push((ticket, Answer::Join(Ok(joined))));
            }
        }
    }

    /// Each member votes for the first protocol of its list that all know; the first with most votes wins.
    pub(super) fn elect_protocol(&self) -> StrBytes {
        let common = |p: &StrBytes| self.members.iter().all(|m| m.supports(p));
        let votes: Vec<&StrBytes> =
            self.members.iter().filter_map(|m| m.names().find(|p| common(p))).collect();
        let count = |p: &StrBytes| votes.iter().filter(|v| **v == p).count();
        let most = votes.iter().map(|p| count(p)).max();
        let winner = votes.iter().find(|p| Some(count(p)) == most);
        (*winner.expect("a member joins only if all know one of its protocols")).clone()
    }

    /// The leader has spoken, by `ticket`: everyone who waits gets its part.
    pub(super) fn share_out(
        &mut self,
        now: Instant,
        ticket: Ticket,
        assignments: Vec<(StrBytes, Bytes)>,
    ) {
        let mut parts: HashMap<StrBytes, Bytes> = assignments.into_iter().collect();
        for member in &mut self.members {
            member.assignment = parts.remove(&member.id).unwrap_or_default();
        }
        if self.bytes() > GROUP_BYTES_MAX {
            tracing::warn!(leader = %self.leader, "a group's assignments are too large");
            if let Some(leader) = self.members.iter_mut().find(|m| m.sync == Some(ticket)) {
                (leader.sync, leader.synced) = (None, false);
            }
            let error = Answer::Sync(Err(ResponseError::UnknownServerError));
            self.answers.push((ticket, error));
            self.prepare(now);
            return;
        }
        self.phase = Phase::Stable;
        self.due.take_if(|_| self.members.iter().all(|m| m.synced));
        for place in 0..self.members.len() {
            if let Some(ticket) = self.members[place].sync.take() {
                self.members[place].seen(now);
                let synced = self.synced(place);
                self.answers.push((ticket, Answer::Sync(Ok(synced))));
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let members = self.members.iter().filter(|m| !m.waits()).map(|m| m.expires);
        let reserved = self.reserved.iter().map(|(_, until)| *until);
        members.chain(reserved).chain(self.due).chain(self.earliest).min()
    }

    /// Does what is due: members without a sign of life go, rounds end.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.reserved.retain(|(_, until)| *until > now);
        self.earliest.take_if(|earliest| *earliest <= now);
        while let Some(place) = self.members.iter().position(|m| !m.waits() && m.expires <= now) {
            tracing::info!(member = %self.members[place].id, "a group member's session ran out");
            self.remove(now, place);
        }
        if self.due.is_some_and(|due| due <= now) {
            if self.phase == Phase::Preparing {
                self.complete(now);
            } else {
                // Whoever lives but never takes its part, the leader above all, would keep its partitions idle.
                self.due = None;
                while let Some(place) = self.members.iter().position(|m| !m.synced) {
                    self.remove(now, place);
                }
            }
        }
        self.settle(now);
    }

    pub(super) fn remove(&mut self, now: Instant, place: usize) {
        let member = self.members.remove(place);
        if member.id == self.leader {
            self.leader = StrBytes::new();
        }
        self.refuse_parked(member, ResponseError::UnknownMemberId);
        self.prepare(now);
    }

    pub(super) fn refuse_parked(&mut self, member: Member, error: ResponseError) {
        if let Some(ticket) = member.join {
            let refused = JoinRefused { error, member_id: member.id };
            self.answers.push((ticket, Answer::Join(Err(refused))));
        }
        if let Some(ticket) = member.sync {
            self.answers.push((ticket, Answer::Sync(Err(error))));
        }
    }

    pub(super) fn joined(&self, place: usize) -> Joined {
        let member_id = self.members[place].id.clone();
        let members = if member_id == self.leader {
            self.members.iter().map(|m| m.introduce(&self.protocol)).collect()
        } else {
            Vec::new()
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            member_id,
            members,
            skip_assignment: false,
        }
    }

    pub(super) fn synced(&self, place: usize) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.members[place].assignment.clone(),
        }
    }

    fn rebalance_timeout(&self) -> Duration {
        self.members.iter().map(|m| m.rebalance_timeout).max().unwrap_or_default()
    }
}
