//! `bookend demo`: `up` on a temporary folder, fed with texts of its own.

use bookend::Module;

use crate::{
    app::{self, App},
    cli::DemoArgs,
    exit::{CannotStart, Ending},
    feed::{Feed, Pace, Remote, Source},
    http::http,
    ledger::Traffic,
    parts::{client, embedded, kafka, server},
    signals::Stop,
    texts::texts,
};

/// To be looked at: lively, and gentle with the machine.
const TO_LOOK_AT: Pace = Pace { rate: 40.0, concurrency: 256 };
/// To be done with: as fast as the tasks allow.
const TO_BE_DONE: Pace = Pace { rate: 0.0, concurrency: 128 };

pub(crate) async fn demo(args: DemoArgs, stop: Stop) -> anyhow::Result<Ending> {
    let temporary =
        tempfile::Builder::new().prefix("bookend-demo-").tempdir().map_err(|error| {
            CannotStart::because(format!("cannot make a temporary folder: {error}"))
        })?;
    let folder = args.data.as_deref().unwrap_or(temporary.path());
    let module = embedded(Module::new(), args.broker_port, folder);
    let module = server(kafka(module, &stop), folder);
    let module = http(client(module, &args.client), args.http());
    let Some(app) = App::start(module).await? else {
        return Ok(app::close_unstarted(args.output.json));
    };
    app.announce();
    let fed = tokio::select! {
        fed = show(app.url(), args.exit, &stop) => fed,
        failed = app.failed() => Err(failed),
    };
    let traffic = if args.exit { Traffic::Alone } else { Traffic::Shared };
    app.close(fed, traffic, args.output.json).await
}

/// Feeds the texts: once and until they are stored, or again and again until asked to stop.
async fn show(url: String, once: bool, stop: &Stop) -> anyhow::Result<()> {
    let feed = Feed::begin(Remote::new(&url)?, None).await?;
    let pace = if once { TO_BE_DONE } else { TO_LOOK_AT };
    let posted = feed.post(Source::texts(texts(), !once), pace, stop).await?;
    if once {
        feed.settle(&posted, stop).await;
    }
    Ok(())
}
