//! The whole definition, and lines of those who run a part, read and refused.

use std::time::Duration;

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
}

// Goal: clap's own check of the whole definition: names, conflicts, defaults.
#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

/// What a call asks for, which no variable may say.
const ASKED: [&str; 19] = [
    "help",
    "version",
    "json",
    "exit",
    "lines",
    "paragraphs",
    "internal",
    "partitions",
    "replication",
    "config",
    "yes",
    "topic",
    "to",
    "dry_run",
    "execute",
    "from",
    "partition",
    "count",
    "full",
];

// Goal: each flag that configures has its variable, and no other has one. Method: walk clap's own tree, so that a
// new flag cannot be forgotten.
#[test]
fn every_flag_that_configures_has_its_variable() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
            let name = argument.get_id().as_str();
            let configures = !ASKED.contains(&name);
            let expected = configures.then(|| format!("BOOKEND_{}", name.to_uppercase()));
            let variable = argument.get_env().and_then(|variable| variable.to_str());
            assert_eq!(variable, expected.as_deref(), "{}: --{name}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn a_demo_that_ends_picks_a_free_port_unless_told() {
    for (line, port) in [
        ("bookend demo", 3000),
        ("bookend demo --exit", 0),
        ("bookend demo --exit --port 3005", 3005),
        ("bookend demo --port 0", 0),
    ] {
        let Ok(Command::Demo(args)) = parse(line) else { panic!("{line}") };
        assert_eq!(args.http().port, port, "{line}");
        assert_eq!(args.broker_port, 0, "{line}");
    }
}

#[test]
fn a_broker_alone_has_one_port() {
    for line in ["bookend broker --port 19092", "bookend broker --broker-port 19092"] {
        let Ok(Command::Broker(args)) = parse(line) else { panic!("{line}") };
        assert_eq!(args.broker_port, 19092, "{line}");
    }
}

#[test]
fn kafka_settings_repeat_and_keep_their_commas() {
    let line = "bookend client --brokers a:1,b:2 --kafka debug=topic,msg --kafka sasl.password=a=b";
    let Ok(Command::Client(args)) = parse(line) else { panic!("does not parse") };
    assert_eq!(args.cluster.brokers, "a:1,b:2");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(args.cluster.kafka, [pair("debug", "topic,msg"), pair("sasl.password", "a=b")]);
}

#[test]
fn batches_default_to_what_the_first_system_did() {
    let Ok(Command::Up(args)) = parse("bookend up") else { panic!("does not parse") };
    let batch = &args.client;
    assert_eq!((batch.batch_records, batch.batch_bytes), (10, 256 * 1024));
    assert_eq!((batch.linger, batch.task_ms), (Duration::from_millis(20), None));
    assert_eq!((args.http().port, args.broker_port), (3000, 9092));
}

// Goal: two parts on one machine do not ask for the same port. Three structs repeat the flag for it: clap keeps a
// default in a static, which all instances of a generic struct would share.
#[test]
fn each_part_has_a_port_of_its_own() {
    let Ok(Command::Client(client)) = parse("bookend client") else { panic!("client") };
    let Ok(Command::Server(server)) = parse("bookend server") else { panic!("server") };
    assert_eq!((client.http().port, server.http().port), (3000, 3001));
}

#[test]
fn wrong_lines_are_refused() {
    for line in [
        "bookend",
        "bookend feed",
        "bookend up --port 65536",
        "bookend up --linger soon",
        "bookend up --batch-records 0",
        "bookend client --kafka novalue",
        "bookend feed - --rate -1",
        "bookend feed - --concurrency 0",
        "bookend feed - --lines --paragraphs",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
