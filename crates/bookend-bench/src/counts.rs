//! Exact counts of one record: instructions by callgrind, system calls by strace. Neither depends on what else the
//! machine does.
//!
//! Method: this program runs itself under the tool with N and with 2 N records; the difference is what N records
//! cost, without start-up.

use std::{
    env, fs,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use crate::{
    hot::{self, Bench},
    machine::Machine,
    report::{self, Row},
};

/// Little enough for the shards' first size, so that no shard fills and the worker has no reason to wake up more
/// often in one run than in the other.
const TIMES: u32 = 1_000;

/// What is repeated.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Arm {
    /// Two bare clock reads.
    Clocks,
    /// `start` and `finish`.
    Records,
}

/// Runs one arm on the main thread.
pub(crate) fn repeat(arm: Arm, times: u32) -> Result<()> {
    match arm {
        Arm::Clocks => hot::clocks(times),
        Arm::Records => {
            let bench = Bench::start()?;
            bench.settle();
            hot::records(bench.recorder, times);
        }
    }
    Ok(())
}

pub(crate) fn run() -> Result<()> {
    let machine = Machine::look()?;
    let [clocks, records] = [Arm::Clocks, Arm::Records].map(|arm| difference(arm, instructions));
    let calls = difference(Arm::Records, system_calls)?;
    let per = u64::from(TIMES);
    report::print(
        &machine,
        &[
            Row::count("R3", "instructions of two Instant::now()", clocks?, per, "none"),
            Row::count("R3", "instructions of start + finish", records?, per, "none"),
            Row::count("H5", "system calls of start + finish", calls, per, "0"),
        ],
    );
    Ok(())
}

fn difference(arm: Arm, count: fn(Arm, u32) -> Result<u64>) -> Result<u64> {
    Ok(count(arm, 2 * TIMES)?.saturating_sub(count(arm, TIMES)?))
}

/// Instructions of the main thread within the repeated function.
fn instructions(arm: Arm, times: u32) -> Result<u64> {
    let out = env::temp_dir().join(format!("bookend-callgrind-{}", std::process::id()));
    let function = match arm {
        Arm::Clocks => "*hot*clocks*",
        Arm::Records => "*hot*records*",
    };
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--error-exitcode=9", &format!("--toggle-collect={function}")])
        .arg(format!("--callgrind-out-file={}", out.display()));
    run_self(valgrind, arm, times).context("callgrind is part of valgrind: install that")?;
    let text = fs::read_to_string(&out)?;
    fs::remove_file(&out)?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let totals = totals.and_then(|totals| totals.split_whitespace().next());
    totals.and_then(|totals| totals.parse().ok()).context("callgrind printed no totals")
}

/// System calls of the main thread.
fn system_calls(arm: Arm, times: u32) -> Result<u64> {
    let out = env::temp_dir().join(format!("bookend-strace-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.arg("-o").arg(&out);
    run_self(strace, arm, times).context("strace counts system calls: install it")?;
    let text = fs::read_to_string(&out)?;
    fs::remove_file(&out)?;
    Ok(text.lines().count() as u64)
}

fn run_self(mut tool: Command, arm: Arm, times: u32) -> Result<()> {
    let arm = arm.to_possible_value().context("every arm has a name")?;
    let status = tool
        .arg(env::current_exe()?)
        .args(["loop", arm.get_name(), &times.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "ended with {status}");
    Ok(())
}
