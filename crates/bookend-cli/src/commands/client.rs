//! `bookend client`: HTTP in, measured tasks, messages out to Kafka.

use bookend::Module;

use crate::{
    app::App, cli::ClientArgs, exit::Ending, http::http, ledger::Traffic, parts, signals::Stop,
};

pub(crate) async fn client(args: ClientArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = parts::kafka(parts::external(Module::new(), args.cluster.clone()));
    let module = http(parts::client(module, &args.client), args.http());
    let app = App::start(module, &stop).await?;
    app.announce();
    let ran = app.run(&stop).await;
    let ending = app.close(Traffic::Shared, args.output.json).await?;
    ran.map(|()| ending)
}
