//! A store that must not be used does not open, and says in one sentence what to do.

use std::{fs, path::Path, time::Duration};

use bookend::{Offset, Partition, Position, TopicPartition};
use bookend_store::sqlite::{
    BindError, OpenError, Options, Store, Table, reset,
    rusqlite::{Connection, Result, Transaction},
};
use tempfile::TempDir;

use crate::{Notes, note, notes, open, position};

struct Numbers;

impl Table for Numbers {
    type Row = i64;

    const NAME: &'static str = "numbers";

    const MIGRATIONS: &'static [&'static str] = &["CREATE TABLE number (number INTEGER)"];

    fn insert(tx: &Transaction<'_>, _: &Position, number: &i64) -> Result<()> {
        tx.execute("INSERT INTO number VALUES (?1)", [number]).map(drop)
    }
}

/// The table as a later version of the program has it: one migration more.
struct NotesLater;

impl Table for NotesLater {
    type Row = String;

    const NAME: &'static str = Notes::NAME;

    const MIGRATIONS: &'static [&'static str] = &[
        Notes::MIGRATIONS[0],
        Notes::MIGRATIONS[1],
        "ALTER TABLE note ADD COLUMN later INTEGER DEFAULT 4",
    ];

    fn insert(tx: &Transaction<'_>, at: &Position, text: &String) -> Result<()> {
        let values = (at.partition.0, at.offset.0, text);
        tx.execute("INSERT INTO note (partition, offset, text) VALUES (?1, ?2, ?3)", values)
            .map(drop)
    }
}

fn refusal<T: Table>(path: &Path) -> OpenError {
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    Store::<T>::open(path, options).unwrap_err()
}

/// Tells whether a text is one line that names what to do.
fn is_clear(error: &impl ToString) -> bool {
    let text = error.to_string();
    !text.contains('\n')
        && ["choose", "close", "run", "upgrade"].iter().any(|verb| text.contains(verb))
}

// Goal: files that are something else are refused and stay as they were.
#[test]
fn foreign_files_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("text.db");
    fs::write(
        &text,
        "not a database, but long enough to have a header of one hundred bytes".repeat(9),
    )
    .unwrap();
    let database = folder.path().join("other.db");
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    for path in [text, database] {
        let before = fs::read(&path).unwrap();
        let refused = [refusal::<Notes>(&path), reset(&path).unwrap_err()];
        for error in refused {
            assert!(matches!(error, OpenError::NotOurs { .. }) && is_clear(&error), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

// Goal: another table and newer versions, of ours and of the table, are refused; a newer program brings an older
// store up to date with its rows and its progress.
#[tokio::test]
async fn versions_go_forward_only() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    store.apply(vec![note(0, 0, None)]).await.unwrap();
    store.close().await;
    let error = refusal::<Numbers>(&path);
    assert!(matches!(error, OpenError::OtherTable { .. }) && is_clear(&error), "{error:?}");

    let store = Store::<NotesLater>::open(&path, Options::default()).unwrap();
    let again = store.apply(vec![note(0, 0, None), note(0, 1, None)]).await.unwrap();
    assert_eq!((again.stored, again.seen), (1, 1));
    let later = "SELECT sum(later) FROM note";
    assert_eq!(store.read(|tx| tx.query_row(later, (), |row| row.get(0))).await.ok(), Some(8));
    store.close().await;
    let error = refusal::<Notes>(&path);
    assert!(
        matches!(error, OpenError::Newer { found: 3, known: 2, .. }) && is_clear(&error),
        "{error:?}"
    );

    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = refusal::<NotesLater>(&path);
    assert!(matches!(error, OpenError::Newer { found: 99, .. }) && is_clear(&error), "{error:?}");
}

// Goal: a folder that cannot be and a database that another program holds are told apart.
#[test]
fn a_folder_or_database_out_of_reach_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal::<Notes>(&file.join("store.db"));
    assert!(matches!(error, OpenError::ReadOnly { .. }) && is_clear(&error), "{error:?}");

    let path = folder.path().join("store.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal::<Notes>(&path);
    assert!(matches!(error, OpenError::Busy { .. }) && is_clear(&error), "{error:?}");
}

// Goal: a store is filled from one cluster only, and from no topic that is shorter than what was applied; a reset
// makes it empty and free.
#[tokio::test]
async fn a_store_is_bound_to_one_incarnation() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    store.bind("first").await.unwrap();
    let id = store.id().await.unwrap();
    assert_eq!(id.len(), 16, "{id}");
    store.apply(vec![note(0, 0, None), note(0, 7, None)]).await.unwrap();
    store.close().await;

    let store = open(&path);
    assert_eq!(store.id().await.unwrap(), id);
    store.bind("first").await.unwrap();
    let error = store.bind("second").await.unwrap_err();
    assert!(error.to_string().contains("`bookend store reset`") && is_clear(&error), "{error}");
    match error {
        BindError::OtherIncarnation { stored, found } => {
            assert_eq!((&*stored, &*found), ("first", "second"));
        }
        error => panic!("{error:?}"),
    }
    let topic = position(0, 0, None).topic;
    let ends = |end| {
        let partition = |number| TopicPartition::new(topic.clone(), Partition(number));
        [(partition(1), Offset(0)), (partition(0), Offset(end))]
    };
    store.check_ends(&ends(8)).await.unwrap();
    let error = store.check_ends(&ends(7)).await.unwrap_err();
    assert!(
        matches!(error, BindError::BeyondEnd { stored: Offset(8), end: Offset(7), .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("`bookend store reset`"), "{error}");
    store.close().await;

    reset(&path).unwrap();
    reset(&path).unwrap();
    let store = open(&path);
    assert_ne!(store.id().await.unwrap(), id, "a reset makes another store");
    store.bind("second").await.unwrap();
    assert_eq!((notes(&store).await, store.positions().await.unwrap()), (vec![], vec![]));
    assert_eq!(store.apply(vec![note(0, 0, None)]).await.unwrap().stored, 1);
    store.close().await;
}
