//! `InitProducerId` (KIP-98): an id for an idempotent producer. Transactions are refused.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, InitProducerIdRequest, InitProducerIdResponse},
};

use super::{
    Api, code,
    schema::{Schema, fixed, text},
};
use crate::node::{Node, blocking};

pub(super) const API: Api = Api {
    key: ApiKey::InitProducerId,
    min: 0,
    max: 5,
    schema: Schema {
        flexible: 2,
        fields: &[text(), fixed(4), fixed(8).since(3), fixed(2).since(3)],
    },
};

pub(super) async fn answer(
    node: &Arc<Node>,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let id = if request.transactional_id.is_some() {
        Err(ResponseError::TransactionalIdAuthorizationFailed)
    } else if (*request.producer_id < 0) != (request.producer_epoch < 0) {
        Err(ResponseError::InvalidRequest)
    } else {
        // A producer that says who it was (KIP-360) gets a new id all the same, as from Apache Kafka: only a
        // transactional one has its epoch raised by the broker.
        let node = Arc::clone(node);
        blocking(move || node.catalog.new_producer_id()).await
    };
    InitProducerIdResponse::default()
        .with_error_code(code(&id))
        .with_producer_epoch(if id.is_ok() { 0 } else { -1 })
        .with_producer_id(id.unwrap_or(-1).into())
}
