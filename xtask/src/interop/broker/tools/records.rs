//! Tools that send and read records.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};

use super::{
    Case,
    console::{Console, values},
    said,
};

pub(super) const CASES: [Case; 9] = [
    Case {
        tools: "console-producer, console-consumer",
        does: "100 records with keys and headers arrive as they were sent, in order",
        check: lines,
    },
    Case {
        tools: "console-producer, console-consumer",
        does: "gzip, snappy, lz4 and zstd arrive as they were sent",
        check: codecs,
    },
    Case {
        tools: "get-offsets",
        does: "earliest, latest, of a time, and of the latest time",
        check: offsets,
    },
    Case {
        tools: "delete-records",
        does: "the first 60 of 100 are gone; an offset beyond the end is refused",
        check: delete,
    },
    Case {
        tools: "producer-perf-test",
        does: "100,000 records of 100 bytes, `acks=all`",
        check: producer_perf,
    },
    Case { tools: "consumer-perf-test", does: "reads them", check: consumer_perf },
    Case {
        tools: "verifiable-producer",
        does: "1,000 records are acknowledged",
        check: verifiable_producer,
    },
    Case {
        tools: "verifiable-consumer",
        does: "reads them in a group and commits",
        check: verifiable_consumer,
    },
    Case { tools: "e2e-latency", does: "200 records there and back, one by one", check: latency },
];

/// What is in the topic, by a consumer without a group of its own; `more` are its options.
fn read(console: &Console<'_>, topic: &str, most: &str, more: &[&str]) -> anyhow::Result<String> {
    let options =
        ["--topic", topic, "--from-beginning", "--max-messages", most, "--timeout-ms", "30000"];
    console.run("console-consumer", &[&options, more].concat())
}

fn lines(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("lines", "1")?;
    let sent = (0..100).map(|n| format!("a:{n},b:é\tkey-{n}\tvalue-{n}\n"));
    let sent = sent.collect::<Vec<_>>().concat();
    let parse = ["parse.headers=true", "parse.key=true"];
    let parse = parse.map(|setting| ["--reader-property", setting]).concat();
    console.feed("console-producer", &[&["--topic", "lines"], &parse[..]].concat(), &sent)?;
    let print = ["print.headers=true", "print.key=true"];
    let print = print.map(|setting| ["--formatter-property", setting]).concat();
    let arrived = read(console, "lines", "100", &print)?;
    ensure!(arrived == sent, "other lines than were sent: {arrived}");
    Ok(())
}

fn codecs(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("codecs", "1")?;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let options = ["--topic", "codecs", "--compression-codec", codec];
        console.feed("console-producer", &options, &values(50))?;
    }
    let arrived = read(console, "codecs", "200", &[])?;
    ensure!(arrived == values(50).repeat(4), "other lines than were sent: {arrived}");
    Ok(())
}

fn offset(console: &Console<'_>, topic: &str, time: &str) -> anyhow::Result<u64> {
    let said = console.run("get-offsets", &["--topic", topic, "--time", time])?;
    said::offsets(&said, topic).with_context(|| format!("no offset at {time}: {said}"))
}

fn offsets(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("offsets", 100)?;
    ensure!(offset(console, "offsets", "earliest")? == 0, "earliest is not 0");
    ensure!(offset(console, "offsets", "latest")? == 100, "latest is not 100");
    ensure!(offset(console, "offsets", "1")? == 0, "the first after 1970 is not 0");
    // One more, later than the others: its tool alone takes longer than a millisecond to start.
    console.feed("console-producer", &["--topic", "offsets"], &values(1))?;
    let last = offset(console, "offsets", "max-timestamp")?;
    ensure!(last == 100, "the latest is {last}");
    Ok(())
}

fn delete(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("shortened", 100)?;
    let wanted = |offset: u64| {
        let text = format!(
            r#"{{"partitions": [{{"topic": "shortened", "partition": 0, "offset": {offset}}}], "version": 1}}"#
        );
        let path = console.file("delete.json", &text)?;
        console.run("delete-records", &["--offset-json-file", &path])
    };
    let said = wanted(60)?;
    ensure!(said.contains("low_watermark: 60"), "{said}");
    ensure!(offset(console, "shortened", "earliest")? == 60, "earliest is not 60");
    let said = read(console, "shortened", "1", &[])?;
    ensure!(said == "value-60\n", "the first is {said}");
    let said = wanted(101)?;
    ensure!(said.contains("OffsetOutOfRange"), "101 is not out of range: {said}");
    Ok(())
}

fn producer_perf(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("perf", "3")?;
    let options = ["--topic", "perf", "--num-records", "100000", "--record-size", "100"];
    let options = [&options[..], &["--throughput", "-1", "--command-property", "acks=all"]];
    let said = console.run("producer-perf-test", &options.concat())?;
    ensure!(said.contains("100000 records sent"), "{said}");
    ensure!(offset(console, "perf", "latest")? == 100_000, "not as many are there");
    Ok(())
}

fn consumer_perf(console: &Console<'_>) -> anyhow::Result<()> {
    let options = ["--topic", "perf", "--num-records", "100000", "--timeout", "30000"];
    let said = console.run("consumer-perf-test", &options)?;
    let read = said.lines().last().and_then(|line| line.split(", ").nth(4));
    ensure!(read == Some("100000"), "{said}");
    Ok(())
}

fn verifiable_producer(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("verified", "3")?;
    let options = ["--topic", "verified", "--max-messages", "1000", "--acks", "-1"];
    let said = console.run("verifiable-producer", &options)?;
    let totals = said::events(&said, "tool_data");
    let acked = totals.first().context("it gave no totals")?;
    ensure!(acked["acked"] == 1_000, "{acked}");
    let sent = said::events(&said, "producer_send_success");
    let places: BTreeSet<_> =
        sent.iter().map(|it| (it["partition"].as_i64(), it["offset"].as_i64())).collect();
    ensure!(places.len() == 1_000, "two records have one place");
    Ok(())
}

fn verifiable_consumer(console: &Console<'_>) -> anyhow::Result<()> {
    let options = ["--topic", "verified", "--group-id", "verified", "--max-messages", "1000"];
    let said = console.run("verifiable-consumer", &options)?;
    let read = said::events(&said, "records_consumed");
    let count: u64 = read.iter().filter_map(|it| it["count"].as_u64()).sum();
    ensure!(count == 1_000, "read {count}");
    let committed = said::events(&said, "offsets_committed");
    ensure!(!committed.is_empty(), "nothing was committed");
    ensure!(committed.iter().all(|it| it["success"] == true), "a commit failed: {committed:?}");
    Ok(())
}

fn latency(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("there-and-back", "1")?;
    let options = ["--topic", "there-and-back", "--num-records", "200"];
    let options = [&options[..], &["--producer-acks", "all", "--record-size", "100"]];
    let said = console.run("e2e-latency", &options.concat())?;
    ensure!(said.contains("Percentiles: 50th"), "{said}");
    Ok(())
}
