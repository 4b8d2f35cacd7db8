//! `bookend tail`.

use std::io::{BufRead, BufReader, Lines};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    Case, Console,
    console::{Running, values},
};

pub(super) const CASES: [Case; 3] = [
    Case {
        tools: "tail --exit",
        does: "prints what was produced, in order, from the earliest, an offset, the last 5, a time, and so many",
        check: places,
    },
    Case {
        tools: "tail --json",
        does: "prints keys, headers and values as they were sent",
        check: parts,
    },
    Case {
        tools: "tail",
        does: "prints a record that comes while it runs, and ends when the topic is deleted",
        check: follow,
    },
];

/// The values that `tail --json` prints.
fn tailed(console: &Console<'_>, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
    let said = console.bookend(&[&["tail"], arguments, &["--json"]].concat())?;
    said.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn places(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("cli-places", 100)?;
    let all = values(100);
    let all: Vec<_> = all.lines().collect();
    for (options, expected) in [
        (&["--from", "earliest", "--exit"][..], &all[..]),
        (&["--from", "60", "--exit"], &all[60..]),
        (&["--from", "-5", "--exit"], &all[95..]),
        (&["--from", "@0", "--exit"], &all),
        (&["--from", "latest", "--exit"], &[]),
        (&["--from", "10", "-n", "3"], &all[10..13]),
    ] {
        let lines = tailed(console, &[&["cli-places"], options].concat())?;
        let read: Vec<_> = lines.iter().filter_map(|line| line["value"].as_str()).collect();
        ensure!(read == expected, "{options:?}: {read:?}");
    }
    Ok(())
}

fn parts(console: &Console<'_>) -> anyhow::Result<()> {
    console.create("cli-parts", "1")?;
    let parse = ["parse.headers=true", "parse.key=true", "null.marker=NULL"];
    let parse = parse.map(|setting| ["--reader-property", setting]).concat();
    let sent = "a:1,b:é\tkey\t{\"total\": 7}\na:1,a:2\tNULL\tNULL\n";
    console.feed("console-producer", &[&["--topic", "cli-parts"], &parse[..]].concat(), sent)?;
    let lines = tailed(console, &["cli-parts", "--from", "earliest", "--exit"])?;
    let expected = [
        json!({ "key": "key", "headers": [["a", "1"], ["b", "é"]], "value": "{\"total\": 7}" }),
        json!({ "key": null, "headers": [["a", "1"], ["a", "2"]], "value": null }),
    ];
    ensure!(lines.len() == expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(&expected) {
        let is_same = ["key", "headers", "value"].iter().all(|part| line[*part] == expected[*part]);
        ensure!(is_same && line["timestamp"].is_i64(), "{line}");
    }
    Ok(())
}

fn follow(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("cli-followed", 3)?;
    let tail = ["tail", "cli-followed", "--from", "-1", "--json"];
    let mut tail = Running::spawn(&mut console.command(&tail))?;
    let mut lines = BufReader::new(tail.stdout()?).lines();
    // It runs once it has told of what was there before.
    let before = next(&mut lines)?;
    ensure!(before["value"] == "value-2", "{before}");
    console.feed("console-producer", &["--topic", "cli-followed"], "and on\n")?;
    let after = next(&mut lines)?;
    ensure!(after["value"] == "and on" && after["offset"] == 3, "{after}");
    console.run("topics", &["--delete", "--topic", "cli-followed"])?;
    let (status, complained) = tail.ended()?;
    ensure!(status.code() == Some(1), "it ended with {status}: {complained}");
    ensure!(complained.contains("topic `cli-followed` was deleted"), "{complained}");
    Ok(())
}

/// The next line, which is there within the time that a program may take.
fn next(lines: &mut Lines<impl BufRead>) -> anyhow::Result<Value> {
    let line = lines.next().context("it ended too early")??;
    Ok(serde_json::from_str(&line)?)
}
