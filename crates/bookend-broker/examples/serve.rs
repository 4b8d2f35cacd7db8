//! Runs a broker until Ctrl-C, for clients to try: `cargo run -p bookend-broker --example serve [ADDRESS [FOLDER]]`.

use std::io::Write as _;

use bookend_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let mut builder = Broker::builder();
    if let Some(addr) = arguments.next() {
        builder = builder.listen(addr.parse()?);
    }
    if let Some(folder) = arguments.next() {
        builder = builder.data(folder);
    }
    let broker = builder.start().await?;
    writeln!(std::io::stdout(), "{}", broker.bootstrap())?;
    tokio::signal::ctrl_c().await?;
    broker.stop().await;
    Ok(())
}
