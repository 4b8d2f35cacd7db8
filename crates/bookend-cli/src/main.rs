//! The app: broker, client, server and page in one binary.
//!
//! ```text
//!  feed ──HTTP──▶ client ──▶ Kafka ──▶ server ──▶ page
//!                            broker
//! ```

mod cli;
mod commands;
mod app;
mod feed;
mod look;
mod http;
mod parts;
mod message;
mod measurements;
mod web;
mod ledger;
mod closing;
mod background;
mod signals;
mod limits;
mod logs;
mod exit;
mod texts;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    exit::Ending,
    signals::Stop,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    logs::start();
    limits::raise_open_files();
    exit::of(run(cli.command))
}

async fn run(command: Command) -> anyhow::Result<Ending> {
    let stop = Stop::on_signals(command.has_to_finish())?;
    match command {
        Command::Demo(args) => commands::demo(args, stop).await,
        Command::Up(args) => commands::up(args, stop).await,
        Command::Client(args) => commands::client(args, stop).await,
        Command::Server(args) => commands::server(args, stop).await,
        Command::Broker(args) => commands::broker(args, stop).await,
        Command::Feed(args) => commands::feed(args, stop).await,
        Command::Topics(command) => commands::topics(command, stop).await,
        Command::Groups(command) => commands::groups(command, stop).await,
        Command::Tail(args) => commands::tail(args, stop).await,
        Command::Store(command) => commands::store(&command),
    }
}
