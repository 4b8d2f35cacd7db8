//! Consumer groups: who is in, who leads, who works on what.
//!
//! [`state`] is the pure machine of one group; this is its driver. It holds all groups under one
//! lock, keeps the answers' channels of parked requests, and wakes up when a timeout is due.
//! What groups committed is kept by [`offsets`](crate::offsets), on disk; membership is not kept: after
//! a restart every member is unknown and joins again.
//!
//! Sources: the rules are those of Apache Kafka's classic group coordinator; KIP-62 (timeouts), KIP-345 and KIP-814
//! (static members), KIP-394 (ids first), KIP-429 (cooperative rebalancing).

mod state;
mod join;
mod round;
mod member;
mod subscription;
pub(crate) mod describe;
mod admin;
pub(crate) mod request;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use kafka_protocol::{ResponseError, protocol::StrBytes};
use tokio::sync::{Notify, oneshot};

use self::{
    join::MEMBERS_MAX,
    member::protocols_bytes,
    request::{Answer, Join, JoinRefused, Joined, Sync, Synced, Ticket},
    state::Group,
};

/// The most groups with members at one time, and the most with committed offsets.
pub(crate) const GROUPS_MAX: usize = 10_000;
/// What the members of one group may say about themselves and be given, together. Real ones take some 100 bytes each.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// As [`GROUP_BYTES_MAX`], for all groups together.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// What there may be of groups with members, for people.
pub(crate) fn bounds() -> String {
    let [group, all] = [GROUP_BYTES_MAX, BYTES_MAX].map(|bytes| bytes >> 20);
    format!(
        "there is room for {GROUPS_MAX} groups with members, in a group for {MEMBERS_MAX} and {group} MiB of what they say, in all groups for {all} MiB"
    )
}

/// All groups of this broker.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    all: Mutex<All>,
    /// Something is due earlier than the timer knows.
    earlier: Notify,
}

#[derive(Debug, Default)]
struct All {
    groups: HashMap<StrBytes, Group>,
    parked: HashMap<Ticket, oneshot::Sender<Answer>>,
    next_ticket: Ticket,
    /// What all groups take in memory, about.
    bytes: usize,
    /// The greatest generation of the groups that were dropped when they fell empty: new ones
    /// start after it, so that no group's generation ever goes back.
    generation_floor: i32,
    /// When the timer will look again.
    timer: Option<Instant>,
}

impl Groups {
    /// Takes a join and waits for its answer; `None` if `gone` was first, and the member is forgotten.
    pub(crate) async fn join(
        &self,
        group: &StrBytes,
        join: Join,
        gone: impl Future<Output = ()>,
    ) -> Option<Result<Joined, JoinRefused>> {
        let member_id = join.member_id.clone();
        // A member that names itself comes from a group there was; only a new one may found a group.
        let founds = member_id.is_empty();
        let bytes = protocols_bytes(&join.protocols);
        let parked =
            self.park(group, founds, bytes, |group, now, ticket| group.join(now, ticket, join));
        let parked = match parked {
            Ok(parked) => parked,
            Err(error) => return Some(Err(JoinRefused { error, member_id })),
        };
        match parked.answer(gone).await? {
            Answer::Join(result) => Some(result),
            Answer::Sync(_) => unreachable!("a join's ticket gets a join's answer"),
        }
    }

    /// Takes a sync and waits for its answer; `None` if `gone` was first.
    pub(crate) async fn sync(
        &self,
        group: &StrBytes,
        sync: Sync,
        gone: impl Future<Output = ()>,
    ) -> Option<Result<Synced, ResponseError>> {
        let bytes = sync.assignments.iter().map(|(_, part)| part.len()).sum();
        let parked =
            self.park(group, false, bytes, |group, now, ticket| group.sync(now, ticket, sync));
        let parked = match parked {
            Ok(parked) => parked,
            Err(error) => return Some(Err(error)),
        };
        match parked.answer(gone).await? {
            Answer::Sync(result) => Some(result),
            Answer::Join(_) => unreachable!("a sync's ticket gets a sync's answer"),
        }
    }

    /// Takes a member's sign of life.
    pub(crate) fn heartbeat(
        &self,
        group: &StrBytes,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.change(group, |group, now| group.heartbeat(now, member_id, instance_id, generation))
            .unwrap_or(Err(ResponseError::UnknownMemberId))
    }

    /// Takes a member out.
    pub(crate) fn leave(
        &self,
        group: &StrBytes,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
    ) -> Result<(), ResponseError> {
        self.change(group, |group, now| group.leave(now, member_id, instance_id))
            .unwrap_or(Err(ResponseError::UnknownMemberId))
    }

