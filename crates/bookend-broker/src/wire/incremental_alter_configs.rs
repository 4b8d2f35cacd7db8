//! `IncrementalAlterConfigs` (KIP-339): single settings of a topic are set, or go back to their default.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
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
    settings::Change,
};

pub(super) const API: Api = Api {
    key: ApiKey::IncrementalAlterConfigs,
    min: 0,
    max: 1,
    schema: Schema {
        flexible: 1,
        fields: &[array(&[fixed(1), text(), array(&[text(), fixed(1), text()])]), fixed(1)],
    },
};

pub(super) async fn answer(
    node: &Arc<Node>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
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
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

fn alter(node: &Node, validate_only: bool, asked: &AlterConfigsResource) -> Result<(), Refused> {
    let topic = resource::find_to_alter(node, asked.resource_type, &asked.resource_name)?;
    let changes = asked.configs.iter().map(change).collect::<Result<Vec<_>, _>>()?;
    if let Some(name) = resource::repeated(changes.iter().map(|(name, _)| *name)).iter().next() {
        return Err(resource::twice(name));
    }
    if validate_only {
        topic.settings.changed(changes)?;
    } else {
        node.catalog.alter(&topic.name, |settings| settings.changed(changes))??;
    }
    Ok(())
}

fn change(asked: &AlterableConfig) -> Result<(&str, Change<'_>), Refused> {
    let value = || {
        let null = || format!("`{}` needs a value", asked.name);
        asked.value.as_deref().ok_or_else(|| Refused::new(ResponseError::InvalidRequest, null()))
    };
    let change = match asked.config_operation {
        0 => Change::Set(value()?),
        1 => Change::Delete,
        2 => Change::Append(value()?),
        3 => Change::Subtract(value()?),
        other => {
            let message = format!("there is no operation {other}");
            return Err(Refused::new(ResponseError::InvalidRequest, message));
        }
    };
    Ok((&asked.name, change))
}
