//! `bookend server`: messages in from Kafka, stored once, shown on a page.

use bookend::Module;

use crate::{app, cli::ServerArgs, exit::Ending, http::http, parts, signals::Stop};

pub(crate) async fn server(args: ServerArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = parts::kafka(parts::external(Module::new(), args.cluster.clone()), &stop);
    let module = http(parts::server(module, &args.data.data), args.http());
    app::serve(module, &stop, args.output.json).await
}
