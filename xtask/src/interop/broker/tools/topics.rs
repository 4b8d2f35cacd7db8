//! Tools that look after topics, their settings and the broker.

use anyhow::ensure;

use super::{Case, console::Console, said};

pub(super) const CASES: [Case; 7] = [
    Case {
        tools: "broker-api-versions",
        does: "lists what the broker offers, a version in common each",
        check: versions,
    },
    Case {
        tools: "topics",
        does: "creates a topic of 3 partitions, lists and describes it; a second time it is refused",
        check: create,
    },
    Case { tools: "topics", does: "makes 3 partitions 5; fewer are refused", check: alter },
    Case {
        tools: "topics",
        does: "deletes a topic, which is then gone from the list",
        check: delete,
    },
    Case {
        tools: "configs",
        does: "sets a topic's `retention.ms`, shows it, takes it back; nonsense is refused",
        check: configs,
    },
    Case { tools: "configs", does: "shows the broker's settings", check: broker },
    Case { tools: "log-dirs", does: "tells the bytes of a topic with records", check: log_dirs },
];

fn versions(console: &Console<'_>) -> anyhow::Result<()> {
    let said = console.run("broker-api-versions", &[])?;
    for api in ["Produce(0)", "Fetch(1)", "JoinGroup(11)"] {
        let offered = said.lines().any(|line| line.contains(api) && line.contains("[usable: "));
        ensure!(offered, "{api} is not usable: {said}");
    }
    Ok(())
}

fn describe(console: &Console<'_>, topic: &str) -> anyhow::Result<String> {
    console.run("topics", &["--describe", "--topic", topic])
}

fn create(console: &Console<'_>) -> anyhow::Result<()> {
    let create =
        ["--create", "--topic", "made", "--partitions", "3", "--config", "retention.ms=60000"];
    let said = console.run("topics", &create)?;
    ensure!(said::has_line(&said, "Created topic made."), "{said}");
    let said = console.run("topics", &["--list"])?;
    ensure!(said::has_line(&said, "made"), "not listed: {said}");
    let said = describe(console, "made")?;
    for words in ["PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=60000"] {
        ensure!(said.contains(words), "no {words}: {said}");
    }
    ensure!(said.matches("Leader: 1").count() == 3, "no leader each: {said}");
    let said = console.refused("topics", &create)?;
    ensure!(said.contains("already exists"), "{said}");
    Ok(())
}

fn alter(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("grown", "3")?;
    let to = |partitions| ["--alter", "--topic", "grown", "--partitions", partitions];
    console.run("topics", &to("5"))?;
    let said = describe(console, "grown")?;
    ensure!(said.contains("PartitionCount: 5"), "{said}");
    console.refused("topics", &to("4"))?;
    Ok(())
}

fn delete(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("short-lived", "1")?;
    console.run("topics", &["--delete", "--topic", "short-lived"])?;
    let said = console.run("topics", &["--list"])?;
    ensure!(!said::has_line(&said, "short-lived"), "still there: {said}");
    Ok(())
}

fn configs(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("set", "1")?;
    let alter = |how, what| {
        let topic = ["--alter", "--entity-type", "topics", "--entity-name", "set", how, what];
        console.run("configs", &topic)
    };
    let shown = || {
        let topic = ["--describe", "--entity-type", "topics", "--entity-name", "set"];
        console.run("configs", &topic)
    };
    alter("--add-config", "retention.ms=70000,max.message.bytes=2000000")?;
    let said = shown()?;
    ensure!(said.contains("retention.ms=70000"), "not set: {said}");
    alter("--delete-config", "retention.ms")?;
    let said = shown()?;
    ensure!(!said.contains("retention.ms=70000"), "still set: {said}");
    ensure!(said.contains("max.message.bytes=2000000"), "the other one is gone: {said}");
    ensure!(alter("--add-config", "retention.ms=soon").is_err(), "`soon` was taken for a number");
    ensure!(alter("--add-config", "no.such=1").is_err(), "`no.such` was taken for a setting");
    Ok(())
}

fn broker(console: &Console<'_>) -> anyhow::Result<()> {
    let all = ["--describe", "--entity-type", "brokers", "--entity-name", "1", "--all"];
    let said = console.run("configs", &all)?;
    ensure!(said.contains("All configs for broker 1 are:"), "{said}");
    ensure!(said.lines().any(|line| line.contains("synonyms=")), "no setting: {said}");
    Ok(())
}

fn log_dirs(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("weighed", 100)?;
    let said = console.run("log-dirs", &["--describe", "--topic-list", "weighed"])?;
    let partition = said.split_once("\"partition\":\"weighed-0\"");
    let size = partition.and_then(|(_, rest)| rest.split_once("\"size\":"));
    let digits = size.map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit));
    let size = digits.and_then(|digits| digits.collect::<String>().parse::<u64>().ok());
    // The values alone have 890 bytes.
    ensure!(size.is_some_and(|size| size > 890), "{said}");
    Ok(())
}
