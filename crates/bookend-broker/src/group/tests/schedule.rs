//! Random schedules: whatever clients do and whenever, the group keeps its promises.
//!
//! Six processes join, sync, beat, commit, leave, restart, change their topics and lose their connections, three of
//! them as two static instances, so that one is there twice. Leaders share out numbered partitions of their
//! generation.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};
use proptest::{prelude::*, strategy::ValueTree as _};

use super::{
    super::{state::Phase, subscription::tests::metadata},
    Answer, FIRST_ROUND, Join, JoinRefused, Joined, REBALANCE, SESSION, Scene, Sync, Ticket, join,
    sync, text,
};

/// Which instance each process is, if any.
const INSTANCES: [Option<&str>; 6] = [None, None, None, Some("i"), Some("j"), Some("j")];

/// What a process does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join {
        process: usize,
        two_steps: bool,
        can_skip: bool,
    },
    /// Its topics change, as they do for a cooperative member that has given partitions up.
    Change(usize),
    Sync(usize),
    Heartbeat(usize),
    Commit(usize),
    Leave(usize),
    /// An instance is taken out by a tool.
    Expel(usize),
    /// Its connection ends.
    Vanish(usize),
    /// It comes back with an empty memory.
    Restart(usize),
    Pass(u64),
    /// All that can do so join, and all that have joined sync.
    Round {
        two_steps: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..INSTANCES.len();
    let join = (process.clone(), any::<bool>(), any::<bool>());
    let step = prop_oneof![
        9 => join.prop_map(|(process, two_steps, can_skip)| Step::Join { process, two_steps, can_skip }),
        1 => process.clone().prop_map(Step::Change),
        8 => process.clone().prop_map(Step::Sync),
        2 => process.clone().prop_map(Step::Heartbeat),
        1 => process.clone().prop_map(Step::Commit),
        1 => process.clone().prop_map(Step::Leave),
        1 => process.clone().prop_map(Step::Expel),
        1 => process.clone().prop_map(Step::Vanish),
        1 => process.prop_map(Step::Restart),
        2 => (0..15_000_u64).prop_map(Step::Pass),
        3 => (50..200_u64).prop_map(Step::Pass),
        3 => any::<bool>().prop_map(|two_steps| Step::Round { two_steps }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A process: its id, the generation it is in, whom it leads, the request it waits for and since when.
#[derive(Debug, Default)]
struct Process {
    id: StrBytes,
    generation: i32,
    leads: Vec<StrBytes>,
    topics: usize,
    parked: Option<(Ticket, Instant)>,
}

/// The group, its clients, and what was seen of the generations.
struct Schedule {
    scene: Scene,
    processes: [Process; INSTANCES.len()],
    /// Who shares out in a generation, by name.
    leaders: BTreeMap<i32, String>,
    /// Who was given a partition of a generation, by name.
    owners: HashMap<(i32, usize), String>,
    fresh: usize,
    ids: HashSet<StrBytes>,
    abandoned: HashSet<Ticket>,
}

/// A member's name: a static one's is that of its instance, whose members follow each other.
fn name(id: &StrBytes) -> String {
    let (kind, number) = id.split_once('-').unwrap();
    if kind == "dynamic" { number.to_owned() } else { kind.to_owned() }
}

impl Schedule {
    fn new() -> Self {
        Self {
            scene: Scene::new(),
            processes: std::array::from_fn(|_| Process::default()),
            leaders: BTreeMap::new(),
            owners: HashMap::new(),
            fresh: 0,
            ids: HashSet::new(),
            abandoned: HashSet::new(),
        }
    }

    fn run(&mut self, step: Step) {
        let now = self.scene.now;
        let is_free = |process: usize| self.processes[process].parked.is_none();
        match step {
            Step::Join { process, two_steps, can_skip } if is_free(process) => {
                self.join(process, two_steps, can_skip);
            }
            Step::Sync(process) if is_free(process) => {
                let sync = self.share_out(process);
                self.processes[process].parked = Some((self.scene.sync(sync), now));
            }
            Step::Join { .. } | Step::Sync(_) => {}
            Step::Change(process) => self.processes[process].topics += 1,
            Step::Heartbeat(process) => {
                let (id, instance, generation) = self.credentials(process);
                let alive = self.scene.group.heartbeat(now, &id, instance.as_ref(), generation);
                self.check_fencing(process, alive.err());
            }
            Step::Commit(process) => {
                let (id, instance, generation) = self.credentials(process);
                let may = self.scene.group.may_commit(now, &id, instance.as_ref(), generation);
                let newest = self.scene.group.generation();
                assert!(may.is_err() || generation == newest, "{generation} commits in {newest}");
            }
            Step::Leave(process) => {
                let (id, instance, _) = self.credentials(process);
                self.scene.group.leave(now, &id, instance.as_ref()).ok();
            }
            Step::Expel(process) => {
                let instance = INSTANCES[process].map(text);
                self.scene.group.leave(now, &StrBytes::new(), instance.as_ref()).ok();
            }
            Step::Vanish(process) => self.vanish(process),
            Step::Restart(process) => {
                self.vanish(process);
                let topics = self.processes[process].topics;
                self.processes[process] = Process { topics, ..Process::default() };
            }
            Step::Pass(ms) => self.scene.pass(Duration::from_millis(ms)),
            Step::Round { two_steps } => self.round(two_steps),
        }
        self.scene.collect();
        self.take_answers();
        self.check();
    }

    fn round(&mut self, two_steps: bool) {
        let processes = 0..INSTANCES.len();
        for _ in 0..=usize::from(two_steps) {
            for process in processes.clone().filter(|process| *process < 5) {
                self.run(Step::Join { process, two_steps, can_skip: true });
            }
            self.run(Step::Pass(50));
        }
        for process in processes {
            self.run(Step::Sync(process));
        }
    }

    fn credentials(&self, process: usize) -> (StrBytes, Option<StrBytes>, i32) {
        let Process { id, generation, .. } = &self.processes[process];
        (id.clone(), INSTANCES[process].map(text), *generation)
    }

    fn join(&mut self, process: usize, two_steps: bool, can_skip: bool) {
        self.fresh += 1;
        let fresh = format!("{}-{}", INSTANCES[process].unwrap_or("dynamic"), self.fresh);
        let (id, instance_id, _) = self.credentials(process);
        let topic = format!("t{}", self.processes[process].topics);
        let protocols = vec![(text("range"), metadata(&[&topic], b""))];
        let join = Join { two_steps, can_skip, instance_id, protocols, ..join(&id, &fresh) };
        let now = self.scene.now;
        self.processes[process].parked = Some((self.scene.join(join), now));
    }

    /// A sync that, of a leader, gives the n-th member the n-th partition of this generation.
    fn share_out(&self, process: usize) -> Sync {
        let (id, instance_id, generation) = self.credentials(process);
        let part =
            |(n, id): (usize, &StrBytes)| (id.clone(), Bytes::from(format!("{generation}/{n}")));
        let assignments = self.processes[process].leads.iter().enumerate().map(part).collect();
        Sync { instance_id, assignments, ..sync(&id, generation, &[]) }
    }

    fn vanish(&mut self, process: usize) {
        if let Some((ticket, _)) = self.processes[process].parked.take() {
            self.scene.group.abandon(self.scene.now, ticket);
            self.abandoned.insert(ticket);
        }
    }

    fn take_answers(&mut self) {
        let Self { scene, abandoned, .. } = self;
        scene.answers.retain(|ticket, _| !abandoned.contains(ticket));
        for process in 0..self.processes.len() {
            let Some((ticket, _)) = self.processes[process].parked else { continue };
            let Some(answer) = self.scene.answers.remove(&ticket) else { continue };
            self.processes[process].parked = None;
            match answer {
                Answer::Join(Ok(joined)) => self.joined(process, joined),
                Answer::Join(Err(JoinRefused { error, member_id })) => {
                    if error == ResponseError::MemberIdRequired {
                        assert!(self.ids.insert(member_id.clone()), "{member_id:?} is given twice");
                        self.processes[process].id = member_id;
                    }
                    self.check_fencing(process, Some(error));
                }
                Answer::Sync(Ok(synced)) => self.synced(process, &synced.assignment),
                Answer::Sync(Err(error)) => self.check_fencing(process, Some(error)),
            }
        }
        assert!(self.scene.answers.is_empty(), "no one asked: {:?}", self.scene.answers);
    }

    fn joined(&mut self, process: usize, joined: Joined) {
        let newest = self.leaders.keys().max().copied().unwrap_or(0);
        assert!(joined.generation >= newest, "generation {} after {newest}", joined.generation);
        let leader = self.leaders.entry(joined.generation).or_insert_with(|| name(&joined.leader));
        assert_eq!(*leader, name(&joined.leader), "two leaders in {}", joined.generation);
        let knows = !joined.members.is_empty();
        assert!(!knows || joined.leader == joined.member_id, "only the leader knows the members");
        let this = &mut self.processes[process];
        if this.id != joined.member_id {
            assert!(
                self.ids.insert(joined.member_id.clone()),
                "{} is given twice",
                &*joined.member_id
            );
        }
        this.leads.clear();
        if !joined.skip_assignment {
            this.leads.extend(joined.members.into_iter().map(|(id, ..)| id));
        }
        (this.id, this.generation) = (joined.member_id, joined.generation);
    }

    fn synced(&mut self, process: usize, part: &[u8]) {
        let Process { id, generation, .. } = &self.processes[process];
        assert_eq!(*generation, self.scene.group.generation(), "a part of an old generation");
        if part.is_empty() {
            return;
        }
        let (given, n) = std::str::from_utf8(part).unwrap().split_once('/').unwrap();
        assert_eq!(given, generation.to_string(), "{} has a part of another generation", &**id);
        let owner =
            self.owners.entry((*generation, n.parse().unwrap())).or_insert_with(|| name(id));
        assert_eq!(*owner, name(id), "two own {n} of {generation}");
    }

    /// Who is told that it is unknown, or fenced, starts over; only an instance that is there twice is ever fenced.
    fn check_fencing(&mut self, process: usize, error: Option<ResponseError>) {
        if error == Some(ResponseError::FencedInstanceId) {
            assert!(INSTANCES[process].is_some());
        }
        if matches!(error, Some(ResponseError::FencedInstanceId | ResponseError::UnknownMemberId)) {
            self.processes[process].id = StrBytes::new();
        }
    }

    /// What holds between any two steps.
    fn check(&self) {
        let Scene { group, now, .. } = &self.scene;
        let ids: HashSet<_> = group.members.iter().map(|member| &member.id).collect();
        assert_eq!(ids.len(), group.members.len(), "two members with one id");
        let instances = || group.members.iter().filter_map(|member| member.instance_id.as_ref());
        assert_eq!(instances().collect::<HashSet<_>>().len(), instances().count());
        match group.phase {
            Phase::Empty => assert!(group.members.is_empty()),
            Phase::Preparing => assert!(group.due.is_some()),
            Phase::Completing | Phase::Stable => {
                assert_eq!(ids.iter().filter(|id| ***id == group.leader).count(), 1);
            }
        }
        for process in &self.processes {
            let waits = process.parked.map_or(Duration::ZERO, |(_, since)| *now - since);
            assert!(waits <= REBALANCE + FIRST_ROUND, "{process:?} waits for {waits:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // Goal: one leader per generation, no partition of a generation given twice, no generation goes back, no answer
    // is given twice or comes from an older generation, no deadline spins, every request is answered within a
    // rebalance timeout, and nothing of the group remains once all are silent.
    #[test]
    fn any_schedule_keeps_the_groups_promises(steps in steps()) {
        let mut schedule = Schedule::new();
        for step in steps {
            schedule.run(step);
        }
        // Everyone falls silent: rounds and sessions run out one after the other.
        for _ in 0..4 {
            schedule.run(Step::Pass(u64::try_from((REBALANCE + SESSION).as_millis()).unwrap()));
        }
        prop_assert!(schedule.scene.group.is_idle(), "{:?}", schedule.scene.group);
        prop_assert_eq!(schedule.scene.group.bytes(), 0);
    }
}

// Goal: the schedules do reach what they are to test. Method: the same generator, counted.
#[test]
fn the_schedules_get_far() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut generations, mut parts, mut takeovers) = (0, 0, 0);
    for _ in 0..64 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let mut schedule = Schedule::new();
        for step in steps {
            let before = schedule.scene.group.generation();
            let stable = schedule.scene.group.phase == Phase::Stable;
            schedule.run(step);
            let spared = schedule.scene.group.generation() == before
                && matches!(step, Step::Join { process, .. } if schedule.processes[process].parked.is_none());
            takeovers += usize::from(stable && spared);
        }
        generations += schedule.leaders.len();
        parts += schedule.owners.len();
    }
    assert!(generations > 64 && parts > 256 && takeovers > 8, "{generations} {parts} {takeovers}");
}
