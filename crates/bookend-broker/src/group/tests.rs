//! The state machine of a group, without a clock: tables for each rule, and random schedules for what always holds.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};
use proptest::prelude::*;

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
        instance_id: None,
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

// Goal: a lone member waits for company for an instant, not for Apache Kafka's three seconds.
#[test]
fn a_lone_member_joins_in_an_instant() {
    let mut scene = Scene::new();
    let a = scene.join(join("", "a"));
    assert_eq!(scene.group.deadline(), Some(scene.now + Duration::from_millis(50)));
    scene.pass(Duration::from_millis(49));
    assert!(scene.waits(a));
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.joined(a).leader, text("a"));
}

#[test]
fn members_started_together_share_the_first_round() {
    let mut scene = Scene::new();
    let a = scene.join(join("", "a"));
    scene.pass(FIRST_ROUND / 2);
    let b = scene.join(join("", "b"));
    assert!(scene.waits(a));
    scene.pass(FIRST_ROUND);
    let (a, b) = (scene.joined(a), scene.joined(b));
    assert_eq!((a.generation, b.generation), (1, 1));
    assert_eq!((&a.leader, &b.leader), (&a.member_id, &a.member_id));
    assert_eq!((a.members.len(), b.members.len()), (2, 0));
    assert_eq!(a.members[1], (text("b"), None, Bytes::from_static(b"about me")));
}

// KIP-394: the id first, and a member that never comes back with it does not hold up the round for ever.
#[test]
fn a_first_time_member_is_handed_its_id() {
    let mut scene = Scene::new();
    let two_steps = |member: &str| Join { two_steps: true, ..join(member, "fresh") };
    let first = scene.join(two_steps(""));
    let refused = scene.refused(first);
    assert_eq!(
        (refused.error, refused.member_id),
        (ResponseError::MemberIdRequired, text("fresh"))
    );
    let other = scene.join(join("", "other"));
    scene.pass(SESSION / 2);
    assert!(scene.waits(other), "the one with the id may still come");
    let second = scene.join(two_steps("fresh"));
    assert_eq!(scene.joined(second).member_id, text("fresh"));
    assert_eq!(scene.joined(other).leader, text("other"));

    let ghost = scene.join(Join { fresh_id: text("ghost"), ..two_steps("") });
    scene.refused(ghost);
    scene.sync(sync("other", 1, &[]));
    let again = scene.join(join("other", ""));
    let fresh = scene.join(join("fresh", ""));
    assert!(scene.waits(again));
    scene.pass(SESSION);
    assert_eq!(scene.joined(again).generation, 2);
    assert_eq!(scene.joined(fresh).generation, 2);
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    let mut scene = Scene::of_two();
    assert_eq!(scene.heartbeat("a", 1), Ok(()));
    let c = scene.join(join("", "c"));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let b = scene.join(join("b", ""));
    let a = scene.join(join("a", ""));
    for ticket in [a, b, c] {
        let joined = scene.joined(ticket);
        assert_eq!((joined.generation, joined.leader), (2, text("a")));
    }
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::IllegalGeneration));
    assert_eq!(scene.heartbeat("b", 2), Ok(()));
}

#[test]
fn who_does_not_join_again_in_time_is_out() {
    let mut scene = Scene::of_two();
    let c = scene.join(join("", "c"));
    let a = scene.join(join("a", ""));
    // Alive to the last, so it is not its session that ends.
    while scene.waits(a) {
        scene.heartbeat("b", 1).unwrap_err();
        scene.pass(SESSION / 2);
    }
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::UnknownMemberId));
    assert_eq!(scene.joined(a).members.len(), 2);
    assert_eq!(scene.joined(c).generation, 2);
}

#[test]
fn a_silent_member_is_out_after_its_session() {
    let mut scene = Scene::of_two();
    scene.pass(SESSION / 2);
    assert_eq!(scene.heartbeat("b", 1), Ok(()));
    scene.pass(SESSION / 2);
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::RebalanceInProgress));
    let b = scene.join(join("b", ""));
    let joined = scene.joined(b);
    assert_eq!((joined.leader, joined.members.len()), (text("b"), 1));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::UnknownMemberId));
}

