//! `bookend groups`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Case, Console, console::Running};

pub(super) const CASES: [Case; 5] = [
    Case {
        tools: "groups list, describe",
        does: "a group that has read 60 of 100 is empty and 40 behind",
        check: behind,
    },
    Case {
        tools: "groups list, describe",
        does: "a member is shown with what it reads; when it has left, none is",
        check: members,
    },
    Case {
        tools: "groups reset, delete",
        does: "are refused while the group has a member, who is named",
        check: in_use,
    },
    Case {
        tools: "groups reset",
        does: "shows and moves nothing; with `--execute` it moves, also a group that was never there",
        check: reset,
    },
    Case {
        tools: "groups delete",
        does: "a group is gone from the list; an unknown one is refused",
        check: delete,
    },
];

/// How long a member may take to come or go.
const PATIENCE: Duration = Duration::from_secs(60);

/// The row of a group in the list; null where it is not.
fn listed(console: &Console<'_>, group: &str) -> anyhow::Result<Value> {
    let list = console.json(&["groups", "list"])?;
    let mut rows = list.as_array().context("a list is an array")?.iter();
    Ok(rows.find(|row| row["group"] == group).cloned().unwrap_or_default())
}

/// A topic of 100 records, and a group of the same name that has read 60.
fn group(console: &Console<'_>, name: &str) -> anyhow::Result<()> {
    console.fill(name, 100)?;
    let options = ["--topic", name, "--group", name, "--from-beginning"];
    let bounds = ["--max-messages", "60", "--timeout-ms", "30000"];
    console.run("console-consumer", &[&options[..], &bounds].concat())?;
    Ok(())
}

/// A member of a group, which reads the topic of its name; dropped, it is ended.
fn member(console: &Console<'_>, group: &str) -> anyhow::Result<Running> {
    let options = ["--topic", group, "--group", group, "--from-beginning"];
    let member = Running::spawn(&mut console.tool("console-consumer", &options))?;
    wait(console, group, "stable", 1)?;
    Ok(member)
}

/// Waits until the list shows a group so.
fn wait(console: &Console<'_>, group: &str, state: &str, members: usize) -> anyhow::Result<Value> {
    let began = Instant::now();
    loop {
        let row = listed(console, group)?;
        if row["state"] == state && row["members"] == members {
            return Ok(row);
        }
        ensure!(began.elapsed() < PATIENCE, "not {state} with {members} members: {row}");
    }
}

fn behind(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "cli-behind")?;
    let row = wait(console, "cli-behind", "empty", 0)?;
    ensure!(row["lag"] == 40 && row["uncommitted"] == 0, "{row}");
    let group = console.json(&["groups", "describe", "cli-behind"])?;
    let partition = json!({ "topic": "cli-behind", "partition": 0, "committed": 60, "end": 100, "lag": 40, "member": null });
    ensure!(group["partitions"] == json!([partition]) && group["lag"] == 40, "{group}");
    Ok(())
}

fn members(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "cli-joined")?;
    let member = member(console, "cli-joined")?;
    let group = console.json(&["groups", "describe", "cli-joined"])?;
    ensure!(group["members"][0]["client"] == "console-consumer", "{group}");
    ensure!(group["members"][0]["host"] == "127.0.0.1", "{group}");
    ensure!(group["partitions"][0]["member"] == group["members"][0]["member"], "{group}");
    drop(member);
    wait(console, "cli-joined", "empty", 0)?;
    let group = console.json(&["groups", "describe", "cli-joined"])?;
    ensure!(group["members"] == json!([]), "{group}");
    Ok(())
}

fn in_use(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "cli-in-use")?;
    let member = member(console, "cli-in-use")?;
    let reset = ["groups", "reset", "cli-in-use", "--topic", "cli-in-use", "--to", "earliest"];
    let said = console.bookend_refused(&[&reset[..], &["--execute"]].concat())?;
    ensure!(said.contains("has members") && said.contains("console-consumer on "), "{said}");
    let said = console.bookend_refused(&["groups", "delete", "cli-in-use", "--yes"])?;
    ensure!(said.contains("refused, it has members"), "{said}");
    drop(member);
    Ok(())
}

fn reset(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "cli-reset")?;
    wait(console, "cli-reset", "empty", 0)?;
    let lag = |group: &str| anyhow::Ok(listed(console, group)?["lag"].clone());
    let to = |group: &str, place: &str, more: &[&str]| {
        let reset = ["groups", "reset", group, "--topic", "cli-reset", "--to", place];
        console.json(&[&reset[..], more].concat())
    };
    let shown = to("cli-reset", "earliest", &[])?;
    let partition = json!([{ "topic": "cli-reset", "partition": 0, "before": 60, "after": 0 }]);
    ensure!(shown["executed"] == false && shown["partitions"] == partition, "{shown}");
    ensure!(lag("cli-reset")? == 40, "it was moved, not only shown");
    for (group, place, behind) in [
        ("cli-reset", "earliest", 100),
        ("cli-reset", "-7", 7),
        ("cli-reset", "@0", 100),
        ("cli-reset-new", "latest", 0),
    ] {
        let moved = to(group, place, &["--execute"])?;
        ensure!(moved["executed"] == true, "{moved}");
        ensure!(moved["new"] == (group == "cli-reset-new"), "{moved}");
        let lag = lag(group)?;
        ensure!(lag == behind, "{group} at {place} is {lag} behind");
    }
    Ok(())
}

fn delete(console: &Console<'_>) -> anyhow::Result<()> {
    group(console, "cli-dissolved")?;
    wait(console, "cli-dissolved", "empty", 0)?;
    let delete = ["groups", "delete", "cli-dissolved", "--yes"];
    let said = console.bookend(&delete)?;
    ensure!(said == "deleted cli-dissolved\n", "{said}");
    ensure!(listed(console, "cli-dissolved")?.is_null(), "it is still there");
    let said = console.bookend_refused(&delete)?;
    ensure!(said.contains("no group `cli-dissolved`"), "{said}");
    Ok(())
}
