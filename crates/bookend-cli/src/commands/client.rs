//! `bookend client`: HTTP in, measured tasks, messages out to Kafka.

use bookend::Module;

use crate::{app, cli::ClientArgs, exit::Ending, http::http, parts, signals::Stop};

pub(crate) async fn client(args: ClientArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = parts::kafka(parts::external(Module::new(), args.cluster.clone()), &stop);
    let module = http(parts::client(module, &args.client), args.http());
    app::serve(module, &stop, args.output.json).await
}
