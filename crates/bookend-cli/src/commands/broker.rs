//! `bookend broker`: the Kafka broker alone.

use crate::{
    cli::BrokerArgs,
    exit::{CannotStart, Ending, print},
    parts::EmbeddedBroker,
    signals::Stop,
};

pub(crate) async fn broker(args: BrokerArgs, stop: Stop) -> anyhow::Result<Ending> {
    let listen = (args.listen, args.broker_port).into();
    let broker = EmbeddedBroker::start(listen, &args.data.data, args.fsync)
        .await
        .map_err(|error| CannotStart::because(format!("{error:#}")))?;
    print(&format!(
        "broker  {}  for development and tests; in production use Apache Kafka",
        broker.addr
    ));
    stop.asked().await;
    broker.stop().await;
    Ok(Ending::Exact)
}
