//! A plain `#[tokio::test]`, whose only thread the Kafka client blocks: the embedded broker answers all the same.

use std::time::Instant;

use bookend_broker::Broker;
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::house::DEADLINE;

// Goal: nothing here yields to the runtime, the drop of a consumer that leaves its group included.
#[tokio::test]
async fn a_client_that_blocks_is_answered() {
    let broker = Broker::builder().start().await.unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    let producer: BaseProducer = config.create().unwrap();
    producer.send(BaseRecord::to("NUMBERS").key("key").payload("1")).unwrap();
    producer.flush(DEADLINE).unwrap();
    config.set("group.id", "group").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["NUMBERS"]).unwrap();
    // A poll also ends when there is something to do for the group.
    let message = (0..100).find_map(|_| consumer.poll(DEADLINE / 100));
    let message = message.expect("it comes in time").unwrap();
    assert_eq!(message.payload(), Some(&b"1"[..]));
    drop(message);
    let begin = Instant::now();
    drop(consumer);
    assert!(begin.elapsed() < DEADLINE);
    broker.stop().await;
}