// Goal: a leader that lives but never shares out does not hold the group.
#[test]
fn a_leader_that_does_not_sync_is_out() {
    let mut scene = Scene::new();
    let (a, b) = (scene.join(join("", "a")), scene.join(join("", "b")));
    scene.pass(FIRST_ROUND);
    for ticket in [a, b] {
        scene.joined(ticket);
    }
    let follower = scene.sync(sync("b", 1, &[]));
    for _ in 0..11 {
        assert!(scene.waits(follower));
        scene.pass(SESSION / 2);
        scene.heartbeat("a", 1).ok();
    }
    scene.pass(SESSION);
    assert_eq!(scene.sync_refused(follower), ResponseError::RebalanceInProgress);
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::UnknownMemberId));
    let b = scene.join(join("b", ""));
    assert_eq!(scene.joined(b).leader, text("b"));
}

#[test]
fn the_last_to_leave_empties_the_group() {
    let mut scene = Scene::of_two();
    assert_eq!(scene.leave("a"), Ok(()));
    assert_eq!(scene.leave("a"), Err(ResponseError::UnknownMemberId));
    assert_eq!(scene.leave("b"), Ok(()));
    assert!(scene.group.is_idle());
    assert_eq!(scene.group.generation(), 2);
}

#[test]
fn a_lost_answer_is_given_again() {
    let mut scene = Scene::of_two();
    let again = scene.join(join("b", ""));
    let joined = scene.joined(again);
    assert_eq!((joined.generation, joined.leader), (1, text("a")));
    let again = scene.sync(sync("b", 1, &[]));
    assert_eq!(scene.synced(again).assignment, "2");
    let changed =
        Join { protocols: vec![(text("range"), Bytes::from_static(b"more"))], ..join("b", "") };
    let changed = scene.join(changed);
    assert!(scene.waits(changed), "what it says about itself has changed, so all join again");
}

#[test]
fn the_protocol_is_one_that_all_know() {
    let knows = |names: &[&str], fresh: &str| {
        let protocols = names.iter().map(|name| (text(name), Bytes::new())).collect();
        Join { protocols, ..join("", fresh) }
    };
    let mut scene = Scene::new();
    let a = scene.join(knows(&["sticky", "range"], "a"));
    let b = scene.join(knows(&["roundrobin", "range", "sticky"], "b"));
    let c = scene.join(knows(&["sticky", "range"], "c"));
    let d = scene.join(knows(&["roundrobin"], "d"));
    assert_eq!(scene.refused(d).error, ResponseError::InconsistentGroupProtocol);
    let other = scene.join(Join { protocol_type: text("connect"), ..knows(&["sticky"], "e") });
    assert_eq!(scene.refused(other).error, ResponseError::InconsistentGroupProtocol);
    let none = scene.join(knows(&[], "f"));
    assert_eq!(scene.refused(none).error, ResponseError::InconsistentGroupProtocol);
    scene.pass(FIRST_ROUND);
    for ticket in [a, b, c] {
        assert_eq!(scene.joined(ticket).protocol, text("sticky"));
    }
}

#[test]
fn who_is_gone_while_parked_is_forgotten() {
    let mut scene = Scene::of_two();
    let newcomer = scene.join(join("", "c"));
    scene.group.abandon(scene.now, newcomer);
    let a = scene.join(join("a", ""));
    scene.group.abandon(scene.now, a);
    let a = scene.join(join("a", ""));
    assert!(scene.waits(a));
    let b = scene.join(join("b", ""));
    assert_eq!(scene.joined(a).members.len(), 2);
    assert_eq!(scene.joined(b).generation, 2);
    assert!(scene.waits(newcomer));
}

