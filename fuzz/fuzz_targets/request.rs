//! Any frame: header, check against the schema, decoder; and no more memory than the request was reckoned to take.
//!
//! The first byte says what the rest is: a whole frame with its header; or a byte that chooses the API, one that chooses
//! the version, so that all are reached, and a body.
#![no_main]

use bookend_broker::fuzzing;
use bookend_fuzz::{sow, within};
use libfuzzer_sys::fuzz_target;

/// What a request may take that is small in every way.
const SLACK: usize = 256 * 1024;

fuzz_target!(init: sow("request"), |data: &[u8]| {
    let frame = match data {
        [raw, frame @ ..] if raw % 2 == 1 => frame.to_vec(),
        [_, api, version, body @ ..] => fuzzing::frame(*api, *version, body),
        _ => return,
    };
    let reckoned = fuzzing::reckoned(&frame);
    within(SLACK + frame.len() + reckoned, || fuzzing::decode(frame));
});
