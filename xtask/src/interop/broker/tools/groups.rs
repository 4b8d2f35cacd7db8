//! The tool that looks after consumer groups.

use anyhow::{Context as _, ensure};

use super::{
    Case,
    console::{Console, values},
    said,
};

pub(super) const CASES: [Case; 5] = [
    Case {
        tools: "console-consumer",
        does: "one reads 60 of 100 in a group, the next reads the other 40",
        check: resume,
    },
    Case {
        tools: "consumer-groups",
        does: "lists a group, describes its lag of 40, its state and its members",
        check: describe,
    },
    Case {
        tools: "consumer-groups",
        does: "resets its offsets to the earliest: a lag of 100",
        check: reset,
    },
    Case {
        tools: "consumer-groups",
        does: "deletes its offsets of a topic",
        check: delete_offsets,
    },
    Case {
        tools: "consumer-groups",
        does: "deletes a group, which is then gone from the list; an unknown one is refused",
        check: delete,
    },
];

/// Reads `most` records of a group, and commits.
fn read(console: &Console<'_>, group: &str, most: &str) -> anyhow::Result<String> {
    let options = ["--topic", group, "--group", group, "--from-beginning", "--max-messages", most];
    console.run("console-consumer", &[&options[..], &["--timeout-ms", "30000"]].concat())
}

/// A topic of 100 records, and a group of the same name that has read 60.
fn group(console: &Console<'_>, name: &str) -> anyhow::Result<()> {
    console.fill(name, 100)?;
    read(console, name, "60")?;
    Ok(())
}

fn lag(console: &Console<'_>, group: &str) -> anyhow::Result<u64> {
    let said = console.run("consumer-groups", &["--describe", "--group", group])?;
    said::lag(&said, group).with_context(|| format!("no lag: {said}"))
}

fn resume(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("resumed", 100)?;
    let first = read(console, "resumed", "60")?;
    let second = read(console, "resumed", "40")?;
    ensure!(first + &second == values(100), "not what was sent, or not in order");
    Ok(())
}

fn describe(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "described")?;
    let said = console.run("consumer-groups", &["--list"])?;
    ensure!(said::has_line(&said, "described"), "not listed: {said}");
    let lag = lag(console, "described")?;
    ensure!(lag == 40, "the lag is {lag}");
    let describe = ["--describe", "--group", "described"];
    let state = console.run("consumer-groups", &[&describe[..], &["--state"]].concat())?;
    ensure!(state.contains(" Empty "), "{state}");
    let members = console.run("consumer-groups", &[&describe[..], &["--members"]].concat())?;
    ensure!(!members.contains("console-consumer"), "{members}");
    Ok(())
}

fn reset(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "reset")?;
    let options = ["--reset-offsets", "--to-earliest", "--group", "reset", "--topic", "reset"];
    let said = console.run("consumer-groups", &[&options[..], &["--execute"]].concat())?;
    ensure!(said.lines().any(|line| line.starts_with("reset ")), "{said}");
    let lag = lag(console, "reset")?;
    ensure!(lag == 100, "the lag is {lag}");
    Ok(())
}

fn delete_offsets(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "forgotten")?;
    let options = ["--delete-offsets", "--group", "forgotten", "--topic", "forgotten"];
    let said = console.run("consumer-groups", &options)?;
    ensure!(said.contains("Successful"), "{said}");
    ensure!(lag(console, "forgotten").is_err(), "the offsets are still there");
    Ok(())
}

fn delete(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "dissolved")?;
    let options = ["--delete", "--group", "dissolved"];
    let said = console.run("consumer-groups", &options)?;
    ensure!(said.contains("was successful"), "{said}");
    let said = console.run("consumer-groups", &["--list"])?;
    ensure!(!said::has_line(&said, "dissolved"), "still there: {said}");
    // It ends well even then, and only says so.
    let again = console.run("consumer-groups", &options)?;
    ensure!(again.contains("could not be deleted"), "it was deleted twice: {again}");
    Ok(())
}
