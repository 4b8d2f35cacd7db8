//! `bookend tail`: the records of a topic as they come, without a group, without a commit.

use std::{
    io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write},
    thread,
};

use anyhow::ensure;
use bookend::{
    Message, Offset, Partition, TopicPartition,
    kafka::{Admin, Tailed, TopicInfo},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    termios::tcgetwinsize,
};
use tokio::sync::oneshot;

use super::{
    cluster::{connect, find},
    reset::places,
};
use crate::{
    cli::TailArgs,
    exit::{Ending, say},
    look::{Bounds, Paint, Show, line},
    signals::Stop,
};

/// How wide a terminal is that does not say.
const COLUMNS: usize = 80;

pub(crate) async fn tail(args: TailArgs, stop: Stop) -> anyhow::Result<Ending> {
    tokio::select! {
        ended = follow(args, &stop) => ended,
        () = stop.asked() => Ok(Ending::Exact),
        () = reader_gone() => Ok(Ending::Exact),
    }
}

async fn follow(args: TailArgs, stop: &Stop) -> anyhow::Result<Ending> {
    let (kafka, admin) = connect(&args.cluster).await?;
    let topics = admin.topics().await?;
    let topic = find(&topics, &args.topic)?;
    let partitions = partitions(topic, &args.partition)?;
    let from = places(&admin, &partitions, args.from).await?;
    let ends = if args.exit { Some(ends(&admin, &from).await?) } else { None };
    let mut bounds = Bounds::new(args.count, ends);
    let mut tail = kafka.tail(&topic.name, &numbers(&from))?;
    let mut out = Out::new(args.json, args.full);
    if !args.exit && io::stdout().is_terminal() {
        say(&format!("following {}; Ctrl-C ends it", topic.name));
    }
    // Records that are there leave the task no pause in which to hear of a stop.
    while !bounds.is_done() && !stop.is_asked() {
        let told = match tail.poll() {
            Some(told) => told?,
            None if out.flush()? == Reader::Gone => return Ok(Ending::Exact),
            None => tail.next().await?,
        };
        match told {
            Tailed::End(partition) => bounds.end(partition),
            Tailed::Away => {
                say(&format!("no broker at {} answers; waiting until one does", kafka.brokers()));
            }
            Tailed::Back => say("the brokers are back"),
            Tailed::Message(message) => {
                let is_wanted = bounds.take(message.partition, message.offset);
                if is_wanted && out.record(&message)? == Reader::Gone {
                    return Ok(Ending::Exact);
                }
            }
        }
    }
    out.flush()?;
    Ok(Ending::Exact)
}

/// The partitions that are read: those that were named, or all. One that nobody answers for is left out, and said.
fn partitions(topic: &TopicInfo, named: &[Partition]) -> anyhow::Result<Vec<TopicPartition>> {
    for wanted in named {
        let count = topic.partitions.len();
        ensure!(
            topic.partitions.iter().any(|there| there.partition == *wanted),
            "topic `{}` has no partition {wanted}; it has {count}, from 0",
            topic.name
        );
    }
    let is_wanted = |number: Partition| named.is_empty() || named.contains(&number);
    let led: Vec<_> = topic.led().filter(|at| is_wanted(at.partition)).collect();
    let left_out = topic.partitions.iter().filter(|there| there.leader.is_none());
    for number in left_out.map(|there| there.partition).filter(|number| is_wanted(*number)) {
        say(&format!("nobody answers for {}/{number} at the moment; it is left out", topic.name));
    }
    ensure!(!led.is_empty(), "nobody answers for topic `{}` at the moment; try again", topic.name);
    Ok(led)
}

/// For each partition where it is read from, and where it ends now.
async fn ends(
    admin: &Admin,
    from: &[(TopicPartition, Offset)],
) -> anyhow::Result<Vec<(Partition, Offset, Offset)>> {
    let partitions: Vec<_> = from.iter().map(|(at, _)| at.clone()).collect();
    let ranges = admin.ranges(&partitions).await?;
    let end = |at: &TopicPartition, from: Offset| ranges.get(at).map_or(from, |range| range.end);
    Ok(from.iter().map(|(at, from)| (at.partition, *from, end(at, *from))).collect())
}

fn numbers(from: &[(TopicPartition, Offset)]) -> Vec<(Partition, Offset)> {
    from.iter().map(|(at, offset)| (at.partition, *offset)).collect()
}

/// Whether anybody reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    /// The other end of the pipe is closed, as `head` does when it has enough: no failure.
    Gone,
}

/// Stdout, many records to a write while they come fast.
#[derive(Debug)]
struct Out {
    stdout: BufWriter<Stdout>,
    /// How records are shown; `None` as JSON.
    show: Option<Show>,
}

impl Out {
    fn new(json: bool, full: bool) -> Self {
        let show = (!json).then(|| Show {
            paint: Paint::of_stdout(),
            columns: if full { None } else { columns() },
        });
        Self { stdout: BufWriter::new(io::stdout()), show }
    }

    fn record(&mut self, message: &Message) -> io::Result<Reader> {
        let line = self.show.map_or_else(|| line(message), |show| show.record(message));
        reader(writeln!(self.stdout, "{line}"))
    }

    fn flush(&mut self) -> io::Result<Reader> {
        reader(self.stdout.flush())
    }
}

/// How wide the terminal is; `None` where stdout is none.
fn columns() -> Option<usize> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| tcgetwinsize(&stdout))?;
    // Some terminals do not say, or 0.
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { COLUMNS } else { columns })
}

/// Waits until nobody reads stdout any more, so that `| head -1` ends at once and not with the next record.
///
/// The kernel tells of a closed pipe without a write. The thread that asks it waits as long as the process lives, which
/// does not wait for it; where stdout is a file there is no reader to go.
async fn reader_gone() {
    let (tx, rx) = oneshot::channel();
    let watch = move || {
        let stdout = io::stdout();
        // Errors and hang-ups are told unasked.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut watched, None) {}
        let gone = watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
        gone.then(|| tx.send(()).ok())
    };
    let started = thread::Builder::new().name("bookend-stdout".to_owned()).spawn(watch);
    if started.is_err() || rx.await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn reader(written: io::Result<()>) -> io::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}
