//! The log against an oracle that knows what was promised, with the power cut after every step, in every legal way.
//!
//! A schedule of steps runs on a [`PowerCut`](crate::testing::PowerCut). After each step all ends that a cut may leave
//! at that moment are put into folders of their own, or a sample of them where they are many; each is opened, compared
//! with the oracle, cut a second time right after its recovery, and compared again.

mod cuts;
mod oracle;
mod schedule;

use std::time::Duration;

use proptest::prelude::*;

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
