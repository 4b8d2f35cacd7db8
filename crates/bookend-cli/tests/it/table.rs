//! Looks into the store of a stopped or running process, and at the ends of the topics it was filled from.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use rusqlite::{Connection, OpenFlags};

pub(crate) const TOPICS: [&str; 3] = ["FIRST_TOPIC", "SECOND_TOPIC", "TXT_ELAPSED"];
const PARTITIONS: i32 = 3;

/// One number per topic and partition; those with none are left out.
pub(crate) type PerPartition = BTreeMap<(String, i32), i64>;

fn open(folder: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store =
        Connection::open_with_flags(folder.join("store.db"), flags).expect("there is a store");
    store.busy_timeout(Duration::from_secs(5)).expect("a plain setting");
    store
}

/// Rows per partition.
pub(crate) fn rows(folder: &Path) -> PerPartition {
    let store = open(folder);
    let mut query = store
        .prepare("SELECT topic, partition, count(*) FROM message GROUP BY topic, partition")
        .expect("the schema is documented");
    let rows = query.query_map((), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
    rows.expect("it can be read").collect::<Result<_, _>>().expect("it can be read")
}

/// How many rows, distinct positions and distinct message ids there are.
pub(crate) fn distinct(folder: &Path) -> (i64, i64, i64) {
    let sql = "SELECT count(*), count(DISTINCT topic || '/' || partition || '/' || offset), count(DISTINCT id)
               FROM message";
    let one = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    open(folder).query_row(sql, (), one).expect("the schema is documented")
}

/// Where each partition ends.
pub(crate) fn ends(broker: &str) -> PerPartition {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .create()
        .expect("librdkafka takes the settings");
    let mut ends = PerPartition::new();
    for topic in TOPICS {
        for partition in 0..PARTITIONS {
            let (_, end) = consumer
                .fetch_watermarks(topic, partition, Duration::from_secs(20))
                .expect("the broker answers");
            if end > 0 {
                ends.insert((topic.to_owned(), partition), end);
            }
        }
    }
    ends
}
