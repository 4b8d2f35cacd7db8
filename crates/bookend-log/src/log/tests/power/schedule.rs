//! Steps of a log's owner, taken on a log and on the oracle alike, with a look at every power cut after each.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use tempfile::TempDir;

use super::{cuts::each_cut, oracle::Oracle};
use crate::{
    Entry, Fsync, Log, OpenError, Options, PendingSync, SyncDone,
    testing::{PowerCut, seeded},
};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Append { count: u32, time_ms: i64, payload_bytes: usize, unsynced: bool },
    Sync,
    BeginSync,
    RunSync,
    EndSync,
    DropBefore(Index),
    DropOlderThan(i64),
    DropToBytes(u64),
    AdvanceStart(Index),
    Kill,
    PowerCut(u64),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let append = (1..4_u32, 0..60_i64, 0..60_usize, any::<bool>());
    prop_oneof![
        10 => append.prop_map(|(count, time_ms, payload_bytes, unsynced)| Step::Append { count, time_ms, payload_bytes, unsynced }),
        2 => Just(Step::Sync),
        2 => Just(Step::BeginSync),
        2 => Just(Step::RunSync),
        2 => Just(Step::EndSync),
        1 => any::<Index>().prop_map(Step::DropBefore),
        1 => (0..61_i64).prop_map(Step::DropOlderThan),
        1 => (0..600_u64).prop_map(Step::DropToBytes),
        1 => any::<Index>().prop_map(Step::AdvanceStart),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerCut),
    ]
}

pub(super) struct Schedule {
    folder: TempDir,
    disk: PowerCut,
    page_bytes: usize,
    options: Options,
    /// `None` once a log without fsyncs did not survive a power cut.
    log: Option<Log>,
    oracle: Oracle,
    pending: Option<(PendingSync, u64)>,
    done: Option<(SyncDone, u64)>,
    /// How many entries were ever appended, so that no two have the same payload.
    appended: u64,
    /// How many ends of power cuts were looked at.
    pub(super) ends: usize,
}

impl Schedule {
    pub(super) fn new(fsync: Fsync, page_bytes: usize) -> Self {
        let (folder, disk) = (ram_folder(), PowerCut::new(page_bytes));
        let options = Options { segment_bytes_max: 200, fsync };
        let mut schedule = Self {
            folder,
            disk,
            page_bytes,
            options,
            log: None,
            oracle: Oracle::default(),
            pending: None,
            done: None,
            appended: 0,
            ends: 0,
        };
        schedule.log = Some(schedule.open().expect("a new log"));
        schedule
    }

