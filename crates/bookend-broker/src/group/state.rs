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
//! that gives up leaves no ghost. A static member (KIP-345) takes its old place over, but always by
//! a new round: Apache Kafka spares that round, this broker does not.
//!
//! No clock and no I/O here. The [driver](super) holds what is parked: a request that cannot be
//! answered yet leaves a [`Ticket`], and [`Group::take_answers`] says which can be answered now.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::member::{Member, Protocols};

/// The most members of one group, those with a reserved id included.
const MEMBERS_MAX: usize = 1_000;
/// How long the first member of an empty group waits for company, so that members started together
/// share one round. Apache Kafka waits 3 s; an instant is enough to converge, and a lone service starts at once.
pub(crate) const FIRST_ROUND: Duration = Duration::from_millis(50);

/// A parked request.
pub(crate) type Ticket = u64;

/// A member's wish to be in the next generation.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    /// Empty for a first-time member.
    pub(crate) member_id: StrBytes,
    /// The id such a member gets.
    pub(crate) fresh_id: StrBytes,
    /// Whether the client can be handed its id before it joins: from version 4 on.
    pub(crate) two_steps: bool,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocols: Protocols,
}

/// A member's question for its part of the work; the leader's brings everyone's.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) member_id: StrBytes,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) generation: i32,
    /// Given from version 5 on.
    pub(crate) protocol_type: Option<StrBytes>,
    pub(crate) protocol: Option<StrBytes>,
    pub(crate) assignments: Vec<(StrBytes, Bytes)>,
}

/// The answer to a parked request.
#[derive(Debug)]
pub(crate) enum Answer {
    Join(Result<Joined, JoinRefused>),
    Sync(Result<Synced, ResponseError>),
}

/// A place in a generation.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocol: StrBytes,
    pub(crate) leader: StrBytes,
    pub(crate) member_id: StrBytes,
    /// All members with what they said about themselves; for the leader only.
    pub(crate) members: Vec<(StrBytes, Option<StrBytes>, Bytes)>,
}

/// No place; the id is the member's, or the one it shall join with.
#[derive(Debug, Clone)]
pub(crate) struct JoinRefused {
    pub(crate) error: ResponseError,
    pub(crate) member_id: StrBytes,
}

/// A part of the work.
#[derive(Debug, Clone)]
pub(crate) struct Synced {
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocol: StrBytes,
    pub(crate) assignment: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Empty,
    Preparing,
    Completing,
    Stable,
}

/// The state of one group.
#[derive(Debug)]
pub(crate) struct Group {
    phase: Phase,
    generation: i32,
    protocol_type: StrBytes,
    protocol: StrBytes,
    leader: StrBytes,
    /// In the order they came; the first becomes leader.
    members: Vec<Member>,
    /// Ids handed out and not joined with yet, and until when they hold.
    reserved: Vec<(StrBytes, Instant)>,
    /// Until when the members have to join, or to sync.
    due: Option<Instant>,
    /// Before this a first round does not end.
    earliest: Option<Instant>,
    answers: Vec<(Ticket, Answer)>,
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

    /// Takes a join; its answer comes by `ticket`, at once or later.
    pub(crate) fn join(&mut self, now: Instant, ticket: Ticket, join: Join) {
        if let Err(error) = self.try_join(now, ticket, &join) {
            let asked = error == ResponseError::MemberIdRequired;
            let member_id = if asked { join.fresh_id } else { join.member_id };
            self.answers.push((ticket, Answer::Join(Err(JoinRefused { error, member_id }))));
        }
        self.settle(now);
    }

