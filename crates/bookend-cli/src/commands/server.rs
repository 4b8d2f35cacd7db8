//! `bookend server`: messages in from Kafka, stored once, shown on a page.

use bookend::Module;

use crate::{
    app::App, cli::ServerArgs, exit::Ending, http::http, ledger::Traffic, parts, signals::Stop,
};

pub(crate) async fn server(args: ServerArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = parts::kafka(parts::external(Module::new(), args.cluster.clone()));
    let module = http(parts::server(module, &args.data.data), args.http());
    let app = App::start(module, &stop).await?;
    app.announce();
    let ran = app.run(&stop).await;
    let ending = app.close(Traffic::Shared, args.output.json).await?;
    ran.map(|()| ending)
}
