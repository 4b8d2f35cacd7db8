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
    max: 4,
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
    } else {
        // A producer that bumps its epoch (KIP-360) gets a new id instead, which starts over as well.
        let node = Arc::clone(node);
        blocking(move || node.catalog.new_producer_id()).await
    };
    InitProducerIdResponse::default()
        .with_error_code(code(&id))
        .with_producer_epoch(if id.is_ok() { 0 } else { -1 })
        .with_producer_id(id.unwrap_or(-1).into())
}