// KIP-345: an instance has one member; the one before is fenced.
#[test]
fn a_static_member_takes_its_place_over() {
    let instance = |member: &str, fresh: &str| Join {
        instance_id: Some(text("i")),
        two_steps: true,
        ..join(member, fresh)
    };
    let mut scene = Scene::new();
    let old = scene.join(instance("", "old"));
    scene.pass(FIRST_ROUND);
    scene.joined(old);
    let parked = scene.sync(Sync { instance_id: Some(text("i")), ..sync("old", 1, &[]) });
    scene.synced(parked);
    let new = scene.join(instance("", "new"));
    assert_eq!(scene.joined(new).member_id, text("new"));
    let fenced = scene.group.heartbeat(scene.now, &text("old"), Some(&text("i")), 1);
    assert_eq!(fenced, Err(ResponseError::FencedInstanceId));
    let rejoined = scene.join(instance("old", ""));
    assert_eq!(scene.refused(rejoined).error, ResponseError::FencedInstanceId);
    let left = scene.group.leave(scene.now, &StrBytes::new(), Some(&text("i")));
    assert_eq!(left, Ok(()));
    assert!(scene.group.is_idle());
}

#[test]
fn only_members_of_this_generation_commit() {
    let mut scene = Scene::of_two();
    let mut check = |member: &str, generation, expected| {
        let may = scene.group.may_commit(scene.now, &text(member), None, generation);
        assert_eq!(may, expected, "{member} in {generation}");
    };
    check("a", 1, Ok(()));
    check("a", 0, Err(ResponseError::IllegalGeneration));
    check("x", 1, Err(ResponseError::UnknownMemberId));
    check("", -1, Err(ResponseError::UnknownMemberId));
    let c = scene.join(join("", "c"));
    let may = scene.group.may_commit(scene.now, &text("a"), None, 1);
    assert_eq!(may, Ok(()), "before it joins again, a member commits what it did");
    for member in ["a", "b"] {
        scene.join(join(member, ""));
    }
    assert_eq!(scene.joined(c).generation, 2);
    let may = scene.group.may_commit(scene.now, &text("a"), None, 2);
    assert_eq!(may, Err(ResponseError::RebalanceInProgress));
    assert_eq!(Group::new(5).may_commit(scene.now, &text(""), None, -1), Ok(()));
}

