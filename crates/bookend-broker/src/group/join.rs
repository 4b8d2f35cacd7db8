//! How a member gets into a [`Group`], and back into it.

use std::time::Instant;

use kafka_protocol::ResponseError;

use super::{
    GROUP_BYTES_MAX,
    member::{Member, protocols_bytes},
    request::{Answer, Join, JoinRefused, Ticket},
    state::{Group, Phase},
    subscription::{self, CONSUMER},
};

/// The most members of one group, those with a reserved id included.
pub(super) const MEMBERS_MAX: usize = 1_000;

impl Group {
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
        let held: usize = others.map(|(_, m)| m.bytes()).sum();
        if held + protocols_bytes(&join.protocols) > GROUP_BYTES_MAX {
            return Err(ResponseError::GroupMaxSizeReached);
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

    /// A static member that came back under a new id (KIP-345): the old id is fenced, and where the work is shared
    /// out and nothing has changed, the new one gets the old one's part without a round.
    fn take_over(&mut self, now: Instant, ticket: Ticket, place: usize, join: &Join) {
        let mut fresh = Member::new(join.fresh_id.clone(), join, ticket, now);
        let old = &mut self.members[place];
        (fresh.newcomer, fresh.synced) = (old.newcomer, old.synced);
        fresh.assignment = std::mem::take(&mut old.assignment);
        let old = std::mem::replace(&mut self.members[place], fresh);
        let is_leader = old.id == self.leader;
        if is_leader {
            self.leader = join.fresh_id.clone();
        }
        if self.phase != Phase::Stable || self.work_changes(&old, place) {
            self.refuse_parked(old, ResponseError::FencedInstanceId);
            self.prepare(now);
            return;
        }
        self.members[place].join = None;
        let mut joined = self.joined(place);
        if is_leader && join.can_skip {
            joined.skip_assignment = true;
        } else if is_leader {
            // A client that does not know of KIP-814 would share out anew if it took itself for the leader.
            joined.leader = old.id.clone();
            joined.members.clear();
        }
        self.answers.push((ticket, Answer::Join(Ok(joined))));
        self.refuse_parked(old, ResponseError::FencedInstanceId);
    }

    /// Whether the successor of a static member, which stands at `place`, wants other work than that was given. Only
    /// the topics count: what an assignor remembers besides them is not the same in a new process.
    fn work_changes(&self, old: &Member, place: usize) -> bool {
        if self.elect_protocol() != self.protocol {
            return true;
        }
        let old = old.metadata(&self.protocol);
        let new = self.members[place].metadata(&self.protocol);
        let topics =
            |metadata| subscription::topics(metadata).filter(|_| *self.protocol_type == *CONSUMER);
        match (topics(&old), topics(&new)) {
            (Some(old), Some(new)) => old != new,
            _ => old != new,
        }
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
}
