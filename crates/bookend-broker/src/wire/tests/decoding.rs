//! Schema and decoder: they agree, and no length in a request is believed.

use proptest::prelude::*;

use super::*;

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

/// Decodes what passes the check, as [`answer`] does; both must then have walked the same way.
fn check_and_decode(api: &Api, version: i16, body: Vec<u8>) {
    let Ok(rest) = api.schema.check(version, &body) else { return };
    let mut body = Bytes::from(body);
    let decoded = RequestKind::decode(api.key, &mut body, version);
    // The decoder ignores the length of the tagged fields it knows. Fetch alone has some, behind all else.
    let may_differ = api.key == ApiKey::Fetch && version >= api.schema.flexible;
    if decoded.is_ok() && !may_differ {
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