/// What the clients of a random schedule do.
#[derive(Debug, Clone)]
enum Step {
    Join { client: usize, two_steps: bool },
    Sync(usize),
    Heartbeat(usize),
    Leave(usize),
    Vanish(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = 0..4_usize;
    let step = prop_oneof![
        5 => (client.clone(), any::<bool>()).prop_map(|(client, two_steps)| Step::Join { client, two_steps }),
        5 => client.clone().prop_map(Step::Sync),
        2 => client.clone().prop_map(Step::Heartbeat),
        1 => client.clone().prop_map(Step::Leave),
        1 => client.prop_map(Step::Vanish),
        4 => (0..15_000_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// One client of the schedule: its id, the generation it is in, the request it waits for.
#[derive(Debug, Default, Clone)]
struct Peer {
    id: StrBytes,
    generation: i32,
    leads: Vec<StrBytes>,
    parked: Option<Ticket>,
}

/// Clients that behave, as far as the schedule lets them, and what was seen of the generations.
struct Schedule {
    scene: Scene,
    peers: [Peer; 4],
    leaders: BTreeMap<i32, StrBytes>,
    fresh: usize,
    abandoned: HashSet<Ticket>,
}

impl Schedule {
    fn new() -> Self {
        let peers = std::array::from_fn(|_| Peer::default());
        let (leaders, abandoned) = (BTreeMap::new(), HashSet::new());
        Self { scene: Scene::new(), peers, leaders, fresh: 0, abandoned }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Join { client, two_steps } if self.peers[client].parked.is_none() => {
                self.fresh += 1;
                let fresh = format!("m{}", self.fresh);
                let join = Join { two_steps, ..join(&self.peers[client].id, &fresh) };
                self.peers[client].parked = Some(self.scene.join(join));
            }
            Step::Sync(client) if self.peers[client].parked.is_none() => {
                let peer = &self.peers[client];
                let mut sync = sync(&peer.id, peer.generation, &[]);
                sync.assignments =
                    peer.leads.iter().map(|id| (id.clone(), Bytes::from(id.to_string()))).collect();
                self.peers[client].parked = Some(self.scene.sync(sync));
            }
            Step::Heartbeat(client) => {
                let peer = self.peers[client].clone();
                self.scene.heartbeat(&peer.id, peer.generation).ok();
            }
            Step::Leave(client) => {
                let id = self.peers[client].id.clone();
                self.scene.leave(&id).ok();
            }
            Step::Vanish(client) => {
                if let Some(ticket) = self.peers[client].parked.take() {
                    self.scene.group.abandon(self.scene.now, ticket);
                    self.scene.collect();
                    self.abandoned.insert(ticket);
                }
            }
            Step::Pass(ms) => self.scene.pass(Duration::from_millis(ms)),
            Step::Join { .. } | Step::Sync(_) => {}
        }
        self.take_answers();
    }

    fn take_answers(&mut self) {
        self.scene.answers.retain(|ticket, _| !self.abandoned.contains(ticket));
        for peer in &mut self.peers {
            let Some(answer) = peer.parked.and_then(|ticket| self.scene.answers.remove(&ticket))
            else {
                continue;
            };
            peer.parked = None;
            match answer {
                Answer::Join(Ok(joined)) => {
                    let newest = self.leaders.keys().max().copied().unwrap_or(0);
                    assert!(
                        joined.generation >= newest,
                        "generation {} after {newest}",
                        joined.generation
                    );
                    let leader =
                        self.leaders.entry(joined.generation).or_insert(joined.leader.clone());
                    assert_eq!(*leader, joined.leader, "two leaders in {}", joined.generation);
                    assert_eq!(joined.members.is_empty(), joined.member_id != joined.leader);
                    peer.leads = joined.members.into_iter().map(|(id, ..)| id).collect();
                    (peer.id, peer.generation) = (joined.member_id, joined.generation);
                }
                Answer::Join(Err(JoinRefused {
                    error: ResponseError::MemberIdRequired,
                    member_id,
                })) => {
                    peer.id = member_id;
                }
                Answer::Join(Err(JoinRefused {
                    error: ResponseError::UnknownMemberId, ..
                }))
                | Answer::Sync(Err(ResponseError::UnknownMemberId)) => peer.id = StrBytes::new(),
                Answer::Sync(Ok(synced)) => {
                    // The leader hands each member its own id, unless it joined between answer and sync.
                    let part = String::from_utf8(synced.assignment.to_vec()).unwrap();
                    assert!(part.is_empty() || *part == *peer.id, "{part} is not {}", &*peer.id);
                }
                Answer::Join(Err(_)) | Answer::Sync(Err(_)) => {}
            }
        }
    }
}

proptest! {
    // Goal: whatever clients do and whenever: one leader per generation, generations never go back, no one is
    // answered twice or with another's part, no deadline spins, and every parked request is answered in the end.
    #[test]
    fn any_schedule_keeps_the_groups_promises(steps in steps()) {
        let mut schedule = Schedule::new();
        for step in &steps {
            schedule.run(step);
        }
        // Everyone falls silent: rounds and sessions run out one after the other.
        for _ in 0..4 {
            schedule.scene.pass(REBALANCE + SESSION + SESSION);
            schedule.take_answers();
        }
        let parked: Vec<_> = schedule.peers.iter().filter_map(|peer| peer.parked).collect();
        prop_assert!(parked.is_empty(), "still parked: {parked:?} in {:?}", schedule.scene.group);
        schedule.scene.pass(REBALANCE + SESSION);
        prop_assert!(schedule.scene.group.is_idle(), "{:?}", schedule.scene.group);
    }
}

// Goal: a member of a group that the broker forgot, because it was restarted, is told to join anew.
#[tokio::test]
async fn a_member_of_a_forgotten_group_is_unknown() {
    let groups = super::Groups::default();
    let refused = groups.join(&text("group"), join("stale", "fresh"), std::future::pending()).await;
    let error = refused.unwrap().err().map(|refused| refused.error);
    assert_eq!(error, Some(ResponseError::UnknownMemberId));
}
