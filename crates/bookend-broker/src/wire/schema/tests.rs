//! Bodies written by hand, at the edges of what their lengths claim.

use super::*;

const SCHEMA: Schema = Schema {
    flexible: 2,
    fields: &[array(&[text(), list(&fixed(4))]), fixed(1).since(1), bytes().until(1)],
};

// Goal: lengths that lie are refused at once. Method: bodies written by hand, at the edges.
#[test]
fn a_body_holds_what_its_lengths_claim() {
    let check = |version, body: &[u8], expected| {
        assert_eq!(SCHEMA.check(version, body), expected, "version {version}: {body:?}");
    };
    // One element with a text and no number, then null bytes; behind it one byte too many.
    let one = [0, 0, 0, 1, 0, 1, b'a', 0, 0, 0, 0, 255, 255, 255, 255, 9];
    check(0, &one, Ok(1));
    check(0, &one[..one.len() - 1], Ok(0));
    check(0, &one[..one.len() - 2], Err(Malformed::Short));
    check(0, &[0x7f, 0xff, 0xff, 0xff], Err(Malformed::Short));
    check(0, &[0xff, 0xff, 0xff, 0xfe], Err(Malformed::Negative));
    check(1, &[255, 255, 255, 255, 1, 0, 0, 0, 0], Ok(0));
    // Compact: no array, the byte, no tagged field.
    check(2, &[0, 1, 0], Ok(0));
    check(2, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0], Err(Malformed::Short));
    check(2, &[0, 1, 1, 5, 9], Err(Malformed::Short));
}

#[test]
fn the_elements_of_a_request_are_counted() {
    let count = ELEMENTS_MAX + 1;
    let mut body = u32::try_from(count).unwrap().to_be_bytes().to_vec();
    body.resize(4 + 6 * count + 4, 0);
    assert_eq!(SCHEMA.check(0, &body), Err(Malformed::TooManyElements));
}
