//! SCHEMA.md is true: its queries run, and find what it says.

use tempfile::TempDir;

use crate::{note, open};

// Method: a store with one hole and one sender; the number of rows each query finds.
#[tokio::test]
async fn the_documented_queries_run() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"));
    store.bind("cluster").await.unwrap();
    store.apply(vec![note(0, 0, Some((0, 0))), note(0, 2, Some((0, 1)))]).await.unwrap();
    let found = store
        .read(|tx| {
            let queries = include_str!("../../SCHEMA.md").split("```sql\n").skip(1);
            let mut found = Vec::new();
            for query in queries.map(|rest| rest.split("```").next().unwrap()) {
                let mut statement = tx.prepare(query)?;
                let rows = statement.query_map((), |row| {
                    row.get::<_, bookend_store::sqlite::rusqlite::types::Value>(0)
                })?;
                found.push(rows.count());
            }
            Ok(found)
        })
        .await
        .unwrap();
    assert_eq!(found, [1, 1, 1, 4]);
    store.close().await;
}