    /// Whether the caller may commit offsets for the group now; if so, as a member of which type of group, or none.
    pub(crate) fn may_commit(
        &self,
        group: &StrBytes,
        member_id: &StrBytes,
        instance_id: Option<&StrBytes>,
        generation: i32,
    ) -> Result<Option<StrBytes>, ResponseError> {
        let outcome = self.change(group, |group, now| {
            group.may_commit(now, member_id, instance_id, generation)?;
            Ok((generation >= 0).then(|| group.protocol_type_now()))
        });
        let nobody = if generation < 0 { Ok(None) } else { Err(ResponseError::IllegalGeneration) };
        outcome.unwrap_or(nobody)
    }

    /// Does what is due, for ever; the broker runs it as a task.
    pub(crate) async fn run_timer(&self) {
        loop {
            let timer = self.lock().timer;
            let due = async {
                match timer {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.tick(Instant::now()),
                () = self.earlier.notified() => {}
            }
        }
    }

    fn tick(&self, now: Instant) {
        let mut all = self.lock();
        let due = |g: &Group| g.deadline().is_some_and(|at| at <= now);
        let names: Vec<_> =
            all.groups.iter().filter(|(_, g)| due(g)).map(|(name, _)| name.clone()).collect();
        for name in names {
            all.with(&name, |group| group.tick(now));
        }
        all.timer = all.groups.values().filter_map(Group::deadline).min();
    }

    /// Runs `event`, which brings about `bytes`, on a group with a ticket for its answer; `founds` says whether the
    /// group may be a new one.
    fn park(
        &self,
        name: &StrBytes,
        founds: bool,
        bytes: usize,
        event: impl FnOnce(&mut Group, Instant, Ticket),
    ) -> Result<Parked<'_>, ResponseError> {
        let mut all = self.lock();
        if all.bytes + bytes > BYTES_MAX {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        if !all.groups.contains_key(name) {
            if !founds {
                return Err(ResponseError::UnknownMemberId);
            }
            if all.groups.len() >= GROUPS_MAX {
                return Err(ResponseError::GroupMaxSizeReached);
            }
            let group = Group::new(all.generation_floor);
            all.bytes += name.len();
            all.groups.insert(name.clone(), group);
        }
        let ticket = all.next_ticket;
        all.next_ticket += 1;
        let (sender, receiver) = oneshot::channel();
        all.parked.insert(ticket, sender);
        all.with(name, |group| event(group, Instant::now(), ticket));
        self.arm(all, name);
        Ok(Parked { groups: self, name: name.clone(), ticket, receiver })
    }

    fn change<T>(
        &self,
        name: &StrBytes,
        event: impl FnOnce(&mut Group, Instant) -> T,
    ) -> Option<T> {
        let mut all = self.lock();
        let result = all.with(name, |group| event(group, Instant::now()));
        self.arm(all, name);
        result
    }

    /// Wakes the timer if the group is now due before it would look.
    fn arm(&self, mut all: MutexGuard<'_, All>, name: &StrBytes) {
        let due = all.groups.get(name).and_then(Group::deadline);
        if due.is_some_and(|due| all.timer.is_none_or(|timer| due < timer)) {
            all.timer = due;
            drop(all);
            self.earlier.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Runs `event` on a group, sends the answers it gives rise to, and drops the group if it is idle.
    fn with<T>(&mut self, name: &StrBytes, event: impl FnOnce(&mut Group) -> T) -> Option<T> {
        let group = self.groups.get_mut(name)?;
        let before = group.bytes();
        let result = event(group);
        self.bytes = self.bytes + group.bytes() - before;
        for (ticket, answer) in group.take_answers() {
            if let Some(parked) = self.parked.remove(&ticket) {
                // An error is a requester that is gone, and has abandoned its ticket.
                drop(parked.send(answer));
            }
        }
        if group.is_idle() {
            self.forget(name.as_bytes());
        }
        Some(result)
    }

    /// Drops a group; its successor's generations begin after its last.
    fn forget(&mut self, name: &[u8]) {
        if let Some(group) = self.groups.remove(name) {
            self.bytes -= group.bytes() + name.len();
            self.generation_floor = self.generation_floor.max(group.generation());
        }
    }
}

/// A request that waits for its answer; dropped before, it is abandoned.
struct Parked<'a> {
    groups: &'a Groups,
    name: StrBytes,
    ticket: Ticket,
    receiver: oneshot::Receiver<Answer>,
}

impl Parked<'_> {
    async fn answer(mut self, gone: impl Future<Output = ()>) -> Option<Answer> {
        tokio::select! {
            biased; // an answer that is there counts
            answer = &mut self.receiver => answer.ok(),
            () = gone => None,
        }
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        let unanswered = self.groups.lock().parked.remove(&self.ticket).is_some();
        if unanswered {
            self.groups.change(&self.name, |group, now| group.abandon(now, self.ticket));
        }
    }
}
