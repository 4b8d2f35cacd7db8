//! `DescribeConfigs` (KIP-133): the settings of topics and of this broker, with where each value comes from (KIP-226)
//! and what it means (KIP-569).

use kafka_protocol::{
    messages::{
        ApiKey, DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{
            DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
    refused::Refused,
    resource::{self, Resource},
    schema::{Schema, array, fixed, list, text},
};
use crate::{
    node::{NODE_ID, Node},
    settings::{
        Settings,
        table::{self, Kind, Setting},
    },
};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeConfigs,
    min: 1,
    max: 4,
    schema: Schema {
        flexible: 4,
        fields: &[array(&[fixed(1), text(), list(&text())]), fixed(1), fixed(1).since(3)],
    },
};

/// Where a value comes from, by the protocol's numbers.
pub(super) const SET_FOR_TOPIC: i8 = 1;
const SET_AT_START: i8 = 4;
pub(super) const DEFAULT: i8 = 5;

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    request: DescribeConfigsRequest,
) -> Result<DescribeConfigsResponse, Refusal> {
    let count = |asked: &DescribeConfigsResource| {
        let keys = asked.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
        keys.map_or(table::TOPIC.len(), |keys| keys.len().min(table::TOPIC.len()))
    };
    client.held.take_elements(request.resources.iter().map(count).sum()).await?;
    let with_synonyms = request.include_synonyms;
    let with_docs = request.include_documentation;
    let name = |asked: &DescribeConfigsResource| (asked.resource_type, asked.resource_name.clone());
    let repeated = resource::repeated(request.resources.iter().map(name));
    let results = request.resources.into_iter().map(|asked| {
        let described = if repeated.contains(&name(&asked)) {
            Err(resource::twice(&asked.resource_name))
        } else {
            describe(node, &asked)
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name);
        match described {
            Err(refused) => {
                result.with_error_code(refused.code()).with_error_message(Some(refused.message()))
            }
            Ok(mut configs) => {
                for config in &mut configs {
                    if !with_synonyms {
                        config.synonyms.clear();
                    }
                    if !with_docs {
                        config.documentation = None;
                    }
                }
                result.with_error_message(None).with_configs(configs)
            }
        }
    });
    Ok(DescribeConfigsResponse::default().with_results(results.collect()))
}

fn describe(
    node: &Node,
    asked: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let wanted = |name: &str| {
        let keys = asked.configuration_keys.as_ref();
        // Clients differ in how they ask for all: with no list, or with an empty one.
        keys.is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| key == name))
    };
    let mut configs = match resource::find(node, asked.resource_type, &asked.resource_name)? {
        Resource::Topic(topic) => {
            table::TOPIC.iter().map(|setting| of_topic(setting, &topic.settings)).collect()
        }
        Resource::Broker => of_broker(node),
        Resource::AllBrokers => Vec::new(),
    };
    configs.retain(|config| wanted(&config.name));
    Ok(configs)
}

fn of_topic(setting: &Setting, settings: &Settings) -> DescribeConfigsResourceResult {
    let synonym = |name: &'static str, value: &str, source| {
        DescribeConfigsSynonym::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(Some(StrBytes::from_string(value.to_owned())))
            .with_source(source)
    };
    let given = settings.get(setting);
    let source = if given.is_some() { SET_FOR_TOPIC } else { DEFAULT };
    let synonyms = given
        .map(|value| synonym(setting.name, value, SET_FOR_TOPIC))
        .into_iter()
        .chain([synonym(setting.broker_name, setting.default, DEFAULT)]);
    config(setting.name, given.unwrap_or(setting.default), setting.kind, source, setting.doc)
        .with_read_only(!setting.can_change())
        .with_synonyms(synonyms.collect())
}

/// The few settings of this broker that clients ask for, and the defaults of topics; none of them can be changed.
fn of_broker(node: &Node) -> Vec<DescribeConfigsResourceResult> {
    let id = NODE_ID.to_string();
    let partitions = node.partitions.to_string();
    let (auto_create, auto_create_source) =
        if node.auto_create { ("true", DEFAULT) } else { ("false", SET_AT_START) };
    let own = [
        (
            "auto.create.topics.enable",
            auto_create,
            Kind::Boolean,
            auto_create_source,
            "A topic is created when it is first asked for.",
        ),
        ("broker.id", &*id, Kind::Int, SET_AT_START, "This broker's id in its cluster."),
        ("default.replication.factor", "1", Kind::Int, DEFAULT, "There is one replica."),
        ("delete.topic.enable", "true", Kind::Boolean, DEFAULT, "Topics can be deleted."),
        ("node.id", &*id, Kind::Int, SET_AT_START, "This broker's id in its cluster."),
        (
            "num.partitions",
            &*partitions,
            Kind::Int,
            SET_AT_START,
            "Of a topic that is created without a number.",
        ),
    ];
    let own = own.map(|(name, value, kind, source, doc)| config(name, value, kind, source, doc));
    let defaults = table::TOPIC
        .iter()
        .map(|topic| config(topic.broker_name, topic.default, topic.kind, DEFAULT, topic.doc));
    let all = own.into_iter().chain(defaults);
    all.map(|config| {
        let synonym = DescribeConfigsSynonym::default()
            .with_name(config.name.clone())
            .with_value(config.value.clone())
            .with_source(config.config_source);
        config.with_read_only(true).with_synonyms(vec![synonym])
    })
    .collect()
}

fn config(
    name: &'static str,
    value: &str,
    kind: Kind,
    source: i8,
    doc: &'static str,
) -> DescribeConfigsResourceResult {
    // The protocol's numbers of the types.
    let kind = match kind {
        Kind::Boolean => 1,
        Kind::Text => 2,
        Kind::Int => 3,
        Kind::Long => 5,
        Kind::List => 7,
    };
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(StrBytes::from_string(value.to_owned())))
        .with_config_source(source)
        .with_config_type(kind)
        .with_documentation(Some(StrBytes::from_static_str(doc)))
}
