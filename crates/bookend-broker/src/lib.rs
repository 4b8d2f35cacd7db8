//! A Kafka-protocol broker inside one process, for a first run, for development and for tests.
