//! Apache Kafka's console tools, and our own command line, on both brokers: each case does something by them and looks
//! whether it came true.

mod console;
mod said;
mod topics;
mod records;
mod groups;
mod cli;

use std::time::Instant;

use anyhow::Context as _;

use self::console::Console;
use super::Brokers;
use crate::interop::peers;

/// How much is shown of what a failed tool says, in characters.
const WORDS_MAX: usize = 400;

/// Something done by a tool, or by several.
#[derive(Clone, Copy)]
struct Case {
    tools: &'static str,
    does: &'static str,
    check: fn(&Console<'_>) -> anyhow::Result<()>,
}

/// How a case went.
#[derive(Debug)]
pub(super) struct Ended {
    tools: &'static str,
    does: &'static str,
    reference: Verdict,
    ours: Verdict,
}

/// What is wrong, if anything.
type Verdict = Result<(), String>;

/// What Apache Kafka's own tools do.
pub(super) fn console(brokers: &Brokers<'_>) -> anyhow::Result<Vec<Ended>> {
    run(brokers, "console tools", &[&topics::CASES[..], &records::CASES, &groups::CASES].concat())
}

/// What `bookend topics`, `groups` and `tail` do.
pub(super) fn command_line(brokers: &Brokers<'_>) -> anyhow::Result<Vec<Ended>> {
    run(brokers, "our command line", &cli::cases())
}

/// Every case on Apache Kafka, then on ours.
fn run(brokers: &Brokers<'_>, what: &str, cases: &[Case]) -> anyhow::Result<Vec<Ended>> {
    let ask = |name: &str, address: &str| -> anyhow::Result<Vec<Verdict>> {
        println!("── {what} on {name}");
        let folder = brokers.folder.join(name.replace(' ', "-"));
        std::fs::create_dir_all(&folder).context("a folder for what tools read")?;
        let script = peers::script(brokers.peers);
        let console =
            Console { script: &script, bookend: brokers.bookend, folder: &folder, address };
        Ok(cases.iter().map(|case| case.run(&console)).collect())
    };
    let reference = ask("Apache Kafka", &brokers.reference)?;
    let ours = ask("bookend broker", &brokers.ours)?;
    let verdicts = reference.into_iter().zip(ours);
    let ended = cases.iter().zip(verdicts).map(|(case, (reference, ours))| Ended {
        tools: case.tools,
        does: case.does,
        reference,
        ours,
    });
    Ok(ended.collect())
}

impl Case {
    fn run(&self, console: &Console<'_>) -> Verdict {
        let began = Instant::now();
        let verdict = (self.check)(console).map_err(|error| short(&format!("{error:#}")));
        let seconds = began.elapsed().as_secs_f64();
        println!("{} {seconds:>5.1} s  {}: {}", mark(&verdict), self.tools, self.does);
        verdict
    }
}

/// Tools say much, above all where they were when something failed.
fn short(words: &str) -> String {
    let words: Vec<_> = words.split_whitespace().collect();
    words.join(" ").chars().take(WORDS_MAX).collect()
}

fn mark(verdict: &Verdict) -> &'static str {
    if verdict.is_ok() { "✓" } else { "✗" }
}

/// What each tool did, and whether it came true; `kind` is what tools are called here.
pub(super) fn table(kind: &str, results: &[Ended], kafka: &str) -> String {
    let head =
        format!("| {kind} | what is done | bookend | Apache Kafka {kafka} |\n|---|---|---|---|\n");
    let rows = results.iter().map(|Ended { tools, does, reference, ours }| {
        format!("| {tools} | {does} | {} | {} |\n", mark(ours), mark(reference))
    });
    std::iter::once(head).chain(rows).collect()
}

/// What failed, a line each; a case that fails on Apache Kafka is wrong itself.
pub(super) fn differences(results: &[Ended]) -> Vec<String> {
    let failed = |ended: &Ended| {
        let [ours, theirs] = [("bookend", &ended.ours), ("Apache Kafka", &ended.reference)];
        let lines = [ours, theirs].into_iter().filter_map(|(name, verdict)| {
            let why = verdict.as_ref().err()?;
            Some(format!("{} ({}) on {name}: {why}", ended.tools, ended.does))
        });
        lines.collect::<Vec<_>>()
    };
    results.iter().flat_map(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ours: Verdict, reference: Verdict) -> Ended {
        Ended { tools: "topics", does: "creates", reference, ours }
    }

    #[test]
    fn long_words_become_one_line() {
        assert_eq!(short("a\n\tb  c\n"), "a b c");
        assert_eq!(short(&"é".repeat(1_000)).chars().count(), WORDS_MAX);
    }

    // Goal: what fails is seen in the table and reported with its cause, on whichever broker it was.
    #[test]
    fn what_fails_is_reported() {
        let good = [ended(Ok(()), Ok(()))];
        assert_eq!(differences(&good), [""; 0]);
        assert!(table("tool", &good, "4.3").ends_with("| topics | creates | ✓ | ✓ |\n"));
        let bad = [ended(Err("no".to_owned()), Ok(())), ended(Ok(()), Err("neither".to_owned()))];
        assert!(table("tool", &bad, "4.3").ends_with("| ✗ | ✓ |\n| topics | creates | ✓ | ✗ |\n"));
        assert_eq!(
            differences(&bad),
            ["topics (creates) on bookend: no", "topics (creates) on Apache Kafka: neither"]
        );
    }
}
