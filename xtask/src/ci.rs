//! The gate: tests, format, lints, documentation, tidy; one after the other, each with its time.
//!
//! A failed step does not stop the others, so that one run tells all. Every step takes the same profile and features:
//! what cargo can share between them, it shares.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::tidy;

struct Step {
    name: &'static str,
    run: Run,
}

enum Run {
    /// Arguments of cargo, and variables of its environment.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    Tidy,
}

const STEPS: [Step; 7] = [
    Step { name: "test", run: Run::Cargo(&["test", "--workspace"], &[]) },
    Step { name: "fmt", run: Run::Cargo(&["fmt", "--all", "--", "--check"], &[]) },
    Step {
        // A workspace of its own.
        name: "fmt-fuzz",
        run: Run::Cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--", "--check"], &[]),
    },
    Step {
        // Checked only: `cargo xtask fuzz` builds the targets, with what libFuzzer needs.
        name: "check-fuzz",
        run: Run::Cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"], &[]),
    },
    Step {
        name: "clippy",
        run: Run::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    },
    Step {
        // Only libraries: the app and its library have one name, and their pages would overwrite each other.
        name: "doc",
        run: Run::Cargo(
            &["doc", "--workspace", "--no-deps", "--lib"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    },
    Step { name: "tidy", run: Run::Tidy },
];

/// The steps that `options` skip.
pub(crate) fn skipped<'a>(options: &[&'a str]) -> anyhow::Result<Vec<&'a str>> {
    let mut skipped = Vec::new();
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        if option != "--skip" {
            bail!("`{option}` is no option of `ci`; there is `--skip STEP`");
        }
        let names = STEPS.map(|step| step.name);
        match options.next() {
            Some(name) if names.contains(name) => skipped.push(*name),
            _ => bail!("`--skip` takes one of {}", names.join(", ")),
        }
    }
    Ok(skipped)
}

/// Runs every step that is not skipped, then says how each went.
pub(crate) fn run(root: &Path, skipped: &[&str]) -> anyhow::Result<()> {
    let mut ended = Vec::new();
    for step in STEPS.iter().filter(|step| !skipped.contains(&step.name)) {
        println!("── {}", step.describe());
        let start = Instant::now();
        let result = step.run(root);
        if let Err(error) = &result {
            println!("{error:#}");
        }
        ended.push(Ended { name: step.name, good: result.is_ok(), took: start.elapsed() });
    }
    println!("── summary");
    for Ended { name, good, took } in &ended {
        let verdict = if *good { "ok" } else { "FAILED" };
        println!("{name:>10}  {verdict:<6}  {:>6.1} s", took.as_secs_f64());
    }
    let failed: Vec<_> = ended.iter().filter(|step| !step.good).map(|step| step.name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

struct Ended {
    name: &'static str,
    good: bool,
    took: Duration,
}

impl Step {
    fn describe(&self) -> String {
        match self.run {
            Run::Cargo(arguments, _) => format!("{}: cargo {}", self.name, arguments.join(" ")),
            Run::Tidy => format!("{0}: cargo xtask {0}", self.name),
        }
    }

    fn run(&self, root: &Path) -> anyhow::Result<()> {
        let Run::Cargo(arguments, variables) = self.run else { return tidy::run(root) };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).envs(variables.iter().copied()).current_dir(root);
        let status = command.status().context("cargo could not be started")?;
        if !status.success() {
            bail!("{}: {status}", self.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: a step that does not exist is not skipped silently.
    #[test]
    fn only_steps_can_be_skipped() {
        assert_eq!(skipped(&["--skip", "test", "--skip", "doc"]).unwrap(), ["test", "doc"]);
        for bad in [&["--skip"][..], &["--skip", "tests"], &["test"]] {
            assert!(skipped(bad).is_err(), "{bad:?}");
        }
    }
}
