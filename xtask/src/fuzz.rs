//! Builds the fuzz targets with instrumentation and runs them: `cargo xtask fuzz [TARGET]… [--seconds N]`.
//!
//! Stable Rust is enough: what `cargo fuzz` asks of the compiler is passed on to LLVM. The corpus of each target grows
//! in `target/fuzz/corpus` from run to run; what ends a run in a crash is kept in `target/fuzz/crashes`.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

const USAGE: &str = "usage: cargo xtask fuzz [TARGET]… [--seconds N]";
const TARGETS: [&str; 4] = ["request", "batch", "log", "conversation"];
const SECONDS: u32 = 60;

/// Coverage counters at every edge, and the values that comparisons saw: libFuzzer's own requirements.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];
/// A single input that takes longer than this is a finding.
const TIMEOUT_SECONDS: u32 = 10;
/// So is a process that grows beyond this.
const RSS_MIB_MAX: u32 = 2_048;
/// Long inputs are slow and rarely tell more.
const INPUT_BYTES_MAX: u32 = 8_192;

/// What `arguments` ask for.
#[derive(Debug, PartialEq, Eq)]
struct Plan<'a> {
    targets: Vec<&'a str>,
    seconds: u32,
}

impl<'a> Plan<'a> {
    fn of(arguments: &[&'a str]) -> anyhow::Result<Self> {
        let mut plan = Self { targets: Vec::new(), seconds: SECONDS };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--seconds" => {
                    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok());
                    plan.seconds = seconds.context(USAGE)?;
                }
                target if TARGETS.contains(&target) => plan.targets.push(target),
                other => bail!("`{other}` is no target; there are {}", TARGETS.join(", ")),
            }
        }
        if plan.targets.is_empty() {
            plan.targets.extend(TARGETS);
        }
        Ok(plan)
    }
}

/// Builds everything, then runs one target after the other.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let plan = Plan::of(arguments)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("fuzz");
    let programs = build(root, &folder)?;
    println!("{:>12}  {:>9}  {:>9}  {:>7}  {:>7}", "target", "runs", "coverage", "corpus", "MiB");
    let mut crashed = Vec::new();
    for target in plan.targets {
        let end = fuzz(&programs, &folder, target, plan.seconds)?;
        println!("{target:>12}  {}", end.row());
        if let Some(input) = end.crash {
            println!("{target} crashes on {}", input.display());
            println!("replay it with {} {}", programs.join(target).display(), input.display());
            crashed.push(target);
        }
    }
    ensure!(crashed.is_empty(), "crashes: {}", crashed.join(", "));
    Ok(())
}

/// Builds the targets; returns the folder of the programs.
fn build(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let host = host()?;
    let status = Command::new(cargo)
        // With a target of its own, the flags are not those of build scripts and macros.
        .args(["build", "--release", "--bins", "--target", &host, "--manifest-path"])
        .arg(root.join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "the fuzz targets do not build");
    Ok(folder.join(host).join("release"))
}

/// The platform of this machine, as rustc names it.
fn host() -> anyhow::Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("-vV").output().context("rustc could not be started")?;
    let told = String::from_utf8(told.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// How a target's run ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct End {
    runs: String,
    coverage: String,
    corpus: String,
    mib: String,
    crash: Option<PathBuf>,
}

impl End {
    /// Learns from a line of libFuzzer.
    fn read(&mut self, line: &str) {
        let value = |name| {
            let mut words = line.split_whitespace();
            words.by_ref().find(|word| *word == name)?;
            words.next().map(str::to_owned)
        };
        self.coverage = value("cov:").unwrap_or_else(|| self.coverage.clone());
        self.corpus = value("corp:").unwrap_or_else(|| self.corpus.clone());
        if let Some(runs) = value("stat::number_of_executed_units:") {
            self.runs = runs;
        }
        if let Some(mib) = value("stat::peak_rss_mb:") {
            self.mib = mib;
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.crash = Some(path.trim().into());
        }
    }

    fn row(&self) -> String {
        let Self { runs, coverage, corpus, mib, .. } = self;
        format!("{runs:>9}  {coverage:>9}  {corpus:>7}  {mib:>7}")
    }
}

fn fuzz(programs: &Path, folder: &Path, target: &str, seconds: u32) -> anyhow::Result<End> {
    let (corpus, seeds) = (folder.join("corpus").join(target), folder.join("seeds").join(target));
    let crashes = folder.join("crashes").join(target);
    for folder in [&corpus, &seeds, &crashes] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut child = Command::new(programs.join(target))
        .args([&corpus, &seeds])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={TIMEOUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={RSS_MIB_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .arg("-print_final_stats=1")
        .env("BOOKEND_FUZZ_SEEDS", &seeds)
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{target} could not be started"))?;
    let mut end = End::default();
    let mut said = Vec::new();
    let stderr = child.stderr.take().context("it was piped")?;
    for line in BufReader::new(stderr).lines() {
        let line = line.context("a line of libFuzzer")?;
        end.read(&line);
        let is_progress = line.starts_with('#') || line.starts_with("stat::");
        said.extend((!is_progress).then_some(line));
    }
    let status = child.wait().with_context(|| format!("{target} did not end"))?;
    if !status.success() {
        println!("{}", said.join("\n"));
        ensure!(end.crash.is_some(), "{target} ended with {status}");
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_time_can_be_chosen() {
        let all = Plan { targets: TARGETS.to_vec(), seconds: SECONDS };
        assert_eq!(Plan::of(&[]).unwrap(), all);
        let log = Plan { targets: vec!["log"], seconds: 9 };
        assert_eq!(Plan::of(&["log", "--seconds", "9"]).unwrap(), log);
        for bad in [&["logs"][..], &["--seconds"], &["--seconds", "x"]] {
            assert!(Plan::of(bad).is_err(), "{bad:?}");
        }
    }

    // Goal: the table shows what libFuzzer said. Method: lines of a real run.
    #[test]
    fn what_the_fuzzer_says_is_understood() {
        let mut end = End::default();
        for line in [
            "#2048\tpulse  cov: 311 ft: 900 corp: 45/1021b lim: 21 exec/s: 1024 rss: 41Mb",
            "stat::number_of_executed_units: 4096",
            "stat::peak_rss_mb:              57",
            "artifact_prefix='c/'; Test unit written to c/crash-1",
        ] {
            end.read(line);
        }
        assert_eq!(
            end.row().split_whitespace().collect::<Vec<_>>(),
            ["4096", "311", "45/1021b", "57"]
        );
        assert_eq!(end.crash, Some("c/crash-1".into()));
    }
}
