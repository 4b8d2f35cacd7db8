//! B2: a producer and a consumer of librdkafka, on the embedded broker and on Apache Kafka in turns.
//!
//! A round goes through all brokers there and back again, beginning with another one each time. Two embedded brokers
//! that are started the same are the A/A arm: where they differ, the machine was not calm.

use std::{
    cell::RefCell,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    Place,
    clients::{Admin, CONSUMER, PRODUCER, Reading, Sending, values, words},
    process::{Process, own_processor_time},
    wire::Wire,
};
use crate::{
    pairs::{self, Effort, Ratio},
    report::{self, Row},
};

const PARTITIONS: i32 = 4;
const VALUE_BYTES: usize = 100;

/// Records that one arm sends at once, twice a round: more than 150 ms of work. Reading takes less, so it is given
/// more.
const RECORDS: u32 = 200_000;
const RECORDS_SMOKE: u32 = 2_000;
const READ_TIMES: u32 = 2;
const BLIND_TIMES: u32 = 4;

/// How many times as many rounds as elsewhere: two processes on two cores are in each other's way now and then, so that a
/// round's ratio is off by a tenth.
const ROUNDS_TIMES: usize = 4;

/// Apache Kafka is measured warm: what its compiler has seen by then.
const WARM_UP: u32 = 1_600_000;

const PACKING: [(&str, &str); 1] = [("linger.ms", "5")];

/// A fetch that finds nothing is over soon: after all is read one is left waiting, and the next turn would wait for it.
const SHORT_WAIT: [(&str, &str); 1] = [("fetch.wait.max.ms", "5")];

/// A consumer that reads a little ahead, and fetches when it has worked that off. One that takes all it can get has a
/// broker answer while it has enough to do.
const SHORT_QUEUE: [(&str, &str); 3] =
    [SHORT_WAIT[0], ("queued.min.messages", "10000"), ("fetch.queue.backoff.ms", "1")];

/// The separation of codecs, in processor time, below which it is not the client that is measured.
const CANARY: f64 = 1.3;

/// The part of a broker in a consumer's time below which it is the client that is measured: without any broker's work it
/// would be done a fourth sooner.
const PEER_BOUND: f64 = 0.25;

// Two brokers that are the same, one without fsync, and Apache Kafka.
const OURS: usize = 0;
const TWIN: usize = 1;
const NO_FSYNC: usize = 2;
const APACHE: usize = 3;

/// A broker and its clients.
struct Arm {
    name: &'static str,
    process: Process,
    producer: Sending,
    consumer: Reading,
    /// One that reads little ahead.
    short: Reading,
    /// Two that share the partitions. One alone is held up by its thread that polls.
    pair: [Reading; 2],
    /// One that does not look at records.
    blind: RefCell<Wire>,
}

/// What a turn took.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    broker: Duration,
    client: Duration,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.broker += other.broker;
        self.client += other.client;
    }
}

pub(super) fn run(place: &Place, effort: Effort, is_smoke: bool) -> Result<Vec<Row>> {
    let records = if is_smoke { RECORDS_SMOKE } else { RECORDS };
    let to_read = records * READ_TIMES;
    let values = values(VALUE_BYTES);
    let mut arms = vec![
        Arm::start("bookend", place.embedded("ours", &[])?)?,
        Arm::start("bookend again", place.embedded("twin", &[])?)?,
        Arm::start("bookend, no fsync", place.embedded("no-fsync", &["--fsync", "never"])?)?,
    ];
    if let Some(apache) = place.apache("apache")? {
        arms.push(Arm::start("Apache Kafka", apache)?);
    }
    for arm in &arms {
        report::progress(&format!("B2: {} warms up", arm.name));
        // Batches that are full, so that all read the same.
        let filling = Sending::start(&arm.process.address, &[("linger.ms", "1000")])?;
        filling.fill("read", PARTITIONS, to_read, &values)?;
        let turns = if arm.name == "Apache Kafka" { WARM_UP / records } else { 1 };
        for _ in 0..turns {
            arm.producer.send_all("written", records, &values)?;
            arm.consumer.read_all(to_read)?;
            arm.short.read_all(to_read)?;
            arm.read_shared(to_read)?;
            arm.blind.borrow_mut().read_all("read", PARTITIONS, to_read)?;
        }
    }
    let everyone: Vec<_> = (0..arms.len()).collect();
    let produced = rounds("produce", &arms, &everyone, effort, &mut |arm| {
        arm.producer.send_all("written", records, &values)
    })?;
    // Who reads waits for no fsync.
    let readers: Vec<_> = everyone.into_iter().filter(|arm| *arm != NO_FSYNC).collect();
    let read = &mut |arm: &Arm| arm.consumer.read_all(to_read);
    let consumed = rounds("consume", &arms, &readers, effort, read)?;
    let read = &mut |arm: &Arm| arm.short.read_all(to_read);
    let short = rounds("consume, short queue", &arms, &readers, effort, read)?;
    let shared =
        rounds("consume, two", &arms, &readers, effort, &mut |arm| arm.read_shared(to_read))?;
    let blind = &mut |arm: &Arm| {
        let mut wire = arm.blind.borrow_mut();
        (0..BLIND_TIMES).try_for_each(|_| wire.read_all("read", PARTITIONS, to_read))
    };
    let fetched = rounds("fetch", &arms, &readers, effort, blind)?;
    let mut rows = vec![settings()];
    rows.extend(rows_of("produce", &arms, &produced, records));
    rows.extend(rows_of("consume", &arms, &consumed, to_read));
    rows.extend(rows_of("consume, short queue", &arms, &short, to_read));
    rows.extend(rows_of("consume, two consumers", &arms, &shared, to_read));
    rows.extend(rows_of("fetch, no client", &arms, &fetched, to_read * BLIND_TIMES));
    rows.push(part_of_the_broker(&consumed[OURS], &fetched[OURS]));
    rows.push(canary(&arms[OURS], records, &values)?);
    Ok(rows)
}

