//! The first corpus of each target: for every API and version one well-formed request, alone and in a conversation; a
//! few batches; a few logs.

use std::{env, fs, io, path::Path};

use bookend_broker::fuzzing;

/// Names the folder for the seeds.
const FOLDER: &str = "BOOKEND_FUZZ_SEEDS";

/// Writes the seeds of `target`, if a folder for them is named.
///
/// # Panics
/// When they cannot be written.
pub fn sow(target: &str) {
    let Some(folder) = env::var_os(FOLDER) else { return };
    for (name, bytes) in seeds(target) {
        write(Path::new(&folder), &name, &bytes).expect("the folder for the seeds can be written");
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), bytes)
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "request" => {
            let mut seeds = requests(|choice, body| [&[0], choice, body].concat());
            let raw = requests(|choice, body| {
                [vec![1], fuzzing::frame(choice[0], choice[1], body)].concat()
            });
            seeds.extend(raw.into_iter().map(|(name, frame)| (format!("raw-{name}"), frame)));
            // An `ApiVersions` whose header has two tagged fields.
            let tagged = [1, 0, 18, 0, 3, 0, 0, 0, 77, 0, 0, 2, 7, 0, 8, 1, 9, 2, b't', 2, b't', 0];
            seeds.push(("tagged".into(), tagged.to_vec()));
            seeds
        }
        "conversation" => conversations(),
        "batch" => batches(),
        _ => vec![
            ("built".into(), vec![1, 3, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 2, 255]),
            ("raw".into(), b"\0\x12BKL\x01".to_vec()),
        ],
    }
}

/// A request for every API and version, made of the bytes that choose it and its body.
fn requests(make: impl Fn(&[u8], &[u8]) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (index, api) in (0..).zip(fuzzing::apis()) {
        for (nth, version) in (0..).zip(api.min..=api.max) {
            let name = format!("{}-{version}", api.key);
            seeds.push((name, make(&[index, nth], &fuzzing::body(index, version))));
        }
    }
    seeds
}

/// A record, packed by each codec: gzip, snappy, LZ4, zstd.
const PACKED: [&[u8]; 4] = [
    &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 227, 99, 96, 96, 96, 100, 42, 99, 0, 0, 32, 160, 245, 178,
        8, 0, 0, 0,
    ],
    &[8, 28, 14, 0, 0, 0, 1, 2, 118, 0],
    &[4, 34, 77, 24, 96, 64, 130, 8, 0, 0, 128, 14, 0, 0, 0, 1, 2, 118, 0, 0, 0, 0, 0],
    &[40, 181, 47, 253, 32, 8, 65, 0, 0, 14, 0, 0, 0, 1, 2, 118, 0],
];

/// Behind a byte that asks for mended checksums.
fn batches() -> Vec<(String, Vec<u8>)> {
    let mended = |batches: &[Vec<u8>]| [vec![1], batches.concat()].concat();
    let plain = fuzzing::batch(b"a value");
    let mut seeds = vec![
        ("one".into(), mended(&[plain.clone()])),
        ("two".into(), [vec![0], plain.clone(), plain].concat()),
    ];
    for (codec, packed) in (1..).zip(PACKED) {
        let batch = fuzzing::packed_batch(codec, packed);
        seeds.push((format!("codec-{codec}"), mended(&[batch])));
    }
    seeds
}

fn conversations() -> Vec<(String, Vec<u8>)> {
    let mut seeds = requests(|choice, body| {
        let length = u16::try_from(body.len()).expect("a seed is short");
        [choice, &length.to_be_bytes(), body].concat()
    });
    let all = seeds.iter().rev().step_by(7).flat_map(|(_, bytes)| bytes.clone()).collect();
    seeds.push(("some".into(), all));
    seeds
}
