//! The state machine of a group, without a clock: tables for each rule, in rooms by theme, and random schedules for
//! what always holds.

mod joining;
mod leaving;
mod statics;
mod committing;
mod describing;
mod limits;
mod schedule;
mod driver;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::{
    request::{Answer, Join, JoinRefused, Joined, Sync, Synced, Ticket},
    round::FIRST_ROUND,
    state::Group,
};

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_mins(1);

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn join(member_id: &str, fresh_id: &str) -> Join {
    Join {
        member_id: text(member_id),
        fresh_id: text(fresh_id),
        two_steps: false,
        can_skip: true,
        instance_id: None,
        client_id: text("client"),
        client_host: text("/127.0.0.1"),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: text("consumer"),
        protocols: vec![(text("range"), Bytes::from_static(b"about me"))],
    }
}

fn sync(member_id: &str, generation: i32, assignments: &[(&str, &'static [u8])]) -> Sync {
    Sync {
        member_id: text(member_id),
        instance_id: None,
        generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments
            .iter()
            .map(|(id, part)| (text(id), Bytes::from_static(part)))
            .collect(),
    }
}

/// A group with a clock that only the test moves, and all answers so far.
struct Scene {
    group: Group,
    now: Instant,
    next: Ticket,
    answers: HashMap<Ticket, Answer>,
}

impl Scene {
    fn new() -> Self {
        Self { group: Group::new(0), now: Instant::now(), next: 0, answers: HashMap::new() }
    }

    /// A group of `a` and `b`, both synced in generation 1, led by `a`.
    fn of_two() -> Self {
        let mut scene = Self::new();
        let (a, b) = (scene.join(join("", "a")), scene.join(join("", "b")));
        scene.pass(FIRST_ROUND);
        assert_eq!(scene.joined(a).leader, text("a"));
        assert_eq!(scene.joined(b).generation, 1);
        let follower = scene.sync(sync("b", 1, &[]));
        let leader = scene.sync(sync("a", 1, &[("a", b"1"), ("b", b"2")]));
        assert_eq!(scene.synced(leader).assignment, "1");
        assert_eq!(scene.synced(follower).assignment, "2");
        scene
    }

    fn join(&mut self, join: Join) -> Ticket {
        self.next += 1;
        self.group.join(self.now, self.next, join);
        self.collect();
        self.next
    }

    fn sync(&mut self, sync: Sync) -> Ticket {
        self.next += 1;
        self.group.sync(self.now, self.next, sync);
        self.collect();
        self.next
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> Result<(), ResponseError> {
        self.group.heartbeat(self.now, &text(member), None, generation)
    }

    fn leave(&mut self, member: &str) -> Result<(), ResponseError> {
        let left = self.group.leave(self.now, &text(member), None);
        self.collect();
        left
    }

    /// Time passes; the timer runs whenever the group asks for it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.group.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.group.tick(self.now);
            self.collect();
            let next = self.group.deadline();
            assert!(next.is_none_or(|next| next > self.now), "a deadline is due again at once");
        }
        self.now = end;
    }

    fn collect(&mut self) {
        for (ticket, answer) in self.group.take_answers() {
            assert!(self.answers.insert(ticket, answer).is_none(), "{ticket} is answered twice");
        }
    }

    #[track_caller]
    fn joined(&mut self, ticket: Ticket) -> Joined {
        match self.answers.remove(&ticket) {
            Some(Answer::Join(Ok(joined))) => joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(&mut self, ticket: Ticket) -> JoinRefused {
        match self.answers.remove(&ticket) {
            Some(Answer::Join(Err(refused))) => refused,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[track_caller]
    fn synced(&mut self, ticket: Ticket) -> Synced {
        match self.answers.remove(&ticket) {
            Some(Answer::Sync(Ok(synced))) => synced,
            other => panic!("not synced: {other:?}"),
        }
    }

    #[track_caller]
    fn sync_refused(&mut self, ticket: Ticket) -> ResponseError {
        match self.answers.remove(&ticket) {
            Some(Answer::Sync(Err(error))) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn waits(&self, ticket: Ticket) -> bool {
        !self.answers.contains_key(&ticket)
    }
}