    pub(super) fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if self.log.is_none() {
            return Ok(());
        }
        match step {
            Step::Kill => self.kill()?,
            Step::PowerCut(seed) => self.cut_power(*seed)?,
            _ => self.act(step)?,
        }
        self.look_at_cuts()
    }

    fn act(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let log = self.log.as_mut().expect("it is open");
        let near = |index: &Index, end: u64| index.index(usize::try_from(end).unwrap() + 1) as u64;
        let (before, mut freed) = (log.bytes(), 0);
        match step {
            &Step::Append { count, time_ms, payload_bytes, unsynced } => {
                self.appended += 1;
                let payload: Vec<u8> =
                    self.appended.to_be_bytes().into_iter().cycle().take(payload_bytes).collect();
                let first = if unsynced {
                    let (one, other) = payload.split_at(payload_bytes / 2);
                    log.append_unsynced(count, time_ms, [one, other])
                } else {
                    log.append(count, time_ms, &payload)
                };
                let first = first.expect("appended");
                prop_assert_eq!(first, self.oracle.end());
                if !unsynced && self.options.fsync == Fsync::Always {
                    prop_assert_eq!(log.synced_end(), log.end());
                }
                self.oracle.entries.push(Entry { first, count, time_ms, payload });
            }
            Step::Sync => {
                log.sync().expect("synced");
                prop_assert_eq!(log.synced_end(), log.end());
            }
            Step::BeginSync => {
                self.pending = log.begin_sync().expect("begun").map(|sync| (sync, log.end()));
            }
            Step::RunSync => {
                let ran = self.pending.take().map(|(pending, end)| (pending.run(), end));
                self.done = ran.or(self.done.take());
            }
            Step::EndSync => {
                if let Some((done, end)) = self.done.take() {
                    log.end_sync(done).expect("synced");
                    prop_assert!(log.synced_end() >= end);
                }
            }
            Step::DropBefore(index) => {
                freed = log.drop_before(near(index, log.end())).expect("dropped");
            }
            Step::DropOlderThan(time_ms) => {
                freed = log.drop_older_than(*time_ms).expect("dropped");
            }
            Step::DropToBytes(bytes) => freed = log.drop_to_bytes(*bytes).expect("dropped"),
            Step::AdvanceStart(index) => {
                let index = near(index, log.end());
                freed = log.advance_start(index).expect("advanced");
                prop_assert_eq!(log.start(), index.max(self.oracle.start));
            }
            Step::Kill | Step::PowerCut(_) => unreachable!("not a call"),
        }
        prop_assert!(freed == 0 || before - freed == log.bytes());
        prop_assert!(log.start() >= self.oracle.start);
        if log.start() > self.oracle.start && self.options.fsync != Fsync::Never {
            self.oracle.promised_end = log.end(); // a drop syncs what stays
        }
        self.oracle.start = log.start();
        self.oracle.promised_end = self.oracle.promised_end.max(log.synced_end());
        self.oracle.check_running(log)
    }

    /// The process ends; the operating system has all it wrote.
    fn kill(&mut self) -> Result<(), TestCaseError> {
        (self.log, self.pending, self.done) = (None, None, None);
        let log = self.open().map_err(|error| TestCaseError::fail(error.to_string()))?;
        self.oracle.check_running(&log)?;
        self.oracle.promised_end = self.oracle.promised_end.max(log.synced_end());
        self.log = Some(log);
        Ok(())
    }

    fn cut_power(&mut self, seed: u64) -> Result<(), TestCaseError> {
        (self.log, self.pending, self.done) = (None, None, None);
        self.disk.cut(self.folder.path(), seeded(seed)).expect("cut");
        let log = self.open();
        self.oracle.check_cut(&log, self.options.fsync)?;
        // A log without fsyncs may also open and be damaged further back; that is the end of it.
        self.log = log.ok().filter(|log| {
            log.read(log.start(), usize::MAX).is_ok_and(|read| {
                read.last().map_or(log.start(), |entry| entry.first + u64::from(entry.count))
                    == log.end()
            })
        });
        if let Some(log) = &self.log {
            self.oracle.accept(log);
        }
        Ok(())
    }

    fn look_at_cuts(&mut self) -> Result<(), TestCaseError> {
        let Some(log) = &self.log else { return Ok(()) };
        let mut second = self.appended << 32; // a seed of its own for each
        let ends = each_cut(log.end(), |choose| {
            let copy = ram_folder();
            self.disk.cut_into(self.folder.path(), copy.path(), choose).expect("cut");
            // What recovery does is not synced either.
            let disk = PowerCut::new(self.page_bytes);
            let log = open(&copy, self.options, &disk);
            self.oracle.check_cut(&log, self.options.fsync)?;
            let mut oracle = self.oracle.clone();
            if let Ok(log) = &log {
                oracle.promised_end = oracle.promised_end.max(log.synced_end());
            }
            drop(log);
            second += 1;
            disk.cut(copy.path(), seeded(second)).expect("cut");
            oracle.check_cut(&open(&copy, self.options, &disk), self.options.fsync)
        })?;
        self.ends += ends;
        Ok(())
    }

    /// How far the log reaches after each of the cuts that are possible now.
    pub(super) fn lengths(&self) -> Vec<u64> {
        let mut lengths = BTreeSet::new();
        each_cut(0, |choose| {
            let copy = ram_folder();
            self.disk.cut_into(self.folder.path(), copy.path(), choose).expect("cut");
            lengths.insert(open(&copy, self.options, &PowerCut::default())?.end());
            Ok::<_, OpenError>(())
        })
        .expect("each opens");
        lengths.into_iter().collect()
    }

    fn open(&self) -> Result<Log, OpenError> {
        open(&self.folder, self.options, &self.disk)
    }
}

fn open(folder: &TempDir, options: Options, disk: &PowerCut) -> Result<Log, OpenError> {
    Log::open_on(folder.path(), options, disk).map(|(log, _)| log)
}

/// A folder in memory where there is such a place: nothing here needs a real disk, and thousands are made.
fn ram_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
