//! A topic of one's own, both sides: start `bookend up` first, then `cargo run -p bookend --example coffee`.
#![expect(clippy::print_stdout, reason = "the example shows what arrives")]

use std::{error::Error, time::Duration};

use bookend::{Kafka, KafkaOptions, Measured, Sender, SenderOptions, Service, extract::Json};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Brewed {
    cups: u32,
    millis: u64,
}

async fn brew(cups: u32) {
    tokio::time::sleep(Duration::from_millis(100 * u64::from(cups))).await;
}

async fn serve(Json(brewed): Json<Brewed>) {
    println!("{brewed:?}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init(); // shows what goes wrong: retries, skipped messages, a broker that is away
    let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
    let sender = Sender::start(kafka.clone(), SenderOptions::default())?;
    let coffee = sender.recorder("COFFEE", |task: Measured<u32>| Brewed {
        cups: task.before,
        millis: task.elapsed_ms(),
    })?;
    for cups in 1..=3 {
        coffee.measure(cups, brew(cups)).await; // or: let guard = coffee.start(cups); … guard.finish();
    }
    sender.shutdown(Duration::from_secs(5)).await;
    let ctrl_c = async { drop(tokio::signal::ctrl_c().await) };
    Service::new("barista").on("COFFEE", serve).run(kafka, ctrl_c).await?;
    Ok(())
}
