//! What is measured, in pairs: `cargo run --release -p bookend-bench -- <name>`.
//!
//! Machines are noisy, so an absolute time means little: both arms run in one process, interleaved, and the ratio
//! of each round counts. A third arm repeats the first; if it does not measure the same, the run is void.
//! Tables for people go to stderr, one JSON line per row to stdout.

mod allocations;
mod broker;
mod counts;
mod hot;
mod machine;
mod pairs;
mod report;

use clap::{Parser, Subcommand};

/// Measures Bookend against its peers, in pairs.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
    /// One short round of everything: shows that it runs, measures nothing.
    #[arg(long, global = true)]
    smoke: bool,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// H1, H5, H7: `start` + `finish` against two bare `Instant::now()`, allocations, and two threads.
    Hot,
    /// R3: instructions (valgrind) and system calls (strace) of one record, exact.
    Counts,
    /// B1, B2, B3: the embedded broker, beside Apache Kafka.
    Broker(broker::Options),
    /// Runs one arm a number of times, for `counts` to look at.
    #[command(hide = true)]
    Loop { arm: counts::Arm, times: u32 },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.smoke { pairs::Effort::SMOKE } else { pairs::Effort::FULL };
    match arguments.benchmark {
        Benchmark::Hot => hot::run(effort),
        Benchmark::Broker(options) => broker::run(effort, &options, arguments.smoke),
        Benchmark::Counts => counts::run(),
        Benchmark::Loop { arm, times } => counts::repeat(arm, times),
    }
}
