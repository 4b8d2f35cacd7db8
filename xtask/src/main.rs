//! What CI runs, and the rules that rustc cannot check: `cargo xtask ci`, `cargo xtask tidy`; and
//! what needs real peers: `cargo xtask interop`; and what takes its time: `cargo xtask fuzz`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool that people run: its output is its work"
)]

mod ci;
mod tidy;
mod interop;
mod fuzz;

use std::{env, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};

const USAGE: &str = "usage: cargo xtask ci [--skip STEP]… | cargo xtask tidy | cargo xtask interop PEER | cargo xtask fuzz [TARGET]…";

fn main() -> ExitCode {
    // What fails here is said in one line; a backtrace of this tool would hide it.
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask lies in the workspace")?;
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["ci", ref options @ ..] => ci::run(root, &ci::skipped(options)?),
        ["tidy"] => tidy::run(root),
        ["interop", ref arguments @ ..] => interop::run(root, arguments),
        ["fuzz", ref arguments @ ..] => fuzz::run(root, arguments),
        _ => bail!(USAGE),
    }
}
