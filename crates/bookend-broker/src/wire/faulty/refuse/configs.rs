//! Error answers of the APIs that speak of resources: a topic is one, the broker another.

use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, alter_configs_response,
    describe_configs_response::DescribeConfigsResult, incremental_alter_configs_response,
};
use uuid::Uuid;

use super::{Hit, Split, take};

/// The type of a resource that is a topic.
const TOPIC: i8 = 2;

fn is_hit(hit: &Hit<'_>, kind: i8, name: &str) -> bool {
    if kind == TOPIC { hit.topic(name, Uuid::nil()) } else { hit.all() }
}

pub(super) fn describe(mut request: DescribeConfigsRequest, hit: &Hit<'_>) -> Split {
    let taken = take(&mut request.resources, |r| is_hit(hit, r.resource_type, &r.resource_name));
    let is_empty = request.resources.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let results = taken.into_iter().map(|resource| {
            DescribeConfigsResult::default()
                .with_error_code(hit.code)
                .with_error_message(None)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
        });
        DescribeConfigsResponse::default().with_results(results.collect()).into()
    })
}

pub(super) fn alter(mut request: AlterConfigsRequest, hit: &Hit<'_>) -> Split {
    let taken = take(&mut request.resources, |r| is_hit(hit, r.resource_type, &r.resource_name));
    let is_empty = request.resources.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let responses = taken.into_iter().map(|resource| {
            alter_configs_response::AlterConfigsResourceResponse::default()
                .with_error_code(hit.code)
                .with_error_message(None)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
        });
        AlterConfigsResponse::default().with_responses(responses.collect()).into()
    })
}

pub(super) fn incremental_alter(
    mut request: IncrementalAlterConfigsRequest,
    hit: &Hit<'_>,
) -> Split {
    let taken = take(&mut request.resources, |r| is_hit(hit, r.resource_type, &r.resource_name));
    let is_empty = request.resources.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let responses = taken.into_iter().map(|resource| {
            incremental_alter_configs_response::AlterConfigsResourceResponse::default()
                .with_error_code(hit.code)
                .with_error_message(None)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
        });
        IncrementalAlterConfigsResponse::default().with_responses(responses.collect()).into()
    })
}
