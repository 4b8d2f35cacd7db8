//! Two processes: one that is killed amid its appends, and one that wants a folder another holds.
//!
//! The child is this test binary, told by an environment variable to play its part.

use std::{
    env,
    io::{self, BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use bookend_log::{FolderLock, Fsync, LockError, Log, Options};

use crate::support::{all, payload};

const FOLDER: &str = "BOOKEND_LOG_TEST_FOLDER";

/// Starts this binary with one test of it, which finds its folder in the environment.
fn child(part: &str, folder: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", part, "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    (child, output)
}

/// The number behind `word` in the child's next line that has it.
fn next(output: &mut impl BufRead, word: &str) -> Option<u64> {
    for line in output.lines() {
        if let Some((_, number)) = line.expect("a line").split_once(word) {
            return number.trim().parse().ok();
        }
    }
    None
}

// The child's part: takes the folder and keeps it until its input ends.
#[test]
fn child_holds_a_folder() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let _held = FolderLock::take(folder).unwrap();
    writeln!(io::stdout(), "held 1").unwrap();
    io::stdin().read_line(&mut String::new()).unwrap();
}

// Goal: a folder that another process holds is refused, and free once that was killed.
#[test]
fn a_folder_is_held_against_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut output) = child("process::child_holds_a_folder", folder.path());
    assert_eq!(next(&mut output, "held "), Some(1));
    assert!(matches!(FolderLock::take(folder.path()), Err(LockError::InUse { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(FolderLock::take(folder.path()).unwrap());
}

// The child's part: appends without end and tells each index once the append returned.
#[test]
fn child_appends_until_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let options = Options { segment_bytes_max: 20_000, fsync: Fsync::Never };
    let (mut log, _) = Log::open(folder, options).unwrap();
    let mut out = io::stdout().lock();
    loop {
        let end = log.end();
        let bytes = usize::try_from(end * 37 % 3_000).unwrap();
        let first = log.append(1, 0, &payload(end, bytes)).unwrap();
        if writeln!(out, "appended {first}").is_err() {
            return; // the parent is gone
        }
    }
}

// Goal: every entry whose append returned before a SIGKILL is there, whole, and nothing else but whole entries.
#[test]
fn a_kill_loses_no_appended_entry() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = 0;
    for round in 0..10 {
        let (mut child, mut output) = child("process::child_appends_until_killed", folder.path());
        for _ in 0..=20 + round * 37 {
            told = next(&mut output, "appended ").expect("the child appends");
        }
        child.kill().unwrap();
        while let Some(index) = next(&mut output, "appended ") {
            told = index;
        }
        child.wait().unwrap();
        let (log, _) = Log::open(folder.path(), Options::default()).unwrap();
        assert!(log.end() > told, "{} {told}", log.end());
        let entries = all(&log);
        assert_eq!(entries.len() as u64, log.end());
        for entry in entries {
            assert_eq!(entry.payload, payload(entry.first, entry.payload.len()));
            assert_eq!(entry.payload.len() as u64, entry.first * 37 % 3_000);
        }
    }
}
