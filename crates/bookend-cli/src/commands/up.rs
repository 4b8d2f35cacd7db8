//! `bookend up`: broker, client, server and page in one process.

use bookend::Module;

use crate::{
    app::App,
    cli::UpArgs,
    exit::Ending,
    http::http,
    ledger::Traffic,
    parts::{client, embedded, kafka, server},
    signals::Stop,
};

pub(crate) async fn up(args: UpArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = embedded(Module::new(), args.broker_port, &args.data.data);
    let module = server(kafka(module), &args.data.data);
    let module = http(client(module, &args.client), args.http());
    let app = App::start(module, &stop).await?;
    app.announce();
    let ran = app.run(&stop).await;
    let ending = app.close(Traffic::Shared, args.output.json).await?;
    ran.map(|()| ending)
}
