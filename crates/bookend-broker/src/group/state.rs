//! One consumer group as a state machine: events and the time go in, answers come out.
//!
//! ```text
//!           first join                everyone joined, or out of time
//!   Empty ─────────────▶ Preparing ───────────────────────────────────▶ Completing
//!     ▲                   ▲      ▲                                           │
//!     └── no one joined ──┘      └── someone joins, leaves, expires ──┐      │ the leader's
//!                                                                   Stable ◀─┘ assignments
//! ```
//!
//! It follows Apache Kafka's classic coordinator: members join and wait until all known ones have
//! joined; each such round is a generation with one leader, which shares out the work; everyone
//! syncs to get a part. A first-time member is handed an id before it joins (KIP-394), so a client
//! that gives up leaves no ghost. A static member (KIP-345) that restarts takes its old place over, and its old part
//! without a round. Cooperative rebalancing (KIP-429) is two such rounds, and the clients' own affair.
//!
//! No clock and no I/O here. The [driver](super) holds what is parked: a request that cannot be
//! answered yet leaves a [`Ticket`], and [`Group::take_answers`] says which can be answered now.

use std::time::Instant;

use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::{
    member::Member,
    request::{Answer, Sync, Synced, Ticket},
};

/// What a reserved id takes in memory besides its text.
const RESERVED_BYTES: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    Preparing,
    Completing,
    Stable,
}

/// The state of one group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: StrBytes,
    pub(super) protocol: StrBytes,
    pub(super) leader: StrBytes,
    /// In the order they came; the first becomes leader.
    pub(super) members: Vec<Member>,
    /// Ids handed out and not joined with yet, and until when they hold.
    pub(super) reserved: Vec<(StrBytes, Instant)>,
    /// Until when the members have to join, or to sync.
    pub(super) due: Option<Instant>,
    /// Before this a first round does not end.
    pub(super) earliest: Option<Instant>,
    pub(super) answers: Vec<(Ticket, Answer)>,
}

impl Group {
    /// An empty group whose next generation comes after `generation`.
    pub(crate) fn new(generation: i32) -> Self {
        Self {
            phase: Phase::Empty,
            generation,
            protocol_type: StrBytes::new(),
            protocol: StrBytes::new(),
            leader: StrBytes::new(),
            members: Vec::new(),
            reserved: Vec::new(),
            due: None,
            earliest: None,
            answers: Vec::new(),
        }
    }

    /// Takes a sync; its answer comes by `ticket`, at once or later.
    pub(crate) fn sync(&mut self, now: Instant, ticket: Ticket, sync: Sync) {
        match self.try_sync(now, ticket, sync) {
            Ok(None) => {}
            Ok(Some(synced)) => self.answers.push((ticket, Answer::Sync(Ok(synced)))),
            Err(error) => self.answers.push((ticket, Answer::Sync(Err(error)))),
        }
    }

    fn try_sync(
        &mut self,
        now: Instant,
        ticket: Ticket,
        sync: Sync,
    ) -> Result<Option<Synced>, ResponseError> {
        let place = self.check(&sync.member_id, sync.instance_id.as_ref(), sync.generation)?;
        let differs = |given: &Option<StrBytes>, ours| given.as_ref().is_some_and(|g| g != ours);
        if differs(&sync.protocol_type, &self.protocol_type)
            || differs(&sync.protocol, &self.protocol)
        {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        self.members[place].seen(now);
        match self.phase {
            Phase::Empty => Err(ResponseError::UnknownMemberId),
            Phase::Preparing => Err(ResponseError::RebalanceInProgress),
            Phase::Stable => {
                self.members[place].synced = true;
                self.due.take_if(|_| self.members.iter().all(|m| m.synced));
                Ok(Some(self.synced(place)))
            }
            Phase::Completing => {
                self.members[place].synced = true;
                if let Some(older) = self.members[place].sync.replace(ticket) {
                    let error = Answer::Sync(Err(ResponseError::RebalanceInProgress));
                    self.answers.push((older, error));
                }
                if self.members[place].id == self.leader {
                    self.share_out(now, ticket, sync.assignments);
                }
                Ok(None)
            }
        }
    }

    /// A member's sign of life.
    pub(crate) fn heartbeat(
        &mut self,
        now: Instant,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        let place = self.check(member_id, instance_id, generation)?;
        self.members[place].seen(now);
        if self.phase == Phase::Preparing {
            Err(ResponseError::RebalanceInProgress)
        } else {
            Ok(())
        }
    }

    /// Takes a member out; a static one may be named by its instance alone.
    pub(crate) fn leave(
        &mut self,
        now: Instant,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
    ) -> Result<(), ResponseError> {
        let reserved = self.reserved.len();
        self.reserved.retain(|(id, _)| id != member_id);
        if reserved == self.reserved.len() {
            let by_instance =
                |m: &Member| instance_id.is_some() && m.instance_id.as_ref() == instance_id;
            let place = if member_id.is_empty() {
                self.members.iter().position(by_instance).ok_or(ResponseError::UnknownMemberId)?
            } else {
                self.locate(member_id, instance_id)?
            };
            self.remove(now, place);
        }
        self.settle(now);
        Ok(())
    }

    /// Whether this member may commit offsets now. Without a generation the caller is no member:
    /// it may while the group is empty.
    pub(crate) fn may_commit(
        &mut self,
        now: Instant,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        let place = self.check(member_id, instance_id, generation)?;
        self.members[place].seen(now);
        if self.phase == Phase::Completing {
            Err(ResponseError::RebalanceInProgress)
        } else {
            Ok(())
        }
    }

    /// The connection that waited for `ticket` is gone. A member that was never in a generation goes
    /// with it; any other has its session timeout to come back.
    pub(crate) fn abandon(&mut self, now: Instant, ticket: Ticket) {
        let waits = |m: &Member| m.join == Some(ticket) || m.sync == Some(ticket);
        let Some(place) = self.members.iter().position(waits) else { return };
        let member = &mut self.members[place];
        if member.join.take_if(|t| *t == ticket).is_some() && member.newcomer {
            self.remove(now, place);
        } else {
            if member.sync.take_if(|t| *t == ticket).is_some() {
                member.synced = false;
            }
            member.seen(now);
        }
        self.settle(now);
    }

    /// Whether nothing would be lost with this state but its generation.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.reserved.is_empty() && self.phase == Phase::Empty
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(Member::bytes).sum();
        let reserved: usize = self.reserved.iter().map(|(id, _)| RESERVED_BYTES + id.len()).sum();
        members + reserved
    }

    /// The last generation.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// What can be answered since the last call.
    pub(crate) fn take_answers(&mut self) -> Vec<(Ticket, Answer)> {
        std::mem::take(&mut self.answers)
    }

    fn check(
        &self,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
        generation: i32,
    ) -> Result<usize, ResponseError> {
        let place = self.locate(member_id, instance_id)?;
        if generation == self.generation {
            Ok(place)
        } else {
            Err(ResponseError::IllegalGeneration)
        }
    }

    pub(super) fn locate(
        &self,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
    ) -> Result<usize, ResponseError> {
        let same = |m: &Member| instance_id.is_some() && m.instance_id.as_ref() == instance_id;
        match self.members.iter().position(same) {
            Some(place) if self.members[place].id == *member_id => Ok(place),
            Some(_) => Err(ResponseError::FencedInstanceId),
            None if instance_id.is_some() => Err(ResponseError::UnknownMemberId),
            None => self
                .members
                .iter()
                .position(|m| m.id == *member_id)
                .ok_or(ResponseError::UnknownMemberId),
        }
    }
}
