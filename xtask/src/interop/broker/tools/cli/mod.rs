//! Our own command line: `bookend topics`, `groups` and `tail`, for which any Kafka is as good as ours.
//!
//! Records and members come from Apache Kafka's console tools, so that ours are not held against themselves alone.

mod topics;
mod groups;
mod tail;

use super::{
    Case,
    console::{self, Console},
};

pub(super) fn cases() -> Vec<Case> {
    [&topics::CASES[..], &groups::CASES, &tail::CASES].concat()
}