impl Arm {
    fn start(name: &'static str, process: Process) -> Result<Self> {
        let topics = ["read", "written"].map(str::to_owned);
        Admin::start(&process.address)?.create(&topics, PARTITIONS)?;
        let producer = Sending::start(&process.address, &PACKING)?;
        let read = |partitions| Reading::start(&process.address, "read", partitions, &SHORT_WAIT);
        let consumer = read(0..PARTITIONS)?;
        let short = Reading::start(&process.address, "read", 0..PARTITIONS, &SHORT_QUEUE)?;
        let pair = [read(0..PARTITIONS / 2)?, read(PARTITIONS / 2..PARTITIONS)?];
        let blind = RefCell::new(Wire::connect(&process)?);
        Ok(Self { name, process, producer, consumer, short, pair, blind })
    }

    /// Reads everything once, `records` records in equal partitions, with two consumers at the same time.
    fn read_shared(&self, records: u32) -> Result<()> {
        let [one, other] = &self.pair;
        thread::scope(|scope| {
            let one = scope.spawn(|| one.read_all(records / 2));
            let read = other.read_all(records / 2);
            one.join().ok().context("a consumer does not panic")?.and(read)
        })
    }

    /// Of the broker, and of this process.
    fn processor_times(&self) -> Result<[Duration; 2]> {
        Ok([self.process.processor_time()?, own_processor_time()?])
    }

    fn turn(&self, work: &mut dyn FnMut(&Self) -> Result<()>) -> Result<Spent> {
        let [broker_before, client_before] = self.processor_times()?;
        let began = Instant::now();
        work(self)?;
        let wall = began.elapsed();
        let [broker, client] = self.processor_times()?;
        let broker = broker.saturating_sub(broker_before);
        Ok(Spent { wall, broker, client: client.saturating_sub(client_before) })
    }
}

/// What every arm spent in every round, nothing if it is not `among` those that take part: `[arm][round]`.
fn rounds(
    what: &str,
    arms: &[Arm],
    among: &[usize],
    effort: Effort,
    work: &mut dyn FnMut(&Arm) -> Result<()>,
) -> Result<Vec<Vec<Spent>>> {
    let mut spent = vec![vec![]; arms.len()];
    let rounds = effort.rounds * ROUNDS_TIMES;
    for round in 0..rounds {
        report::progress(&format!("B2: {what}, round {} of {rounds}", round + 1));
        let mut there = among.to_vec();
        there.rotate_left(round % among.len());
        let mut turns = vec![Spent::default(); arms.len()];
        for &arm in there.iter().chain(there.iter().rev()) {
            turns[arm] += arms[arm].turn(work)?;
        }
        for &arm in among {
            spent[arm].push(turns[arm]);
        }
    }
    Ok(spent)
}

/// How many times as much time `slow` took as `fast`, round by round.
fn times(slow: &[Spent], fast: &[Spent], time: fn(&Spent) -> Duration) -> Ratio {
    let pairs = slow.iter().zip(fast);
    let ratios: Vec<_> = pairs
        .map(|(slow, fast)| time(slow).as_secs_f64() / time(fast).as_secs_f64().max(1e-3))
        .collect();
    pairs::ratio(&ratios)
}