    fn try_join(&mut self, now: Instant, ticket: Ticket, join: &Join) -> Result<(), ResponseError> {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let place = self.place(join)?;
        let others = self.members.iter().enumerate().filter(|(i, _)| Some(*i) != place);
        if !others.clone().all(|(_, m)| m.protocol_type == join.protocol_type)
            || !join.protocols.iter().any(|(p, _)| others.clone().all(|(_, m)| m.supports(p)))
        {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        match place {
            Some(place) if self.members[place].id == join.member_id => {
                self.rejoin(now, ticket, place, join);
            }
            Some(place) => self.take_over(now, ticket, place, join),
            None => self.enter(now, ticket, join)?,
        }
        Ok(())
    }

    /// Where the joining member stands: its own place, that of the static member it follows, or none.
    fn place(&self, join: &Join) -> Result<Option<usize>, ResponseError> {
        if !join.member_id.is_empty() {
            if self.reserved.iter().any(|(id, _)| *id == join.member_id) {
                return Ok(None);
            }
            return self.locate(&join.member_id, join.instance_id.as_ref()).map(Some);
        }
        let same = |m: &Member| join.instance_id.is_some() && m.instance_id == join.instance_id;
        Ok(self.members.iter().position(same))
    }

    /// A member that is not in the group yet.
    fn enter(&mut self, now: Instant, ticket: Ticket, join: &Join) -> Result<(), ResponseError> {
        let first_step = join.member_id.is_empty();
        if first_step && self.members.len() + self.reserved.len() >= MEMBERS_MAX {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        if first_step && join.two_steps && join.instance_id.is_none() {
            self.reserved.push((join.fresh_id.clone(), now + join.session_timeout));
            return Err(ResponseError::MemberIdRequired);
        }
        self.reserved.retain(|(id, _)| *id != join.member_id);
        let id = if first_step { &join.fresh_id } else { &join.member_id };
        self.members.push(Member::new(id.clone(), join, ticket, now));
        self.prepare(now);
        Ok(())
    }

    /// A static member that came back under a new id; the old one is fenced.
    fn take_over(&mut self, now: Instant, ticket: Ticket, place: usize, join: &Join) {
        let fresh = Member::new(join.fresh_id.clone(), join, ticket, now);
        let old = std::mem::replace(&mut self.members[place], fresh);
        if old.id == self.leader {
            self.leader = StrBytes::new();
        }
        self.refuse_parked(old, ResponseError::FencedInstanceId);
        self.prepare(now);
    }

    /// A member of the group that joins again.
    fn rejoin(&mut self, now: Instant, ticket: Ticket, place: usize, join: &Join) {
        let member = &mut self.members[place];
        let changed = member.protocols != join.protocols;
        // A join without cause is a retry: its answer got lost, so it is given again.
        let again = match self.phase {
            Phase::Completing => !changed,
            Phase::Stable => !changed && member.id != self.leader,
            Phase::Empty | Phase::Preparing => false,
        };
        let replaced = member.update(join, now);
        if again {
            let joined = self.joined(place);
            self.answers.push((ticket, Answer::Join(Ok(joined))));
        } else {
            self.members[place].join = Some(ticket);
            self.prepare(now);
        }
        // The same member asked twice at once: the older request can only be a lost one.
        if let Some(older) = replaced {
            let error = ResponseError::RebalanceInProgress;
            let member_id = join.member_id.clone();
            self.answers.push((older, Answer::Join(Err(JoinRefused { error, member_id }))));
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
            Phase::Stable => Ok(Some(self.synced(place))),
            Phase::Completing => {
                if let Some(older) = self.members[place].sync.replace(ticket) {
                    let error = Answer::Sync(Err(ResponseError::RebalanceInProgress));
                    self.answers.push((older, error));
                }
                if self.members[place].id == self.leader {
                    self.share_out(now, sync.assignments);
                }
                Ok(None)
            }
        }
    }

    /// The leader has spoken: everyone who waits gets its part.
    fn share_out(&mut self, now: Instant, assignments: Vec<(StrBytes, Bytes)>) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.iter_mut().find(|m| m.id == id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        self.due = None;
        for place in 0..self.members.len() {
            if let Some(ticket) = self.members[place].sync.take() {
                self.members[place].seen(now);
                let synced = self.synced(place);
                self.answers.push((ticket, Answer::Sync(Ok(synced))));
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
            member.sync.take_if(|t| *t == ticket);
            member.seen(now);
        }
        self.settle(now);
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
                while let Some(place) = self.members.iter().position(|m| m.sync.is_none()) {
                    self.remove(now, place);
                    if self.phase == Phase::Preparing {
                        break; // the others are asked to join again, and are due anew
                    }
                }
            }
        }
        self.settle(now);
    }

    /// Whether nothing would be lost with this state but its generation.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.reserved.is_empty() && self.phase == Phase::Empty
    }

