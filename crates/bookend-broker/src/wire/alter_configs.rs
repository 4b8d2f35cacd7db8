//! `AlterConfigs` (KIP-133): all settings of a topic at once; what is not named goes back to its default.
//!
//! `IncrementalAlterConfigs` came in its place, but kafkajs has only this one.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, ApiKey,
        alter_configs_request::AlterConfigsResource,
        alter_configs_response::AlterConfigsResourceResponse,
    },
};

use super::{
    Api,
    refused::Refused,
    resource,
    schema::{Schema, array, fixed, text},
};
use crate::{
    node::{Node, blocking},
    settings::Settings,
};

pub(super) const API: Api = Api {
    key: ApiKey::AlterConfigs,
    min: 0,
    max: 2,
    schema: Schema {
        flexible: 2,
        fields: &[array(&[fixed(1), text(), array(&[text(), text()])]), fixed(1)],
    },
};

pub(super) async fn answer(node: &Arc<Node>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let node = Arc::clone(node);
    let validate_only = request.validate_only;
    let name = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
    let response = |(kind, name), code, message| {
        AlterConfigsResourceResponse::default()
            .with_resource_type(kind)
            .with_resource_name(name)
            .with_error_code(code)
            .with_error_message(message)
    };
    let responses = blocking(move || {
        let alter = |asked: &_| alter(&node, validate_only, asked);
        resource::alter_each(&node, request.resources, name, alter, response)
    })
    .await;
    AlterConfigsResponse::default().with_responses(responses)
}

fn alter(node: &Node, validate_only: bool, asked: &AlterConfigsResource) -> Result<(), Refused> {
    let topic = resource::find_to_alter(node, asked.resource_type, &asked.resource_name)?;
    let given = asked.configs.iter().map(|config| {
        let null = || format!("`{}` needs a value", config.name);
        let value = config.value.as_deref();
        let value = value.ok_or_else(|| Refused::new(ResponseError::InvalidRequest, null()))?;
        Ok((&*config.name, value))
    });
    let given: Vec<_> = given.collect::<Result<_, Refused>>()?;
    let settings = Settings::new(given)?;
    if !validate_only {
        node.catalog.alter(&topic.name, |_| Ok(settings))??;
    }
    Ok(())
}
