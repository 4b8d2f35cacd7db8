//! Lines of those who look, read and refused.

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
}

#[test]
fn a_place_may_begin_with_a_hyphen() {
    let Ok(Command::Tail(args)) = parse("bookend tail A --from -5 -n 2 --partition 0,2") else {
        panic!("does not parse")
    };
    assert_eq!((args.from, args.count), (Seek::Last(5), Some(2)));
    assert_eq!(args.partition, [Partition(0), Partition(2)]);
}

#[test]
fn a_reset_only_shows_unless_told() {
    for (more, executes) in [("", false), (" --dry-run", false), (" --execute", true)] {
        let line = format!("bookend groups reset g --topic A:1,B --to -3{more}");
        let Ok(Command::Groups(GroupsCommand::Reset(args))) = parse(&line) else {
            panic!("{line}")
        };
        assert_eq!((args.execute, args.topic.len()), (executes, 2), "{line}");
    }
}

#[test]
fn wrong_lines_are_refused() {
    for line in [
        "bookend topics",
        "bookend topics create",
        "bookend topics create A --partitions 0",
        "bookend topics describe a/b",
        "bookend topics delete",
        "bookend groups delete",
        "bookend groups describe ",
        "bookend groups reset g --to earliest",
        "bookend groups reset g --topic A",
        "bookend groups reset g --topic A --to earliest --dry-run --execute",
        "bookend groups reset g --topic A --to soon",
        "bookend tail",
        "bookend tail A --from now",
        "bookend tail A -n 0",
        "bookend tail A --partition -1",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
