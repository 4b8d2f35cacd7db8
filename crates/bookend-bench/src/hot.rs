//! The recording path: what a measured task pays.
//!
//! The recorder fills in bursts that its shards hold, each followed by an untimed pause in which the worker
//! empties them: what is timed is the task's side alone, awake worker and all.

use std::{
    hint::{self, black_box},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Instant,
};

use anyhow::Result;
use bookend::{Measured, Recorder, Sender, SenderOptions};

use crate::{
    allocations,
    machine::Machine,
    pairs::{self, Effort},
    report,
    report::Row,
};

/// Records of one burst; several fit into the shards once these have grown.
const BURST: u32 = 12_000;

/// A recorder with a worker behind it that sends nowhere.
pub(crate) struct Bench {
    runtime: tokio::runtime::Runtime,
    sender: Sender,
    pub(crate) recorder: Recorder<usize, u64>,
}

impl Bench {
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut options =
            SenderOptions { memory_bytes_max: usize::MAX, ..SenderOptions::default() };
        options.batch.linger = std::time::Duration::from_secs(1);
        let sender = Sender::start_on(report::Nowhere::default(), options)?;
        let recorder = sender.recorder("HOT", |measured: Measured<usize>| {
            measured.before as u64 + measured.elapsed_ms()
        })?;
        Ok(Self { runtime, sender, recorder })
    }

    /// Empties the shards, and leaves one record lingering so that the worker ticks instead of sleeping: the steady
    /// state of a service under load.
    pub(crate) fn settle(&self) {
        self.runtime.block_on(async {
            self.sender.flush().await;
            self.recorder.start(0).finish();
            self.sender.stats().await;
            self.sender.stats().await;
        });
    }

    fn dropped(&self) -> u64 {
        self.runtime.block_on(self.sender.stats()).dropped.total()
    }
}

#[inline(never)]
pub(crate) fn clocks(times: u32) {
    for _ in 0..times {
        black_box(Instant::now());
        black_box(Instant::now());
    }
}

#[inline(never)]
pub(crate) fn records(recorder: Recorder<usize, u64>, times: u32) {
    for n in 0..times {
        let recording = recorder.start(black_box(n as usize));
        black_box(recording.finish());
    }
}

pub(crate) fn run(effort: Effort) -> Result<()> {
    let machine = Machine::look()?;
    let bench = Bench::start()?;
    let recorder = bench.recorder;
    // The shards grow to what a burst needs.
    for _ in 0..20 {
        records(recorder, BURST);
        bench.settle();
    }

    let mut allocated = 0;
    let mut recorded = 0u64;
    let paired = pairs::compare(effort, BURST, &mut || pairs::time(|| clocks(BURST)), &mut || {
        bench.settle();
        let before = allocations::so_far();
        let cost = pairs::time(|| records(recorder, BURST));
        // `Cost::of` itself reads a file twice; that is not the recorder's.
        allocated += allocations::so_far() - before;
        recorded += u64::from(BURST);
        cost
    });
    let ceiling = scaling(&bench, effort, clocks);
    let threads = scaling(&bench, effort, |times| records(recorder, times));
    let dropped = bench.dropped();
    report::print(
        &machine,
        &[
            Row::paired(
                "H1",
                "start + finish / two Instant::now()",
                &paired,
                "at most 1.6 (aim 1.35)",
            ),
            Row::count("H5", "heap allocations per record", allocated, recorded, "0"),
            Row::count("", "records dropped in this run", dropped, recorded, "0"),
            Row::ratio(
                "",
                "two threads of bare clock reads / one",
                ceiling,
                "what this machine gives",
            ),
            Row::ratio("H7", "two recording threads / one", threads, "at least 1.7 (aim 1.9)"),
        ],
    );
    Ok(())
}

/// Throughput of two threads that do `work` at once over that of one, round by round.
fn scaling(bench: &Bench, effort: Effort, work: impl Fn(u32) + Sync) -> pairs::Ratio {
    let timed = |threads: u32| {
        bench.settle();
        // They spin for each other: a wake-up by the system takes as long as a tenth of the burst.
        let arrived = AtomicU32::new(0);
        let thread = || {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < threads {
                hint::spin_loop();
            }
            let began = Instant::now();
            work(BURST / 2); // half a burst each, so that both fit
            (began, Instant::now())
        };
        let spans: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let first = spans.iter().map(|&(began, _)| began).min();
        let last = spans.iter().map(|&(_, ended)| ended).max();
        last.zip(first).map_or(0.0, |(last, first)| (last - first).as_secs_f64())
    };
    let bursts = effort.rounds * 10;
    let rounds: Vec<_> = (0..effort.rounds)
        .map(|_| {
            let one: f64 = (0..bursts).map(|_| timed(1)).sum();
            let two: f64 = (0..bursts).map(|_| timed(2)).sum();
            2.0 * one / two
        })
        .collect();
    pairs::ratio(&rounds)
}
