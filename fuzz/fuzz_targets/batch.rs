//! What a producer sends for a partition: split into batches, checked, and as it is served placed at its offset.
//!
//! The first byte says whether lengths and checksums are made right first, so that what stands behind them is reached.
#![no_main]

use bookend_broker::fuzzing;
use bookend_fuzz::{sow, within};
use libfuzzer_sys::fuzz_target;

/// The largest window that a compressed batch may ask for is that of zstd, as large as a request.
const UNPACKING: usize = 101 * 1024 * 1024;

fuzz_target!(init: sow("batch"), |data: &[u8]| {
    let [mend, records @ ..] = data else { return };
    let mut records = records.to_vec();
    if mend % 2 == 1 {
        fuzzing::mend(&mut records);
    }
    within(UNPACKING + 8 * records.len(), || fuzzing::batches(records));
});
