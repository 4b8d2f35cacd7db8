//! Schema and decoder: they agree, and no length in a request is believed.

use proptest::prelude::*;

use super::*;
use crate::wire::schema::Malformed;

// Goal: schema and decoder agree on where every request ends. Method: a request with something in every field.
#[test]
fn the_schemas_are_those_of_the_decoder() {
    for (api, version) in every_version() {
        let body = body(api.key, version);
        let checked = api.schema.check(version, &body);
        assert_eq!(checked, Ok(0), "{:?} {version}", api.key);
        let decoded = RequestKind::decode(api.key, &mut Bytes::from(body), version).unwrap();
        assert_eq!(decoded, sample(api.key, version), "{:?} {version}", api.key);
    }
}

// Goal: no length in any request is believed. Method: every place of every request overwritten with the largest
// lengths there are; believing one would ask for more memory than there is and abort this test.
#[test]
fn a_length_that_lies_is_never_believed() {
    let lies: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x7f, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for (api, version) in every_version() {
        let body = body(api.key, version);
        for lie in lies {
            for at in 0..body.len() {
                let mut hostile = body.clone();
                hostile.splice(at..body.len().min(at + lie.len()), lie.iter().copied());
                check_and_decode(api, version, hostile);
            }
        }
    }
}

// Found by fuzzing: the decoder ignores the length of a tagged field that it knows, so one that lied made it read the
// rest from another place than the schema did, and believe a length there. Method: a fetch with all it can be tagged
// with, its lengths right and then wrong.
#[test]
fn the_length_of_a_tagged_field_is_checked() {
    let schema = &fetch::API.schema;
    let tagged = |version| {
        let RequestKind::Fetch(mut fetch) = sample(ApiKey::Fetch, version) else { panic!() };
        fetch.cluster_id = Some(text("here"));
        if version >= 15 {
            fetch.replica_state.replica_epoch = 7;
        }
        if version >= 17 {
            fetch.topics[0].partitions[0].replica_directory_id = uuid::Uuid::from_bytes([0xee; 16]);
        }
        let mut body = BytesMut::new();
        fetch.encode(&mut body, version).unwrap();
        body.to_vec()
    };
    for version in schema.flexible..=fetch::API.max {
        let body = tagged(version);
        assert_eq!(schema.check(version, &body), Ok(0), "{version}");
        let cluster_id = body.windows(4).rposition(|w| w == b"here").unwrap();
        let directory_id = body.windows(16).position(|w| w == [0xee; 16]);
        assert_eq!(directory_id.is_some(), version >= 17);
        // The length stands before the value; a text begins with a length of its own.
        for length in [Some(cluster_id - 2), directory_id.map(|at| at - 1)].into_iter().flatten() {
            let mut hostile = body.clone();
            hostile[length] -= 1;
            assert_eq!(schema.check(version, &hostile), Err(Malformed::Tagged), "{version}");
        }
    }
}

/// Decodes what passes the check, as [`answer`] does; both must then have walked the same way.
fn check_and_decode(api: &Api, version: i16, body: Vec<u8>) {
    let Ok(rest) = api.schema.check(version, &body) else { return };
    let mut body = Bytes::from(body);
    let decoded = RequestKind::decode(api.key, &mut body, version);
    if decoded.is_ok() {
        assert_eq!(body.len(), rest, "{:?} {version}", api.key);
    }
}

proptest! {
    // Goal: no body makes the decoder panic once it passed the check. Method: good bodies, damaged at random.
    #[test]
    fn damaged_bodies_do_no_harm(
        (api, damage) in (0..APIS.len(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)),
        version in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let api = APIS[api];
        let versions: Vec<i16> = (api.min..=api.max).collect();
        let version = *version.get(&versions);
        let mut body = body(api.key, version);
        if body.is_empty() {
            return Ok(());
        }
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        check_and_decode(api, version, body.clone());
        body.truncate(cut.index(body.len()));
        check_and_decode(api, version, body);
    }
}
