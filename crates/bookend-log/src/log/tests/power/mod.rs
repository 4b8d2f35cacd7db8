//! The log against an oracle that knows what was promised, with the power cut after every step, in every legal way.
//!
//! A schedule of steps runs on a [`PowerCut`](crate::testing::PowerCut). After each step all ends that a cut may leave
//! at that moment are put into folders of their own, or a sample of them where they are many; each is opened, compared
//! with the oracle, cut a second time right after its recovery, and compared again.

mod cuts;
mod oracle;
mod schedule;

use std::time::Duration;

use proptest::{prelude::*, sample::Index, strategy::ValueTree as _, test_runner::TestRunner};

use self::schedule::{Schedule, Step, step};
use crate::Fsync;

const INTERVAL: Fsync = Fsync::Interval(Duration::from_secs(1));

fn pages() -> impl Strategy<Value = usize> {
    prop_oneof![Just(16_usize), Just(50), Just(4_096)]
}

fn run(fsync: Fsync, page_bytes: usize, steps: &[Step]) -> Result<usize, TestCaseError> {
    let mut schedule = Schedule::new(fsync, page_bytes);
    for step in steps {
        schedule.take(step)?;
    }
    Ok(schedule.ends)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(32) })]

    // Goal: after any steps and any cut the log opens; what was promised is there, the rest is a prefix of what was
    // appended, byte for byte, and the start has not gone back.
    #[test]
    fn a_power_cut_takes_nothing_that_was_promised(always: bool, page_bytes in pages(), steps in prop::collection::vec(step(), 1..30)) {
        run(if always { Fsync::Always } else { INTERVAL }, page_bytes, &steps)?;
    }

    // Goal: without fsyncs a log may be gone, or refuse to open, but never tells what was not appended.
    #[test]
    fn without_fsyncs_no_wrong_byte_comes_out(page_bytes in pages(), steps in prop::collection::vec(step(), 1..30)) {
        run(Fsync::Never, page_bytes, &steps)?;
    }
}

// Goal: without fsyncs a start may outlive the entry that it is within; the log goes on from there, and the oracle too.
#[test]
fn a_start_may_outlive_its_entry() {
    let append = Step::Append { count: 3, time_ms: 0, payload_bytes: 0, unsynced: false };
    let mut runner = TestRunner::deterministic();
    for seed in 0..40 {
        let start = any::<Index>().new_tree(&mut runner).unwrap().current();
        let cut = [append.clone(), Step::AdvanceStart(start), Step::PowerCut(seed)];
        for next in [append.clone(), Step::Sync, Step::Kill] {
            run(Fsync::Never, 16, &[&cut[..], &[next]].concat()).unwrap();
        }
    }
}

// Goal: the cuts do take what was not synced, in more than one way; else the tests above would pass for nothing.
#[test]
fn a_power_cut_takes_what_was_not_synced() {
    let append = Step::Append { count: 1, time_ms: 0, payload_bytes: 40, unsynced: true };
    let mut schedule = Schedule::new(INTERVAL, 16);
    schedule.take(&append).unwrap();
    schedule.take(&Step::Sync).unwrap();
    schedule.take(&append).unwrap();
    let lengths = schedule.lengths();
    assert_eq!(lengths, [1, 2], "one entry was promised, two were appended");
}
