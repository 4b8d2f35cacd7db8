//! The log on a disk that fails, and on one that loses power.

mod faults;
