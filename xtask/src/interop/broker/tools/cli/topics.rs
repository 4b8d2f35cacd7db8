//! `bookend topics`.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Case, Console};

pub(super) const CASES: [Case; 4] = [
    Case {
        tools: "topics create, list, describe",
        does: "a topic of 3 partitions is listed and described, its setting too; a second time it is refused",
        check: create,
    },
    Case {
        tools: "topics list, describe",
        does: "100 records are counted, and where they begin after 60 were deleted",
        check: count,
    },
    Case {
        tools: "topics create",
        does: "a setting that is nonsense and a second replica are refused, with the reason",
        check: refuse,
    },
    Case {
        tools: "topics delete",
        does: "a topic is gone from the list; where one name of two is wrong, both stay",
        check: delete,
    },
];

/// The row of a topic in the list.
fn listed(console: &Console<'_>, topic: &str) -> anyhow::Result<Option<Value>> {
    let list = console.json(&["topics", "list"])?;
    let mut rows = list.as_array().context("a list is an array")?.iter();
    Ok(rows.find(|row| row["topic"] == topic).cloned())
}

fn create(console: &Console<'_>) -> anyhow::Result<()> {
    let create =
        ["topics", "create", "cli-made", "--partitions", "3", "--config", "retention.ms=60000"];
    let said = console.bookend(&create)?;
    ensure!(said == "created cli-made\n", "{said}");
    let row = listed(console, "cli-made")?;
    let expected = json!({ "topic": "cli-made", "partitions": 3, "replicas": 1, "records": 0, "internal": false });
    ensure!(row.as_ref() == Some(&expected), "{row:?}");
    let topic = console.json(&["topics", "describe", "cli-made"])?;
    ensure!(topic["settings"] == json!({ "retention.ms": "60000" }), "{topic}");
    let partition = |number: u32| json!({ "partition": number, "leader": 1, "replicas": [1], "in_sync": [1], "start": 0, "end": 0 });
    let partitions: Vec<_> = (0..3).map(partition).collect();
    ensure!(topic["partitions"] == Value::from(partitions), "{topic}");
    let said = console.bookend_refused(&create)?;
    ensure!(said.contains("creating topic `cli-made`: refused"), "{said}");
    Ok(())
}

fn count(console: &Console<'_>) -> anyhow::Result<()> {
    console.fill("cli-counted", 100)?;
    let row = listed(console, "cli-counted")?.context("it is not listed")?;
    ensure!(row["records"] == 100, "{row}");
    let text =
        r#"{"partitions": [{"topic": "cli-counted", "partition": 0, "offset": 60}], "version": 1}"#;
    let path = console.file("cli-delete.json", text)?;
    console.run("delete-records", &["--offset-json-file", &path])?;
    let topic = console.json(&["topics", "describe", "cli-counted"])?;
    let partition = &topic["partitions"][0];
    ensure!(partition["start"] == 60 && partition["end"] == 100, "{topic}");
    let row = listed(console, "cli-counted")?.context("it is not listed")?;
    ensure!(row["records"] == 40, "{row}");
    Ok(())
}

fn refuse(console: &Console<'_>) -> anyhow::Result<()> {
    for (options, reason) in [
        (["--config", "retention.ms=soon"], "configuration is invalid"),
        (["--config", "no.such=1"], "configuration is invalid"),
        (["--replication", "2"], "there is 1 broker"),
    ] {
        let create = [&["topics", "create", "cli-refused"], &options[..]].concat();
        let said = console.bookend_refused(&create)?;
        ensure!(said.contains(reason), "not {reason}: {said}");
    }
    ensure!(listed(console, "cli-refused")?.is_none(), "it is there all the same");
    Ok(())
}

fn delete(console: &Console<'_>) -> anyhow::Result<()> {
    console.bookend(&["topics", "create", "cli-gone"])?;
    let wrong = ["topics", "delete", "cli-gone", "cli-never-there", "--yes"];
    let said = console.bookend_refused(&wrong)?;
    ensure!(said.contains("no topic `cli-never-there`"), "{said}");
    ensure!(listed(console, "cli-gone")?.is_some(), "one of two was deleted");
    let said = console.bookend(&["topics", "delete", "cli-gone", "--yes"])?;
    ensure!(said == "deleted cli-gone\n", "{said}");
    ensure!(listed(console, "cli-gone")?.is_none(), "it is still there");
    Ok(())
}
