//! Any frame: header, check against the schema, decoder; and no more memory than the request was reckoned to take.
//!
//! The first byte chooses the API and the second its version, so that all are reached; the rest is the body.
#![no_main]

use bookend_broker::fuzzing;
use bookend_fuzz::{sow, within};
use libfuzzer_sys::fuzz_target;

/// What a request may take that is small in every way.
const SLACK: usize = 256 * 1024;

fuzz_target!(init: sow("request"), |data: &[u8]| {
    let [api, version, body @ ..] = data else { return };
    let frame = fuzzing::frame(*api, *version, body);
    let reckoned = fuzzing::reckoned(&frame);
    within(SLACK + frame.len() + reckoned, || fuzzing::decode(frame));
});
