//! Where the thread and the workers write down how they are, and handles read it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};
use tokio::time::Instant;

use super::stats::{PartitionStats, Phase, Retrying, ServiceStats, TopicStats};
use crate::{
    settle::Settled,
    telemetry::Metric,
    topic::{Offset, TopicName, TopicPartition},
};

/// The board of one service.
#[derive(Debug)]
pub(crate) struct Board {
    made: Instant,
    /// In milliseconds.
    handler_timeout: AtomicU64,
    phase: AtomicU8,
    polled: Moment,
    topics: OnceLock<BTreeMap<TopicName, Arc<TopicBoard>>>,
    partitions: Mutex<BTreeMap<TopicPartition, Arc<PartitionBoard>>>,
    trouble: Mutex<Option<String>>,
}

/// A time that may not have come, as microseconds since the board was made, plus 1.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

/// What is counted per topic.
#[derive(Debug)]
pub(crate) struct TopicBoard {
    consumed: Counted,
    done: Counted,
    skipped: Counted,
    retries: Counted,
    pub(crate) handler_seconds: Histogram,
}

/// Counted for handles and for the metrics recorder alike.
struct Counted {
    here: AtomicU64,
    published: Counter,
}

/// What is known per assigned partition.
#[derive(Debug)]
pub(crate) struct PartitionBoard {
    made: Instant,
    held: AtomicU64,
    /// -1 while there is none.
    mark: AtomicI64,
    /// -1 while it is not known.
    end: AtomicI64,
    paused: AtomicBool,
    /// The brokers answer, nothing is held, and yet what is in the partition has not come.
    behind_since: Moment,
    busy_since: Moment,
    retrying: Mutex<Option<Retrying>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code that holds a lock of the board can panic")
}

impl Moment {
    fn set(&self, made: Instant, at: Instant) {
        let micros = u64::try_from(at.duration_since(made).as_micros()).unwrap_or(u64::MAX - 1);
        self.0.store(micros + 1, Relaxed);
    }

    fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    fn age(&self, made: Instant, now: Instant) -> Option<Duration> {
        let micros = self.0.load(Relaxed).checked_sub(1)?;
        Some(now.duration_since(made).saturating_sub(Duration::from_micros(micros)))
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.here.fmt(f)
    }
}

impl Counted {
    fn new(published: Counter) -> Self {
        Self { here: AtomicU64::new(0), published }
    }

    fn add_one(&self) {
        self.here.fetch_add(1, Relaxed);
        self.published.increment(1);
    }
}

impl Board {
    pub(crate) fn new(handler_timeout: Duration) -> Self {
        let board = Self {
            made: Instant::now(),
            handler_timeout: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Starting as u8),
            polled: Moment::default(),
            topics: OnceLock::new(),
            partitions: Mutex::default(),
            trouble: Mutex::default(),
        };
        board.set_handler_timeout(handler_timeout);
        board
    }

    pub(crate) fn set_handler_timeout(&self, timeout: Duration) {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.handler_timeout.store(millis, Relaxed);
    }

    /// Names the topics, once, before anything is counted.
    pub(crate) fn open<'a>(&self, topics: impl Iterator<Item = &'a TopicName>) {
        let board = |topic: &TopicName| (topic.clone(), Arc::new(TopicBoard::new(topic)));
        self.topics.get_or_init(|| topics.map(board).collect());
    }

    pub(crate) fn topic(&self, topic: &TopicName) -> Option<Arc<TopicBoard>> {
        self.topics.get()?.get(topic).map(Arc::clone)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    pub(crate) fn polled(&self, now: std::time::Instant) {
        self.polled.set(self.made, Instant::from_std(now));
    }

    pub(crate) fn assigned(&self, partition: &TopicPartition) -> Arc<PartitionBoard> {
        let board = Arc::new(PartitionBoard::new());
        lock(&self.partitions).insert(partition.clone(), Arc::clone(&board));
        board
    }

    pub(crate) fn unassigned(&self, partition: &TopicPartition) {
        lock(&self.partitions).remove(partition);
    }

    /// Notes trouble, or that it is over; gives back what was noted before.
    pub(crate) fn trouble(&self, trouble: Option<String>) -> Option<String> {
        std::mem::replace(&mut *lock(&self.trouble), trouble)
    }

    pub(crate) fn topic_stats(&self) -> BTreeMap<TopicName, TopicStats> {
        let topics = self.topics.get().into_iter().flatten();
        topics.map(|(name, board)| (name.clone(), board.stats())).collect()
    }

    pub(crate) fn stats(&self) -> ServiceStats {
        let now = Instant::now();
        let timeout = Duration::from_millis(self.handler_timeout.load(Relaxed));
        let partition = |(partition, board): (&TopicPartition, &Arc<PartitionBoard>)| {
            board.stats(partition.clone(), now, timeout)
        };
        ServiceStats {
            phase: Phase::from_u8(self.phase.load(Relaxed)),
            topics: self.topic_stats(),
            partitions: lock(&self.partitions).iter().map(partition).collect(),
            last_poll: self.polled.age(self.made, now),
            trouble: lock(&self.trouble).clone(),
        }
    }
}

