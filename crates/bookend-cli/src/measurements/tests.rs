//! The table and its view through a real store.

use bookend::{MessageId, Offset, Partition, Position, Timestamp, TopicName, record::LaneId};
use bookend_store::sqlite::{Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Measurement, Measurements, TopicRows, View, view};

/// A minute's start, so that what is asked at `NOW` ends with a complete step.
const NOW: i64 = 1_732_300_020_000;

fn open(folder: &TempDir) -> Store<Measurements> {
    Store::open(folder.path().join("store.db"), Options::default()).unwrap()
}

fn message(topic: &str, offset: i64, at_ms: i64, response_time: u64) -> (Position, Measurement) {
    let position = Position {
        topic: TopicName::new(topic).unwrap(),
        partition: Partition(0),
        offset: Offset(offset),
        id: Some(MessageId {
            lane: LaneId([topic.as_bytes()[0]; 12]),
            sequence: offset.cast_unsigned(),
        }),
    };
    let at = Some(Timestamp(at_ms));
    (position, Measurement::new(17, response_time, at, Timestamp(NOW)))
}

async fn view(store: &Store<Measurements>, now_ms: i64) -> Value {
    serde_json::to_value(store.read(move |tx| View::read(tx, now_ms)).await.unwrap()).unwrap()
}

// Goal: the JSON the page is written against, name by name; sums equal the rows, also after redelivery and over
// several transactions.
#[tokio::test]
async fn the_view_is_what_the_page_reads() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let first = vec![
        message("B", 0, NOW - 1_000, 600),
        message("B", 1, NOW - 1, 620),
        message("A", 0, NOW - 120_000, 30),
        message("A", 1, NOW - 120_001, 31),
    ];
    assert_eq!(store.apply(first.clone()).await.unwrap().stored, 4);
    assert_eq!(store.apply(first).await.unwrap().seen, 4);
    store.apply(vec![message("B", 2, NOW + 86_400_000, 9)]).await.unwrap();
    store.apply(vec![message("B", 3, NOW - 1, 620)]).await.unwrap();

    let view = view(&store, NOW).await;
    assert_eq!(view["now"], NOW);
    assert_eq!(view["topics"], json!([{"topic": "A", "rows": 2}, {"topic": "B", "rows": 4}]));
    let counts = |at: usize, count: u64| {
        let mut counts = vec![0; 120];
        counts[at] = count;
        counts
    };
    assert_eq!(
        view["rates"],
        json!({"step_ms": 1000, "from": NOW - 120_000, "series": [
            {"topic": "A", "counts": counts(0, 1)},
            {"topic": "B", "counts": counts(119, 3)},
        ]})
    );
    assert_eq!(
        (&view["latency"]["step_ms"], &view["latency"]["from"]),
        (&json!(10_000), &json!(NOW - 600_000))
    );
    assert_eq!(view["latency"]["p50"].as_array().unwrap().len(), 60);
    assert_eq!(
        (&view["latency"]["p50"][46], &view["latency"]["p99"][47]),
        (&Value::Null, &json!(31))
    );
    assert_eq!(
        (&view["latency"]["p50"][48], &view["latency"]["p99"][48]),
        (&json!(30), &json!(30))
    );
    assert_eq!(
        (&view["latency"]["p50"][59], &view["latency"]["p95"][59]),
        (&json!(619), &json!(619))
    );
    assert_eq!(view["scatter"].as_array().unwrap().len(), 6);
    assert_eq!(
        view["scatter"][2],
        json!({"topic": "A", "textLength": 17, "responseTime": 31, "at": NOW - 120_001})
    );
    assert_eq!(
        view["last"][1],
        json!({"topic": "B", "partition": 0, "offset": 2, "at": NOW, "textLength": 17, "responseTime": 9})
    );

    // A moment later the step under way has begun, and is shown.
    let view = self::view(&store, NOW + 1).await;
    assert_eq!(view["latency"]["from"], NOW - 590_000);
    assert_eq!(
        (&view["latency"]["p50"][58], &view["latency"]["p50"][59]),
        (&json!(619), &json!(9))
    );
    store.close().await;
}

#[tokio::test]
async fn an_empty_store_has_a_view() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let view = view(&store, NOW).await;
    assert_eq!(
        (&view["topics"], &view["rates"]["series"], &view["last"]),
        (&json!([]), &json!([]), &json!([]))
    );
    store.close().await;
}

// Goal: what the page asks costs the same however many rows there are: SQLite scans no table but the topics, the
// newest are cut at 500 and 20, and sums older than an hour go. Method: 200,000 rows, and SQLite's own plans.
#[tokio::test]
async fn queries_do_not_grow_with_the_table() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for batch in 0..100 {
        let offsets = batch * 2_000..(batch + 1) * 2_000;
        let at = |offset: i64| NOW - 2 * 3_600_000 + offset * 36;
        let rows =
            offsets.map(|offset| message("A", offset, at(offset), offset.cast_unsigned() % 900));
        store.apply(rows.collect()).await.unwrap();
    }
    let view = view(&store, NOW).await;
    assert_eq!(view["topics"][0]["rows"], 200_000);
    assert_eq!(view["last"].as_array().unwrap().len(), 20);
    assert_eq!(view["scatter"].as_array().unwrap().len(), 500);
    assert_eq!(view["last"][0]["offset"], 199_999);
    assert!(view["latency"]["p50"][59].is_u64());

    store
        .read(|tx| {
            for query in view::QUERIES {
                let mut plan = tx.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
                let arguments = vec![1; plan.parameter_count()];
                let arguments = bookend_store::sqlite::rusqlite::params_from_iter(arguments);
                let steps = plan.query_map(arguments, |row| row.get::<_, String>("detail"))?;
                for step in steps {
                    let step = step?;
                    let scans = step.starts_with("SCAN") && !step.contains("measurement_topic");
                    assert!(
                        !scans && !step.contains("TEMP B-TREE") || query == view::QUERIES[0],
                        "{query}\n{step}"
                    );
                }
            }
            let seconds: i64 = tx.query_row(
                "SELECT max(second) - min(second) FROM measurement_rate",
                (),
                |row| row.get(0),
            )?;
            assert_eq!(seconds, 3_600);
            Ok(())
        })
        .await
        .unwrap();
    store.close().await;
}

// Goal: every query that SCHEMA.md shows runs, and the check for doubles finds none.
#[tokio::test]
async fn the_documented_queries_run() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store.apply(vec![message("A", 0, NOW, 5), message("B", 0, NOW, 6)]).await.unwrap();
    let rows = store.read(TopicRows::read).await.unwrap();
    assert_eq!(rows.iter().map(|topic| topic.rows).collect::<Vec<_>>(), [1, 1]);
    store
        .read(|tx| {
            let queries = include_str!("SCHEMA.md").split("```sql\n").skip(1);
            let mut found = Vec::new();
            for query in queries.map(|rest| rest.split("```").next().unwrap()) {
                let mut statement = tx.prepare(query)?;
                let mut rows = statement.query(())?;
                let mut count = 0;
                while rows.next()?.is_some() {
                    count += 1;
                }
                found.push(count);
            }
            assert_eq!(found, [2, 2, 2, 0, 2, 2, 1]);
            let at: String = tx.query_row("SELECT at FROM message", (), |row| row.get(0))?;
            assert_eq!(at, "2024-11-22 18:27:00.000");
            Ok(())
        })
        .await
        .unwrap();
    store.close().await;
}
