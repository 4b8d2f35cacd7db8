//! Every API in every version, asked once.

use super::*;

// Goal: every answer can be encoded and read back in every version. Method: the samples, asked in the table's order
// after the topic exists, errors and successes in one answer.
#[tokio::test]
async fn every_version_of_every_api_is_answered() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    for (api, version) in every_version() {
        let response = scene.ask(version, sample(api.key, version)).await;
        match (api.key, response) {
            (ApiKey::Produce, ResponseKind::Produce(r)) => {
                let partitions = &r.responses[0].partition_responses;
                assert_eq!(partitions[0].error_code, 0, "{version}");
                assert_eq!(partitions[1].error_code, 3, "{version}");
            }
            (ApiKey::Fetch, ResponseKind::Fetch(r)) => {
                let partitions = &r.responses[0].partitions;
                let expected = if version < 13 { (0, 3) } else { (100, 100) };
                let codes = (partitions[0].error_code, partitions[1].error_code);
                assert_eq!(codes, expected, "{version}");
            }
            (ApiKey::ListOffsets, ResponseKind::ListOffsets(r)) => {
                let codes: Vec<_> = r.topics[0].partitions.iter().map(|p| p.error_code).collect();
                let latest = if version < 7 { 35 } else { 0 };
                assert_eq!(codes, [0, 0, latest, 0, 35], "{version}");
            }
            (ApiKey::CreateTopics, ResponseKind::CreateTopics(r)) => {
                let codes: Vec<_> = r.topics.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 40], "{version}");
                let delete = sample(ApiKey::DeleteTopics, 6);
                let ResponseKind::DeleteTopics(r) = scene.ask(6, delete).await else { panic!() };
                let codes: Vec<_> = r.responses.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 100], "{version}");
            }
            (ApiKey::OffsetCommit, ResponseKind::OffsetCommit(r)) => {
                let codes: Vec<_> = r.topics[0].partitions.iter().map(|p| p.error_code).collect();
                assert_eq!(codes, [0, 3], "{version}");
            }
            (ApiKey::OffsetFetch, ResponseKind::OffsetFetch(r)) if version < 8 => {
                let offsets: Vec<_> =
                    r.topics[0].partitions.iter().map(|p| p.committed_offset).collect();
                assert_eq!(offsets, [3, -1], "{version}");
            }
            (ApiKey::OffsetFetch, ResponseKind::OffsetFetch(r)) => {
                let [asked, all] = &r.groups[..] else { panic!("{version}: {r:?}") };
                assert_eq!(asked.topics[0].partitions[0].committed_offset, 3, "{version}");
                assert_eq!(asked.topics[0].partitions[1].committed_offset, -1, "{version}");
                assert_eq!(all.topics[0].partitions.len(), 1, "{version}");
            }
            (ApiKey::Metadata, ResponseKind::Metadata(r)) => {
                let codes: Vec<_> = r.topics.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 17], "{version}");
            }
            (
                ApiKey::OffsetDelete
                | ApiKey::ListGroups
                | ApiKey::DescribeGroups
                | ApiKey::DeleteGroups,
                response,
            ) => groups::check(&scene, api, version, response).await,
            (_, response) => admin::check(version, &response),
        }
    }
}