impl TopicBoard {
    fn new(topic: &TopicName) -> Self {
        let label = || topic.as_str().to_owned();
        let settled = |outcome: &'static str| counter!(Metric::Settled.as_str(), "topic" => label(), "outcome" => outcome);
        Self {
            consumed: Counted::new(counter!(Metric::Consumed.as_str(), "topic" => label())),
            done: Counted::new(settled("done")),
            skipped: Counted::new(settled("skipped")),
            retries: Counted::new(counter!(Metric::Retries.as_str(), "topic" => label())),
            handler_seconds: histogram!(Metric::HandlerSeconds.as_str(), "topic" => label()),
        }
    }

    pub(crate) fn consumed(&self) {
        self.consumed.add_one();
    }

    pub(crate) fn settled(&self, settled: Settled) {
        match settled {
            Settled::Done => self.done.add_one(),
            Settled::Skipped => self.skipped.add_one(),
        }
    }

    fn stats(&self) -> TopicStats {
        TopicStats {
            consumed: self.consumed.here.load(Relaxed),
            done: self.done.here.load(Relaxed),
            skipped: self.skipped.here.load(Relaxed),
            retries: self.retries.here.load(Relaxed),
        }
    }

    pub(crate) fn retried(&self) {
        self.retries.add_one();
    }
}

impl PartitionBoard {
    fn new() -> Self {
        Self {
            made: Instant::now(),
            held: AtomicU64::new(0),
            mark: AtomicI64::new(-1),
            end: AtomicI64::new(-1),
            paused: AtomicBool::new(false),
            behind_since: Moment::default(),
            busy_since: Moment::default(),
            retrying: Mutex::default(),
        }
    }

    /// By the thread: how many messages are held, and the mark below which all are settled.
    pub(crate) fn moved(&self, held: usize, mark: Option<Offset>) {
        self.held.store(held as u64, Relaxed);
        self.mark.store(mark.map_or(-1, |mark| mark.0), Relaxed);
        self.keeps_up();
    }

    pub(crate) fn ends_at(&self, end: Offset) {
        self.end.store(end.0, Relaxed);
    }

    /// By the thread: nothing is known to wait in the partition.
    pub(crate) fn keeps_up(&self) {
        self.behind_since.clear();
    }

    /// By the thread: not all that is in the partition has been fetched. What is held explains it.
    pub(crate) fn falls_behind(&self, now: std::time::Instant) {
        if self.held.load(Relaxed) == 0 && self.behind_since.0.load(Relaxed) == 0 {
            self.behind_since.set(self.made, Instant::from_std(now));
        }
    }

    pub(crate) fn paused(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
    }

    /// By the worker: a call begins.
    pub(crate) fn begun(&self, at: Instant) {
        self.busy_since.set(self.made, at);
    }

    /// By the worker: it ended.
    pub(crate) fn ended(&self) {
        self.busy_since.clear();
    }

    /// By the worker: what it waits to try again, or that it goes on.
    pub(crate) fn retrying(&self, retrying: Option<Retrying>) {
        *lock(&self.retrying) = retrying;
    }

    fn stats(&self, partition: TopicPartition, now: Instant, timeout: Duration) -> PartitionStats {
        let known = |offset: &AtomicI64| {
            let offset = offset.load(Relaxed);
            (offset >= 0).then_some(offset)
        };
        let (mark, end) = (known(&self.mark), known(&self.end));
        let lag = |mark, end: i64| u64::try_from(end.saturating_sub(mark)).unwrap_or(0);
        let busy_for = self.busy_since.age(self.made, now);
        PartitionStats {
            partition,
            in_flight: self.held.load(Relaxed),
            settled_below: mark.map(Offset),
            lag: mark.zip(end).map(|(mark, end)| lag(mark, end)),
            is_paused: self.paused.load(Relaxed),
            is_overdue: busy_for.is_some_and(|busy| busy > timeout),
            busy_for,
            behind_for: self.behind_since.age(self.made, now),
            retrying: lock(&self.retrying).clone(),
        }
    }
}
