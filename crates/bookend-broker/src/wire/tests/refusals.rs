//! What is not known, too old, too new, or no request at all.

use super::*;

// KIP-35: the answer to an unknown version is version 0, so that any client can read it and ask again.
#[tokio::test]
async fn a_version_of_the_future_is_told_what_there_is() {
    let scene = Scene::new();
    let answer = scene.answer(frame(ApiKey::ApiVersions, 4, &body(ApiKey::ApiVersions, 4))).await;
    let ResponseKind::ApiVersions(known) = read(ApiKey::ApiVersions, 4, answer.unwrap()) else {
        panic!()
    };
    assert_eq!((known.error_code, known.api_keys.len()), (0, APIS.len()));
    let produce = known.api_keys.iter().find(|api| api.api_key == 0).unwrap();
    assert_eq!((produce.min_version, produce.max_version), (0, produce::API.max));

    let mut future = BytesMut::from(&frame(ApiKey::ApiVersions, 4, b"anything")[..]);
    future[2..4].copy_from_slice(&99_i16.to_be_bytes());
    let answer = scene.answer(future.freeze()).await.unwrap();
    let ResponseKind::ApiVersions(told) = read(ApiKey::ApiVersions, 0, answer) else { panic!() };
    assert_eq!(told.error_code, ResponseError::UnsupportedVersion.code());
    assert_eq!(told.api_keys.len(), APIS.len());
}

// Goal: the produce versions that are advertised for librdkafka's sake are refused in their own layout.
#[tokio::test]
async fn the_oldest_produce_versions_are_refused_politely() {
    let scene = Scene::new();
    for version in 0..3 {
        let mut old = BytesMut::new();
        old.put_i16(0);
        old.put_i16(version);
        old.put_i32(77);
        old.put_i16(-1); // no client id
        old.put_slice(&body(ApiKey::Produce, 3)[2..]); // no transactional id yet
        let mut answer = scene.answer(old.freeze()).await.unwrap().unwrap();
        assert_eq!(answer.split_to(4)[..], u32::try_from(answer.len()).unwrap().to_be_bytes());
        let mut expected = BytesMut::new();
        expected.put_i32(77);
        expected.put_i32(2);
        for _ in 0..2 {
            expected.put_i16(5);
            expected.put_slice(b"topic");
            expected.put_i32(2);
            for index in [0, 7] {
                expected.put_i32(index);
                expected.put_i16(ResponseError::UnsupportedVersion.code());
                expected.put_i64(-1);
                expected.put_slice(if version < 2 { b"" } else { &[0xff; 8] });
            }
        }
        expected.put_slice(if version < 1 { b"" } else { &[0; 4] });
        assert_eq!(answer, expected, "{version}");
    }
}

// Goal: each reason for a refusal is named for the log.
#[tokio::test]
async fn what_is_no_request_is_refused() {
    let scene = Scene::new();
    let check = async |frame: &[u8], expected: &str| {
        let refusal = scene.answer(Bytes::copy_from_slice(frame)).await.unwrap_err();
        assert!(refusal.to_string().contains(expected), "{refusal}");
    };
    check(&[0, 3, 0, 1], "no whole header").await;
    check(&[0, 99, 0, 1, 0, 0, 0, 0, 0, 0], "API 99").await;
    check(&[0, 3, 0, 99, 0, 0, 0, 0, 0, 0], "version 99 of Metadata").await;
    check(&[0, 3, 0xff, 0xff, 0, 0, 0, 0, 0, 0], "version -1 of Metadata").await;
    check(&[0, 3, 0, 1, 0, 0, 0, 0, 0, 9], "Metadata version 1 is malformed: it ends").await;
    let hostile = frame(ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff]);
    check(&hostile, "Metadata version 1 is malformed: it ends before").await;
}
