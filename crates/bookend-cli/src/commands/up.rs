//! `bookend up`: broker, client, server and page in one process.

use bookend::Module;

use crate::{
    app,
    cli::UpArgs,
    exit::Ending,
    http::http,
    parts::{client, embedded, kafka, server},
    signals::Stop,
};

pub(crate) async fn up(args: UpArgs, stop: Stop) -> anyhow::Result<Ending> {
    let module = embedded(Module::new(), args.broker_port, &args.data.data);
    let module = server(kafka(module, &stop), &args.data.data);
    let module = http(client(module, &args.client), args.http());
    app::serve(module, &stop, args.output.json).await
}