    /// The last generation.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// What can be answered since the last call.
    pub(crate) fn take_answers(&mut self) -> Vec<(Ticket, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Starts a round: everyone has to join again.
    fn prepare(&mut self, now: Instant) {
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
    fn settle(&mut self, now: Instant) {
        let everyone = self.members.iter().all(|m| m.join.is_some()) && self.reserved.is_empty();
        if self.phase == Phase::Preparing && everyone && self.earliest.is_none() {
            self.complete(now);
        }
    }

    /// Ends the round: who has joined is in the next generation, who has not is out.
    fn complete(&mut self, now: Instant) {
        self.members.retain(|m| m.join.is_some());
        self.earliest = None;
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let Some(first) = self.members.first() else {
            self.phase = Phase::Empty;
            self.due = None;
            self.leader = StrBytes::new();
            return;
        };
        self.protocol_type = first.protocol_type.clone();
        if !self.members.iter().any(|m| m.id == self.leader) {
            self.leader = first.id.clone();
        }
        self.protocol = self.elect_protocol();
        self.phase = Phase::Completing;
        self.due = Some(now + self.rebalance_timeout().max(FIRST_ROUND));
        for place in 0..self.members.len() {
            let joined = self.joined(place);
            let member = &mut self.members[place];
            member.newcomer = false;
            member.seen(now);
            if let Some(ticket) = member.join.take() {
                self.answers.push((ticket, Answer::Join(Ok(joined))));
            }
        }
    }

    /// Each member votes for the first protocol of its list that all know; the first with most votes wins.
    fn elect_protocol(&self) -> StrBytes {
        let common = |p: &StrBytes| self.members.iter().all(|m| m.supports(p));
        let votes: Vec<&StrBytes> =
            self.members.iter().filter_map(|m| m.names().find(|p| common(p))).collect();
        let count = |p: &StrBytes| votes.iter().filter(|v| **v == p).count();
        let most = votes.iter().map(|p| count(p)).max();
        let winner = votes.iter().find(|p| Some(count(p)) == most);
        (*winner.expect("a member joins only if all know one of its protocols")).clone()
    }

    fn rebalance_timeout(&self) -> Duration {
        self.members.iter().map(|m| m.rebalance_timeout).max().unwrap_or_default()
    }

    fn joined(&self, place: usize) -> Joined {
        let member_id = self.members[place].id.clone();
        let members = if member_id == self.leader {
            self.members.iter().map(|m| m.describe(&self.protocol)).collect()
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
        }
    }

    fn synced(&self, place: usize) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.members[place].assignment.clone(),
        }
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

    fn locate(
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

    fn remove(&mut self, now: Instant, place: usize) {
        let member = self.members.remove(place);
        if member.id == self.leader {
            self.leader = StrBytes::new();
        }
        self.refuse_parked(member, ResponseError::UnknownMemberId);
        self.prepare(now);
    }

    fn refuse_parked(&mut self, member: Member, error: ResponseError) {
        if let Some(ticket) = member.join {
            let refused = JoinRefused { error, member_id: member.id };
            self.answers.push((ticket, Answer::Join(Err(refused))));
        }
        if let Some(ticket) = member.sync {
            self.answers.push((ticket, Answer::Sync(Err(error))));
        }
    }
}
