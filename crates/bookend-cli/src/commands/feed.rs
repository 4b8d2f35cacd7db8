//! `bookend feed`: posts a text to a client, and waits until all of it is stored.

use crate::{
    cli::FeedArgs,
    closing,
    exit::{CannotStart, Ending},
    feed::{Feed, Pace, Remote, Source, Unit},
    signals::Stop,
};

pub(crate) async fn feed(args: FeedArgs, stop: Stop) -> anyhow::Result<Ending> {
    let (feed, source) =
        begin(&args).await.map_err(|error| CannotStart::because(format!("{error:#}")))?;
    let pace = Pace { rate: args.rate, concurrency: args.concurrency.into() };
    let posted = feed.post(source, pace, &stop).await?;
    let closing = feed.settle(&posted, &stop).await;
    Ok(closing::close(&closing, args.output.json))
}

/// Opens the text and finds both ends, before anything is posted.
async fn begin(args: &FeedArgs) -> anyhow::Result<(Feed, Source)> {
    let unit = if args.paragraphs { Unit::Paragraph } else { Unit::Line };
    let source = Source::open(&args.file, unit)?;
    let client = Remote::new(&args.url)?;
    let server = args.stored_at.as_deref().map(Remote::new).transpose()?;
    Ok((Feed::begin(client, server).await?, source))
}