fn rows_of(what: &str, arms: &[Arm], spent: &[Vec<Spent>], records: u32) -> Vec<Row> {
    let null = times(&spent[TWIN], &spent[OURS], |spent| spent.wall);
    let mut rows = Vec::new();
    if let Some(apache) = spent.get(APACHE) {
        for (ours, words) in [(OURS, ""), (NO_FSYNC, ", no fsync as there")] {
            if spent[ours].is_empty() {
                continue;
            }
            let faster = times(apache, &spent[ours], |spent| spent.wall);
            let what = format!("{what}{words}: records/s, bookend / Apache Kafka");
            rows.push(Row::against("B2", &what, faster, null, "at least 1 (aim 2)"));
        }
        let leaner = times(apache, &spent[OURS], |spent| spent.broker);
        let what = format!("{what}: processor time of the broker, Apache Kafka / bookend");
        rows.push(Row::ratio("B2", &what, leaner, "at least 1 (aim 2)"));
    } else {
        let what = format!("{what}: bookend / bookend");
        rows.push(Row::ratio("B2", &what, null, "1: shows how calm the machine is"));
    }
    for (arm, spent) in arms.iter().zip(spent).filter(|(_, spent)| !spent.is_empty()) {
        let (mut sum, mut count) = (Spent::default(), 0.0);
        for turns in spent {
            sum += *turns;
            count += 2.0 * f64::from(records);
        }
        let [wall, broker, client] =
            [sum.wall, sum.broker, sum.client].map(|time| time.as_secs_f64());
        let detail = format!(
            "processor time a record: broker {:.2} µs, client {:.2} µs",
            broker * 1e6 / count,
            client * 1e6 / count
        );
        let what = format!("{what}, {}", arm.name);
        rows.push(Row::plain("", &what, count / wall / 1e3, "thousand records/s", &detail));
    }
    rows
}

fn settings() -> Row {
    let [all, packing] = [&PRODUCER[..], &PACKING].map(words);
    let [reading, waiting, short] = [&CONSUMER[..], &SHORT_WAIT, &SHORT_QUEUE[1..]].map(words);
    let words = format!(
        "values of {VALUE_BYTES} B, no keys, {PARTITIONS} partitions; producer {all} {packing}; consumer {reading} {waiting}; with a short queue {short}"
    );
    Row::words("B2", "settings of all arms", &words)
}

/// What part of a consumer's time any broker can have: the time that it takes to fetch the same without a look at it.
fn part_of_the_broker(consumed: &[Spent], fetched: &[Spent]) -> Row {
    let wall = |spent: &[Spent]| spent.iter().map(|it| it.wall).sum::<Duration>().as_secs_f64();
    let part = wall(fetched) / f64::from(BLIND_TIMES) / wall(consumed);
    let verdict = if part < PEER_BOUND { "PEER-BOUND: the rest is the client's" } else { "counts" };
    let what = "consume: part of the time that fetching alone takes";
    Row::plain("R6", what, part * 100.0, "%", verdict)
}

/// Whether codecs separate: if not, the client is waiting for something else than its own work.
fn canary(arm: &Arm, records: u32, values: &[Vec<u8>]) -> Result<Row> {
    let mut each = Vec::new();
    for codec in ["gzip", "lz4", "zstd"] {
        report::progress(&format!("B2: canary, {codec}"));
        let settings = [PACKING[0], ("compression.codec", codec)];
        let producer = Sending::start(&arm.process.address, &settings)?;
        producer.send_all("written", records, values)?;
        let spent = arm.turn(&mut |_| producer.send_all("written", records * 2, values))?;
        each.push((codec, (spent.client + spent.broker).as_secs_f64()));
    }
    let most = each.iter().map(|(_, time)| *time).fold(0.0, f64::max);
    let least = each.iter().map(|(_, time)| *time).fold(f64::INFINITY, f64::min).max(1e-3);
    let per = each
        .iter()
        .map(|(codec, time)| format!("{codec} {:.2} µs", time * 1e6 / f64::from(records * 2)));
    let verdict = if most / least > CANARY { "separate" } else { "PEER-BOUND" };
    let detail = format!("{verdict}: {}", per.collect::<Vec<_>>().join(", "));
    Ok(Row::plain("R6", "codecs, processor time of both, most / least", most / least, "×", &detail))
}
