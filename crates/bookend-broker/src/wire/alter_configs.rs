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
    let repeated = resource::repeated(request.resources.iter().map(name));
    let responses = blocking(move || {
        let resources = request.resources.into_iter().map(|resource| {
            let altered = if repeated.contains(&name(&resource)) {
                Err(resource::twice(&resource.resource_name))
            } else {
                alter(&node, validate_only, &resource)
            };
            let told = altered.err().map(|refused| {
                refused.tell(&node, "a change of settings", &resource.resource_name)
            });
            let (code, message) = told.unzip();
            AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
                .with_error_code(code.unwrap_or(0))
                .with_error_message(message)
        });
        resources.collect()
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
